"""What came of many schedules, added up: faults by step and kind, distinct schedules, failures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.simulation.faults import CELLS, SENSELESS, UNUSED, Kind, Step

if TYPE_CHECKING:
    from tests.simulation.town import Town

WANTED = 20
"""How often every cell of the matrix has to be hit."""


@dataclass(slots=True)
class Tally:
    """What came of some schedules."""

    played: int = 0
    digests: set[int] = field(default_factory=set)
    looked_up: int = 0
    met: Counter[tuple[Step, Kind]] = field(default_factory=Counter)
    outages: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    """By the name of the schedule: its first failure."""

    def add(self, name: str, town: Town) -> None:
        """Add a schedule that was played."""
        self.played += 1
        self.digests.add(town.digest)
        self.looked_up += town.judge.served
        self.met.update(town.met)
        self.outages += town.faults.get("outage", 0)
        if town.stage.failures:
            self.failures[name] = town.stage.failures[0].strip().splitlines()[-1]

    def merge(self, other: Tally) -> None:
        """Add another tally."""
        self.played += other.played
        self.digests |= other.digests
        self.looked_up += other.looked_up
        self.met.update(other.met)
        self.outages += other.outages
        self.failures |= other.failures

    def missing(self) -> dict[tuple[Step, Kind], int]:
        """Return how many hits each cell lacks."""
        return {cell: WANTED - self.met[cell] for cell in CELLS if self.met[cell] < WANTED}

    def matrix(self) -> str:
        """Return the faults by step and kind, with a dash where a fault has no meaning."""
        width = max(len(step.label) for step in Step)
        heads = [kind.label for kind in Kind]
        lines = [" ".join([" " * width, *(f"{head:>12}" for head in heads)])]
        for step in Step:
            if step in UNUSED and not any(self.met[step, kind] for kind in Kind):
                continue
            cells = [
                f"{'-' if (step, kind) in SENSELESS else self.met[step, kind]:>12}" for kind in Kind
            ]
            lines.append(" ".join([f"{step.label:{width}}", *cells]))
        for reason in dict.fromkeys(SENSELESS.values()):
            steps = [step for (step, _), why in SENSELESS.items() if why == reason]
            names = ", ".join(dict.fromkeys(step.label for step in steps))
            lines.append(f"- {names}: {reason}")
        return "\n".join(lines)
