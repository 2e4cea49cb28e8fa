"""What a platform may ask about its merchants: each field checked and named, cursors of our own."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wxvault.errors import InvalidRequestError
from wxvault.runtime.account_requests import (
    ListRequest,
    authorizer_of,
    cursor,
    tenant_of,
    tenant_to_assign,
    wanted_sets,
)
from wxvault.services.selection import Selection
from wxvault.services.state import Status

APPID = "wx00000000000000a1"
SELECTIONS = st.builds(
    Selection,
    st.none() | st.sampled_from(tuple(Status)),
    st.none() | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
)


def wanted_of(selection: Selection) -> dict[str, Any]:
    """Return the fields that ask for a selection."""
    fields = {"status": selection.status, "tenant_id": selection.tenant_id}
    return {name: value for name, value in fields.items() if value is not None}


def test_a_list_of_all() -> None:
    """Nothing needs to be said; texts of a query mean the same as an invoke's values."""
    request = ListRequest.read({})
    assert (request.selection, request.limit, request.after) == (Selection(), 50, None)
    texts = {"limit": "100", "unassigned": "true", "status": "lost"}
    values = {"limit": 100, "unassigned": True, "status": "lost"}
    assert ListRequest.read(texts) == ListRequest.read(values)
    assert ListRequest.read(texts).selection == Selection(Status.LOST, unassigned=True)


@given(SELECTIONS, st.from_regex(r"wx[0-9a-f]{16}", fullmatch=True))
def test_a_cursor_comes_back_as_it_was(selection: Selection, appid: str) -> None:
    """It is one word for a URL, and says after whom the same list goes on."""
    given_out = cursor(selection, appid)
    assert given_out is not None
    assert given_out.replace("-", "").replace("_", "").isalnum()
    request = ListRequest.read({"cursor": given_out, **wanted_of(selection)})
    assert (request.selection, request.after) == (selection, appid)


def test_the_end_has_no_cursor() -> None:
    """Whoever has all is sent nowhere."""
    assert cursor(Selection(), None) is None


def test_a_cursor_belongs_to_its_list() -> None:
    """With other filters it would leave out what was never shown."""
    given_out = cursor(Selection(status=Status.ACTIVE), APPID)
    for other in ({}, {"status": "lost"}, {"status": "active", "tenant_id": "acme"}):
        with pytest.raises(InvalidRequestError, match="another status or tenant") as caught:
            ListRequest.read({"cursor": given_out, **other})
        assert caught.value.field == "cursor"


@given(st.text() | st.integers() | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
def test_whatever_is_no_cursor_is_refused(value: object) -> None:
    """Nothing but a clear error comes of it."""
    with pytest.raises(InvalidRequestError, match=r"^cursor: ") as caught:
        ListRequest.read({"cursor": value})
    assert "without a cursor" in caught.value.remedy


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": "0"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "1.5"}, "limit"),
        ({"limit": 1.5}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": ""}, "limit"),
        ({"limit": None}, "limit"),
        ({"status": "gone"}, "status"),
        ({"status": 1}, "status"),
        ({"status": ["active"]}, "status"),
        ({"tenant_id": ""}, "tenant_id"),
        ({"tenant_id": "-"}, "tenant_id"),
        ({"tenant_id": "a/b"}, "tenant_id"),
        ({"unassigned": "yes"}, "unassigned"),
        ({"unassigned": 1, "tenant_id": "acme"}, "unassigned"),
        ({"unassigned": True, "tenant_id": "acme"}, "unassigned"),
        ({"offset": 3}, "offset"),
    ],
)
def test_a_field_that_cannot_be_accepted_is_named(wanted: dict[str, Any], field: str) -> None:
    """Each by its name, before anything is read."""
    with pytest.raises(InvalidRequestError) as caught:
        ListRequest.read(wanted)
    assert caught.value.field == field


@pytest.mark.parametrize("appid", [None, "", "wx1", APPID.upper(), f"{APPID}#", 5, [APPID]])
def test_what_is_no_appid_is_refused(appid: object) -> None:
    """Neither another's item nor anything else can be named by it."""
    with pytest.raises(InvalidRequestError) as caught:
        authorizer_of({"authorizer_appid": appid})
    assert caught.value.field == "authorizer_appid"


def test_whom_to_assign_to_has_to_be_said() -> None:
    """Null is nobody; nothing is a mistake."""
    assert tenant_to_assign({"tenant_id": None}) is None
    assert tenant_to_assign({"tenant_id": "acme"}) == "acme"
    for wanted in ({}, {"tenant_id": 7}, {"tenant_id": "a b"}):
        with pytest.raises(InvalidRequestError, match="tenant_id"):
            tenant_to_assign(wanted)
    with pytest.raises(InvalidRequestError, match="tenant_id"):
        tenant_of({"tenant_id": None})


@pytest.mark.parametrize("value", ["1,18", "1, 18", "1,18\x1f", [1, 18], ["1", 18], "18,1,1"])
def test_wanted_permission_sets(value: object) -> None:
    """A list of numbers, or a text of them."""
    assert wanted_sets(value) == {1, 18}
    assert wanted_sets(None) == frozenset()


@pytest.mark.parametrize(
    "value",
    ["", "1,", "one", "-1", "0", 1, [], [True], [1.0], [None], {"1": 1}, list(range(1, 300))],
)
def test_what_are_no_permission_sets_is_refused(value: object) -> None:
    """No number, or too many of them."""
    with pytest.raises(InvalidRequestError, match=r"^wanted: "):
        wanted_sets(value)
