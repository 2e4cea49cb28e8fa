"""``POST /wechat/events``: WeChat's pushes to the component (授权事件接收URL).

Durable first, then ``success``. This function cannot open anything that the vault has sealed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wxvault.errors import NOT_DURABLE, WxvaultError
from wxvault.protocol.message_crypto import PUSH_BODY_LIMIT
from wxvault.protocol.pushes import Ticket
from wxvault.runtime.http_answers import Answer, error_answer, wechat_answer
from wxvault.runtime.http_requests import HttpRequest
from wxvault.runtime.redaction import redact
from wxvault.runtime.secrets import push_secret
from wxvault.runtime.settings import on_lambda
from wxvault.runtime.telemetry import count, log_error, logger, observed
from wxvault.runtime.wiring import Wiring
from wxvault.services.event_door import EventDoor
from wxvault.services.intake import Intake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def wire(wiring: Wiring) -> Callable[[Mapping[str, Any], Any], Answer]:
    """Build the handler."""
    intake = Intake(
        wiring.tools,
        wiring.component_items,
        wiring.codes,
        wiring.registration_results,
        wiring.exchange_jobs,
        wiring.renew_jobs,
        redact,
    )
    secret = push_secret(
        wiring.secrets_client,
        wiring.settings.require("push_secret_arn"),
        wiring.component_appid,
        wiring.clock,
    )
    door = EventDoor(
        wiring.component_appid,
        secret,
        wiring.component_items,
        intake.take,
        wiring.clock,
        max_age=wiring.settings.push_max_age_seconds,
    )

    @observed
    def handler(event: Mapping[str, Any], _context: Any) -> Answer:
        request = HttpRequest.from_event(event)
        try:
            push = door.receive(request.body(PUSH_BODY_LIMIT), request.query)
        except NOT_DURABLE as error:
            # It is no `success`: WeChat sends it again.
            log_error("push not stored", error)
            return error_answer(error, request.request_id)
        except WxvaultError as error:
            count("PushRefused")
            log_error("push refused", error)
            return error_answer(error, request.request_id)
        logger.info("push accepted", extra={"info_type": push.info_type})
        if isinstance(push, Ticket):
            count("TicketReceived")
        return wechat_answer()

    return handler


handler = wire(Wiring(quick=True)) if on_lambda() else None
