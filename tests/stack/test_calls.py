"""Calls on behalf of merchants and of the platform itself: who may, what comes back, what is said.

Every caller is a role of its own, every answer has come over the gateway or from a direct invoke.
"""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.credentials import Credentials

from sandbox.stack.observe import eventually
from sandbox.wechat.media import PNG
from tests.stack.refusals import assert_clear, assert_no_secret
from tests.stack.test_lookups import wait_until_old_enough
from tests.stack.world import AUTHORIZER_TOKEN, World
from wxvault.client_calls import (
    AuthorizerClient,
    CallByHttp,
    CallByInvoke,
    ComponentClient,
    File,
)
from wxvault.client_transports import AccessDeniedError, SignedHttp
from wxvault.errors import (
    AnswerTooLargeError,
    PermissionMissingError,
    RequestTooLargeError,
    TokenRefusedError,
    WeChatRefusedError,
)

if TYPE_CHECKING:
    from sandbox.stack.http_client import Answer
    from sandbox.stack.roles import Role
    from sandbox.stack.stack import LocalStack

INFO = "/cgi-bin/account/getaccountbasicinfo"
SEND = "/cgi-bin/message/custom/send"
MESSAGE = {"touser": "oUser", "msgtype": "text", "text": {"content": "您好"}}
MIB = 1024 * 1024


def signed(role: Role) -> SignedHttp:
    """Signed HTTP with a role's credentials."""
    given = role.clients.credentials
    keys = Credentials(given.key, given.secret, given.token)
    return SignedHttp(role.platform_url, region="us-east-1", credentials=lambda: keys)


def over_http(world: World) -> AuthorizerClient:
    """The client as a service that may call for this merchant only."""
    role = world.stack.roles.calls_for_authorizer(world.appid)
    return AuthorizerClient(world.appid, CallByHttp(signed(role)))


def by_invoke(world: World) -> AuthorizerClient:
    """The client as another Lambda function."""
    caller = world.stack.trusted_caller().clients.lambda_
    function = world.stack.functions["call"].alias
    return AuthorizerClient(world.appid, CallByInvoke(function, caller))


def json_of(size: int) -> dict[str, Any]:
    """A message, mostly Chinese, that takes so many bytes as JSON."""
    message = {**MESSAGE, "text": {"content": "您好" * (size // 8)}, "more": ""}
    return {**message, "more": "x" * (size - len(json.dumps(message, ensure_ascii=False).encode()))}


def call(world: World, method: str, path: str, **more: Any) -> Answer:
    """Send a plain signed request as a role that may call for this merchant only."""
    role = world.stack.roles.calls_for_authorizer(world.appid)
    return role.http(method, f"/call/{world.appid}{path}", **more)


@pytest.fixture(scope="module")
def early(stack: LocalStack) -> World:
    """A merchant who came when the module began: meanwhile the token grows old enough."""
    world = World.fresh(stack)
    world.authorise()
    return world


@pytest.fixture(scope="module")
def fought_over(stack: LocalStack) -> World:
    """Another one."""
    world = World.fresh(stack)
    world.authorise()
    return world


@pytest.fixture
def merchant(early: World, fought_over: World, world: World) -> World:
    """A merchant with a token, in a world of its own."""
    world.authorise()
    return world


@pytest.fixture
def mini_program(stack: LocalStack, merchant: World) -> World:
    """A mini program with a token."""
    account = stack.wechat.add_merchant(kind="mp")
    other = World(stack, merchant.tenant_id, account, time.time(), stack.wechat.last_seq())
    other.authorise()
    return other


# ---- who may ------------------------------------------------------------------------------------


def test_a_role_for_one_merchant_calls_for_that_merchant_only(merchant: World) -> None:
    """Its own is answered by WeChat; every other way is 403 and reaches nobody."""
    stack = merchant.stack
    other = World.fresh(stack)
    other.authorise()
    role = stack.roles.calls_for_authorizer(merchant.appid)
    answer = call(merchant, "GET", INFO)
    assert (answer.status, answer.json()["appid"]) == (200, merchant.appid)
    assert answer.header("content-type") == "application/json; encoding=utf-8"
    assert answer.header("cache-control") == "no-store"
    before = stack.wechat.last_seq()
    refused = [
        role.http("GET", f"/call/{other.appid}{INFO}"),
        role.http("GET", f"/call/{other.appid}/call/{merchant.appid}/x"),
        role.http("POST", f"/login/{other.appid}/mp", body={"js_code": "c"}),
        role.http("GET", f"/tokens/{merchant.appid}"),
        role.http("GET", "/component-call/wxa/gettemplatelist"),
        stack.roles.nobody().http("GET", f"/call/{merchant.appid}{INFO}"),
        merchant.caller.http("GET", f"/call/{merchant.appid}{INFO}"),
        stack.http("GET", f"/call/{merchant.appid}{INFO}"),
    ]
    assert [(one.status, one.json()) for one in refused] == [(403, {"message": "Forbidden"})] * 8
    assert stack.wechat.last_seq() == before
    with pytest.raises(AccessDeniedError):
        AuthorizerClient(other.appid, CallByHttp(signed(role))).get(INFO)


def test_both_ways_bring_the_same(merchant: World) -> None:
    """JSON up and down, with Chinese in it, and a POST without a body."""
    for client in (over_http(merchant), by_invoke(merchant)):
        assert client.get(INFO).value()["principal_name"] == "Example Trading Co"
        assert client.post(SEND, json=MESSAGE).value() == {"errcode": 0, "errmsg": "ok"}
    assert merchant.count(SEND) == 2
    assert merchant.count(AUTHORIZER_TOKEN, what="calls") == 0


# ---- files --------------------------------------------------------------------------------------


def test_a_file_goes_up_and_comes_down(merchant: World) -> None:
    """By HTTP and by invoke, byte by byte, with its type."""
    for client, content in (
        (over_http(merchant), PNG * 50),
        (by_invoke(merchant), bytes(range(256))),
    ):
        form = {"media": File("图.png".encode("ascii", "ignore").decode(), content, "image/png")}
        media_id = client.upload("/cgi-bin/media/upload", form, type="image").value()["media_id"]
        reply = client.get("/cgi-bin/media/get", media_id=media_id)
        assert (reply.content, reply.content_type) == (content, "image/png")


def test_a_mini_programs_code_is_a_picture(mini_program: World) -> None:
    """A POST of JSON that is answered with a picture, or with an errcode."""
    client = over_http(mini_program)
    assert client.post("/wxa/getwxacode", json={"path": "pages/index"}).content == PNG
    with pytest.raises(WeChatRefusedError) as refused:
        client.post("/wxa/getwxacode", json={"path": "p" * 1025})
    assert refused.value.wechat_errcode == 40159
    assert refused.value.answer is not None
    assert refused.value.answer["errcode"] == 40159


def test_four_mib_pass_and_one_byte_more_does_not(merchant: World) -> None:
    """Up and down, by HTTP and by invoke; too much is refused before WeChat hears of it."""
    form = (
        b'--x\r\nContent-Disposition: form-data; name="media"; filename="a"\r\n\r\n%b\r\n--x--\r\n'
    )
    body = form % (b"\x89" * (4 * MIB - len(form) + 2))
    assert len(body) == 4 * MIB
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    path = "/cgi-bin/media/upload?type=image"
    passed = call(merchant, "POST", path, headers=headers, body=body)
    assert (passed.status, passed.json()["type"]) == (200, "image")
    before = merchant.count("/cgi-bin/media/upload", what="calls")
    refused = call(merchant, "POST", path, headers=headers, body=body + b"x")
    assert_clear(merchant.stack, refused, 413, "request_too_large")
    wanted = {
        "authorizer_appid": merchant.appid,
        "method": "POST",
        "path": "/cgi-bin/media/upload",
        "query": {"type": "image"},
        "content_type": headers["Content-Type"],
    }
    function, caller = merchant.stack.functions["call"].alias, merchant.stack.trusted_caller()
    for content, code in ((body, ""), (body + b"x", "request_too_large")):
        encoded = base64.b64encode(content).decode()
        answer = caller.invoke(function, {"call": {**wanted, "body_base64": encoded}})
        assert answer.get("error", {}).get("code", "") == code
    assert merchant.count("/cgi-bin/media/upload", what="calls") == before + 1
    for client in (over_http(merchant), by_invoke(merchant)):
        sent = merchant.count(SEND)
        client.post(SEND, json=json_of(4 * MIB))
        with pytest.raises(RequestTooLargeError):
            client.post(SEND, json=json_of(4 * MIB + 1))
        assert merchant.count(SEND, what="calls") == sent + 1
    for size, fits in ((4 * MIB, True), (4 * MIB + 1, False), (11 * MIB, False)):
        media_id = merchant.stack.wechat.add_media(size)
        for client in (over_http(merchant), by_invoke(merchant)):
            if fits:
                assert len(client.get("/cgi-bin/media/get", media_id=media_id).content) == size
            else:
                with pytest.raises(AnswerTooLargeError):
                    client.get("/cgi-bin/media/get", media_id=media_id)


# ---- what WeChat refuses ------------------------------------------------------------------------


def test_a_missing_permission_set_is_named(world: World) -> None:
    """By its number and both names, with what was granted."""
    world.authorise(func_ids=[3])
    with pytest.raises(PermissionMissingError) as refused:
        over_http(world).post(SEND, json=MESSAGE)
    error = refused.value
    assert error.wechat_errcode == 61007
    assert "1 消息管理 (messages) or 19 小程序客服管理" in error.message
    assert "Granted: 3 账号服务 (account service)" in error.message
    answer = call(world, "POST", SEND, body=MESSAGE)
    assert_clear(world.stack, answer, 409, "permission_missing")
    assert answer.json()["answer"]["errcode"] == 61007


def test_quotas_say_when_to_come_back(merchant: World) -> None:
    """45011: 429 with retry-after; 45009: 429; neither is sent again."""
    stack = merchant.stack
    for errcode, code, after in ((45011, "minute_quota", "60"), (45009, "daily_quota", "")):
        before = merchant.count(INFO, what="calls")
        stack.wechat.add_fault("errcode", INFO, authorizer_appid=merchant.appid, errcode=errcode)
        answer = call(merchant, "GET", INFO)
        error = assert_clear(stack, answer, 429, code)
        assert (error["wechat_errcode"], answer.header("retry-after")) == (errcode, after)
        assert merchant.count(INFO, what="calls") == before + 1


def test_a_busy_wechat_is_asked_again(merchant: World) -> None:
    """-1 twice and then well: the caller notices nothing but the time."""
    merchant.stack.wechat.add_fault(
        "errcode", INFO, authorizer_appid=merchant.appid, errcode=-1, count=2
    )
    assert over_http(merchant).get(INFO).value()["errcode"] == 0
    assert merchant.count(INFO, what="calls") == 3


NO_ANSWERS: dict[str, dict[str, Any]] = {
    "html": {"status": 200},
    "html with 502": {"kind": "html"},
    "garbage": {},
    "truncated": {},
    "reset": {},
    "drop_after_execution": {},
    "a redirect": {"kind": "http_status", "status": 302},
    "slow": {"seconds": 9, "executed": True},
}


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_what_is_no_answer_is_said_and_not_repeated(merchant: World, name: str) -> None:
    """Nobody knows whether WeChat executed it; the error says so and shows no secret."""
    fault = {"kind": name, "authorizer_appid": merchant.appid, **NO_ANSWERS[name]}
    kind = str(fault.pop("kind"))
    merchant.stack.wechat.add_fault(kind, SEND, **fault)
    answer = call(merchant, "POST", SEND, body=MESSAGE)
    error = assert_clear(merchant.stack, answer, 504, "wechat_unreachable")
    assert "executed" in error["remedy"]
    assert answer.header("retry-after") == ""
    # WeChat writes a slow call down when it is through with it.
    eventually(lambda: merchant.count(SEND, what="calls"), what="the call at WeChat")
    assert merchant.count(SEND, what="calls") == 1


# ---- refused tokens: these wait until the early ones are old enough ------------------------------


def test_a_token_superseded_elsewhere_is_noticed_and_replaced(early: World) -> None:
    """The caller gets a good answer: two calls, one renewal, and a line in the log."""
    wait_until_old_enough(early.stack, early.appid)
    since = replace(early, calls_since=early.stack.wechat.last_seq())
    early.stack.wechat.expire(early.appid, "revoke")
    assert over_http(early).get(INFO).value()["appid"] == early.appid
    assert since.count(INFO, what="calls") == 2
    assert since.count(AUTHORIZER_TOKEN, what="calls") == 1
    said = [line for line in early.logs() if "refuses a token that should be good" in line.text]
    assert len(said) == 1
    assert early.appid in said[0].text


def test_a_refusal_that_stays_costs_two_calls_and_one_renewal(fought_over: World) -> None:
    """Then it is an error that says what to look for."""
    world = fought_over
    wait_until_old_enough(world.stack, world.appid)
    since = replace(world, calls_since=world.stack.wechat.last_seq())
    world.stack.wechat.add_fault(
        "errcode", INFO, authorizer_appid=world.appid, errcode=40001, count=5
    )
    with pytest.raises(TokenRefusedError) as refused:
        by_invoke(world).get(INFO)
    world.stack.wechat.clear_faults()
    assert since.count(INFO, what="calls") == 2
    assert since.count(AUTHORIZER_TOKEN, what="calls") == 1
    assert "somebody else" in refused.value.message
    assert "switch it off" in refused.value.remedy
    assert_no_secret(world.stack, f"{refused.value.message}{refused.value.answer}")


# ---- bad input ----------------------------------------------------------------------------------

BAD: dict[str, tuple[str, str, dict[str, Any]]] = {
    "dots": ("GET", "/cgi-bin/%2e%2e/menu", {}),
    "an encoded slash": ("GET", "/cgi-bin/..%2Fmenu", {}),
    "an encoded percent sign": ("GET", "/cgi-bin%252Fmenu", {}),
    "doubled slashes": ("GET", "/cgi-bin//menu", {}),
    "a host": ("GET", "/https:/evil.example/x", {}),
    "a user": ("GET", "/@evil.example/x", {}),
    "a token of the caller's own": ("GET", f"{INFO}?access_token=49_mine", {}),
    "a component path": ("POST", "/cgi-bin/component/api_query_auth", {"body": {}}),
    "a login": ("GET", "/sns/component/jscode2session", {}),
    "a token path": ("POST", "/cgi-bin/stable_token", {"body": {}}),
    "a form": ("POST", SEND, {"body": b"a=b", "headers": {"Content-Type": "text/xml"}}),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_calls_are_refused_before_wechat_hears_of_them(merchant: World, name: str) -> None:
    """A clear error, nothing called, nothing of the caller's own token repeated."""
    method, path, more = BAD[name]
    answer = call(merchant, method, path, **more)
    assert_clear(merchant.stack, answer, 400, "invalid_request")
    assert "49_mine" not in answer.text
    for place in (INFO, SEND):
        assert merchant.count(place, what="calls") == 0


def test_unknown_and_revoked_merchants_are_told_apart(merchant: World) -> None:
    """By the look-up's own errors; WeChat is not asked."""
    stranger = merchant.another_merchant()["appid"]
    trusted, function = merchant.stack.trusted_caller(), merchant.stack.functions["call"].alias
    for kind, more in (("call", {"path": INFO}), ("login", {"kind": "mp", "js_code": "c"})):
        wanted = {"authorizer_appid": stranger, **more}
        answer = trusted.invoke(function, {kind: wanted})
        assert answer["error"]["code"] == "unknown_authorizer"
    merchant.stack.wechat.cancel(merchant.appid, push="first")
    assert_clear(merchant.stack, call(merchant, "GET", INFO), 410, "authorizer_revoked")
    assert merchant.count(INFO, what="calls") == 0


# ---- the platform itself ------------------------------------------------------------------------


def test_templates_are_made_with_the_platforms_own_token(stack: LocalStack) -> None:
    """By a role that may call these paths and no other."""
    paths = [
        ("GET", "/component-call/wxa/gettemplatedraftlist"),
        ("GET", "/component-call/wxa/gettemplatelist"),
        ("POST", "/component-call/wxa/addtotemplate"),
    ]
    client = ComponentClient(CallByHttp(signed(stack.roles.caller_of_paths("templates", paths))))
    number = stack.wechat.add_draft(user_version="2.0.0")
    assert number in {draft["draft_id"] for draft in client.drafts()}
    client.add_template(number)
    (template,) = [one for one in client.templates() if one["user_version"] == "2.0.0"]
    with pytest.raises(AccessDeniedError):
        client.delete_template(template["template_id"])
    trusted, function = stack.trusted_caller(), stack.functions["call"].alias
    gone = {"path": "/wxa/deletetemplate", "json": {"template_id": template["template_id"]}}
    assert trusted.invoke(function, {"component_call": gone})["json"]["errcode"] == 0
    refused = trusted.invoke(function, {"component_call": {"path": INFO}})
    assert refused["error"]["code"] == "invalid_request"


def test_an_open_platform_account_is_made_and_left(merchant: World) -> None:
    """By the client's methods, with WeChat's own codes for a wrong order."""
    client = over_http(merchant)
    assert client.open_have() is False
    open_appid = client.open_create()
    assert client.open_get() == open_appid
    assert client.open_have() is True
    with pytest.raises(WeChatRefusedError) as refused:
        client.open_create()
    assert refused.value.wechat_errcode == 89000
    client.open_unbind(open_appid)
    client.open_bind(open_appid)
