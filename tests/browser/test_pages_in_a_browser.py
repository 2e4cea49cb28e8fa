"""The pages in a real browser: the Referer WeChat insists on, the policy, the width of a phone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import find_chromium
from wxvault import errors
from wxvault.runtime.http_answers import html_answer
from wxvault.runtime.pages import (
    PageContext,
    error_page,
    launch_page,
    onward_page,
    result_page,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.chromium import Tab
    from tests.browser.site import Site
    from wxvault.runtime.http_answers import Answer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no chromium on this machine"),
]

NONCE = "Tm9uY2VOb25jZQ"
LONG = "一个名字特别长的商户" * 12 + "AVeryLongNameWithoutAnyBlankInItWhatsoever" * 3


@dataclass(frozen=True, slots=True)
class FakeSession:
    """A session, as far as pages look at it."""

    tenant_id: str = "tenant-42"
    tenant_name: str | None = "城南书店"
    auth_type: int = 3
    biz_appid: str | None = None
    category_id_list: tuple[int, ...] = ()
    expires_at: float = 1_795_190_400.0
    registration: str | None = None
    copy_wx_verify: bool = False
    outcome_status: int | None = None
    outcome_reason: str | None = None


@dataclass(frozen=True, slots=True)
class FakeOutcome:
    """What became of it."""

    status: str = "waiting"
    authorizers: tuple[str, ...] = ()


def context(language: str = "zh") -> PageContext:
    """Return a page's context."""
    return PageContext(
        nonce=NONCE,
        accept_language="",
        component_appid="wx0123456789abcdef",
        chosen_language=language,
        platform_name=LONG,
        request_id="req-1",
    )


def launch_and_wechat(site: Site) -> None:
    """Set up the launch page and a WeChat that it leads to."""
    wechat = site.url("127.0.0.1", "/cgi-bin/componentloginpage?a=1&b=%40%40")
    site.routes = {
        "GET /authorize/s": lambda: html_answer(launch_page(context(), FakeSession()), nonce=NONCE),
        "POST /authorize/s": lambda: html_answer(onward_page(context(), wechat), nonce=NONCE),
        "GET /cgi-bin/componentloginpage": lambda: html_answer("<h1>WeChat</h1>", nonce="x"),
    }


def referer_at_wechat(site: Site) -> str | None:
    """Return the Referer that WeChat was shown."""
    return next(referer for _, path, referer in site.seen if path.startswith("/cgi-bin"))


def test_the_button_leads_to_wechat_with_our_origin_as_referer(site: Site, browser: Tab) -> None:
    """GET mints nothing; the button posts; the next page goes on by itself and says who we are."""
    launch_and_wechat(site)
    browser.show(site.url("localhost", "/authorize/s"))
    assert [seen[:2] for seen in site.seen if seen[1] != "/favicon.ico"] == [
        ("GET", "/authorize/s")
    ]
    browser.click("button")
    browser.wait_for("location.hostname === '127.0.0.1' && document.querySelector('h1')")
    assert referer_at_wechat(site) == site.url("localhost", "/")
    assert ("POST", "/authorize/s") in [seen[:2] for seen in site.seen]
    assert not [text for text in browser.complaints() if "Security Policy" in text]


def test_the_link_works_without_scripts(site: Site, browser: Tab) -> None:
    """Where no script runs, the link is pressed, and the Referer is the same."""
    launch_and_wechat(site)
    site.routes["GET /onward"] = site.routes["POST /authorize/s"]
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.show(site.url("localhost", "/onward"))
        browser.click("#onward")
        browser.wait_for("location.hostname === '127.0.0.1'")
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    assert referer_at_wechat(site) == site.url("localhost", "/")


def test_a_waiting_page_becomes_a_done_page(site: Site, browser: Tab) -> None:
    """The page looks again by itself, and stops when there is nothing more to wait for."""
    outcomes = [FakeOutcome(), FakeOutcome("confirmed"), FakeOutcome("done", ("wx" + "0" * 16,))]

    def result() -> Answer:
        outcome = outcomes[0] if len(outcomes) == 1 else outcomes.pop(0)
        return html_answer(result_page(context("en"), FakeSession(), outcome), nonce=NONCE)

    site.routes = {"GET /authorized/s/result": result}
    browser.show(site.url("localhost", "/authorized/s/result"))
    browser.wait_for("document.querySelector('h1').textContent === 'Your account is connected'")
    asked = [path for _, path, _ in site.seen if path == "/authorized/s/result"]
    assert len(asked) == 3
    assert not [text for text in browser.complaints() if "Security Policy" in text]


LONG_SESSION = FakeSession(
    tenant_name=LONG, category_id_list=(*range(1, 60), 99_999), biz_appid="wx" + "0" * 16
)
PAGES: dict[str, Callable[[PageContext], str]] = {
    "launch": lambda page: launch_page(page, LONG_SESSION),
    "register": lambda page: launch_page(
        page, replace(LONG_SESSION, registration="reuse", copy_wx_verify=True)
    ),
    "not registered": lambda page: result_page(
        page,
        replace(LONG_SESSION, registration="reuse", outcome_status=61055),
        FakeOutcome("failed"),
    ),
    "onward": lambda page: onward_page(page, "https://mp.weixin.qq.com/x").replace(
        "location.replace", "void "
    ),
    "done": lambda page: result_page(
        page,
        LONG_SESSION,
        FakeOutcome("done", ("wx" + "0" * 16,)),
        names={"wx" + "0" * 16: LONG},
    ),
    "error": lambda page: error_page(page, errors.WeChatUnknownError(LONG, path="/x")).replace(
        "<details>", "<details open>"
    ),
}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_sticks_out_and_fingers_fit(
    site: Site, browser: Tab, name: str, width: int, language: str
) -> None:
    """No page scrolls sideways, however long the names; what is pressed is 44 pixels high."""
    page = PAGES[name](context(language))
    site.routes = {"GET /page": lambda: html_answer(page, nonce=NONCE)}
    browser.size(width, 800)
    browser.show(site.url("localhost", "/page"))
    assert browser.run("document.documentElement.scrollWidth") <= width
    heights = browser.run(
        "[...document.querySelectorAll('button, a')].map(e => e.getBoundingClientRect().height)"
    )
    assert all(height >= 44 for height in heights)
    assert browser.run("document.fonts.size") == 0
    assert not [text for text in browser.complaints() if "Security Policy" in text]
