"""Sending what the bus has not: in order where it can, bounded, and with patience."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.fakes.house import MERCHANT, FakeBus
from tests.unit.services.kit import NOW, OTHER, half
from wxvault.errors import SealBrokenError, SealingKeyError, TableUnavailableError, WxvaultError
from wxvault.services.bus_events import BusEvent, UnsentKey
from wxvault.services.resending import DueEvent, Resending, Resent, Unsent, in_order

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class Kept:
    """Events that are kept, and what is wrong with them."""

    events: dict[UnsentKey, Unsent] = field(default_factory=dict)
    problems: dict[UnsentKey, WxvaultError] = field(default_factory=dict)
    put_off_to: dict[UnsentKey, tuple[int, float]] = field(default_factory=dict)
    forgetful: bool = True

    def add(self, subject: str, number: int, *, attempts: int = 0, age: float = 60) -> DueEvent:
        """Have an event kept that is due."""
        detail: dict[str, object] = {"event_id": f"{subject}{number}", "sequence": number}
        if subject != "-":
            detail["authorizer_appid"] = subject
        event = BusEvent("authorizer.updated", detail)
        self.events[event.unsent_key] = Unsent(event.unsent_key, event, NOW - age, attempts)
        return DueEvent(event.unsent_key, NOW - age + 15)

    def read(self, key: UnsentKey, /) -> Unsent | None:
        """Read one."""
        if key in self.problems:
            raise self.problems[key]
        return self.events.get(key)

    def forget(self, key: UnsentKey, /) -> None:
        """Delete one."""
        if not self.forgetful:
            raise TableUnavailableError("down")
        del self.events[key]

    def put_off(self, key: UnsentKey, attempts: int, /, *, due_at: float) -> None:
        """Put one off."""
        if not self.forgetful:
            raise TableUnavailableError("down")
        self.put_off_to[key] = (attempts, due_at)


class SlowBus(FakeBus):
    """A bus that needs ten seconds for an event, and does not take some."""

    clock = FakeClock()
    refuses: frozenset[str] = frozenset()
    seconds = 0.0

    def put(self, detail_type: str, detail: Mapping[str, object], /) -> bool:
        """Take an event, or not."""
        self.clock.sleep(self.seconds)
        if self.down or detail["event_id"] in self.refuses:
            return False
        self.sent.append((detail_type, detail))
        return True


@pytest.fixture
def kept() -> Kept:
    """Return a store of events."""
    return Kept()


def resend(kept: Kept, due: list[DueEvent], bus: SlowBus | None = None) -> tuple[Resent, list[str]]:
    """Send what is due; return what came of it, and what the bus got."""
    bus = SlowBus() if bus is None else bus
    bus.clock = FakeClock()
    resent = Resending(kept, bus, bus.clock, half).run(due)
    return resent, [str(detail["event_id"]) for _, detail in bus.sent]


def test_what_was_sent_is_forgotten(kept: Kept) -> None:
    """In the order in which it happened to each, the longest due first."""
    due = [kept.add(MERCHANT, 8, age=90), kept.add(OTHER, 1, age=80), kept.add(MERCHANT, 7, age=70)]
    resent, got = resend(kept, due)
    assert got == [f"{MERCHANT}7", f"{OTHER}1", f"{MERCHANT}8"]
    assert resent == Resent(sent=3)
    assert kept.events == {}


def test_what_was_sent_meanwhile_is_nobodys_business(kept: Kept) -> None:
    """The index lags behind: an event that is gone was told."""
    due = kept.add(MERCHANT, 7)
    kept.events.clear()
    assert resend(kept, [due]) == (Resent(), [])


def test_a_bus_that_is_down_is_left_alone(kept: Kept) -> None:
    """After three refusals in a row nothing more is tried; all stays, and its age is known."""
    due = [kept.add(MERCHANT, number, age=100 - number) for number in range(1, 9)]
    bus = SlowBus()
    bus.down = True
    resent, got = resend(kept, due, bus)
    assert (resent.sent, resent.left, resent.oldest) == (0, 8, NOW - 99)
    assert got == []
    assert len(kept.events) == 8
    assert len(kept.put_off_to) == 3


def test_what_is_refused_comes_later_and_later(kept: Kept) -> None:
    """Ten seconds doubled with every attempt, half of it by chance here."""
    due = [kept.add(MERCHANT, 1), kept.add(MERCHANT, 2, attempts=3)]
    bus = SlowBus()
    bus.down = True
    resend(kept, due, bus)
    times = {key.name[-1]: told for key, told in kept.put_off_to.items()}
    assert times == {"1": (1, NOW + 5), "2": (4, NOW + 40)}


def test_an_event_that_is_refused_does_not_hold_up_the_others(kept: Kept) -> None:
    """Two that the bus never takes, and one it takes between them."""
    due = [kept.add(MERCHANT, number, age=100 - number) for number in range(1, 6)]
    bus = SlowBus()
    bus.refuses = frozenset({f"{MERCHANT}1", f"{MERCHANT}2", f"{MERCHANT}4"})
    resent, got = resend(kept, due, bus)
    assert got == [f"{MERCHANT}3", f"{MERCHANT}5"]
    assert (resent.sent, resent.left) == (2, 3)


def test_a_sweep_does_not_send_for_ever(kept: Kept) -> None:
    """Half a minute, and the rest is still due for the next one."""
    due = [kept.add(MERCHANT, number, age=100 - number) for number in range(1, 9)]
    bus = SlowBus()
    bus.seconds = 10
    resent, got = resend(kept, due, bus)
    assert got == [f"{MERCHANT}1", f"{MERCHANT}2", f"{MERCHANT}3"]
    assert (resent.sent, resent.left) == (3, 5)
    assert resent.oldest == NOW - 96


@pytest.mark.parametrize("problem", [SealBrokenError("changed"), SealingKeyError("disabled")])
def test_what_cannot_be_opened_stays(kept: Kept, problem: WxvaultError) -> None:
    """It is no event that anybody may be told, and none to be deleted; the others are told."""
    broken, good = kept.add(MERCHANT, 1, age=99), kept.add(OTHER, 1)
    kept.problems[broken.key] = problem
    resent, got = resend(kept, [broken, good])
    assert got == [f"{OTHER}1"]
    assert (resent.left, resent.oldest) == (1, NOW - 99)
    assert kept.put_off_to == {broken.key: (1, NOW + 10)}


def test_without_the_key_not_everything_is_tried(kept: Kept) -> None:
    """Three that cannot be opened for want of the key: nothing more is asked of KMS."""
    due = [kept.add("-", number) for number in range(9)]
    kept.problems = {one.key: SealingKeyError("disabled") for one in due}
    resent, _ = resend(kept, due)
    assert resent.left == 9
    assert len(kept.put_off_to) == 3


def test_a_table_that_is_down_loses_nothing(kept: Kept) -> None:
    """What was sent and could not be forgotten, or not put off, simply comes again."""
    kept.forgetful = False
    due = [kept.add(MERCHANT, 1), kept.add(MERCHANT, 2)]
    bus = SlowBus()
    bus.refuses = frozenset({f"{MERCHANT}2"})
    resent, got = resend(kept, due, bus)
    assert got == [f"{MERCHANT}1"]
    assert (resent.sent, resent.left) == (1, 1)
    assert len(kept.events) == 2


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 30), st.floats(0, 100)),
        unique_by=lambda one: one[:2],
    )
)
def test_the_order_of_each_is_kept(found: list[tuple[str, int, float]]) -> None:
    """Whatever is due since when: nobody is left out, and each authorizer's numbers rise."""
    due = [DueEvent(UnsentKey(who, f"{number:012d}"), at) for who, number, at in found]
    ordered = in_order(due)
    assert set(ordered) == set(due)
    assert len(ordered) == len(due)
    for who in "abc":
        names = [one.key.name for one in ordered if one.key.subject == who]
        assert names == sorted(names)
    if due:
        first = min(due, key=lambda one: (one.due_at, one.key.subject, one.key.name))
        assert ordered[0].key.subject == first.key.subject
