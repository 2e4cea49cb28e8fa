"""What platforms ask about merchants by mistake: a clear answer, nothing changed, nobody asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.stack.accounts import about, ask, backend_of, cancelled
from tests.stack.refusals import assert_clear, unchanged_table
from tests.stack.truth import at_rest
from tests.stack.world import AUTHORIZER_INFO, World

if TYPE_CHECKING:
    from sandbox.stack.http_client import Answer
    from sandbox.stack.stack import LocalStack


@pytest.fixture(scope="module")
def known(stack: LocalStack) -> World:
    """A merchant with a token, about whom nothing is under way any more."""
    world = World.fresh(stack)
    at_rest(world, codes=[world.authorise().auth_code])
    return world


BAD: dict[str, tuple[str, str, dict[str, Any] | bytes, str]] = {
    "limit of none": ("GET", "/authorizers?limit=0", b"", "limit"),
    "limit of too many": ("GET", "/authorizers?limit=101", b"", "limit"),
    "no status": ("GET", "/authorizers?status=gone", b"", "status"),
    "no cursor": ("GET", "/authorizers?cursor=..%2F..%2Fetc", b"", "cursor"),
    "a cursor of another list": (
        "GET",
        "/authorizers?status=lost&cursor=MS4wMDAwMDAwMC53eDAwMDAwMDAwMDAwMDAwYTE",
        b"",
        "cursor",
    ),
    "both": ("GET", "/authorizers?unassigned=true&tenant_id=a", b"", "unassigned"),
    "no field": ("GET", "/authorizers?offset=7", b"", "offset"),
    "no appid": ("GET", "/authorizers/wx1", b"", "authorizer_appid"),
    "no sets": ("GET", "/authorizers/{appid}?wanted=all", b"", "wanted"),
    "no tenant said": ("POST", "/authorizers/{appid}/assign", {}, "tenant_id"),
    "no tenant": ("POST", "/authorizers/{appid}/assign", {"tenant_id": "a b"}, "tenant_id"),
    "no JSON": ("POST", "/authorizers/{appid}/assign", b"[1", "body"),
    "no option": ("POST", "/authorizers/{appid}/options", {"option_name": "x"}, "option_name"),
    "no value": (
        "POST",
        "/authorizers/{appid}/options",
        {"option_name": "voice_recognize", "option_value": "2"},
        "option_value",
    ),
    "an unknown field": ("POST", "/authorizers/{appid}/forget", {"force": True}, "force"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_requests(known: World, name: str) -> None:
    """400 that names the field; nothing changed, WeChat not asked."""
    method, path, body, field = BAD[name]
    world = known
    asked = world.stack.wechat.last_seq()
    with unchanged_table(world.stack):
        answer: Answer = backend_of(world.stack).http(
            method, path.format(appid=world.appid), body=body
        )
        error = assert_clear(world.stack, answer, 400, "invalid_request")
    assert error["message"].startswith(f"{field}:"), error
    calls = world.stack.wechat.log(since=asked)
    assert [one for one in calls if world.appid in str(one)] == []


@pytest.mark.parametrize("action", ["get", "assign", "forget", "refresh", "options"])
def test_a_foreign_appid_is_unknown(known: World, action: str) -> None:
    """An account at WeChat that never came, and the component's own appid: 404, nothing made."""
    world = known
    stranger = world.another_merchant()["appid"]
    fields = {"tenant_id": "acme"} if action == "assign" else {}
    with unchanged_table(world.stack):
        for appid in (stranger, world.stack.component.appid):
            error = ask(world, action, authorizer_appid=appid, **fields)["error"]
            assert error["code"] == "unknown_authorizer"
            assert error["remedy"]


def test_a_revoked_merchant_has_no_options(world: World) -> None:
    """The errors of the look-up, word for word; its profile is not asked for."""
    world.authorise()
    cancelled(world)
    asked = world.count(AUTHORIZER_INFO, what="calls")
    assert about(world, "options")["error"]["code"] == "authorizer_revoked"
    told = about(world, "get")
    assert (told["status"], told["profile"]) == ("revoked", None)
    assert world.count(AUTHORIZER_INFO, what="calls") == asked


def test_an_unknown_action_says_which_there_are(known: World) -> None:
    """Whoever guesses learns the words."""
    error = ask(known, "delete")["error"]
    assert (error["code"], "forget_tenant" in error["message"]) == ("invalid_request", True)
