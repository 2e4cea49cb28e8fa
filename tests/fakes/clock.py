"""A clock that stands still until it is moved; sleeping moves it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def half() -> float:
    """Be the chance that is always in the middle."""
    return 0.5


@dataclass
class FakeClock:
    """Fits :class:`wxvault.clock.Clock`."""

    time: float = 1_800_000_000.0
    while_sleeping: list[Callable[[], None]] = field(default_factory=list)
    """What happens in the world during the next sleeps, one each."""

    def now(self) -> float:
        """Return the time."""
        return round(self.time, 3)

    def sleep(self, seconds: float) -> None:
        """Move the time on."""
        self.time += seconds
        if self.while_sleeping:
            self.while_sleeping.pop(0)()
