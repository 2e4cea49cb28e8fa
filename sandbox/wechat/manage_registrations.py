"""The part of the management page about registrations: who waits for a person's confirmation."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from sandbox.wechat.page_style import both
from sandbox.wechat.registrations import CREATED

if TYPE_CHECKING:
    from sandbox.wechat.desk import Desk
    from sandbox.wechat.registrations import Application

_KINDS: Final = {
    "enterprise": ("企业", "Enterprise"),
    "personal": ("个人", "Person"),
    "trial": ("试用", "On trial"),
}
_SHOWN: Final = 12


def registrations_section(desk: Desk) -> str:
    """Return the section; nothing while nobody has applied. The caller holds the lock."""
    latest = desk.state.registrations.all()[::-1][:_SHOWN]
    if not latest:
        return ""
    cards = "".join(_card(one) for one in latest)
    return f'<h2>{both("注册申请", "Registrations")}</h2><div class="people">{cards}</div>'


def _card(application: Application) -> str:
    name = application.fields.get("name") or application.fields.get("idname", "")
    if application.is_open:
        state = f'<span class="tag wait">{both("待确认", "to be confirmed")}</span>'
    elif application.task_status == CREATED:
        state = f'<span class="tag good">{both("已创建", "created")}</span>'
    else:
        state = f'<span class="tag bad">{both("未通过", "failed")}</span>'
    actions = ""
    if application.is_open:
        hidden = f'<input type="hidden" name="task_id" value="{escape(application.task_id)}">'
        form = f'<form method="post" action="/manage/register">{hidden}'
        actions = (
            f'<div class="row">{form}<button class="main">确认 Confirm</button></form>'
            f'{form}<button class="danger" name="refuse" value="1">拒绝 Refuse</button></form>'
            "</div>"
        )
    return (
        f'<article class="card person"><header><h3>{escape(str(name))}</h3>{state}</header>'
        f"<p>{both(*_KINDS[application.kind])}</p>{actions}</article>"
    )
