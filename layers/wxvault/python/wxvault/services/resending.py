"""Sending events that the bus has not: whoever wrote them could not, or did not come to it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from wxvault.errors import SealBrokenError, SealingKeyError, WxvaultError
from wxvault.services.numbers import (
    BACK_OFF_FIRST,
    EVENT_DUE_SECONDS,
    RESEND_SECONDS,
    RESENT_AT_MOST,
)
from wxvault.services.policy import back_off

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wxvault.clock import Clock
    from wxvault.services.bus_events import BusEvent, UnsentKey
    from wxvault.services.events import EventBus
    from wxvault.services.policy import Uniform

_log = logging.getLogger(__name__)

_REFUSALS_BORNE = 3
"""So many refusals in a row are not about one event: the bus is down."""


@dataclass(frozen=True, slots=True)
class Unsent:
    """An event that was kept."""

    key: UnsentKey
    event: BusEvent
    kept_at: float
    attempts: int
    """How often the sweep has tried to send it."""


@dataclass(frozen=True, slots=True)
class DueEvent:
    """One event that is due, by its key only."""

    key: UnsentKey
    due_at: float


@dataclass(frozen=True, slots=True)
class Resent:
    """What became of the events that were due."""

    sent: int = 0
    left: int = 0
    oldest: float | None = None
    """When the oldest of those that are left was written, as far as that is known."""


class KeptEvents(Protocol):
    """Where events are kept that the bus has not."""

    def read(self, key: UnsentKey, /) -> Unsent | None:
        """Read one; None: it was sent meanwhile."""

    def forget(self, key: UnsentKey, /) -> None:
        """Delete one that the bus has."""

    def put_off(self, key: UnsentKey, attempts: int, /, *, due_at: float) -> None:
        """Have one tried again at ``due_at``."""


class Resending:
    """Sends what is kept, the longest due first and each authorizer's in order, if it can."""

    def __init__(self, kept: KeptEvents, bus: EventBus, clock: Clock, uniform: Uniform) -> None:
        self._kept = kept
        self._bus = bus
        self._clock = clock
        self._uniform = uniform

    def run(self, due: Sequence[DueEvent]) -> Resent:
        """Send what is due, bounded by number and by time; what is left stays due."""
        waiting = in_order(due)
        until = self._clock.now() + RESEND_SECONDS
        sent = refused = 0
        times: list[float] = []
        while waiting and sent < RESENT_AT_MOST and self._clock.now() < until:
            one = waiting.pop(0)
            try:
                unsent = self._kept.read(one.key)
            except (SealBrokenError, SealingKeyError) as error:
                # Changed by somebody, it stays for a person to look at; without the key, for later.
                self._put_off(one.key, BACK_OFF_FIRST)
                times.append(one.due_at - EVENT_DUE_SECONDS)
                refused += isinstance(error, SealingKeyError)
                _log.error("kept event not opened", extra={"problem": error.code})
                if refused == _REFUSALS_BORNE:
                    break
                continue
            if unsent is None:
                continue
            if self._bus.put(unsent.event.detail_type, unsent.event.detail):
                refused = 0
                sent += 1
                self._forget(unsent)
                continue
            refused += 1
            attempts = unsent.attempts + 1
            self._put_off(one.key, back_off(attempts, self._uniform), attempts)
            times.append(unsent.kept_at)
            if refused == _REFUSALS_BORNE:
                break
        left = len(times) + len(waiting)
        times += [one.due_at - EVENT_DUE_SECONDS for one in waiting]
        return Resent(sent, left, min(times, default=None))

    def _forget(self, unsent: Unsent) -> None:
        try:
            self._kept.forget(unsent.key)
        except WxvaultError as error:
            extra = {"event_id": unsent.event.event_id, "problem": error.code}
            _log.warning("event sent, but still kept", extra=extra)

    def _put_off(self, key: UnsentKey, seconds: float, attempts: int = 1) -> None:
        later = self._clock.now() + seconds
        try:
            self._kept.put_off(key, attempts, due_at=later)
        except WxvaultError as error:
            # It stays due as it was.
            _log.warning("event not put off", extra={"problem": error.code})


def in_order(due: Sequence[DueEvent]) -> list[DueEvent]:
    """Return the longest due first, but of each authorizer what happened first."""
    by_subject: dict[str, list[DueEvent]] = {}
    for one in sorted(due, key=lambda one: one.key.name):
        by_subject.setdefault(one.key.subject, []).append(one)
    slots = sorted(due, key=lambda one: (one.due_at, one.key.subject, one.key.name))
    return [by_subject[slot.key.subject].pop(0) for slot in slots]
