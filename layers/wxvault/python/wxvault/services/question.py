"""One question to WeChat under a lease, within its times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wxvault.errors import WeChatRefusedError, WxvaultError
from wxvault.protocol.return_codes import COMPONENT_TOKEN_REFUSED
from wxvault.services.numbers import START_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from wxvault.services.component import ComponentToken
    from wxvault.services.state import Lease
    from wxvault.services.tools import Tools


class LeaseGoneError(Exception):
    """The lease ran out or was taken over before WeChat could be asked."""


class Question:
    """Asks WeChat under a lease, within its times; the component token is renewed once if refused.

    After an answer, ``lease`` is the lease as it is now and ``sent_at`` when the call was sent.
    """

    def __init__(self, tools: Tools, component: ComponentToken, lease: Lease, token: str) -> None:
        self._tools = tools
        self._component = component
        self._token = token
        self._fresh = True
        self.lease = lease
        self.sent_at = lease.taken_at
        self.answered = False
        """A call was answered well, so it may have issued something."""

    def ask[T](self, call: Callable[[str], T]) -> T:
        """Call WeChat with the component token.

        Raises:
            WeChatRefusedError, WeChatUnknownError: as the call did.
            LeaseGoneError: the lease is not held any more, or it is too late to start a call.
        """
        if not self._fresh:
            self._extend()
        try:
            return self._send(call)
        except WeChatRefusedError as refusal:
            if refusal.wechat_errcode not in COMPONENT_TOKEN_REFUSED:
                raise
            try:
                other = self._component.after_refusal(self._token)
            except WxvaultError:
                raise refusal from None
            if other == self._token:
                raise
            self._token = other
        self._extend()
        return self._send(call)

    def _send[T](self, call: Callable[[str], T]) -> T:
        self._fresh = False
        now = self._tools.clock.now()
        if now - self.lease.taken_at > START_SECONDS:
            raise LeaseGoneError
        self.sent_at = now
        answer = call(self._token)
        self.answered = True
        return answer

    def _extend(self) -> None:
        extended = self._tools.tokens.extend(self.lease, now=self._tools.clock.now())
        if extended is None:
            raise LeaseGoneError
        self.lease = extended
