"""Reusing an official account's registration: its ticket comes by browser and is used once.

Source: WeChat's page openApi/register-management/fast-registration-officalaccount.

What is repeated is only what WeChat has refused before it began: a token that is not (any more) the
one it honours, and a full minute. After silence, and after its `-1`, nobody knows whether a mini
program was registered, and a second call might register a second one: so there is none.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, Final, Protocol

from wxvault.errors import (
    PUT_OFF,
    AuthorizerPendingError,
    EventNotSentError,
    InvalidRequestError,
    LandingLimitError,
    LaunchCookieMissingError,
    SealBrokenError,
    TableUnavailableError,
    UnknownSessionError,
    WeChatRefusedError,
    WeChatUnknownError,
    WxvaultError,
)
from wxvault.protocol.registrations import ticket_registration_sha256
from wxvault.protocol.return_codes import (
    AUTHORIZER_TOKEN_REFUSED,
    MINUTE_QUOTA_EXHAUSTED,
    MINUTE_QUOTA_WAIT_SECONDS,
    REGISTRATION_UNKNOWN,
)
from wxvault.services.numbers import POLL_SECONDS
from wxvault.services.onboarding import LANDING_SECONDS, shows_launch_cookie
from wxvault.services.onboarding_state import Arrival, Code, Session
from wxvault.services.registration import UNANSWERED, unknown_to_tenant
from wxvault.services.registration_state import (
    FAILED,
    SUCCEEDED,
    Applied,
    Result,
    ReuseTicket,
    TicketStatus,
)
from wxvault.services.tools import token_sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wxvault.clock import Clock
    from wxvault.services.lookup import Lookup
    from wxvault.services.tools import Tools

SECOND_CALL_SECONDS: Final = 10.0
"""So long after the claim a second call may still be begun: it must end before the claim does."""
RETURNS: Final = 5
"""A ticket is put off so often at most: its merchant waits."""
_TICKET: Final = re.compile(r"[A-Za-z0-9@_.:=+/-]{16,512}", re.ASCII)
_COMES_AGAIN: Final = (*PUT_OFF, AuthorizerPendingError, TableUnavailableError)

_log = logging.getLogger(__name__)


class Tickets(Protocol):
    """The tickets that were written down."""

    def get(self, ticket_sha256: str) -> ReuseTicket | None:
        """Read one, strongly consistent."""

    def record(self, ticket: str, session_sha256: str, *, now: float) -> tuple[ReuseTicket, bool]:
        """Write one down."""

    def open(self, ticket: ReuseTicket) -> str | None:
        """Open the ticket itself."""

    def claim(self, ticket_sha256: str, claim_id: str, *, now: float) -> bool:
        """Claim it for its one call."""

    def give_back(self, ticket: ReuseTicket, claim_id: str, *, due_at: float) -> None:
        """Let a claim go under which nothing was registered."""

    def end(self, ticket: ReuseTicket, claim_id: str | None, status: TicketStatus) -> None:
        """Bring it to its end."""


class LandedSessions(Protocol):
    """What the landing needs of sessions."""

    def count_landing(self, session_sha256: str) -> bool:
        """Count a ticket that the landing is shown; False: too many."""

    def confirm(self, session_sha256: str) -> None:
        """Note that a ticket has arrived."""


class ReuseSessions(Protocol):
    """What using a ticket needs of sessions."""

    def get(self, session_sha256: str) -> Session | None:
        """Read one."""

    def apply(self, session: Session, registration_sha256: str) -> Applied:
        """Write whose registration it is."""

    def note_result(self, session_sha256: str, result: Result) -> None:
        """Write what came of it."""


class Recorder(Protocol):
    """Where authorization codes are written down."""

    def record(self, authorization_code: str, arrival: Arrival, *, now: float) -> tuple[Code, bool]:
        """Write a code down."""


class Reused(Protocol):
    """A mini program that was registered."""

    @property
    def appid(self) -> str:
        """Its appid."""

    @property
    def authorization_code(self) -> str:
        """The code to be exchanged for its tokens."""


class ReuseWeChat(Protocol):
    """WeChat's registration by ticket."""

    def register_reuse(self, access_token: str, ticket: str, /) -> Reused:
        """Register a mini program with an official account's token and ticket."""


class ReuseLanding:
    """Takes the browser in that WeChat sends back with a ticket. It never asks WeChat anything."""

    def __init__(
        self,
        sessions: LandedSessions,
        tickets: Tickets,
        send_job: Callable[[Mapping[str, Any]], None],
        clock: Clock,
    ) -> None:
        self._sessions = sessions
        self._tickets = tickets
        self._send_job = send_job
        self._clock = clock

    def arrive(self, session: Session, ticket: str, cookies: Iterable[str]) -> TicketStatus:
        """Write the ticket down, have it used, and wait up to six seconds for that.

        Raises:
            UnknownSessionError: the session is for something else.
            InvalidRequestError: ``ticket`` has not the form of a ticket.
            LaunchCookieMissingError: the link was launched in another browser, if at all.
            LandingLimitError: the session has brought 60 tickets already; this one is not known.
        """
        if session.registration != "reuse":
            message = "there is no such registration"
            raise UnknownSessionError(message)
        if not _TICKET.fullmatch(ticket):
            raise InvalidRequestError("ticket", "has not the form of a ticket")
        if not shows_launch_cookie(session, cookies):
            # Somebody else's ticket would have somebody else's mini program belong to this tenant.
            message = "this browser has not launched this link"
            raise LaunchCookieMissingError(message)
        known = self._tickets.get(token_sha256(ticket))
        if known is None and not self._sessions.count_landing(session.session_sha256):
            message = "this session has brought too many tickets"
            raise LandingLimitError(message)
        now = self._clock.now()
        landed, news = self._tickets.record(ticket, session.session_sha256, now=now)
        self._sessions.confirm(session.session_sha256)
        if news:
            self._send_job({"ticket_sha256": landed.ticket_sha256})
        deadline = now + LANDING_SECONDS
        while landed.is_open and self._clock.now() < deadline:
            self._clock.sleep(POLL_SECONDS)
            landed = self._tickets.get(landed.ticket_sha256) or landed
        return landed.status


class Reuse:
    """Uses tickets: each once."""

    def __init__(  # noqa: PLR0913, PLR0917 -- adapters, each named
        self,
        tools: Tools,
        tickets: Tickets,
        sessions: ReuseSessions,
        codes: Recorder,
        lookup: Lookup,
        wechat: ReuseWeChat,
        send_job: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._tools = tools
        self._tickets = tickets
        self._sessions = sessions
        self._codes = codes
        self._lookup = lookup
        self._wechat = wechat
        self._send_job = send_job

    def use(self, ticket_sha256: str) -> TicketStatus | None:
        """Bring a ticket to its end, or leave it to the sweep; return where it stands now.

        Raises:
            NoTicketError, RenewalInProgressError, RenewalFailingError, SealBrokenError,
            AuthorizerPendingError: there is no token of the official account right now;
            SealingKeyError: nothing could be kept. The ticket stays and is tried again.
        """
        ticket = self._tickets.get(ticket_sha256)
        if ticket is not None and ticket.is_open:
            self._use(ticket)
            ticket = self._tickets.get(ticket_sha256)
        return None if ticket is None else ticket.status

    def _use(self, ticket: ReuseTicket) -> None:
        now = self._tools.clock.now()
        session = self._sessions.get(ticket.session_sha256)
        if session is None or session.biz_appid is None:
            # The session is long over: nobody waits for this any more.
            self._tickets.end(ticket, ticket.claim_id, TicketStatus.FAILED)
            return
        if ticket.status is TicketStatus.CLAIMED:
            if ticket.claim_until is not None and ticket.claim_until >= now:
                return
            # Whoever claimed it was cut off, perhaps after WeChat had registered.
            self._fail(ticket, ticket.claim_id, session, Result(FAILED, reason=UNANSWERED))
            return
        account = session.biz_appid
        try:
            self._require_own(session.tenant_id, account)
            token = self._lookup.find(account).access_token
            text = self._open(ticket)
            # Once more: the look-up may have waited for seconds.
            self._require_own(session.tenant_id, account)
        except _COMES_AGAIN:
            raise
        except WxvaultError as error:
            self._log_failure(account, error)
            result = Result(FAILED, msg=error.message, reason=error.code)
            self._fail(ticket, None, session, result)
            return
        claim_id = self._tools.new_id()
        claimed_at = self._tools.clock.now()
        if self._tickets.claim(ticket.ticket_sha256, claim_id, now=claimed_at):
            self._register(ticket, claim_id, session, token, text, claimed_at)

    def _require_own(self, tenant_id: str, account: str) -> None:
        """Refuse an account that left the tenant after its link was made, up to a week ago."""
        state = self._tools.tokens.get(account)
        if state is None or state.tenant_id != tenant_id:
            raise unknown_to_tenant(account)

    def _open(self, ticket: ReuseTicket) -> str:
        try:
            text = self._tickets.open(ticket)
        except SealBrokenError as error:
            # Unlike a token it can be asked of nobody but the merchant.
            raise _TicketGoneError(error.message) from None
        if text is None:
            message = "ticket: it is not there"
            raise _TicketGoneError(message)
        return text

    def _register(  # noqa: PLR0913, PLR0917 -- one step, all of it named
        self,
        ticket: ReuseTicket,
        claim_id: str,
        session: Session,
        token: str,
        text: str,
        claimed_at: float,
    ) -> None:
        account = session.biz_appid or ""
        # Before WeChat is asked: whatever comes of the code, it is known whose it is.
        registration = ticket_registration_sha256(self._tools.component_appid, ticket.ticket_sha256)
        self._sessions.apply(session, registration)
        try:
            reused = self._ask(account, token, text, claimed_at)
        except WeChatUnknownError as error:
            self._tools.log_refusal(account, error)
            self._fail(ticket, claim_id, session, Result(FAILED, reason=UNANSWERED))
            return
        except WeChatRefusedError as refusal:
            self._tools.log_refusal(account, refusal)
            self._refused(ticket, claim_id, session, refusal)
            return
        now = self._tools.clock.now()
        # The code first of all: it is what the merchant would have to come back for.
        code, _ = self._codes.record(
            reused.authorization_code,
            Arrival(reused.appid, registration_sha256=registration),
            now=now,
        )
        result = Result(SUCCEEDED, 0, authorizer_appid=reused.appid)
        self._sessions.note_result(session.session_sha256, result)
        self._tickets.end(ticket, claim_id, TicketStatus.DONE)
        self._send_job({"code_sha256": code.code_sha256})
        self._tell(ticket, session, result)

    def _ask(self, account: str, token: str, text: str, claimed_at: float) -> Reused:
        try:
            return self._wechat.register_reuse(token, text)
        except WeChatRefusedError as refusal:
            if refusal.wechat_errcode not in AUTHORIZER_TOKEN_REFUSED:
                raise
            try:
                other = self._lookup.find(account, rejected_token=token).access_token
            except WxvaultError:
                raise refusal from None
            late = self._tools.clock.now() > claimed_at + SECOND_CALL_SECONDS
            if late or other == token:
                raise
        return self._wechat.register_reuse(other, text)

    def _refused(
        self, ticket: ReuseTicket, claim_id: str, session: Session, refusal: WeChatRefusedError
    ) -> None:
        errcode, now = refusal.wechat_errcode, self._tools.clock.now()
        before_it_began = MINUTE_QUOTA_EXHAUSTED | AUTHORIZER_TOKEN_REFUSED
        if errcode in before_it_began and ticket.returns < RETURNS:
            self._tickets.give_back(ticket, claim_id, due_at=now + MINUTE_QUOTA_WAIT_SECONDS)
            return
        if errcode in REGISTRATION_UNKNOWN:
            result = Result(FAILED, reason=UNANSWERED, msg=refusal.message)
        else:
            result = Result(FAILED, errcode, refusal.message)
        self._fail(ticket, claim_id, session, result)

    def _fail(
        self, ticket: ReuseTicket, claim_id: str | None, session: Session, result: Result
    ) -> None:
        self._sessions.note_result(session.session_sha256, result)
        self._tickets.end(ticket, claim_id, TicketStatus.FAILED)
        self._tell(ticket, session, result)

    def _tell(self, ticket: ReuseTicket, session: Session, result: Result) -> None:
        told = {
            "create_time": None,
            "info_type": None,
            "authorizer_appid": result.authorizer_appid,
            "status": result.status,
            "msg": result.msg or "",
            "tenant_id": session.tenant_id,
            "session_sha256": session.session_sha256,
        }
        try:
            self._tools.events.announce(
                f"registration.{result.outcome}", ticket.ticket_sha256, told
            )
        except EventNotSentError as error:
            # The bus has logged it; the session's status says the same.
            _log.warning("registration not told", extra={"error": error.message})

    def _log_failure(self, account: str, error: WxvaultError) -> None:
        about = {"authorizer_appid": account, "error_code": error.code, "error": error.message}
        _log.warning("ticket cannot be used", extra=about)


class _TicketGoneError(WxvaultError):
    """The ticket cannot be opened; never leaves this module but by its code."""

    code = "ticket_gone"
    default_remedy = "Open the link once more: the ticket of this try could not be kept."
