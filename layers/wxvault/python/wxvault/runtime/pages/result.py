"""What a merchant sees after WeChat: still waiting, confirmed, done, too late, failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from wxvault.runtime.pages.context import Words, both
from wxvault.runtime.pages.layout import Look, code, document, facts, name
from wxvault.runtime.pages.markup import Html, element

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wxvault.runtime.pages.context import PageContext

# Looks again after two seconds, then ever more seldom up to half a minute, and not at all while
# nobody looks at the page. Without a script the browser reloads at a steady pace.
_RELOAD_SCRIPT: Final = """
(function () {
  var seen = 0;
  try {
    seen = Number(sessionStorage.getItem("wxvault-looks")) || 0;
    sessionStorage.setItem("wxvault-looks", String(seen + 1));
  } catch (error) { seen = 3; }
  function look() {
    if (document.hidden) document.addEventListener("visibilitychange", look, { once: true });
    else location.reload();
  }
  setTimeout(look, Math.min(2000 * Math.pow(1.2, seen), 30000));
})();
"""
_MOVING: Final = Look("wait", script=_RELOAD_SCRIPT, refresh_seconds=5)


class Outcome(Protocol):
    """What became of a session."""

    @property
    def status(self) -> str:
        """One of waiting, confirmed, done, expired and failed."""

    @property
    def authorizers(self) -> Sequence[str]:
        """The appids of the accounts that have authorised."""


class Asked(Protocol):
    """What the page needs of an authorisation session."""

    @property
    def tenant_id(self) -> str:
        """The tenant's id, shown when it has no name."""

    @property
    def tenant_name(self) -> str | None:
        """The tenant's name."""


@dataclass(frozen=True, slots=True)
class _View:
    """How one status looks."""

    heading: Words
    lead: Words
    look: Look
    moves: bool = False


_TITLE = both("授权结果", "Authorisation")
_TENANT = both("商户", "Merchant")
_ACCOUNTS = both("已授权的帐号", "Authorised accounts")

_VIEWS: Final = {
    "waiting": _View(
        both("等待你在微信中确认", "Waiting for you to confirm in WeChat"),
        both(
            "在微信中确认授权后，本页面会自动更新。",
            "This page follows by itself once you have confirmed in WeChat.",
        ),
        _MOVING,
        moves=True,
    ),
    "confirmed": _View(
        both("已确认，正在完成接入", "Confirmed, finishing up"),
        both(
            "通常只需几秒，本页面会自动更新。",
            "This usually takes a few seconds; the page follows by itself.",
        ),
        _MOVING,
        moves=True,
    ),
    "done": _View(
        both("授权成功", "Your account is connected"),
        both("接入已完成，你可以关闭本页面。", "All is done. You can close this page."),
        Look("done", "good"),
    ),
    "expired": _View(
        both("授权链接已过期", "This link has expired"),
        both(
            "你的帐号没有任何变化。请联系平台获取新的授权链接。",
            "Nothing has changed for your account. Ask the platform for a new link.",
        ),
        Look("late", "bad"),
    ),
    "failed": _View(
        both("授权没有完成", "The authorisation was not completed"),
        both(
            "请从授权链接重新开始一次；如仍失败，请联系平台。",
            "Please start again from your link. If it fails again, tell the platform.",
        ),
        Look("stop", "bad"),
    ),
}


def result_page(
    page: PageContext,
    session: Asked,
    outcome: Outcome,
    *,
    names: Mapping[str, str] | None = None,
) -> str:
    """Return the page after WeChat's redirect; while something is under way it reloads itself.

    ``names`` are the accounts' names by appid, as far as they are known.
    """
    view = _VIEWS.get(outcome.status, _VIEWS["waiting"])
    return document(
        page,
        f"{page.say(view.heading)} · {page.say(_TITLE)}",
        element(
            "div",
            element("h1", page.say(view.heading)),
            element("p", page.say(view.lead), class_="lead"),
            role="status",
        ),
        _dots() if view.moves else None,
        _accounts(page, outcome.authorizers, names or {}),
        facts((page.say(_TENANT), name(session.tenant_name or session.tenant_id))),
        look=view.look,
    )


def _dots() -> Html:
    return element("div", *(element("span") for _ in range(3)), class_="dots", aria_hidden="true")


def _accounts(page: PageContext, appids: Sequence[str], names: Mapping[str, str]) -> Html | None:
    if not appids:
        return None
    items = (
        element("li", name(names[appid]), element("code", appid, class_="sub"))
        if names.get(appid)
        else element("li", code(appid))
        for appid in appids
    )
    return element(
        "section",
        element("h2", page.say(_ACCOUNTS)),
        element("ul", *items, class_="accounts"),
    )
