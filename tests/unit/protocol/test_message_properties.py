"""What holds for every message and every forgery that Hypothesis can think of."""

from __future__ import annotations

import contextlib
import string

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.unit.protocol.pushkit import (
    AES_KEYS,
    APPID,
    NONCE,
    TIMESTAMP,
    TOKENS,
    authorized_push,
    envelope,
    keys,
    push,
    ticket_push,
)
from wxvault.errors import MessageError
from wxvault.protocol.message_crypto import (
    OpenedMessage,
    decode_key,
    decrypt,
    encrypt,
    message_signature,
    open_message,
    seal_message,
)
from wxvault.protocol.pushes import parse_push, push_identity

# A busy machine is no reason to fail: neither for one slow example nor for slow drawing.
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
thorough = settings(quick, max_examples=150)

KEYS = keys()
MESSAGE = ticket_push()
ENCRYPTED = push(MESSAGE)
BODY = envelope(ENCRYPTED)
SIGNED = message_signature(TOKENS[-1], TIMESTAMP, NONCE, ENCRYPTED)

# Any text at all, with the lone surrogates that JSON can carry.
any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)
aes_keys = st.text(string.ascii_letters + string.digits, min_size=43, max_size=43)
tokens = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=32)
appids = st.text("0123456789abcdef", min_size=16, max_size=16).map(lambda text: "wx" + text)


def _open(body: bytes, timestamp: str, nonce: str, msg_signature: str) -> OpenedMessage:
    return open_message(KEYS, body, timestamp=timestamp, nonce=nonce, msg_signature=msg_signature)


@quick
@given(st.binary(max_size=2000), st.binary(min_size=16, max_size=16), aes_keys, appids)
def test_decrypt_undoes_encrypt(plaintext: bytes, random16: bytes, key: str, appid: str) -> None:
    """Any bytes under any key come back with the appid they were sent for."""
    decoded = decode_key(key)
    assert decrypt(decoded, encrypt(decoded, appid, plaintext, random16)) == (plaintext, appid)


@quick
@given(
    st.binary(max_size=2000),
    st.binary(min_size=16, max_size=16),
    st.integers(0, 9_999_999_999).map(str),
    st.text(string.digits, min_size=1, max_size=20),
)
def test_open_undoes_seal(plaintext: bytes, random16: bytes, timestamp: str, nonce: str) -> None:
    """What is sealed opens under the signature and times that stand in the reply."""
    reply = seal_message(KEYS, plaintext, timestamp=timestamp, nonce=nonce, random16=random16)
    signed = reply.split(b"<MsgSignature><![CDATA[")[1][:40].decode()
    opened = _open(reply, timestamp, nonce, signed)
    assert opened == OpenedMessage(plaintext, APPID, 2, 2)


@quick
@given(aes_keys, tokens)
def test_foreign_secrets_never_open(aes_key: str, token: str) -> None:
    """Under a Token or a key that is not ours nothing opens."""
    encrypted = push(MESSAGE, aes_key=aes_key)
    for signing in {token, TOKENS[-1]}:
        signed = message_signature(signing, TIMESTAMP, NONCE, encrypted)
        with contextlib.suppress(MessageError):
            _open(envelope(encrypted), TIMESTAMP, NONCE, signed)
            assert signing in TOKENS
            assert decode_key(aes_key) in KEYS.aes_keys


@thorough
@given(st.integers(0, len(ENCRYPTED) - 1), st.integers(1, 255))
def test_one_changed_byte_of_the_ciphertext_never_opens(position: int, change: int) -> None:
    """Every byte of Encrypt is under the signature."""
    spoilt = bytearray(ENCRYPTED.encode())
    spoilt[position] ^= change
    body = BODY.replace(ENCRYPTED.encode(), bytes(spoilt))
    opened = None
    with contextlib.suppress(MessageError):
        opened = _open(body, TIMESTAMP, NONCE, SIGNED)
    assert opened is None


@thorough
@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_one_changed_byte_of_the_body_changes_no_message(position: int, change: int) -> None:
    """Outside Encrypt a change may go unnoticed, but what opens is what WeChat encrypted."""
    spoilt = bytearray(BODY)
    spoilt[position] ^= change
    with contextlib.suppress(MessageError):
        assert _open(bytes(spoilt), TIMESTAMP, NONCE, SIGNED).plaintext == MESSAGE


@thorough
@given(st.data())
def test_one_changed_character_of_the_query_never_opens(data: st.DataObject) -> None:
    """Time, nonce and signature count to the last character."""
    query = [TIMESTAMP, NONCE, SIGNED]
    which = data.draw(st.integers(0, 2))
    position = data.draw(st.integers(0, len(query[which]) - 1))
    other = data.draw(st.characters(codec=None, exclude_categories=()))
    changed = query[which][:position] + other + query[which][position + 1 :]
    if changed == query[which]:
        return
    query[which] = changed
    opened = None
    with contextlib.suppress(MessageError):
        opened = _open(BODY, *query)
    assert opened is None


@thorough
@given(st.binary(max_size=400), any_text, any_text, any_text)
@example(b"<xml><Encrypt>\xf0\x9f</Encrypt></xml>", "", "", "")
def test_any_bytes_bring_a_message_error_or_nothing(
    body: bytes, timestamp: str, nonce: str, msg_signature: str
) -> None:
    """Whatever is sent, nothing but a MessageError comes out."""
    with contextlib.suppress(MessageError):
        _open(body, timestamp, nonce, msg_signature)


@thorough
@given(any_text.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_signed_text_brings_a_message_error(encrypted: bytes) -> None:
    """Even rightly signed, an Encrypt text that is none is answered with a MessageError."""
    try:
        text = encrypted.decode()
    except UnicodeDecodeError:
        text = ""
    body = b"<xml><Encrypt><![CDATA[" + encrypted + b"]]></Encrypt></xml>"
    signed = message_signature(TOKENS[0], TIMESTAMP, NONCE, text.strip())
    with contextlib.suppress(MessageError):
        _open(body, TIMESTAMP, NONCE, signed)


# --- pushes --------------------------------------------------------------------------------------

names = st.sampled_from(
    [
        "AppId", "CreateTime", "InfoType", "AuthorizerAppid", "AuthorizationCode", "PreAuthCode",
        "AuthorizationCodeExpiredTime", "ComponentVerifyTicket", "appid", "status", "auth_code",
        "msg", "info", "name", "taskid",
    ]
)  # fmt: skip
values = st.one_of(
    st.sampled_from(
        [
            APPID, "1700000000", "0", "-1", "", "authorized", "updateauthorized", "unauthorized",
            "component_verify_ticket", "notify_third_fasteregister",
            "notify_third_fastverifybetaapp", "something_new", "queryauthcode@@@abc",
        ]
    ),
    st.text(st.characters(exclude_characters="<&>", exclude_categories=["Cs", "Cc"]), max_size=12),
)  # fmt: skip
elements = st.recursive(
    values,
    lambda inner: st.lists(st.tuples(names, inner), max_size=8).map(
        lambda pairs: "".join(f"<{name}>{value}</{name}>" for name, value in pairs)
    ),
    max_leaves=12,
)
documents = st.lists(st.tuples(names, elements), max_size=10).map(
    lambda pairs: (
        "<xml>" + "".join(f"<{name}>{value}</{name}>" for name, value in pairs) + "</xml>"
    ).encode()
)


def _parse(plaintext: bytes) -> None:
    with contextlib.suppress(MessageError):
        push_identity(parse_push(plaintext))


@thorough
@given(st.binary(max_size=300))
def test_parsing_any_bytes_brings_a_message_error(plaintext: bytes) -> None:
    """Bytes at random are no push, and nothing but a MessageError says so."""
    _parse(plaintext)


@thorough
@given(documents)
def test_parsing_any_document_brings_a_push_or_a_message_error(plaintext: bytes) -> None:
    """Documents of WeChat's own words in any order, number and depth: a value or a MessageError."""
    _parse(plaintext)


@thorough
@given(
    st.sampled_from([ticket_push(), authorized_push()]),
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), min_size=1, max_size=3),
)
def test_parsing_a_spoilt_push_brings_a_push_or_a_message_error(
    plaintext: bytes, changes: list[tuple[int, int]]
) -> None:
    """A push with some bytes changed: a value or a MessageError."""
    spoilt = bytearray(plaintext)
    for position, byte in changes:
        spoilt[position % len(spoilt)] = byte
    _parse(bytes(spoilt))


@thorough
@given(st.sampled_from([ticket_push(), authorized_push()]), st.integers(0, 500))
def test_parsing_half_a_push_brings_a_message_error(plaintext: bytes, end: int) -> None:
    """A push that breaks off is refused."""
    try:
        parse_push(plaintext[: end % len(plaintext)])
    except MessageError:
        return
    raise AssertionError


def test_the_keys_of_these_properties_differ() -> None:
    """The keys the properties run with are three different ones."""
    assert len({decode_key(key) for key in AES_KEYS}) == 3
