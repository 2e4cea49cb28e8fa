"""Tickets that stay away: noticed, told once, and WeChat asked to start its pushes again.

WeChat pushes a ticket every ten minutes and stops when too many pushes have failed. Source:
WeChat's page openApi/ticket-token/api_startpushticket.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from wxvault.errors import ConfigurationError, WeChatRefusedError, WeChatUnknownError
from wxvault.protocol.return_codes import APP_SECRET_REFUSED
from wxvault.services.numbers import (
    START_PAUSE_CAP,
    START_PAUSE_SECONDS,
    START_WITHOUT_SECRET_SECONDS,
    TICKET_STALE_SECONDS,
)
from wxvault.services.state import Event, TokenChange, TokenState, unchanged
from wxvault.services.tools import refused_address

if TYPE_CHECKING:
    from wxvault.services.component import AppSecret
    from wxvault.services.last_push import LastPush
    from wxvault.services.tools import Tools

_log = logging.getLogger(__name__)

_IN_A_NORMAL_STATE = "normal"
"""WeChat says ``in a normal state`` when its pushes had not stopped."""
_SECRET_REFUSED = APP_SECRET_REFUSED | {40001}


class Start(StrEnum):
    """What came of a look at the tickets: words that the caller of *renew* sees."""

    FRESH = "fresh"
    """A ticket has come in the last thirty minutes; WeChat was not asked for anything."""
    STARTED = "started"
    """WeChat had stopped pushing, and has started again."""
    RUNNING = "running"
    """WeChat says that it pushes: so its pushes do not arrive, or are refused."""
    WAITING = "waiting"
    """It was asked a short while ago."""
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """WeChat did not answer."""
    NO_SECRET = "no_secret"
    """There was no AppSecret to ask with."""


class TicketTimes(Protocol):
    """When tickets came."""

    def newest_ticket_at(self) -> float | None:
        """Return when the newest ticket was received; None: there is none."""


class PushStarts(Protocol):
    """The record of the event URL."""

    def last_push(self) -> LastPush:
        """Read it."""

    def take_start(self, *, now: float, not_before: float, at_once: bool) -> LastPush | None:
        """Take the right to ask WeChat now; None: somebody did a short while ago."""

    def note_start(
        self,
        outcome: str,
        *,
        not_before: float,
        attempts: int = 0,
        errcode: int | None = None,
        address: str | None = None,
    ) -> None:
        """Write what came of it."""


class StartsPushes(Protocol):
    """WeChat, as far as tickets go."""

    def start_push_ticket(self, component_appid: str, component_secret: str, /) -> str:
        """Start the pushes; returns WeChat's word on it."""


def wants_a_look(push: LastPush, state: TokenState | None, now: float) -> bool:
    """Say whether somebody who may read the tickets should look at them: for the sweep.

    Told by the record alone, so it may be wrong for a while, and whoever looks decides.
    """
    told = state is not None and state.ticket_stale_at is not None
    if not is_stale(push.ticket_at, now):
        return told
    if state is not None and not told:
        return True
    return push.start_not_before is None or push.start_not_before <= now


def is_stale(ticket_at: float | None, now: float) -> bool:
    """Say whether a ticket is missing: three of them should have come meanwhile."""
    return ticket_at is None or now - ticket_at > TICKET_STALE_SECONDS


class TicketKeeper:
    """Looks after the tickets, with the AppSecret."""

    def __init__(
        self,
        tools: Tools,
        wechat: StartsPushes,
        tickets: TicketTimes,
        starts: PushStarts,
        app_secret: AppSecret,
    ) -> None:
        self._tools = tools
        self._wechat = wechat
        self._tickets = tickets
        self._starts = starts
        self._app_secret = app_secret

    def look(self, *, at_once: bool = False) -> Start:
        """Tell what is to be told of the tickets, and have pushes started that have stopped.

        ``at_once``: a person asks, who may have mended something; the pause does not count.

        Raises:
            ConfigurationError: the AppSecret is missing or malformed; that was noted.
        """
        now = self._tools.clock.now()
        ticket_at = self._tickets.newest_ticket_at()
        if not is_stale(ticket_at, now):
            self._tell_recovered(now)
            return Start.FRESH
        self._tell_stale(ticket_at, now)
        return self._start(now, at_once=at_once)

    def _tell_stale(self, ticket_at: float | None, now: float) -> None:
        """Tell it once. A platform that never had a ticket has nothing that could get stale."""

        def decide(state: TokenState | None) -> TokenChange | None:
            if state is None or state.ticket_stale_at is not None:
                return None
            push = self._starts.last_push()
            told = Event(
                "ticket_stale",
                {
                    "last_ticket_at": ticket_at,
                    "age": None if ticket_at is None else round(now - ticket_at),
                    "last_push_at": push.at,
                    "last_verdict": push.verdict,
                    "remedy": stale_remedy(push),
                },
            )
            return replace(unchanged(state), ticket_stale_at=now, events=(told,))

        self._tools.events.tell(self._tools.tokens.amend(None, decide))

    def _tell_recovered(self, now: float) -> None:
        def decide(state: TokenState | None) -> TokenChange | None:
            if state is None or state.ticket_stale_at is None:
                return None
            told = Event("ticket_recovered", {"stale_for": round(now - state.ticket_stale_at)})
            return replace(unchanged(state), ticket_stale_at=None, events=(told,))

        self._tools.events.tell(self._tools.tokens.amend(None, decide))

    def _start(self, now: float, *, at_once: bool) -> Start:
        pause = now + START_PAUSE_SECONDS
        before = self._starts.take_start(now=now, not_before=pause, at_once=at_once)
        if before is None:
            return Start.WAITING
        try:
            secret = self._app_secret.get()
        except ConfigurationError:
            # Nobody was asked, so whoever enters it need not wait for the pause.
            soon = now + START_WITHOUT_SECRET_SECONDS
            self._starts.note_start(Start.NO_SECRET, not_before=soon)
            raise
        try:
            word = self._ask(secret)
        except WeChatUnknownError as error:
            self._tools.log_refusal(None, error)
            self._starts.note_start(Start.UNKNOWN, not_before=pause)
            return Start.UNKNOWN
        except WeChatRefusedError as refusal:
            self._tools.log_refusal(None, refusal)
            attempts = before.start_attempts + 1
            self._starts.note_start(
                Start.REFUSED,
                not_before=now + pause_after_refusals(attempts),
                attempts=attempts,
                errcode=refusal.wechat_errcode,
                address=refused_address(refusal),
            )
            return Start.REFUSED
        outcome = Start.RUNNING if _IN_A_NORMAL_STATE in word.lower() else Start.STARTED
        _log.warning("ticket pushes asked for", extra={"outcome": str(outcome)})
        self._starts.note_start(outcome, not_before=pause)
        return outcome

    def _ask(self, secret: str) -> str:
        appid = self._tools.component_appid
        try:
            return self._wechat.start_push_ticket(appid, secret)
        except WeChatRefusedError as refusal:
            if refusal.wechat_errcode not in _SECRET_REFUSED or not self._app_secret.changed():
                raise
        return self._wechat.start_push_ticket(appid, self._app_secret.get())


def pause_after_refusals(attempts: int) -> float:
    """Return seconds until WeChat is asked again after so many refusals in a row."""
    return float(min(START_PAUSE_CAP, START_PAUSE_SECONDS * 2 ** min(attempts - 1, 10)))


def stale_remedy(push: LastPush) -> str:
    """Return what a person can do when tickets stay away."""
    if push.at is not None and not push.is_accepted:
        return (
            f"Pushes arrive and are refused ({push.refused_verdict}): compare Token and "
            "EncodingAESKey in WeChat's console with the push secret."
        )
    return (
        "Nothing to do if it passes: WeChat was asked to push again. Else compare the event URL "
        "(授权事件接收URL) in WeChat's console with output EventsUrl."
    )
