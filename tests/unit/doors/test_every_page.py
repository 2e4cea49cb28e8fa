"""Every page that the functions can answer, whatever its status, and every answer that is none."""

from __future__ import annotations

import inspect
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.house import MERCHANT
from tests.unit.doors.kit import RETURN_URL, Doors, onward
from tests.unit.services.kit import asked, later, refuse, with_component
from wxvault import errors
from wxvault.runtime.http_answers import error_answer, json_answer, status_of, wechat_answer
from wxvault.services.return_urls import with_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from wxvault.runtime.http_answers import Answer

CODE = "queryauthcode@@@" + "C" * 40
# Where a page may lead, beside its own address in the other language.
WECHAT = ("https://mp.weixin.qq.com/", "https://open.weixin.qq.com/")


# --- how each page comes about -------------------------------------------------------------------


def session_of(doors: Doors, **request: Any) -> str:
    """Return a session's id."""
    return doors.house.onboarding.create("tenant", request).session_id


def confirmed(doors: Doors, **request: Any) -> str:
    """Return a session whose merchant has come back; nobody has worked on the code yet."""
    session_id = session_of(doors, **request)
    doors.button(session_id)
    doors.land(session_id, doors.house.wechat.confirm(MERCHANT))
    return session_id


def done(doors: Doors, **request: Any) -> str:
    """Return a session that has brought its merchant."""
    session_id = confirmed(doors, **request)
    doors.house.work()
    return session_id


def expired(doors: Doors) -> str:
    """Return a session that nobody used."""
    session_id = session_of(doors, ttl=900)
    later(doors.house, 901)
    return session_id


def full(doors: Doors) -> str:
    """Return a session whose landing has been shown sixty codes."""
    session_id = session_of(doors)
    for number in range(60):
        doors.land(session_id, f"queryauthcode@@@{number:040d}")
    return session_id


def too_fast(doors: Doors) -> Answer:
    """Press the button twice."""
    session_id = session_of(doors)
    doors.button(session_id)
    return doors.button(session_id)


def refused(doors: Doors, fault: int | str) -> Answer:
    """Press the button while WeChat refuses."""
    session_id = session_of(doors)
    refuse(doors.house, "pre_auth_code", fault)
    return doors.button(session_id)


# Status of each page, and how it comes about.
PAGES: dict[str, tuple[int, Callable[[Doors], Answer]]] = {
    "launch": (200, lambda d: d.launch_page(session_of(d))),
    "launch with all options": (
        200,
        lambda d: d.launch_page(
            session_of(d, biz_appid=MERCHANT, category_id_list=[1, 99999], tenant_name="<b>x</b>")
        ),
    ),
    "launch in the other language": (200, lambda d: d.launch_page(session_of(d), query="lang=en")),
    "launch with a wild language": (
        200,
        lambda d: d.launch_page(session_of(d), query="lang=%22%3E%3Cscript%3E"),
    ),
    "onward": (200, lambda d: d.button(session_of(d))),
    "onward on a phone": (200, lambda d: d.button(session_of(d, style="h5"))),
    "waiting": (200, lambda d: d.result(session_of(d))),
    "confirmed": (200, lambda d: d.result(confirmed(d))),
    "done": (200, lambda d: d.result(done(d))),
    "expired": (200, lambda d: d.result(expired(d))),
    "failed": (200, lambda d: d.result(session_of(d), {"failed": ""})),
    "unknown session": (404, lambda d: d.launch_page("A" * 43)),
    "unknown session, its button": (404, lambda d: d.button("A" * 43)),
    "unknown session, landed": (404, lambda d: d.land("A" * 43, CODE)),
    "unknown session, its result": (404, lambda d: d.result("A" * 43)),
    "no session at all": (404, lambda d: d.launch_page("<script>alert(1)</script>")),
    "expired session": (410, lambda d: d.launch_page(expired(d))),
    "expired session, its button": (410, lambda d: d.button(expired(d))),
    "landed without a code": (400, lambda d: d.land(session_of(d), None)),
    "landed with no code": (400, lambda d: d.land(session_of(d), "<script>alert(1)</script>")),
    "landed once too often": (429, lambda d: d.land(full(d), CODE)),
    "button twice": (429, too_fast),
    "button with a large body": (413, lambda d: d.button(session_of(d), body="x" * 2000)),
    "button with a broken body": (
        400,
        lambda d: d.button(session_of(d), body="*", isBase64Encoded=True),
    ),
    "refused by WeChat": (502, lambda d: refused(d, 45009)),
    "no answer from WeChat": (504, lambda d: refused(d, "silent_after")),
}
ALL_ERRORS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.WxvaultError)
]


class Failing:
    """An onboarding whose every answer is one error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def open_session(self, _session_id: str) -> None:
        """Fail."""
        raise self.error


def failing(kind: type[BaseException]) -> Answer:
    """Return the page for an error that something deep inside raises."""
    error: Any = kind.__new__(kind)
    if issubclass(kind, errors.WxvaultError):
        errors.WxvaultError.__init__(error, "</dd><script>alert(1)</script>", wechat_errcode=61004)
    else:
        error.args = ("</dd><script>alert(1)</script>",)
    return Doors(onboarding=Failing(error)).launch_page("A" * 43)


# --- what holds for every page -------------------------------------------------------------------


class Elements(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.found.append((tag, dict(attrs)))


def assert_strict(answer: Answer) -> str:
    """A page that runs and shows only what is its own, and that nobody keeps or frames; its nonce.

    The policy is compared as a whole: a source more is a hole.
    """
    headers = answer["headers"]
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "origin", "WeChat's check wants the origin, and no more"
    policy = headers["content-security-policy"]
    found = re.search(r"script-src 'nonce-([A-Za-z0-9_-]{22,})'", policy)
    assert found is not None
    nonce = found[1]
    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src 'nonce-{nonce}'",
        f"script-src 'nonce-{nonce}'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    for tag, attributes in Elements(answer["body"]).found:
        if tag in {"script", "style"}:
            assert attributes.get("nonce") == nonce
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "audio", "video"}
        assert not {"src", "srcset", "style", "background", "data", "ping"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
        leads_to = attributes.get("href") or attributes.get("action") or ""
        assert leads_to == "" or leads_to.startswith(("?lang=", *WECHAT)), leads_to
        assert attributes.get("http-equiv") is None or (attributes["content"] or "").isdigit()
    assert "<script>alert" not in answer["body"]
    assert "url(" not in answer["body"]
    assert "@import" not in answer["body"]
    return nonce


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_strict(name: str) -> None:
    """Status by status, with nothing inline that has no nonce and nothing from elsewhere."""
    status, come = PAGES[name]
    answer = come(Doors())
    assert answer["statusCode"] == status
    assert_strict(answer)


@pytest.mark.parametrize("kind", [*ALL_ERRORS, RuntimeError, KeyError, RecursionError])
def test_every_error_has_a_strict_page(kind: type[BaseException]) -> None:
    """Whatever is raised below, expected or not: its page is as strict as every other."""
    answer = failing(kind)
    wanted = status_of(kind.__new__(kind)) if issubclass(kind, errors.WxvaultError) else 500
    assert answer["statusCode"] == wanted
    assert_strict(answer)


def test_every_answer_has_a_nonce_of_its_own() -> None:
    """No two pages share one: what was seen in a page cannot be used in the next."""
    doors = Doors()
    session_id = session_of(doors)
    nonces = [assert_strict(doors.launch_page(session_id)) for _ in range(50)]
    nonces += [assert_strict(doors.result(session_id)) for _ in range(50)]
    assert len(set(nonces)) == 100


@pytest.mark.parametrize("what", ["json", "error", "unexpected", "success", "landed", "back"])
def test_what_is_no_page_is_none_for_a_browser_either(what: str) -> None:
    """It loads nothing, cannot be framed, sniffed or kept, and sends no path as Referer."""
    doors = Doors()
    answers: dict[str, Callable[[], Answer]] = {
        "json": lambda: json_answer({"html": "<script>alert(1)</script>"}),
        "error": lambda: error_answer(errors.UnknownSessionError("x"), "r"),
        "unexpected": lambda: error_answer(RuntimeError("x"), "r"),
        "success": wechat_answer,
        "landed": lambda: doors.land(session_of(doors), CODE),
        "back": lambda: doors.result(done(doors, return_url=RETURN_URL)),
    }
    answer = answers[what]()
    headers = answer["headers"]
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] in {"no-referrer", "origin"}
    assert "text/html" not in headers.get("content-type", "")
    assert ("location" in headers) == (what in {"landed", "back"})


# --- where a browser is sent ---------------------------------------------------------------------


@pytest.mark.parametrize("style", ["auto", "pc", "h5", "h5_old"])
def test_the_button_leads_to_wechat_only(style: str) -> None:
    """Whatever was asked for, the link leads to one of WeChat's two hosts."""
    doors = Doors()
    target = onward(doors.button(session_of(doors, style=style, state="https://evil.example/")))
    assert target.startswith(WECHAT)


def test_the_landing_leads_to_its_own_result() -> None:
    """The code is gone from the address; the path is ours, on this host."""
    doors = Doors()
    session_id = session_of(doors)
    answer = doors.land(session_id, CODE)
    assert answer["statusCode"] == 303
    assert answer["headers"]["location"] == f"/authorized/{session_id}/result"


def test_a_return_url_leads_back_with_what_became_of_it() -> None:
    """Inside the allowed addresses, with status, accounts and state."""
    doors = Doors()
    answer = doors.result(done(doors, return_url=RETURN_URL, state="7"))
    told = {"status": "done", "authorizer_appid": MERCHANT, "state": "7"}
    assert answer["headers"]["location"] == with_parameters(RETURN_URL, told)


@pytest.mark.parametrize(
    "planted",
    [
        "https://evil.example/",
        "//evil.example/",
        "javascript:alert(1)",
        "https://shop.example.com/backdoor",
        "https://shop.example.com@evil.example/back",
        "https://shop.example.com\\@evil.example/back",
        "https://shop.example.com/back\r\nSet-Cookie: a=b",
        "",
    ],
)
def test_the_table_is_not_believed(planted: str) -> None:
    """A return URL that was put into the table by hand leads nowhere: the result is shown here."""
    doors = Doors()
    session_id = done(doors, return_url=RETURN_URL)
    for item in doors.house.table.items.values():  # type: ignore[attr-defined]
        if "return_url" in item:
            item["return_url"] = planted
    answer = doors.result(session_id)
    assert answer["statusCode"] == 200
    assert "location" not in answer["headers"]
    assert "Your account is connected" in answer["body"]
    assert_strict(answer)


def test_a_return_url_that_is_allowed_no_more_is_not_followed() -> None:
    """ReturnUrls has changed since the session was made: the result is shown here."""
    house = with_component()
    session_id = done(Doors(house), return_url=RETURN_URL)
    answer = Doors(house, return_urls=("https://other.example/",)).result(session_id)
    assert answer["statusCode"] == 200
    assert_strict(answer)
    assert asked(house).count("query_auth") == 1
