"""Messages of merchants' users: read whatever they are, and known again when they are repeated."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.protocol.pushkit import document
from wxvault.errors import BadEnvelopeError
from wxvault.protocol.messages import Message, message_identity, parse_message

APPID = "wxf8b4f85f3a794e77"
TEXT: dict[str, str | int] = {
    "ToUserName": "gh_3c884a361561",
    "FromUserName": "ozy4qt5QUADNXORxCVipKMV9dss0",
    "CreateTime": 1700000300,
    "MsgType": "text",
    "Content": "hello",
    "MsgId": 6427251175451672521,
}
CLICK: dict[str, str | int] = {
    "ToUserName": "gh_3c884a361561",
    "FromUserName": "ozy4qt5QUADNXORxCVipKMV9dss0",
    "CreateTime": 1700000300,
    "MsgType": "event",
    "Event": "CLICK",
    "EventKey": "menu-1",
}


def read(**fields: str | int) -> Message:
    """Read a message with these fields."""
    return parse_message(document(**fields))


def test_a_text() -> None:
    """What dedupe, routing and replies need is there, and everything else under its own name."""
    message = read(**TEXT)
    assert message.to_user_name == "gh_3c884a361561"
    assert message.from_user_name == "ozy4qt5QUADNXORxCVipKMV9dss0"
    assert (message.msg_type, message.event, message.content) == ("text", "", "hello")
    assert message.create_time == 1700000300
    assert message.fields["MsgId"] == "6427251175451672521"


def test_json_says_the_same_as_xml() -> None:
    """Numbers become texts, because a MsgId has more digits than other languages' numbers hold."""
    assert parse_message(json.dumps(TEXT).encode()).fields == read(**TEXT).fields


def test_json_of_other_kinds() -> None:
    """Groups, lists, truth values and nothing at all."""
    found = parse_message(b'{"a": {"b": [1, 1.50, true, null]}, "c": "\\ud83d"}').fields
    assert found == {"a": {"b": ["1", "1.50", "true", ""]}, "c": "?"}


def test_unknown_kinds_are_kept() -> None:
    """Nobody has a list of all kinds, and a new one is no reason to lose anything."""
    message = read(MsgType="hologram", Shape="round", FromUserName="o1")
    assert (message.msg_type, message.fields["Shape"]) == ("hologram", "round")
    assert read(MsgType="event", Event="brand_new", X="y").event == "brand_new"


def test_repeated_elements_are_a_list() -> None:
    """What WeChat repeats is kept, and what must not be repeated counts as not there."""
    message = parse_message(b"<xml><MsgType>a</MsgType><MsgType>b</MsgType><Item>1</Item></xml>")
    assert message.fields["MsgType"] == ["a", "b"]
    assert message.msg_type == ""


def test_groups_are_kept() -> None:
    """An element with elements inside, as pictures from a menu come."""
    message = parse_message(b"<xml><Info><Count>1</Count><List><item>x</item></List></Info></xml>")
    assert message.fields["Info"] == {"Count": "1", "List": {"item": "x"}}


def test_emoji() -> None:
    """Four bytes are one character, in XML and in JSON."""
    assert read(Content="🍵茶").content == "🍵茶"
    assert parse_message('{"Content": "🍵茶"}'.encode()).content == "🍵茶"


def test_a_cdata_end_as_it_should_be_written() -> None:
    """A sender who splits the section means the three characters."""
    raw = b"<xml><Content><![CDATA[a]]]]><![CDATA[>b]]></Content></xml>"
    assert parse_message(raw).content == "a]]>b"


TYPED = ("a]]>b", "]]>", "]]>]]>x", "a]]> <b>]]>", "how do I close ]]></b> ?")
TYPED_ENDS = ("]]></Content>", "]]></Content><MsgId>2</MsgId><Content>")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(("text", text) for text in (*TYPED, *TYPED_ENDS)),
        *(("hologram", text) for text in TYPED),
    ],
)
def test_a_cdata_end_that_somebody_has_typed(kind: str, text: str) -> None:
    """It ends the section only where the end of its own element follows, of a text's for good."""
    raw = (
        f"<xml><MsgType>{kind}</MsgType><Content><![CDATA[{text}]]></Content><MsgId>1</MsgId></xml>"
    ).encode()
    message = parse_message(raw)
    assert (message.content, message.fields["MsgId"]) == (text, "1")


INJECTED = "<InfoType><![CDATA[authorized]]></InfoType><Event>CLICK</Event><MsgType>event</MsgType>"


@pytest.mark.parametrize(
    ("kind", "name", "before", "behind"),
    [
        ("text", "Content", "", "<MsgId>1</MsgId>"),
        ("voice", "Recognition", "<MediaId>m</MediaId>", "<MsgId>1</MsgId>"),
        ("location", "Label", "<Scale>15</Scale>", "<MsgId>1</MsgId>"),
        ("link", "Title", "", "<Description><![CDATA[d]]></Description><Url>u</Url>"),
        ("link", "Description", "<Title>t</Title>", "<Url><![CDATA[u]]></Url><MsgId>1</MsgId>"),
        ("link", "Url", "<Title>t</Title>", "<MsgId>1</MsgId>"),
        ("miniprogrampage", "Title", "", "<AppId><![CDATA[wx0]]></AppId><MsgId>1</MsgId>"),
        ("event", "ScanResult", "<ScanCodeInfo><X>1</X>", "</ScanCodeInfo>"),
    ],
)
@pytest.mark.parametrize("escaped", [False, True])
def test_a_text_begins_no_element(
    kind: str, name: str, before: str, behind: str, escaped: bool
) -> None:
    """Whether WeChat escapes it or not, what a user types stays a text, well-formed or not."""
    typed = f"]]></{name}>{INJECTED}<{name}><![CDATA["
    written = typed.replace("]]>", "]]]]><![CDATA[>") if escaped else typed
    parts = (
        f"<xml><MsgType><![CDATA[{kind}]]></MsgType>{before}<{name}><![CDATA[",
        f"]]></{name}>{behind}</xml>",
    )
    expected = parse_message("harmless".join(parts).encode()).fields
    fields = parse_message(written.join(parts).encode()).fields
    assert json.dumps(fields) == json.dumps(expected).replace("harmless", json.dumps(typed)[1:-1])


_PIECES = ("]]>", "</", "<", "Title>", "Description>", "Url>", "![CDATA[", "Event>", "x", " ")
_IMITATIONS = st.lists(st.sampled_from(_PIECES), max_size=12).map("".join)


@given(_IMITATIONS, _IMITATIONS)
def test_a_link_begins_no_element(title: str, description: str) -> None:
    """Two texts one after the other, each of which may imitate the end of both."""
    raw = (
        "<xml><MsgType>link</MsgType>"
        f"<Title><![CDATA[{title}]]></Title>\n<Description><![CDATA[{description}]]></Description>"
        "\n<Url><![CDATA[https://a.example]]></Url>\n<MsgId>1</MsgId></xml>"
    )
    fields = parse_message(raw.encode()).fields
    assert [*fields] == ["MsgType", "Title", "Description", "Url", "MsgId"]
    assert all(isinstance(value, str) for value in fields.values())


def test_an_event_in_a_message_is_none() -> None:
    """Rules that look for an event's name are not told what a message calls itself."""
    assert read(**{**TEXT, "Event": "CLICK"}).event == ""


@pytest.mark.parametrize("letter", ["\x00", "\x0b", "\x1f", "\ufffe", "\uffff"])
def test_characters_that_xml_cannot_hold(letter: str) -> None:
    """They are replaced, and cost the message nothing else; JSON can hold them."""
    raw = f"<xml><Content><![CDATA[a{letter}b]]></Content><MsgId>1</MsgId></xml>"
    assert parse_message(raw.encode()).fields == {"Content": "a\ufffdb", "MsgId": "1"}
    assert parse_message(f'{{"Content": "a{letter}b"}}'.encode()).content == f"a{letter}b"


@pytest.mark.parametrize("text", ['{"Content": "hello"}', "<xml><Content>hello</Content></xml>"])
def test_a_byte_order_mark(text: str) -> None:
    """In front of either format it is passed over."""
    assert parse_message(b"\xef\xbb\xbf" + text.encode()).content == "hello"


@pytest.mark.parametrize(
    "plaintext",
    [
        b"",
        b"  \n",
        b"hello",
        b"<xml>",
        b"<xml></xml>",
        b"<html><a>1</a></html>",
        b"\xff\xfe",
        b"{",
        b'{"a": 1',
        b'["a"]',
        b"{" * 5000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b'{"a": [' + b"1," * 5000 + b"1]}",
        b"<!DOCTYPE xml [<!ENTITY a 'b'>]><xml><a>&a;</a></xml>",
        b"<xml>" + b"<a/>" * 5000 + b"</xml>",
        b"<xml><a><![CDATA[x]]>y]]></xml>",
    ],
)
def test_what_cannot_be_read(plaintext: bytes) -> None:
    """Garbage is refused by one error, which quotes nothing."""
    with pytest.raises(BadEnvelopeError) as raised:
        parse_message(plaintext)
    assert raised.value.stage == "message"
    assert "hello" not in raised.value.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CreateTime", "soon"),
        ("CreateTime", "17000003000000"),
        ("FromUserName", "a b"),
        ("MsgType", "é"),
    ],
)
def test_odd_values_count_as_not_there(name: str, value: str) -> None:
    """They are kept among the fields and believed nowhere else."""
    message = read(**{**TEXT, name: value})
    assert message.fields[name] == value
    attribute = {"CreateTime": message.create_time, "FromUserName": message.from_user_name}
    assert not attribute.get(name, message.msg_type if name == "MsgType" else None)


# --- identity ------------------------------------------------------------------------------------


def test_a_message_is_known_by_its_number() -> None:
    """Whatever else a repetition changes, and whichever format it comes in."""
    again = read(**{**TEXT, "Content": "changed", "CreateTime": 1700000305})
    assert message_identity(APPID, read(**TEXT)) == message_identity(APPID, again)
    as_json = parse_message(json.dumps(TEXT).encode())
    assert message_identity(APPID, as_json) == message_identity(APPID, again)


MEDIA_CHECK = {**CLICK, "Event": "wxa_media_check", "trace_id": "5f5a-1"}
CARD = {**CLICK, "Event": "user_get_card", "CardId": "p-1"}


@pytest.mark.parametrize(
    ("event", "change"),
    [
        (CLICK, {"FromUserName": "o-other"}),
        (CLICK, {"CreateTime": 1700000301}),
        (CLICK, {"Event": "VIEW"}),
        (CLICK, {"EventKey": "menu-2"}),
        (MEDIA_CHECK, {"trace_id": "5f5a-2"}),
        (CARD, {"CardId": "p-2"}),
        (CARD, {"MsgId": 5}),
    ],
)
def test_events_are_told_apart(event: dict[str, str | int], change: dict[str, str | int]) -> None:
    """By user, second and name, and by whichever field says which one it was."""
    assert message_identity(APPID, read(**event)) != message_identity(
        APPID, read(**{**event, **change})
    )


def test_a_repeated_event_is_known() -> None:
    """In the other order and in the other format too: it is the same content."""
    known = message_identity(APPID, read(**MEDIA_CHECK))
    turned = dict(reversed(MEDIA_CHECK.items()))
    assert message_identity(APPID, read(**turned)) == known
    assert message_identity(APPID, parse_message(json.dumps(turned).encode())) == known


_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=8), _VALUES, min_size=1, max_size=5), st.data())
def test_events_that_differ_anywhere_are_two(fields: dict[str, Any], data: st.DataObject) -> None:
    """One field changed, at the top or inside of another: another identity; turned over: none."""
    event = {**fields, "MsgType": "event", "Event": "any"}
    changed = _with_one_changed(event, data)
    known = message_identity(APPID, Message(event))
    assert message_identity(APPID, Message(changed)) != known
    assert message_identity(APPID, Message(_turned(event))) == known


def _with_one_changed(value: Any, data: st.DataObject) -> Any:
    """Return a value that differs from another in one text, at any depth."""
    if isinstance(value, str):
        return value + data.draw(st.text(min_size=1, max_size=3))
    names = [*value] if isinstance(value, dict) else list(range(len(value)))
    names = [name for name in names if name != "MsgType"]
    if not names:
        return "another"
    name = data.draw(st.sampled_from(names))
    copy = value.copy()
    copy[name] = _with_one_changed(value[name], data)
    return copy


def _turned(value: Any) -> Any:
    """Return the same content with the names of every group in the other order."""
    if isinstance(value, dict):
        return {name: _turned(inner) for name, inner in reversed(value.items())}
    return [_turned(inner) for inner in value] if isinstance(value, list) else value


def test_merchants_are_told_apart() -> None:
    """The same number at another merchant is another message."""
    message = read(**TEXT)
    assert message_identity(APPID, message) != message_identity("wx00000000000000a1", message)


def test_what_has_no_number_is_known_by_all_of_it() -> None:
    """Two strange messages are one only if they are equal."""
    one, other = read(MsgType="hologram", X="1"), read(MsgType="hologram", X="2")
    assert message_identity(APPID, one) == message_identity(APPID, read(MsgType="hologram", X="1"))
    assert message_identity(APPID, one) != message_identity(APPID, other)


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z]{1,8}", fullmatch=True),
        st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), max_size=20),
        min_size=1,
        max_size=6,
    )
)
def test_what_is_sent_is_what_is_read(fields: dict[str, str]) -> None:
    """Whatever texts a user writes, both formats bring them unchanged; no text breaks a reader."""
    safe = {name: value.replace("]]>", "]]]]><![CDATA[>") for name, value in fields.items()}
    lines = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in safe.items())
    assert parse_message(f"<xml>{lines}</xml>".encode()).fields == fields
    assert parse_message(json.dumps(fields).encode()).fields == fields
