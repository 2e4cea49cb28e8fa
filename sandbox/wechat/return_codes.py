"""WeChat's return codes as the sandbox gives them (errcode, English text)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MESSAGES: Final[Mapping[int, str]] = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40004: "invalid media type",
    40007: "invalid media_id",
    40013: "invalid appid",
    40014: "invalid access_token",
    40029: "invalid code",
    40030: "invalid refresh_token",
    40066: "invalid url",
    40090: "invalid request source (bad client ip)",
    40094: "invalid component credential",
    40097: "invalid args",
    40125: "invalid appsecret",
    40159: "invalid length for path, or the data is not json string",
    40163: "code been used",
    40170: "args count exceed count limit",
    41001: "access_token missing",
    41002: "appid missing",
    41003: "refresh_token missing",
    41004: "appsecret missing",
    41005: "media data missing",
    41008: "missing code",
    41018: "missing component_appid",
    41020: "missing platform_ticket",
    41021: "missing component_access_token",
    42001: "access_token expired",
    42002: "refresh_token expired",
    43001: "require GET method",
    43002: "require POST method",
    44002: "empty post data",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
    48001: "api unauthorized",
    48006: "forbid to clear quota because of reaching the limit",
    50002: "user limited",
    61003: "component is not authorized by this account",
    61004: "access clientip is not registered",
    61005: "component ticket is expired",
    61006: "component ticket is invalid",
    61007: "api is unauthorized to component",
    61009: "code is invalid",
    61010: "code is expired",
    61011: "invalid component",
    61012: "invalid option name",
    61013: "invalid option value",
    61014: "must use component token for component api",
    61015: "must use biz account token for not component api",
    61023: "refresh_token is invalid",
    61025: "read-only option",
    76001: "rid not found",
    76002: "invalid rid",
    76003: "rid not belong to this account",
    76004: "rid is expired",
    76021: "cgi_path not found",
    76022: "could not use this cgi_path, no permission",
    61026: "register access deny",
    61027: "register limit exceed",
    61028: "component is unpublished",
    61051: "invalid account type",
    61052: "account is not verified",
    61055: "reach the limit of this month",
    61057: "account has a registration under way",
    61058: "invalid ticket",
    61070: "name, wechat name not in accordance",
    85064: "template not found",
    85065: "template list is full",
    86004: "invalid wechat",
    89000: "account has bound open",
    89001: "not same contractor",
    89002: "open not exists",
    89003: "open is not created by api",
    89004: "open has bound too many accounts",
    89036: "open is not created by api or not verified",
    89247: "inner error",
    89248: "invalid code type",
    89249: "task running",
    89250: "task not found",
    89251: "legal person checking",
    89252: "front checking",
    89253: "lack of some params",
    89254: "lack of some component rights",
    89255: "code invalid",
    91030: "reach wxid freq limit",
}


class WeChatError(Exception):
    """A refusal in WeChat's own words.

    ``detail`` is put behind the text, as WeChat does with ``requestIP``. It is never a secret.
    """

    def __init__(self, errcode: int, detail: str = "") -> None:
        self.errcode = errcode
        text = MESSAGES.get(errcode, "error")
        self.errmsg = f"{text} {detail}" if detail else text
        super().__init__(f"{errcode} {self.errmsg}")
