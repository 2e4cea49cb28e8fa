"""The sweep: the one timer. It hands on what is due, and nobody without a component token."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.house import MERCHANT, FakeQueue, House
from tests.unit.services.kit import (
    NOW,
    OTHER,
    authorized,
    edit,
    later,
    pushed,
    refuse,
    stored,
    told,
    until_due,
    with_component,
)
from wxvault.errors import NoTicketError, TableUnavailableError
from wxvault.services.outcome import Outcome
from wxvault.services.resending import DueEvent, Resent
from wxvault.services.sweeping import Due, Sweep, Swept

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SHA256 = "ab" * 32


@dataclass
class Index:
    """What is due, and who sweeps."""

    entries: list[Due] = field(default_factory=list)
    swept_by: str | None = None
    leases: list[float] = field(default_factory=list)
    broken: bool = False

    def take_sweep(self, lease_id: str, *, now: float, seconds: float) -> bool:
        """Take the sweep's lease."""
        if self.swept_by is not None:
            return False
        self.swept_by = lease_id
        self.leases.append(seconds)
        return True

    def end_sweep(self, lease_id: str) -> None:
        """Give it back."""
        assert self.swept_by == lease_id
        self.swept_by = None

    def due(self, *, now: float) -> Iterator[Due]:
        """Read what is due."""
        if self.broken:
            raise ConnectionError
        yield from (entry for entry in self.entries if entry.due_at <= now)


@dataclass
class FakeResending:
    """Notes which events it was to send."""

    resent: Resent = field(default_factory=Resent)
    due: list[DueEvent] = field(default_factory=list)

    def run(self, due: Sequence[DueEvent], /) -> Resent:
        """Take them."""
        self.due.extend(due)
        return self.resent


@dataclass
class Broom:
    """A sweep with everything around it."""

    index: Index = field(default_factory=Index)
    servable: bool = True
    renewals: list[Outcome | NoTicketError] = field(default_factory=list)
    renew_queue: FakeQueue = field(default_factory=FakeQueue)
    exchange_queue: FakeQueue = field(default_factory=FakeQueue)
    kept: FakeResending = field(default_factory=FakeResending)
    asked: int = 0
    tickets: bool | TableUnavailableError = False

    def tickets_want_a_look(self) -> bool:
        """Say whether tickets have stayed away."""
        if isinstance(self.tickets, TableUnavailableError):
            raise self.tickets
        return self.tickets

    def renew_component(self) -> Outcome:
        """Renew the component token, as it was told."""
        self.asked += 1
        outcome = self.renewals.pop(0)
        if isinstance(outcome, NoTicketError):
            raise outcome
        self.servable = outcome is Outcome.RENEWED
        return outcome

    def sweep(self) -> Swept:
        """Sweep once."""
        return Sweep(
            self.index,
            self.renew_queue,
            self.exchange_queue,
            self.renew_component,
            lambda: self.servable,
            self.kept,
            self.tickets_want_a_look,
            FakeClock(),
            lambda: "sweeper",
        ).run()


def authorizer(due_at: float = NOW, appid: str = MERCHANT) -> Due:
    """Return an authorizer that is due."""
    return Due(due_at, authorizer_appid=appid)


def test_everybody_due_is_handed_on() -> None:
    """Authorizers go to *renew*, codes to the exchange worker, the longest overdue first."""
    broom = Broom(Index([authorizer(NOW - 5), authorizer(NOW - 9, OTHER), Due(NOW, None, SHA256)]))
    assert broom.sweep() == Swept(ran=True, authorizers=2, codes=1)
    assert broom.renew_queue.jobs == [
        {"job": "authorizer", "authorizer_appid": OTHER},
        {"job": "authorizer", "authorizer_appid": MERCHANT},
    ]
    assert broom.exchange_queue.jobs == [{"code_sha256": SHA256}]
    assert broom.asked == 0


def test_nothing_due_nothing_done() -> None:
    """A quiet minute sends nobody anywhere."""
    broom = Broom()
    assert broom.sweep() == Swept(ran=True)
    assert broom.renew_queue.jobs == []


@pytest.mark.parametrize("servable", [True, False])
def test_tickets_that_stay_away_are_looked_after(*, servable: bool) -> None:
    """*renew* is sent, with a component token or without, after everybody else."""
    broom = Broom(Index([authorizer()]), servable=servable, tickets=True)
    assert broom.sweep().tickets
    assert broom.renew_queue.jobs[-1] == {"job": "tickets"}
    assert len(broom.renew_queue.jobs) == 1 + servable


def test_tickets_that_cannot_be_looked_at_keep_nobody() -> None:
    """Everybody else was sent on before, and the next minute looks again."""
    broom = Broom(Index([authorizer()]), tickets=TableUnavailableError("DynamoDB"))
    assert broom.sweep() == Swept(ran=True, authorizers=1)


def test_two_sweeps_exclude_each_other() -> None:
    """While one sweeps the other goes home, and touches nothing."""
    broom = Broom(Index([authorizer()], swept_by="another"))
    assert broom.sweep() == Swept(ran=False)
    assert broom.renew_queue.jobs == []
    assert broom.index.swept_by == "another"


def test_a_sweep_that_fails_gives_its_lease_back() -> None:
    """The next minute's sweep must not wait for a lease that nobody needs any more."""
    broom = Broom(Index(broken=True))
    with pytest.raises(ConnectionError):
        broom.sweep()
    assert broom.index.swept_by is None


class ClosedQueue(FakeQueue):
    """A queue that takes nothing."""

    def send_all(self, jobs: list[Mapping[str, Any]], /) -> int:
        """Fail."""
        raise ConnectionError


@pytest.mark.parametrize("closed", ["exchange", "renew"])
def test_a_queue_that_is_down_does_not_keep_the_other(closed: str) -> None:
    """What the one did not take stays due; everybody else is sent on."""
    index = Index([authorizer(), Due(NOW, code_sha256=SHA256)])
    broom = Broom(index, **{f"{closed}_queue": ClosedQueue()})  # type: ignore[arg-type]
    swept = broom.sweep()
    assert (swept.authorizers, swept.codes) == ((1, 0) if closed == "exchange" else (0, 1))
    assert len(broom.renew_queue.jobs) + len(broom.exchange_queue.jobs) == 1


def test_overdue_is_counted() -> None:
    """Authorizers that are due for over a quarter of an hour are counted; codes are not."""
    entries = [
        authorizer(NOW - 900),
        authorizer(NOW - 900.1),
        authorizer(NOW - 5000, OTHER),
        Due(NOW - 5000, None, SHA256),
    ]
    assert Broom(Index(entries)).sweep().overdue == 2


def test_a_due_component_token_is_renewed_first() -> None:
    """Then everybody is sent on."""
    broom = Broom(Index([Due(NOW), authorizer()]), renewals=[Outcome.RENEWED])
    assert broom.sweep() == Swept(ran=True, authorizers=1, component=Outcome.RENEWED)


@pytest.mark.parametrize(
    ("renewal", "outcome"),
    [
        (Outcome.REFUSED, Outcome.REFUSED),
        (Outcome.UNKNOWN, Outcome.UNKNOWN),
        (NoTicketError("none"), Outcome.FAILING),
    ],
)
def test_without_a_component_token_nobody_is_sent(
    renewal: Outcome | NoTicketError, outcome: Outcome
) -> None:
    """They would only find that there is none; what is due stays due, and overdue is counted."""
    broom = Broom(Index([Due(NOW), authorizer(NOW - 1000)]), renewals=[renewal], servable=False)
    swept = broom.sweep()
    assert swept == Swept(ran=True, overdue=1, component=outcome, waiting_for_component=True)
    assert broom.renew_queue.jobs == []
    assert broom.exchange_queue.jobs == []


def test_a_component_token_that_still_serves_is_enough() -> None:
    """Its renewal was refused, but the old one is good: everybody is sent on."""
    broom = Broom(Index([Due(NOW), authorizer()]))

    def renew_component() -> Outcome:
        return Outcome.REFUSED

    broom.renew_component = renew_component  # type: ignore[method-assign]
    assert broom.sweep() == Swept(ran=True, authorizers=1, component=Outcome.REFUSED)


def test_nobody_waits_where_nothing_is_due() -> None:
    """A deployment before its first ticket is quiet."""
    assert not Broom(servable=False).sweep().waiting_for_component


# --- with a table --------------------------------------------------------------------------------


def test_the_lease_of_a_crashed_sweep_runs_out() -> None:
    """A sweep that did not come back keeps the others away for less than a minute."""
    house = authorized()
    until_due(house)
    house.items.take_sweep("crashed", now=house.clock.now(), seconds=58)
    assert house.sweep.run() == Swept(ran=False)
    later(house, 58)
    assert house.sweep.run() == Swept(ran=False)
    later(house, 0.001)
    assert house.sweep.run().authorizers == 1


def test_a_finished_sweep_does_not_end_anothers_lease() -> None:
    """Who was slow gives back nothing that belongs to its successor."""
    house = House()
    house.items.take_sweep("slow", now=NOW, seconds=58)
    assert house.items.take_sweep("next", now=NOW + 59, seconds=58)
    house.items.end_sweep("slow")
    assert not house.items.take_sweep("third", now=NOW + 60, seconds=58)


def test_what_is_not_due_is_not_found() -> None:
    """The index is asked for what is due by now: a fresh merchant is not."""
    house = authorized()
    assert house.sweep.run() == Swept(ran=True)
    until_due(house)
    assert house.sweep.run().authorizers == 1


def test_a_code_is_picked_up_after_fifteen_seconds() -> None:
    """A job that got lost is found again in the table."""
    house = with_component()
    pushed(house)
    house.exchange_queue.jobs.clear()
    assert house.sweep.run().codes == 0
    later(house, 15)
    assert house.sweep.run().codes == 1
    house.work()
    assert house.sweep.run().codes == 0


def test_a_leased_item_stays_in_the_index() -> None:
    """A crash under a lease leaves the item due: the next sweeps find it."""
    house = authorized()
    until_due(house)
    refuse(house, "refresh", "silent_before")
    for _ in range(2):
        assert house.sweep.run().authorizers == 1
        house.work()
    assert stored(house).unresolved_mark is not None


def test_the_overdue_is_seen_through_leases() -> None:
    """Taking the lease of what is due does not make it any younger."""
    house = authorized()
    until_due(house)
    due_at = stored(house).due_at
    refuse(house, "refresh", *["silent_before"] * 3)
    for _ in range(3):
        house.keeper.keep(MERCHANT)
        assert stored(house).due_at == due_at
        later(house, 25)


def test_a_component_that_fails_is_told() -> None:
    """When WeChat refuses the component token three times, it says ``component.failing``."""
    house = authorized()
    later(house, 7300)
    house.push_ticket()
    refuse(house, "component_token", *[-1] * 30)
    for _ in range(20):
        swept = house.sweep.run()
        assert swept.waiting_for_component
        later(house, 60)
    assert told(house) == ["component.failing"]
    assert house.renew_queue.jobs == []


def test_many_are_all_found() -> None:
    """However the shards fall, each of a hundred merchants is found once."""
    house = authorized()
    for number in range(100):
        appid = f"wx{number:016x}"
        house.authorize(appid)
        edit(house, appid, due_at=1.0)
    swept = house.sweep.run()
    assert swept.authorizers == 100
    assert len({job["authorizer_appid"] for job in house.renew_queue.jobs}) == 100
