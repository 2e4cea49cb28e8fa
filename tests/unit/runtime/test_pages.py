"""The pages merchants see: escaped, bilingual, self-contained, and readable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from wxvault import errors
from wxvault.runtime.pages import (
    PageContext,
    error_page,
    launch_page,
    onward_page,
    result_page,
)
from wxvault.runtime.pages.context import Language, preferred_language
from wxvault.runtime.pages.markup import element, join
from wxvault.runtime.pages.style import STYLE

if TYPE_CHECKING:
    from collections.abc import Callable

APPID = "wxf8b4f85f3a794e77"
EVIL = "\"><script>alert('x')</script><img src=x onerror=alert(1)>&amp;\u202egnp.exe"
STATUSES = ("waiting", "confirmed", "done", "expired", "failed")
WECHAT_URL = (
    "https://mp.weixin.qq.com/cgi-bin/componentloginpage?component_appid=wx01&"
    "pre_auth_code=preauthcode%40%40%40x&redirect_uri=https%3A%2F%2Fa.example%2Fauthorized%2Fs"
)


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


def context(language: str = "en", **more: str) -> PageContext:
    """Return a page's context."""
    return PageContext(
        nonce="Tm9uY2U",
        accept_language="",
        component_appid="wx0123456789abcdef",
        chosen_language=language,
        **more,
    )


type Page = Callable[[PageContext, FakeSession], str]

PAGES: dict[str, Page] = {
    "launch": launch_page,
    "onward": lambda page, _: onward_page(page, WECHAT_URL),
    "error": lambda page, s: error_page(page, errors.InvalidRequestError("x", s.tenant_id)),
    "unexpected": lambda page, s: error_page(page, RuntimeError(s.tenant_id)),
}
for _status in STATUSES:
    PAGES[_status] = lambda page, s, status=_status: result_page(  # type: ignore[misc]
        page, s, FakeOutcome(status, (APPID, s.tenant_id)), names={APPID: s.tenant_id}
    )


class Outline(HTMLParser):
    """Reads a page: its elements, attributes and text; complains about what is not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "path"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect text that is shown."""
        if not self._open or self._open[-1] not in {"style", "script"}:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_sound(name: str, language: str) -> None:
    """One h1, a title, a language, a viewport, everything closed, every script with the nonce."""
    outline = Outline(PAGES[name](context(language), FakeSession()))
    assert outline.all("html") == [{"lang": {"zh": "zh-Hans", "en": "en"}[language]}]
    assert len(outline.all("h1")) == len(outline.all("title")) == len(outline.all("main")) == 1
    assert any(meta.get("name") == "viewport" for meta in outline.all("meta"))
    for tag in ("script", "style"):
        assert all(found.get("nonce") == "Tm9uY2U" for found in outline.all(tag))
    for _, attributes in outline.elements:
        assert "style" not in attributes, "the policy forbids style attributes"
        assert not any(key.startswith("on") for key in attributes), "and event handlers"


@pytest.mark.parametrize("name", PAGES)
def test_no_page_loads_anything(name: str) -> None:
    """No image, font, frame, sheet or script comes from anywhere, not even from us."""
    html = PAGES[name](context(), FakeSession())
    outline = Outline(html)
    loading = {"img", "link", "iframe", "object", "embed", "audio", "video", "source", "base"}
    assert loading.isdisjoint(tag for tag, _ in outline.elements)
    assert not any("src" in attributes for _, attributes in outline.elements)
    assert "@import" not in html
    assert "url(" not in html
    leads_to = {a["href"] for a in outline.all("a")}
    assert leads_to <= {"?lang=zh", WECHAT_URL}


@pytest.mark.parametrize("name", PAGES)
def test_whatever_comes_from_outside_is_text(name: str) -> None:
    """Names and messages cannot become elements, attributes, or turn the text around."""
    session = FakeSession(tenant_id=EVIL, tenant_name=EVIL)
    html = PAGES[name](context(platform_name=EVIL, request_id=EVIL), session)
    outline = Outline(html)
    assert "img" not in {tag for tag, _ in outline.elements}
    assert len(outline.all("script")) == (name in {"onward", "waiting", "confirmed"})
    assert "\u202e" not in html
    if name not in {"onward", "unexpected"}:
        assert "<script>alert('x')</script>" in outline.text, "shown as it was written"


def test_the_launch_page_says_what_will_be_asked() -> None:
    """Platform, merchant, kind of account, permissions by name, end: and one button that POSTs."""
    session = FakeSession(category_id_list=(1, 4, 99_999))
    outline = Outline(launch_page(context("zh", platform_name="示例平台"), session))
    assert outline.all("form") == [{"method": "post", "action": "?lang=zh"}]
    assert len(outline.all("button")) == 1
    for text in ("示例平台", "wx0123456789abcdef", "城南书店", "公众号、小程序", "消息管理"):
        assert text in outline.text
    assert "权限集 99999" in outline.text
    assert "2026-11-21 00:00（北京时间）" in outline.text
    english = Outline(launch_page(context(), session)).text
    for text in ("Official accounts and mini programs", "Messages", "Permission set 99999"):
        assert text in english


def test_one_account_wins_over_the_kind() -> None:
    """As with WeChat: who names an account need not read of kinds; no name, then the id."""
    session = FakeSession(biz_appid=APPID, tenant_name=None)
    text = Outline(launch_page(context(), session)).text
    assert APPID in text
    assert "Official accounts and" not in text
    assert "tenant-42" in text


@pytest.mark.parametrize("auth_type", [1, 2, 3, 4, 5, 6, 8, 77])
def test_every_kind_of_account_has_words(auth_type: int) -> None:
    """A kind that is new has its number."""
    text = Outline(launch_page(context(), FakeSession(auth_type=auth_type))).text
    assert "Kind of account" in text
    assert ("Kind 77" in text) == (auth_type == 77)


def test_the_onward_page_leads_on_with_a_real_link() -> None:
    """A link that sends a Referer, with the URL as it is, and a script that follows it."""
    outline = Outline(onward_page(context(), WECHAT_URL))
    [link] = outline.all("a")
    assert link["href"] == WECHAT_URL
    assert link["id"] == "onward"
    assert "rel" not in link
    assert "target" not in link
    assert len(outline.all("script")) == 1


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//x", ""])
def test_the_onward_page_leads_nowhere_else(url: str) -> None:
    """Only web addresses are linked to."""
    with pytest.raises(errors.ConfigurationError):
        onward_page(context(), url)


@pytest.mark.parametrize("status", STATUSES)
def test_a_result_page_moves_only_while_something_is_under_way(status: str) -> None:
    """Waiting and confirmed reload, with and without a script; the rest stands still."""
    html = result_page(context(), FakeSession(), FakeOutcome(status))
    moves = status in {"waiting", "confirmed"}
    assert ("http-equiv" in html) == moves
    assert ("<script" in html) == moves
    assert 'role="status"' in html


def test_a_done_page_names_the_accounts() -> None:
    """By name where it is known, and always by appid."""
    outcome = FakeOutcome("done", (APPID, "wx" + "0" * 16))
    text = Outline(
        result_page(context(), FakeSession(), outcome, names={APPID: "城南书店服务号"})
    ).text
    assert "城南书店服务号" in text
    assert APPID in text
    assert "wx" + "0" * 16 in text


def test_an_error_page_tells_both_who_read_it() -> None:
    """Plain words for the merchant; code, remedy and request id for the platform."""
    error = errors.WeChatRefusedError(
        "POST /x: WeChat answered 61004", path="/x", wechat_errcode=61004, remedy="Add 203.0.113.7"
    )
    text = Outline(error_page(context(request_id="req-1"), error)).text
    for part in ("WeChat did not accept", "wechat_refused", "61004", "Add 203.0.113.7", "req-1"):
        assert part in text


def test_an_unexpected_error_shows_nothing_of_itself() -> None:
    """Its text may be anything."""
    html = error_page(context(request_id="req-1"), KeyError("ticket@@@secret"))
    assert "secret" not in html
    assert "req-1" in html


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", Language.CHINESE),
        ("zh-CN,zh;q=0.9,en;q=0.8", Language.CHINESE),
        ("en-US,en;q=0.9", Language.ENGLISH),
        ("fr-FR,en;q=0.5", Language.ENGLISH),
        ("en;q=0.3, zh-TW;q=0.9", Language.CHINESE),
        ("fr", Language.CHINESE),
        ("en;q=0", Language.CHINESE),
        ("*", Language.CHINESE),
        (";;;=,en;q=abc,,", Language.CHINESE),
        ("x" * 100_000 + ",en", Language.CHINESE),
    ],
    ids=range(10),
)
def test_the_language_is_the_browsers(header: str, language: Language) -> None:
    """English for who prefers it, Chinese for everybody else."""
    assert preferred_language(header) is language


def test_the_switch_wins_over_the_browser() -> None:
    """What was chosen on the page counts; what nobody offers does not."""

    def language(chosen: str) -> Language:
        return PageContext(
            nonce="n", accept_language="en", component_appid="wx", chosen_language=chosen
        ).language

    assert language("zh") is Language.CHINESE
    assert language("en") is Language.ENGLISH
    assert language("xx") is Language.ENGLISH


def test_elements_escape_text_and_attributes() -> None:
    """Markup is what elements make; a text is a text wherever it stands."""
    html = element("p", "<b>", None, element("i", "&"), title='"x"', hidden=None, aria_label="a")
    assert html == '<p title="&quot;x&quot;" aria-label="a">&lt;b&gt;<i>&amp;</i></p>'
    assert join("a\x00\x1b[b", element("path", d="M0")) == 'a[b<path d="M0">'


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG defines it."""
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"),
    [
        ("ink", "card", 7),
        ("ink", "ground", 7),
        ("soft", "card", 4.5),
        ("soft", "ground", 4.5),
        ("on-accent", "accent", 4.5),
        ("on-accent", "accent-down", 4.5),
        ("accent", "card", 4.5),
        ("accent", "wash", 4.5),
        ("bad", "bad-wash", 4.5),
        ("ring", "card", 3),
        ("ring", "ground", 3),
    ],
)
def test_colours_can_be_read(scheme: str, front: str, back: str, least: float) -> None:
    """The contrasts of both colour schemes, by WCAG's formula."""
    light, _, dark = STYLE.partition("prefers-color-scheme: dark")
    found = re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", light if scheme == "light" else dark)
    colours = {name: luminance(value) for name, value in found}
    high, low = sorted((colours[front], colours[back]), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= least
