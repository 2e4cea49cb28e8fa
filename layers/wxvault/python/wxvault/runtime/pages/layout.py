"""The frame of every page: head, style, card, switch of language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wxvault.runtime.pages.context import Language, both
from wxvault.runtime.pages.markup import Child, Html, element, join
from wxvault.runtime.pages.style import STYLE

if TYPE_CHECKING:
    from wxvault.runtime.pages.context import PageContext

_OTHER = {
    Language.CHINESE: ("en", "en", "English"),
    Language.ENGLISH: ("zh", "zh-Hans", "中文"),
}
_BRAND = both("微信授权接入", "WeChat authorisation")
_PLATFORM = both("第三方平台", "Platform")
_SWITCH = both("语言", "Language")

# Drawn here so that nothing is loaded: a ring in the colours of the page with a sign in it.
_SIGNS: Final = {
    "key": "M15 3a6 6 0 1 1-2.500 11.450L11 16H9v2H7v2H3v-4l6.550-6.550A6 6 0 0 1 15 3z"
    "m1.500 3a1.500 1.500 0 1 0 0 3 1.500 1.500 0 0 0 0-3z",
    "wait": "M6 3h12v2.2c0 2.5-1.6 4.6-3.8 5.8v2c2.2 1.2 3.8 3.3 3.8 5.8V21H6v-2.2c0-2.5 1.6-4.6 "
    "3.8-5.8v-2C7.600 9.800 6 7.700 6 5.200z",
    "done": "M9.600 18.400 3.700 12.500l2.100-2.100 3.800 3.800 8.600-8.600 2.100 2.100z",
    "late": "M12 2a10 10 0 1 1 0 20 10 10 0 0 1 0-20z"
    "m-1.200 4v6.700l4.700 2.800 1.200-2-3.500-2.100V6z",
    "stop": "M12 2 1.500 21h21zm-1.300 7h2.600v6h-2.600zm0 7.500h2.600V19h-2.600z",
}


@dataclass(frozen=True, slots=True)
class Look:
    """How a page looks and moves.

    ``tone`` colours the sign: calm, good, bad. ``script`` is our own code, never a value;
    ``refresh_seconds`` is for browsers that run none.
    """

    sign: str = "key"
    tone: str = "calm"
    script: str | None = None
    refresh_seconds: int | None = None
    switch: bool = True
    """Whether the page can be had in the other language at its own address."""


_USUAL: Final = Look()


def document(page: PageContext, title: str, *content: Child, look: Look = _USUAL) -> str:
    """Return a whole document around ``content``, which begins with its ``h1``."""
    return "<!doctype html>\n" + element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="color-scheme", content="light dark"),
            element("meta", name="robots", content="noindex, nofollow"),
            _refresh(look.refresh_seconds),
            element("title", title),
            element("style", Html(STYLE), nonce=page.nonce),
        ),
        element(
            "body",
            element(
                "div",
                _header(page, look),
                element("main", _sign(look), *content, class_="card"),
                _footer(page),
                class_="page",
            ),
            None if look.script is None else element("script", Html(look.script), nonce=page.nonce),
        ),
        lang=page.language.value,
    )


def facts(*rows: tuple[str, Child]) -> Html:
    """Return a list of facts: what, and its value."""
    return element(
        "dl",
        *(element("div", element("dt", name), element("dd", value)) for name, value in rows),
        class_="facts",
    )


def code(text: str) -> Html:
    """Return an id in type that tells l from I."""
    return element("code", text)


def name(text: str) -> Html:
    """Return a name from outside, isolated from the direction of what surrounds it."""
    return element("bdi", text)


def _header(page: PageContext, look: Look) -> Html:
    query, tag, word = _OTHER[page.language]
    return element(
        "header",
        element("p", name(page.platform_name or page.say(_BRAND)), class_="brand"),
        element(
            "nav",
            element("a", word, href=f"?lang={query}", lang=tag, hreflang=tag),
            aria_label=page.say(_SWITCH),
        )
        if look.switch
        else None,
    )


def _footer(page: PageContext) -> Html:
    return element(
        "footer", join(page.say(_PLATFORM), " · "), code(page.component_appid), class_="small"
    )


def _refresh(seconds: int | None) -> Html | None:
    if seconds is None:
        return None
    return element("noscript", element("meta", http_equiv="refresh", content=str(seconds)))


def _sign(look: Look) -> Html:
    return element(
        "div",
        element(
            "svg",
            element("path", d=_SIGNS[look.sign], fill="currentColor", fill_rule="evenodd"),
            viewBox="0 0 24 24",
            width="28",
            height="28",
            aria_hidden="true",
        ),
        class_=f"sign {look.tone}",
    )
