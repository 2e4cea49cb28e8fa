"""For which component a push is, and which push it is."""

from __future__ import annotations

import pytest

from tests.unit.protocol.pushkit import (
    APPID,
    AUTHORIZER_APPID,
    OTHER_APPID,
    REUSED,
    authorized_push,
    bare_document,
    document,
    ticket_push,
)
from wxvault.errors import AppidMismatchError
from wxvault.protocol.pushes import (
    Authorized,
    Push,
    Ticket,
    Unauthorized,
    parse_push,
    push_identity,
    require_component,
)


def test_push_for_another_component_is_a_mismatch() -> None:
    """The inner AppId is compared with our own."""
    push = parse_push(ticket_push())
    require_component(push, APPID)
    with pytest.raises(AppidMismatchError, match=OTHER_APPID):
        require_component(push, OTHER_APPID)


def _registration(**fields: str | int) -> Push:
    return parse_push(
        document(AppId=APPID, CreateTime=9, InfoType="notify_third_fasteregister", **fields)
    )


def _unknown(**fields: str | int) -> Push:
    return parse_push(document(AppId=APPID, CreateTime=9, InfoType="new", **fields))


DIFFERENT_PUSHES: dict[str, Push] = {
    "ticket": Ticket(APPID, 1, "t"),
    "later ticket": Ticket(APPID, 2, "t"),
    "other ticket": Ticket(APPID, 1, "u"),
    "authorized": Authorized(APPID, 1, AUTHORIZER_APPID, "c", 2, None, update=False),
    "updated": Authorized(APPID, 1, AUTHORIZER_APPID, "c", 2, None, update=True),
    "other code": Authorized(APPID, 1, AUTHORIZER_APPID, "d", 2, None, update=False),
    "other account": Authorized(APPID, 1, OTHER_APPID, "c", 2, None, update=False),
    "other component": Authorized(OTHER_APPID, 1, AUTHORIZER_APPID, "c", 2, None, update=False),
    "unauthorized": Unauthorized(APPID, 1, AUTHORIZER_APPID),
    "later unauthorized": Unauthorized(APPID, 11, AUTHORIZER_APPID),
    "failed registration": _registration(status=1, msg="a"),
    "other reason": _registration(status=1, msg="b"),
    "other status": _registration(status=2, msg="a"),
    "unknown": _unknown(taskid="1"),
    "unknown of the same second": _unknown(taskid="2"),
    "unknown with more": _unknown(taskid="1", more=""),
}


def test_different_pushes_have_different_identities() -> None:
    """Kind, account, time and code, or for other kinds the content, tell pushes apart."""
    identities = {name: push_identity(push) for name, push in DIFFERENT_PUSHES.items()}
    assert len(set(identities.values())) == len(identities)
    assert {len(identity) for identity in identities.values()} == {64}


def test_repeated_push_has_the_same_identity() -> None:
    """The same push in another spelling (order, CDATA, white space) is the same push."""
    spelt = bare_document(b="2", a="1", InfoType="new", CreateTime=9, AppId=APPID)
    assert push_identity(_unknown(a="1", b="2")) == push_identity(parse_push(spelt))
    assert push_identity(parse_push(REUSED)) == push_identity(parse_push(REUSED + b"\n"))


def test_identity_is_stable() -> None:
    """Identities are stored: they must not change between versions."""
    assert push_identity(parse_push(authorized_push())) == (
        "cbab36e15598f01eab104584c9bc46482ea6a91dd6037f9243c7d6823a6b62db"
    )
