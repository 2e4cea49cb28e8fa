"""Schedules of everything at once, in virtual time, with faults: the invariants hold.

Every step of input and output (table, queue, bus, KMS, WeChat) is a place where another actor goes
on, where the machine may be switched off, or where time passes. ``make simulate`` runs many more of
them, and ``make simulate SEED=NAME`` shows a single one.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tests.fakes.house import MERCHANT
from tests.simulation.cases import Case, Plan, interleavings, one_journey_in_turns
from tests.simulation.chances import Chances
from tests.simulation.journeys import JOURNEYS
from tests.simulation.run import tell
from tests.simulation.story import Story
from tests.simulation.world import World
from wxvault.errors import WxvaultError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SCHEDULES = 1000
BATCH = 50


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Keep the log of thousands of refusals out of the way."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("first", range(0, SCHEDULES, BATCH))
def test_invariants_hold_in_random_schedules(first: int) -> None:
    """Whatever crashes, repeats, delays or reorders: no dead token, nothing lost, one truth."""
    for seed in range(first, first + BATCH):
        if Story(seed).play():
            pytest.fail(tell(str(seed))[0], pytrace=False)


def play(plans: Iterable[Plan]) -> None:
    """Play cases until one fails, and show that one."""
    for plan in plans:
        if Case(plan).play():
            pytest.fail(tell(str(plan))[0], pytrace=False)


@pytest.mark.parametrize("journey", JOURNEYS)
def test_invariants_hold_whatever_happens_to_one_step(journey: str) -> None:
    """Every step of every journey meets every fault that it can meet; WeChat's ways take turns."""
    play(one_journey_in_turns(journey))


@pytest.mark.parametrize("first", ["renew", "forced", "blind", "cancel"])
@pytest.mark.parametrize("second", ["renew", "push", "retaken", "cancel"])
def test_invariants_hold_when_one_is_overtaken(first: str, second: str) -> None:
    """One journey is held before each of its steps, and another one runs from beginning to end."""
    play(interleavings(first, second))


def test_a_schedule_is_repeated_by_its_name() -> None:
    """A failure that is found can be looked at."""
    assert tell("11") == tell("11")
    assert tell("11") != tell("12")
    name = "two:renew+cancel:kept-refused:6:7:late"
    assert str(Plan.read(name)) == name
    assert tell(name) == tell(name)


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
