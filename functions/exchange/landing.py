"""``/authorized/{session}``, ``/registered/{session}``: where WeChat sends the browser back to.

The code, or the ticket of a registration, is written down, sealed, before anything else. This
function never asks WeChat anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wxvault.errors import InvalidRequestError
from wxvault.runtime.answering import answer_page, launch_cookie_name, page_context
from wxvault.runtime.http_answers import Answer, html_answer, redirect_answer
from wxvault.runtime.http_requests import HttpRequest
from wxvault.runtime.pages import result_page
from wxvault.runtime.settings import on_lambda
from wxvault.runtime.telemetry import count, logger, observed
from wxvault.runtime.wiring import Wiring
from wxvault.services.onboarding import (
    FAILED,
    Landing,
    SessionStatus,
    shows_launch_cookie,
    status_of,
)
from wxvault.services.onboarding_state import CodeStatus
from wxvault.services.way_back import way_back

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.services.onboarding_state import Session


def wire(wiring: Wiring) -> Callable[[Mapping[str, Any], Any], Answer]:
    """Build the handler."""
    landing = Landing(wiring.sessions, wiring.codes, wiring.try_exchange_job, wiring.clock)

    def arrive(request: HttpRequest, session: Session, session_id: str) -> Answer:
        auth_code = _brought(request, "auth_code")
        cookies = _cookies(request, session)
        arrived = landing.arrive(session, auth_code, cookies)
        if not shows_launch_cookie(session, cookies):
            _tell_of_stranger(session)
        failed = "?failed" if arrived is CodeStatus.FAILED else ""
        return redirect_answer(f"/authorized/{quote(session_id)}/result{failed}")

    def register(request: HttpRequest, session: Session, session_id: str) -> Answer:
        ticket = _brought(request, "ticket")
        wiring.reuse_landing.arrive(session, ticket, _cookies(request, session))
        return redirect_answer(f"/authorized/{quote(session_id)}/result")

    def result(request: HttpRequest, session: Session) -> Answer:
        status = _status(request, session, wiring.clock.now())
        back = way_back(session, status, wiring.settings.return_urls)
        if back is not None:
            return redirect_answer(back)
        page = page_context(request, wiring.component_appid)
        return html_answer(result_page(page, session, status), nonce=page.nonce)

    def show(request: HttpRequest) -> Answer:
        session_id = request.path_parameters.get("session", "")
        session = landing.session(session_id)
        if request.path.endswith("/result"):
            return result(request, session)
        take = register if request.path.startswith("/registered/") else arrive
        return take(request, session, session_id)

    @observed
    def handler(event: Mapping[str, Any], _context: Any) -> Answer:
        request = HttpRequest.from_event(event)
        return answer_page(request, wiring.component_appid, lambda: show(request))

    return handler


def _brought(request: HttpRequest, name: str) -> str:
    value = request.query.get(name)
    if value is None:
        raise InvalidRequestError(name, "is missing from WeChat's redirect")
    return value


def _cookies(request: HttpRequest, session: Session) -> list[str]:
    shown = request.cookies.get(launch_cookie_name(session))
    return [] if shown is None else [shown]


def _status(request: HttpRequest, session: Session, now: float) -> SessionStatus:
    """How this browser's way has ended: its code may have failed while the session goes on."""
    status = status_of(session, now)
    if "failed" in request.query and not status.authorizers:
        return SessionStatus(FAILED, ())
    return status


def _tell_of_stranger(session: Session) -> None:
    count("LandingWithoutCookie")
    told = {"session_sha256": session.session_sha256, "tenant_id": session.tenant_id}
    logger.warning("landed without the session's cookie: binds nobody", extra=told)


handler = wire(Wiring()) if on_lambda() else None
