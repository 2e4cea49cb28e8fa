"""Time as an argument: everything here that looks at a clock is given one of these."""

from __future__ import annotations

import time
from threading import Lock
from typing import Protocol


class SandboxClock(Protocol):
    """What the sandbox needs of time."""

    def now(self) -> float:
        """Return unix time in seconds, as this WeChat sees it."""


class DeskClock:
    """The machine's clock, which a person may run faster or move forward, never back.

    Every life, overlap and interval is counted on this clock. The five seconds a platform has to
    answer a push are not: those are real seconds.
    """

    def __init__(self, *, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"speed: {speed} is not above 0")
        self._lock = Lock()
        self._speed = speed
        self._real_start = time.monotonic()
        self._start = time.time()

    def now(self) -> float:
        """Return unix time in seconds."""
        with self._lock:
            return self._start + (time.monotonic() - self._real_start) * self._speed

    def advance(self, seconds: float) -> None:
        """Jump forward by ``seconds``."""
        if seconds < 0:
            raise ValueError("advance: time goes forward only")
        with self._lock:
            self._start += seconds
