"""Quotas read and reset, and refused calls looked up by their rid: for a merchant, the platform."""

from __future__ import annotations

import json

import pytest

from sandbox.stack.http_client import send
from tests.stack.refusals import assert_no_secret
from tests.stack.test_calls import MESSAGE, SEND, by_invoke, over_http, signed
from tests.stack.world import PRE_AUTH_CODE, World
from wxvault.client_calls import AuthorizerClient, CallByHttp, CallByInvoke, ComponentClient
from wxvault.client_transports import AccessDeniedError
from wxvault.errors import MinuteQuotaError, WeChatRefusedError

GET = "/cgi-bin/openapi/quota/get"
CLEAR = "/cgi-bin/openapi/quota/clear"
CLEAR_ALL = "/cgi-bin/clear_quota"
RID = "/cgi-bin/openapi/rid/get"
PLATFORM = [("POST", f"/component-call{path}") for path in (GET, CLEAR, CLEAR_ALL, RID)]


@pytest.fixture
def merchant(world: World) -> World:
    """A merchant with a token."""
    world.authorise()
    return world


def for_the_platform(world: World) -> tuple[ComponentClient, ComponentClient]:
    """The platform's own client: over HTTP, by a role that may do nothing else; and by invoke."""
    role = world.stack.roles.caller_of_paths("platform-quota", PLATFORM)
    caller = world.stack.trusted_caller().clients.lambda_
    function = world.stack.functions["call"].alias
    return ComponentClient(CallByHttp(signed(role))), ComponentClient(
        CallByInvoke(function, caller)
    )


def rid_of(text: str) -> str:
    """The request id at the end of what WeChat says."""
    return text.rpartition("rid: ")[2]


def test_a_merchants_quota_is_read_and_reset(merchant: World) -> None:
    """One API's and all of it, by both ways, with the merchant's own token."""
    for client in (over_http(merchant), by_invoke(merchant)):
        client.post(SEND, json=MESSAGE)
        quota = client.quota_read(SEND)["quota"]
        assert quota["used"] + quota["remain"] == quota["daily_limit"]
        assert quota["used"] >= 1
        assert client.quota_clear(SEND) == {"errcode": 0, "errmsg": "ok"}
        assert client.quota_read(SEND)["quota"]["used"] < quota["used"]
        client.clear_quota()
        with pytest.raises(WeChatRefusedError) as refused:
            client.quota_read(PRE_AUTH_CODE)
        assert refused.value.wechat_errcode == 76022
    assert (merchant.count(GET), merchant.count(CLEAR), merchant.count(CLEAR_ALL)) == (4, 2, 2)


def test_the_platforms_quota_is_read_and_reset(merchant: World) -> None:
    """With the component's token, by a role that may not do it for a merchant, nor the reverse."""
    before = merchant.stack.wechat.last_seq()
    for client in for_the_platform(merchant):
        quota = client.quota_read(PRE_AUTH_CODE)["quota"]
        assert quota["used"] + quota["remain"] == quota["daily_limit"]
        assert client.quota_clear(PRE_AUTH_CODE)["errcode"] == 0
        client.clear_quota(merchant.stack.component.appid)
        with pytest.raises(WeChatRefusedError) as refused:
            client.clear_quota(merchant.appid)
        assert refused.value.wechat_errcode == 40013
    for path, count in ((GET, 2), (CLEAR, 2), (CLEAR_ALL, 2)):
        assert merchant.stack.wechat.count(path, since=before, what="ok") == count
    roles = merchant.stack.roles
    platform = roles.caller_of_paths("platform-quota", PLATFORM)
    with pytest.raises(AccessDeniedError):
        AuthorizerClient(merchant.appid, CallByHttp(signed(platform))).quota_read(SEND)
    only = roles.calls_for_authorizer(merchant.appid)
    with pytest.raises(AccessDeniedError):
        ComponentClient(CallByHttp(signed(only))).quota_read(PRE_AUTH_CODE)


def test_a_merchants_refused_call_is_looked_up(merchant: World) -> None:
    """What was asked and answered, without the token; nobody else's rid is told."""
    for client in (over_http(merchant), by_invoke(merchant)):
        merchant.stack.wechat.add_fault(
            "errcode", SEND, authorizer_appid=merchant.appid, errcode=45011
        )
        with pytest.raises(MinuteQuotaError) as refused:
            client.post(SEND, json=MESSAGE)
        rid = rid_of(refused.value.message)
        request = client.rid(rid)["request"]
        assert json.loads(request["request_body"]) == MESSAGE
        assert json.loads(request["response_body"])["errcode"] == 45011
        assert request["request_url"] == f"{SEND}?access_token=***"
        assert request["client_ip"]
        for platform in for_the_platform(merchant):
            with pytest.raises(WeChatRefusedError) as others:
                platform.rid(rid)
            assert others.value.wechat_errcode == 76003


def test_the_app_secret_does_not_come_back_by_a_rid(merchant: World) -> None:
    """WeChat remembers what *renew* alone may know: *call* tells the call, and not the secret."""
    stack = merchant.stack
    own = {"component_appid": stack.component.appid}
    refused = {
        "/cgi-bin/component/api_component_token": {
            "component_appsecret": stack.component.appsecret,
            "component_verify_ticket": "ticket@@@of-yesterday",
        },
        "/cgi-bin/component/clear_quota/v2": {
            "appsecret": stack.component.appsecret,
            "appid": "wx00000000000000ff",
        },
    }
    for path, body in refused.items():
        answer = send("POST", f"{stack.wechat_url}{path}", body=json.dumps(own | body).encode())
        assert answer.json()["errcode"]
        for client in for_the_platform(merchant):
            told = client.rid(rid_of(answer.json()["errmsg"]))
            assert own.items() <= json.loads(told["request"]["request_body"]).items()
            assert stack.component.appsecret not in json.dumps(told)
            assert "of-yesterday" not in json.dumps(told)
            assert_no_secret(stack, json.dumps(told))
