"""The sweep: the one timer. It looks for what is due and hands it to whoever does it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from wxvault.errors import WxvaultError
from wxvault.services.numbers import OVERDUE_SECONDS, SWEEP_LEASE_SECONDS
from wxvault.services.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from wxvault.clock import Clock

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
    """One item that is due: an authorizer, a code, or the component's own token (both None)."""

    due_at: float
    authorizer_appid: str | None = None
    code_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found, and how much of it a queue has taken."""

    ran: bool
    """False: another sweep was at it."""
    authorizers: int = 0
    codes: int = 0
    overdue: int = 0
    component: Outcome | None = None
    waiting_for_component: bool = False
    """There is no component token, so nobody was sent on."""


class SendJobs(Protocol):
    """A queue that takes many jobs."""

    def send_all(self, jobs: list[Mapping[str, Any]], /) -> int:
        """Send them; returns how many were taken."""


class Sweep:
    """Looks for what is due and enqueues it."""

    def __init__(  # noqa: PLR0913, PLR0917 -- adapters, each named
        self,
        items: DueItems,
        renew_jobs: SendJobs,
        exchange_jobs: SendJobs,
        renew_component: Callable[[], Outcome],
        component_is_servable: Callable[[], bool],
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._items = items
        self._renew_jobs = renew_jobs
        self._exchange_jobs = exchange_jobs
        self._renew_component = renew_component
        self._component_is_servable = component_is_servable
        self._clock = clock
        self._new_id = new_id

    def run(self) -> Swept:
        """Sweep once."""
        now = self._clock.now()
        lease_id = self._new_id()
        if not self._items.take_sweep(lease_id, now=now, seconds=SWEEP_LEASE_SECONDS):
            return Swept(ran=False)
        try:
            return self._sweep(now)
        finally:
            self._items.end_sweep(lease_id)

    def _sweep(self, now: float) -> Swept:
        due = sorted(self._items.due(now=now), key=lambda item: item.due_at)
        authorizers = [item for item in due if item.authorizer_appid is not None]
        codes = [item for item in due if item.code_sha256 is not None]
        overdue = sum(1 for item in authorizers if item.due_at < now - OVERDUE_SECONDS)
        component: Outcome | None = None
        if len(authorizers) + len(codes) < len(due):
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
        codes_sent = _send(self._exchange_jobs, jobs)
        jobs = [
            {"job": "authorizer", "authorizer_appid": item.authorizer_appid} for item in authorizers
        ]
        authorizers_sent = _send(self._renew_jobs, jobs)
        return Swept(
            ran=True,
            codes=codes_sent,
            authorizers=authorizers_sent,
            overdue=overdue,
            component=component,
        )


def _send(queue: SendJobs, jobs: Sequence[Mapping[str, Any]]) -> int:
    """Send jobs and return how many were taken; a queue that is down does not keep the other."""
    try:
        return queue.send_all(list(jobs))
    except Exception as error:  # noqa: BLE001 -- all of it stays due, so the next sweep sends it
        _log.error("jobs not sent", extra={"problem": type(error).__name__, "count": len(jobs)})
        return 0
