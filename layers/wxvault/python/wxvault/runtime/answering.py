"""Running a handler's work and turning its errors into answers: JSON, a page, or an invoke's."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from wxvault.errors import WxvaultError
from wxvault.runtime.http_answers import (
    Answer,
    error_answer,
    error_body,
    html_answer,
    status_of,
    unexpected_body,
)
from wxvault.runtime.pages import PageContext, error_page
from wxvault.runtime.telemetry import log_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.runtime.http_requests import HttpRequest
    from wxvault.services.onboarding_state import Session


def answer_http(request_id: str, work: Callable[[], Answer]) -> Answer:
    """Answer a request with what ``work`` returns, or with its error as JSON."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 -- whatever it is, the caller gets a clear answer
        log_error("request failed", error)
        return error_answer(error, request_id)


def answer_invoke(context: Any, work: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Answer a direct invoke; an error is an answer too, so that it keeps its code and remedy."""
    request_id = str(getattr(context, "aws_request_id", ""))
    try:
        return work()
    except WxvaultError as error:
        log_error("invoke failed", error)
        return error_body(error, request_id)
    except Exception as error:  # noqa: BLE001 -- as above
        log_error("invoke failed", error)
        return unexpected_body(request_id)


def answer_page(request: HttpRequest, component_appid: str, work: Callable[[], Answer]) -> Answer:
    """Answer a browser with what ``work`` returns, or with a page that explains its error."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 -- as above
        log_error("page failed", error)
        page = page_context(request, component_appid)
        status = status_of(error) if isinstance(error, WxvaultError) else 500
        return html_answer(error_page(page, error), nonce=page.nonce, status=status)


def page_context(request: HttpRequest, component_appid: str) -> PageContext:
    """Return what every page needs to know of its request."""
    return PageContext(
        nonce=secrets.token_urlsafe(16),
        accept_language=request.headers.get("accept-language", ""),
        component_appid=component_appid,
        chosen_language=request.query.get("lang", ""),
        request_id=request.request_id,
    )


def launch_cookie_name(session: Session) -> str:
    """Return the name of a session's launch cookie: one browser may hold several."""
    return f"wxvault_launch_{session.session_sha256[:12]}"
