"""How a push is encrypted and signed: wechatpy does it, an implementation of its own.

So whatever the sandbox says has been encrypted by somebody else than whoever decrypts it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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


@dataclass(frozen=True, slots=True)
class Addressee:
    """To whom a message goes: the account's original id, and the user it comes from."""

    user_name: str
    openid: str
    as_json: bool = False


def seal(xml: str, *, token: str, encoding_aes_key: str, appid: str, stamp: Stamp) -> Envelope:
    """Return ``xml`` encrypted for ``appid`` and signed with ``token``."""
    sealed = _sealed(xml, token, encoding_aes_key, appid, stamp)
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


def seal_message(  # noqa: PLR0913 - the parts of an envelope
    text: str,
    to: Addressee,
    *,
    token: str,
    encoding_aes_key: str,
    appid: str,
    stamp: Stamp,
) -> Envelope:
    """Return a user's message as it is pushed to the message URL; ``appid`` is the component's."""
    sealed = _sealed(text, token, encoding_aes_key, appid, stamp)
    body = (
        json.dumps({"ToUserName": to.user_name, "Encrypt": sealed["Encrypt"]})
        if to.as_json
        else "<xml>\n"
        f"    <ToUserName><![CDATA[{to.user_name}]]></ToUserName>\n"
        f"    <Encrypt><![CDATA[{sealed['Encrypt']}]]></Encrypt>\n"
        "</xml>"
    )
    query = {
        "signature": plain_signature(token, stamp),
        "timestamp": stamp.timestamp,
        "nonce": stamp.nonce,
        "openid": to.openid,
        "encrypt_type": "aes",
        "msg_signature": sealed["MsgSignature"],
    }
    return Envelope(query, body.encode())


def open_reply(
    body: bytes, *, as_json: bool, token: str, encoding_aes_key: str, appid: str
) -> dict[str, Any] | None:
    """Return the passive reply in an answer to a message; None: it is none that WeChat can open.

    The answer must be in the format of the message, inside and outside.
    """
    try:
        signed = _json_envelope(body) if as_json else xmltodict.parse(body)["xml"]
        plain = WeChatCrypto(token, encoding_aes_key, appid).decrypt_message(
            {"Encrypt": signed["Encrypt"]},
            signed["MsgSignature"],
            signed["TimeStamp"],
            signed["Nonce"],
        )
        reply = (
            json.loads(plain) if as_json else xmltodict.parse(plain, strip_whitespace=False)["xml"]
        )
    except Exception:  # noqa: BLE001 - whatever a platform answers, it is only wrong
        return None
    return dict(reply) if isinstance(reply, dict) else None


def _json_envelope(body: bytes) -> dict[str, str]:
    signed: dict[str, Any] = json.loads(body)
    # The documents show a number.
    if type(signed["TimeStamp"]) is not int:
        raise TypeError
    return signed | {"TimeStamp": str(signed["TimeStamp"])}


def _sealed(
    text: str, token: str, encoding_aes_key: str, appid: str, stamp: Stamp
) -> dict[str, str]:
    crypto = WeChatCrypto(token, encoding_aes_key, appid)
    sealed = xmltodict.parse(crypto.encrypt_message(text, stamp.nonce, stamp.timestamp))["xml"]
    return dict(sealed)


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
