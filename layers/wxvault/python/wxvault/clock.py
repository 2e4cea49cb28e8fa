"""Time as an argument: everything that looks at a clock or sleeps takes one of these."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What the library needs of time."""

    def now(self) -> float:
        """Return unix time in seconds, rounded to milliseconds (as the table stores it)."""

    def sleep(self, seconds: float) -> None:
        """Return after ``seconds``."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Return unix time in seconds, rounded to milliseconds."""
        return round(time.time(), 3)

    def sleep(self, seconds: float) -> None:
        """Block this thread for ``seconds``."""
        time.sleep(seconds)
