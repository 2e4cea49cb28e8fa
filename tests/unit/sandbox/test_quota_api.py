"""Quotas, request ids and WeChat's addresses, with their errors."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.unit.sandbox.kit import MP, OA, Bench, bench

CLEAR = "/cgi-bin/clear_quota"
OLD_CLEAR = "/cgi-bin/component/clear_quota"
BY_SECRET = "/cgi-bin/component/clear_quota/v2"
GET = "/cgi-bin/openapi/quota/get"
CLEAR_ONE = "/cgi-bin/openapi/quota/clear"
RID = "/cgi-bin/openapi/rid/get"
PRE_AUTH = "/cgi-bin/component/api_create_preauthcode"
SEND = "/cgi-bin/message/custom/send"
WEEK = 7 * 86_400


def by_secret(b: Bench, **changes: Any) -> int:
    """Reset by the AppSecret; None takes a field away. Returns the errcode."""
    body = b.component(appsecret=b.desk.settings.component_appsecret) | changes
    body = {name: value for name, value in body.items() if value is not None}
    return int(b.call(BY_SECRET, body)["errcode"])


def rid_of(answer: dict[str, Any]) -> str:
    """Return the request id behind a refusal."""
    found = re.search(r"rid: (\S+)$", answer["errmsg"])
    assert found
    return found[1]


# --- resets --------------------------------------------------------------------------------------


def test_a_reset_by_secret_needs_no_token() -> None:
    """What was used up can be called again: the component's own quota or an account's."""
    b = bench(quotas={PRE_AUTH: 1})
    token = b.component_token_offline()
    b.pre_auth_code(token)
    assert b.call(PRE_AUTH, b.component(), token=token)["errcode"] == 45009
    assert by_secret(b) == 0
    assert b.pre_auth_code(token)
    assert by_secret(b, appid=OA.appid) == 0


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"component_appid": None}, 41002),
        ({"appsecret": None}, 41004),
        ({"appsecret": ""}, 41004),
        ({"appsecret": "f" * 32}, 40125),
        ({"component_appid": "wx9999999999999999"}, 40013),
        ({"appid": "wx9999999999999999"}, 40013),
    ],
    ids=str,
)
def test_what_a_reset_by_secret_refuses(changes: dict[str, Any], errcode: int) -> None:
    """Each thing wrong with the body has its own code."""
    assert by_secret(bench(), **changes) == errcode


def test_a_reset_by_secret_minds_the_address() -> None:
    """61004 as everywhere, and nothing is counted."""
    b = bench(client_ip="203.0.113.7")
    assert by_secret(b) == 61004


def test_ten_resets_a_month_whatever_the_way() -> None:
    """All three ways count together; a new month (Beijing's) begins anew."""
    b = bench()
    token = b.component_token_offline()
    own = {"appid": b.desk.settings.component_appid}
    for _ in range(4):
        assert by_secret(b) == 0
        assert b.call(CLEAR, own, token=token)["errcode"] == 0
    for _ in range(2):
        assert b.call(OLD_CLEAR, b.component(), token=token)["errcode"] == 0
    assert by_secret(b) == 48006
    assert b.call(CLEAR, own, token=token)["errcode"] == 48006
    assert by_secret(b, appid=OA.appid) == 0, "an account's month is its own"
    b.clock.move(31 * 86_400)
    assert by_secret(b) == 0


def test_a_token_resets_its_own_quota_only() -> None:
    """40013 for the appid of anybody else."""
    b = bench()
    component = b.component_token_offline()
    account = b.authorised(component)["authorizer_access_token"]
    for token, own, other in (
        (component, b.desk.settings.component_appid, OA.appid),
        (account, OA.appid, MP.appid),
    ):
        assert b.call(CLEAR, {"appid": own}, token=token)["errcode"] == 0
        assert b.call(CLEAR, {"appid": other}, token=token)["errcode"] == 40013
        assert b.call(CLEAR, {}, token=token)["errcode"] == 41002


# --- single quotas -------------------------------------------------------------------------------


def test_a_quota_is_read_and_reset() -> None:
    """Daily limit, what was used of it and what is left."""
    b = bench(quotas={PRE_AUTH: 5})
    token = b.component_token_offline()
    b.pre_auth_code(token)
    answer = b.call(GET, {"cgi_path": PRE_AUTH}, token=token)
    assert answer["quota"] == {"daily_limit": 5, "used": 1, "remain": 4}
    assert answer["rate_limit"]["refresh_second"] == 60
    assert b.call(CLEAR_ONE, {"cgi_path": PRE_AUTH}, token=token)["errcode"] == 0
    assert b.call(GET, {"cgi_path": PRE_AUTH}, token=token)["quota"]["used"] == 0


def test_fifty_single_resets_a_month() -> None:
    """They are counted apart from the ten."""
    b = bench()
    token = b.component_token_offline()
    for _ in range(50):
        assert b.call(CLEAR_ONE, {"cgi_path": PRE_AUTH}, token=token)["errcode"] == 0
    assert b.call(CLEAR_ONE, {"cgi_path": PRE_AUTH}, token=token)["errcode"] == 48006
    assert by_secret(b) == 0


@pytest.mark.parametrize(
    ("path", "errcode"),
    [
        ("cgi-bin/component/api_create_preauthcode", 76021),
        ("https://api.weixin.qq.com" + PRE_AUTH, 76021),
        ("/cgi-bin/nothing/like/it", 76021),
        ("/sns/userinfo", 76022),
        (SEND, 76022),
        ("", 47001),
    ],
)
def test_paths_that_have_no_quota_for_this_token(path: str, errcode: int) -> None:
    """Not found is another thing than not yours."""
    b = bench()
    token = b.component_token_offline()
    assert b.call(GET, {"cgi_path": path}, token=token)["errcode"] == errcode


def test_an_account_asks_for_its_own_apis() -> None:
    """With its own token; the component's APIs are not its own."""
    b = bench()
    token = b.authorised(b.component_token_offline())["authorizer_access_token"]
    assert b.call(GET, {"cgi_path": SEND}, token=token)["errcode"] == 0
    assert b.call(GET, {"cgi_path": PRE_AUTH}, token=token)["errcode"] == 76022


# --- request ids ---------------------------------------------------------------------------------


def test_a_rid_says_what_was_refused_and_to_whom() -> None:
    """Time, path, body and address of the call."""
    b = bench()
    token = b.component_token_offline()
    refused = b.call(PRE_AUTH, b.component(component_appid="wx9999999999999999"), token=token)
    answer = b.call(RID, {"rid": rid_of(refused)}, token=token)
    told = answer["request"]
    assert told["client_ip"] == "127.0.0.1"
    assert told["invoke_time"] == int(b.clock.now())
    assert told["request_url"].startswith(PRE_AUTH)
    assert json.loads(told["request_body"]) == {"component_appid": "wx9999999999999999"}
    assert json.loads(told["response_body"])["errcode"] == 40013


def test_a_rid_repeats_the_call_with_its_secrets() -> None:
    """Whoever passes it on has to hide them: nobody knows whether WeChat does."""
    b = bench()
    body = b.component(component_appsecret="0f" * 16, component_verify_ticket="ticket@@@made-up")
    refused = b.call("api_component_token", body)
    token = b.component_token_offline()
    told = b.call(RID, {"rid": rid_of(refused)}, token=token)["request"]
    assert json.loads(told["request_body"]) == body
    again = b.call(RID, {"rid": rid_of(b.call(RID, {"rid": "x"}, token=token))}, token=token)
    assert token in again["request"]["request_url"]


def test_a_rid_names_the_address_that_wechat_sees() -> None:
    """That is how a platform learns its own address while all is well."""
    b = bench(client_ip="203.0.113.7", ip_list=["203.0.113.7"])
    token = b.component_token_offline()
    first = b.call(RID, {"rid": "00000000-00000000-00000000"}, token=token)
    assert first["errcode"] == 76001
    answer = b.call(RID, {"rid": rid_of(first)}, token=token)
    assert answer["request"]["client_ip"] == "203.0.113.7"


def test_rids_that_cannot_be_looked_up() -> None:
    """Malformed, unknown, another account's, and older than seven days."""
    b = bench()
    component = b.component_token_offline()
    account = b.authorised(component)["authorizer_access_token"]

    def errcode(rid: object, token: str = component) -> int:
        return int(b.call(RID, {"rid": rid}, token=token)["errcode"])

    assert errcode("") == 76002
    assert errcode("rid: 1") == 76002
    assert errcode("0" * 8 + "-" + "0" * 8 + "-" + "0" * 8) == 76001
    mine = rid_of(b.call(RID, {"rid": "x"}, token=component))
    assert errcode(mine, account) == 76003
    assert errcode(mine) == 0
    b.clock.move(WEEK)
    assert errcode(mine, b.component_token_offline()) == 76004


@pytest.mark.parametrize("path", ["/cgi-bin/getcallbackip", "/cgi-bin/get_api_domain_ip"])
def test_wechats_own_addresses(path: str) -> None:
    """A list, for any token, by GET."""
    b = bench()
    token = b.component_token_offline()
    assert b.call(path, token=token, method="GET")["ip_list"]
    assert b.call(path, token=token)["errcode"] == 43001
    assert b.call(path, method="GET")["errcode"] == 41001
