"""Asking a busy WeChat (-1) once more: after pauses that grow, with chance in them, in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from wxvault.errors import (
    DailyQuotaError,
    MinuteQuotaError,
    RenewalInProgressError,
    WeChatRefusedError,
)
from wxvault.protocol.return_codes import BUSY, MINUTE_QUOTA_EXHAUSTED, QUOTA_EXHAUSTED
from wxvault.services.numbers import (
    BUSY_PAUSE_SECONDS,
    BUSY_TRIES,
    CALL_SECONDS,
    LEAST_CALL_SECONDS,
    WHOLE_CALL_SECONDS,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from wxvault.clock import Clock
    from wxvault.services.policy import Uniform


def patiently[T](
    ask: Callable[[float], T], *, ends: float, longest: float, clock: Clock, uniform: Uniform
) -> T:
    """Return what ``ask`` brings, which is given the seconds it may take, at most ``longest``.

    Raises:
        RenewalInProgressError: so little time is left before ``ends`` that nothing was sent.
        WeChatRefusedError: WeChat refuses, or is still busy when tries or time are used up.
    """
    tried = 0
    while True:
        left = ends - clock.now()
        if left < LEAST_CALL_SECONDS:
            message = "waiting for a token took so long that no time was left for the call"
            raise RenewalInProgressError(message)
        try:
            return ask(min(longest, left))
        except WeChatRefusedError as refusal:
            pause = BUSY_PAUSE_SECONDS * 2**tried * (1 + uniform())
            tried += 1
            too_late = clock.now() + pause + LEAST_CALL_SECONDS > ends
            if refusal.wechat_errcode not in BUSY or tried == BUSY_TRIES or too_late:
                raise
        clock.sleep(pause)


@dataclass(frozen=True, slots=True)
class InTime:
    """Whole calls to WeChat, as many as an action takes: all of them are over by ``ends``."""

    ends: float
    clock: Clock

    @classmethod
    def from_now(cls, clock: Clock) -> Self:
        """Begin an action; its function has three seconds more."""
        return cls(clock.now() + WHOLE_CALL_SECONDS, clock)

    @property
    def last_start(self) -> float:
        """When the last call has to begin, and the wait for its token to be over."""
        return self.ends - CALL_SECONDS

    def require(self) -> None:
        """Raise RenewalInProgressError when another call would not be over in time."""
        if self.clock.now() > self.last_start:
            message = "tokens and WeChat took so long that no time was left for another call"
            raise RenewalInProgressError(message)


def named(refusal: WeChatRefusedError) -> WeChatRefusedError:
    """Return a refusal by the name that its reason has, if it has one."""
    if refusal.wechat_errcode in MINUTE_QUOTA_EXHAUSTED:
        return renamed(MinuteQuotaError, refusal)
    if refusal.wechat_errcode in QUOTA_EXHAUSTED:
        return renamed(DailyQuotaError, refusal)
    return refusal


def renamed(
    kind: type[WeChatRefusedError],
    refusal: WeChatRefusedError,
    message: str | None = None,
    *,
    remedy: str | None = None,
) -> WeChatRefusedError:
    """Return the same refusal as an error of ``kind``, with another message if there is one."""
    return kind(
        refusal.message if message is None else message,
        path=refusal.path,
        remedy=remedy,
        wechat_errcode=refusal.wechat_errcode,
        answer=refusal.answer,
    )
