"""Exchanging authorization codes: each once, whichever way it came.

Source: WeChat's page openApi/ticket-token/api_getauthorizerrefreshtoken.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wxvault.errors import (
    SealBrokenError,
    SealingKeyError,
    WeChatRefusedError,
    WeChatUnknownError,
    WxvaultError,
)
from wxvault.protocol.return_codes import CODE_REFUSED, COMPONENT_TOKEN_REFUSED, NOT_AUTHORIZED
from wxvault.services import decisions, grants
from wxvault.services.binding import bound
from wxvault.services.code_steps import CodeSteps
from wxvault.services.numbers import POLL_SECONDS, START_SECONDS, WAIT_SECONDS
from wxvault.services.question import LeaseGoneError, Question
from wxvault.services.state import (
    Access,
    Lease,
    NotAcquired,
    Purpose,
    Status,
    TokenChange,
    TokenState,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from wxvault.services.component import ComponentToken
    from wxvault.services.exchange_ports import CodeItems, Profiles, SessionItems
    from wxvault.services.onboarding_state import Code, CodeStatus
    from wxvault.services.ports import Grant, WeChat
    from wxvault.services.tools import Tools

_log = logging.getLogger(__name__)


class Exchange[W]:
    """Exchanges the codes of one component."""

    def __init__(  # noqa: PLR0913, PLR0917 -- adapters, each named
        self,
        tools: Tools,
        wechat: WeChat,
        component: ComponentToken,
        codes: CodeItems[W],
        sessions: SessionItems,
        profiles: Profiles,
        find_missing: Callable[[], None],
    ) -> None:
        """Take the adapters; ``find_missing`` has the table held against WeChat's list."""
        self._tools = tools
        self._wechat = wechat
        self._component = component
        self._codes = codes
        self._find_missing = find_missing
        self._steps = CodeSteps(tools, codes, sessions, profiles)

    def exchange(self, code_sha256: str) -> CodeStatus | None:
        """Bring a code to its end, or leave it to the sweep; return where it stands now.

        Raises:
            NoTicketError, RenewalInProgressError, RenewalFailingError, SealBrokenError: there is no
                component token; SealingKeyError: nothing could be kept, nor was it asked for. The
                code stays and is tried again.
        """
        code = self._codes.get(code_sha256)
        if code is not None and code.is_open:
            if code.authorizer_appid is not None:
                self._leased(code, code.authorizer_appid)
            else:
                self._unleased(code)
            code = self._codes.get(code_sha256)
        if code is None:
            return None
        if not code.is_open and code.due_at is not None:
            # Something became known of it since it was exchanged, or its exchange was cut short.
            self._steps.end_late(code)
        return code.status

    # --- the appid is known: under its lease -----------------------------------------------------

    def _leased(self, code: Code, appid: str) -> None:
        tools = self._tools
        token = self._component.get()
        lease = self._wait_for_lease(code.code_sha256, appid)
        if lease is None:
            return
        claim_id = tools.new_id()
        claimed = self._codes.claim(code.code_sha256, claim_id, now=tools.clock.now())
        if claimed is None:
            self._abandon(lease)
            return
        question = Question(tools, self._component, lease, token)
        try:
            self._ask_leased(question, claimed, claim_id, appid)
        except WeChatUnknownError as error:
            # The claim and the lease run out; whoever takes the code again knows that it was asked.
            tools.log_refusal(appid, error)
        except (LeaseGoneError, SealingKeyError) as error:
            self._abandon(question.lease, answered=question.answered)
            self._steps.give_back(claimed, claim_id, answered=question.answered)
            if isinstance(error, SealingKeyError):
                raise

    def _ask_leased(self, question: Question, code: Code, claim_id: str, appid: str) -> None:
        tools = self._tools
        if _is_history(question.lease.state, code):
            self._abandon(question.lease)
            self._codes.fail(code.code_sha256, claim_id, None)
            return
        try:
            text = self._steps.open(code)
        except SealBrokenError:
            # It is healed as if an earlier call had got through: WeChat may know more.
            self._heal(question, code, claim_id, appid, None)
            return
        try:
            grant = question.ask(
                lambda token: self._wechat.query_auth(tools.component_appid, token, text)
            )
        except WeChatRefusedError as refusal:
            tools.log_refusal(appid, refusal)
            if refusal.wechat_errcode not in CODE_REFUSED:
                self._refused(question, code, claim_id, refusal.wechat_errcode)
                return
            self._heal(question, code, claim_id, appid, refusal.wechat_errcode)
            return
        if code.unanswered > 0 and _has_tokens(grant):
            self._heal(question, code, claim_id, appid, None)
            return
        if grant.authorizer_appid != appid:
            # The push named another account than the code is for: believe WeChat's own answer.
            self._mismatch(question, code, claim_id, grant)
            return
        self._store_leased(question, code, claim_id, grant)

    def _store_leased(self, question: Question, code: Code, claim_id: str, grant: Grant) -> None:
        tools, lease = self._tools, question.lease
        appid = grant.authorizer_appid
        access = _access(grant, question.sent_at)
        binding = self._steps.binding(code)

        def decide(state: TokenState) -> TokenChange:
            change = grants.exchanged(
                state,
                lease,
                create_time=code.create_time,
                access=access,
                refresh_token=grant.refresh_token,
                current_refresh=self._current_refresh(state),
                uniform=tools.uniform,
            )
            return bound(state, change, binding)

        settled = tools.tokens.settle(
            lease, decide, also=[self._steps.done(code, claim_id, appid, binding)]
        )
        if settled is None:
            # Somebody cancelled or took over meanwhile: the code is claimed again later, and then
            # WeChat is asked what is true.
            tools.supersede(lease)
            return
        self._steps.end(code, settled, binding, grant)

    def _heal(
        self,
        question: Question,
        code: Code,
        claim_id: str,
        appid: str,
        errcode: int | None,
    ) -> None:
        """An earlier call may have got through: store no token but what WeChat says is there."""
        tools = self._tools
        try:
            info = question.ask(
                lambda token: self._wechat.authorizer_info(tools.component_appid, token, appid)
            )
        except WeChatRefusedError as refusal:
            tools.log_refusal(appid, refusal)
            gone = refusal.wechat_errcode in NOT_AUTHORIZED
            # Without an authorisation nothing can come of its code any more.
            spent = (errcode or refusal.wechat_errcode) if gone else None
            self._refused(question, code, claim_id, refusal.wechat_errcode, spent=spent)
            return
        lease, now = question.lease, tools.clock.now()
        if not info.refresh_token:
            self._refused(question, code, claim_id, errcode, spent=errcode)
            return
        refresh_token = info.refresh_token
        binding = self._steps.binding(code)

        def decide(state: TokenState) -> TokenChange:
            change = decisions.healed(state, lease, now, refresh_token)
            return bound(state, change, binding)

        settled = tools.tokens.settle(
            lease, decide, also=[self._steps.done(code, claim_id, appid, binding)]
        )
        if settled is not None:
            self._steps.end(code, settled, binding, info)

    def _refused(
        self,
        question: Question,
        code: Code,
        claim_id: str,
        errcode: int | None,
        *,
        spent: int | None = None,
    ) -> None:
        """WeChat refused under the lease: the code is over (``spent``) or tried again later."""
        tools, lease = self._tools, question.lease

        def decide(state: TokenState) -> TokenChange:
            return decisions.refused(
                state,
                lease,
                tools.clock.now(),
                tools.uniform,
                errcode=errcode,
                earlier_open=code.unanswered > 0,
            )

        tools.settle(lease, decide)
        if spent is None:
            self._steps.give_back(code, claim_id)
            return
        now = tools.clock.now()
        tools.events.tell(
            tools.tokens.amend(
                lease.state.authorizer_appid,
                lambda state: None if state is None else grants.doubtful_code(state, now),
            )
        )
        # Last of all: until then whoever takes the code again comes to the same end.
        self._codes.fail(code.code_sha256, claim_id, spent)

    def _mismatch(self, question: Question, code: Code, claim_id: str, grant: Grant) -> None:
        tools, lease = self._tools, question.lease
        # No code will ever end the waiting of the account that was named: WeChat is asked about it,
        # and what it does not know is forgotten.
        tools.settle(
            lease,
            lambda state: grants.doubtful_code(
                state, tools.clock.now(), decisions.abandoned(state, lease)
            ),
        )
        _log.error(
            "code is for another account than its push says",
            extra={
                "pushed": lease.state.authorizer_appid,
                "authorizer_appid": grant.authorizer_appid,
            },
        )
        self._store_unleased(code, claim_id, grant, question.sent_at)

    def _abandon(self, lease: Lease, *, answered: bool = False) -> None:
        self._tools.settle(
            lease, lambda state: decisions.abandoned(state, lease, answered=answered)
        )

    def _wait_for_lease(self, code_sha256: str, appid: str) -> Lease | None:
        """Take the lease, trying for eight seconds; None: settled by another, or left to the sweep.

        While somebody else has a live claim on the code, its lease is none of ours.
        """
        tools = self._tools
        deadline = tools.clock.now() + WAIT_SECONDS
        while True:
            code = self._codes.get(code_sha256)
            if code is None or not code.is_open:
                return None
            if not code.is_claimed(tools.clock.now()):
                lease = tools.acquire(appid, Purpose.EXCHANGE)
                if not isinstance(lease, NotAcquired):
                    return lease
            if tools.clock.now() >= deadline:
                self._codes.postpone(code_sha256, due_at=tools.clock.now())
                return None
            tools.clock.sleep(POLL_SECONDS)

    # --- nobody knows the appid: without a lease -------------------------------------------------

    def _unleased(self, code: Code) -> None:
        tools = self._tools
        token = self._component.get()
        claim_id, now = tools.new_id(), tools.clock.now()
        claimed = self._codes.claim(code.code_sha256, claim_id, now=now, blind=True)
        if claimed is None:
            return
        if claimed.authorizer_appid is not None:
            # The push has come in between: the leased way. Nothing was asked yet.
            self._steps.give_back(claimed, claim_id)
            self._leased(claimed, claimed.authorizer_appid)
            return
        try:
            sent_at, grant = self._ask_unleased(claimed, token, claimed_at=now)
        except WeChatUnknownError as error:
            tools.log_refusal(None, error)
        except (SealBrokenError, SealingKeyError, LeaseGoneError) as error:
            self._steps.give_back(claimed, claim_id)
            if isinstance(error, SealingKeyError):
                raise
        except WeChatRefusedError as refusal:
            tools.log_refusal(None, refusal)
            self._refused_unleased(claimed, claim_id, refusal)
        else:
            self._store_unleased(claimed, claim_id, grant, sent_at)

    def _ask_unleased(self, code: Code, token: str, *, claimed_at: float) -> tuple[float, Grant]:
        tools = self._tools
        text = self._steps.open(code)

        def ask(component_token: str) -> tuple[float, Grant]:
            # A claim must outlive what its holder causes, as a lease must.
            sent_at = tools.clock.now()
            if sent_at - claimed_at > START_SECONDS:
                raise LeaseGoneError
            return sent_at, self._wechat.query_auth(tools.component_appid, component_token, text)

        try:
            return ask(token)
        except WeChatRefusedError as refusal:
            if refusal.wechat_errcode not in COMPONENT_TOKEN_REFUSED:
                raise
            try:
                other = self._component.after_refusal(token)
            except WxvaultError:
                raise refusal from None
            if other == token:
                raise
        return ask(other)

    def _store_unleased(self, code: Code, claim_id: str, grant: Grant, sent_at: float) -> None:
        tools = self._tools
        appid = grant.authorizer_appid
        known = self._codes.get(code.code_sha256) or code
        binding = self._steps.binding(known)
        now, mark = tools.clock.now(), tools.new_id()

        def decide(state: TokenState | None) -> TokenChange:
            change = grants.exchanged_unleased(
                state,
                now=now,
                claim_id=claim_id,
                mark=mark,
                sent_at=sent_at,
                create_time=known.create_time if known.authorizer_appid == appid else None,
                access=_access(grant, sent_at),
                refresh_token=grant.refresh_token,
                retaken=code.unanswered > 0,
                uniform=tools.uniform,
            )
            return bound(state or TokenState(appid, Status.PENDING), change, binding)

        settled = tools.tokens.amend(
            appid, decide, also=[self._steps.done(code, claim_id, appid, binding)]
        )
        if settled is not None:
            self._steps.end(known, settled, binding, grant)

    def _refused_unleased(self, code: Code, claim_id: str, refusal: WeChatRefusedError) -> None:
        if refusal.wechat_errcode not in CODE_REFUSED:
            self._steps.give_back(code, claim_id)
            return
        known = self._codes.get(code.code_sha256)
        if known is not None and known.authorizer_appid is not None:
            # Its push has come meanwhile: under the lease WeChat can be asked what is true.
            self._tools.tokens.amend(
                known.authorizer_appid, lambda state: grants.blind_call_over(state, claim_id)
            )
            self._codes.give_back(
                code, claim_id, due_at=self._tools.clock.now(), unanswered=code.unanswered
            )
            self._leased(known, known.authorizer_appid)
            return
        if code.unanswered > 0:
            # An earlier call may have got through, but for whom? The push will tell, if it comes.
            # If it does not, WeChat's list does: of nobody's tenant, for that cannot be known.
            self._codes.give_back(code, claim_id, due_at=None, unanswered=code.unanswered)
            self._find_missing()
            return
        self._codes.fail(code.code_sha256, claim_id, refusal.wechat_errcode)

    def _current_refresh(self, state: TokenState) -> str | None:
        try:
            return self._tools.tokens.refresh_token(state)
        except SealBrokenError:
            return None


def _access(grant: Grant, sent_at: float) -> Access | None:
    if grant.access_token is None or grant.expires_in is None:
        return None
    return Access(grant.access_token, sent_at + grant.expires_in, grant.expires_in, sent_at)


def _has_tokens(grant: Grant) -> bool:
    return bool(grant.access_token or grant.refresh_token)


def _is_history(state: TokenState, code: Code) -> bool:
    """Say whether the grant of this code was cancelled before it could be exchanged."""
    return (
        code.create_time is not None
        and state.unauthorized_at is not None
        and code.create_time <= state.unauthorized_at
    )
