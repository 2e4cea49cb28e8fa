"""How a push is encrypted and signed: wechatpy does it, an implementation of its own.

So whatever the sandbox says has been encrypted by somebody else than whoever decrypts it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import xmltodict
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import WeChatSigner

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Envelope:
    """One attempt of a push as it goes over the wire."""

    query: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Time (unix seconds) and nonce of one attempt."""

    timestamp: str
    nonce: str


def seal(xml: str, *, token: str, encoding_aes_key: str, appid: str, stamp: Stamp) -> Envelope:
    """Return ``xml`` encrypted for ``appid`` and signed with ``token``."""
    crypto = WeChatCrypto(token, encoding_aes_key, appid)
    sealed = xmltodict.parse(crypto.encrypt_message(xml, stamp.nonce, stamp.timestamp))["xml"]
    body = (
        "<xml>\n"
        f"    <AppId><![CDATA[{appid}]]></AppId>\n"
        f"    <Encrypt><![CDATA[{sealed['Encrypt']}]]></Encrypt>\n"
        "</xml>"
    )
    query = {
        "signature": plain_signature(token, stamp),
        "timestamp": stamp.timestamp,
        "nonce": stamp.nonce,
        "encrypt_type": "aes",
        "msg_signature": sealed["MsgSignature"],
    }
    return Envelope(query, body.encode())


def unsealed(xml: str, *, token: str, stamp: Stamp) -> Envelope:
    """Return ``xml`` as it is, with the signature that does not cover the body."""
    query = {
        "signature": plain_signature(token, stamp),
        "timestamp": stamp.timestamp,
        "nonce": stamp.nonce,
    }
    return Envelope(query, xml.encode())


def plain_signature(token: str, stamp: Stamp) -> str:
    """Return ``signature`` of a push's query."""
    signer = WeChatSigner()
    signer.add_data(token, stamp.timestamp, stamp.nonce)
    return str(signer.signature)
