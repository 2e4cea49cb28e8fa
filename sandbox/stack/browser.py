"""A browser as far as the journeys need one: cookies by host, redirects, and who referred."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin, urlsplit

from sandbox.stack.http_client import Answer, send

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_REDIRECTS = {301, 302, 303, 307, 308}
_MOST_REDIRECTS = 10


class TooManyRedirectsError(RuntimeError):
    """An address led to another one too many times."""


class Browser:
    """One person's browser. Cookies belong to a host, whatever the port, and to a path below it."""

    def __init__(self, transport: Callable[..., Answer] = send) -> None:
        """``transport`` is called like `sandbox.stack.http_client.send`."""
        self._transport = transport
        self._cookies: dict[tuple[str, str, str], str] = {}
        self.visited: list[tuple[int, str]] = []
        """Status and address of every answer so far, oldest first."""

    def get(self, url: str, *, referer: str = "", follow: bool = False) -> Answer:
        """Open an address; ``referer`` is sent as given. ``follow``: also where it redirects."""
        answer = self._send("GET", url, referer, b"", {})
        return self._follow(url, answer) if follow else answer

    def post(
        self,
        url: str,
        form: Mapping[str, str] | None = None,
        *,
        referer: str = "",
        follow: bool = False,
    ) -> Answer:
        """Send a form, as its button does."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        kind["Origin"] = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        answer = self._send("POST", url, referer, urlencode(form or {}).encode(), kind)
        return self._follow(url, answer) if follow else answer

    def cookies(self, url: str) -> dict[str, str]:
        """The cookies that would be sent to an address."""
        parts = urlsplit(url)
        path = parts.path or "/"
        return {
            name: value
            for (host, below, name), value in self._cookies.items()
            if host == parts.hostname and _covers(below, path)
        }

    def _follow(self, url: str, answer: Answer) -> Answer:
        for _ in range(_MOST_REDIRECTS):
            if answer.status not in _REDIRECTS:
                return answer
            url = urljoin(url, answer.header("location"))
            answer = self._send("GET", url, "", b"", {})
        raise TooManyRedirectsError(urlsplit(url).netloc)

    def _send(
        self, method: str, url: str, referer: str, body: bytes, headers: dict[str, str]
    ) -> Answer:
        if cookies := self.cookies(url):
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        if referer:
            headers["Referer"] = referer
        answer = self._transport(method, url, headers=headers, body=body)
        self._keep(url, answer)
        self.visited.append((answer.status, url))
        return answer

    def _keep(self, url: str, answer: Answer) -> None:
        host = urlsplit(url).hostname or ""
        for line in answer.all("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                # A Domain attribute is refused rather than understood: nobody here may set one.
                if morsel["domain"]:
                    continue
                path = morsel["path"] or "/"
                if morsel["max-age"] == "0":
                    self._cookies.pop((host, path, name), None)
                else:
                    self._cookies[host, path, name] = morsel.value


def _covers(below: str, path: str) -> bool:
    return path == below or path.startswith(below if below.endswith("/") else f"{below}/")
