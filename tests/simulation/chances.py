"""How likely each kind of fault is: the weather of a schedule."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.simulation.faults import CALL_STEPS, KINDS, READS, Kind, Step

_SILENCES = ((Kind.TIMED_OUT, 0.25), (Kind.LATE, 0.35), (Kind.DELAYED, 0.15), (Kind.DROPPED, 0.25))


@dataclass(slots=True)
class Chances:
    """How likely each fault is, each time it could happen."""

    crash: float = 0.0
    """At a step: the machine is switched off before it, or after it."""
    slow: float = 0.0
    """At a step: it takes seconds."""
    tardy: float = 0.0
    """At a lease that was taken: its holder uses up nearly all of the time until its call."""
    repeated: float = 0.0
    """At a write: its answer is lost, and AWS's client repeats it."""
    silent: float = 0.0
    """At a call to WeChat: executed or not or late, never answered."""
    refused: float = 0.0
    """At a call to WeChat: an errcode."""
    unsent: float = 0.0
    """At a job: the queue does not take it."""
    broken: float = 0.0
    """At a sealed value: it cannot be opened."""
    twice: float = 0.0
    """At a job or push: it is delivered twice."""
    anything: float = 0.0
    """At a step: any fault that it may meet."""
    _odds: dict[Step, tuple[tuple[float, Kind], ...]] = field(default_factory=dict)

    def fate(self, step: Step, luck: float) -> Kind | None:
        """Turn a number between 0 and 1 into a fault, or none."""
        odds = self._odds.get(step)
        if odds is None:
            odds = self._odds[step] = self._add_up(step)
        for below, kind in odds:
            if luck < below:
                return kind
        return None

    def _add_up(self, step: Step) -> tuple[tuple[float, Kind], ...]:
        total, odds = 0.0, []
        for kind, chance in self._of(step):
            if chance:
                total += chance
                odds.append((total, kind))
        return tuple(odds)

    def _of(self, step: Step) -> list[tuple[Kind, float]]:
        odds = [(Kind.CRASH_BEFORE, self.crash / 2), (Kind.CRASH_AFTER, self.crash / 2)]
        if step in CALL_STEPS:
            odds += [(kind, self.silent * part) for kind, part in _SILENCES]
            odds.append((Kind.REFUSED, self.refused))
        elif step is Step.SEND:
            odds.append((Kind.REFUSED, self.unsent))
        elif step is Step.OPEN:
            odds.append((Kind.REFUSED, self.broken))
        elif step not in READS and step is not Step.INVOKE:
            odds.append((Kind.DUPLICATED, self.repeated))
        kinds = KINDS[step]
        return odds + [(kind, self.anything / len(kinds)) for kind in kinds]


CALM = Chances()
