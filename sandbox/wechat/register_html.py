"""The HTML of the pages on which persons confirm registrations."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sandbox.wechat.page_style import both, document
from sandbox.wechat.registration_api import CONFIRM_PATH

if TYPE_CHECKING:
    from sandbox.wechat.register_links import ReuseRequest
    from sandbox.wechat.registrations import Application
    from sandbox.wechat.settings import Settings

_RIBBON: Final = (
    f'<div class="ribbon">{both("微信沙箱，非真实微信", "WeChat sandbox, not WeChat")}</div>'
)
_CSS: Final = """
main { max-width: 620px; }
.card dl { margin: 16px 0; font-size: 14px; }
.card dt { color: var(--soft); } .card dd { margin: 0 0 10px; }
.card .main { width: 100%; font-size: 17px; min-height: 50px; margin-top: 4px; }
.card form + form { margin-top: 10px; }
"""
_KINDS: Final = {
    "enterprise": ("注册企业小程序", "Register a mini program for an enterprise"),
    "personal": ("注册个人小程序", "Register a mini program for a person"),
    "trial": ("注册试用小程序", "Register a mini program on trial"),
}
_NAMES: Final = {
    "name": ("名称", "Name"),
    "code": ("企业代码", "Code"),
    "legal_persona_wechat": ("法人微信号", "Legal representative's WeChat id"),
    "legal_persona_name": ("法人姓名", "Legal representative"),
    "wxuser": ("微信号", "WeChat id"),
    "idname": ("姓名", "Name"),
    "openid": ("openid", "openid"),
}


def reuse_page(asked: ReuseRequest, visit: str, settings: Settings, nonce: str) -> str:
    """Return the page on which an administrator lets the account's registration be reused."""
    parts = urlsplit(asked.redirect_uri)
    verify = (
        both("一并复用", "taken over as well")
        if asked.copy_wx_verify
        else both("不复用", "not taken over")
    )
    rows = (
        (both("公众号", "Official account"), escape(asked.account.nick_name)),
        ("AppID", f"<code>{escape(asked.account.appid)}</code>"),
        (both("微信认证", "Verification"), verify),
        (both("平台", "Platform"), f"<code>{escape(settings.component_appid)}</code>"),
        (
            both("完成后返回", "Then back to"),
            f"<code>{escape(f'{parts.scheme}://{parts.netloc}')}</code>",
        ),
    )
    heading = both("复用公众号资料注册小程序", "Reuse this account's registration", apart="<br>")
    fields = f'<input type="hidden" name="visit" value="{escape(visit)}">'
    button = '<button class="main">同意并注册 · Agree and register</button>'
    form = f'<form method="post">{fields}{button}</form>'
    return _page("注册小程序 Register", heading, rows, form, nonce)


def applicant_page(application: Application, settings: Settings, nonce: str) -> str:
    """Return the page on which an applicant confirms: in WeChat it asks for face and telephone."""
    rows = [
        (both(*_NAMES[name]), f"<code>{escape(str(value))}</code>")
        for name, value in application.fields.items()
        if name in _NAMES
    ]
    rows.append((both("平台", "Platform"), f"<code>{escape(settings.component_appid)}</code>"))
    token = escape(application.create_token)
    hidden = f'<input type="hidden" name="create_token" value="{token}">'
    action = f'<form method="post" action="{CONFIRM_PATH}">{hidden}'
    form = (
        f'{action}<button class="main">确认注册 · Confirm</button></form>'
        f'{action}<button class="danger" name="refuse" value="1">拒绝 · Refuse</button></form>'
    )
    heading = both(*_KINDS[application.kind], apart="<br>")
    return _page("注册小程序 Register", heading, rows, form, nonce)


def ended_page(nonce: str, *, agreed: bool) -> str:
    """Return what an applicant sees at the end."""
    words = (
        both("已确认，小程序已创建", "Confirmed: the mini program was created", apart="<br>")
        if agreed
        else both("已拒绝", "Refused", apart="<br>")
    )
    return _page("注册小程序 Register", words, (), "", nonce)


def _page(
    title: str,
    heading: str,
    rows: tuple[tuple[str, str], ...] | list[tuple[str, str]],
    form: str,
    nonce: str,
) -> str:
    facts = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows)
    listed = f"<dl>{facts}</dl>" if facts else ""
    body = f'{_RIBBON}<main><div class="card"><h1>{heading}</h1>{listed}{form}</div></main>'
    return document(title=title, body=body, nonce=nonce, css=_CSS)
