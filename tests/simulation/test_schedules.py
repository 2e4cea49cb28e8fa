"""Random schedules of everything at once, in virtual time, with faults: the invariants hold.

Every step of input and output (table, queue, bus, WeChat) is a place where another actor goes on,
where the machine may be switched off, or where time passes. A seed repeats its schedule exactly:

    export PYTHONPATH=layers/wxvault/python
    python -m tests.simulation.test_schedules SEED          shows one
    python -m tests.simulation.test_schedules FROM TO       runs many
"""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.fakes.house import MERCHANT
from tests.simulation.chances import Chances
from tests.simulation.story import Story
from tests.simulation.world import World
from wxvault.errors import WxvaultError

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEDULES = 500
BATCH = 25


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Keep the log of thousands of refusals out of the way."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def tell(seed: int) -> str:
    """Play a seed again, and return what happened in it."""
    story = Story(seed, trace=True)
    failures = story.play()
    return "\n".join([f"schedule {seed}", story.stage.trace(), *failures])


@pytest.mark.parametrize("first", range(0, SCHEDULES, BATCH))
def test_invariants_hold_in_random_schedules(first: int) -> None:
    """Whatever crashes, repeats, delays or reorders: no dead token, nothing lost, one truth."""
    for seed in range(first, first + BATCH):
        if Story(seed).play():
            pytest.fail(tell(seed), pytrace=False)


def test_a_seed_repeats_its_schedule() -> None:
    """A failure that is found can be looked at."""
    assert tell(11) == tell(11)
    assert tell(11) != tell(12)


# --- many at once --------------------------------------------------------------------------------


def ready(seed: int = 1) -> World:
    """Return a world with an authorised merchant and the component token that renewals need."""
    world = World(seed)
    world.push_ticket()
    world.component_keeper.renew()
    world.authorize()
    world.wechat.calls.clear()
    return world


def look_up(world: World, found: list[str], number: int) -> None:
    """Have many look up the same token within one second."""

    def work() -> None:
        try:
            found.append(world.lookup.find(MERCHANT).access_token)
        except WxvaultError as error:
            found.append(error.code)

    for _ in range(number):
        world.stage.spawn("look-up", work, delay=world.stage.random.random(), seconds=12)


@pytest.mark.parametrize("seed", range(5))
def test_two_hundred_look_ups_of_an_expired_token_cause_one_renewal(seed: int) -> None:
    """Everybody gets the new token, and WeChat is asked once."""
    world = ready(seed)
    world.stage.time += 6200
    world.component_keeper.renew()
    world.stage.time += 990
    world.wechat.calls.clear()
    found: list[str] = []
    look_up(world, found, 200)
    world.stage.run(world.stage.time + 30)
    world.stage.close()
    assert not world.stage.failures
    assert world.wechat.calls == ["refresh"]
    assert len(found) == 200
    assert len(set(found)) == 1
    assert world.wechat.honours(MERCHANT, found[0])


def test_look_ups_of_a_withheld_token_do_not_ask_wechat_again_and_again() -> None:
    """While WeChat refuses to say whether an account is still authorised, there is a back-off."""
    world = ready()
    world.wechat.faults = {"authorizer_info": [-1] * 100}
    world.push_unauthorized()
    found: list[str] = []
    for _ in range(10):
        look_up(world, found, 20)
        world.stage.run(world.stage.time + 2)
    world.stage.close()
    assert set(found) == {"authorizer_revoked"}
    assert world.wechat.calls.count("authorizer_info") <= 4


def test_a_blind_call_is_over_before_anybody_renews() -> None:
    """The push of a code that is being exchanged leases the item until that call is over.

    Otherwise the renewal after the push could be executed before the late exchange, which would
    then supersede it unseen.
    """
    world = ready()
    stage = world.stage
    code = world.wechat.confirm(MERCHANT)
    session = world.open_session("tenant", "preauthcode", "cookie")
    world.chances = Chances(silent=1.0)
    world.redirect(session, code, ["cookie"], 0)
    stage.run(stage.time + 5)
    world.chances = Chances()
    called_at = stage.time
    assert world.wechat.calls == ["query_auth"]
    world.push_later(code, delay=0)
    stage.run(called_at + 5)
    found: list[str] = []
    look_up(world, found, 3)
    stage.run(called_at + 15)
    assert found == ["renewal_in_progress"] * 3
    assert world.wechat.calls == ["query_auth"]
    world.start_sweeps()
    stage.run(called_at + 180)
    look_up(world, found, 1)
    stage.run(called_at + 190)
    stage.close()
    assert not stage.failures
    assert world.wechat.honours(MERCHANT, found[-1])


def main(first: int, last: int) -> int:
    """Run many schedules; return how many failed."""
    begun = time.monotonic()
    faults: Counter[str] = Counter()
    served, failed = 0, []
    for seed in range(first, last):
        story = Story(seed)
        if story.play():
            failed.append(seed)
            print(seed, story.stage.failures[0].strip().splitlines()[-1], flush=True)  # noqa: T201
        faults.update(story.faults)
        served += story.judge.served
    seconds = time.monotonic() - begun
    print(  # noqa: T201
        f"{last - first} schedules in {seconds:.0f} s, {served} tokens served,"
        f" {sum(faults.values())} faults {dict(faults)}; failed: {failed}"
    )
    return len(failed)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    if len(sys.argv) == 2:
        print(tell(int(sys.argv[1])))  # noqa: T201
    else:
        sys.exit(main(int(sys.argv[1]), int(sys.argv[2])) > 0)
