"""The endpoints of ``/cgi-bin/component/``: the only place that knows WeChat's paths.

Pages: openApi/ticket-token/* and openApi/authorization-management/* of WeChat's documentation for
third-party platforms (第三方平台).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from wxvault.errors import WeChatRefusedError
from wxvault.protocol import return_codes
from wxvault.wechat.answers import (
    AuthorizerInfo,
    AuthorizerPage,
    Grant,
    IssuedToken,
    PreAuthCode,
    Reader,
    Refreshed,
)
from wxvault.wechat.asking import ask, clean
from wxvault.wechat.http import WeChatHttp
from wxvault.wechat.rid_answers import RID_GET

if TYPE_CHECKING:
    from collections.abc import Iterable

COMPONENT_TOKEN: Final = "/cgi-bin/component/api_component_token"
PRE_AUTH_CODE: Final = "/cgi-bin/component/api_create_preauthcode"
QUERY_AUTH: Final = "/cgi-bin/component/api_query_auth"
AUTHORIZER_TOKEN: Final = "/cgi-bin/component/api_authorizer_token"
AUTHORIZER_INFO: Final = "/cgi-bin/component/api_get_authorizer_info"
CLEAR_QUOTA: Final = "/cgi-bin/component/clear_quota/v2"
GET_OPTION: Final = "/cgi-bin/component/get_authorizer_option"
SET_OPTION: Final = "/cgi-bin/component/set_authorizer_option"
OLD_GET_OPTION: Final = "/cgi-bin/component/api_get_authorizer_option"
OLD_SET_OPTION: Final = "/cgi-bin/component/api_set_authorizer_option"
AUTHORIZER_LIST: Final = "/cgi-bin/component/api_get_authorizer_list"
START_PUSH_TICKET: Final = "/cgi-bin/component/api_start_push_ticket"

_NOBODYS_RID: Final = "00000000-00000000-00000000"
_RID: Final = re.compile(r"rid: ([0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8})")


class ComponentApi:
    """WeChat, asked once per call. Safe to share between threads.

    Every method may raise WeChatRefusedError (an errcode: nothing was issued) and
    WeChatUnknownError (no good answer in time: WeChat may have executed the call).
    """

    def __init__(self, base_url: str, *, http: WeChatHttp | None = None) -> None:
        """Take WeChat's base URL as the settings have checked it."""
        self._http = http if http is not None else WeChatHttp(base_url)

    def component_token(self, component_appid: str, appsecret: str, ticket: str) -> IssuedToken:
        """Buy a component token with a ticket (api_component_token). No token is needed."""
        answer = self._call(
            COMPONENT_TOKEN,
            {
                "component_appid": component_appid,
                "component_appsecret": appsecret,
                "component_verify_ticket": ticket,
            },
            secrets=(appsecret, ticket),
        )
        return IssuedToken(answer.secret("component_access_token"), answer.seconds())

    def pre_auth_code(self, component_appid: str, component_token: str) -> PreAuthCode:
        """Mint a pre-auth code (api_create_preauthcode)."""
        answer = self._call(
            PRE_AUTH_CODE, {"component_appid": component_appid}, token=component_token
        )
        return PreAuthCode(answer.secret("pre_auth_code"), answer.seconds())

    def query_auth(
        self, component_appid: str, component_token: str, authorization_code: str
    ) -> Grant:
        """Exchange an authorization code (api_query_auth); WeChat honours a code once."""
        answer = self._call(
            QUERY_AUTH,
            {"component_appid": component_appid, "authorization_code": authorization_code},
            token=component_token,
            secrets=(authorization_code,),
        ).part("authorization_info")
        appid = answer.appid("authorizer_appid")
        if appid is None:
            raise answer.lacks("authorizer_appid")
        access_token = answer.secret_or_none("authorizer_access_token")
        return Grant(
            authorizer_appid=appid,
            access_token=access_token,
            expires_in=None if access_token is None else answer.seconds(),
            refresh_token=answer.secret_or_none("authorizer_refresh_token"),
            func_info=answer.func_info(),
        )

    def refresh(
        self,
        component_appid: str,
        component_token: str,
        authorizer_appid: str,
        refresh_token: str,
    ) -> Refreshed:
        """Renew an authorizer's access token (api_authorizer_token)."""
        answer = self._call(
            AUTHORIZER_TOKEN,
            {
                "component_appid": component_appid,
                "authorizer_appid": authorizer_appid,
                "authorizer_refresh_token": refresh_token,
            },
            token=component_token,
            secrets=(refresh_token,),
        )
        return Refreshed(
            access_token=answer.secret("authorizer_access_token"),
            expires_in=answer.seconds(),
            refresh_token=answer.secret_or_none("authorizer_refresh_token"),
        )

    def authorizer_info(
        self, component_appid: str, component_token: str, authorizer_appid: str
    ) -> AuthorizerInfo:
        """Read an authorizer's profile, grants and refresh token (api_get_authorizer_info)."""
        answer = self._call(
            AUTHORIZER_INFO,
            {"component_appid": component_appid, "authorizer_appid": authorizer_appid},
            token=component_token,
        )
        authorization = answer.part("authorization_info")
        # Copies of the page name the field differently; another account's answer is no answer.
        appid = authorization.appid("authorizer_appid", "authorization_appid", "appid")
        if appid not in {None, authorizer_appid}:
            raise answer.lacks("authorizer_appid")
        if not authorization.mapping():
            raise answer.lacks("authorization_info")
        return AuthorizerInfo(
            authorizer_appid=authorizer_appid,
            refresh_token=authorization.secret_or_none("authorizer_refresh_token"),
            func_info=authorization.func_info(),
            profile=answer.part("authorizer_info").mapping(),
        )

    def option(
        self, component_appid: str, access_token: str, authorizer_appid: str, name: str
    ) -> str:
        """Read an option with the authorizer's token (get_authorizer_option)."""
        body = _option(component_appid, authorizer_appid, name)
        return self._call(GET_OPTION, body, access_token=access_token).word("option_value")

    def set_option(
        self,
        component_appid: str,
        access_token: str,
        authorizer_appid: str,
        name: str,
        value: str,
    ) -> None:
        """Set an option with the authorizer's token (set_authorizer_option)."""
        body = _option(component_appid, authorizer_appid, name) | {"option_value": value}
        self._call(SET_OPTION, body, access_token=access_token)

    def old_option(
        self, component_appid: str, component_token: str, authorizer_appid: str, name: str
    ) -> str:
        """Read an option with the component token (api_get_authorizer_option)."""
        body = _option(component_appid, authorizer_appid, name)
        return self._call(OLD_GET_OPTION, body, token=component_token).word("option_value")

    def set_old_option(
        self,
        component_appid: str,
        component_token: str,
        authorizer_appid: str,
        name: str,
        value: str,
    ) -> None:
        """Set an option with the component token (api_set_authorizer_option)."""
        body = _option(component_appid, authorizer_appid, name) | {"option_value": value}
        self._call(OLD_SET_OPTION, body, token=component_token)

    def authorizer_list(
        self, component_appid: str, component_token: str, offset: int, count: int
    ) -> AuthorizerPage:
        """Read a page of the component's authorizers (api_get_authorizer_list).

        ``count`` is at most 500, or WeChat refuses with 40170; wxvault always asks for
        :data:`wxvault.services.authorizer_list.PAGE`.

        The order is WeChat's, and says nothing; whoever cancels meanwhile makes the rest move up.
        """
        return self._call(
            AUTHORIZER_LIST,
            {"component_appid": component_appid, "offset": offset, "count": count},
            token=component_token,
        ).authorizer_page()

    def start_push_ticket(self, component_appid: str, component_secret: str) -> str:
        """Start the ticket pushes again (api_start_push_ticket); return WeChat's word on it.

        The body's field is ``component_secret`` here, not ``component_appsecret``.
        """
        answer = self._call(
            START_PUSH_TICKET,
            {"component_appid": component_appid, "component_secret": component_secret},
            secrets=(component_secret,),
        )
        return clean(answer.mapping().get("errmsg"), (component_secret,))

    def caller_address(self, component_token: str) -> str | None:
        """Return the address that these calls come from, as WeChat sees it; None: it did not say.

        Asks for a request id of nobody, which WeChat refuses under an id of its own, and then what
        it remembers of that (openapi/rid/get): the caller's address is in it.
        """
        try:
            self._call(RID_GET, {"rid": _NOBODYS_RID}, access_token=component_token)
        except WeChatRefusedError as refusal:
            found = _RID.search(refusal.message)
            if refusal.wechat_errcode not in return_codes.RID_REFUSED or found is None:
                raise
        else:
            return None
        answer = self._call(RID_GET, {"rid": found[1]}, access_token=component_token)
        return return_codes.plain_address(answer.part("request").mapping().get("client_ip"))

    def clear_quota(
        self, component_appid: str, appsecret: str, authorizer_appid: str | None
    ) -> None:
        """Reset the daily quota (clear_quota/v2), the component's or an authorizer's.

        No token is needed. WeChat allows ten resets a month.
        """
        body = {"component_appid": component_appid, "appsecret": appsecret}
        if authorizer_appid is not None:
            body["appid"] = authorizer_appid
        self._call(CLEAR_QUOTA, body, secrets=(appsecret,))

    def _call(
        self,
        path: str,
        body: dict[str, Any],
        *,
        token: str | None = None,
        access_token: str | None = None,
        secrets: Iterable[str] = (),
    ) -> Reader:
        """Send one call and return the reader of its answer, or raise for an errcode.

        ``token`` is the component's, ``access_token`` an authorizer's.
        """
        query = {} if token is None else {"component_access_token": token}
        if access_token is not None:
            query["access_token"] = access_token
        return ask(self._http, path, body, query=query, secrets=secrets)


def _option(component_appid: str, authorizer_appid: str, name: str) -> dict[str, Any]:
    return {
        "component_appid": component_appid,
        "authorizer_appid": authorizer_appid,
        "option_name": name,
    }
