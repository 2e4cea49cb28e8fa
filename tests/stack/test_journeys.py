"""The journeys of a merchant: every kind of link, what the tenant is told, changes, coming back."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.stack.journey.facts import StepFailedError
from sandbox.stack.journey.merchant import Visit
from sandbox.stack.observe import eventually
from tests.stack.pages import (
    ON_A_COMPUTER,
    WECHAT_ON_A_PHONE,
    browser_that_is,
    confirm_on_page,
    offered,
)
from tests.stack.stories import call_held
from tests.stack.truth import Vault, assert_truth, at_rest
from tests.stack.world import AUTHORIZER_TOKEN, COMPONENT_TOKEN, PRE_AUTH_CODE, QUERY_AUTH, World
from wxvault.services.state import Status

if TYPE_CHECKING:
    from typing import Any

    from sandbox.stack.stack import LocalStack

PC, H5, H5_OLD = "/cgi-bin/componentloginpage", "/wxaopen/safe/bindcomponent", "/safe/bindcomponent"


def profile(world: World) -> dict[str, Any]:
    """What the table says of the merchant's permission sets."""
    table, component = world.stack.outputs["TableName"], world.stack.component.appid
    key = {"pk": {"S": f"A#{component}#{world.appid}"}, "sk": {"S": "PROFILE"}}
    return dict(world.stack.root.dynamodb.get_item(TableName=table, Key=key)["Item"])


# ---- tickets ------------------------------------------------------------------------------------


def test_a_ticket_is_kept_and_buys_the_component_token(stack: LocalStack) -> None:
    """Each ticket is an item of its own; a fresh component token is not bought again for it."""
    function, caller = stack.functions["token"].alias, stack.trusted_caller()
    bought = caller.invoke(function, {"component": True})
    before = stack.wechat.last_seq()
    report = stack.wechat.push_ticket()
    assert (report.state, len(report.attempts)) == ("delivered", 1)
    tickets = [item for item in stack.scan_table() if item["sk"].get("S", "").startswith("TICKET#")]
    assert int(report.created_at) in {int(item["create_time"]["N"]) for item in tickets}
    assert stack.wechat.check(bought["access_token"]).honoured
    assert caller.invoke(function, {"component": True}) == bought
    assert stack.wechat.count(COMPONENT_TOKEN, since=before, what="calls") == 0


# ---- onboarding ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("style", "user_agent", "path"),
    [
        ("pc", ON_A_COMPUTER, PC),
        ("h5", WECHAT_ON_A_PHONE, H5),
        ("h5_old", WECHAT_ON_A_PHONE, H5_OLD),
        ("auto", ON_A_COMPUTER, PC),
        ("auto", WECHAT_ON_A_PHONE, H5),
    ],
    ids=["pc", "h5", "h5_old", "auto on a computer", "auto in WeChat"],
)
def test_a_merchant_comes_through_wechats_page(
    world: World, style: str, user_agent: str, path: str
) -> None:
    """Launch, WeChat's page with Referer and domain rules, the way back with the cookie: done."""
    created = world.create_session(style=style, tenant_name="Corner Shop")
    browser = browser_that_is(user_agent)
    trip = Visit(world.stack, created["session_id"], created["launch_url"], browser)
    assert world.session(trip) == {"status": "waiting", "authorizers": []}
    assert urlsplit(trip.launch()).path == path
    final = confirm_on_page(trip, world.appid)
    assert final.status == 200
    assert urlsplit(browser.visited[-1][1]).path == f"/authorized/{trip.session_id}/result"
    assert "Corner Shop" in final.text
    assert world.wait_done(trip)["authorizers"] == [world.appid]
    world.stack.wechat.wait_idle()
    assert_truth(world)
    assert profile(world)["permission_sets"]["L"] == [{"N": "1"}]
    assert world.count(QUERY_AUTH, what="calls") == 1


def test_opening_a_link_mints_nothing(world: World) -> None:
    """Previews and scanners may fetch the launch page as often as they like."""
    trip = world.visit(style="pc")
    for _ in range(3):
        assert trip.browser.get(trip.launch_url).status == 200
    minted = world.stack.wechat.count(PRE_AUTH_CODE, since=world.calls_since, what="calls")
    assert minted == 0
    assert trip.browser.cookies(f"{world.stack.platform_url}/authorized/x") == {}


def test_a_link_for_one_account_offers_only_that_one(world: World) -> None:
    """``biz_appid`` and ``category_id_list`` reach WeChat's page."""
    world.another_merchant()
    trip = world.launched(style="pc", biz_appid=world.appid, category_id_list=[1, 4])
    page = trip.browser.get(trip.onward_url, referer=trip.referer)
    assert offered(page) == [world.appid]
    confirmation = trip.confirm(world.appid)
    trip.land(confirmation)
    world.wait_done(trip)
    granted = {entry["N"] for entry in profile(world)["permission_sets"]["L"]}
    assert granted
    assert granted <= {"1", "4"}


def test_the_plugins_merchant_is_bound_by_the_push(world: World) -> None:
    """A mini program gets what the plugin wants; there is no redirect and no launch page."""
    created = world.create_session(style="plugin", auth_type=3)
    assert "launch_url" not in created or created["launch_url"] is None
    call = {
        name: created[name]
        for name in ("platformAppID", "preAuthCode", "authType", "bizAppid")
        if created.get(name) is not None
    }
    confirmation = world.stack.wechat.plugin_authorize(world.appid, call)
    assert confirmation.redirect_url is None
    trip = Visit(world.stack, created["session_id"], "")
    world.wait_done(trip)
    assert_truth(world, codes=[confirmation.auth_code])


def test_the_tenant_can_watch_a_session_come_to_its_end(world: World) -> None:
    """Waiting until the browser is back, confirmed while WeChat is asked, then done."""
    trip = world.launched(style="pc")
    confirmation = trip.confirm(world.appid, push="none")
    with ThreadPoolExecutor(1) as merchant:
        with call_held(world, "slow", QUERY_AUTH, seconds=1):
            assert world.session(trip)["status"] == "waiting"
            merchant.submit(trip.land, confirmation)
        assert world.session(trip) == {"status": "confirmed", "authorizers": []}
    assert world.wait_done(trip)["authorizers"] == [world.appid]


def test_one_link_may_bring_several_accounts(world: World) -> None:
    """A session counts everybody who authorises through it until it expires."""
    trip = world.launched(style="pc")
    trip.land(trip.confirm(world.appid))
    other = World.fresh(world.stack)
    second = Visit(world.stack, trip.session_id, trip.launch_url)

    def pressed() -> bool:
        # A button pressed twice within three seconds is pressed once too often.
        try:
            return bool(second.launch())
        except StepFailedError:
            return False

    eventually(pressed, what="a second code for the session")
    second.land(second.confirm(other.appid))

    def both() -> bool:
        authorizers: list[str] = world.session(trip)["authorizers"]
        return authorizers == sorted([world.appid, other.appid])

    eventually(both, what="both accounts are in the session")
    assert Vault(world.stack).state(other.appid).tenant_id == world.tenant_id


def test_the_merchant_is_sent_back_with_the_tenants_state(world: World) -> None:
    """Our parameters go into the query, before the tenant's own fragment."""
    back = f"{world.stack.wechat_url}/returned?shop=7#top"
    trip = world.launched(style="pc", return_url=back, state="a&b=c 中")
    confirmation = trip.confirm(world.appid)
    landed = trip.browser.get(confirmation.redirect_url or "")
    assert (landed.status, landed.header("location")) == (
        303,
        f"/authorized/{trip.session_id}/result",
    )
    sent = trip.browser.get(f"{world.stack.platform_url}{landed.header('location')}")
    assert sent.status == 303
    target = urlsplit(sent.header("location"))
    assert (target.path, target.fragment) == ("/returned", "top")
    assert parse_qs(target.query) == {
        "shop": ["7"],
        "status": ["done"],
        "authorizer_appid": [world.appid],
        "state": ["a&b=c 中"],
    }


def test_a_redirect_without_the_launch_cookie_binds_nobody(world: World) -> None:
    """Somebody else's browser brings the code: exchanged, but nobody's until the push comes."""
    trip = world.launched(style="pc")
    confirmation = trip.confirm(world.appid, push="hold")
    Visit(world.stack, trip.session_id, trip.launch_url).land(confirmation)
    assert at_rest(world, [confirmation.auth_code]).tenant_id is None
    assert world.session(trip) == {"status": "waiting", "authorizers": []}
    world.stack.wechat.release_push(confirmation.push_id or "")
    world.wait_done(trip)
    assert_truth(world, codes=[confirmation.auth_code])


def test_a_tenants_session_is_nobody_elses(world: World) -> None:
    """Another tenant's role may not ask for it, and asked in that tenant's name it is unknown."""
    trip = world.visit(style="pc")
    other = World.fresh(world.stack)
    path = f"auth-urls/{trip.session_id}"
    assert other.backend.http("GET", f"/tenants/{world.tenant_id}/{path}").status == 403
    unknown = other.backend.http("GET", f"/tenants/{other.tenant_id}/{path}")
    assert (unknown.status, unknown.json()["error"]["code"]) == (404, "unknown_session")
    asked = other.backend.http("POST", f"/tenants/{world.tenant_id}/auth-urls", body={})
    assert asked.status == 403


# ---- changes ------------------------------------------------------------------------------------


def test_a_changed_grant_is_exchanged_and_told(world: World) -> None:
    """``updateauthorized`` brings new tokens and new permission sets to the same tenant."""
    first = world.authorise(func_ids=[1, 2, 3])
    trip = world.launched(style="pc")
    again = trip.confirm(world.appid, func_ids=[1])
    assert again.change == "updateauthorized"
    trip.land(again)
    world.wait_done(trip)
    world.stack.wechat.wait_idle()
    assert_truth(world, codes=[first.auth_code, again.auth_code])
    assert profile(world)["permission_sets"]["L"] == [{"N": "1"}]
    assert [event.kind for event in world.events()] == [
        "authorizer.authorized",
        "authorizer.updated",
    ]


def test_a_merchant_cancels_and_comes_back(world: World) -> None:
    """Revoked at once for every look-up; the next authorisation starts afresh."""
    first = world.authorise()
    old = world.token()
    world.stack.wechat.cancel(world.appid, push="first")
    assert world.look_up()["error"]["code"] == "authorizer_revoked"
    assert_truth(world, codes=[first.auth_code], active=False)
    assert not world.stack.wechat.check(old).honoured
    # WeChat's CreateTime has whole seconds: a grant in the second of a cancellation is older.
    again = _authorise_in_the_next_second(world)
    assert_truth(world, codes=[first.auth_code, again])
    assert [event.kind for event in world.events()] == [
        "authorizer.authorized",
        "authorizer.revoked",
        "authorizer.authorized",
    ]


def _authorise_in_the_next_second(world: World) -> str:
    unauthorized_at = Vault(world.stack).state(world.appid).unauthorized_at or 0

    def later() -> bool:
        return int(world.stack.wechat.health()["now"]) > unauthorized_at

    eventually(later, what="WeChat's next second")
    return world.authorise().auth_code


def test_another_tenant_never_gets_a_merchant_by_itself(world: World) -> None:
    """The merchant authorises through a second tenant's link: tokens renewed, the tenant stays."""
    first = world.authorise()
    second = World.fresh(world.stack)
    trip = second.launched(style="pc")
    again = trip.confirm(world.appid, func_ids=[1])
    trip.land(again)
    world.stack.wechat.wait_idle()
    assert_truth(world, codes=[first.auth_code, again.auth_code])
    told = [event for event in world.events() if event.kind == "authorizer.tenant_conflict"]
    assert [event.detail["claimed_by_tenant_id"] for event in told] == [second.tenant_id]
    assert [event.detail["tenant_id"] for event in told] == [world.tenant_id]
    assert second.session(trip) == {"status": "confirmed", "authorizers": []}


def test_a_fast_registration_brings_a_mini_program(stack: LocalStack) -> None:
    """It comes authorised with a code of its own, from no link: kept fresh, nobody's so far."""
    since = stack.wechat.last_seq()
    report, appid = stack.wechat.push_registration(merchant={"kind": "mp"})
    assert report.state == "delivered"
    merchant = stack.wechat.merchant(appid)
    world = World(stack, "nobody", merchant, report.created_at, since)
    eventually(lambda: "access_token" in world.look_up(), what="its token")
    assert_truth(world, tenant=None)
    kinds = {event.kind for event in world.events()}
    assert kinds == {"registration.succeeded", "authorizer.authorized"}
    assert world.count(QUERY_AUTH, what="calls") == 1


def test_an_account_without_api_ability_has_no_token(world: World) -> None:
    """It is authorised and belongs to its tenant; a look-up says why there is nothing."""
    merchant = world.another_merchant(api_ability=False)
    mute = World(world.stack, world.tenant_id, merchant, world.since, world.calls_since)
    mute.authorise()
    state = at_rest(mute)
    assert (state.status, state.tenant_id, state.due_at) == ("active", world.tenant_id, None)
    error = mute.look_up()["error"]
    assert error["code"] == "no_api_ability"
    assert error["remedy"]
    assert mute.count(AUTHORIZER_TOKEN, what="calls") == 0


def test_who_comes_back_after_the_retention_is_a_new_merchant(stack: LocalStack) -> None:
    """What is past its end is deleted by whoever writes first, who has the right to."""
    world = World.fresh(stack)
    world.authorise()
    world.stack.wechat.cancel(world.appid, push="first")
    eventually(
        lambda: (
            Vault(stack).state(world.appid).status is Status.REVOKED
            and not Vault(stack).state(world.appid).verifying
        ),
        what="the cancellation",
    )
    # DynamoDB deletes what is past its end when it likes, up to days late.
    stack.root.dynamodb.update_item(
        TableName=stack.outputs["TableName"],
        Key={"pk": {"S": f"A#{stack.component.appid}#{world.appid}"}, "sk": {"S": "TOKEN"}},
        UpdateExpression="SET #end = :past",
        ExpressionAttributeNames={"#end": "delete_after"},
        ExpressionAttributeValues={":past": {"N": str(int(time.time()) - 60)}},
    )
    time.sleep(1.1)
    world.authorise()
    found = stack.invoke("token", {"authorizer_appid": world.appid})
    assert stack.wechat.check(found["access_token"]).honoured
