"""What a tenant's backend asks for: links to authorise by, and registrations of mini programs.

HTTP with IAM auth, and invoke: ``{"action": "create", "tenant_id", …}``, ``{"action": "status",
"tenant_id", "session_id"}``, ``{"action": "register", "tenant_id", "kind", …}`` and ``{"action":
"registration", "tenant_id", "session_id"}``.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from wxvault.errors import InvalidRequestError
from wxvault.runtime.answering import answer_http, answer_invoke
from wxvault.runtime.http_answers import Answer, json_answer
from wxvault.runtime.http_requests import HttpRequest
from wxvault.runtime.registration_requests import registration_asked, without_nothing
from wxvault.runtime.settings import on_lambda
from wxvault.runtime.telemetry import observed
from wxvault.runtime.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.services.onboarding import Onboarding


def wire(wiring: Wiring) -> Callable[[Mapping[str, Any], Any], Mapping[str, Any]]:
    """Build the handler."""

    def do(action: object, tenant_id: str, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        session_id = wanted.get("session_id", "")
        match action:
            case "create":
                return _create(wiring.onboarding, tenant_id, wanted)
            case "status":
                return asdict(wiring.onboarding.status(tenant_id, session_id))
            case "register":
                return without_nothing(wiring.registrations.start(tenant_id, wanted))
            case "registration":
                asked = registration_asked(wanted)
                return without_nothing(wiring.registrations.status(tenant_id, session_id, asked))
        raise InvalidRequestError("action", "must be create, status, register or registration")

    def http(request: HttpRequest) -> Answer:
        tenant_id = request.path_parameters.get("tenant_id", "")
        registers = "/registrations" in request.path
        if request.method == "POST":
            action = "register" if registers else "create"
            return json_answer(do(action, tenant_id, request.json_body()), status=201)
        asked = {**request.query, "session_id": request.path_parameters.get("session_id", "")}
        return json_answer(do("registration" if registers else "status", tenant_id, asked))

    @observed
    def handler(event: Mapping[str, Any], context: Any) -> Mapping[str, Any]:
        if "requestContext" in event:
            request = HttpRequest.from_event(event)
            return answer_http(request.request_id, lambda: http(request))
        wanted = {name: value for name, value in event.items() if name != "action"}
        tenant_id = wanted.pop("tenant_id", "")
        return answer_invoke(context, lambda: do(event.get("action"), tenant_id, wanted))

    return handler


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
