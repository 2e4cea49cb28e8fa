"""The platform's own word on a message: a responder may give a passive reply, or none, in time."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wxvault.errors import InvalidRequestError
from wxvault.protocol.replies import ReplyEnds, passive_reply

if TYPE_CHECKING:
    from wxvault.clock import Clock
    from wxvault.protocol.messages import Message
    from wxvault.services.message_ports import Count, Responder

DEADLINE_SECONDS: Final = 3.5
"""So long a responder may take, warm."""

WECHAT_SECONDS: Final = 4.4
"""Of WeChat's five seconds from its request on, the rest is for the way back."""

_TOO_LITTLE: Final = 0.2
_NO_REPLY: Final = (None, "", "success")

_log = logging.getLogger(__name__)


class NoReplyError(Exception):
    """The responder gave no answer; the text says why, in a word or two."""


@dataclass(frozen=True, slots=True)
class Responding:
    """Asks the responder, if there is one, and never lets WeChat wait for it too long."""

    responder: Responder | None
    clock: Clock
    count: Count

    def reply(
        self,
        authorizer_appid: str,
        tenant_id: str | None,
        message: Message,
        *,
        received_at: float,
        as_json: bool,
    ) -> bytes | None:
        """Return a passive reply, not yet encrypted; None: WeChat gets ``success``.

        ``as_json``: WeChat has sent JSON, and wants JSON.
        """
        if self.responder is None:
            return None
        about = {"authorizer_appid": authorizer_appid, "msg_type": message.msg_type}
        try:
            answer = self._asked(authorizer_appid, tenant_id, message, received_at)
            return None if answer is None else self._written(answer, message, as_json=as_json)
        except NoReplyError as error:
            problem = str(error)
        except InvalidRequestError as error:
            problem = f"no reply that WeChat takes: {error.message}"
        self.count("ResponderFailed")
        _log.warning("responder failed", extra={**about, "problem": problem})
        return None

    def _asked(
        self, authorizer_appid: str, tenant_id: str | None, message: Message, received_at: float
    ) -> Mapping[str, object] | None:
        left = self._seconds_left(received_at)
        if left < _TOO_LITTLE:
            raise NoReplyError("no time was left to ask it")
        question = {
            "authorizer_appid": authorizer_appid,
            "tenant_id": tenant_id,
            "message": dict(message.fields),
        }
        answer = self.responder(question, left) if self.responder else None
        if answer in _NO_REPLY or answer == {}:
            return None
        if not isinstance(answer, Mapping):
            raise NoReplyError("its answer is no object")
        return answer

    def _written(self, answer: Mapping[str, object], message: Message, *, as_json: bool) -> bytes:
        if not message.from_user_name or not message.to_user_name:
            raise NoReplyError("the message does not say between whom it goes")
        now = int(self.clock.now())
        ends = ReplyEnds(message.from_user_name, message.to_user_name, now)
        return passive_reply(answer, ends, as_json=as_json)

    def _seconds_left(self, received_at: float) -> float:
        """Return how long may be waited; a start of the environment may have cost some of it."""
        gone = max(self.clock.now() - received_at, 0.0)
        return min(DEADLINE_SECONDS, WECHAT_SECONDS - gone)
