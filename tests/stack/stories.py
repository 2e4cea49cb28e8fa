"""What goes wrong in the middle of a question to WeChat; the end comes when its lease has run out.

Each story is begun here and told to its end by ``test_orders``. They are begun together, so that
their leases run out together.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.stack.observe import eventually
from tests.stack.truth import Vault, make_due, renew
from tests.stack.world import AUTHORIZER_INFO, AUTHORIZER_TOKEN, QUERY_AUTH, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.stack.stack import LocalStack

# The sandbox holds a call this long: less than the vault's own patience with WeChat, 7 s.
HELD_SECONDS = 4


@dataclass(slots=True)
class Story:
    """A story that has been begun, and how it must end."""

    world: World
    codes: list[str] = field(default_factory=list, repr=False)
    active: bool = True
    tenant: str | None = "own"
    most: dict[str, int] = field(default_factory=dict)
    """How often WeChat may at most have executed each of these calls."""
    ending: Callable[[], None] = lambda: None
    """What still happens when the lease has run out."""


@contextmanager
def call_held(
    world: World, kind: str, path: str, *, seconds: float = HELD_SECONDS, **values: Any
) -> Iterator[list[Future[Any]]]:
    """Have the sandbox hold the call about this merchant that is made inside; then it is held.

    Whoever makes it in the background may be put into the list: ending without a call is an error.
    """
    fault = world.stack.wechat.add_fault(
        kind, path, authorizer_appid=world.appid, seconds=seconds, **values
    )
    doing: list[Future[Any]] = []
    yield doing
    wait_until_held(world.stack, fault, doing)


def next_second() -> None:
    """Let WeChat's clock show another second: its CreateTime has no finer one."""
    begun = int(time.time())
    eventually(lambda: int(time.time()) > begun, what="the next second")


def wait_until_held(stack: LocalStack, fault: int, doing: list[Future[Any]]) -> None:
    """Wait until the call that a fault waits for has come."""

    def came() -> bool:
        ended = [future.result() for future in doing if future.done()]
        here = all(waiting["id"] != fault for waiting in stack.wechat.faults())
        assert here or not ended, f"WeChat was not asked: {ended}"
        return here

    eventually(came, what="the call is at WeChat")


def lost_worker(stack: LocalStack, *, executed: bool, by_push: bool) -> Story:
    """The exchange worker is killed while WeChat has its call: before or after executing it."""
    world = World.fresh(stack)
    trip = world.launched(style="pc")
    kind = "drop_after_execution" if executed else "drop_before"
    browser = ThreadPoolExecutor(1)
    with call_held(world, kind, QUERY_AUTH):
        confirmation = trip.confirm(world.appid, push="now" if by_push else "hold")
        if not by_push:
            browser.submit(trip.land, confirmation)
    # The browser waits for some seconds more; nobody waits for the browser.
    browser.shutdown(wait=False)
    assert stack.kill_environments("exchange-worker")
    story = Story(world, [confirmation.auth_code], most={QUERY_AUTH: 1, AUTHORIZER_TOKEN: 1})
    if not by_push:

        def push_comes_late() -> None:
            vault = Vault(stack)

            def nobody_is_at_it() -> bool:
                stack.sweep()
                code = vault.code(confirmation.auth_code)
                return code is not None and "due_at" not in code.item

            eventually(nobody_is_at_it, what="the code waits for nobody but its push", seconds=60)
            stack.wechat.release_push(confirmation.push_id or "")
            stack.wechat.wait_push(confirmation.push_id or "")

        story.ending = push_comes_late
        # The push that comes last drops a token whose grant had no date.
        story.most[AUTHORIZER_TOKEN] = 2
    return story


def lost_answer_of_exchange(stack: LocalStack) -> Story:
    """WeChat exchanges the code, and the answer never arrives."""
    world = World.fresh(stack)
    trip = world.launched(style="pc")
    stack.wechat.add_fault("drop_after_execution", QUERY_AUTH, authorizer_appid=world.appid)
    confirmation = trip.confirm(world.appid, push="first")
    return Story(world, [confirmation.auth_code], most={QUERY_AUTH: 1, AUTHORIZER_TOKEN: 1})


def lost_answer_of_renewal(stack: LocalStack) -> Story:
    """WeChat renews, and the answer never arrives; what is handed out meanwhile is honoured."""
    return _lost_renewal(stack, "drop_after_execution")


def late_execution_of_renewal(stack: LocalStack) -> Story:
    """The connection breaks at once, and WeChat executes the renewal twelve seconds later."""
    return _lost_renewal(stack, "executed_late", seconds=12)


def _lost_renewal(stack: LocalStack, kind: str, **values: Any) -> Story:
    world = World.fresh(stack)
    confirmation = world.authorise()
    stack.wechat.add_fault(kind, AUTHORIZER_TOKEN, authorizer_appid=world.appid, **values)
    make_due(stack, world.appid)
    assert renew(stack, world.appid) == "unknown"
    assert stack.wechat.check(world.token()).honoured
    return Story(world, [confirmation.auth_code], most={QUERY_AUTH: 1, AUTHORIZER_TOKEN: 2})


def lost_renewer(stack: LocalStack) -> Story:
    """*renew* is killed after WeChat has executed its call."""
    world = World.fresh(stack)
    confirmation = world.authorise()
    make_due(stack, world.appid)
    with ThreadPoolExecutor(1) as sweeper:
        with call_held(world, "drop_after_execution", AUTHORIZER_TOKEN):
            sweeper.submit(stack.sweep)
        assert stack.kill_environments("renew")
    assert stack.wechat.check(world.token()).honoured
    return Story(world, [confirmation.auth_code], most={QUERY_AUTH: 1, AUTHORIZER_TOKEN: 2})


def authorised_again_while_renewing(stack: LocalStack, *, executed: bool, by_push: bool) -> Story:
    """The merchant changes the grant while a renewal is at WeChat, executed before or after."""
    world = World.fresh(stack)
    first = world.authorise()
    trip = world.launched(style="pc")
    make_due(stack, world.appid)
    with ThreadPoolExecutor(1) as renewer:
        with call_held(world, "slow", AUTHORIZER_TOKEN, executed=executed) as doing:
            doing.append(renewer.submit(renew, stack, world.appid))
        again = trip.confirm(world.appid, func_ids=[1, 2], push="now" if by_push else "none")
        trip.land(again)
    assert again.change == "updateauthorized"
    # One renewal was under way; by push the exchange waits for it, else one more has to decide.
    return Story(
        world,
        [first.auth_code, again.auth_code],
        most={QUERY_AUTH: 2, AUTHORIZER_TOKEN: 2, AUTHORIZER_INFO: 1},
    )


def cancelled_while_renewing(stack: LocalStack) -> Story:
    """The merchant cancels while a renewal is at WeChat that has been executed already."""
    world = World.fresh(stack)
    confirmation = world.authorise()
    make_due(stack, world.appid)
    with ThreadPoolExecutor(1) as renewer:
        with call_held(world, "slow", AUTHORIZER_TOKEN, executed=True) as doing:
            doing.append(renewer.submit(renew, stack, world.appid))
        stack.wechat.cancel(world.appid, push="first")
        assert world.look_up()["error"]["code"] == "authorizer_revoked"
    return Story(
        world,
        [confirmation.auth_code],
        active=False,
        most={QUERY_AUTH: 1, AUTHORIZER_TOKEN: 1, AUTHORIZER_INFO: 1},
    )


def cancelled_while_exchanging(stack: LocalStack, *, executed: bool) -> Story:
    """The merchant cancels while the exchange of the code is at WeChat, before or after it."""
    world = World.fresh(stack)
    trip = world.launched(style="pc")
    with call_held(world, "slow", QUERY_AUTH, executed=executed):
        confirmation = trip.confirm(world.appid, push="first")
    next_second()
    stack.wechat.cancel(world.appid, push="first")
    return Story(
        world,
        [confirmation.auth_code],
        active=False,
        # Nobody's tokens were ever stored, so nobody's merchant it is.
        tenant=None,
        most={QUERY_AUTH: 1, AUTHORIZER_TOKEN: 0, AUTHORIZER_INFO: 0},
    )


def begin_all(stack: LocalStack) -> dict[str, Story]:
    """Begin every story. Whoever is killed takes all environments of the function along."""
    alone = {name: begin(stack) for name, begin in _KILLED.items()}
    with ThreadPoolExecutor(len(_OTHERS)) as beginning:
        begun = {name: beginning.submit(begin, stack) for name, begin in _OTHERS.items()}
    return alone | {name: story.result() for name, story in begun.items()}


_KILLED: dict[str, Callable[[LocalStack], Story]] = {
    "worker killed before its call, code by push": partial(
        lost_worker, executed=False, by_push=True
    ),
    "worker killed after its call, code by push": partial(lost_worker, executed=True, by_push=True),
    "worker killed before its call, code by redirect": partial(
        lost_worker, executed=False, by_push=False
    ),
    "worker killed after its call, code by redirect": partial(
        lost_worker, executed=True, by_push=False
    ),
    "renewer killed after its call": lost_renewer,
}
_OTHERS: dict[str, Callable[[LocalStack], Story]] = {
    "exchange whose answer is lost": lost_answer_of_exchange,
    "renewal whose answer is lost": lost_answer_of_renewal,
    "renewal executed late": late_execution_of_renewal,
    "authorised again, known by push, before a renewal executes": partial(
        authorised_again_while_renewing, executed=False, by_push=True
    ),
    "authorised again, known by redirect only, before a renewal executes": partial(
        authorised_again_while_renewing, executed=False, by_push=False
    ),
    "authorised again, known by redirect only, after a renewal executed": partial(
        authorised_again_while_renewing, executed=True, by_push=False
    ),
    "cancelled while a renewal runs": cancelled_while_renewing,
    "cancelled before an exchange executes": partial(cancelled_while_exchanging, executed=False),
    "cancelled after an exchange executed": partial(cancelled_while_exchanging, executed=True),
}
NAMES = (*_KILLED, *_OTHERS)
