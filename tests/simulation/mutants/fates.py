"""What becomes of a call to WeChat, as a script says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.fakes.wechat import Answer, Granted, refusal
from tests.simulation.calls import SteppedWeChat
from tests.simulation.steps import LATE_SECONDS
from wxvault.errors import WeChatUnknownError, WxvaultError
from wxvault.services.numbers import CALL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.wechat import Call
    from tests.simulation.mutants.directed import Directed


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one call; seconds count from when it was sent."""

    executed: float | None = 0.1
    """None: never."""
    answered: float | None = 0.2
    """None: never; the caller gives up after its seven seconds."""
    refused: int | None = None
    """Not executed, but refused with this."""
    empty: bool = False
    """The answer names no refresh token."""


LATEST = Fate(executed=CALL_SECONDS + LATE_SECONDS - 0.05, answered=None)
"""Executed at the last moment that is assumed, and never answered."""
UNHEARD = Fate(answered=None)
"""Executed at once, and never answered."""
DROPPED = Fate(executed=None, answered=None)


class DirectedWeChat(SteppedWeChat):
    """WeChat, doing with each call what the script says."""

    world: Directed

    def _call[T](self, call: Call, execute: Callable[[], T]) -> T:
        stage = self.world.stage
        actor = stage.current
        fate = None if actor is None else self.world.call_fate(actor.name, call.name)
        if fate is None:
            return super()._call(call, execute)
        self.world.count("fate")
        call.caller = actor
        self.world.say("sends", call.name, fate)
        if fate.refused is not None:
            stage.pause(fate.answered or 0.0)
            call.answered = True
            raise refusal(call.name, fate.refused)
        came: list[T | WxvaultError] = []

        def happen() -> None:
            self.world.say("executed", call.name)
            try:
                came.append(self._execute(call, execute))
            except WxvaultError as error:
                came.append(error)

        if fate.executed is not None:
            stage.after(fate.executed, happen)
        if fate.answered is None:
            stage.pause(CALL_SECONDS)
            raise WeChatUnknownError("no answer", path=call.name)
        stage.pause(fate.answered)
        call.answered = True
        answer = came[0]
        if isinstance(answer, WxvaultError):
            raise answer
        if fate.empty and isinstance(answer, Answer | Granted):
            return replace(answer, refresh_token=None)
        return answer
