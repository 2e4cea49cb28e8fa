"""The journeys' browser: cookies by host and path, redirects, referrers."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.stack.browser import Browser, TooManyRedirectsError
from sandbox.stack.http_client import Answer


class Site:
    """Answers from a table and notes what it was sent."""

    def __init__(self, **pages: Answer) -> None:
        self.pages = pages
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []

    def __call__(self, method: str, url: str, *, headers: Any, body: bytes) -> Answer:
        """Answer one request."""
        self.requests.append((method, url, dict(headers), body))
        return self.pages.get(url.rpartition("/")[2], Answer(200, (), b""))


def page(status: int = 200, *headers: tuple[str, str]) -> Answer:
    """An answer without a body."""
    return Answer(status, headers, b"")


def test_cookies_go_back_to_their_host_only() -> None:
    """Another host, even with the same port, gets nothing; another port of the same host does."""
    site = Site(start=page(200, ("set-cookie", "a=1; Path=/"), ("set-cookie", "b=2; HttpOnly")))
    browser = Browser(site)
    browser.get("http://localhost:1/start")
    assert browser.cookies("http://localhost:2/x") == {"a": "1", "b": "2"}
    assert browser.cookies("http://127.0.0.1:1/x") == {}
    browser.get("http://localhost:1/next")
    assert site.requests[-1][2]["Cookie"] == "a=1; b=2"


def test_cookies_stay_below_their_path() -> None:
    """/authorized covers /authorized/x, but not /authorizedx."""
    browser = Browser(Site(start=page(200, ("set-cookie", "a=1; Path=/authorized"))))
    browser.get("http://localhost:1/start")
    sent = [
        bool(browser.cookies(f"http://h/{path}".replace("//h", "//localhost")))
        for path in ("authorized", "authorized/x", "authorizedx", "other")
    ]
    assert sent == [True, True, False, False]


def test_a_cookie_is_taken_away_by_its_host() -> None:
    """Max-Age=0 deletes it."""
    site = Site(
        set=page(200, ("set-cookie", "a=1")), end=page(200, ("set-cookie", "a=; Max-Age=0"))
    )
    browser = Browser(site)
    browser.get("http://localhost:1/set")
    browser.get("http://localhost:1/end")
    assert browser.cookies("http://localhost:1/") == {}


def test_redirects_are_followed_when_asked() -> None:
    """303 turns a POST into a GET, and each step is remembered."""
    site = Site(go=page(303, ("location", "/there")))
    browser = Browser(site)
    browser.post("http://localhost:1/go", {"a": "1 2"}, referer="http://localhost:1/", follow=True)
    assert [request[:2] for request in site.requests] == [
        ("POST", "http://localhost:1/go"),
        ("GET", "http://localhost:1/there"),
    ]
    assert site.requests[0][3] == b"a=1+2"
    assert site.requests[0][2]["Referer"] == "http://localhost:1/"
    assert browser.visited == [(303, "http://localhost:1/go"), (200, "http://localhost:1/there")]


def test_redirects_in_a_circle_end() -> None:
    """The error names the host, never the address with what is in its query."""
    browser = Browser(Site(go=page(302, ("location", "/go"))))
    with pytest.raises(TooManyRedirectsError, match=r"^localhost:1$"):
        browser.get("http://localhost:1/go", follow=True)
