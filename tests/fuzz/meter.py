"""Playing inputs: counted, timed by the processor's clock, and what breaks a law kept."""

from __future__ import annotations

import hashlib
import time
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fuzz.target import Target

SLOW_SECONDS = 0.050
"""No input may take longer than this."""

_MOST_FINDINGS = 20
_REPEATS = 5
_KEPT_SLOWEST = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """An input that broke a law, and how."""

    data: bytes
    told: str


@dataclass
class Meter:
    """Plays the inputs of one target.

    Time is this thread's on the processor: a busy machine makes nothing slow. What seems slow is
    measured again, and the least of all counts. With ``judge_time`` off that is left to whoever
    plays the ``slowest`` again: a library that is watched is slower.
    """

    target: Target
    judge_time: bool = True
    inputs: int = 0
    findings: dict[str, Finding] = field(default_factory=dict)
    slowest: list[tuple[float, bytes]] = field(default_factory=list)
    """Seconds and input, longest first."""

    def play(self, data: bytes) -> None:
        """Play one input."""
        self.inputs += 1
        took = self._timed(data)
        if len(self.slowest) == _KEPT_SLOWEST and took <= self.slowest[-1][0]:
            return
        least = min(took, *(self._timed(data) for _ in range(_REPEATS)))
        self.slowest = sorted(
            [entry for entry in self.slowest if entry[1] != data] + [(least, data)],
            key=lambda entry: -entry[0],
        )[:_KEPT_SLOWEST]
        if self.judge_time and least > SLOW_SECONDS:
            self._found("slow", data, f"slow: {least * 1000:.0f} ms of processor time")

    def _timed(self, data: bytes) -> float:
        started = time.thread_time()
        try:
            self.target.play(data)
        except Exception as error:  # noqa: BLE001 -- whatever comes out is what is looked for
            frames = traceback.extract_tb(error.__traceback__)
            place = f"{frames[-1].filename}:{frames[-1].lineno}:{type(error).__name__}"
            self._found(place, data, "".join(traceback.format_exception(error, limit=-6)))
        return time.thread_time() - started

    def _found(self, place: str, data: bytes, told: str) -> None:
        """Keep the shortest input for each place where something breaks."""
        known = self.findings.get(place)
        if known is None and len(self.findings) >= _MOST_FINDINGS:
            return
        if known is None or len(data) < len(known.data):
            self.findings[place] = Finding(data, told)


def name_of(data: bytes) -> str:
    """Return the name of the file that an input is kept in."""
    return hashlib.sha256(data).hexdigest()[:24]
