"""The XML around the ciphertext: what is read, and what is refused before anything else."""

from __future__ import annotations

import pytest

from tests.unit.protocol.pushkit import (
    NONCE,
    TIMESTAMP,
    TOKENS,
    envelope,
    keys,
    open_body,
    push,
    ticket_push,
)
from wxvault.errors import BadEnvelopeError, RequestTooLargeError
from wxvault.protocol.message_crypto import (
    PUSH_BODY_LIMIT,
    message_signature,
    open_message,
)
from wxvault.protocol.safe_xml import MAX_MARKUP

MESSAGE = ticket_push()


_ENCRYPTED = push(MESSAGE).encode()

BAD_BODIES = {
    "empty": b"",
    "blank": b" \n ",
    "plaintext push": MESSAGE,
    "json": b'{"ToUserName":"","Encrypt":"AAAA"}',
    "no xml at all": b"hello",
    "html": b"<html><Encrypt>A</Encrypt></html>",
    "other root": b"<Xml><Encrypt>A</Encrypt></Xml>",
    "root with text": b"<xml>AAAA</xml>",
    "empty root": b"<xml/>",
    "empty Encrypt": b"<xml><Encrypt></Encrypt></xml>",
    "blank Encrypt": b"<xml><Encrypt><![CDATA[ \n ]]></Encrypt></xml>",
    "two Encrypt": b"<xml><Encrypt>A</Encrypt><Encrypt>" + _ENCRYPTED + b"</Encrypt></xml>",
    "two AppId": b"<xml><AppId>a</AppId><AppId>b</AppId><Encrypt>A</Encrypt></xml>",
    "Encrypt with elements": b"<xml><Encrypt><b>A</b></Encrypt></xml>",
    "elements beside": b"<xml><Encrypt>A</Encrypt><b><c>1</c></b></xml>",
    "deep": b"<xml>" + b"<a>" * 40 + b"</a>" * 40 + b"</xml>",
    "not closed": b"<xml><Encrypt>A</Encrypt>",
    "two roots": b"<xml><Encrypt>A</Encrypt></xml><xml/>",
    "not UTF-8": b"<xml><Encrypt>\xff\xfe</Encrypt></xml>",
    "UTF-16": "<xml><Encrypt>A</Encrypt></xml>".encode("utf-16"),
    "Latin-1 by declaration": b'<?xml version="1.0" encoding="iso-8859-1"?><xml>\xe9</xml>',
    "document type": b"<!DOCTYPE xml><xml><Encrypt>A</Encrypt></xml>",
    "document type behind a declaration": (
        b'<?xml version="1.0"?> <!-- x --> <!DOCTYPE xml><xml><Encrypt>A</Encrypt></xml>'
    ),
    "entity": (b'<!DOCTYPE xml [<!ENTITY e "AAAA">]><xml><Encrypt>&e;</Encrypt></xml>'),
    "entity of a file": (
        b'<!DOCTYPE xml [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
        b"<xml><Encrypt>&e;</Encrypt></xml>"
    ),
    "entity nobody declared": b"<xml><Encrypt>&e;</Encrypt></xml>",
    "NUL": b"<xml><Encrypt>\x00</Encrypt></xml>",
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_broken_envelope_is_refused(body: bytes) -> None:
    """Whatever is no envelope is refused as one, before any signature is looked at."""
    with pytest.raises(BadEnvelopeError) as raised:
        open_body(body)
    assert raised.value.stage == "envelope"
    assert "byte for byte" in raised.value.remedy


@pytest.mark.parametrize("inside", [b"<%s/><%s/>", b"<%s><b/></%s>"], ids=["twice", "a group"])
def test_a_strangers_name_is_not_repeated(inside: bytes) -> None:
    """Nobody has to be WeChat to get this far, and an element's name may be as long as a body."""
    name = b"n" * 100_000
    with pytest.raises(BadEnvelopeError) as raised:
        open_body(b"<xml>" + inside % (name, name) + b"</xml>")
    assert len(raised.value.message) < 100


@pytest.mark.parametrize("piece", [b"<a/>", b"<a>", b"x<a></a>"])
def test_a_tower_of_tags_is_refused_before_it_is_read(piece: bytes) -> None:
    """A body of nothing but tags is refused by counting them; 4,096 are read."""
    with pytest.raises(BadEnvelopeError, match="more than 4096 tags"):
        open_body(b"<xml>" + piece * 30_000 + b"</xml>")
    with pytest.raises(BadEnvelopeError, match="occurs more than once"):
        open_body(b"<xml>" + b"<a/>" * (MAX_MARKUP - 2) + b"</xml>")


def test_plaintext_push_is_named_as_such() -> None:
    """A push that nobody encrypted is told apart, for it is a common test by hand."""
    with pytest.raises(BadEnvelopeError, match="Encrypt is missing: the body is not encrypted"):
        open_body(MESSAGE)


@pytest.mark.parametrize(
    "body",
    [
        b"<xml><Encrypt>%s</Encrypt></xml>",
        b"<xml><ToUserName>gh_97417a04a28d</ToUserName><Encrypt>%s</Encrypt></xml>",
        b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8"?>\n<xml><Encrypt>%s</Encrypt></xml>\n',
        b'<xml a="1"><Encrypt b="2">\n%s\n</Encrypt><!-- c --><New>thing</New></xml>',
        b"<xml>text<Encrypt><![CDATA[%s]]></Encrypt>text</xml>",
    ],
    ids=["bare", "message URL", "byte order mark", "attributes and more", "text between"],
)
def test_envelope_is_read_by_element_names(body: bytes) -> None:
    """Unknown elements, attributes, comments and white space do not matter."""
    signed = message_signature(TOKENS[-1], TIMESTAMP, NONCE, _ENCRYPTED.decode())
    opened = open_message(
        keys(), body % _ENCRYPTED, timestamp=TIMESTAMP, nonce=NONCE, msg_signature=signed
    )
    assert opened.plaintext == MESSAGE


def test_body_limit() -> None:
    """A body of exactly the limit is opened, one byte more is not even parsed."""
    encrypted = push(MESSAGE)
    body = envelope(encrypted)
    body += b" " * (PUSH_BODY_LIMIT - len(body))
    signed = message_signature(TOKENS[-1], TIMESTAMP, NONCE, encrypted)
    opened = open_message(keys(), body, timestamp=TIMESTAMP, nonce=NONCE, msg_signature=signed)
    assert opened.plaintext == MESSAGE
    with pytest.raises(RequestTooLargeError, match="262145 bytes"):
        open_body(body + b" ", signed)
