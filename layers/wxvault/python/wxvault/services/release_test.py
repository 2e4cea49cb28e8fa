"""The full-release test (全网发布) by itself: what WeChat's ten test accounts expect is done.

Source: WeChat's page Third-party_Platforms/2.0/operation/thirdparty/releaseguide.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from wxvault.errors import (
    PUT_OFF,
    AuthorizerPendingError,
    EventNotSentError,
    SealBrokenError,
    WeChatError,
    WeChatRefusedError,
    WxvaultError,
)
from wxvault.protocol.release_test import (
    TEST_ACCOUNTS,
    ReleaseAccount,
    api_answer,
    query_auth_code,
    text_answer,
)
from wxvault.protocol.return_codes import AUTHORIZER_TOKEN_REFUSED
from wxvault.services.onboarding_state import Arrival
from wxvault.services.tools import token_sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.protocol.messages import Message
    from wxvault.services.intake import CodeRecorder
    from wxvault.services.lookup import Lookup
    from wxvault.services.message_ports import CustomerService, ReleaseAnswer, ReleaseAnswers
    from wxvault.services.onboarding_state import CodeStatus
    from wxvault.services.tools import Tools

TRIES: Final = 4
"""WeChat answers -1 or -1000 now and then while it checks."""

_PAUSE_SECONDS: Final = 0.5
_AGAIN_SECONDS: Final = 10.0
_GIVE_UP_SECONDS: Final = 900.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Steps:
    """Tells each step of the test, on the bus and in the log; none of them holds a code."""

    tools: Tools

    def tell(
        self,
        account: ReleaseAccount,
        step: str,
        identity: str,
        *,
        errcode: int | None = None,
        bus_works: bool = True,
    ) -> None:
        """Tell one step; that it cannot be told is no reason to fail the test."""
        about = {"authorizer_appid": account.appid, "group": account.group, "step": step}
        _log.info("release test", extra=about)
        try:
            self.tools.events.announce(
                "release_test.step",
                f"{identity}#{step}",
                {
                    "authorizer_appid": account.appid,
                    "group": account.group,
                    "account": account.kind,
                    "step": step,
                    "wechat_errcode": errcode,
                },
                bus_works=bus_works,
            )
        except EventNotSentError as error:
            _log.warning("step not told", extra={"error": error.message})


class ReleaseTest:
    """What is done at once when a test account sends something."""

    def __init__(
        self,
        tools: Tools,
        codes: CodeRecorder,
        answers: ReleaseAnswers,
        send_job: Callable[[Mapping[str, object]], None],
    ) -> None:
        self._tools = tools
        self._codes = codes
        self._answers = answers
        self._send_job = send_job
        self._steps = Steps(tools)

    def keep_code(self, account: ReleaseAccount, message: Message) -> bool:
        """Write down the code that a text brings, and whom its answer is owed to.

        Nothing is asked of WeChat here: it waits for this very answer meanwhile. False: the text
        should bring a code, and what it brings cannot be one.
        """
        code = query_auth_code(message)
        if code is None:
            return not message.holds_code
        now = self._tools.clock.now()
        self._codes.record(code, Arrival(authorizer_appid=account.appid), now=now)
        code_sha256 = self._answers.record(code, account.appid, message.from_user_name, now=now)
        self._send_job({"release_code_sha256": code_sha256})
        return True

    def tell(
        self, account: ReleaseAccount, message: Message, identity: str, *, bus_works: bool
    ) -> None:
        """Tell which step a message was, after the message itself.

        ``bus_works``: whether the bus has taken that one.
        """
        if query_auth_code(message) is not None:
            step = "code_received"
        elif text_answer(message) is not None:
            step = "event_answered" if message.event else "text_answered"
        else:
            return
        self._steps.tell(account, step, identity, bus_works=bus_works)


class ExchangesCodes(Protocol):
    """Brings codes to their end."""

    def exchange(self, code_sha256: str) -> CodeStatus | None:
        """Exchange a code, or find it exchanged."""


class ReleaseAnswering:
    """Gives a test account the customer-service message that it is owed."""

    def __init__(
        self,
        tools: Tools,
        answers: ReleaseAnswers,
        exchange: ExchangesCodes,
        lookup: Lookup,
        customer_service: CustomerService,
    ) -> None:
        self._tools = tools
        self._answers = answers
        self._exchange = exchange
        self._lookup = lookup
        self._customer_service = customer_service
        self._steps = Steps(tools)

    def answer(self, code_sha256: str) -> bool:
        """Send it, with the code's own token or, where a push was faster, the stored one.

        Returns whether it was sent now. What could not be done stays due, for a quarter of an hour.
        """
        now = self._tools.clock.now()
        answer = self._answers.claim(code_sha256, now=now)
        if answer is None:
            return False
        account = TEST_ACCOUNTS.get(answer.authorizer_appid)
        if account is None or now - answer.received_at > _GIVE_UP_SECONDS:
            _log.warning(
                "release test given up", extra={"authorizer_appid": answer.authorizer_appid}
            )
            self._answers.finish(answer)
            return False
        code = self._open(answer)
        try:
            self._send(account, answer, code)
        except WxvaultError as error:
            errcode = error.wechat_errcode
            self._steps.tell(account, "answer_failed", f"{code_sha256}#{now}", errcode=errcode)
            self._answers.postpone(answer, due_at=now + _AGAIN_SECONDS)
            raise
        self._answers.finish(answer)
        return True

    def _open(self, answer: ReleaseAnswer) -> str:
        try:
            code = self._answers.code(answer)
        except SealBrokenError:
            # The code is nowhere else: nobody can say it any more.
            self._answers.finish(answer)
            raise
        if code is None:
            self._answers.finish(answer)
            message = "authorization_code: it is not there"
            raise SealBrokenError(message)
        return code

    def _send(self, account: ReleaseAccount, answer: ReleaseAnswer, code: str) -> None:
        self._exchange.exchange(answer.code_sha256)
        token = self._lookup.find(account.appid).access_token
        self._steps.tell(account, "code_exchanged", answer.code_sha256)
        for attempt in range(1, TRIES + 1):
            try:
                self._customer_service.send_text(token, answer.touser, api_answer(code))
                break
            except WeChatError as error:
                self._tools.log_refusal(account.appid, error)
                if attempt == TRIES:
                    raise
                refused = error.wechat_errcode in AUTHORIZER_TOKEN_REFUSED
                if isinstance(error, WeChatRefusedError) and refused:
                    rejected = token_sha256(token)
                    found = self._lookup.find(account.appid, rejected_token_sha256=rejected)
                    token = found.access_token
            self._tools.clock.sleep(_PAUSE_SECONDS)
        self._steps.tell(account, "answer_sent", answer.code_sha256)


NOT_YET = (*PUT_OFF, AuthorizerPendingError, WeChatError)
"""Why an answer could not be given right now: it stays due, and comes again."""
