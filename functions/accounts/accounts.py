"""The merchants of a platform, for its own backend: HTTP with IAM auth, and invoke.

Invoke takes ``{"action": …}``, one of ``ROUTES``' words, and the same fields that the routes have
in path, query and body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wxvault.errors import InvalidRequestError
from wxvault.runtime.account_actions import account_actions
from wxvault.runtime.answering import answer_http, answer_invoke
from wxvault.runtime.http_answers import json_answer
from wxvault.runtime.http_requests import HttpRequest
from wxvault.runtime.settings import on_lambda
from wxvault.runtime.telemetry import observed
from wxvault.runtime.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What each route asks for, as invoke says it.
ROUTES = {
    "GET /authorizers": "list",
    "GET /tenants/{tenant_id}/authorizers": "list",
    "GET /authorizers/{authorizer_appid}": "get",
    "POST /authorizers/{authorizer_appid}/assign": "assign",
    "POST /authorizers/{authorizer_appid}/forget": "forget",
    "POST /authorizers/{authorizer_appid}/refresh": "refresh",
    "POST /authorizers/{authorizer_appid}/options": "options",
    "POST /tenants/{tenant_id}/forget": "forget_tenant",
    "GET /status": "status",
}


def wire(wiring: Wiring) -> Callable[[Mapping[str, Any], Any], Mapping[str, Any]]:
    """Build the handler."""
    actions = account_actions(wiring)

    def act(action: object, wanted: Mapping[str, Any], request_id: str) -> Mapping[str, Any]:
        if not isinstance(action, str) or action not in actions:
            raise InvalidRequestError("action", f"must be one of {', '.join(actions)}")
        return actions[action](wanted, request_id)

    @observed
    def handler(event: Mapping[str, Any], context: Any) -> Mapping[str, Any]:
        if "requestContext" in event:
            request = HttpRequest.from_event(event)
            action = ROUTES.get(request.route_key)
            return answer_http(
                request.request_id,
                lambda: json_answer(act(action, request.fields(), request.request_id)),
            )
        wanted = {name: value for name, value in event.items() if name != "action"}
        request_id = str(getattr(context, "aws_request_id", ""))
        return answer_invoke(context, lambda: act(event.get("action"), wanted, request_id))

    return handler


handler = wire(Wiring()) if on_lambda() else None
