"""Made-up keys and pushes for the protocol tests; also what no honest sender would encrypt."""

from __future__ import annotations

import base64

import pytest
from Crypto.Cipher import AES

from wxvault.errors import BadEnvelopeError
from wxvault.protocol.message_crypto import (
    MessageKeys,
    OpenedMessage,
    decode_key,
    encrypt,
    message_signature,
    open_message,
)

APPID = "wx0123456789abcdef"
OTHER_APPID = "wxfedcba9876543210"
AUTHORIZER_APPID = "wxf8b4f85f3a794e77"
TOKENS = ("oldest_Token_2022", "middle_Token_2023", "sim_token_2024")
AES_KEYS = (
    "OldestKeyOldestKeyOldestKeyOldestKeyOldest1",
    "MiddleKeyMiddleKeyMiddleKeyMiddleKeyMiddle2",
    "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
)
TIMESTAMP = "1700000000"
NONCE = "123456789"
RANDOM = b"0123456789abcdef"

TICKET = "ticket@@@" + "Hc7_-" * 17 + "x"
CODE = "queryauthcode@@@" + "Qa4_-" * 17 + "y"
PRE_AUTH_CODE = "preauthcode@@@" + "Pa9_-" * 17 + "z"
SECRETS = (*TOKENS, *AES_KEYS, TICKET, CODE, PRE_AUTH_CODE)


def keys(tokens: tuple[str, ...] = TOKENS, aes_keys: tuple[str, ...] = AES_KEYS) -> MessageKeys:
    """Return the keys of our component."""
    return MessageKeys(APPID, tokens, aes_keys)


def raw_encrypt(padded: bytes, aes_key: str = AES_KEYS[-1]) -> str:
    """Encrypt a layout exactly as it stands, padding included."""
    key = decode_key(aes_key)
    return base64.b64encode(AES.new(key, AES.MODE_CBC, iv=key[:16]).encrypt(padded)).decode()


def layout(message: bytes, *, appid: str = APPID, length: int | None = None) -> bytes:
    """Return random, length, message, appid, without padding; ``length`` may lie."""
    count = len(message) if length is None else length
    return RANDOM + count.to_bytes(4, "big") + message + appid.encode()


def pad(unpadded: bytes) -> bytes:
    """Pad to a multiple of 32, as WeChat does."""
    count = 32 - len(unpadded) % 32
    return unpadded + bytes([count]) * count


def envelope(encrypted: str, appid: str = APPID) -> bytes:
    """Return a push body around the Encrypt text."""
    return (
        f"<xml>\n    <AppId><![CDATA[{appid}]]></AppId>\n"
        f"    <Encrypt><![CDATA[{encrypted}]]></Encrypt>\n</xml>\n"
    ).encode()


def push(message: bytes, *, appid: str = APPID, aes_key: str = AES_KEYS[-1]) -> str:
    """Return an honest Encrypt text."""
    return encrypt(decode_key(aes_key), appid, message, RANDOM)


def open_signed(
    encrypted: str, *, token: str = TOKENS[-1], with_keys: MessageKeys | None = None
) -> OpenedMessage:
    """Sign an Encrypt text rightly and open it."""
    return open_message(
        with_keys or keys(),
        envelope(encrypted),
        timestamp=TIMESTAMP,
        nonce=NONCE,
        msg_signature=message_signature(token, TIMESTAMP, NONCE, encrypted),
    )


def document(**fields: str | int) -> bytes:
    """Return a plain push with ``fields`` in order; texts stand in CDATA, numbers do not."""
    return bare_document(
        **{
            name: f"<![CDATA[{value}]]>" if isinstance(value, str) else value
            for name, value in fields.items()
        }
    )


def bare_document(**fields: str | int) -> bytes:
    """Return a plain push with ``fields`` in order, none of them in CDATA."""
    lines = [f"<{name}>{value}</{name}>" for name, value in fields.items()]
    return ("<xml>\n" + "\n".join(lines) + "\n</xml>").encode()


def ticket_push() -> bytes:
    """Return a plain ticket push."""
    return document(
        AppId=APPID,
        CreateTime=1700000000,
        InfoType="component_verify_ticket",
        ComponentVerifyTicket=TICKET,
    )


def authorized_push(info_type: str = "authorized") -> bytes:
    """Return a plain push of an authorisation that came from a link."""
    return document(
        AppId=APPID,
        CreateTime=1700000100,
        InfoType=info_type,
        AuthorizerAppid=AUTHORIZER_APPID,
        AuthorizationCode=CODE,
        AuthorizationCodeExpiredTime=1700003700,
        PreAuthCode=PRE_AUTH_CODE,
    )


def open_body(body: bytes, msg_signature: str = "0" * 40) -> OpenedMessage:
    """Open a body under a signature that is wrong unless given."""
    return open_message(keys(), body, timestamp=TIMESTAMP, nonce=NONCE, msg_signature=msg_signature)


def stage_of(encrypted: str) -> str:
    """Return the stage at which a rightly signed Encrypt text is refused."""
    with pytest.raises(BadEnvelopeError) as raised:
        open_signed(encrypted)
    return raised.value.stage


NEW_APPID = "wx1e8cd2dad279e29f"

ENTERPRISE = f"""<xml>
<AppId><![CDATA[{APPID}]]></AppId>
<CreateTime>1535442403</CreateTime>
<InfoType><![CDATA[notify_third_fasteregister]]></InfoType>
<appid>{NEW_APPID}</appid>
<status>0</status>
<auth_code>{CODE}</auth_code>
<msg>OK</msg>
<info>
<name><![CDATA[Example Co]]></name>
<code><![CDATA[91310000000000000X]]></code>
<code_type>1</code_type>
<legal_persona_wechat><![CDATA[wxid_example]]></legal_persona_wechat>
<legal_persona_name><![CDATA[张三]]></legal_persona_name>
<component_phone><![CDATA[]]></component_phone>
</info>
</xml>""".encode()

# As captured: everything in CDATA, another order, one element more.
REUSED = f"""<xml><AppId><![CDATA[{APPID}]]></AppId>
<CreateTime>1709000000</CreateTime>
<InfoType><![CDATA[notify_third_fasteregister]]></InfoType>
<status><![CDATA[0]]></status>
<msg><![CDATA[OK]]></msg>
<appid><![CDATA[{NEW_APPID}]]></appid>
<auth_code><![CDATA[{CODE}]]></auth_code>
<info><name><![CDATA[例子]]></name><taskid><![CDATA[4711]]></taskid></info>
</xml>""".encode()
