"""The pure half of a push: opening it, reading it, naming it, answering it, and the keys for it."""

from __future__ import annotations

import json
import re
from dataclasses import fields

from tests.fuzz.signed_doors import WORDS, secrets_in
from tests.fuzz.target import Feed, Target, require, stretched, text
from tests.unit.protocol.pushkit import (
    AES_KEYS,
    APPID,
    NONCE,
    RANDOM,
    SECRETS,
    TIMESTAMP,
    TOKENS,
    envelope,
    keys,
    open_signed,
    push,
    raw_encrypt,
)
from wxvault.errors import (
    BadEnvelopeError,
    ConfigurationError,
    InvalidRequestError,
    MessageError,
    RequestTooLargeError,
    WxvaultError,
)
from wxvault.protocol.appid import is_appid
from wxvault.protocol.message_crypto import (
    encrypt,
    message_signature,
    open_message,
    seal_message,
    signature,
)
from wxvault.protocol.message_keys import MessageKeys
from wxvault.protocol.messages import Message, message_identity, parse_message
from wxvault.protocol.pushes import parse_push, push_identity, require_component
from wxvault.protocol.replies import SUCCESS, ReplyEnds, passive_reply
from wxvault.protocol.safe_xml import read_document
from wxvault.services.messages import LARGEST_MESSAGE, to_be_told

_HEX = re.compile(r"[0-9a-f]{64}")


def _say_nothing(error: WxvaultError, *secrets: str) -> None:
    words = f"{error}{error.remedy}"
    require(len(words) <= 1000, "an error's text is longer than 1,000 characters")
    words.encode("utf-8")
    require(not any(secret in words for secret in (*SECRETS, *secrets)), "an error tells a secret")


def open_envelope(data: bytes) -> None:
    """Open a body: raw, rightly signed, or with a layout or a message of the input's own."""
    feed = Feed(stretched(data))
    mode = feed.pick("raw", "signed", "encrypted", "layout", "message")
    rest = feed.rest()
    try:
        if mode == "raw":
            _raw(rest)
        elif mode == "signed":
            _, _, behind = rest.partition(b"<Encrypt>")
            inside = behind.partition(b"</Encrypt>")[0]
            told = text(inside.removeprefix(b"<![CDATA[").removesuffix(b"]]>")).strip()
            signed = message_signature(TOKENS[0], TIMESTAMP, NONCE, told)
            open_message(keys(), rest, timestamp=TIMESTAMP, nonce=NONCE, msg_signature=signed)
        elif mode == "encrypted":
            open_signed(re.sub(r"[^A-Za-z0-9+/=]", "", text(rest)))
        elif mode == "layout":
            # What no honest sender would encrypt: any padding, any length, any appid.
            whole = rest + RANDOM[: -len(rest) % 16]
            opened = open_signed(raw_encrypt(whole, AES_KEYS[1]))
            require(opened.plaintext in whole, "the plaintext was not in the layout")
        else:
            opened = open_signed(push(rest))
            require(opened.plaintext == rest, "a message changed on its way")
            require(opened.component_appid == APPID, "another appid came out")
    except (MessageError, RequestTooLargeError) as error:
        require(mode != "message" or len(envelope(push(rest))) > 256 * 1024, "a message is refused")
        _say_nothing(error)


def _raw(rest: bytes) -> None:
    feed = Feed(rest)
    timestamp, nonce, signed = feed.line(), feed.line(), feed.line()
    opened = open_message(
        keys(), feed.rest(), timestamp=timestamp, nonce=nonce, msg_signature=signed
    )
    require(opened is None, "a signature was guessed")


def read_push(data: bytes) -> None:
    """Parse a plaintext as a push to the event URL."""
    data = stretched(data)
    try:
        found = parse_push(data)
        require_component(found, APPID)
    except MessageError as error:
        _say_nothing(error)
        return
    again = parse_push(data)
    require(again == found, "the same push was read in two ways")
    identity = push_identity(found)
    require(_HEX.fullmatch(identity), "an identity has another form")
    require(push_identity(again) == identity, "the same push has two identities")
    require(is_appid(found.component_appid), "a push without an appid")
    require(0 <= found.create_time < 10**10, "a push of another time")
    shown = repr(found)
    require(not any(secret in shown for secret in secrets_in(data)), "a repr shows a secret")


def make_keys(data: bytes) -> None:
    """Read the push secret."""
    try:
        secret = json.loads(data)
    except (ValueError, RecursionError):
        secret = text(data)
    try:
        made = MessageKeys.from_secret(APPID, secret)
    except ConfigurationError as error:
        require(error.field, "no field is named")
        values = secret.values() if isinstance(secret, dict) else ()
        lists = [value for value in values if isinstance(value, list)]
        told = (item for values in lists for item in values if isinstance(item, str))
        # A Token that is written like a field's name is named where that field is.
        secrets = (item for item in told if len(item) >= 16 and item not in "encoding_aes_keys")
        _say_nothing(error, *secrets)
        return
    require(all(len(key) == 32 for key in made.aes_keys), "a key of another length")
    require(1 <= len(made.tokens) <= 3, "too many Tokens")
    shown = {field.name for field in fields(made) if field.repr}
    require(shown == {"component_appid"}, "a repr shows a secret")


def reply(data: bytes) -> None:
    """Seal a reply and open it again; a plain answer stays the seven bytes it is."""
    require(SUCCESS == b"success", "the answer to a push")
    feed = Feed(data)
    opened = open_signed(push(b"question")) if feed.pick(False, True) else None
    timestamp, nonce, plaintext = feed.line(), feed.line(), feed.rest()
    _needs_sixteen(plaintext[:20])
    require(re.fullmatch(r"[0-9a-f]{40}", signature(TOKENS[0], timestamp, nonce)), "a signature")
    try:
        body = seal_message(
            keys(), plaintext, timestamp=timestamp, nonce=nonce, random16=RANDOM, opened=opened
        )
    except InvalidRequestError as error:
        _say_nothing(error)
        return
    parts = dict(re.findall(r"<(\w+)>(?:<!\[CDATA\[)?(.*?)(?:\]\]>)?</", body.decode("ascii")))
    require((parts["TimeStamp"], parts["Nonce"]) == (timestamp, nonce), "time or nonce changed")
    got = open_message(
        keys(), body, timestamp=timestamp, nonce=nonce, msg_signature=parts["MsgSignature"]
    )
    require(got.plaintext == plaintext, "a reply changed on its way")


def _needs_sixteen(random16: bytes) -> None:
    try:
        encrypt(keys().aes_keys[0], APPID, b"x", random16)
    except ValueError:
        require(len(random16) != 16, "sixteen bytes are refused")
        return
    require(len(random16) == 16, "sealed with too few random bytes, or too many")


def appid(data: bytes) -> None:
    """Tell an appid from anything else, by another way of reading it."""
    value = text(data)
    digits = value[2:]
    expected = value[:2] == "wx" and len(digits) == 16 and set(digits) <= set("0123456789abcdef")
    require(is_appid(value) is expected, "an appid was taken for something else")
    require(not is_appid(data), "bytes are no appid")


_SECRET_WORDS = (b'{"tokens":["', b'"],"encoding_aes_keys":["', AES_KEYS[0].encode(), b"null")


_REPLY_WORDS = tuple(
    word.encode()
    for word in (
        '{"type": "text", "content": "',
        '{"type": "news", "articles": [{"title": "',
        '{"type": "image", "media_id": "',
        '{"type": "music", "thumb_media_id": "',
        '{"type": "transfer_customer_service", "kf_account": "',
        '"}',
        '"}]}',
        '", "url": "',
        "]]>",
        "\\u0000",
        "\\ud83d",
    )
)


def read_message(data: bytes) -> None:
    """A message is read, or refused by one error; what was read is known again, and fits JSON."""
    try:
        message = parse_message(stretched(data, 190_000))
    except BadEnvelopeError as error:
        require(error.stage == "message", "another stage")
        return
    identity = message_identity(APPID, message)
    require(identity == message_identity(APPID, Message(dict(message.fields))), "not known again")
    told = to_be_told(message, is_test=False)
    size = len(json.dumps(told.fields, ensure_ascii=False).encode())
    require(size <= LARGEST_MESSAGE + 64 * 1024, "more is told than the bus takes")
    require(not message.holds_code or "Content" not in told.fields, "a code is told")


def reply_passively(data: bytes) -> None:
    """Whatever a responder answers is refused by name, or is XML that says what was meant."""
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(answer, dict):
        return
    ends = ReplyEnds("o-user", "gh_shop", 1_700_000_000)
    try:
        document = passive_reply(answer, ends)
        as_json = passive_reply(answer, ends, as_json=True)
    except InvalidRequestError as error:
        require(len(error.message) < 300, "an error quotes the reply")
        return
    found = read_document(document, stage="reply", remedy="")
    require(found["MsgType"] == answer["type"], "another type")
    require(found["ToUserName"] == "o-user", "another user")
    require(json.loads(as_json).keys() == found.keys(), "JSON says something else")


def targets() -> tuple[Target, ...]:
    """Return the targets."""
    envelope_words = (*WORDS[:6], b"<Encrypt>", b"</Encrypt>", b"ToUserName", b"{", b"=", b"\x20")
    return (
        Target("message_crypto", "opening an encrypted body", open_envelope, envelope_words),
        Target("pushes", "reading what was in it", read_push, WORDS),
        Target("user_messages", "reading what a user has sent", read_message, WORDS),
        Target("passive_replies", "what a responder answers", reply_passively, _REPLY_WORDS),
        Target("message_keys", "Tokens and EncodingAESKeys of a secret", make_keys, _SECRET_WORDS),
        Target("replies", "sealing a reply and opening it again", reply, (b"1713424427\n",)),
        Target("appid", "the shape of an appid", appid, (b"wx", b"0123456789abcdef"), 64),
    )
