"""A merchant whose refresh token WeChat refuses: what can still be asked, and what is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stack.accounts import about
from tests.stack.refusals import assert_clear
from tests.stack.test_accounts import GET_OPTION, OLD_GET_OPTION
from tests.stack.test_calls import INFO, by_invoke, call, over_http
from tests.stack.truth import Vault, make_due, renew
from tests.stack.world import AUTHORIZER_TOKEN, World
from wxvault.errors import AuthorizerLostError, UnknownAuthorizerError

if TYPE_CHECKING:
    from sandbox.stack.stack import LocalStack


@pytest.fixture
def lost(stack: LocalStack, world: World) -> World:
    """A merchant who is lost."""
    world.authorise()
    stack.wechat.expire(world.appid, "refresh")
    make_due(stack, world.appid)
    assert renew(stack, world.appid) == "lost"
    return World(stack, world.tenant_id, world.merchant, world.since, stack.wechat.last_seq())


def test_calls_and_options_say_that_the_merchant_has_to_come_back(lost: World) -> None:
    """409 by HTTP, the same error by invoke; WeChat is asked for nothing."""
    error = assert_clear(lost.stack, call(lost, "GET", INFO), 409, "authorizer_lost")
    assert error["wechat_errcode"] == 61023
    assert "authorise once more" in error["remedy"]
    for client in (over_http(lost), by_invoke(lost)):
        with pytest.raises(AuthorizerLostError):
            client.get(INFO)
        with pytest.raises(AuthorizerLostError):
            client.quota_read(INFO)
    for fields in ({}, {"option_name": "voice_recognize", "option_value": "1"}):
        assert about(lost, "options", **fields)["error"]["code"] == "authorizer_lost"
    for path in (INFO, GET_OPTION, OLD_GET_OPTION, AUTHORIZER_TOKEN):
        assert lost.count(path, what="calls") == 0


def test_users_log_in_all_the_same(lost: World) -> None:
    """A login spends the component's token: WeChat decides, and has not ended the authorisation."""
    wechat = lost.stack.wechat
    for client in (over_http(lost), by_invoke(lost)):
        code = wechat.login_code(lost.appid, scope="snsapi_base", openid="oFollower")
        assert client.oauth(code)["openid"] == "oFollower"


def test_who_is_lost_can_be_forgotten(lost: World) -> None:
    """Then nobody knows the merchant, whatever is asked, until they authorise again."""
    assert about(lost, "get")["status"] == "lost"
    assert about(lost, "forget")["forgotten"] is True
    assert Vault(lost.stack).tokens.get(lost.appid) is None
    client = over_http(lost)
    for ask in (lambda: client.get(INFO), lambda: client.oauth("c")):
        with pytest.raises(UnknownAuthorizerError):
            ask()
    for action in ("options", "forget", "get"):
        assert about(lost, action)["error"]["code"] == "unknown_authorizer"
    lost.authorise()
    assert over_http(lost).get(INFO).value()["appid"] == lost.appid
