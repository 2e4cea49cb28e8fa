"""Quotas, request ids and WeChat's own addresses: the APIs that tell what is the matter."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from sandbox.wechat.calls import Endpoint, Request, TokenNeed
from sandbox.wechat.component_api import OK
from sandbox.wechat.quota_book import DAILY_LIMIT
from sandbox.wechat.return_codes import WeChatError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.wechat.state import WeChat

CLEAR_QUOTA: Final = "/cgi-bin/clear_quota"
COMPONENT_CLEAR_QUOTA: Final = "/cgi-bin/component/clear_quota"
CLEAR_QUOTA_BY_SECRET: Final = "/cgi-bin/component/clear_quota/v2"
QUOTA_GET: Final = "/cgi-bin/openapi/quota/get"
QUOTA_CLEAR: Final = "/cgi-bin/openapi/quota/clear"
RID_GET: Final = "/cgi-bin/openapi/rid/get"
CALLBACK_IP: Final = "/cgi-bin/getcallbackip"
API_DOMAIN_IP: Final = "/cgi-bin/get_api_domain_ip"

_OWN_ADDRESSES: Final = ("127.0.0.1",)
_COMPONENT_PATHS: Final = "/cgi-bin/component/"


def quota_endpoints(knows: Callable[[str], bool]) -> dict[str, Endpoint]:
    """Return the endpoints by path; ``knows`` says which paths are APIs at all."""

    def cgi_path(request: Request) -> str:
        """Return the API a call is about. Raises 76021, 76022."""
        path = str(request.body["cgi_path"])
        if path.startswith("/sns/"):
            raise WeChatError(76022)
        if not knows(path):
            raise WeChatError(76021)
        if path.startswith(_COMPONENT_PATHS) != (_appid(request) is None):
            raise WeChatError(76022)
        return path

    def quota_get(request: Request) -> Mapping[str, Any]:
        path = cgi_path(request)
        limit = request.state.settings.quotas.get(path, DAILY_LIMIT)
        used = request.state.quota.used(path, request.state.clock.now())
        rate = {"call_count": 0, "refresh_second": 60}
        return {
            **OK,
            "quota": {"daily_limit": limit, "used": used, "remain": max(limit - used, 0)},
            "rate_limit": rate,
            "component_rate_limit": rate,
        }

    def quota_clear(request: Request) -> Mapping[str, Any]:
        path = cgi_path(request)
        owner = _appid(request) or request.state.settings.component_appid
        request.state.quota.reset(owner, request.state.clock.now(), path=path)
        return OK

    return {
        CLEAR_QUOTA: Endpoint(_clear_quota, required={"appid": 41002}, token=TokenNeed.ANY),
        COMPONENT_CLEAR_QUOTA: Endpoint(_component_clear, required={"component_appid": 41018}),
        CLEAR_QUOTA_BY_SECRET: Endpoint(
            _clear_by_secret,
            required={"component_appid": 41002, "appsecret": 41004},
            credentials=_secret_credentials,
        ),
        QUOTA_GET: Endpoint(quota_get, required={"cgi_path": 47001}, token=TokenNeed.ANY),
        QUOTA_CLEAR: Endpoint(quota_clear, required={"cgi_path": 47001}, token=TokenNeed.ANY),
        RID_GET: Endpoint(_rid_get, required={"rid": 76002}, token=TokenNeed.ANY),
        CALLBACK_IP: Endpoint(_addresses, token=TokenNeed.ANY, methods=frozenset({"GET"})),
        API_DOMAIN_IP: Endpoint(_addresses, token=TokenNeed.ANY, methods=frozenset({"GET"})),
    }


def _appid(request: Request) -> str | None:
    """Return the account whose token a call has; None: the component's."""
    return request.owner.authorizer_appid if request.owner else None


def _clear_quota(request: Request) -> Mapping[str, Any]:
    """Reset what belongs to the token. Raises 40013 for another appid, 48006."""
    owner = _appid(request) or request.state.settings.component_appid
    if request.body["appid"] != owner:
        raise WeChatError(40013)
    request.state.quota.reset(owner, request.state.clock.now())
    return OK


def _component_clear(request: Request) -> Mapping[str, Any]:
    request.state.quota.reset(request.body["component_appid"], request.state.clock.now())
    return OK


def _secret_credentials(state: WeChat, body: Mapping[str, Any]) -> None:
    state.component.check_credentials(state.settings, body["component_appid"], body["appsecret"])


def _clear_by_secret(request: Request) -> Mapping[str, Any]:
    """Reset the component's quota, or an account's. Raises 40013 for one that is unknown."""
    owner = request.body.get("appid") or request.body["component_appid"]
    state = request.state
    if owner != state.settings.component_appid and owner not in state.links:
        raise WeChatError(40013)
    state.quota.reset(owner, state.clock.now())
    return OK


def _rid_get(request: Request) -> Mapping[str, Any]:
    now = request.state.clock.now()
    call = request.state.rids.find(request.body["rid"], owner=_appid(request), now=now)
    told = asdict(call)
    del told["owner"]
    return {**OK, "request": told}


def _addresses(_: Request) -> Mapping[str, Any]:
    return {"ip_list": list(_OWN_ADDRESSES)}
