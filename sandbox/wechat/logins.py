"""Logins of accounts' users: codes that count once, session keys, OAuth tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sandbox.wechat.calls import Endpoint, Request, TokenNeed
from sandbox.wechat.return_codes import WeChatError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.wechat.ledger import SecretLedger
    from sandbox.wechat.open_accounts import OpenAccounts
    from sandbox.wechat.values import Minter

JSCODE: Final = "/sns/component/jscode2session"
OAUTH: Final = "/sns/oauth2/component/access_token"
OAUTH_REFRESH: Final = "/sns/oauth2/component/refresh_token"
USER_INFO: Final = "/sns/userinfo"
SCOPES: Final = ("snsapi_base", "snsapi_userinfo")

_CODE_LIFE: Final = 300
_TOKEN_LIFE: Final = 7200
_REFRESH_LIFE: Final = 30 * 86_400


@dataclass(slots=True)
class _Code:
    appid: str
    openid: str
    scope: str
    ends: float
    used: bool = False


@dataclass(frozen=True, slots=True)
class _Token:
    appid: str
    openid: str
    scope: str
    ends: float
    value: str = field(default="", repr=False)


class Logins:
    """Codes and tokens of users. The caller holds the lock."""

    def __init__(self, minter: Minter, ledger: SecretLedger, open_accounts: OpenAccounts) -> None:
        self._minter = minter
        self._ledger = ledger
        self._open_accounts = open_accounts
        self._codes: dict[str, _Code] = {}
        self._tokens: dict[str, _Token] = {}
        self._refresh: dict[str, _Token] = {}

    def issue_code(self, appid: str, now: float, *, scope: str = "", openid: str = "") -> str:
        """Return what ``wx.login`` gives (no scope), or what the OAuth page redirects with."""
        code = self._minter.login_code()
        who = openid or self._minter.openid()
        self._codes[code] = _Code(appid, who, scope, now + _CODE_LIFE)
        return code

    def endpoints(self) -> dict[str, Endpoint]:
        """Return the endpoints by path."""
        component = {"component_appid": 41018}
        code = {"appid": 41002, "grant_type": 40002}
        return {
            JSCODE: _component(self._jscode, {**code, "js_code": 41008, **component}),
            OAUTH: _component(self._oauth, {**code, "code": 41008, **component}),
            OAUTH_REFRESH: _component(
                self._oauth_refresh, {**code, "refresh_token": 41003, **component}
            ),
            USER_INFO: Endpoint(
                self._user_info,
                token=TokenNeed.NONE,
                methods=frozenset({"GET"}),
                checks_address=False,
                parameters={"access_token": 41001, "openid": 40003},
            ),
        }

    def _jscode(self, request: Request) -> Mapping[str, Any]:
        appid = _account(request, "authorization_code")
        used = self._use(request, appid, request.call.query["js_code"], "")
        key = self._minter.session_key()
        self._record("session_key", key, request, appid)
        return {"openid": used.openid, "session_key": key, **self._unionid(appid, used.openid)}

    def _oauth(self, request: Request) -> Mapping[str, Any]:
        appid = _account(request, "authorization_code")
        used = self._use(request, appid, request.call.query["code"], *SCOPES)
        refresh = self._minter.refresh_token()
        now = request.state.clock.now()
        self._refresh[refresh] = _Token(
            appid, used.openid, used.scope, now + _REFRESH_LIFE, refresh
        )
        self._record("user_refresh_token", refresh, request, appid)
        return self._issue(request, self._refresh[refresh])

    def _oauth_refresh(self, request: Request) -> Mapping[str, Any]:
        appid = _account(request, "refresh_token")
        known = self._refresh.get(request.call.query["refresh_token"])
        if known is None or known.appid != appid:
            raise WeChatError(40030)
        if known.ends <= request.state.clock.now():
            raise WeChatError(42002)
        return self._issue(request, known)

    def _user_info(self, request: Request) -> Mapping[str, Any]:
        query = request.call.query
        known = self._tokens.get(query["access_token"])
        if known is None:
            raise WeChatError(40001)
        if known.ends <= request.state.clock.now():
            raise WeChatError(42001)
        if known.openid != query["openid"]:
            raise WeChatError(40003)
        if known.scope != "snsapi_userinfo":
            raise WeChatError(48001)
        return {
            "openid": known.openid,
            "nickname": "示例用户",
            "sex": 0,
            "province": "",
            "city": "",
            "country": "",
            "headimgurl": "https://thirdwx.qlogo.cn/mmopen/example/132",
            "privilege": [],
            **self._unionid(known.appid, known.openid),
        }

    def _use(self, request: Request, appid: str, value: str, *scopes: str) -> _Code:
        code = self._codes.get(value)
        if code is None or code.appid != appid or code.scope not in scopes:
            raise WeChatError(40029)
        if code.used:
            raise WeChatError(40163)
        if code.ends <= request.state.clock.now():
            raise WeChatError(40029)
        code.used = True
        return code

    def _issue(self, request: Request, known: _Token) -> Mapping[str, Any]:
        token = self._minter.access_token()
        ends = request.state.clock.now() + _TOKEN_LIFE
        self._tokens[token] = _Token(known.appid, known.openid, known.scope, ends)
        self._record("user_access_token", token, request, known.appid)
        return {
            "access_token": token,
            "expires_in": _TOKEN_LIFE,
            "refresh_token": known.value,
            "openid": known.openid,
            "scope": known.scope,
            **self._unionid(known.appid, known.openid),
        }

    def _record(self, kind: str, value: str, request: Request, appid: str) -> None:
        now = request.state.clock.now()
        self._ledger.record(kind, value, now=now, authorizer_appid=appid)

    def _unionid(self, appid: str, openid: str) -> dict[str, str]:
        account = self._open_accounts.of(appid)
        return {"unionid": f"u{account.open_appid[2:10]}{openid[-18:]}"} if account else {}


def _account(request: Request, grant_type: str) -> str:
    """Return the account a user logs in to. Raises 40002, 40094, 61003."""
    query = request.call.query
    if query["grant_type"] != grant_type:
        raise WeChatError(40002)
    if query["component_appid"] != request.state.settings.component_appid:
        raise WeChatError(40094)
    request.state.authorised_link(query["appid"])
    return query["appid"]


def _component(execute: Any, parameters: Mapping[str, int]) -> Endpoint:
    return Endpoint(
        execute,
        methods=frozenset({"GET"}),
        parameters=parameters,
        missing_token=41021,
        wrong_address=40090,
    )
