"""WeChat's message encryption: both signatures, opening pushes, sealing replies.

AES-256-CBC with the key's first half as initial vector, padding to multiples of 32, and inside:
16 random bytes, the length of the message (4 bytes, big-endian), the message, the component's
appid.
Page: Third-party_Platforms/2.0/api/Before_Develop/Message_encryption_and_decryption.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from Crypto.Cipher import AES

from wxvault.errors import (
    AppidMismatchError,
    BadEnvelopeError,
    BadSignatureError,
    InvalidRequestError,
    RequestTooLargeError,
)
from wxvault.protocol.appid import is_appid
from wxvault.protocol.message_keys import MessageKeys, decode_key
from wxvault.protocol.safe_xml import XmlValue, read_document, text_of

if TYPE_CHECKING:
    from Crypto.Cipher._mode_cbc import CbcMode

__all__ = [
    "PUSH_BODY_LIMIT",
    "MessageKeys",
    "OpenedMessage",
    "decode_key",
    "decrypt",
    "encrypt",
    "message_signature",
    "open_message",
    "seal_message",
    "signature",
]

PUSH_BODY_LIMIT: Final = 256 * 1024
"""A push body may have this many bytes."""

RANDOM_LENGTH: Final = 16
_LENGTH_END: Final = RANDOM_LENGTH + 4
_PAD_BLOCK: Final = 32
_CIPHER_BLOCK: Final = AES.block_size

_STAGE: Final = "envelope"
_ENVELOPE_REMEDY: Final = (
    "WeChat sends XML with one Encrypt element, and always encrypted. Whoever sent this is not "
    "WeChat, or something in between changed the body: pass it on byte for byte."
)
_ENVELOPE_NAMES: Final = frozenset({"AppId", "ToUserName", "Encrypt"})
_TIMESTAMP: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_NONCE: Final = re.compile(r"[0-9A-Za-z_.~-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class OpenedMessage:
    """A push that was signed and encrypted for this component.

    The indices say which Token and which EncodingAESKey fitted; a reply is sealed with the same.
    """

    plaintext: bytes = field(repr=False)
    component_appid: str
    token_index: int
    key_index: int
    is_json: bool = False
    """Whether the envelope was JSON: so must the answer be."""


def signature(token: str, timestamp: str, nonce: str) -> str:
    """Return the query's ``signature``: 40 lower-case hexadecimal digits.

    It does not cover the body, so it authenticates nothing; it is here for those who must send it.
    """
    return _signature(token, timestamp, nonce)


def message_signature(token: str, timestamp: str, nonce: str, encrypted: str) -> str:
    """Return ``msg_signature`` over the Encrypt text: 40 lower-case hexadecimal digits."""
    return _signature(token, timestamp, nonce, encrypted)


def encrypt(key: bytes, appid: str, plaintext: bytes, random16: bytes) -> str:
    """Encrypt ``plaintext`` for ``appid`` (the component's, in both directions) into base64.

    ``key`` are the 32 bytes of ``decode_key``, ``random16`` 16 fresh random bytes.
    """
    if len(random16) != RANDOM_LENGTH:
        message = f"random16 must have {RANDOM_LENGTH} bytes"
        raise ValueError(message)
    layout = random16 + len(plaintext).to_bytes(4, "big") + plaintext + appid.encode("ascii")
    # A layout that already fills its last block gets a whole block of padding.
    pad = _PAD_BLOCK - len(layout) % _PAD_BLOCK
    ciphertext = _cipher(key).encrypt(layout + bytes([pad]) * pad)
    return base64.b64encode(ciphertext).decode("ascii")


def decrypt(key: bytes, encrypted: str) -> tuple[bytes, str]:
    """Decrypt the Encrypt text and return the plaintext and the appid behind it.

    Whether that appid is the right one is the caller's question. Never call this before the
    ``msg_signature`` is known to be right: nothing else authenticates the ciphertext.

    Raises BadEnvelopeError; ``stage`` is ``base64``, ``ciphertext``, ``padding``, ``length`` or
    ``appid``. From the padding on, a wrong key is the usual reason.
    """
    return _unwrap(_cipher(key).decrypt(_ciphertext(encrypted)))


def open_message(  # noqa: PLR0913 - a push is made of this many independent things
    keys: MessageKeys,
    body: bytes,
    *,
    timestamp: str,
    nonce: str,
    msg_signature: str,
    json_too: bool = False,
) -> OpenedMessage:
    """Check and decrypt a push; the three strings come from its query (empty when absent).

    ``json_too``: the envelope may also be a JSON object, as some products push to the message URL.
    Tokens and keys are tried newest first. Nothing is decrypted before ``msg_signature`` is right.
    The times are not looked at: this function knows no clock.

    Raises RequestTooLargeError, BadEnvelopeError (``stage`` as in ``decrypt``, or ``envelope``),
    BadSignatureError, and AppidMismatchError when a key fits but the push is for another component.
    When no key fits, the newest key's error is raised.
    """
    if len(body) > PUSH_BODY_LIMIT:
        message = f"the push has {len(body)} bytes, at most {PUSH_BODY_LIMIT} are accepted"
        raise RequestTooLargeError(message)
    is_json = json_too and body.lstrip()[:1] == b"{"
    envelope = _read_json_envelope(body) if is_json else _read_envelope(body)
    encrypted = text_of(envelope, "Encrypt", stage=_STAGE, remedy=_ENVELOPE_REMEDY)
    if not encrypted:
        raise BadEnvelopeError(
            _STAGE, "Encrypt is missing: the body is not encrypted", remedy=_ENVELOPE_REMEDY
        )
    token_index = _fitting_token(keys, timestamp, nonce, encrypted, msg_signature)
    if token_index is None:
        raise BadSignatureError(_signature_problem(keys, envelope, msg_signature))
    plaintext, key_index = _decrypt_with_any(keys, _ciphertext(encrypted))
    return OpenedMessage(
        plaintext=plaintext,
        component_appid=keys.component_appid,
        token_index=token_index,
        key_index=key_index,
        is_json=is_json,
    )


def seal_message(  # noqa: PLR0913 - a reply is made of this many independent things
    keys: MessageKeys,
    plaintext: bytes,
    *,
    timestamp: str,
    nonce: str,
    random16: bytes,
    opened: OpenedMessage | None = None,
) -> bytes:
    """Return the reply, XML or JSON, with ``plaintext`` encrypted and signed.

    ``opened`` is the push being answered: its Token and key are used, so that an answer fits while
    WeChat still uses old ones, and its format. Without it the newest are used, and XML. ``nonce``
    echoes the request's, ``timestamp`` is unix time in seconds, ``random16`` 16 fresh random bytes.

    The reply ``success`` is never encrypted: see ``replies``.
    Raises InvalidRequestError when ``timestamp`` or ``nonce`` cannot be put into the reply.
    """
    if _TIMESTAMP.fullmatch(timestamp) is None:
        raise InvalidRequestError("timestamp", "must be unix time in seconds, digits only")
    if _NONCE.fullmatch(nonce) is None:
        raise InvalidRequestError("nonce", "must be 1 to 128 letters, digits or '_.~-'")
    token_index = len(keys.tokens) - 1 if opened is None else opened.token_index
    key_index = len(keys.aes_keys) - 1 if opened is None else opened.key_index
    encrypted = encrypt(keys.aes_keys[key_index], keys.component_appid, plaintext, random16)
    signed = message_signature(keys.tokens[token_index], timestamp, nonce, encrypted)
    if opened is not None and opened.is_json:
        told = {
            "Encrypt": encrypted,
            "MsgSignature": signed,
            "TimeStamp": int(timestamp),
            "Nonce": nonce,
        }
        return json.dumps(told).encode("ascii")
    return (
        "<xml>\n"
        f"<Encrypt><![CDATA[{encrypted}]]></Encrypt>\n"
        f"<MsgSignature><![CDATA[{signed}]]></MsgSignature>\n"
        f"<TimeStamp>{timestamp}</TimeStamp>\n"
        f"<Nonce><![CDATA[{nonce}]]></Nonce>\n"
        "</xml>"
    ).encode("ascii")


def _bytes(value: str) -> bytes:
    # A query decoded by others may hold lone surrogates: they must fail to match, not to encode.
    return value.encode("utf-8", "surrogatepass")


def _signature(*parts: str) -> str:
    joined = b"".join(sorted(_bytes(part) for part in parts))
    return hashlib.sha1(joined, usedforsecurity=False).hexdigest()  # WeChat's choice, not ours


def _cipher(key: bytes) -> CbcMode:
    return AES.new(key, AES.MODE_CBC, iv=key[:_CIPHER_BLOCK])


def _ciphertext(encrypted: str) -> bytes:
    try:
        ciphertext = base64.b64decode(encrypted, validate=True)
    except ValueError:
        raise BadEnvelopeError("base64", "Encrypt is not base64") from None
    if not ciphertext or len(ciphertext) % _CIPHER_BLOCK:
        raise BadEnvelopeError(
            "ciphertext",
            f"Encrypt holds {len(ciphertext)} bytes, not a multiple of {_CIPHER_BLOCK}",
        )
    return ciphertext


def _unwrap(padded: bytes) -> tuple[bytes, str]:
    pad = padded[-1]
    if not 1 <= pad <= _PAD_BLOCK or padded[-pad:] != bytes([pad]) * pad:
        raise BadEnvelopeError("padding", "the padding is broken; usually the key is another one")
    appid_end = len(padded) - pad
    appid_start = _LENGTH_END + int.from_bytes(padded[RANDOM_LENGTH:_LENGTH_END], "big")
    if appid_start > appid_end:
        raise BadEnvelopeError("length", "the length field points behind the end of the message")
    # Latin-1 decodes every byte; the shape is what counts.
    appid = padded[appid_start:appid_end].decode("latin-1")
    if not is_appid(appid):
        raise BadEnvelopeError("appid", "no appid stands behind the message")
    return padded[_LENGTH_END:appid_start], appid


def _read_envelope(body: bytes) -> dict[str, XmlValue]:
    envelope = read_document(body, stage=_STAGE, remedy=_ENVELOPE_REMEDY)
    for name, value in envelope.items():
        # Two readers might disagree about a repeated element, so there must be none.
        if not isinstance(value, str):
            # Anybody can send this, and a name may be as long as a body: only known ones are said.
            known = name if name in _ENVELOPE_NAMES else "an element"
            problem = "occurs more than once" if isinstance(value, list) else "has elements inside"
            raise BadEnvelopeError(_STAGE, f"{known} {problem}", remedy=_ENVELOPE_REMEDY)
    return envelope


def _read_json_envelope(body: bytes) -> dict[str, XmlValue]:
    def only_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(dict(pairs)) < len(pairs):
            raise BadEnvelopeError(_STAGE, "a name occurs twice", remedy=_ENVELOPE_REMEDY)
        return dict(pairs)

    try:
        value = json.loads(body, object_pairs_hook=only_once)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BadEnvelopeError(_STAGE, "the body is not a JSON object", remedy=_ENVELOPE_REMEDY)
    texts = {name: value.get(name) for name in _ENVELOPE_NAMES}
    return {name: text for name, text in texts.items() if isinstance(text, str)}


def _fitting_token(
    keys: MessageKeys, timestamp: str, nonce: str, encrypted: str, msg_signature: str
) -> int | None:
    given = _bytes(msg_signature)
    for index in reversed(range(len(keys.tokens))):
        expected = message_signature(keys.tokens[index], timestamp, nonce, encrypted)
        if hmac.compare_digest(expected.encode("ascii"), given):
            return index
    return None


def _signature_problem(keys: MessageKeys, envelope: dict[str, XmlValue], msg_signature: str) -> str:
    if not msg_signature:
        return "the query has no msg_signature"
    problem = f"msg_signature fits none of the {len(keys.tokens)} Token(s)"
    addressee = envelope.get("AppId")
    if is_appid(addressee) and addressee != keys.component_appid:
        # Unsigned, so only a hint; but it is the commonest reason.
        problem += f"; the envelope is addressed to {addressee}, not to {keys.component_appid}"
    return problem


def _decrypt_with_any(keys: MessageKeys, ciphertext: bytes) -> tuple[bytes, int]:
    newest_error: BadEnvelopeError | None = None
    other_appid: str | None = None
    for index in reversed(range(len(keys.aes_keys))):
        try:
            plaintext, appid = _unwrap(_cipher(keys.aes_keys[index]).decrypt(ciphertext))
        except BadEnvelopeError as error:
            newest_error = newest_error or error
            continue
        if appid == keys.component_appid:
            return plaintext, index
        other_appid = other_appid or appid
    if other_appid is not None:
        message = f"the push is for {other_appid}, this is {keys.component_appid}"
        raise AppidMismatchError(message)
    if newest_error is None:  # pragma: no cover - there is at least one key
        raise AssertionError
    raise newest_error from None
