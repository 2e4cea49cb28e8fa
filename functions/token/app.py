"""Token look-up: ``GET /tokens/{authorizer_appid}``, ``GET /component-token`` (IAM auth), invoke.

Invoke takes ``{"authorizer_appid"}`` or ``{"component": true}``; both take ``min_ttl`` (seconds)
and ``rejected_token_sha256``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wxvault.runtime.answering import answer_http, answer_invoke
from wxvault.runtime.http_answers import json_answer
from wxvault.runtime.http_requests import HttpRequest
from wxvault.runtime.settings import on_lambda
from wxvault.runtime.telemetry import observed
from wxvault.runtime.token_requests import TokenRequest
from wxvault.runtime.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def wire(wiring: Wiring) -> Callable[[Mapping[str, Any], Any], Mapping[str, Any]]:
    """Build the handler."""
    lookup = wiring.lookup

    def find(wanted: Mapping[str, Any]) -> dict[str, Any]:
        request = TokenRequest.read(wanted)
        found = lookup.find(
            request.authorizer_appid,
            min_ttl=request.min_ttl,
            rejected_token_sha256=request.rejected_token_sha256,
        )
        subject = (
            {"component_appid": wiring.component_appid}
            if found.authorizer_appid is None
            else {"authorizer_appid": found.authorizer_appid}
        )
        return {
            **subject,
            "access_token": found.access_token,
            "expires_at": found.expires_at,
            "generation": found.generation,
            "renewed": found.renewed,
        }

    @observed
    def handler(event: Mapping[str, Any], context: Any) -> Mapping[str, Any]:
        if "requestContext" in event:
            request = HttpRequest.from_event(event)
            wanted = {**request.query, **request.path_parameters}
            if "authorizer_appid" not in wanted:
                wanted["component"] = "true"
            return answer_http(request.request_id, lambda: json_answer(find(wanted)))
        return answer_invoke(context, lambda: find(event))

    return handler


handler = wire(Wiring()) if on_lambda() else None
