"""Cases: one journey or two, at known steps, with one fault at a known step; all of them in turn.

A case is written ``one:JOURNEY:MODE[:STEP:FAULT[:SEED]]`` or
``two:FIRST+SECOND:MODE:I[-J][:STEP:FAULT[:SEED]]``. What is exhaustive about them:

- *One journey*: every journey of :mod:`tests.simulation.journeys`, in every mode, without a fault
  and with every fault at every step. A journey is whatever an actor does and sets off, until
  nothing of it is under way; its steps are counted over all its actors in the order in which they
  come to them. A mode is one answer to WeChat's open questions.
- *Two journeys*: every ordered pair of :data:`~tests.simulation.journeys.PAIRED`, one with itself
  too. The first is held before its step I (or before WeChat's answer is heard) while the second
  runs from its beginning to its end, then the first goes on: every I. Without a fault the second is
  moreover held before its step J until the first has ended: every I and J. With one fault, at every
  step of either and of every kind, for every I. Modes take turns over the cases of a pair.
  A call to WeChat is held for 3 s at most, so that its deadline holds; everything else until the
  machine is switched off.

Latencies are the shortest there are, so that holding alone decides who goes first. Where a fault
has degrees (when a late request arrives, with which errcode WeChat refuses), the seed decides: a
number, or that of the case's own name.
"""

from __future__ import annotations

import itertools
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from tests.fakes.house import COMPONENT, MERCHANT
from tests.simulation.faults import CALL_STEPS, KINDS, Kind, Step
from tests.simulation.journeys import JOURNEYS, PAIRED, PREPARATIONS
from tests.simulation.town import SECOND_EXCHANGES, SETTLED_WITHIN, Town
from wxvault.protocol.pushes import Authorized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.simulation.stage import Actor
    from tests.simulation.town import SecondExchange
    from wxvault.protocol.pushes import Push

MODES = tuple(
    f"{rotates}-{second}" for rotates in ("kept", "rotated") for second in SECOND_EXCHANGES
)
"""Does the refresh token rotate; what does a second exchange of a code bring?"""
ROTATIONS = ("kept-refused", "rotated-refused")
"""The modes of a journey in which no code is exchanged."""

QUIET_SECONDS = 44.0
"""A journey is over by then; the first sweep comes."""
SETTLED_AFTER_ONE = 240.0
"""After one fault all is well again within a lease, two sweeps and a back-off or two."""
_CALL_HELD_SECONDS = 3.0
_HELD_SECONDS = 60.0
_NEVER = -1


@dataclass(frozen=True, slots=True)
class Plan:
    """Which case it is."""

    journeys: tuple[str, ...]
    mode: str
    hold_first: int = _NEVER
    hold_second: int = _NEVER
    step: int = _NEVER
    kind: Kind | None = None
    seed: int | None = None

    def __str__(self) -> str:
        parts = ["one" if len(self.journeys) == 1 else "two", "+".join(self.journeys), self.mode]
        if len(self.journeys) > 1:
            second = "" if self.hold_second == _NEVER else f"-{self.hold_second}"
            parts.append(f"{self.hold_first}{second}")
        if self.kind is not None:
            parts += [str(self.step), self.kind.label.replace(" ", "_")]
            parts += [] if self.seed is None else [str(self.seed)]
        return ":".join(parts).replace(" ", "_")

    @classmethod
    def read(cls, text: str) -> Plan:
        """Read what :meth:`__str__` has written."""
        number, names, mode, *rest = text.split(":")
        plan = cls(tuple(names.replace("_", " ").split("+")), mode)
        if number == "two":
            first, _, second = rest.pop(0).partition("-")
            hold_second = int(second) if second else _NEVER
            plan = replace(plan, hold_first=int(first), hold_second=hold_second)
        if rest:
            step, kind, *seed = rest
            plan = replace(plan, step=int(step), kind=Kind[kind.upper()])
            plan = replace(plan, seed=int(seed[0])) if seed else plan
        return plan


@dataclass(frozen=True, slots=True)
class Arrived:
    """Somebody came to a step."""

    journey: str
    step: Step
    answer: bool = False
    """It is no step of its own but the end of a call: one can be held there."""


class Case(Town):
    """One case, played."""

    def __init__(self, plan: Plan, *, trace: bool = False) -> None:
        seed = zlib.crc32(str(plan).encode()) if plan.seed is None else plan.seed
        super().__init__(seed, trace=trace)
        self.plan = plan
        rotates, _, second = plan.mode.partition("-")
        self.wechat_is(rotates=rotates == "rotated", second=cast("SecondExchange", second))
        self.cold = 1.0
        self.arrived: list[Arrived] = []
        self.code = self.blind_code = ""
        """The codes that journeys are about."""
        self._came = {"first": 0, "second": 0}
        self._running = {"first": 0, "second": 0}
        self._at: dict[int, int] = {}
        self._held: list[tuple[str, Actor, int]] = []
        self._second_begun = False
        self._last_arrival = 0.0

    def latency(self, least: float, most: float) -> float:
        """Everything takes the shortest time, but where the seed was chosen."""
        return least if self.plan.seed is None else super().latency(least, most)

    def play(self) -> list[str]:
        """Let it happen; return what was not as it must be."""
        stage = self.stage
        journeys = [JOURNEYS[name] for name in self.plan.journeys]
        begins = {journey.before for journey in journeys}
        if begins != {"empty"}:
            self.push_ticket()
            self.component_keeper.renew()
        if "authorised" in begins:
            self.judge_code(self.authorize_here())
        # Old enough to be refused.
        stage.time += 100
        needed = {need for journey in journeys for need in journey.needs}
        for name, prepare in PREPARATIONS.items():
            if name in needed and not (name == "component due" and "due" in needed):
                prepare(self)
        begun = stage.time
        self.judge.watch()
        self._sweeps_from(begun + QUIET_SECONDS)
        journeys[0].start(self, "first")
        if len(journeys) == 1:
            self._second_begun = True
        stage.run(begun + QUIET_SECONDS)
        calm_since = max(begun + QUIET_SECONDS, self._last_arrival)
        # An event whose seal seems broken is looked at again when the longest back-off is over.
        slow = (Step.OPEN, Kind.REFUSED) in self.met
        return self.settle_down(calm_since, SETTLED_WITHIN if slow else SETTLED_AFTER_ONE)

    def authorize_here(self) -> str:
        """Take the merchant in by push; return its code."""
        code = self.wechat.confirm(MERCHANT)
        push = self.authorizing(code, self.create_time(MERCHANT), None)
        self.intake.take(push)
        self.note_accepted(push)
        self.work()
        return code

    def judge_code(self, code: str) -> None:
        """Tell the judge of the confirmation that everything began with."""
        self.confirmed(code, MERCHANT, pushed=True, whose=None)

    def authorizing(self, code: str, when: int, pre_auth_code: str | None) -> Authorized:
        """Return the push of a code."""
        return Authorized(COMPONENT, when, MERCHANT, code, when + 3600, pre_auth_code, update=False)

    def push(self, push: Push, delay: float, attempt: int = 1, *, journey: str = "") -> None:
        """Have WeChat push something."""
        self._last_arrival = max(self._last_arrival, self.stage.time + delay)
        super().push(push, delay, attempt, journey=journey)

    def _sweeps_from(self, when: float) -> None:
        def sweep() -> None:
            now = self.stage.time
            if any(item.get("due_at", now + 1) <= now for item in self.table.items.values()):
                self.start("sweep", self.sweep.run, seconds=55)
            self.stage.after(60, sweep)

        self.stage.after(when - self.stage.time, sweep)

    # --- who goes first --------------------------------------------------------------------------

    def start(
        self,
        name: str,
        work: Callable[[], object],
        *,
        delay: float = 0.0,
        seconds: float,
        at_end: Callable[[Actor], None] | None = None,
        journey: str = "",
        subject: str = "",
    ) -> Actor:
        """Have a function run, as part of a journey."""
        current = self.stage.current
        journey = journey or (current.journey if current is not None else "")

        def ended(actor: Actor) -> None:
            if at_end is not None:
                at_end(actor)
            if journey:
                self._running[journey] -= 1
                self._let_go()

        if journey:
            self._running[journey] += 1
        return super().start(
            name,
            work,
            delay=delay,
            seconds=seconds,
            at_end=ended,
            journey=journey,
            subject=subject,
        )

    def arrive(self, step: Step) -> None:
        """Come to a step, and wait if others go first."""
        super().arrive(step)
        self._come(step, answer=False)

    def hold_answer(self, step: Step) -> None:
        """Wait, if others go first, before an answer of WeChat is heard."""
        self._come(step, answer=True)

    def _come(self, step: Step, *, answer: bool) -> None:
        actor = self.stage.current
        assert actor is not None
        journey = actor.journey
        if not journey:
            return
        if not answer:
            self._at[actor.number] = len(self.arrived)
        self.arrived.append(Arrived(journey, step, answer))
        number = self._came[journey]
        self._came[journey] += 1
        hold = self.plan.hold_first if journey == "first" else self.plan.hold_second
        if number == hold:
            self.say("   is held")
            self._held.append((journey, actor, actor.turn))
            if journey == "first":
                self._begin_second()
            else:
                self._let_go()
            called = step in CALL_STEPS
            self.stage.pause(_CALL_HELD_SECONDS if called else _HELD_SECONDS)
            self._held = [entry for entry in self._held if entry[1] is not actor]
            self.say("   goes on")

    def _begin_second(self) -> None:
        if self._second_begun:
            return
        self._second_begun = True
        self._running["second"] += 1

        def begin() -> None:
            JOURNEYS[self.plan.journeys[1]].start(self, "second")
            self._running["second"] -= 1
            self._let_go()

        # As something that happens by itself: what is prepared for it is no step of the first.
        self.stage.after(0, begin)

    def _let_go(self) -> None:
        """Wake whoever has been held long enough."""
        if not self._running["first"]:
            self._begin_second()
        second_held = any(journey == "second" for journey, _, _ in self._held)
        for journey, actor, turn in self._held:
            other_done = (
                not self._running["second"] or second_held
                if journey == "first"
                else not self._running["first"]
            )
            if other_done:
                self.stage.wake(actor, turn)

    def fate(self, step: Step) -> Kind | None:
        """The one fault that is planned, at its step."""
        actor = self.stage.current
        assert actor is not None
        if self.plan.kind is None or self._at.get(actor.number) != self.plan.step:
            return None
        if not actor.journey:
            return None
        kind = self.plan.kind
        self.meet(step, kind)
        return kind


# --- all of them ---------------------------------------------------------------------------------


def modes_of(journeys: tuple[str, ...]) -> tuple[str, ...]:
    """Return the modes that make a difference."""
    return MODES if any(JOURNEYS[name].exchanges for name in journeys) else ROTATIONS


def one_journey(name: str, mode: str) -> Iterator[Plan]:
    """Every case of one journey in a mode: without a fault, then every fault at every step."""
    plan = Plan((name,), mode)
    yield plan
    yield from with_faults(plan, steps_of(plan))


def one_journey_in_turns(name: str) -> Iterator[Plan]:
    """Every fault at every step of one journey, in one mode each: modes take turns."""
    modes = modes_of((name,))
    for number, mode in enumerate(modes):
        yield from itertools.islice(one_journey(name, mode), number, None, len(modes))


def with_faults(plan: Plan, arrived: list[Arrived]) -> Iterator[Plan]:
    """The same case with every fault at every step."""
    for number, arrival in enumerate(arrived):
        if not arrival.answer:
            for kind in KINDS[arrival.step]:
                yield replace(plan, step=number, kind=kind)


def pairs() -> Iterator[tuple[str, str]]:
    """Every ordered pair of journeys."""
    for first in PAIRED:
        for second in PAIRED:
            yield first, second


def two_journeys(first: str, second: str) -> Iterator[Plan]:
    """Every case of a pair."""
    modes = _turns(modes_of((first, second)))
    for plan in interleavings(first, second):
        yield plan
        alone = steps_of(plan)
        for hold in range(sum(1 for arrival in alone if arrival.journey == "second")):
            yield replace(plan, hold_second=hold, mode=next(modes))
        yield from with_faults(plan, alone)


def interleavings(first: str, second: str) -> Iterator[Plan]:
    """The first held once, before each of its steps and after all; modes take turns."""
    modes = _turns(modes_of((first, second)))
    plan = Plan((first, second), next(modes), hold_first=10_000)
    steps = sum(1 for arrival in steps_of(plan) if arrival.journey == "first")
    for hold in range(steps + 1):
        yield replace(plan, hold_first=hold, mode=next(modes))


def at_cell(step: Step, kind: Kind, seeds: range) -> Iterator[Plan]:
    """Cases in which a step meets a fault, with latencies that seeds choose."""
    for seed in seeds:
        for name in JOURNEYS:
            modes = modes_of((name,))
            plan = Plan((name,), modes[seed % len(modes)])
            if all(arrival.step is not step for arrival in steps_of(plan)):
                continue
            # Other latencies, another order of steps: it is that of the same seed without a fault.
            for number, arrival in enumerate(steps_of(replace(plan, seed=seed))):
                if arrival.step is step and not arrival.answer:
                    yield replace(plan, step=number, kind=kind, seed=seed)


def _turns(modes: tuple[str, ...]) -> Iterator[str]:
    while True:
        yield from modes


_steps: dict[Plan, list[Arrived]] = {}


def steps_of(plan: Plan) -> list[Arrived]:
    """Return who comes to which step in a case without a fault."""
    if plan not in _steps:
        case = Case(plan)
        case.play()
        _steps[plan] = case.arrived
    return _steps[plan]
