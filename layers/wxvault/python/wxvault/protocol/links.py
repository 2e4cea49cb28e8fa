"""The ways to send a merchant to WeChat: three links, one plugin call, one registration link.

Page: Third-party_Platforms/2.0/api/Before_Develop/Authorization_Process_Technical_Description.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Self, TypeGuard
from urllib.parse import quote, urlencode, urlsplit

from wxvault.errors import InvalidRequestError
from wxvault.protocol.appid import is_appid

if TYPE_CHECKING:
    from collections.abc import Mapping

PC_PAGE_BASE: Final = "https://mp.weixin.qq.com"
"""WeChat's host of the PC page, of the old H5 page and of the registration page."""
H5_PAGE_BASE: Final = "https://open.weixin.qq.com"
"""WeChat's host of the current H5 page."""

type PageStyle = Literal["pc", "h5", "h5_old"]

AUTH_TYPES: Final = (1, 2, 3, 4, 5, 6, 8)
"""1 official accounts, 2 mini programs, 3 both, 4 promoters, 5 channels, 6 all (1, 2, 5),
8 sales assistants.
"""
PLUGIN_AUTH_TYPES: Final = (1, 2, 3)
DEFAULT_AUTH_TYPE: Final = 3
MAX_CATEGORY_IDS: Final = 200
_LARGEST_CATEGORY_ID: Final = 99_999

_PC_PATH: Final = "/cgi-bin/componentloginpage"
_H5_PATH: Final = "/wxaopen/safe/bindcomponent"
_H5_OLD_PATH: Final = "/safe/bindcomponent"
_REGISTRATION_PATH: Final = "/cgi-bin/fastregisterauth"
_H5_FRAGMENT: Final = "#wechat_redirect"


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """What the merchant is asked for. Raises InvalidRequestError naming the field.

    ``auth_type`` is the kind of accounts offered (``AUTH_TYPES``). ``biz_appid`` restricts the
    choice to one account and wins over ``auth_type``. ``category_id_list`` are the permission sets
    to offer, by number; empty means all that the platform has released.
    """

    auth_type: int = DEFAULT_AUTH_TYPE
    biz_appid: str | None = None
    category_id_list: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check every field."""
        _require_auth_type(self.auth_type, AUTH_TYPES)
        if self.biz_appid is not None:
            _require_appid("biz_appid", self.biz_appid)
        if len(self.category_id_list) > MAX_CATEGORY_IDS:
            raise InvalidRequestError(
                "category_id_list", f"must have at most {MAX_CATEGORY_IDS} entries"
            )
        for index, number in enumerate(self.category_id_list):
            if not _is_integer(number) or not 1 <= number <= _LARGEST_CATEGORY_ID:
                raise InvalidRequestError(
                    f"category_id_list[{index}]", "must be the number of a permission set"
                )

    @classmethod
    def from_request(cls, fields: Mapping[str, object]) -> Self:
        """Build from a request's JSON fields of the same names; absent and null are defaults."""
        auth_type = fields.get("auth_type")
        biz_appid = fields.get("biz_appid")
        category_ids = fields.get("category_id_list")
        if auth_type is None:
            auth_type = DEFAULT_AUTH_TYPE
        elif not _is_integer(auth_type):
            raise _bad_auth_type(AUTH_TYPES)
        if biz_appid is not None and not isinstance(biz_appid, str):
            raise InvalidRequestError("biz_appid", "must be a string")
        if category_ids is None:
            category_ids = ()
        elif not isinstance(category_ids, (list, tuple)):
            raise InvalidRequestError("category_id_list", "must be a list of integers")
        return cls(auth_type, biz_appid, tuple(category_ids))

    def require_plugin(self) -> None:
        """Raise InvalidRequestError when the plugin cannot ask for this."""
        _require_auth_type(self.auth_type, PLUGIN_AUTH_TYPES, " for the plugin")
        if self.category_id_list:
            raise InvalidRequestError("category_id_list", "cannot be chosen with the plugin")


def pc_link(
    options: LinkOptions,
    *,
    component_appid: str,
    pre_auth_code: str,
    redirect_uri: str,
    base: str = PC_PAGE_BASE,
) -> str:
    """Return the link to the page with the QR code, for a browser on a computer.

    ``redirect_uri`` is an absolute URL on the platform's start-page domain; WeChat adds
    ``auth_code`` and ``expires_in`` to its query.
    """
    parameters = _parameters(component_appid, pre_auth_code, redirect_uri)
    parameters["auth_type"] = str(options.auth_type)
    return _url(base, _PC_PATH, parameters | _restrictions(options))


def h5_link(
    options: LinkOptions,
    *,
    component_appid: str,
    pre_auth_code: str,
    redirect_uri: str,
    base: str = H5_PAGE_BASE,
) -> str:
    """Return the link for WeChat's own browser on a telephone, current form."""
    parameters = {"action": "bindcomponent", "no_scan": "1"}
    parameters |= _parameters(component_appid, pre_auth_code, redirect_uri)
    parameters["auth_type"] = str(options.auth_type)
    return _url(base, _H5_PATH, parameters | _restrictions(options)) + _H5_FRAGMENT


def h5_old_link(
    options: LinkOptions,
    *,
    component_appid: str,
    pre_auth_code: str,
    redirect_uri: str,
    base: str = PC_PAGE_BASE,
) -> str:
    """Return the link for WeChat's own browser on a telephone, as it was before."""
    parameters = {
        "action": "bindcomponent",
        "auth_type": str(options.auth_type),
        "no_scan": "1",
    }
    parameters |= _parameters(component_appid, pre_auth_code, redirect_uri)
    return _url(base, _H5_OLD_PATH, parameters | _restrictions(options)) + _H5_FRAGMENT


def page_link(  # noqa: PLR0913 - two hosts instead of one
    style: str,
    options: LinkOptions,
    *,
    component_appid: str,
    pre_auth_code: str,
    redirect_uri: str,
    pc_page_base: str = PC_PAGE_BASE,
    h5_page_base: str = H5_PAGE_BASE,
) -> str:
    """Return the link of ``style``: ``pc``, ``h5`` or ``h5_old``."""
    makers = {
        "pc": (pc_link, pc_page_base),
        "h5": (h5_link, h5_page_base),
        "h5_old": (h5_old_link, pc_page_base),
    }
    if style not in makers:
        raise InvalidRequestError("style", f"must be one of {', '.join(makers)}")
    make, base = makers[style]
    return make(
        options,
        component_appid=component_appid,
        pre_auth_code=pre_auth_code,
        redirect_uri=redirect_uri,
        base=base,
    )


def plugin_parameters(
    options: LinkOptions, *, component_appid: str, pre_auth_code: str
) -> dict[str, str | int]:
    """Return what the mini-program plugin's ``openAuthorizeAccount`` takes.

    There is no redirect: the code arrives by push alone. Raises InvalidRequestError as
    ``LinkOptions.require_plugin``.
    """
    options.require_plugin()
    _require_appid("component_appid", component_appid)
    parameters: dict[str, str | int] = {
        "platformAppID": component_appid,
        "preAuthCode": pre_auth_code,
        "authType": options.auth_type,
    }
    if options.biz_appid is not None:
        parameters["bizAppid"] = options.biz_appid
    return parameters


def registration_link(
    *,
    official_account_appid: str,
    component_appid: str,
    copy_wx_verify: bool,
    redirect_uri: str,
    base: str = PC_PAGE_BASE,
) -> str:
    """Return the link that lets an official account's admin reuse its registration.

    ``copy_wx_verify`` also takes over its WeChat verification. The redirect brings ``ticket``, not
    ``auth_code``.
    """
    _require_appid("official_account_appid", official_account_appid)
    _require_appid("component_appid", component_appid)
    _require_redirect_uri(redirect_uri)
    parameters = {
        "appid": official_account_appid,
        "component_appid": component_appid,
        "copy_wx_verify": "1" if copy_wx_verify else "0",  # WeChat reads no true or false
        "redirect_uri": redirect_uri,
    }
    return _url(base, _REGISTRATION_PATH, parameters)


OAUTH_SCOPES: Final = ("snsapi_base", "snsapi_userinfo")
_OAUTH_PATH: Final = "/connect/oauth2/authorize"
_OAUTH_FRAGMENT: Final = "#wechat_redirect"
_LONGEST_STATE: Final = 128
_LONGEST_REDIRECT: Final = 1024
_PLAIN: Final = re.compile(r"[!-~]*", re.ASCII)


def oauth_link(  # noqa: PLR0913 - what WeChat wants to know
    *,
    official_account_appid: str,
    component_appid: str,
    redirect_uri: str,
    scope: str,
    state: str = "",
    base: str = H5_PAGE_BASE,
) -> str:
    """Return the link that logs a follower of an official account in, inside WeChat's browser.

    The redirect brings ``code`` (``auth_code`` it is not called here), ``state`` and ``appid``; a
    user who refuses brings ``state`` alone. WeChat is said to mind the order of the parameters.
    Page: 代公众号发起网页授权 (official accounts, web OAuth for third-party platforms).
    """
    _require_appid("authorizer_appid", official_account_appid)
    _require_appid("component_appid", component_appid)
    _require_redirect_uri(redirect_uri)
    if "#" in redirect_uri or "@" in urlsplit(redirect_uri).netloc:
        raise InvalidRequestError(
            "redirect_uri",
            "must have no fragment and no user",
            remedy="WeChat puts the code before any #: use a path or a query instead.",
        )
    if len(redirect_uri) > _LONGEST_REDIRECT or not _PLAIN.fullmatch(redirect_uri):
        raise InvalidRequestError(
            "redirect_uri", f"must be plain ASCII, {_LONGEST_REDIRECT} characters at most"
        )
    if scope not in OAUTH_SCOPES:
        raise InvalidRequestError("scope", f"must be one of {', '.join(OAUTH_SCOPES)}")
    if len(state) > _LONGEST_STATE or not _PLAIN.fullmatch(state):
        raise InvalidRequestError(
            "state", f"must be plain ASCII without blanks, {_LONGEST_STATE} bytes at most"
        )
    parameters = {
        "appid": official_account_appid,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": scope,
        "state": state,
        "component_appid": component_appid,
    }
    return _url(base, _OAUTH_PATH, parameters) + _OAUTH_FRAGMENT


_DESKTOP: Final = re.compile(r"windows nt|macintosh|x11|windowswechat|macwechat", re.IGNORECASE)


def choose_style(user_agent: str) -> Literal["pc", "h5"]:
    """Choose the page for a browser: ``h5`` inside WeChat on a telephone, else ``pc``.

    The H5 page only opens inside WeChat. WeChat on a computer, and every other browser, can show
    the QR code, which any telephone can scan.
    """
    inside_wechat = "micromessenger" in user_agent.lower()
    return "h5" if inside_wechat and _DESKTOP.search(user_agent) is None else "pc"


def _parameters(component_appid: str, pre_auth_code: str, redirect_uri: str) -> dict[str, str]:
    _require_appid("component_appid", component_appid)
    if not pre_auth_code:
        raise InvalidRequestError("pre_auth_code", "is missing")
    _require_redirect_uri(redirect_uri)
    return {
        "component_appid": component_appid,
        "pre_auth_code": pre_auth_code,
        "redirect_uri": redirect_uri,
    }


def _restrictions(options: LinkOptions) -> dict[str, str]:
    restrictions = {}
    if options.biz_appid is not None:
        restrictions["biz_appid"] = options.biz_appid
    if options.category_id_list:
        restrictions["category_id_list"] = "|".join(map(str, options.category_id_list))
    return restrictions


def _url(base: str, path: str, parameters: dict[str, str]) -> str:
    # quote, not quote_plus: a blank is %20 for every reader; and no character is safe, so that a
    # redirect_uri with a query of its own comes through in one piece.
    return f"{base.rstrip('/')}{path}?{urlencode(parameters, safe='', quote_via=quote)}"


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _bad_auth_type(allowed: tuple[int, ...], where: str = "") -> InvalidRequestError:
    return InvalidRequestError("auth_type", f"must be one of {', '.join(map(str, allowed))}{where}")


def _require_auth_type(value: int, allowed: tuple[int, ...], where: str = "") -> None:
    if not _is_integer(value) or value not in allowed:
        raise _bad_auth_type(allowed, where)


def _require_appid(name: str, value: str) -> None:
    if not is_appid(value):
        raise InvalidRequestError(
            name, "must be an appid: 'wx' and 16 hexadecimal digits in lower case"
        )


def _require_redirect_uri(redirect_uri: str) -> None:
    try:
        parts = urlsplit(redirect_uri)
        absolute = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        absolute = False
    if not absolute:
        raise InvalidRequestError("redirect_uri", "must be an absolute http or https URL")
