"""Calls of WeChat's APIs on somebody's behalf, and logins (IAM auth), also by invoke.

``ANY /call/{authorizer_appid}/{proxy+}`` · ``ANY /component-call/{proxy+}`` ·
``POST /login/{authorizer_appid}/{kind}``. An invoke says ``{"call": {"authorizer_appid", "method",
"path", "query"?, "json"? | "body_base64"?, "content_type"?}}``, ``{"component_call": {…}}`` or
``{"login": {"authorizer_appid", "kind", …}}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wxvault.runtime import call_requests
from wxvault.runtime.answering import answer_http, answer_invoke
from wxvault.runtime.call_answers import http_answer, invoke_answer
from wxvault.runtime.call_requests import CallRequest, LoginRequest
from wxvault.runtime.http_answers import Answer, json_answer
from wxvault.runtime.http_requests import HttpRequest
from wxvault.runtime.settings import on_lambda
from wxvault.runtime.telemetry import observed
from wxvault.runtime.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.services.calling import ApiAnswer
    from wxvault.services.logins import Logins


def wire(wiring: Wiring) -> Callable[[Mapping[str, Any], Any], Mapping[str, Any]]:
    """Build the handler."""
    calling, logins = wiring.calling, wiring.logins

    def call(wanted: CallRequest) -> ApiAnswer:
        if wanted.authorizer_appid is None:
            return calling.for_component(wanted.call)
        return calling.for_authorizer(wanted.authorizer_appid, wanted.call)

    def by_http(request: HttpRequest) -> Answer:
        wanted = call_requests.from_http(request)
        if isinstance(wanted, LoginRequest):
            return json_answer(_log_in(logins, wanted))
        return http_answer(call(wanted))

    def by_invoke(event: Mapping[str, Any]) -> Mapping[str, Any]:
        wanted = call_requests.from_invoke(event)
        if isinstance(wanted, LoginRequest):
            return _log_in(logins, wanted)
        return invoke_answer(call(wanted))

    @observed
    def handler(event: Mapping[str, Any], context: Any) -> Mapping[str, Any]:
        if "requestContext" in event:
            request = HttpRequest.from_event(event)
            return answer_http(request.request_id, lambda: by_http(request))
        return answer_invoke(context, lambda: by_invoke(event))

    return handler


def _log_in(logins: Logins, wanted: LoginRequest) -> Mapping[str, Any]:
    appid, fields = wanted.authorizer_appid, wanted.fields
    match wanted.kind:
        case "mp":
            return logins.mini_program(appid, **fields)
        case "oauth-link":
            return {"url": logins.oauth_link(appid, **fields)}
        case "oauth":
            return logins.oauth(appid, **fields)
        case "oauth-refresh":
            return logins.oauth_refresh(appid, **fields)
    return logins.user_info(appid, **fields)


handler = wire(Wiring()) if on_lambda() else None
