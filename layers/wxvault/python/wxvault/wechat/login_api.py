"""Logins of an account's users, asked by the component: mini programs and web OAuth.

Pages: 小程序登录 (jscode2session for third-party platforms) and 代公众号发起网页授权.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wxvault.errors import WeChatUnknownError
from wxvault.wechat.account_api import refusal
from wxvault.wechat.answers import presentable, whole_number
from wxvault.wechat.http import WeChatHttp, json_object
from wxvault.wechat.secret_shapes import mask_known

if TYPE_CHECKING:
    from collections.abc import Mapping

MINI_PROGRAM: Final = "/sns/component/jscode2session"
OAUTH: Final = "/sns/oauth2/component/access_token"
OAUTH_REFRESH: Final = "/sns/oauth2/component/refresh_token"
USER_INFO: Final = "/sns/userinfo"

_LOG_IN_AGAIN: Final = (
    "Let the user log in again: a code counts once, and nobody knows whether WeChat took it."
)


class LoginApi:
    """WeChat's logins, asked once per call. Safe to share between threads.

    Every method returns WeChat's answer as it is, which is for the caller alone: it may hold a
    session key or tokens of the user. WeChatRefusedError and WeChatUnknownError may come of each.
    """

    def __init__(self, base_url: str, *, http: WeChatHttp | None = None) -> None:
        """Take WeChat's base URL as the settings have checked it."""
        self._http = WeChatHttp(base_url) if http is None else http

    def mini_program(
        self, component_appid: str, component_token: str, appid: str, js_code: str, /
    ) -> Mapping[str, Any]:
        """Exchange what ``wx.login`` gave: openid, session_key, perhaps unionid."""
        query = {
            "appid": appid,
            "js_code": js_code,
            "grant_type": "authorization_code",
            "component_appid": component_appid,
            "component_access_token": component_token,
        }
        return self._get(MINI_PROGRAM, query, "session_key", (component_token, js_code))

    def oauth(
        self, component_appid: str, component_token: str, appid: str, code: str, /
    ) -> Mapping[str, Any]:
        """Exchange what the OAuth page gave: access_token, refresh_token, openid, scope."""
        query = {
            "appid": appid,
            "code": code,
            "grant_type": "authorization_code",
            "component_appid": component_appid,
            "component_access_token": component_token,
        }
        return self._get(OAUTH, query, "access_token", (component_token, code))

    def oauth_refresh(
        self, component_appid: str, component_token: str, appid: str, refresh_token: str, /
    ) -> Mapping[str, Any]:
        """Renew a user's OAuth token: the same fields."""
        query = {
            "appid": appid,
            "grant_type": "refresh_token",
            "component_appid": component_appid,
            "component_access_token": component_token,
            "refresh_token": refresh_token,
        }
        return self._get(OAUTH_REFRESH, query, "access_token", (component_token,))

    def user_info(self, access_token: str, openid: str, lang: str, /) -> Mapping[str, Any]:
        """Read a user's profile with their own OAuth token (scope snsapi_userinfo)."""
        query = {"access_token": access_token, "openid": openid, "lang": lang}
        return self._get(USER_INFO, query, "openid", (access_token,))

    def _get(
        self, path: str, query: Mapping[str, str], field: str, secrets: tuple[str, ...]
    ) -> Mapping[str, Any]:
        problem = ""
        answer: dict[str, Any] | None = None
        try:
            raw = self._http.send("GET", path, query=query, accept="application/json")
            answer = json_object(mask_known(raw.content, secrets))
        except WeChatUnknownError as error:
            problem = error.message
        if answer is None:
            problem = problem or f"GET {path}: answered with something that is not a JSON object"
            raise WeChatUnknownError(problem, path=path, remedy=_LOG_IN_AGAIN)
        errcode = answer.get("errcode")
        number = 0 if errcode is None else whole_number(errcode)
        if number:
            raise refusal(
                "GET", path, number, {"errmsg": answer.get("errmsg")}, *secrets, bare=True
            )
        shown = presentable(answer)
        if number is None or shown is None or not isinstance(answer.get(field), str):
            raise WeChatUnknownError(
                f"GET {path}: the answer has no sound `{field}`", path=path, remedy=_LOG_IN_AGAIN
            )
        return shown
