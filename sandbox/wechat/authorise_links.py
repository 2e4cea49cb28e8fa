"""The links to WeChat's authorisation pages: what they carry, and the checks in WeChat's order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from sandbox.wechat.merchants import AUTH_TYPES, Merchant
from sandbox.wechat.state import RefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.wechat.desk import Desk
    from sandbox.wechat.settings import Settings

PC_PATH: Final = "/cgi-bin/componentloginpage"
H5_PATH: Final = "/wxaopen/safe/bindcomponent"
OLD_H5_PATH: Final = "/safe/bindcomponent"
PAGE_PATHS: Final = frozenset({PC_PATH, H5_PATH, OLD_H5_PATH})

_PLUGIN_TYPES: Final = frozenset({1, 2, 3})
_DOMAIN_TEXT: Final = (
    "请确认授权入口页所在域名，与授权后回调页所在域名相同，并且，"
    "此两者都必须与申请第三方平台时填写的授权发起页域名相同。授权入口页所在域名："
)


@dataclass(frozen=True, slots=True)
class AuthorisationRequest:
    """What a link asks for, after the checks. ``redirect_uri`` is empty for the plugin."""

    pre_auth_code: str = field(repr=False)
    redirect_uri: str = field(repr=False)
    auth_type: int
    biz_appid: str
    categories: tuple[int, ...]
    candidates: tuple[Merchant, ...]


def check_link(desk: Desk, query: Mapping[str, str], referer: str) -> AuthorisationRequest:
    """Check a link as the page does. Raises RefusalError with the text of the error page."""
    redirect_uri = check_places(desk.settings, query, referer)
    checked = _checked_request(desk, query, redirect_uri)
    with desk.lock:
        desk.state.pre_auth_code(checked.pre_auth_code).redirect_uri = redirect_uri
    return checked


def check_places(settings: Settings, query: Mapping[str, str], referer: str) -> str:
    """Check platform, Referer and the way back, as every page does; returns the way back."""
    if query.get("component_appid") != settings.component_appid:
        raise RefusalError("unknown_component", "component_appid 无效 (unknown component_appid)")
    _check_domain(settings, _host(referer))
    redirect_uri = query.get("redirect_uri", "")
    if _host(redirect_uri) != settings.start_domain:
        raise RefusalError("wrong_redirect_domain", _DOMAIN_TEXT + (_host(referer) or "空"))
    return redirect_uri


def check_plugin(desk: Desk, fields: Mapping[str, str]) -> AuthorisationRequest:
    """Check what a mini program passes to the plugin: no page, no redirect."""
    if fields.get("component_appid") != desk.settings.component_appid:
        raise RefusalError("unknown_component", "platformAppID 无效 (unknown platformAppID)")
    checked = _checked_request(desk, fields, "")
    if checked.auth_type not in _PLUGIN_TYPES:
        raise RefusalError("invalid_auth_type", "authType 无效 (the plugin knows 1, 2 and 3)")
    return checked


def _check_domain(settings: Settings, host: str) -> None:
    if host != settings.start_domain:
        raise RefusalError("wrong_start_domain", _DOMAIN_TEXT + (host or "空"))


def _checked_request(
    desk: Desk, query: Mapping[str, str], redirect_uri: str
) -> AuthorisationRequest:
    with desk.lock:
        code = desk.state.pre_auth_code(query.get("pre_auth_code", "")).value
        auth_type, biz_appid = _auth_type(query.get("auth_type", "")), query.get("biz_appid", "")
        candidates = tuple(desk.state.candidates(auth_type, biz_appid))
    return AuthorisationRequest(
        pre_auth_code=code,
        redirect_uri=redirect_uri,
        auth_type=auth_type,
        biz_appid=biz_appid,
        categories=_categories(query.get("category_id_list", "")),
        candidates=candidates,
    )


def _auth_type(text: str) -> int:
    """Return the kind of accounts a link asks for; older links leave it out and mean both."""
    if not text:
        return 3
    if not text.isdecimal() or int(text) not in AUTH_TYPES:
        raise RefusalError("invalid_auth_type", "auth_type 无效 (invalid auth_type)")
    return int(text)


def _categories(text: str) -> tuple[int, ...]:
    """Return the permission sets of ``category_id_list`` (``99|31``); what is no number is none."""
    return tuple(int(part) for part in text.split("|") if part.strip().isdecimal())


def _host(url: str) -> str:
    """Return the host of an absolute http(s) URL, without port; else an empty text."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return ""
    return host or "" if parts.scheme in {"http", "https"} else ""


def redirect_url(settings: Settings, redirect_uri: str, code: str, expires_in: int) -> str:
    """Return where the browser is sent: ``auth_code`` and ``expires_in`` appended.

    ``redirect_append`` "end" puts them at the very end, behind any ``#``, as WeChat was seen to do.
    """
    safe = "@" if settings.redirect_raw_at else ""
    added = f"auth_code={quote(code, safe=safe)}&expires_in={expires_in}"
    if settings.redirect_append == "end":
        return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{added}"
    parts = urlsplit(redirect_uri)
    query = f"{parts.query}&{added}" if parts.query else added
    return urlunsplit(parts._replace(query=query))


def link_query(link: str) -> dict[str, str]:
    """Return the query of an authorisation link. Raises RefusalError for any other address."""
    parts = urlsplit(link)
    if parts.path not in PAGE_PATHS:
        raise RefusalError("not_a_link", "This is no address of an authorisation page")
    return dict(parse_qsl(parts.query, keep_blank_values=True))
