"""``/authorize/{session}``: the page a merchant opens, and the button that leads on to WeChat.

GET mints nothing, because link previews and scanners also follow links. POST mints one code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wxvault.runtime.answering import answer_page, launch_cookie_name, page_context
from wxvault.runtime.http_answers import Answer, cookie, html_answer
from wxvault.runtime.http_requests import HttpRequest
from wxvault.runtime.pages import launch_page, onward_page
from wxvault.runtime.settings import on_lambda
from wxvault.runtime.telemetry import observed
from wxvault.runtime.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Bytes. The button sends none.
_FORM_LIMIT = 1024


def wire(wiring: Wiring) -> Callable[[Mapping[str, Any], Any], Answer]:
    """Build the handler."""
    onboarding = wiring.onboarding
    secure = wiring.settings.secure_cookies
    public_base_url = wiring.settings.require("public_base_url")

    def show(request: HttpRequest) -> Answer:
        session_id = request.path_parameters.get("session", "")
        page = page_context(request, wiring.component_appid)
        if request.method != "POST":
            return html_answer(
                launch_page(page, onboarding.open_session(session_id)), nonce=page.nonce
            )
        request.require_own_page(public_base_url)
        request.body(_FORM_LIMIT)
        launch = onboarding.launch(session_id, request.headers.get("user-agent", ""))
        launched = cookie(
            launch_cookie_name(launch.session),
            launch.cookie,
            secure=secure,
            max_age=max(int(launch.session.expires_at - wiring.clock.now()), 0),
            path="/authorized" if launch.session.registration is None else "/registered",
        )
        return html_answer(
            onward_page(page, launch.onward_url), nonce=page.nonce, cookies=[launched]
        )

    @observed
    def handler(event: Mapping[str, Any], _context: Any) -> Answer:
        request = HttpRequest.from_event(event)
        return answer_page(request, wiring.component_appid, lambda: show(request))

    return handler


handler = wire(Wiring()) if on_lambda() else None
