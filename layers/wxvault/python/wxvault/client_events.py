"""For subscribers: is this event news, has it come before, or has a newer one overtaken it?

    from wxvault.client_events import EventGuard, Verdict

    guard = EventGuard(store)                # once per process

    def handler(event, context):
        if guard.handle(event, apply) is Verdict.APPLIED:
            ...

EventBridge delivers at least once and in any order. Whoever keeps the latest state of each merchant
ends with the right one, in whatever order events come and however often: ``apply`` is called with
events of an authorizer whose ``sequence`` rises, one at a time. Events without a sequence are
applied once each, known by their ``event_id``.

It imports ``wxvault.errors`` and the standard library only.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol

from wxvault.errors import InvalidRequestError, WxvaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["EventBusyError", "EventGuard", "EventStore", "Mark", "MemoryEventStore", "Verdict"]

APPLYING_SECONDS: Final = 60.0
KEPT_SECONDS: Final = 15 * 86400
"""Longer than a queue keeps an event that nobody took."""

_SOURCE: Final = "wxvault"
_TRIES: Final = 5


class EventBusyError(WxvaultError):
    """Another event of the same authorizer is being applied; this one has to be delivered again."""

    code = "event_busy"
    default_remedy = "Let the error out of the handler: the event is delivered again."


class Verdict(StrEnum):
    """What became of an event."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    """It was applied before."""
    OUTDATED = "outdated"
    """A newer one of the same authorizer was applied before."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a subscriber has come with an authorizer (or the component, or one event)."""

    sequence: int = 0
    """The last one that was applied; 0: none."""
    busy_until: float | None = None
    """Somebody applies the next one; after this he has crashed."""
    delete_after: int | None = None
    """Unix time after which nobody needs this any more; None: never."""


class EventStore(Protocol):
    """Where marks are kept. All subscribers of one purpose share one."""

    def read(self, key: str, /) -> Mark | None:
        """Read a mark, strongly consistent."""

    def swap(self, key: str, old: Mark | None, new: Mark | None, /) -> bool:
        """Replace a mark if it is still ``old`` (None: there is none); False: it is not."""


class MemoryEventStore:
    """Marks of one process: for tests, and for a subscriber that keeps its state in memory."""

    def __init__(self) -> None:
        """Begin without any."""
        self.marks: dict[str, Mark] = {}
        self._lock = Lock()

    def read(self, key: str, /) -> Mark | None:
        """Read a mark."""
        with self._lock:
            return self.marks.get(key)

    def swap(self, key: str, old: Mark | None, new: Mark | None, /) -> bool:
        """Replace a mark if it is still ``old``."""
        with self._lock:
            if self.marks.get(key) != old:
                return False
            if new is None:
                del self.marks[key]
            else:
                self.marks[key] = new
            return True


@dataclass(frozen=True, slots=True)
class _Place:
    key: str
    sequence: int
    ordered: bool


class EventGuard:
    """Lets each event through at most once, and none that is older than one that went through."""

    def __init__(
        self,
        store: EventStore,
        *,
        now: Callable[[], float] = time.time,
        applying_seconds: float = APPLYING_SECONDS,
    ) -> None:
        """Take a store; ``applying_seconds``: how long applying one event takes at most."""
        self._store = store
        self._now = now
        self._applying_seconds = applying_seconds

    def handle[E: Mapping[str, Any]](self, event: E, apply: Callable[[E], object]) -> Verdict:
        """Apply an event as EventBridge delivers it, if it is news.

        If ``apply`` raises, so does this, and the event is news when it is delivered again. After a
        crash in ``apply`` the same, ``applying_seconds`` later: let it be something that may be
        done twice.

        Raises:
            InvalidRequestError: it is no event of wxvault's; ``field`` says what is wrong.
            EventBusyError: another event of the same authorizer is being applied right now. Raise
                it, so that this one is delivered again.
        """
        place = _place(event)
        taken = self._take(place)
        if isinstance(taken, Verdict):
            return taken
        before, mark = taken
        try:
            apply(event)
        except BaseException:
            self._store.swap(place.key, mark, before)
            raise
        ends = None if place.ordered else int(self._now()) + KEPT_SECONDS
        if not self._store.swap(place.key, mark, Mark(place.sequence, delete_after=ends)):
            message = "applying an event took longer than applying_seconds"
            raise EventBusyError(message)
        return Verdict.APPLIED

    def _take(self, place: _Place) -> Verdict | tuple[Mark | None, Mark]:
        for _ in range(_TRIES):
            before = self._store.read(place.key)
            known = before or Mark()
            if place.sequence <= known.sequence:
                return Verdict.DUPLICATE if place.sequence == known.sequence else Verdict.OUTDATED
            if known.busy_until is not None and known.busy_until > self._now():
                break
            until = self._now() + self._applying_seconds
            mark = Mark(known.sequence, until, known.delete_after)
            if self._store.swap(place.key, before, mark):
                return before, mark
        message = "another event of the same authorizer is being applied"
        raise EventBusyError(message)


def _place(event: Mapping[str, Any]) -> _Place:
    detail = event.get("detail")
    if event.get("source") != _SOURCE or not isinstance(detail, dict):
        raise InvalidRequestError("source", f"is not {_SOURCE!r}")
    if detail.get("version") != "1":
        raise InvalidRequestError("version", "is none that this version of the client knows")
    component, sequence = detail.get("component_appid"), detail.get("sequence")
    event_id, authorizer = detail.get("event_id"), detail.get("authorizer_appid")
    if not isinstance(component, str) or not isinstance(event_id, str):
        raise InvalidRequestError("event_id", "is missing, or component_appid is")
    if sequence is None:
        return _Place(f"event#{component}#{event_id}", 1, ordered=False)
    if not isinstance(sequence, int) or isinstance(sequence, bool) or sequence < 1:
        raise InvalidRequestError("sequence", "is no whole number above 0")
    return _Place(f"order#{component}#{authorizer or '-'}", sequence, ordered=True)
