"""Authorisation sessions: create one, ask what became of it. HTTP with IAM auth, and invoke.

Invoke takes ``{"action": "create", "tenant_id", …}`` or ``{"action": "status", "tenant_id",
"session_id"}``.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from wxvault.errors import InvalidRequestError
from wxvault.runtime.answering import answer_http, answer_invoke
from wxvault.runtime.http_answers import Answer, json_answer
from wxvault.runtime.http_requests import HttpRequest
from wxvault.runtime.settings import on_lambda
from wxvault.runtime.telemetry import observed
from wxvault.runtime.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.services.onboarding import Onboarding


def wire(wiring: Wiring) -> Callable[[Mapping[str, Any], Any], Mapping[str, Any]]:
    """Build the handler."""
    onboarding = wiring.onboarding

    @observed
    def handler(event: Mapping[str, Any], context: Any) -> Mapping[str, Any]:
        if "requestContext" in event:
            request = HttpRequest.from_event(event)
            return answer_http(request.request_id, lambda: _http(onboarding, request))
        return answer_invoke(context, lambda: _invoked(onboarding, event))

    return handler


def _http(onboarding: Onboarding, request: HttpRequest) -> Answer:
    tenant_id = request.path_parameters.get("tenant_id", "")
    if request.method == "POST":
        return json_answer(_create(onboarding, tenant_id, request.json_body()), status=201)
    session_id = request.path_parameters.get("session_id", "")
    return json_answer(asdict(onboarding.status(tenant_id, session_id)))


def _invoked(onboarding: Onboarding, event: Mapping[str, Any]) -> Mapping[str, Any]:
    wanted = dict(event)
    action = wanted.pop("action", None)
    tenant_id = wanted.pop("tenant_id", "")
    match action:
        case "create":
            return _create(onboarding, tenant_id, wanted)
        case "status":
            return asdict(onboarding.status(tenant_id, wanted.get("session_id", "")))
    raise InvalidRequestError("action", "must be create or status")


def _create(onboarding: Onboarding, tenant_id: str, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    created = onboarding.create(tenant_id, wanted)
    answer: dict[str, Any] = {
        "session_id": created.session_id,
        "launch_url": created.launch_url,
        "expires_at": created.expires_at,
    }
    if created.plugin is not None:
        answer |= created.plugin
    return answer


handler = wire(Wiring()) if on_lambda() else None
