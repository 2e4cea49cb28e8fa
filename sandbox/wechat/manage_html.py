"""The HTML of the management page: platform, accounts, pushes. Never a secret's value."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING, Any, Final

from sandbox.wechat.authorise_html import ticks
from sandbox.wechat.control_view import line_view
from sandbox.wechat.manage_registrations import registrations_section
from sandbox.wechat.merchants import KIND_NAMES, LISTED_STATUSES, STATUS_NAMES
from sandbox.wechat.page_style import both, document
from sandbox.wechat.permission_sets import permission_set

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.wechat.desk import Desk
    from sandbox.wechat.links import Link
    from sandbox.wechat.pushes import Push

_SHOWN_PUSHES: Final = 20
_COLUMNS: Final = (
    ("时间", "Time"),
    ("事件", "Event"),
    ("结果", "Result"),
    ("回答", "Answers"),
    ("", ""),
)
_INTRODUCTION: Final = both(
    "这里扮演微信：发放令牌、展示授权页、推送事件。一切皆虚构，仅在本机有效。",
    "This program plays WeChat: it issues tokens, shows the authorisation pages and pushes events "
    "to your platform. Everything in it is made up and works on this machine only.",
    apart="<br>",
)
_BEGIN: Final = (
    "在平台的页面上打开授权链接，选择商家并确认。",
    "On your platform's page, follow its authorisation link to here, choose a merchant, confirm.",
)
_TO_PLATFORM: Final = ("打开平台的页面", "Open your platform's page")
_UNLISTED: Final = ("微信授权页不列出此账号。", "WeChat's page does not list it.")
_STEPS: Final = (
    (
        "也可以在下面直接授权、更改权限、取消授权，如同在微信后台。",
        "Or authorise, change and cancel below: without a link, as in WeChat's own console.",
    ),
    (
        "每次操作都会推送给平台，平台的回答列在页面底部。",
        "Each of these is pushed to your platform; its answers are at the bottom of this page.",
    ),
    (
        "“令牌过期”让令牌提前失效，可观察平台如何刷新。",
        "Expire ends a token before its time, to see your platform renew it.",
    ),
)
_RELEASED: Final = ("已全网发布", "released")
_UNRELEASED: Final = ("仅测试列表", "test list only")
_MINUTE: Final = 60
_HOUR: Final = 3600

_CSS: Final = """
.facts { display: grid; gap: 8px 18px; margin: 0; font-size: 14px; }
.facts div { display: grid; grid-template-columns: 112px 1fr; gap: 8px; align-items: baseline; }
.facts dt { color: var(--soft); } .facts dd { margin: 0; }
.facts dt [lang=en] { display: block; font-size: 12px; }
@media (min-width: 800px) { .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
.people { display: grid; gap: 16px; grid-template-columns: minmax(0, 1fr); }
@media (min-width: 900px) {
  .people { grid-template-columns: repeat(2, minmax(0, 1fr)); align-items: start; }
}
.person { display: flex; flex-direction: column; gap: 12px; scroll-margin-top: 16px; }
.person:target { border-color: var(--green); }
.person header { display: flex; justify-content: space-between; gap: 10px; align-items: start; }
.person dl { margin: 0; font-size: 14px; display: grid; gap: 4px; }
.person dl div { display: flex; gap: 8px; } .person dt { color: var(--soft); flex: 0 0 92px; }
.person dd { margin: 0; min-width: 0; }
.person header .tag { flex: none; }
.chips { display: flex; flex-wrap: wrap; gap: 6px; }
.row { display: flex; flex-wrap: wrap; gap: 8px; }
details:not(.card) { border-top: 1px solid var(--line); padding-top: 6px; }
details.card { padding: 8px 18px; }
summary { cursor: pointer; font-weight: 600; font-size: 15px; padding: 8px 0; }
details form { margin-top: 10px; display: grid; gap: 14px; }
.scroll { overflow-x: auto; padding: 0; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th, td { text-align: left; padding: 10px 14px; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; white-space: nowrap; }
td { vertical-align: top; } tr:last-child td { border-bottom: 0; }
td button { min-height: 32px; padding: 3px 10px; font-size: 13px; }
@media (max-width: 700px) {
  thead { display: none; } tr { display: block; padding: 10px 14px; }
  tr + tr { border-top: 1px solid var(--line); }
  td { display: block; border: 0; padding: 2px 0; }
}
.spaced { margin-top: 16px; }
ol { margin: 8px 0 10px; font-size: 14px; padding-left: 22px; } li { margin-bottom: 6px; }
"""

# A page that is left open shows what happens, unless somebody is in the middle of something.
_SCRIPT: Final = """
setInterval(function () {
  if (document.hidden) return;
  if (document.querySelector("details[open]:not([data-start])")) return;
  location.reload();
}, 4000);
"""


def manage_page(desk: Desk, nonce: str) -> str:
    """Return the page."""
    with desk.lock:
        people = "".join(_person(desk, link) for link in desk.state.links.values())
        platform = _platform(desk)
        applications = registrations_section(desk)
    pushes = _pushes(desk)
    body = (
        f"<main><h1>{both('一张桌子上的微信', 'A WeChat for one desk', apart='<br>')}</h1>"
        f'<p class="note">{_INTRODUCTION}</p>{_help(desk)}{platform}'
        f'<h2>{both("商家", "Merchants")}</h2><div class="people">{people}</div>{applications}'
        f"<h2>{both('最近的推送', 'Latest pushes')}</h2>{pushes}</main>"
    )
    return document(
        title="WeChat sandbox 微信沙箱", body=body, nonce=nonce, css=_CSS, script=_SCRIPT
    )


def _help(desk: Desk) -> str:
    """Return the first steps; open until a merchant has authorised."""
    begin = both(*_BEGIN, apart="<br>")
    if desk.settings.start_url:
        begin += f'<br><a href="{escape(desk.settings.start_url)}">{both(*_TO_PLATFORM)}</a>'
    steps = "".join(f"<li>{both(*step, apart='<br>')}</li>" for step in _STEPS)
    fresh = not any(link.authorised for link in desk.state.links.values())
    return (
        f'<details class="card"{" open data-start" if fresh else ""}>'
        f"<summary>{both('从这里开始', 'How to begin')}</summary>"
        f"<ol><li>{begin}</li>{steps}</ol></details>"
    )


def _platform(desk: Desk) -> str:
    settings = desk.settings
    tickets = (
        f'<span class="tag bad">{both("多次失败，已停止", "stopped after failures")}</span>'
        if desk.tickets.stopped
        else both("定时推送", f"every {_span(settings.ticket_interval)}")
        if settings.ticket_push and settings.event_url
        else f'<span class="tag wait">{both("不自动推送", "not pushed by itself")}</span>'
    )
    where = escape(settings.event_url) or "未配置 not configured"
    token = _validity(desk, line_view(desk, desk.state.component.tokens))
    facts = (
        ("平台", "Component", f"<code>{escape(settings.component_appid)}</code>"),
        ("事件接收", "Event URL", f"<code>{where}</code>"),
        ("发起页域名", "Start domain", f"<code>{escape(settings.start_domain)}</code>"),
        ("票据", "Tickets", tickets),
        ("平台令牌", "Component token", token),
        ("发布", "Release", both(*_RELEASED if settings.released else _UNRELEASED)),
    )
    rows = "".join(f"<div><dt>{both(zh, en)}</dt><dd>{value}</dd></div>" for zh, en, value in facts)
    buttons = _button("/manage/ticket", {}, "推送票据 Push a ticket") + _button(
        "/manage/expire", {"authorizer_appid": "", "kind": "access"}, "令牌过期 Expire the token"
    )
    return (
        f"<h2>{both('第三方平台', 'The platform')}</h2>"
        f'<div class="card"><dl class="facts">{rows}</dl>'
        f'<div class="row spaced">{buttons}</div></div>'
    )


def _person(desk: Desk, link: Link) -> str:
    merchant = link.merchant
    chinese, english = KIND_NAMES[merchant.kind]
    state = (
        f'<span class="tag good">{both("已授权", "authorised")}</span>'
        if link.authorised
        else f'<span class="tag">{both("未授权", "not authorised")}</span>'
    )
    rows = [
        ("AppID", f"<code>{escape(merchant.appid)}</code>"),
        ("原始 ID", f"<code>{escape(merchant.user_name)}</code>"),
        ("类型 Kind", f"{chinese} {english}"),
    ]
    if merchant.account_status not in STATUS_NAMES or merchant.account_status != 1:
        words = STATUS_NAMES.get(merchant.account_status, (str(merchant.account_status), ""))
        rows.append(("状态 Status", f'<span class="tag bad">{both(*words)}</span>'))
    if not merchant.api_ability:
        rows.append(("接口 API", '<span class="tag wait">无接口能力 gets no tokens</span>'))
    if link.authorised:
        rows.append(("令牌 Token", _validity(desk, line_view(desk, link.tokens))))
        rows.append(("刷新 Refresh", _refresh_state(link)))
    facts = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows)
    return (
        f'<article class="card person" id="{escape(merchant.appid)}">'
        f"<header><h3>{escape(merchant.nick_name)}</h3>{state}</header>"
        f"<dl>{facts}</dl>{_chips(link)}{_actions(desk, link)}</article>"
    )


def _refresh_state(link: Link) -> str:
    if link.current_refresh_token:
        return f'<span class="tag good">{both("有", "issued")}</span>'
    words = both("授权码尚未兑换", "not before the code is exchanged")
    return f'<span class="tag">{words}</span>'


def _chips(link: Link) -> str:
    if not link.authorised:
        return ""
    names = (
        f'<span class="tag good">{number} {escape(permission_set(number).chinese)}</span>'
        for number in link.func_ids
    )
    return f'<div class="chips">{"".join(names)}</div>'


def _actions(desk: Desk, link: Link) -> str:
    merchant = link.merchant
    if merchant.account_status not in LISTED_STATUSES and not link.authorised:
        return '<p class="note">' + both(*_UNLISTED) + "</p>"
    offered = desk.state.offered_sets(merchant)
    ticked = link.func_ids if link.authorised else offered
    title = both("更改权限", "Change") if link.authorised else both("授权", "Authorise")
    appid = {"authorizer_appid": merchant.appid}
    form = (
        f"<details><summary>{title}</summary>"
        f'<form method="post" action="/manage/authorise">{_hidden(appid)}'
        f"{ticks('set', offered, ticked)}"
        f'<div><button class="main">确认 Confirm</button></div></form></details>'
    )
    if not link.authorised:
        return form
    expiry = (
        ""
        if link.tokens.current is None
        else _button("/manage/expire", appid | {"kind": "access"}, "令牌过期 Expire the token")
    )
    cancel = _button("/manage/cancel", appid, "取消授权 Cancel", kind="danger")
    return f'{form}<div class="row">{expiry}{cancel}</div>'


def _pushes(desk: Desk) -> str:
    latest = desk.pushes.all()[::-1][:_SHOWN_PUSHES]
    if not latest:
        return (
            f'<div class="card note">{both("还没有推送。", "Nothing has been pushed yet.")}</div>'
        )
    heads = "".join(f"<th>{both(zh, en)}</th>" for zh, en in _COLUMNS)
    rows = "".join(_push_row(push) for push in latest)
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="card scroll">{table}</div>'


def _push_row(push: Push) -> str:
    looks = {"delivered": "good", "failed": "bad", "held": "wait", "waiting": "wait"}
    answers = "<br>".join(
        f"{attempt['attempt']}. {_answer(attempt)} · {attempt['ms']} ms"
        for attempt in push.attempts
    )
    who = f"<br><code>{escape(push.authorizer_appid)}</code>" if push.authorizer_appid else ""
    target = {"push_id": push.push_id}
    button = (
        _button("/manage/release", target, "放行 Release")
        if push.state == "held"
        else _button("/manage/resend", target, "重发 Again")
    )
    at = time.strftime("%H:%M:%S", time.localtime(push.created_at))
    return (
        f"<tr><td>{at}</td><td>{escape(push.info_type)}{who}</td>"
        f'<td><span class="tag {looks[push.state]}">{push.state}</span></td>'
        f"<td>{answers}</td><td>{button}</td></tr>"
    )


def _answer(attempt: Mapping[str, Any]) -> str:
    if attempt["error"]:
        return escape(str(attempt["error"]))
    return f"{attempt['status']} <code>{escape(str(attempt['body']))[:80]}</code>"


def _validity(desk: Desk, view: Mapping[str, Any] | None) -> str:
    """Return in words how long a token is still honoured."""
    if view is None:
        return f'<span class="tag">{both("无", "none yet")}</span>'
    left = view["expires_at"] - desk.clock.now()
    if view["verdict"] != "honoured":
        return f'<span class="tag bad">{both("已失效", str(view["verdict"]))}</span>'
    return f'<span class="tag good">{both("有效", "valid for " + _span(left))}</span>'


def _span(seconds: float) -> str:
    """Return a length of time for a person."""
    if seconds >= _HOUR:
        return f"{int(seconds // _HOUR)} h {int(seconds % _HOUR // _MINUTE)} min"
    if seconds >= _MINUTE:
        return f"{int(seconds // _MINUTE)} min"
    return f"{int(seconds)} s"


def _button(action: str, fields: Mapping[str, str], words: str, *, kind: str = "") -> str:
    return (
        f'<form method="post" action="{action}">{_hidden(fields)}'
        f'<button class="{kind}">{escape(words)}</button></form>'
    )


def _hidden(fields: Mapping[str, str]) -> str:
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )
