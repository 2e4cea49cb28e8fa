"""The HTML of the authorisation pages: the choice a merchant has, and WeChat's error page."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Final

from sandbox.wechat.merchants import KIND_NAMES
from sandbox.wechat.page_style import both, document
from sandbox.wechat.permission_sets import permission_set

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.wechat.merchants import Merchant

_CSS: Final = """
main { max-width: 980px; }
.layout { display: grid; gap: 20px; }
@media (min-width: 860px) {
  .layout { grid-template-columns: 300px 1fr; align-items: start; }
  .side { position: sticky; top: 20px; }
}
.side dl { margin: 14px 0 0; font-size: 14px; }
.side dt { color: var(--soft); } .side dd { margin: 0 0 10px; }
.accounts { padding: 4px 18px; }
.who { display: flex; gap: 12px; align-items: center; cursor: pointer; padding: 12px 0; }
.who + .who { border-top: 1px solid var(--line); }
.face {
  width: 44px; height: 44px; border-radius: 12px; flex: none; display: grid; place-items: center;
  background: var(--tint); color: var(--green); font-weight: 700; font-size: 18px;
}
.who strong { display: block; line-height: 1.3; }
.who small { color: var(--soft); display: block; }
.who input { margin-left: auto; width: 22px; height: 22px; }
.sets { display: none; margin-top: 20px; }
.bar {
  position: sticky; bottom: 0; margin: 20px -16px -48px; padding: 14px 16px;
  padding-bottom: calc(14px + env(safe-area-inset-bottom)); background: var(--paper);
  border-top: 1px solid var(--line);
}
.bar button { width: 100%; font-size: 17px; min-height: 50px; }
@media (min-width: 860px) {
  .bar { margin: 20px 0 -48px; padding: 16px 0; background: var(--ground); }
  .bar button { width: auto; min-width: 260px; }
}
.stop { max-width: 620px; margin: 6vh auto 0; text-align: center; padding: 36px 22px; }
.mark {
  width: 64px; height: 64px; border-radius: 50%; margin: 0 auto 18px; display: grid;
  place-items: center; background: var(--red-tint); color: var(--red); font-size: 34px;
  font-weight: 700;
}
.why { text-align: left; margin-top: 22px; padding-top: 18px; border-top: 1px solid var(--line); }
"""

_NOT_WECHAT: Final = both("微信沙箱，非真实微信", "WeChat sandbox, not WeChat")
_RIBBON: Final = f'<div class="ribbon">{_NOT_WECHAT}</div>'

# What the sandbox adds to WeChat's error page: how to get past it.
_HINTS: Final = {
    "unknown_component": "component_appid is not the one this sandbox is configured for.",
    "wrong_start_domain": (
        "This page must be opened by a link or a script on a page of the start domain, so that the "
        "browser sends that page as Referer. Typing the address, a bare redirect, or "
        "Referrer-Policy: no-referrer do not work; with WeChat neither."
    ),
    "wrong_redirect_domain": (
        "redirect_uri must be an absolute, percent-encoded URL whose host is the start domain."
    ),
    "invalid_pre_auth_code": (
        "The code is unknown, used, expired, or another platform's. Each visit needs one of its "
        "own: start again on the platform's page."
    ),
    "invalid_auth_type": "auth_type is 1 to 6 or 8 (the plugin: 1, 2 or 3).",
    "no_account": (
        "No account here fits auth_type or biz_appid, is in good standing and, before release, on "
        "the test list. The sandbox's own page lists all accounts."
    ),
    "no_official_account": "Only an official account's registration can be reused.",
    "invalid_copy_wx_verify": "copy_wx_verify is 1 or 0, not true or false.",
    "unknown_application": "Somebody has confirmed or refused already, or it is another sandbox's.",
    "unknown_visit": "The form is older than the sandbox, or has been used. Start again.",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One account on the page: what it is asked for, and what it has granted (None: nothing)."""

    merchant: Merchant
    offered: tuple[int, ...]
    granted: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class ChoicePage:
    """What the page shows. ``visit`` stands for the link's code, which is not in the page."""

    visit: str = field(repr=False)
    action: str
    component_appid: str
    returns_to: str
    choices: tuple[Choice, ...]


def refusal_page(code: str, message: str, nonce: str) -> str:
    """Return WeChat's error page, with the sandbox's advice below."""
    hint = _HINTS.get(code, "")
    why = (
        f'<div class="why note"><strong>{both("沙箱提示", "From the sandbox")}</strong>'
        f'<p lang="en">{escape(hint)}</p></div>'
        if hint
        else ""
    )
    body = (
        f'{_RIBBON}<main><div class="card stop"><div class="mark" aria-hidden="true">!</div>'
        f"<h1>{escape(message)}</h1>{why}</div></main>"
    )
    return document(title="无法授权 Cannot authorise", body=body, nonce=nonce, css=_CSS)


def choice_page(page: ChoicePage, nonce: str) -> str:
    """Return the page on which a merchant picks an account, ticks sets and confirms."""
    several = len(page.choices) > 1
    accounts = "".join(_account(choice, number) for number, choice in enumerate(page.choices))
    sets = "".join(_sets(choice, number) for number, choice in enumerate(page.choices))
    pick = both("选择账号", "Choose an account") if several else both("账号", "Account")
    body = (
        f'{_RIBBON}<main><div class="layout">{_side(page)}'
        f'<form method="post" action="{escape(page.action)}">'
        f'<input type="hidden" name="visit" value="{escape(page.visit)}">'
        f'<fieldset><legend>{pick}</legend><div class="card accounts">{accounts}</div></fieldset>'
        f'{sets}<div class="bar"><button class="main">授权 · Authorise</button></div>'
        "</form></div></main>"
    )
    # Only the chosen account's sets are shown, without a script.
    shown = "".join(
        f"form:has(#account-{number}:checked) #sets-{number} {{ display: block; }}\n"
        for number in range(len(page.choices))
    )
    return document(title="授权 Authorise", body=body, nonce=nonce, css=_CSS + shown)


def _side(page: ChoicePage) -> str:
    return (
        '<aside class="card side">'
        f"<h1>{both('授权给第三方平台', 'Authorise a platform', apart='<br>')}</h1>"
        f"<dl><dt>{both('平台', 'Platform')}</dt>"
        f"<dd><code>{escape(page.component_appid)}</code></dd>"
        f"<dt>{both('完成后返回', 'Then back to')}</dt>"
        f"<dd><code>{escape(page.returns_to)}</code></dd></dl>"
        '<p class="note">平台将获得勾选的权限，可随时取消。<br>'
        '<span lang="en">The platform gets what is ticked; it can be cancelled at any time. '
        "To refuse, close this page.</span></p></aside>"
    )


def _account(choice: Choice, number: int) -> str:
    merchant = choice.merchant
    chinese, english = KIND_NAMES[merchant.kind]
    state = (
        f'<span class="tag good">{both("已授权", "authorised")}</span>'
        if choice.granted is not None
        else ""
    )
    mark = " checked" if number == 0 else ""
    return (
        '<label class="who">'
        f'<span class="face" aria-hidden="true">{escape(merchant.nick_name[:1])}</span>'
        f"<span><strong>{escape(merchant.nick_name)}</strong>"
        f"<small>{chinese} {english}<br><code>{escape(merchant.appid)}</code></small>{state}</span>"
        f'<input type="radio" id="account-{number}" name="authorizer_appid" '
        f'value="{escape(merchant.appid)}"{mark}></label>'
    )


def _sets(choice: Choice, number: int) -> str:
    ticked = choice.offered if choice.granted is None else choice.granted
    boxes = ticks(f"set-{choice.merchant.appid}", choice.offered, ticked)
    return (
        f'<fieldset class="sets" id="sets-{number}">'
        f"<legend>{both('授予的权限', 'What to grant')}</legend>"
        f'<div class="card">{boxes}</div></fieldset>'
    )


def ticks(name: str, offered: Iterable[int], ticked: Iterable[int]) -> str:
    """Return a check box per permission set."""
    chosen = set(ticked)
    boxes = []
    for number in offered:
        known = permission_set(number)
        mark = " checked" if number in chosen else ""
        boxes.append(
            '<label class="tick">'
            f'<input type="checkbox" name="{escape(name)}" value="{number}"{mark}>'
            f'<span>{escape(known.chinese)}<span lang="en" data-number="{number}">'
            f"{escape(known.english)}</span></span></label>"
        )
    return f'<div class="ticks">{"".join(boxes)}</div>'
