"""The component endpoints of api.weixin.qq.com: paths, fields, answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from sandbox.wechat.calls import Endpoint, Request, TokenNeed
from sandbox.wechat.return_codes import WeChatError

if TYPE_CHECKING:
    from sandbox.wechat.state import WeChat

Answered = Mapping[str, Any]
OK: Final = {"errcode": 0, "errmsg": "ok"}

START_PUSH_TICKET: Final = "/cgi-bin/component/api_start_push_ticket"
COMPONENT_TOKEN: Final = "/cgi-bin/component/api_component_token"
PRE_AUTH_CODE: Final = "/cgi-bin/component/api_create_preauthcode"
QUERY_AUTH: Final = "/cgi-bin/component/api_query_auth"
AUTHORIZER_TOKEN: Final = "/cgi-bin/component/api_authorizer_token"
AUTHORIZER_INFO: Final = "/cgi-bin/component/api_get_authorizer_info"
AUTHORIZER_LIST: Final = "/cgi-bin/component/api_get_authorizer_list"
GET_OPTION: Final = "/cgi-bin/component/get_authorizer_option"
SET_OPTION: Final = "/cgi-bin/component/set_authorizer_option"
OLD_GET_OPTION: Final = "/cgi-bin/component/api_get_authorizer_option"
OLD_SET_OPTION: Final = "/cgi-bin/component/api_set_authorizer_option"

_COMPONENT: Final = {"component_appid": 41018}


def component_endpoints(start_pushes: Callable[[], bool]) -> dict[str, Endpoint]:
    """Return the endpoints by path.

    ``start_pushes`` starts the pushes of tickets and says whether they had stopped.
    """

    def start_push_ticket(_: Request) -> Answered:
        return OK if start_pushes() else {"errcode": 0, "errmsg": "in a normal state"}

    return {
        START_PUSH_TICKET: Endpoint(
            start_push_ticket,
            required=_COMPONENT | {"component_secret": 41004},
            credentials=_secret_credentials,
        ),
        COMPONENT_TOKEN: Endpoint(
            _component_token,
            required=_COMPONENT | {"component_appsecret": 41004, "component_verify_ticket": 41020},
            credentials=_ticket_credentials,
        ),
        PRE_AUTH_CODE: Endpoint(_pre_auth_code, required=_COMPONENT),
        QUERY_AUTH: Endpoint(
            _query_auth,
            required=_COMPONENT | {"authorization_code": 47001},
            may_be_empty=frozenset({"authorization_code"}),
        ),
        AUTHORIZER_TOKEN: Endpoint(
            _authorizer_token,
            required=_COMPONENT | {"authorizer_appid": 47001, "authorizer_refresh_token": 47001},
            may_be_empty=frozenset({"authorizer_refresh_token"}),
        ),
        AUTHORIZER_INFO: Endpoint(
            _authorizer_info,
            required=_COMPONENT | {"authorizer_appid": 47001},
            escapes_slashes=True,
        ),
        AUTHORIZER_LIST: Endpoint(
            _authorizer_list,
            required=_COMPONENT | {"offset": 47001, "count": 47001},
            integers=frozenset({"offset", "count"}),
        ),
        OLD_GET_OPTION: Endpoint(
            _old_get_option,
            required=_COMPONENT | {"authorizer_appid": 47001, "option_name": 47001},
        ),
        OLD_SET_OPTION: Endpoint(
            _set_option,
            required=_COMPONENT
            | {"authorizer_appid": 47001, "option_name": 47001, "option_value": 47001},
        ),
        GET_OPTION: Endpoint(_get_option, required={"option_name": 47001}, token=TokenNeed.EITHER),
        SET_OPTION: Endpoint(
            _set_option,
            required={"option_name": 47001, "option_value": 47001},
            token=TokenNeed.EITHER,
        ),
    }


def _secret_credentials(state: WeChat, body: Mapping[str, Any]) -> None:
    _refuse_accounts(state, body)
    state.component.check_credentials(
        state.settings, body["component_appid"], body["component_secret"]
    )


def _ticket_credentials(state: WeChat, body: Mapping[str, Any]) -> None:
    _refuse_accounts(state, body)
    state.component.check_credentials(
        state.settings, body["component_appid"], body["component_appsecret"]
    )
    state.component.check_ticket(state.settings, body["component_verify_ticket"], state.clock.now())


def _refuse_accounts(state: WeChat, body: Mapping[str, Any]) -> None:
    """Raise 61011 for the appid of an account: it exists and is not a component."""
    if body["component_appid"] in state.links:
        raise WeChatError(61011)


def _component_token(request: Request) -> Answered:
    state = request.state
    token = state.component.issue_token(state.settings, state.clock.now())
    return {
        "component_access_token": token.value,
        "expires_in": int(state.settings.component_token_life),
    }


def _pre_auth_code(request: Request) -> Answered:
    state = request.state
    code = state.component.issue_pre_auth_code(state.settings, state.clock.now())
    return {
        "pre_auth_code": code.value,
        "expires_in": int(state.settings.pre_auth_code_life),
    }


def _query_auth(request: Request) -> Answered:
    return request.state.exchange(request.body["authorization_code"] or "")


def _authorizer_token(request: Request) -> Answered:
    return request.state.refresh(
        request.body["authorizer_appid"], request.body["authorizer_refresh_token"] or ""
    )


def _authorizer_info(request: Request) -> Answered:
    return request.state.info(request.body["authorizer_appid"])


def _authorizer_list(request: Request) -> Answered:
    return request.state.listing(request.body["offset"], request.body["count"])


def _subject(request: Request) -> str:
    """Return the account an option belongs to: the one named, else the token's."""
    owner = request.owner.authorizer_appid if request.owner else None
    return owner or str(request.body.get("authorizer_appid", ""))


def _get_option(request: Request) -> Answered:
    name = request.body["option_name"]
    return {"option_name": name, "option_value": request.state.option(_subject(request), name)}


def _old_get_option(request: Request) -> Answered:
    return {"authorizer_appid": _subject(request), **_get_option(request)}


def _set_option(request: Request) -> Answered:
    request.state.set_option(
        _subject(request), request.body["option_name"], request.body["option_value"]
    )
    return OK
