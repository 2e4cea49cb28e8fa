"""Opening pushes and sealing replies: Tokens and keys old and new, signatures, appids."""

from __future__ import annotations

import json

import pytest

from tests.unit.protocol.pushkit import (
    AES_KEYS,
    APPID,
    NONCE,
    OTHER_APPID,
    RANDOM,
    SECRETS,
    TIMESTAMP,
    TOKENS,
    envelope,
    keys,
    layout,
    open_body,
    open_signed,
    pad,
    push,
    raw_encrypt,
    stage_of,
    ticket_push,
)
from wxvault.errors import (
    AppidMismatchError,
    BadEnvelopeError,
    BadSignatureError,
    InvalidRequestError,
    MessageError,
)
from wxvault.protocol import message_crypto
from wxvault.protocol.message_crypto import (
    decode_key,
    decrypt,
    encrypt,
    message_signature,
    open_message,
    seal_message,
)

MESSAGE = ticket_push()
UNKNOWN_KEY = "UnknownKeyUnknownKeyUnknownKeyUnknownKeyUn7"


# --- tokens and keys -----------------------------------------------------------------------------


@pytest.mark.parametrize("token_index", range(3))
@pytest.mark.parametrize("key_index", range(3))
def test_every_known_token_and_key_opens_and_seals_the_reply(
    token_index: int, key_index: int
) -> None:
    """A push under old secrets opens, and its reply is made with the same old secrets."""
    opened = open_signed(push(MESSAGE, aes_key=AES_KEYS[key_index]), token=TOKENS[token_index])
    assert opened.plaintext == MESSAGE
    assert (opened.token_index, opened.key_index) == (token_index, key_index)
    reply = seal_message(
        keys(), b"<xml/>", timestamp="1700000001", nonce="42", random16=RANDOM, opened=opened
    )
    encrypted = encrypt(decode_key(AES_KEYS[key_index]), APPID, b"<xml/>", RANDOM)
    assert encrypted.encode() in reply
    signed = message_signature(TOKENS[token_index], "1700000001", "42", encrypted)
    assert signed.encode() in reply


def test_a_push_in_json_is_answered_in_json() -> None:
    """With the four parts that an answer in XML has; the time is a number."""
    encrypted = push(MESSAGE)
    opened = open_message(
        keys(),
        json.dumps({"ToUserName": "gh_1", "Encrypt": encrypted}).encode(),
        timestamp="1700000000",
        nonce="42",
        msg_signature=message_signature(TOKENS[-1], "1700000000", "42", encrypted),
        json_too=True,
    )
    assert opened.is_json
    sealed = encrypt(decode_key(AES_KEYS[-1]), APPID, b"{}", RANDOM)
    reply = seal_message(
        keys(), b"{}", timestamp="1700000001", nonce="42", random16=RANDOM, opened=opened
    )
    assert json.loads(reply) == {
        "Encrypt": sealed,
        "MsgSignature": message_signature(TOKENS[-1], "1700000001", "42", sealed),
        "TimeStamp": 1700000001,
        "Nonce": "42",
    }


def test_a_reply_to_nothing_uses_the_newest_secrets() -> None:
    """Without a push to answer, the newest Token and key seal."""
    reply = seal_message(keys(), b"x", timestamp="1", nonce="2", random16=RANDOM)
    encrypted = encrypt(decode_key(AES_KEYS[-1]), APPID, b"x", RANDOM)
    assert encrypted.encode() in reply
    assert message_signature(TOKENS[-1], "1", "2", encrypted).encode() in reply


@pytest.mark.parametrize("bad", ["", "now", "-1", "17000000000", "１７", "1\n"])
def test_reply_takes_no_odd_timestamp(bad: str) -> None:
    """Only digits go into the reply as its time."""
    with pytest.raises(InvalidRequestError, match=r"^timestamp: "):
        seal_message(keys(), b"x", timestamp=bad, nonce="2", random16=RANDOM)


@pytest.mark.parametrize("bad", ["", "]]>", "a<b", "a b", "\x00", "一", "9" * 129])
def test_reply_takes_no_odd_nonce(bad: str) -> None:
    """Nothing that could end its CDATA goes into the reply as its nonce."""
    with pytest.raises(InvalidRequestError, match=r"^nonce: "):
        seal_message(keys(), b"x", timestamp="1", nonce=bad, random16=RANDOM)


@pytest.mark.parametrize("count", [0, 15, 17])
def test_random_bytes_are_sixteen(count: int) -> None:
    """Another number of random bytes would shift the layout, so it is a mistake of the caller."""
    with pytest.raises(ValueError, match="16 bytes"):
        encrypt(decode_key(AES_KEYS[0]), APPID, b"x", bytes(count))


# --- signatures ----------------------------------------------------------------------------------


def test_wrong_signature_is_refused_and_says_what_to_compare() -> None:
    """A push signed with an unknown Token is refused; the remedy speaks of the Token."""
    with pytest.raises(BadSignatureError) as raised:
        open_signed(push(MESSAGE), token="unknown_Token")
    assert "3 Token(s)" in raised.value.message
    assert "tokens" in raised.value.remedy


@pytest.mark.parametrize("given", ["", "0" * 40, "é" * 40, "\ud800", "0" * 39, "A" * 100_000])
def test_any_text_may_stand_where_the_signature_belongs(given: str) -> None:
    """Empty, too long, not ASCII or not even Unicode: refused as a wrong signature."""
    with pytest.raises(BadSignatureError):
        open_body(envelope(push(MESSAGE)), given)


def test_missing_signature_is_named() -> None:
    """A query without msg_signature is told apart from a wrong one."""
    with pytest.raises(BadSignatureError, match="no msg_signature"):
        open_body(envelope(push(MESSAGE)), "")


def test_signature_in_capitals_is_no_signature() -> None:
    """WeChat writes lower case; nothing else is accepted."""
    encrypted = push(MESSAGE)
    signed = message_signature(TOKENS[-1], TIMESTAMP, NONCE, encrypted)
    assert signed.upper() != signed
    with pytest.raises(BadSignatureError):
        open_body(envelope(encrypted), signed.upper())


@pytest.mark.parametrize(
    ("timestamp", "nonce"),
    [("1700000001", NONCE), (TIMESTAMP, "123456788"), ("", ""), ("\udfff", NONCE)],
    ids=["time", "nonce", "neither", "surrogate"],
)
def test_signature_covers_time_and_nonce(timestamp: str, nonce: str) -> None:
    """Another time or nonce in the query breaks the signature."""
    encrypted = push(MESSAGE)
    signed = message_signature(TOKENS[-1], TIMESTAMP, NONCE, encrypted)
    with pytest.raises(BadSignatureError):
        open_message(
            keys(), envelope(encrypted), timestamp=timestamp, nonce=nonce, msg_signature=signed
        )


def test_signature_that_covers_no_body_opens_nothing() -> None:
    """The query's ``signature`` does not pass for ``msg_signature``."""
    with pytest.raises(BadSignatureError):
        open_body(envelope(push(MESSAGE)), message_crypto.signature(TOKENS[-1], TIMESTAMP, NONCE))


def test_nothing_is_decrypted_before_the_signature_is_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a wrong signature no cipher is even made: there is no padding to ask about."""

    def never(_key: bytes) -> None:
        pytest.fail("a cipher was made")

    monkeypatch.setattr(message_crypto, "_cipher", never)
    for encrypted in ("AAAA", "!", raw_encrypt(bytes(32)), raw_encrypt(pad(layout(MESSAGE)))):
        with pytest.raises(BadSignatureError):
            open_body(envelope(encrypted))


def test_another_platforms_push_is_named() -> None:
    """With the other platform's Token it fails on the signature, and the message says for whom."""
    encrypted = push(MESSAGE, appid=OTHER_APPID)
    with pytest.raises(BadSignatureError, match=f"addressed to {OTHER_APPID}, not to {APPID}"):
        open_body(envelope(encrypted, appid=OTHER_APPID))


# --- the appid behind the message ----------------------------------------------------------------


@pytest.mark.parametrize("key_index", range(3))
def test_other_components_push_under_our_keys_is_a_mismatch(key_index: int) -> None:
    """Whichever key fits: a push for another component is refused and both appids are named."""
    encrypted = push(MESSAGE, appid=OTHER_APPID, aes_key=AES_KEYS[key_index])
    with pytest.raises(AppidMismatchError) as raised:
        open_signed(encrypted)
    assert OTHER_APPID in raised.value.message
    assert APPID in raised.value.message


@pytest.mark.parametrize(
    "appid",
    ["", "gh_97417a04a28d", "wx0123456789abcde", "wx0123456789abcdef0", "wx0123456789ABCDEF"],
)
def test_trailer_that_is_no_appid_is_a_broken_layout(appid: str) -> None:
    """What stands behind the message must be an appid; else nobody is accused of a mismatch."""
    assert stage_of(raw_encrypt(pad(layout(MESSAGE, appid=appid)))) == "appid"


def test_envelopes_own_appid_decides_nothing() -> None:
    """The envelope's AppId is not signed: the one inside the ciphertext counts."""
    encrypted = push(MESSAGE)
    opened = open_message(
        keys(),
        envelope(encrypted, appid=OTHER_APPID),
        timestamp=TIMESTAMP,
        nonce=NONCE,
        msg_signature=message_signature(TOKENS[-1], TIMESTAMP, NONCE, encrypted),
    )
    assert opened.component_appid == APPID


def test_unknown_key_shows_as_broken_and_the_remedy_names_the_field() -> None:
    """A push under a key nobody knows fails with the newest key's error, and points to the keys."""
    encrypted = push(MESSAGE, aes_key=UNKNOWN_KEY)
    with pytest.raises(BadEnvelopeError) as newest:
        decrypt(decode_key(AES_KEYS[-1]), encrypted)
    with pytest.raises(BadEnvelopeError) as raised:
        open_signed(encrypted)
    assert (raised.value.stage, raised.value.message) == (newest.value.stage, newest.value.message)
    assert "encoding_aes_keys" in raised.value.remedy


# --- nothing leaks -------------------------------------------------------------------------------


def test_opened_message_shows_no_plaintext() -> None:
    """The ticket inside is not in what is printed of the opened push."""
    opened = open_signed(push(MESSAGE))
    assert not [secret for secret in SECRETS if secret in repr(opened)]


@pytest.mark.parametrize(
    "encrypted",
    [
        push(MESSAGE, aes_key=UNKNOWN_KEY),
        push(MESSAGE, appid=OTHER_APPID),
        raw_encrypt(pad(layout(MESSAGE, appid="nobody"))),
        raw_encrypt(pad(layout(MESSAGE, length=9999))),
        raw_encrypt(layout(MESSAGE).ljust(640, b"\x00")),
        push(MESSAGE)[:-4],
    ],
    ids=["key", "mismatch", "appid", "length", "padding", "cut"],
)
def test_no_error_says_a_secret(encrypted: str) -> None:
    """Errors name places and appids: no Token, no key, nothing of the plaintext."""
    with pytest.raises(MessageError) as raised:
        open_signed(encrypted)
    said = f"{raised.value!r} {raised.value.remedy} {raised.value.__cause__!r}"
    assert not [secret for secret in (*SECRETS, UNKNOWN_KEY, encrypted) if secret in said]
