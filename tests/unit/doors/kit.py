"""The pages' handlers over a house in memory, and a browser's requests to them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from functions.auth_url import launch, sessions
from functions.exchange import landing
from tests.fakes.house import COMPONENT, House
from tests.unit.services.kit import with_component
from wxvault.runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wxvault.runtime.http_answers import Answer

BASE = "https://auth.example.com"
RETURN_URL = "https://shop.example.com/back"


@dataclass
class HouseWiring:
    """What the handlers use of the wiring, from a house in memory."""

    house: House
    return_urls: tuple[str, ...] = (RETURN_URL,)
    onboarding: Any = None

    def __post_init__(self) -> None:
        self.component_appid = COMPONENT
        self.clock = self.house.clock
        self.onboarding = self.onboarding or self.house.onboarding
        self.sessions = self.house.sessions
        self.codes = self.house.codes
        self.try_exchange_job = self.house.exchange_queue.send
        self.settings = Settings(
            component_appid=COMPONENT,
            table_name="table",
            public_base_url=BASE,
            return_urls=self.return_urls,
        )


@dataclass
class Doors:
    """Everything that a stranger can open, and one browser's cookies."""

    house: House = field(default_factory=with_component)
    return_urls: tuple[str, ...] = (RETURN_URL,)
    cookies: dict[str, str] = field(default_factory=dict)
    onboarding: Any = None

    def __post_init__(self) -> None:
        wiring: Any = HouseWiring(self.house, self.return_urls, self.onboarding)
        self._launch = launch.wire(wiring)
        self._landing = landing.wire(wiring)
        self._sessions = sessions.wire(wiring)

    def launch_page(self, session_id: str, **more: Any) -> Answer:
        """Open the launch page."""
        return self._ask(self._launch, "GET", f"/authorize/{session_id}", session_id, **more)

    def button(self, session_id: str, **more: Any) -> Answer:
        """Press its button; the cookie that comes back is kept."""
        answer = self._ask(self._launch, "POST", f"/authorize/{session_id}", session_id, **more)
        for line in answer.get("cookies", ()):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def land(self, session_id: str, auth_code: str | None, **more: Any) -> Answer:
        """Come back from WeChat."""
        query = {} if auth_code is None else {"auth_code": auth_code, "expires_in": "3600"}
        path = f"/authorized/{session_id}"
        return self._ask(self._landing, "GET", path, session_id, query=query, **more)

    def result(self, session_id: str, query: Mapping[str, str] | None = None) -> Answer:
        """Look at the result."""
        path = f"/authorized/{session_id}/result"
        return self._ask(self._landing, "GET", path, session_id, query=query or {})

    def status(self, tenant_id: str, session_id: str) -> Answer:
        """Ask, as a tenant's backend, what became of a session."""
        path = f"/tenants/{tenant_id}/auth-urls/{session_id}"
        names = {"tenant_id": tenant_id, "session_id": session_id}
        answer: Any = self._sessions(event("GET", path, names), None)
        found: Answer = answer
        return found

    def _ask(self, handler: Any, method: str, path: str, session_id: str, **more: Any) -> Answer:
        shown = [f"{name}={value}" for name, value in self.cookies.items()]
        given = {"cookies": shown, **more}
        answer: Answer = handler(event(method, path, {"session": session_id}, **given), None)
        return answer


def event(
    method: str,
    path: str,
    names: Mapping[str, str],
    *,
    query: Mapping[str, str] | str = "",
    **more: Any,
) -> dict[str, Any]:
    """Return an event of the HTTP API, payload format 2.0."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query if isinstance(query, str) else urlencode(query),
        "pathParameters": dict(names),
        "headers": {"user-agent": "Mozilla/5.0", "accept-language": "en"},
        "requestContext": {"requestId": "req-1", "http": {"method": method, "path": path}},
        "isBase64Encoded": False,
        **more,
    }


def onward(answer: Answer) -> str:
    """Return where the page after the button leads to."""
    found = re.search(r'id="onward" href="([^"]+)"', answer["body"])
    assert found is not None
    return found[1].replace("&amp;", "&")
