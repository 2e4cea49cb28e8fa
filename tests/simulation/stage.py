"""A stage on which actors take turns in virtual time: concurrency that a seed repeats exactly.

Every actor is a greenlet. It gives way at each :meth:`Stage.pause`, so whoever calls that at every
step of input and output can be interrupted at each of them. Time passes only in pauses. Between
two pauses nothing else happens.
"""

from __future__ import annotations

import heapq
import math
import traceback
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, NoReturn

from greenlet import getcurrent, greenlet

if TYPE_CHECKING:
    from collections.abc import Callable

START = 1_800_000_000.0


class CrashedError(BaseException):
    """The machine under an actor was switched off: nothing but the end follows."""


@dataclass(eq=False, slots=True)
class Actor:
    """Somebody who does one thing and is done."""

    name: str
    work: Callable[[], object]
    skew: float
    """Seconds by which its clock is wrong."""
    deadline: float = math.inf
    """When it is switched off."""
    crashed: bool = False
    failed: bool = False
    """It gave up, and whoever called it knows."""
    ended: bool = False
    turn: int = 0
    waiting: list[tuple[Actor, int]] = field(default_factory=list)
    """Who waits for its end, and with which of their turns."""
    at_end: Callable[[Actor], None] | None = None
    body: greenlet | None = None
    number: int = 0
    """How many there were before it."""
    journey: str = ""
    """Whose work it does: what an actor starts belongs to the same."""
    subject: str = ""
    """The appid that its work is for, if it is for one."""
    kept: set[str] | None = None
    """What its environment has read or made once and keeps; None: everything."""


class Stage:
    """Virtual time, and everybody who does something in it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.time = START
        self.current: Actor | None = None
        self.failures: list[str] = []
        """What no actor and no event expected; the schedule ends at the first."""
        self.spawned = 0
        self.timed_out: list[Actor] = []
        """Who was switched off at a deadline."""
        self._notes: list[tuple[float, str, str]] = []
        self._coming: list[tuple[float, int, Actor | None, int, Callable[[], None] | None]] = []
        self._living: dict[Actor, None] = {}
        self._closed = False
        self._count = 0
        self._until = START
        self._hub = getcurrent()

    # --- what is to come -------------------------------------------------------------------------

    def spawn(
        self,
        name: str,
        work: Callable[[], object],
        *,
        delay: float = 0.0,
        seconds: float = math.inf,
        at_end: Callable[[Actor], None] | None = None,
        journey: str = "",
    ) -> Actor:
        """Have an actor start after ``delay``; it is switched off ``seconds`` later."""
        actor = Actor(name, work, self.random.uniform(-0.5, 0.5), at_end=at_end)
        self.spawned += 1
        actor.number = self.spawned
        if journey or self.current is not None:
            actor.journey = journey or (self.current.journey if self.current else "")

        def begin() -> None:
            actor.deadline = self.time + seconds
            actor.body = greenlet(self._live, self._hub)
            self._living[actor] = None
            self._push(self.time, actor)

        self.after(delay, begin)
        return actor

    def after(self, delay: float, happening: Callable[[], None]) -> None:
        """Have something happen after ``delay``; it must not pause."""
        self._count += 1
        heapq.heappush(self._coming, (self.time + delay, self._count, None, 0, happening))

    def note(self, text: str) -> None:
        """Write a line of the trace."""
        self._notes.append((self.time, self.current.name if self.current else "world", text))

    def fail(self, problem: str) -> None:
        """Say that something happened that must not; the schedule ends."""
        self.note(f"!!! {problem}")
        self.failures.append(problem)

    def trace(self) -> str:
        """Return what happened, a line each."""
        return "\n".join(
            f"{time - START:10.3f}  {name:28} {text}" for time, name, text in self._notes
        )

    # --- for actors ------------------------------------------------------------------------------

    def pause(self, seconds: float) -> None:
        """Let time pass for the actor that is on, and let others go on meanwhile.

        Raises:
            CrashedError: it is switched off before the time is over.
        """
        me = self.current
        if me is None:
            self.time += seconds
            return
        if me.crashed:
            raise CrashedError
        self._push(min(self.time + seconds, me.deadline), me)
        self._hub.switch()
        if me.crashed:
            raise CrashedError
        if self.time >= me.deadline:
            self.timed_out.append(me)
            self.crash("out of time")

    def crash(self, why: str) -> NoReturn:
        """Switch the actor off that is on."""
        assert self.current is not None
        self.current.crashed = True
        self.note(f"crashes: {why}")
        raise CrashedError

    def wait_for(self, other: Actor, seconds: float) -> bool:
        """Wait until another actor has ended; False: it had not within ``seconds``."""
        if not other.ended:
            assert self.current is not None
            other.waiting.append((self.current, self.current.turn))
            self.pause(seconds)
        return other.ended

    def wake(self, actor: Actor, turn: int) -> None:
        """End the pause that an actor made at this turn."""
        self._push(self.time, actor, turn)

    # --- the director ----------------------------------------------------------------------------

    def run(self, until: float) -> None:
        """Let everything happen that happens before ``until``."""
        assert self.current is None
        self._until = until
        self._hub = getcurrent()
        while (following := self._next()) is not None:
            assert following.body is not None
            following.body.switch(following)
        self.current = None

    def close(self) -> None:
        """Switch everybody off who has not come to an end."""
        self._closed = True
        self._hub = getcurrent()
        for actor in list(self._living):
            actor.crashed = True
            self.current = actor
            # Who has not begun yet has nothing to end.
            if actor.body:
                actor.body.throw(CrashedError)
        self._living.clear()
        self.current = None

    def _push(self, when: float, actor: Actor, turn: int | None = None) -> None:
        self._count += 1
        entry = (when, self._count, actor, actor.turn if turn is None else turn, None)
        heapq.heappush(self._coming, entry)

    def _next(self) -> Actor | None:
        """Return whose turn is next, after everything that happens before; None: nobody's."""
        while self._coming and not self.failures and not self._closed:
            when, _, actor, turn, happening = self._coming[0]
            if when > self._until:
                break
            heapq.heappop(self._coming)
            self.time = max(self.time, when)
            if happening is not None:
                self.current = None
                try:
                    happening()
                except Exception:  # noqa: BLE001 -- it must not end in the actor before it
                    self.failures.append(traceback.format_exc())
            elif actor is not None and actor.turn == turn and not actor.ended:
                actor.turn += 1
                self.current = actor
                return actor
        if not self.failures and not self._closed:
            self.time = max(self.time, self._until)
        return None

    def _live(self, actor: Actor) -> None:
        try:
            actor.work()
        except CrashedError:
            pass
        except BaseException:  # noqa: BLE001 -- whatever it is, it is told as a failure
            self.failures.append(f"{actor.name}\n{traceback.format_exc()}")
        actor.ended = True
        self._living.pop(actor, None)
        for other, turn in actor.waiting:
            self._push(self.time, other, turn)
        if actor.at_end is not None and not self._closed:
            actor.at_end(actor)


@dataclass(frozen=True, slots=True)
class StageClock:
    """Fits :class:`wxvault.clock.Clock`: everybody's own, wrong by up to half a second."""

    stage: Stage
    patience: float = 1.0
    """Who polls does so so many times more seldom."""

    def now(self) -> float:
        """Return the time as the actor that is on sees it."""
        actor = self.stage.current
        return round(self.stage.time + (actor.skew if actor else 0.0), 3)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.stage.pause(seconds * self.patience)
