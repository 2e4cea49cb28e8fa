"""What a tenant's backend, a merchant and their browser do: the same calls a real one makes."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.stack.browser import Browser
from sandbox.stack.journey.facts import StepFailedError

if TYPE_CHECKING:
    from sandbox.stack.http_client import Answer
    from sandbox.stack.roles import Role
    from sandbox.stack.stack import LocalStack
    from sandbox.wechat.control_client import Confirmation

_LINK = re.compile(r'<a[^>]+href="([^"]+)"')


@dataclass(slots=True)
class Visit:
    """One browser on its way through a session."""

    stack: LocalStack
    session_id: str
    launch_url: str
    browser: Browser = field(default_factory=Browser)
    onward_url: str = ""

    def launch(self) -> str:
        """Open the launch page and press its button; the link that leads on to WeChat."""
        page = self.browser.get(self.launch_url)
        require(page, 200, "the launch page")
        pressed = self.browser.post(self.launch_url, referer=self.launch_url)
        require(pressed, 200, "the launch page's button")
        links = [html.unescape(link) for link in _LINK.findall(pressed.text)]
        onward = [link for link in links if link.startswith(self.stack.wechat_url)]
        if not onward:
            raise StepFailedError("the page after the button has no link to WeChat")
        self.onward_url = onward[0]
        return self.onward_url

    @property
    def referer(self) -> str:
        """What the browser sends along: the platform's origin, as the page's policy says."""
        return f"{self.stack.platform_url}/"

    def confirm(self, authorizer_appid: str, **options: Any) -> Confirmation:
        """The merchant confirms at WeChat, whose page checks link and Referer."""
        return self.stack.wechat.confirm(
            authorizer_appid, link=self.onward_url, referer=self.referer, **options
        )

    def land(self, confirmation: Confirmation) -> Answer:
        """WeChat sends the browser back."""
        if confirmation.redirect_url is None:
            raise StepFailedError("WeChat gave no redirect")
        return self.browser.get(confirmation.redirect_url, follow=True)


def create_session(role: Role, tenant_id: str, **wanted: Any) -> dict[str, Any]:
    """A tenant's backend asks for a link, over HTTP with its own IAM role."""
    answer = role.http("POST", f"/tenants/{tenant_id}/auth-urls", body=json.dumps(wanted).encode())
    require(answer, 201, "the request for a link")
    created: dict[str, Any] = answer.json()
    return created


def visit(stack: LocalStack, role: Role, tenant_id: str, **wanted: Any) -> Visit:
    """Create a session and open a browser for it."""
    created = create_session(role, tenant_id, **wanted)
    return Visit(stack, created["session_id"], created["launch_url"])


def session_status(role: Role, tenant_id: str, session_id: str) -> dict[str, Any]:
    """The backend asks what became of its session."""
    answer = role.http("GET", f"/tenants/{tenant_id}/auth-urls/{session_id}")
    require(answer, 200, "the question for the session")
    status: dict[str, Any] = answer.json()
    return status


def require(answer: Answer, status: int, what: str) -> None:
    """Fail the step when an answer has another status."""
    if answer.status != status:
        raise StepFailedError(f"{what} was answered with {answer.status}: {answer.text[:300]}")
