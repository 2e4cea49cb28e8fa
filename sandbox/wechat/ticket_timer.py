"""When tickets are pushed: regularly, until too many in a row failed, then not before a start."""

from __future__ import annotations

from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.wechat.clock import SandboxClock
    from sandbox.wechat.settings import Settings

_TICK_SECONDS: Final = 0.2


class TicketTimer:
    """Calls ``push`` when a ticket is due on the sandbox's clock."""

    def __init__(
        self, settings: Callable[[], Settings], clock: SandboxClock, push: Callable[[], object]
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._push = push
        self._lock = Lock()
        self._next_at: float | None = None
        self._failed = 0
        self._stopped = False
        self._closed = Event()
        self._thread: Thread | None = None

    @property
    def stopped(self) -> bool:
        """Whether the pushes have stopped after failures."""
        return self._stopped

    @property
    def running(self) -> bool:
        """Whether the timer runs at all."""
        return self._thread is not None

    def start(self) -> None:
        """Look at the clock from now on, in a thread of its own."""
        self._thread = Thread(target=self._run, daemon=True, name="tickets")
        self._thread.start()

    def close(self) -> None:
        """Look at the clock no longer."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def restart(self) -> None:
        """Forget failures; the next ticket is due after one interval."""
        with self._lock:
            self._stopped, self._failed = False, 0
            self._next_at = self._clock.now() + self._settings().ticket_interval

    def stop(self) -> None:
        """Stop pushing, as WeChat does after many failures."""
        self._stopped = True

    def count(self, *, delivered: bool) -> None:
        """Take note of what became of a ticket's push."""
        with self._lock:
            self._failed = 0 if delivered else self._failed + 1
            if 0 < self._settings().ticket_stop_after <= self._failed:
                self._stopped = True

    def due(self) -> bool:
        """Return whether a ticket is due now; then the next one is due an interval later."""
        with self._lock:
            settings, now = self._settings(), self._clock.now()
            if not settings.ticket_push or not settings.event_url or self._stopped:
                return False
            latest = now + settings.ticket_interval
            if self._next_at is None or self._next_at > latest:
                self._next_at = latest  # the interval has just become shorter
            if now < self._next_at:
                return False
            self._next_at = latest
            return True

    def _run(self) -> None:
        while not self._closed.wait(_TICK_SECONDS):
            if self.due():
                self._push()
