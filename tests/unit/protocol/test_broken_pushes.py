"""Pushes that are refused: which field, and never its value."""

from __future__ import annotations

import pytest

from tests.unit.protocol.pushkit import (
    APPID,
    AUTHORIZER_APPID,
    CODE,
    ENTERPRISE,
    NEW_APPID,
    PRE_AUTH_CODE,
    TICKET,
    authorized_push,
    document,
    ticket_push,
)
from wxvault.errors import BadEnvelopeError
from wxvault.protocol.pushes import (
    Unknown,
    parse_push,
)


def _refused(plaintext: bytes) -> str:
    with pytest.raises(BadEnvelopeError) as raised:
        parse_push(plaintext)
    assert raised.value.stage == "push"
    return raised.value.message


def _without(plaintext: bytes, name: str) -> bytes:
    lines = plaintext.decode().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(f"<{name}>")).encode()


@pytest.mark.parametrize("name", ["AppId", "CreateTime", "InfoType", "ComponentVerifyTicket"])
def test_missing_field_of_a_ticket_is_named(name: str) -> None:
    """Each field a ticket needs is named when it is not there."""
    assert _refused(_without(ticket_push(), name)) == f"push: {name} is missing"


@pytest.mark.parametrize("name", ["AuthorizerAppid", "AuthorizationCode"])
def test_missing_field_of_an_authorisation_is_named(name: str) -> None:
    """Each field an authorisation needs is named when it is not there."""
    assert _refused(_without(authorized_push(), name)) == f"push: {name} is missing"


@pytest.mark.parametrize("info_type", ["n" * 129, "two words", "新"])
def test_info_type_is_a_name(info_type: str) -> None:
    """It is logged, stored and told, so it must be the short name it is in every push."""
    plaintext = document(AppId=APPID, CreateTime=1, InfoType=info_type)
    assert _refused(plaintext) == "push: InfoType is not 1 to 128 characters of printable ASCII"


def test_missing_appid_of_a_cancellation_is_named() -> None:
    """A cancellation without its account is refused."""
    plaintext = document(AppId=APPID, CreateTime=1, InfoType="unauthorized")
    assert _refused(plaintext) == "push: AuthorizerAppid is missing"


@pytest.mark.parametrize("name", ["appid", "status"])
def test_missing_field_of_a_registration_is_named(name: str) -> None:
    """A registration that claims success needs its account, and every one its status."""
    assert _refused(_without(ENTERPRISE, name)) == f"push: {name} is missing"


@pytest.mark.parametrize(
    "name",
    [
        "AppId", "CreateTime", "InfoType", "AuthorizerAppid", "AuthorizationCode",
        "AuthorizationCodeExpiredTime", "PreAuthCode",
    ],
)  # fmt: skip
def test_repeated_field_is_named(name: str) -> None:
    """A field that counts may stand there once only, even with the same value twice."""
    plaintext = authorized_push()
    line = next(line for line in plaintext.splitlines() if line.startswith(f"<{name}>".encode()))
    twice = plaintext.replace(line, line + line)
    assert _refused(twice) == f"push: {name} occurs more than once"


def test_field_with_elements_is_named() -> None:
    """A group where text belongs is refused."""
    plaintext = authorized_push().replace(CODE.encode(), b"]]><b>x</b><![CDATA[")
    assert _refused(plaintext) == "push: AuthorizationCode has elements inside"


@pytest.mark.parametrize(
    "bad", ["wx0123456789ABCDEF", "wx0123", "gh_97417a04a28d", "wx0123456789abcdeg", "0"]
)
@pytest.mark.parametrize("name", ["AppId", "AuthorizerAppid"])
def test_malformed_appid_is_named_and_not_quoted(name: str, bad: str) -> None:
    """What is no appid is refused by its field's name."""
    good = APPID if name == "AppId" else AUTHORIZER_APPID
    message = _refused(authorized_push().replace(f"[{good}]".encode(), f"[{bad}]".encode()))
    assert message == f"push: {name} is not an appid"


@pytest.mark.parametrize(
    "bad",
    ["x", "-1", "+1", "1.0", "1e9", "0x10", "1_0", "17000000000", "1700000000000", "１７", "٣"],
)
@pytest.mark.parametrize("name", ["CreateTime", "AuthorizationCodeExpiredTime"])
def test_malformed_time_is_named(name: str, bad: str) -> None:
    """Only up to ten ASCII digits are a time: thirteen (milliseconds) would outlive every other."""
    good = b"1700000100" if name == "CreateTime" else b"1700003700"
    message = _refused(authorized_push().replace(good, bad.encode()))
    assert message == f"push: {name} is not unix time in seconds"


@pytest.mark.parametrize("bad", ["x", "--1", "1.5", "٣"])
def test_malformed_status_is_named(bad: str) -> None:
    """A registration's status is an integer."""
    plaintext = ENTERPRISE.replace(b"<status>0<", f"<status>{bad}<".encode())
    assert _refused(plaintext) == "push: status is not an integer"


def test_registration_with_two_groups_is_refused() -> None:
    """Which of two applications is meant cannot be guessed."""
    plaintext = ENTERPRISE.replace(b"<info>", b"<info><name>x</name></info><info>")
    assert _refused(plaintext) == "push: info occurs more than once"


def test_registration_with_malformed_account_is_named() -> None:
    """A registration that claims success must name a usable account."""
    plaintext = ENTERPRISE.replace(NEW_APPID.encode(), b"wx1")
    assert _refused(plaintext) == "push: appid is not an appid"


@pytest.mark.parametrize("bad", ["two words", "票据", "x" * 1025, "\x7f"])
@pytest.mark.parametrize("name", ["AuthorizationCode", "PreAuthCode"])
def test_malformed_secret_is_named_and_not_quoted(name: str, bad: str) -> None:
    """Codes are printable ASCII of a sensible length."""
    good = CODE if name == "AuthorizationCode" else PRE_AUTH_CODE
    message = _refused(authorized_push().replace(good.encode(), bad.encode()))
    assert message == f"push: {name} is not 1 to 1024 characters of printable ASCII"


BAD_DOCUMENTS = {
    "empty": b"",
    "blank": b"\n\t ",
    "json": b'{"AppId":"wx"}',
    "not UTF-8": ticket_push().replace(b"ticket@@@", b"\xff"),
    "overlong UTF-8": ticket_push().replace(b"ticket@@@", b"\xc0\xbc"),
    "surrogate in UTF-8": ticket_push().replace(b"ticket@@@", b"\xed\xa0\x80"),
    "UTF-16": ticket_push().decode().encode("utf-16"),
    "control character": ticket_push().replace(b"ticket@@@", b"\x01"),
    "not closed": ticket_push()[:-6],
    "closed as in the documents' misprint": ticket_push()[:-6] + b"<xml>",
    "document type": b"<!DOCTYPE xml>" + ticket_push(),
    "document type in lower case": b"<!doctype xml>" + ticket_push(),
    "document type after the root": ticket_push() + b"<!DOCTYPE xml>",
    "document type in the root": b"<xml><!DOCTYPE xml></xml>",
    "mark and document type": b"\xef\xbb\xbf<!DOCTYPE xml>" + ticket_push(),
    "other root": ticket_push().replace(b"xml>", b"XML>"),
    "text only": b"<xml>success</xml>",
}


@pytest.mark.parametrize("plaintext", BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS)
def test_broken_document_is_refused(plaintext: bytes) -> None:
    """Whatever is no push is refused with stage ``push``, and nothing of it is quoted."""
    message = _refused(plaintext)
    assert TICKET[9:40] not in message


@pytest.mark.parametrize(("depth", "accepted"), [(14, True), (15, False), (2000, False)])
def test_depth_has_an_end(depth: int, accepted: bool) -> None:
    """Sixteen levels with the root are read, more are refused without any recursion error."""
    tower = "<a>" * depth + "x" + "</a>" * depth
    plaintext = (
        f"<xml><AppId>{APPID}</AppId><CreateTime>1</CreateTime><InfoType>new</InfoType>"
        f"<tower>{tower}</tower></xml>"
    ).encode()
    if accepted:
        assert isinstance(parse_push(plaintext), Unknown)
    else:
        assert _refused(plaintext) == "push: elements are nested deeper than 16"


def test_billion_laughs_are_not_told() -> None:
    """Entities that multiply are refused before the first of them is read."""
    lines = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    plaintext = f'<!DOCTYPE xml [<!ENTITY l0 "ha">{lines}]><xml><AppId>&l11;</AppId></xml>'
    assert _refused(plaintext.encode()) == "push: a document type (<!DOCTYPE) is not accepted"
