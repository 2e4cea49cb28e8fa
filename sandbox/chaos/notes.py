"""What the load has done and was answered, noted by many threads."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.chaos.judge import HandedOut


@dataclass(slots=True)
class Notes:
    """Everything that is counted during a run."""

    counts: Counter[str] = field(default_factory=Counter)
    """joins, changes, leaves …, and what went wrong on the merchants' side."""
    errors: Counter[str] = field(default_factory=Counter)
    """Look-ups that were answered with a clear error, by its code."""
    handed: list[HandedOut] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Look-ups that ended in something that is neither a token nor a clear error."""
    seconds: list[float] = field(default_factory=list)
    """How long each look-up took that asked the vault."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, name: str, number: int = 1) -> None:
        """Count something."""
        with self._lock:
            self.counts[name] += number

    def answered(self, handed: HandedOut, seconds: float | None) -> None:
        """Note a good answer; ``seconds`` None: the client had it in its cache."""
        with self._lock:
            self.handed.append(handed)
            if seconds is not None:
                self.seconds.append(seconds)

    def refused(self, code: str, seconds: float) -> None:
        """Note a clear error."""
        with self._lock:
            self.errors[code] += 1
            self.seconds.append(seconds)

    def was_wrong(self, what: str) -> None:
        """Note what no look-up may ever answer."""
        with self._lock:
            self.wrong.append(what)

    @property
    def look_ups(self) -> int:
        """All look-ups so far, from the cache or not."""
        with self._lock:
            return len(self.handed) + sum(self.errors.values()) + len(self.wrong)

    @property
    def asked(self) -> int:
        """Those of them that asked the vault."""
        with self._lock:
            return len(self.seconds) + len(self.wrong)
