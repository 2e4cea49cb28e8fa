"""WeChat on the stage: time between sending, executing and answering, refusals, and silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from tests.fakes.wechat import Call, FakeWeChat, refusal
from tests.simulation.faults import CALLS, Kind, Step
from tests.simulation.steps import LATE_SECONDS
from wxvault.errors import WeChatUnknownError, WxvaultError
from wxvault.services.numbers import CALL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.world import World

_REFUSALS = (-1, -1, 45009, 61004, 40001)
"""Busy, quota, address, component token."""

_TICKET_REFUSALS = (-1, 45009, 61004, 61006, 40001)
"""For the component token also: the ticket. 40001 speaks of the AppSecret there."""


@dataclass
class SteppedWeChat(FakeWeChat):
    """WeChat, with time between sending, executing and answering, and with silence."""

    world: World = None  # type: ignore[assignment]  # it is set before the first call

    def _call[T](self, call: Call, execute: Callable[[], T]) -> T:
        world, stage = self.world, self.world.stage
        call.caller = stage.current
        if stage.current is None:
            return super()._call(call, execute)
        step = CALLS[call.name]
        world.arrive(step)
        if world.outage is not None:
            self._out(call, world.outage)
        kind = world.fate(step)
        world.say("sends", call.name)
        if kind not in {None, Kind.CRASH_AFTER}:
            self._unheard(call, step, kind, lambda: self._late(call, execute))
        dice = stage.random
        if kind is Kind.CRASH_AFTER and dice.random() < 0.5:
            # While it waits. WeChat executes the call all the same, it may be much later.
            waited = dice.uniform(0, CALL_SECONDS)
            delay = waited + dice.choice((0.1, 3.0, LATE_SECONDS))
            stage.after(delay, lambda: self._late(call, execute))
            stage.pause(waited)
            world.crash(f"during {call.name}")
        stage.pause(world.latency(0.02, 3.4))
        try:
            answer = self._execute(call, execute)
        except WxvaultError as error:
            world.say("is refused", call.name, error.wechat_errcode)
            stage.pause(world.latency(0.02, 3.0))
            self._hear(call, kind)
            raise
        world.say("executed", call.name)
        stage.pause(world.latency(0.02, 3.4))
        world.hold_answer(step)
        self._hear(call, kind)
        return answer

    def _hear(self, call: Call, kind: Kind | None) -> None:
        if kind is Kind.CRASH_AFTER:
            self.world.crash(f"after {call.name}")
        call.answered = True

    def _late(self, call: Call, execute: Callable[[], object]) -> None:
        self.world.say("executes late", call.name)
        try:
            self._execute(call, execute)
        except WxvaultError:
            return

    def _unheard(
        self, call: Call, step: Step, kind: Kind | None, late: Callable[[], None]
    ) -> NoReturn:
        """What is sent is refused, or not answered."""
        stage = self.world.stage
        match kind:
            case Kind.CRASH_BEFORE:
                self.world.crash(f"before {call.name}")
            case Kind.REFUSED:
                stage.pause(self.world.latency(0.02, 3.4))
                self._refuse(call, stage.random.choice(_codes(step)))
            case Kind.TIMED_OUT:
                stage.after(stage.random.uniform(0, CALL_SECONDS), late)
            case Kind.LATE:
                latest = stage.random.random() < 0.5
                wait = LATE_SECONDS if latest else stage.random.uniform(0, LATE_SECONDS)
                stage.after(CALL_SECONDS + wait, late)
                if latest:
                    self.world.at_its_latest(call)
            case Kind.DELAYED:
                stage.after(CALL_SECONDS + LATE_SECONDS, late)
            case _:
                pass
        self._stay_silent(call)

    def _out(self, call: Call, outage: int) -> NoReturn:
        """WeChat is down: it refuses everything with one code, or (0) answers nothing."""
        self.world.say("sends", call.name, "while WeChat is down")
        if outage:
            self.world.stage.pause(self.world.latency(0.02, 1.0))
            self._refuse(call, outage)
        self._stay_silent(call)

    def _refuse(self, call: Call, code: int) -> NoReturn:
        call.answered = True
        self.world.say("is refused", call.name, code)
        raise refusal(call.name, code)

    def _stay_silent(self, call: Call) -> NoReturn:
        self.world.stage.pause(CALL_SECONDS)
        self.world.say("gets no answer", call.name)
        raise WeChatUnknownError("no answer", path=call.name)


def _codes(step: Step) -> tuple[int, ...]:
    return _TICKET_REFUSALS if step is Step.CALL_COMPONENT_TOKEN else _REFUSALS
