"""The component token: read by everybody, renewed by *renew* alone with ticket and AppSecret.

It is one more item under the rules of the lease. Source: WeChat's page
openApi/ticket-token/api_getcomponentaccesstoken.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from wxvault.errors import (
    ConfigurationError,
    NoTicketError,
    SealBrokenError,
    WeChatRefusedError,
    WeChatUnknownError,
)
from wxvault.protocol.return_codes import APP_SECRET_REFUSED, TICKET_REFUSED
from wxvault.services import decisions
from wxvault.services.numbers import CACHED, START_SECONDS, TICKET_LIFE_SECONDS, TICKETS_TRIED
from wxvault.services.outcome import Outcome
from wxvault.services.policy import has_live_lease, is_due
from wxvault.services.state import Access, Lease, NotAcquired, Purpose, TokenChange, TokenState
from wxvault.services.tools import refused_address
from wxvault.services.unanswered import settle_unanswered

if TYPE_CHECKING:
    from wxvault.clock import Clock
    from wxvault.services.lookup import Lookup
    from wxvault.services.onboarding_state import Ticket
    from wxvault.services.ports import WeChat
    from wxvault.services.tools import Tools

_SECRET_REFUSED = APP_SECRET_REFUSED | {40001}
"""For this one call, 40001 is documented to speak of the AppSecret."""


class Tickets(Protocol):
    """Where tickets are."""

    def newest_tickets(self, limit: int) -> list[Ticket]:
        """Read the newest tickets that can be opened, newest first.

        Raises:
            SealBrokenError: there are some, but none that can be opened.
        """


class AppSecret(Protocol):
    """The component's AppSecret."""

    def get(self) -> str:
        """Return it."""

    def changed(self) -> bool:
        """Read it again (rarely) and say whether it is another one now."""


@dataclass(frozen=True, slots=True)
class _Kept:
    token: str = field(repr=False)
    until: float


class ComponentToken:
    """The component token as an environment holds it: at most 0.2 of the overlap long."""

    def __init__(self, lookup: Lookup, clock: Clock, *, overlap: float) -> None:
        self._lookup = lookup
        self._clock = clock
        self._overlap = overlap
        self._lock = threading.Lock()
        self._kept: _Kept | None = None

    def get(self, *, until: float = math.inf) -> str:
        """Return a component token that WeChat honours, waited for at most ``until``.

        Raises:
            NoTicketError: WeChat has never pushed a ticket (or none for twelve hours).
            RenewalInProgressError, RenewalFailingError, SealBrokenError, SealingKeyError: there is
                none right now.
        """
        with self._lock:
            kept = self._kept
            if kept is not None and self._clock.now() < kept.until:
                return kept.token
        return self._read(None, until)

    def after_refusal(self, refused: str, *, until: float = math.inf) -> str:
        """Return another token after WeChat refused ``refused``; renewed once if it must be."""
        with self._lock:
            if self._kept is not None and self._kept.token == refused:
                self._kept = None
        return self._read(refused, until)

    def _read(self, refused: str | None, until: float) -> str:
        found = self._lookup.find(None, rejected_token=refused, until=until)
        kept_until = min(self._clock.now() + CACHED * self._overlap, found.expires_at)
        with self._lock:
            self._kept = _Kept(found.access_token, kept_until)
        return found.access_token


class ComponentKeeper:
    """Renews the component token."""

    def __init__(
        self, tools: Tools, wechat: WeChat, tickets: Tickets, app_secret: AppSecret
    ) -> None:
        self._tools = tools
        self._wechat = wechat
        self._tickets = tickets
        self._app_secret = app_secret

    def renew(self, *, rejected_token_sha256: str | None = None) -> Outcome:
        """Renew the component token if it is due, or if it is the one that WeChat refused.

        Raises:
            NoTicketError: there is no ticket to renew it with.
            SealBrokenError: there are tickets, but none that can be opened.
            SealingKeyError: nothing could be kept; WeChat was not asked.
            ConfigurationError: the AppSecret is missing or malformed.
        """
        tools = self._tools
        state = tools.tokens.get(None)
        forced = state is not None and tools.is_refused_now(state, rejected_token_sha256)
        by_demand = forced
        if state is not None and not forced and not is_due(state, tools.clock.now()):
            if has_live_lease(state, tools.clock.now()):
                return Outcome.LEASED
            by_demand = tools.is_damaged(state)
            if not by_demand:
                return Outcome.NOT_DUE
        tickets, secret = self._valid_tickets(), self._secret()
        lease = tools.acquire(
            None,
            Purpose.FORCED_RENEWAL if by_demand else Purpose.RENEWAL,
            generation=state.generation if state and by_demand else None,
        )
        if isinstance(lease, NotAcquired):
            live = lease.state is not None and has_live_lease(lease.state, tools.clock.now())
            return Outcome.LEASED if live else Outcome.NOT_DUE
        return self._under_lease(lease, tickets, secret, forced=forced)

    def _under_lease(
        self, lease: Lease, tickets: list[Ticket], secret: str, *, forced: bool
    ) -> Outcome:
        tools = self._tools
        waiting = list(tickets)
        held: Lease | None = lease
        while held is not None:
            if tools.clock.now() - held.taken_at > START_SECONDS:
                self._abandon(held)
                return Outcome.UNKNOWN
            sent_at = tools.clock.now()
            try:
                issued = self._wechat.component_token(
                    tools.component_appid, secret, waiting[0].component_verify_ticket
                )
            except WeChatUnknownError as error:
                tools.log_refusal(None, error)
                settle_unanswered(tools, held)
                return Outcome.UNKNOWN
            except WeChatRefusedError as refusal:
                tools.log_refusal(None, refusal)
                again = self._other_try(refusal, waiting, secret)
                if again is None:
                    return self._refused(held, refusal)
                secret = again
                held = tools.tokens.extend(held, now=tools.clock.now())
                continue
            access = Access(
                issued.access_token, sent_at + issued.expires_in, issued.expires_in, sent_at
            )
            return tools.settle_renewed(held, access, None, forced=forced)
        return Outcome.LEASED

    def _abandon(self, lease: Lease) -> None:
        self._tools.settle(lease, lambda state: decisions.abandoned(state, lease))

    def _other_try(
        self, refusal: WeChatRefusedError, waiting: list[Ticket], secret: str
    ) -> str | None:
        """Return the AppSecret for another try (with another ticket or secret), or None."""
        if refusal.wechat_errcode in TICKET_REFUSED and len(waiting) > 1:
            waiting.pop(0)
            return secret
        if refusal.wechat_errcode in _SECRET_REFUSED and self._app_secret.changed():
            return self._app_secret.get()
        return None

    def _refused(self, lease: Lease, refusal: WeChatRefusedError) -> Outcome:
        tools = self._tools

        def decide(state: TokenState) -> TokenChange:
            return decisions.refused(
                state,
                lease,
                tools.clock.now(),
                tools.uniform,
                errcode=refusal.wechat_errcode,
                address=refused_address(refusal),
            )

        tools.settle(lease, decide)
        return Outcome.REFUSED

    def _valid_tickets(self) -> list[Ticket]:
        oldest = self._tools.clock.now() - TICKET_LIFE_SECONDS
        try:
            found = self._tickets.newest_tickets(TICKETS_TRIED)
        except SealBrokenError:
            self._tell_none("seal_broken")
            raise
        tickets = [ticket for ticket in found if ticket.received_at > oldest]
        if not tickets:
            self._tell_none("no_ticket")
            message = "no component_verify_ticket of the last twelve hours has arrived"
            raise NoTicketError(message)
        return tickets

    def _secret(self) -> str:
        try:
            return self._app_secret.get()
        except ConfigurationError:
            self._tell_none("no_app_secret")
            raise

    def _tell_none(self, reason: str) -> None:
        tools = self._tools
        tools.events.tell(
            tools.tokens.amend(None, lambda state: decisions.without_ticket(state, reason))
        )
