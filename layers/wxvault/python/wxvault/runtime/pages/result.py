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

    @property
    def registration(self) -> str | None:
        """Which kind of mini program was to be registered; None: an account was authorised."""

    @property
    def outcome_status(self) -> int | None:
        """What WeChat said when it did not register it."""

    @property
    def outcome_reason(self) -> str | None:
        """Why it was not registered, where WeChat was not the reason."""


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


_REGISTERED_TITLE = both("注册结果", "Registration")
_REGISTERED_ACCOUNTS = both("新的小程序", "New mini program")
# WeChat says this of a used ticket too, and was seen to say it of one that it had just honoured.
_TICKET_INVALID: Final = 61058
_REASON = both("微信返回码", "WeChat's return code")

_REGISTERED_VIEWS: Final = {
    "waiting": _View(
        both("等待你在微信中确认", "Waiting for you to confirm in WeChat"),
        both(
            "公众号管理员在微信中确认后，本页面会自动更新。",
            "This page follows by itself once the administrator has confirmed in WeChat.",
        ),
        _MOVING,
        moves=True,
    ),
    "confirmed": _View(
        both("已确认，正在注册小程序", "Confirmed, registering the mini program"),
        both(
            "通常只需几秒，本页面会自动更新。请勿重复操作。",
            "This usually takes a few seconds; the page follows by itself. Do not start again.",
        ),
        _MOVING,
        moves=True,
    ),
    "done": _View(
        both("小程序注册成功", "The mini program is registered"),
        both(
            "新的小程序已授权给平台，你可以关闭本页面。",
            "The platform manages it from now on. You can close this page.",
        ),
        Look("done", "good"),
    ),
    "expired": _View(
        both("注册链接已过期", "This link has expired"),
        both(
            "没有注册任何小程序。请联系平台获取新的链接。",
            "No mini program was registered. Ask the platform for a new link.",
        ),
        Look("late", "bad"),
    ),
    "failed": _View(
        both("小程序没有注册成功", "The mini program was not registered"),
        both(
            "微信没有接受这次注册，公众号没有任何变化。请联系平台了解原因后再试。",
            "WeChat did not accept the registration; the official account has not changed. Ask the "
            "platform for the reason before you try again.",
        ),
        Look("stop", "bad"),
    ),
    "unanswered": _View(
        both("暂时不知道是否注册成功", "It is not known whether it was registered"),
        both(
            "微信没有给出明确的结果。请先在微信公众平台查看公众号是否已关联新的小程序，再联系平台；请勿直接重试。",
            "WeChat gave no clear answer. Look at mp.weixin.qq.com whether the official account "
            "has a new linked mini program, and tell the platform; do not simply try again.",
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
    view, title, accounts = _view(session, outcome)
    failed = session.registration is not None and outcome.status == "failed"
    return document(
        page,
        f"{page.say(view.heading)} · {page.say(title)}",
        element(
            "div",
            element("h1", page.say(view.heading)),
            element("p", page.say(view.lead), class_="lead"),
            role="status",
        ),
        _dots() if view.moves else None,
        _accounts(page.say(accounts), outcome.authorizers, names or {}),
        facts(
            (page.say(_TENANT), name(session.tenant_name or session.tenant_id)),
            *(
                [(page.say(_REASON), code(str(session.outcome_status)))]
                if failed and session.outcome_status is not None
                else []
            ),
        ),
        look=view.look,
    )


def _view(session: Asked, outcome: Outcome) -> tuple[_View, Words, Words]:
    if session.registration is None:
        return _VIEWS.get(outcome.status, _VIEWS["waiting"]), _TITLE, _ACCOUNTS
    views, status = _REGISTERED_VIEWS, outcome.status
    unknown = session.outcome_reason == "unanswered" or session.outcome_status == _TICKET_INVALID
    if status == "failed" and unknown:
        status = "unanswered"
    return views.get(status, views["waiting"]), _REGISTERED_TITLE, _REGISTERED_ACCOUNTS


def _dots() -> Html:
    return element("div", *(element("span") for _ in range(3)), class_="dots", aria_hidden="true")


def _accounts(heading: str, appids: Sequence[str], names: Mapping[str, str]) -> Html | None:
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
        element("h2", heading),
        element("ul", *items, class_="accounts"),
    )
