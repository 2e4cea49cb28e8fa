"""Handing out tokens: to whom, by which way, and what happens when one comes to its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from botocore.credentials import Credentials

from sandbox.stack.journey.chapters import Journey, storm
from sandbox.stack.journey.facts import Facts
from sandbox.stack.observe import eventually
from sandbox.stack.progress import Progress
from tests.stack.truth import Vault, assert_truth, at_rest, make_due, renew
from tests.stack.world import AUTHORIZER_INFO, AUTHORIZER_TOKEN, COMPONENT_TOKEN, World
from wxvault.client import AccessDeniedError, TokenClient
from wxvault.client_transports import HttpTransport, InvokeTransport
from wxvault.errors import AuthorizerRevokedError, UnknownAuthorizerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.stack.roles import Role
    from sandbox.stack.stack import LocalStack

OLD_ENOUGH_SECONDS = 0.2 * 120
"""A token younger than this part of the overlap is not believed to be refused."""


@pytest.fixture(scope="module")
def early(stack: LocalStack) -> World:
    """A merchant who came when the module began: meanwhile the token grows old enough."""
    world = World.fresh(stack)
    world.authorise()
    return world


@pytest.fixture(scope="module")
def popular(stack: LocalStack) -> World:
    """Another one."""
    world = World.fresh(stack)
    world.authorise()
    return world


@pytest.fixture
def merchant(early: World, popular: World, world: World) -> World:
    """A merchant with a token, in a world of its own."""
    world.authorise()
    return world


def over_http(role: Role) -> TokenClient:
    """The client as a service with IAM credentials uses it."""
    given = role.clients.credentials
    keys = Credentials(given.key, given.secret, given.token)
    transport = HttpTransport(role.platform_url, region="us-east-1", credentials=lambda: keys)
    return TokenClient(transport, overlap_seconds=120)


def by_invoke(stack: LocalStack) -> TokenClient:
    """The client as another Lambda function uses it."""
    caller = stack.trusted_caller().clients.lambda_
    transport = InvokeTransport(stack.functions["token"].alias, caller)
    return TokenClient(transport, overlap_seconds=120)


# ---- who gets a token ---------------------------------------------------------------------------


def test_a_role_for_one_merchant_gets_that_merchants_token(merchant: World) -> None:
    """Signed and allowed: 200. Another merchant, nobody's role, no signature: 403."""
    other = World.fresh(merchant.stack)
    other.authorise()
    answer = merchant.caller.http("GET", f"/tokens/{merchant.appid}")
    assert answer.status == 200
    assert answer.header("cache-control") == "no-store"
    assert answer.json() == merchant.look_up()
    assert merchant.stack.wechat.check(answer.json()["access_token"]).honoured
    refused = [
        merchant.caller.http("GET", f"/tokens/{other.appid}"),
        merchant.caller.http("GET", "/component-token"),
        merchant.stack.roles.nobody().http("GET", f"/tokens/{merchant.appid}"),
        merchant.stack.http("GET", f"/tokens/{merchant.appid}"),
    ]
    assert [(one.status, one.json()) for one in refused] == [(403, {"message": "Forbidden"})] * 4


def test_a_signature_covers_everything_that_is_asked(merchant: World) -> None:
    """Whoever changes path, query or a signed header of somebody else's request gets 403."""
    stack, path = merchant.stack, f"/tokens/{merchant.appid}"
    signer = merchant.caller.signer()
    signed = signer.headers("GET", f"{stack.platform_url}{path}?min_ttl=60")
    assert stack.http("GET", f"{path}?min_ttl=60", headers=signed).status == 200
    assert stack.http("GET", f"{path}?min_ttl=1200", headers=signed).status == 403
    assert stack.http("GET", path, headers=signed).status == 403
    older = signed | {"X-Amz-Date": "20260101T000000Z"}
    assert stack.http("GET", f"{path}?min_ttl=60", headers=older).status == 403


def test_the_component_token_has_a_route_and_a_right_of_its_own(stack: LocalStack) -> None:
    """A role that may call it gets the token that WeChat honours for the platform itself."""
    role = stack.roles.caller_of_paths("component-caller", [("GET", "/component-token")])
    answer = role.http("GET", "/component-token").json()
    assert answer["component_appid"] == stack.component.appid
    checked = stack.wechat.check(answer["access_token"])
    assert (checked.honoured, checked.authorizer_appid) == (True, None)
    assert over_http(role).component_token().access_token == answer["access_token"]
    with pytest.raises(AccessDeniedError):
        over_http(role).get("wx0000000000000001")


def test_the_client_works_by_invoke_and_over_http(merchant: World) -> None:
    """Both ways give the same token; errors arrive with their type, remedy and all."""
    invoked = by_invoke(merchant.stack).get(merchant.appid)
    fetched = over_http(merchant.caller).get(merchant.appid)
    assert invoked == fetched
    assert merchant.stack.wechat.check(invoked.access_token).honoured
    stranger = merchant.another_merchant()["appid"]
    with pytest.raises(AccessDeniedError):
        over_http(merchant.caller).get(stranger)
    with pytest.raises(UnknownAuthorizerError) as unknown:
        by_invoke(merchant.stack).get(stranger)
    assert unknown.value.remedy
    merchant.stack.wechat.cancel(merchant.appid, push="first")
    for client in (by_invoke(merchant.stack), over_http(merchant.caller)):
        with pytest.raises(AuthorizerRevokedError):
            client.get(merchant.appid)


def test_the_client_asks_once_and_keeps_the_answer_for_a_moment(merchant: World) -> None:
    """The second question costs neither an invocation nor a call to WeChat."""
    client = by_invoke(merchant.stack)
    first = client.get(merchant.appid)
    begun = time.time()
    assert client.get(merchant.appid) is first
    asked = [line for line in merchant.stack.logs(since=begun) if line.function == "token"]
    assert asked == []


# ---- tokens that come to their end --------------------------------------------------------------


@pytest.fixture
def short_lives(stack: LocalStack) -> Iterator[float]:
    """WeChat issues tokens for nine seconds, until the test ends."""
    stack.wechat.configure(access_token_life=9)
    yield 9
    stack.wechat.configure(access_token_life=7200)


def test_a_token_is_renewed_when_it_is_due(merchant: World) -> None:
    """The sweep finds it in the index, hands it to *renew* by queue, and it is due again later."""
    vault, old = Vault(merchant.stack), merchant.token()
    before = vault.state(merchant.appid)
    make_due(merchant.stack, merchant.appid)
    assert merchant.look_up()["access_token"] == old, "due is not over: no look-up waits for it"
    swept = merchant.stack.sweep()
    assert (swept["ran"], swept["authorizers"] >= 1) == (True, True)
    after = at_rest(merchant)
    assert after.generation == before.generation + 1
    assert after.due_at is not None
    assert 0.75 * 7200 - 30 < after.due_at - time.time() < 0.85 * 7200
    answer = merchant.look_up()
    assert answer["access_token"] != old
    checked = merchant.stack.wechat.check(answer["access_token"])
    assert (checked.honoured, checked.current) == (True, True)
    assert merchant.stack.wechat.check(old).honoured, "WeChat's overlap lets callers finish"
    assert merchant.count(AUTHORIZER_TOKEN) == 1


def test_what_is_not_due_is_not_renewed(merchant: World) -> None:
    """Whoever invokes *renew* for a fresh token, or with a foreign fingerprint, changes nothing."""
    before = Vault(merchant.stack).state(merchant.appid)
    assert renew(merchant.stack, merchant.appid) == "not_due"
    assert merchant.token(min_ttl=1200, rejected_token_sha256="0" * 64) == merchant.token()
    assert Vault(merchant.stack).state(merchant.appid) == before
    assert merchant.count(AUTHORIZER_TOKEN, what="calls") == 0


def test_whoever_needs_more_of_a_tokens_life_gets_a_newer_one(
    early: World, short_lives: float, world: World
) -> None:
    """``min_ttl`` renews a token near its end, and an ended one is renewed for everybody."""
    world.authorise()
    first = world.look_up()
    begun, life = first["expires_at"] - short_lives, short_lives
    eventually(lambda: time.time() - begun > life * 5 / 6, what="the last sixth of its life")
    assert world.look_up()["access_token"] == first["access_token"]
    world.stack.wechat.configure(access_token_life=4)
    second = world.look_up(min_ttl=1200)
    assert (second["generation"], second["renewed"]) == (first["generation"] + 1, True)
    assert 2 < second["expires_at"] - time.time() < 4
    world.stack.wechat.configure(access_token_life=7200)
    eventually(lambda: time.time() > second["expires_at"], what="its end")
    third = world.look_up()
    assert (third["generation"], third["renewed"]) == (first["generation"] + 2, True)
    assert world.stack.wechat.check(third["access_token"]).honoured
    assert world.count(AUTHORIZER_TOKEN) == 2


def test_a_refresh_token_that_wechat_has_replaced_is_read_again(merchant: World) -> None:
    """Refused (61023), asked for, and renewed with WeChat's own: nobody notices."""
    merchant.stack.wechat.expire(merchant.appid, "refresh_replaced")
    make_due(merchant.stack, merchant.appid)
    assert renew(merchant.stack, merchant.appid) == "renewed"
    assert_truth(merchant)
    assert merchant.count(AUTHORIZER_INFO) == 1


def test_a_refresh_token_that_wechat_refuses_and_shows_is_lost(merchant: World) -> None:
    """Only the merchant can help: it is told at once, and authorising again mends it."""
    merchant.stack.wechat.expire(merchant.appid, "refresh")
    make_due(merchant.stack, merchant.appid)
    assert renew(merchant.stack, merchant.appid) == "lost"
    error = merchant.look_up()["error"]
    assert (error["code"], error["wechat_errcode"]) == ("authorizer_lost", 61023)
    assert "authorizer.lost" in {event.kind for event in merchant.events()}
    merchant.authorise(func_ids=[1])
    assert_truth(merchant)


def test_a_refresh_token_that_wechat_does_not_show_is_asked_for_again(merchant: World) -> None:
    """Nothing never replaces something: failing with a back-off, and recovered by itself."""
    stack = merchant.stack
    stack.wechat.expire(merchant.appid, "refresh_gone")
    make_due(stack, merchant.appid)
    assert renew(stack, merchant.appid) == "failing"
    state = Vault(stack).state(merchant.appid)
    assert (state.status, state.has_refresh, state.attempts) == ("failing", True, 1)
    assert stack.wechat.check(merchant.token()).honoured, "the access token lives on"
    merchant.authorise(func_ids=[1])
    assert_truth(merchant)
    kinds = [event.kind for event in merchant.events()]
    assert kinds[:2] == ["authorizer.authorized", "authorizer.failing"]
    assert "authorizer.recovered" in kinds


def test_a_young_token_is_not_believed_to_be_refused(merchant: World) -> None:
    """The news of it may still be under way: the same token again, WeChat is not asked."""
    client = by_invoke(merchant.stack)
    token = client.get(merchant.appid)
    assert client.report_rejected(token) == token
    assert merchant.count(AUTHORIZER_TOKEN, what="calls") == 0


# ---- refused tokens: these wait until the early ones are old enough ------------------------------


def wait_until_old_enough(stack: LocalStack, appid: str | None) -> None:
    """Wait until a refusal of the present token (appid None: the component's) is believed."""
    state = Vault(stack).tokens.get(appid)
    assert state is not None
    old = (state.stored_at or 0) + OLD_ENOUGH_SECONDS
    eventually(lambda: time.time() > old, what="it is old enough", seconds=OLD_ENOUGH_SECONDS + 5)


def test_a_refused_token_is_renewed_once(early: World) -> None:
    """WeChat refused it: one renewal, however many report it, and later reports find the new."""
    client = by_invoke(early.stack)
    token = client.get(early.appid)
    wait_until_old_enough(early.stack, early.appid)
    early.stack.wechat.expire(early.appid)
    assert early.stack.wechat.check(token.access_token).verdict == "expired"
    renewed = client.report_rejected(token)
    assert renewed.generation == token.generation + 1
    assert early.stack.wechat.check(renewed.access_token).honoured
    assert over_http(early.caller).report_rejected(token) == renewed
    assert by_invoke(early.stack).report_rejected(token) == renewed
    assert early.count(AUTHORIZER_TOKEN, what="calls") == 1


def test_a_storm_of_look_ups_causes_one_renewal(popular: World) -> None:
    """The chapter of the demo: 200 at 16 a time, in eight environments or more, one call."""
    journey = Journey(popular.stack, Facts(Progress()))
    journey.first, journey.token_at = popular.appid, 0.0
    wait_until_old_enough(popular.stack, popular.appid)
    storm(journey, overlap=120)
    ((claim, figure),) = journey.facts.summary
    assert claim == "200 look-ups, 16 at a time, caused one renewal"
    assert figure.startswith("1 api_authorizer_token, 200 good answers, ")
    assert popular.count(AUTHORIZER_TOKEN, what="calls") == 1


def test_a_refused_component_token_is_replaced_on_the_way(early: World, world: World) -> None:
    """WeChat no longer honours it: the next call renews it and is repeated, nobody notices."""
    world.authorise()
    stack, before = world.stack, world.stack.wechat.last_seq()
    wait_until_old_enough(stack, None)
    stack.wechat.expire(kind="revoke")
    make_due(stack, world.appid)
    assert renew(stack, world.appid) == "renewed"
    assert stack.wechat.count(COMPONENT_TOKEN, since=before, what="calls") == 1
    assert stack.wechat.check(world.token()).honoured
    # Other environments still hold the dead token and would find out one by one: other tests count.
    for name in ("exchange-worker", "launch", "sessions", "renew"):
        stack.kill_environments(name)


def test_the_schedule_itself_wakes_the_sweep(merchant: World) -> None:
    """Nobody invokes anything: what is due is renewed within a round of the schedule."""
    before = Vault(merchant.stack).state(merchant.appid).generation
    make_due(merchant.stack, merchant.appid)
    merchant.stack.set_schedule(enabled=True)
    try:
        eventually(
            lambda: Vault(merchant.stack).state(merchant.appid).generation > before,
            what="a renewal by the schedule",
        )
    finally:
        merchant.stack.set_schedule(enabled=False)
