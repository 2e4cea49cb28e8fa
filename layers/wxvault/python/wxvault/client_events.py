"""For subscribers: is this event the newest, has a newer one overtaken it, or has it come before?

    from wxvault.client_events import EventGuard, Verdict

    guard = EventGuard(store)                # once per process

    def handler(event, context):
        guard.handle(event, apply)

    def apply(event, verdict):
        if verdict is Verdict.NEWEST:
            ...                              # what the detail says is so now: keep it
        ...                                  # what has happened: it comes here once, late or not

EventBridge delivers at least once and in any order. ``apply`` gets every event once, one at a time
of each authorizer. Each event with a ``sequence`` tells the whole state after it (``status``,
``tenant_id``), so whoever keeps that of the newest ends with the right one, in whatever order
events come and however often.

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
LARGEST_MEMORY: Final = 100_000
"""How many marks are kept in memory: some 40 MB."""
REMEMBERED: Final = 100
"""How many sequences are remembered of each authorizer: years, for most."""

_SOURCE: Final = "wxvault"
_TRIES: Final = 5


class EventBusyError(WxvaultError):
    """Another event of the same authorizer is being applied; this one has to be delivered again."""

    code = "event_busy"
    default_remedy = "Let the error out of the handler: the event is delivered again."


class Verdict(StrEnum):
    """What an event is, among those that came before it."""

    NEWEST = "newest"
    """Nothing newer has come of this authorizer: what it tells is so. Or it has no sequence."""
    LATE = "late"
    """It has not come before, but something newer has: it happened, and is not so any more."""
    REPEATED = "repeated"
    """It was applied before."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a subscriber has had of an authorizer (or of the component, or one event)."""

    seen: tuple[int, ...] = ()
    """The sequences that were applied, rising: the last `REMEMBERED`."""
    busy_until: float | None = None
    """Somebody applies another one; after this he has crashed."""
    delete_after: int | None = None
    """Unix time after which nobody needs this any more; None: never."""


class EventStore(Protocol):
    """Where marks are kept. All subscribers of one purpose share one."""

    def read(self, key: str, /) -> Mark | None:
        """Read a mark, strongly consistent."""

    def swap(self, key: str, old: Mark | None, new: Mark | None, /) -> bool:
        """Replace a mark if it is still ``old`` (None: there is none); False: it is not."""


class MemoryEventStore:
    """Marks of one process: for tests, and for a subscriber that keeps its state in memory.

    Beyond ``largest`` marks it forgets the one that was not written for the longest. What it has
    forgotten of an authorizer or an event is new to it when it comes again.
    """

    def __init__(self, largest: int = LARGEST_MEMORY) -> None:
        """Begin without any."""
        self.marks: dict[str, Mark] = {}
        self._largest = largest
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
            # Written last is last in the dictionary.
            self.marks.pop(key, None)
            if new is not None:
                self.marks[key] = new
            while len(self.marks) > self._largest:
                del self.marks[next(iter(self.marks))]
            return True


@dataclass(frozen=True, slots=True)
class _Place:
    key: str
    sequence: int
    ordered: bool


class EventGuard:
    """Lets each event through once, and says whether a newer one went through before."""

    def __init__(
        self,
        store: EventStore,
        *,
        now: Callable[[], float] = time.time,
        applying_seconds: float = APPLYING_SECONDS,
        kept_seconds: float = KEPT_SECONDS,
    ) -> None:
        """Take a store; ``applying_seconds``: how long applying one event takes at most.

        ``kept_seconds``: how long an event without a sequence is known. Whoever replays an archive
        makes it as long as the archive reaches back.
        """
        self._store = store
        self._now = now
        self._applying_seconds = applying_seconds
        self._kept_seconds = kept_seconds

    def handle[E: Mapping[str, Any]](
        self, event: E, apply: Callable[[E, Verdict], object]
    ) -> Verdict:
        """Apply an event as EventBridge delivers it, unless it was applied before.

        ``apply`` gets it with `Verdict.NEWEST` or `Verdict.LATE`. If it raises, so does this, and
        the event is judged anew when it is delivered again. After a crash in ``apply`` the same,
        ``applying_seconds`` later: let it be something that may be done twice.

        What is older than all that is remembered of an authorizer counts as repeated.

        Raises:
            InvalidRequestError: it is no event of wxvault's; ``field`` says what is wrong.
            EventBusyError: another event of the same authorizer is being applied right now. Raise
                it, so that this one is delivered again.
        """
        place = _place(event)
        taken = self._take(place)
        if taken is None:
            return Verdict.REPEATED
        before, mark = taken
        verdict = Verdict.LATE if mark.seen and place.sequence < mark.seen[-1] else Verdict.NEWEST
        try:
            apply(event, verdict)
        except BaseException:
            self._store.swap(place.key, mark, before)
            raise
        seen = tuple(sorted((*mark.seen, place.sequence))[-REMEMBERED:])
        ends = None if place.ordered else int(self._now() + self._kept_seconds)
        if not self._store.swap(place.key, mark, Mark(seen, delete_after=ends)):
            message = "applying an event took longer than applying_seconds"
            raise EventBusyError(message)
        return verdict

    def _take(self, place: _Place) -> tuple[Mark | None, Mark] | None:
        """Take the right to apply an event; None: it was applied before."""
        for _ in range(_TRIES):
            before = self._store.read(place.key)
            known = before or Mark()
            if _has_had(known, place.sequence):
                return None
            if known.busy_until is not None and known.busy_until > self._now():
                break
            until = self._now() + self._applying_seconds
            # Should it never come back, its mark goes all the same.
            ends = known.delete_after if place.ordered else int(until + self._kept_seconds)
            mark = Mark(known.seen, until, ends)
            if self._store.swap(place.key, before, mark):
                return before, mark
        message = "another event of the same authorizer is being applied"
        raise EventBusyError(message)


def _has_had(mark: Mark, sequence: int) -> bool:
    forgotten = len(mark.seen) >= REMEMBERED and sequence < mark.seen[0]
    return forgotten or sequence in mark.seen


def _place(event: Mapping[str, Any]) -> _Place:
    detail = event.get("detail") if isinstance(event, dict) else None
    if not isinstance(detail, dict) or event.get("source") != _SOURCE:
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
