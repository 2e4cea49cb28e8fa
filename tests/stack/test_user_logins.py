"""Logins of merchants' users: mini programs and web OAuth, and where their keys never are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.stack.http_client import send
from tests.stack.refusals import assert_clear
from tests.stack.test_calls import by_invoke, over_http
from tests.stack.world import World
from wxvault.errors import InvalidRequestError, WeChatRefusedError

if TYPE_CHECKING:
    from sandbox.stack.stack import LocalStack

JSCODE = "/sns/component/jscode2session"


@pytest.fixture
def mini_program(stack: LocalStack, world: World) -> World:
    """A mini program whose user logs in."""
    account = stack.wechat.add_merchant(kind="mp")
    other = World(stack, world.tenant_id, account, time.time(), stack.wechat.last_seq())
    other.authorise()
    return other


def test_a_user_of_a_mini_program_logs_in(mini_program: World) -> None:
    """Openid and session key come back, by both ways; a code counts once."""
    wechat = mini_program.stack.wechat
    for client in (over_http(mini_program), by_invoke(mini_program)):
        code = wechat.login_code(mini_program.appid, openid="oSomebody")
        session = client.login(code)
        assert (session["openid"], len(session["session_key"])) == ("oSomebody", 24)
        with pytest.raises(WeChatRefusedError) as refused:
            client.login(code)
        assert refused.value.wechat_errcode == 40163
        assert "log in again" in refused.value.remedy
    assert mini_program.count(JSCODE, what="calls") == 4


def test_keys_of_users_are_in_no_log_and_no_item(mini_program: World) -> None:
    """Not at DEBUG, not in the table: whoever wants one has to ask the user again."""
    stack = mini_program.stack
    session = over_http(mini_program).login(stack.wechat.login_code(mini_program.appid))
    key = session["session_key"]
    assert key in {secret.value for secret in stack.wechat.secrets()}
    assert not [line for line in mini_program.logs() if key in line.text]
    assert not [item for item in stack.scan_table() if key in str(item)]


def test_a_follower_logs_in_on_the_web(world: World) -> None:
    """The link leads to WeChat, WeChat back with a code, the code to a token and a profile."""
    world.authorise()
    client = over_http(world)
    link = client.oauth_link("https://shop.example.com/u?x=1", scope="snsapi_userinfo", state="s1")
    assert link.startswith(f"{world.stack.wechat_url}/connect/oauth2/authorize?")
    back = send("GET", link.partition("#")[0])
    assert back.status == 302
    query = parse_qs(urlsplit(back.header("location")).query)
    assert (query["state"], query["appid"], query["x"]) == (["s1"], [world.appid], ["1"])
    token = client.oauth(query["code"][0])
    newer = client.oauth_refresh(token["refresh_token"])
    assert newer["openid"] == token["openid"]
    assert client.user_info(newer["access_token"], token["openid"])["nickname"]
    with pytest.raises(WeChatRefusedError) as refused:
        client.oauth(query["code"][0])
    assert refused.value.wechat_errcode == 40163


def test_logins_that_would_not_work_are_refused_at_once(world: World) -> None:
    """Fields by name, before WeChat is asked; a merchant who has left by the look-up's error."""
    world.authorise()
    client = over_http(world)
    with pytest.raises(InvalidRequestError) as refused:
        client.oauth_link("https://shop.example.com/#/route")
    assert refused.value.field == "redirect_uri"
    with pytest.raises(InvalidRequestError, match="state"):
        client.oauth_link("https://shop.example.com/", state="s" * 129)
    role = world.stack.roles.calls_for_authorizer(world.appid)
    answer = role.http("POST", f"/login/{world.appid}/qr", body={})
    assert_clear(world.stack, answer, 400, "invalid_request")
    world.stack.wechat.cancel(world.appid, push="first")
    answer = role.http("POST", f"/login/{world.appid}/mp", body={"js_code": "c"})
    assert_clear(world.stack, answer, 410, "authorizer_revoked")
    assert world.count(JSCODE, what="calls") == 0
