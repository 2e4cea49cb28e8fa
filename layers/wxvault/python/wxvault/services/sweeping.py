"""The sweep: the one timer. It looks for what is due and hands it to whoever does it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from wxvault.errors import WxvaultError
from wxvault.services.numbers import OVERDUE_SECONDS, SWEEP_LEASE_SECONDS
from wxvault.services.outcome import Outcome
from wxvault.services.resending import DueEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from wxvault.clock import Clock
    from wxvault.services.bus_events import UnsentKey
    from wxvault.services.resending import Resent

_log = logging.getLogger(__name__)


class DueItems(Protocol):
    """The index of what is due, and the sweep's own lease."""

    def take_sweep(self, lease_id: str, *, now: float, seconds: float) -> bool:
        """Take the sweep's lease."""

    def end_sweep(self, lease_id: str) -> None:
        """Give it back."""

    def due(self, *, now: float) -> Iterator[Due]:
        """Read what is due."""


@dataclass(frozen=True, slots=True)
class Due:
    """One item that is due; the component's own token if it names nothing."""

    due_at: float
    authorizer_appid: str | None = None
    code_sha256: str | None = None
    unsent: UnsentKey | None = None
    ticket_sha256: str | None = None
    """Of an official account's ticket for a registration."""
    release_code_sha256: str | None = None
    """A test account of WeChat is owed an answer about this code."""

    @property
    def is_component(self) -> bool:
        """It is the component's own token."""
        named = self.authorizer_appid or self.code_sha256 or self.ticket_sha256
        return not (named or self.release_code_sha256 or self.unsent)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found, and how much of it a queue has taken."""

    ran: bool
    """False: another sweep was at it."""
    authorizers: int = 0
    codes: int = 0
    registrations: int = 0
    """Tickets of official accounts, with which mini programs are registered."""
    overdue: int = 0
    component: Outcome | None = None
    waiting_for_component: bool = False
    """There is no component token, so nobody was sent on."""
    events: int = 0
    unsent: int = 0
    """Events that are due and that the bus still has not."""
    unsent_seconds: float = 0.0
    """The age of the oldest of them."""
    tickets: bool = False
    """*renew* was sent to look at the tickets."""


class SendJobs(Protocol):
    """A queue that takes many jobs."""

    def send_all(self, jobs: list[Mapping[str, Any]], /) -> int:
        """Send them; returns how many were taken."""


class Resend(Protocol):
    """Sends events that are due."""

    def run(self, due: Sequence[DueEvent], /) -> Resent:
        """Send them, and say what became of them."""


class Sweep:
    """Looks for what is due and enqueues it; events that the bus has not it sends itself."""

    def __init__(  # noqa: PLR0913, PLR0917 -- adapters, each named
        self,
        items: DueItems,
        renew_jobs: SendJobs,
        exchange_jobs: SendJobs,
        renew_component: Callable[[], Outcome],
        component_is_servable: Callable[[], bool],
        resending: Resend,
        tickets_want_a_look: Callable[[], bool],
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._items = items
        self._renew_jobs = renew_jobs
        self._exchange_jobs = exchange_jobs
        self._renew_component = renew_component
        self._component_is_servable = component_is_servable
        self._resending = resending
        self._tickets_want_a_look = tickets_want_a_look
        self._clock = clock
        self._new_id = new_id

    def run(self) -> Swept:
        """Sweep once."""
        now = self._clock.now()
        lease_id = self._new_id()
        if not self._items.take_sweep(lease_id, now=now, seconds=SWEEP_LEASE_SECONDS):
            return Swept(ran=False)
        try:
            swept = self._sweep(now)
            return replace(swept, tickets=self._look_at_tickets())
        finally:
            self._items.end_sweep(lease_id)

    def _sweep(self, now: float) -> Swept:
        found = sorted(self._items.due(now=now), key=lambda item: item.due_at)
        swept = self._hand_on([item for item in found if item.unsent is None], now)
        # Last, for tokens are more urgent; and in any case, for nobody needs a token to be told.
        resent = self._resending.run(
            [DueEvent(item.unsent, item.due_at) for item in found if item.unsent is not None]
        )
        age = 0.0 if resent.oldest is None else self._clock.now() - resent.oldest
        return replace(swept, events=resent.sent, unsent=resent.left, unsent_seconds=max(0.0, age))

    def _hand_on(self, due: Sequence[Due], now: float) -> Swept:
        authorizers = [item for item in due if item.authorizer_appid is not None]
        codes = [item for item in due if item.code_sha256 is not None]
        tickets = [item for item in due if item.ticket_sha256 is not None]
        overdue = sum(1 for item in authorizers if item.due_at < now - OVERDUE_SECONDS)
        component: Outcome | None = None
        if any(item.is_component for item in due):
            try:
                component = self._renew_component()
            except WxvaultError:
                component = Outcome.FAILING
        if not self._component_is_servable():
            # Whoever was sent on now would only find that there is no component token.
            return Swept(
                ran=True, overdue=overdue, component=component, waiting_for_component=bool(due)
            )
        jobs = [{"code_sha256": item.code_sha256} for item in codes]
        codes_sent = send_or_leave(self._exchange_jobs, jobs)
        jobs = [{"ticket_sha256": item.ticket_sha256} for item in tickets]
        registrations_sent = send_or_leave(self._exchange_jobs, jobs)
        jobs = [
            {"release_code_sha256": item.release_code_sha256}
            for item in due
            if item.release_code_sha256 is not None
        ]
        send_or_leave(self._exchange_jobs, jobs)
        jobs = [
            {"job": "authorizer", "authorizer_appid": item.authorizer_appid} for item in authorizers
        ]
        authorizers_sent = send_or_leave(self._renew_jobs, jobs)
        return Swept(
            ran=True,
            codes=codes_sent,
            registrations=registrations_sent,
            authorizers=authorizers_sent,
            overdue=overdue,
            component=component,
        )

    def _look_at_tickets(self) -> bool:
        """Have tickets looked after that stay away: they are what everything else is bought with.

        Without a component token as well, and after everybody else was sent on.
        """
        try:
            if not self._tickets_want_a_look():
                return False
        except WxvaultError as error:
            _log.error("tickets not looked at", extra={"error_code": error.code})
            return False
        return send_or_leave(self._renew_jobs, [{"job": "tickets"}]) == 1


def send_or_leave(queue: SendJobs, jobs: Sequence[Mapping[str, Any]]) -> int:
    """Send jobs and return how many were taken; a queue that is down does not keep the other."""
    try:
        return queue.send_all(list(jobs))
    except Exception as error:  # noqa: BLE001 -- all of it stays due, so the next sweep sends it
        _log.error("jobs not sent", extra={"problem": type(error).__name__, "count": len(jobs)})
        return 0
