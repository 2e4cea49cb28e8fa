"""No page breaks its own Content-Security-Policy, and the policy does stop what is not ours."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import Tab, find_chromium
from tests.unit.doors.kit import Doors
from tests.unit.doors.test_every_page import ALL_ERRORS, PAGES, failing
from wxvault.runtime.http_answers import html_answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.browser.site import Site
    from wxvault.runtime.http_answers import Answer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no chromium on this machine"),
]

# Set up before any script or policy of the page: it hears of every violation.
LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation",
  (event) => window.violations.push(event.violatedDirective));
"""


@pytest.fixture
def listening(browser: Tab) -> Iterator[Tab]:
    """Return a browser that notes in each page what its policy was violated by."""
    script = browser.call("Page.addScriptToEvaluateOnNewDocument", source=LISTEN)
    yield browser
    browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script["identifier"])


def violations(site: Site, browser: Tab, answer: Answer) -> set[str]:
    """Return which directives a page violates when it is looked at."""
    site.routes = {"GET /page": lambda: answer}
    browser.show(site.url("localhost", "/page"))
    # Whatever is still to be applied is applied by the next frame.
    browser.wait_for("document.fonts.status === 'loaded'")
    return set(browser.run("window.violations"))


def still(answer: Answer) -> Answer:
    """Return a page that stays where it is: what leads on is taken out of its script."""
    body = answer["body"].replace("location.replace(", "void (").replace("location.reload(", "(")
    return {**answer, "body": body}


def test_no_page_violates_its_policy(site: Site, listening: Tab) -> None:
    """Every page of every status, and every error's, shown once: nothing is reported."""
    come: dict[str, Callable[[], Answer]] = {
        kind.__name__: partial(failing, kind) for kind in ALL_ERRORS
    }
    for name, (_, how) in PAGES.items():
        come[name] = partial(how, Doors())
    for name, answer in come.items():
        assert violations(site, listening, still(answer())) == set(), name
        assert not [text for text in listening.complaints() if "Security Policy" in text], name


@pytest.mark.parametrize(
    ("markup", "directive"),
    [
        ("<script>window.ran = 1</script>", "script-src-elem"),
        ("<script nonce='other'>window.ran = 1</script>", "script-src-elem"),
        ("<script src='/evil.js'></script>", "script-src-elem"),
        ("<p onclick='1' id='x'>x</p>", ""),
        ("<style>p { color: red }</style>", "style-src-elem"),
        ("<p style='color: red'>x</p>", "style-src-attr"),
        ("<img src='/evil.png'>", "img-src"),
        ("<iframe src='/evil'></iframe>", "frame-src"),
        ("<base href='https://evil.example/'>", "base-uri"),
    ],
)
def test_the_policy_stops_what_is_not_ours(
    site: Site, listening: Tab, markup: str, directive: str
) -> None:
    """Should markup ever get in, it neither runs nor loads, and the browser says so."""
    found = violations(site, listening, html_answer(f"<h1>x</h1>{markup}", nonce="ours"))
    if directive:
        assert directive in found
    else:
        listening.run("document.getElementById('x').click()")
        assert "script-src-attr" in set(listening.run("window.violations"))
    assert listening.run("window.ran") is None
    assert ("GET", "/evil") not in [(method, path[:5]) for method, path, _ in site.seen]


@pytest.mark.parametrize("what", ["page", "json"])
def test_nobody_frames_an_answer(site: Site, browser: Tab, what: str) -> None:
    """Another host's page cannot put one of ours into a frame, be it a page or not."""
    ours = html_answer("<h1>ours</h1>", nonce="x") if what == "page" else json_answer({"a": "b"})
    framing = html_answer(
        f"<iframe src='{site.url('localhost', '/ours')}' onload='window.loaded = 1'></iframe>",
        nonce="x",
    )
    del framing["headers"]["content-security-policy"]
    site.routes = {"GET /ours": lambda: ours, "GET /evil": lambda: framing}
    browser.show(site.url("127.0.0.1", "/evil"))
    browser.wait_for("window.loaded === 1")
    assert [text for text in browser.complaints() if "frame-ancestors" in text]
