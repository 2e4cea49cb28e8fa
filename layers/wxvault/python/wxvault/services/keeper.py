"""Keeping an authorizer's tokens: renewal and verification, one question to WeChat at a time.

Sources: WeChat's pages openApi/ticket-token/api_getauthorizeraccesstoken and
openApi/authorization-management/api_getauthorizerinfo.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wxvault.errors import SealBrokenError, SealingKeyError, WeChatRefusedError, WeChatUnknownError
from wxvault.protocol.return_codes import APPID_REFUSED, NOT_AUTHORIZED, REFRESH_TOKEN_REFUSED
from wxvault.services import decisions
from wxvault.services.outcome import Outcome
from wxvault.services.policy import has_live_lease, is_due, wanted_ttl
from wxvault.services.question import LeaseGoneError, Question
from wxvault.services.state import (
    RENEWABLE,
    Access,
    NotAcquired,
    PendingReason,
    Purpose,
    Status,
    TokenChange,
    TokenState,
    unchanged,
)
from wxvault.services.tools import refused_address
from wxvault.services.unanswered import settle_unanswered

if TYPE_CHECKING:
    from collections.abc import Callable

    from wxvault.services.component import ComponentToken
    from wxvault.services.ports import AuthorizerAnswer, WeChat
    from wxvault.services.tools import Tools

_REFRESH_TOKEN_INVALID = 61023


class Keeper:
    """Renews and verifies the authorizers of one component."""

    def __init__(self, tools: Tools, wechat: WeChat, component: ComponentToken) -> None:
        self._tools = tools
        self._wechat = wechat
        self._component = component

    def keep(
        self,
        authorizer_appid: str,
        *,
        rejected_token_sha256: str | None = None,
        min_ttl: float = 0,
    ) -> Outcome:
        """Do for an authorizer what is due: verify it, renew its token, or nothing.

        ``rejected_token_sha256`` tells that WeChat refused the token with this fingerprint;
        ``min_ttl`` that so many seconds must be left of it.

        Raises:
            NoTicketError, RenewalInProgressError, RenewalFailingError, SealBrokenError: there is no
                component token.
            SealingKeyError: nothing could be kept; WeChat was not asked.
        """
        tools = self._tools
        state = tools.tokens.get(authorizer_appid)
        if state is None:
            return Outcome.ABSENT
        if state.verifying:
            outcome = self._verify(authorizer_appid)
            if outcome is not Outcome.VERIFIED:
                return outcome
            state = tools.tokens.get(authorizer_appid) or state
        if not _is_kept_going(state):
            self._take_out(state)
            return Outcome.ABSENT
        forced = tools.is_refused_now(state, rejected_token_sha256)
        early = not forced and self._ends_too_early(state, min_ttl)
        return self._renew(state, forced=forced, early=early)

    # --- renewal ---------------------------------------------------------------------------------

    def _renew(self, state: TokenState, *, forced: bool, early: bool) -> Outcome:
        tools = self._tools
        appid = state.authorizer_appid or ""
        now = tools.clock.now()
        if has_live_lease(state, now):
            return Outcome.LEASED
        due = is_due(state, now)
        if not (due or forced or early or tools.is_damaged(state)):
            return Outcome.NOT_DUE
        token = self._component.get()
        by_demand = forced or not due
        lease = tools.acquire(
            appid,
            Purpose.FORCED_RENEWAL if by_demand else Purpose.RENEWAL,
            generation=state.generation if by_demand else None,
        )
        if isinstance(lease, NotAcquired):
            return self._not_acquired(lease)
        question = Question(tools, self._component, lease, token)
        return self._guarded(question, lambda: self._renew_under(question, appid, forced=forced))

    def _renew_under(  # noqa: PLR0911 -- one for each of WeChat's answers
        self, question: Question, appid: str, *, forced: bool
    ) -> Outcome:
        state = question.lease.state
        try:
            first = self._tools.tokens.refresh_token(state)
        except SealBrokenError:
            # It is healed as if it had been lost: WeChat still knows it.
            first = None
        # WeChat has not refused what could not be opened: nobody may be told it had.
        errcode = None if state.has_refresh else _REFRESH_TOKEN_INVALID
        if first is not None:
            try:
                return self._refresh(question, appid, first, forced=forced)
            except WeChatRefusedError as refusal:
                self._tools.log_refusal(appid, refusal)
                if refusal.wechat_errcode not in REFRESH_TOKEN_REFUSED | NOT_AUTHORIZED:
                    return self._refused(question, refusal.wechat_errcode, refusal=refusal)
                errcode = refusal.wechat_errcode
        try:
            known = question.ask(lambda token: self._info(token, appid)).refresh_token
        except WeChatRefusedError as refusal:
            self._tools.log_refusal(appid, refusal)
            if refusal.wechat_errcode in NOT_AUTHORIZED:
                return self._gone(question)
            return self._refused(question, refusal.wechat_errcode, refusal=refusal)
        if not known:
            return self._refused(question, errcode, at_once=True)
        if known == first:
            return self._lost(question, errcode)
        try:
            return self._refresh(question, appid, known, forced=forced)
        except WeChatRefusedError as refusal:
            self._tools.log_refusal(appid, refusal)
            dead = refusal.wechat_errcode in REFRESH_TOKEN_REFUSED | NOT_AUTHORIZED
            return self._refused(question, refusal.wechat_errcode, at_once=dead, refusal=refusal)

    def _refresh(
        self, question: Question, appid: str, refresh_token: str, *, forced: bool
    ) -> Outcome:
        tools = self._tools
        answer = question.ask(
            lambda token: self._wechat.refresh(tools.component_appid, token, appid, refresh_token)
        )
        sent_at = question.sent_at
        access = Access(
            answer.access_token, sent_at + answer.expires_in, answer.expires_in, sent_at
        )
        # An empty refresh token never replaces one.
        kept = answer.refresh_token or refresh_token
        return tools.settle_renewed(question.lease, access, kept, forced=forced)

    # --- verification ----------------------------------------------------------------------------

    def _verify(self, appid: str) -> Outcome:
        tools = self._tools
        token = self._component.get()
        lease = tools.acquire(appid, Purpose.VERIFICATION)
        if isinstance(lease, NotAcquired):
            return self._not_acquired(lease)
        question = Question(tools, self._component, lease, token)
        return self._guarded(question, lambda: self._verify_under(question, appid))

    def _verify_under(  # noqa: PLR0911 -- one for each of WeChat's answers
        self, question: Question, appid: str
    ) -> Outcome:
        tools = self._tools
        try:
            refresh_token = question.ask(lambda token: self._info(token, appid)).refresh_token
        except WeChatRefusedError as refusal:
            tools.log_refusal(appid, refusal)
            if refusal.wechat_errcode in NOT_AUTHORIZED:
                return self._gone(question)
            pending = question.lease.state.status is Status.PENDING
            if pending and refusal.wechat_errcode in APPID_REFUSED:
                return self._unconfirmed(
                    question, PendingReason.INVALID_APPID, refusal.wechat_errcode
                )
            return self._refused(question, refusal.wechat_errcode, refusal=refusal)
        lease, now = question.lease, tools.clock.now()
        if not refresh_token and lease.state.status is Status.PENDING:
            return self._unconfirmed(question, PendingReason.NEVER_EXCHANGED, None)
        if not refresh_token and decisions.has_no_tokens(lease.state):
            tools.settle(lease, lambda state: decisions.verified_without_tokens(state, lease))
            return Outcome.VERIFIED
        if not refresh_token:
            return self._refused(question, None, at_once=True)
        settled = tools.settle(
            lease, lambda state: decisions.verified(state, lease, now, refresh_token)
        )
        return Outcome.LEASED if settled is None else Outcome.VERIFIED

    # --- endings ---------------------------------------------------------------------------------

    def _guarded(self, question: Question, work: Callable[[], Outcome]) -> Outcome:
        tools = self._tools
        try:
            return work()
        except SealingKeyError:
            # Nothing was asked that must be opened first; what was, is asked again.
            self._abandon(question)
            raise
        except WeChatUnknownError as error:
            tools.log_refusal(question.lease.state.authorizer_appid, error)
            settle_unanswered(tools, question.lease)
            return Outcome.UNKNOWN
        except LeaseGoneError:
            # Whatever was asked before was answered, or this would be silence.
            self._abandon(question)
            return Outcome.LEASED

    def _abandon(self, question: Question) -> None:
        lease, answered = question.lease, question.answered
        self._tools.settle(
            lease, lambda state: decisions.abandoned(state, lease, answered=answered)
        )

    def _refused(
        self,
        question: Question,
        errcode: int | None,
        *,
        at_once: bool = False,
        refusal: WeChatRefusedError | None = None,
    ) -> Outcome:
        tools, lease = self._tools, question.lease
        address = None if refusal is None else refused_address(refusal)

        def decide(state: TokenState) -> TokenChange:
            now = tools.clock.now()
            return decisions.refused(
                state, lease, now, tools.uniform, errcode=errcode, address=address, at_once=at_once
            )

        settled = tools.settle(lease, decide)
        if settled is None:
            return Outcome.LEASED
        return Outcome.FAILING if at_once else Outcome.REFUSED

    def _unconfirmed(
        self, question: Question, reason: PendingReason, errcode: int | None
    ) -> Outcome:
        tools, lease = self._tools, question.lease
        settled = tools.settle(
            lease,
            lambda state: decisions.unconfirmed(state, lease, tools.clock.now(), reason, errcode),
        )
        if settled is None or settled.change.verifying:
            return Outcome.LEASED
        return Outcome.VERIFIED

    def _gone(self, question: Question) -> Outcome:
        tools = self._tools
        settled = tools.settle(
            question.lease,
            lambda state: decisions.gone(state, question.lease, tools.clock.now(), tools.retention),
        )
        if settled is None or settled.change.status is not Status.REVOKED:
            return Outcome.LEASED
        return Outcome.REVOKED

    def _lost(self, question: Question, errcode: int | None) -> Outcome:
        tools = self._tools
        settled = tools.settle(
            question.lease,
            lambda state: decisions.lost(state, question.lease, tools.clock.now(), errcode),
        )
        if settled is None or settled.change.status is not Status.LOST:
            return Outcome.LEASED
        return Outcome.LOST

    def _not_acquired(self, refusal: NotAcquired) -> Outcome:
        state = refusal.state
        if state is None:
            return Outcome.ABSENT
        if has_live_lease(state, self._tools.clock.now()):
            return Outcome.LEASED
        return Outcome.NOT_DUE

    def _take_out(self, state: TokenState) -> None:
        """Take what needs nothing out of the index: an exchange may have left it there."""
        tools = self._tools
        if state.due_at is None or has_live_lease(state, tools.clock.now()):
            return
        seen = state.fence

        def decide(now_there: TokenState | None) -> TokenChange | None:
            if now_there is None or now_there.fence != seen or _is_kept_going(now_there):
                return None
            return replace(unchanged(now_there), due_at=None)

        tools.tokens.amend(state.authorizer_appid, decide)

    def _ends_too_early(self, state: TokenState, min_ttl: float) -> bool:
        """Say whether a caller wants more of the token's life than is left, and may have it."""
        if min_ttl <= 0 or state.attempts or state.access_expires_at is None:
            return False
        left = state.access_expires_at - self._tools.clock.now()
        return left <= wanted_ttl(state, min_ttl)

    def _info(self, token: str, appid: str) -> AuthorizerAnswer:
        return self._wechat.authorizer_info(self._tools.component_appid, token, appid)


def _is_kept_going(state: TokenState) -> bool:
    """Say whether anything is to be done for an authorizer, now or later."""
    return state.verifying or (state.status in RENEWABLE and state.api_ability)
