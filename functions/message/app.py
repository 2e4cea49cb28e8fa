"""``POST /wechat/{authorizer_appid}/messages``: what merchants' users send (消息与事件接收URL).

Published first, then answered. This function cannot open anything that the vault has sealed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wxvault.errors import NOT_DURABLE, WxvaultError
from wxvault.protocol.message_crypto import PUSH_BODY_LIMIT
from wxvault.runtime.http_answers import Answer, error_answer, wechat_answer
from wxvault.runtime.http_requests import HttpRequest
from wxvault.runtime.secrets import push_secret
from wxvault.runtime.settings import on_lambda
from wxvault.runtime.telemetry import count, log_error, observed
from wxvault.runtime.wiring import Wiring
from wxvault.services.messages import Messages
from wxvault.services.push_door import REFUSAL_PAUSE_SECONDS, PushDoor
from wxvault.services.release_test import ReleaseTest
from wxvault.services.responding import Responding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def wire(wiring: Wiring) -> Callable[[Mapping[str, Any], Any], Answer]:
    """Build the handler."""
    secret = push_secret(
        wiring.secrets_client,
        wiring.settings.require("push_secret_arn"),
        wiring.component_appid,
        wiring.clock,
    )
    door = PushDoor(
        secret,
        wiring.component_items.note_message,
        wiring.clock,
        max_age=wiring.settings.push_max_age_seconds,
        json_too=True,
        accepted_pause=REFUSAL_PAUSE_SECONDS,
    )
    release_test = ReleaseTest(
        wiring.tools, wiring.codes, wiring.release_answers, wiring.try_exchange_job
    )
    messages = Messages(
        wiring.tools,
        door,
        wiring.seen_messages,
        wiring.profiles,
        wiring.renew_jobs,
        release_test,
        Responding(wiring.responder, wiring.clock, count),
        wiring.random_bytes,
        count,
    )

    @observed
    def handler(event: Mapping[str, Any], _context: Any) -> Answer:
        request = HttpRequest.from_event(event)
        appid = request.path_parameters.get("authorizer_appid", "")
        try:
            body = request.body(PUSH_BODY_LIMIT)
            answer = messages.receive(appid, body, request.query, received_at=request.received_at)
        except NOT_DURABLE as error:
            # It is no `success`: WeChat sends it again.
            log_error("message not stored", error)
            return error_answer(error, request.request_id)
        except WxvaultError as error:
            count("PushRefused")
            log_error("message refused", error)
            return error_answer(error, request.request_id)
        kind = "text/plain"
        if answer.is_reply:
            kind = "application/json" if answer.is_json else "text/xml"
        return wechat_answer(answer.body.decode(), content_type=kind)

    return handler


handler = wire(Wiring(quick=True)) if on_lambda() else None
