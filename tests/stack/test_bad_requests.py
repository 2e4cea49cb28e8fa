"""What people and programs send by mistake or on purpose: sessions, codes, return URLs, options."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from sandbox.stack.browser import Browser
from tests.stack.refusals import assert_clear, assert_clear_page, unchanged_table
from tests.stack.truth import Vault, at_rest, sha256
from tests.stack.world import PRE_AUTH_CODE, QUERY_AUTH, World

if TYPE_CHECKING:
    from sandbox.stack.http_client import Answer
    from sandbox.stack.journey.merchant import Visit

CODE = "queryauthcode@@@" + "C" * 86


def calls(world: World, path: str) -> int:
    """How often WeChat was asked anything of this kind since the test began."""
    return world.stack.wechat.count(path, since=world.calls_since, what="calls")


def only_codes(key: tuple[str, str]) -> bool:
    """Whatever code a browser brings is written down: it cannot be told from a good one."""
    return key[1] == "CODE"


# ---- sessions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "session", ["A" * 43, "short", "x" * 500, "%00"], ids=["well-formed", "short", "long", "zero"]
)
def test_an_unknown_session_is_404_and_asks_wechat_nothing(world: World, session: str) -> None:
    """For the launch page, its button, the landing with a code, its result, and the backend."""
    stack = world.stack
    url = f"{stack.platform_url}/author"
    code = f"?auth_code={quote(CODE)}&expires_in=3600"
    with unchanged_table(stack):
        for answer in (
            Browser().get(f"{url}ize/{session}"),
            Browser().post(f"{url}ize/{session}"),
            Browser().get(f"{url}ized/{session}{code}"),
            Browser().get(f"{url}ized/{session}/result"),
        ):
            assert_clear_page(stack, answer, 404, "unknown_session")
        asked = world.backend.http("GET", f"/tenants/{world.tenant_id}/auth-urls/{session}")
        assert_clear(stack, asked, 404, "unknown_session")
    assert (calls(world, PRE_AUTH_CODE), calls(world, QUERY_AUTH)) == (0, 0)


def expire_session(world: World, trip: Visit) -> None:
    """Let a session's time be over: the shortest there is lasts a quarter of an hour."""
    component = world.stack.component.appid
    world.stack.root.dynamodb.update_item(
        TableName=world.stack.outputs["TableName"],
        Key={"pk": {"S": f"S#{component}#{sha256(trip.session_id)}"}, "sk": {"S": "SESSION"}},
        UpdateExpression="SET #end = :past",
        ConditionExpression="attribute_exists(#end)",
        ExpressionAttributeNames={"#end": "expires_at"},
        ExpressionAttributeValues={":past": {"N": str(int(time.time()) - 1)}},
    )


def test_an_expired_session_cannot_be_launched(world: World) -> None:
    """410 with a way out, nothing minted; the backend is told that it has expired."""
    trip = world.visit(style="pc")
    expire_session(world, trip)
    with unchanged_table(world.stack):
        for answer in (trip.browser.get(trip.launch_url), trip.browser.post(trip.launch_url)):
            assert_clear_page(world.stack, answer, 410, "session_expired")
        assert world.session(trip) == {"status": "expired", "authorizers": []}
    assert calls(world, PRE_AUTH_CODE) == 0


def test_a_merchant_who_took_long_at_wechat_is_not_turned_away(world: World) -> None:
    """The session expired while WeChat's page was open: the code counts all the same."""
    trip = world.launched(style="pc")
    confirmation = trip.confirm(world.appid, push="none")
    expire_session(world, trip)
    assert trip.land(confirmation).status == 200
    world.wait_done(trip)


def test_a_button_pressed_twice_mints_one_code(world: World) -> None:
    """The second press within three seconds: 429, and a page that says to wait."""
    trip = world.launched(style="pc")
    again = trip.browser.post(trip.launch_url)
    assert_clear_page(world.stack, again, 429, "mint_limit")
    assert calls(world, PRE_AUTH_CODE) == 1


# ---- codes --------------------------------------------------------------------------------------


def result_of(trip: Visit, code: str) -> Answer:
    """Come back from WeChat with a code, and look at the page in the end."""
    url = f"{trip.stack.platform_url}/authorized/{trip.session_id}"
    return trip.browser.get(f"{url}?auth_code={quote(code)}&expires_in=3600", follow=True)


FAILED = "The authorisation was not completed"


def failed(answer: Answer) -> bool:
    """Whether the page says that it failed, in either language."""
    return FAILED in answer.text or "授权没有完成" in answer.text


@pytest.mark.parametrize("code", ["short", "x" * 600, "a b" * 10, "<script>alert(1)</script>"])
def test_what_is_no_code_is_refused_at_the_door(world: World, code: str) -> None:
    """400, nothing written, nothing asked."""
    trip = world.launched(style="pc")
    with unchanged_table(world.stack):
        page = assert_clear_page(world.stack, result_of(trip, code), 400, "invalid_request")
        assert "auth_code" in page
    assert calls(world, QUERY_AUTH) == 0


def test_a_redirect_without_a_code_is_refused(world: World) -> None:
    """400: somebody opened the address by hand."""
    trip = world.launched(style="pc")
    with unchanged_table(world.stack):
        answer = trip.browser.get(f"{world.stack.platform_url}/authorized/{trip.session_id}")
        assert "auth_code" in assert_clear_page(world.stack, answer, 400, "invalid_request")


def test_a_code_of_another_platform_leads_nowhere(world: World) -> None:
    """WeChat does not know it (61009): the page says so, nobody is authorised, one call."""
    trip = world.launched(style="pc")
    with unchanged_table(world.stack, lambda key: only_codes(key) or key[1] == "SESSION"):
        assert failed(result_of(trip, CODE))
        assert failed(result_of(trip, CODE))
    assert world.session(trip)["authorizers"] == []
    code = Vault(world.stack).code(CODE)
    assert code is not None
    assert (code.status, code.wechat_errcode) == ("failed", 61009)
    assert "authorization_code" not in code.item
    assert calls(world, QUERY_AUTH) == 1


def test_an_expired_code_leads_nowhere(world: World) -> None:
    """WeChat refuses it (61010): the same."""
    trip = world.launched(style="pc")
    confirmation = trip.confirm(world.appid, push="none")
    world.stack.wechat.expire(world.appid, "codes")
    assert failed(trip.land(confirmation))
    code = Vault(world.stack).code(confirmation.auth_code)
    assert code is not None
    assert (code.status, code.wechat_errcode) == ("failed", 61010)
    assert Vault(world.stack).tokens.get(world.appid) is None
    assert calls(world, QUERY_AUTH) == 1


def test_a_failed_merchant_goes_back_to_the_tenant(world: World) -> None:
    """With a return URL the tenant is told that it failed."""
    back = f"{world.stack.wechat_url}/returned"
    trip = world.launched(style="pc", return_url=back, state="7")
    url = f"{world.stack.platform_url}/authorized/{trip.session_id}"
    landed = trip.browser.get(f"{url}?auth_code={quote(CODE[:-1])}2")
    sent = trip.browser.get(f"{world.stack.platform_url}{landed.header('location')}")
    assert (sent.status, sent.header("location")) == (303, f"{back}?status=failed&state=7")


def test_a_code_is_used_once_whoever_shows_it(world: World) -> None:
    """The code of one tenant's merchant, shown again by another tenant's browser: no effect."""
    confirmation = world.authorise()
    at_rest(world)
    thief = World.fresh(world.stack)
    trip = thief.launched(style="pc")
    before = Vault(world.stack).state(world.appid)
    with unchanged_table(world.stack, lambda key: key[1] in {"CODE", "SESSION"}):
        result_of(trip, confirmation.auth_code)
        result_of(trip, confirmation.auth_code)
        at_rest(world)
    assert Vault(world.stack).state(world.appid) == before
    assert thief.session(trip)["authorizers"] == []
    assert world.count(QUERY_AUTH, what="calls") == 1


# ---- requests for a link ------------------------------------------------------------------------

RETURNS = (
    "http://127.0.0.1:{port}",
    "http://127.0.0.1:{port}/other",
    "http://127.0.0.1:{port}/returnedX",
    "http://127.0.0.1:{port}/returned/../other",
    "http://127.0.0.1:{port}/returned/%2e%2e/other",
    "http://127.0.0.1:{port}/returned%2fother",
    "http://127.0.0.1:1/returned",
    "http://127.0.0.1/returned",
    "https://127.0.0.1:{port}/returned",
    "http://127.0.0.1.evil.example:{port}/returned",
    "http://evil.example/returned",
    "http://evil.example\\@127.0.0.1:{port}/returned",
    "http://user@127.0.0.1:{port}/returned",
    "http://user:password@127.0.0.1:{port}/returned",
    "http://127.0.0.1:{port}\\@evil.example/returned",
    "http://127.0.0.1:{port}\\returned",
    "http://127.0.0%2e1:{port}/returned",
    "http://%31%32%37.0.0.1:{port}/returned",
    "http://127.1:{port}/returned",
    "http://2130706433:{port}/returned",
    "//127.0.0.1:{port}/returned",
    "/returned",
    "javascript:alert(1)",
    "http://127.0.0.1:{port}/returned\n",
    "http://127.0.0.1:{port}/returned#中",
    "",
)


@pytest.mark.parametrize("return_url", RETURNS)
def test_merchants_are_sent_nowhere_else(world: World, return_url: str) -> None:
    """Outside, almost inside, with a user, a backslash, an encoded host: 400 names the field."""
    wanted = return_url.format(port=world.stack.wechat_url.rpartition(":")[2])
    _assert_refused(world, "return_url", return_url=wanted)


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("auth_type", {"auth_type": 7}),
        ("auth_type", {"auth_type": 9}),
        ("auth_type", {"auth_type": 0}),
        ("auth_type", {"auth_type": "3"}),
        ("auth_type", {"auth_type": True}),
        ("auth_type", {"auth_type": 4, "style": "plugin"}),
        ("category_id_list", {"category_id_list": [1], "style": "plugin"}),
        ("category_id_list", {"category_id_list": "1|2"}),
        ("category_id_list[1]", {"category_id_list": [1, "2"]}),
        ("biz_appid", {"biz_appid": "wx123"}),
        ("style", {"style": "tv"}),
        ("ttl", {"ttl": 899}),
        ("ttl", {"ttl": 604801}),
        ("ttl", {"ttl": "900"}),
        ("state", {"state": "x" * 513}),
        ("tenant_name", {"tenant_name": 7}),
        ("redirect_uri", {"redirect_uri": "https://evil.example"}),
    ],
    ids=str,
)
def test_a_request_for_a_link_names_the_field_that_is_wrong(
    world: World, field: str, wanted: dict[str, Any]
) -> None:
    """400, no session, no pre-auth code."""
    _assert_refused(world, field, **wanted)


def _assert_refused(world: World, field: str, **wanted: Any) -> None:
    with unchanged_table(world.stack):
        path = f"/tenants/{world.tenant_id}/auth-urls"
        answer = world.backend.http("POST", path, body=wanted)
        error = assert_clear(world.stack, answer, 400, "invalid_request")
        invoked = world.stack.trusted_caller().invoke(
            world.stack.outputs["SessionsFunction"],
            {"action": "create", "tenant_id": world.tenant_id, **wanted},
        )
    assert error["message"].startswith(f"{field}: ")
    assert invoked["error"]["message"] == error["message"]
    assert calls(world, PRE_AUTH_CODE) == 0


@pytest.mark.parametrize("body", [b"[]", b"{", b"7", b'"text"', b"\xff\xfe", b"[" * 70000])
def test_a_body_that_is_no_object_is_refused(world: World, body: bytes) -> None:
    """400 or 413, never a 500."""
    with unchanged_table(world.stack):
        answer = world.backend.http("POST", f"/tenants/{world.tenant_id}/auth-urls", body=body)
        large = len(body) > 64 * 1024
        code = ("request_too_large", 413) if large else ("invalid_request", 400)
        assert_clear(world.stack, answer, code[1], code[0])


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ({"authorizer_appid": "gh_0123456789ab"}, "authorizer_appid"),
        ({"authorizer_appid": "wx0000000000000001", "min_ttl": 1201}, "min_ttl"),
        ({"authorizer_appid": "wx0000000000000001", "min_ttl": -1}, "min_ttl"),
        ({"authorizer_appid": "wx0000000000000001", "component": True}, "authorizer_appid"),
        ({"authorizer_appid": "wx0000000000000001", "rejected_token": "x"}, "rejected_token"),
        (
            {"authorizer_appid": "wx0000000000000001", "rejected_token_sha256": "X" * 64},
            "rejected_token_sha256",
        ),
        ({}, "authorizer_appid"),
    ],
    ids=str,
)
def test_a_look_up_names_the_field_that_is_wrong(
    world: World, question: dict[str, Any], field: str
) -> None:
    """By invoke, an error is an answer: code, message, remedy, request id."""
    answer = world.stack.trusted_caller().invoke(world.stack.outputs["TokenFunction"], question)
    error = answer["error"]
    assert (error["code"], error["message"].partition(":")[0]) == ("invalid_request", field)
    assert error["remedy"]
    assert error["request_id"]
