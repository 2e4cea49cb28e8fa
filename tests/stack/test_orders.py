"""Order, repetition and crashes: whatever happened, there is one truth in the end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from sandbox.stack.observe import eventually
from tests.stack.stories import NAMES, Story, begin_all, next_second
from tests.stack.truth import Vault, assert_truth
from tests.stack.world import AUTHORIZER_INFO, AUTHORIZER_TOKEN, QUERY_AUTH

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.stack.journey.merchant import Visit
    from sandbox.stack.stack import LocalStack
    from sandbox.wechat.control_client import Confirmation
    from tests.stack.world import World


@pytest.fixture(scope="module", autouse=True)
def stories(stack: LocalStack) -> dict[str, Story]:
    """The stories that end when a lease has run out, all begun: meanwhile the others are told."""
    return begin_all(stack)


def wait_exchanged(world: World, confirmation: Confirmation) -> None:
    """Wait until a code has been exchanged."""
    vault = Vault(world.stack)

    def done() -> bool:
        code = vault.code(confirmation.auth_code)
        return code is not None and code.status == "done"

    eventually(done, what="the code is exchanged")


# ---- one code, two ways -------------------------------------------------------------------------


def push_before_redirect(world: World, trip: Visit) -> Confirmation:
    """The push is answered and the code exchanged before the browser comes back."""
    confirmation = trip.confirm(world.appid, push="first")
    wait_exchanged(world, confirmation)
    trip.land(confirmation)
    return confirmation


def redirect_before_push(world: World, trip: Visit) -> Confirmation:
    """The browser is back and the code exchanged before the push comes."""
    confirmation = trip.confirm(world.appid, push="hold")
    trip.land(confirmation)
    wait_exchanged(world, confirmation)
    world.stack.wechat.release_push(confirmation.push_id or "")
    assert world.stack.wechat.wait_push(confirmation.push_id or "").state == "delivered"
    return confirmation


def push_only(world: World, trip: Visit) -> Confirmation:
    """The merchant closes the browser."""
    return trip.confirm(world.appid, push="first")


def redirect_only(world: World, trip: Visit) -> Confirmation:
    """The push never comes."""
    confirmation = trip.confirm(world.appid, push="none")
    trip.land(confirmation)
    return confirmation


def both_twice(world: World, trip: Visit) -> Confirmation:
    """WeChat repeats the push, and the merchant reloads the page."""
    confirmation = trip.confirm(world.appid, options={"duplicate": 1})
    trip.land(confirmation)
    trip.land(confirmation)
    report = world.stack.wechat.resend_push(confirmation.push_id or "")
    assert report.state == "delivered"
    return confirmation


def all_at_once(world: World, trip: Visit) -> Confirmation:
    """Two pushes and three browsers' tabs at the same moment."""
    confirmation = trip.confirm(world.appid, push="hold")
    wechat = world.stack.wechat
    with ThreadPoolExecutor(5) as doing:
        for _ in range(3):
            doing.submit(trip.land, confirmation)
        doing.submit(wechat.release_push, confirmation.push_id or "")
        doing.submit(wechat.resend_push, confirmation.push_id or "")
    return confirmation


@pytest.mark.parametrize(
    "way",
    [
        push_before_redirect,
        redirect_before_push,
        push_only,
        redirect_only,
        both_twice,
        all_at_once,
    ],
    ids=lambda way: way.__name__,
)
def test_whichever_way_a_code_comes_it_is_exchanged_once(
    world: World, way: Callable[[World, Visit], Confirmation]
) -> None:
    """One call to WeChat per code, the merchant bound to the tenant, the session done."""
    trip = world.launched(style="pc")
    confirmation = way(world, trip)
    assert world.wait_done(trip) == {"status": "done", "authorizers": [world.appid]}
    world.stack.wechat.wait_idle()
    assert_truth(world, codes=[confirmation.auth_code])
    assert world.count(QUERY_AUTH, what="calls") == 1
    # At most one renewal because the push said when, and the one that proves the truth.
    assert world.count(AUTHORIZER_TOKEN) <= 2
    # Where push and redirect meet in the middle of the exchange, WeChat may be asked who is right.
    assert world.count(AUTHORIZER_INFO) <= (way is all_at_once)


def test_a_known_merchant_who_comes_by_redirect_only_is_verified(world: World) -> None:
    """Nobody can tell whose tokens WeChat honours: nothing is stored, WeChat is asked."""
    first = world.authorise()
    trip = world.launched(style="pc")
    again = trip.confirm(world.appid, push="now")
    assert (again.change, again.push_id) == ("unchanged", None)
    trip.land(again)
    world.wait_done(trip)
    assert_truth(world, codes=[first.auth_code, again.auth_code])
    assert world.count(QUERY_AUTH) == 2
    assert world.count(AUTHORIZER_INFO) == 1


# ---- grants and cancellations -------------------------------------------------------------------


def test_a_cancellation_that_overtakes_its_grant_wins(world: World) -> None:
    """``unauthorized`` comes first, then the older ``authorized`` and its redirect: revoked."""
    trip = world.launched(style="pc")
    confirmation = trip.confirm(world.appid, push="hold")
    next_second()
    world.stack.wechat.cancel(world.appid, push="first")
    world.stack.wechat.release_push(confirmation.push_id or "")
    world.stack.wechat.wait_push(confirmation.push_id or "")
    trip.land(confirmation)
    assert_truth(world, codes=[confirmation.auth_code], tenant=None, active=False)
    assert world.count(QUERY_AUTH, what="calls") == 0
    assert world.events() == []


def test_a_cancellation_that_comes_after_the_next_grant_changes_nothing(world: World) -> None:
    """The merchant cancels and comes back; the old ``unauthorized`` is delivered last: active."""
    first = world.authorise()
    next_second()
    cancelled = world.stack.wechat.cancel(world.appid, push="hold")
    next_second()
    trip = world.launched(style="pc")
    again = trip.confirm(world.appid, push="first")
    trip.land(again)
    wait_exchanged(world, again)
    world.stack.wechat.release_push(cancelled or "")
    world.stack.wechat.wait_push(cancelled or "")
    assert_truth(world, codes=[first.auth_code, again.auth_code])
    assert world.count(QUERY_AUTH) == 2


def test_a_cancellation_told_twice_is_one(world: World) -> None:
    """A repeated ``unauthorized`` asks WeChat nothing more and tells nobody again."""
    confirmation = world.authorise()
    next_second()
    push = world.stack.wechat.cancel(world.appid, push="first", options={"duplicate": 1})
    state = assert_truth(world, codes=[confirmation.auth_code], active=False)
    world.stack.wechat.resend_push(push or "")
    assert_truth(world, codes=[confirmation.auth_code], active=False)
    assert Vault(world.stack).state(world.appid).sequence == state.sequence
    assert [event.kind for event in world.events()] == [
        "authorizer.authorized",
        "authorizer.revoked",
    ]
    assert world.count(AUTHORIZER_INFO, what="calls") == 1


# ---- in the middle of a question ----------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_when_the_lease_has_run_out_there_is_one_truth(
    stories: dict[str, Story], name: str, stack: LocalStack
) -> None:
    """A crash, a lost answer, a change in between: tokens work, WeChat was asked few times."""
    story = stories[name]
    story.ending()
    state = assert_truth(story.world, codes=story.codes, tenant=story.tenant, active=story.active)
    assert state.unauthorized_at is None or not story.active
    for path, most in story.most.items():
        asked = story.world.count(path) - (path == AUTHORIZER_TOKEN and story.active)
        assert asked <= most, f"{path}: {asked} times"
