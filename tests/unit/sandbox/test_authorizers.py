"""Accounts and their tokens: exchange, renewal, update, cancellation, list, options."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.wechat.calls import Call
from sandbox.wechat.state import RefusalError
from tests.unit.sandbox.kit import API, CHANNELS, FROZEN, MP, MUTE, OA, bench


def test_exchange_brings_tokens_and_sets() -> None:
    """A code brings both tokens, their life and what was really granted."""
    b = bench()
    info = b.authorised(b.component_token())
    assert info["authorizer_appid"] == OA.appid
    assert info["expires_in"] == 7200
    assert info["func_info"][0] == {"funcscope_category": {"id": 1}}
    assert info["func_info"][1]["funcscope_category"] == {"id": 3}
    assert info["func_info"][1]["confirm_info"]["need_confirm"] == 0
    assert b.basic_info(info["authorizer_access_token"]) == 0


@pytest.mark.parametrize("code", ["queryauthcode@@@unknown", "preauthcode@@@x", "", None])
def test_unknown_codes(code: object) -> None:
    """What is no authorization code of this component is 61009."""
    b = bench()
    body = b.component(authorization_code=code)
    assert b.call("api_query_auth", body, token=b.component_token())["errcode"] == 61009


def test_code_expires() -> None:
    """A code past its life is 61010; a code without a field is 47001."""
    b = bench(authorization_code_life=600)
    code = b.confirm()
    b.clock.move(600)
    token = b.component_token()
    assert b.exchange(token, code)["errcode"] == 61010
    assert b.call("api_query_auth", b.component(), token=token)["errcode"] == 47001


def test_code_is_used_once() -> None:
    """By default a second exchange is 61009 and leaves the tokens alone."""
    b = bench()
    token, code = b.component_token(), b.confirm()
    info = b.exchange(token, code)["authorization_info"]
    assert b.exchange(token, code)["errcode"] == 61009
    b.clock.move(400)
    assert b.basic_info(info["authorizer_access_token"]) == 0


def test_code_reuse_with_the_same_answer() -> None:
    """With the switch "same" the second exchange says what the first said."""
    b = bench(auth_code_reuse="same")
    token, code = b.component_token(), b.confirm()
    assert b.exchange(token, code) == b.exchange(token, code)


def test_code_reuse_with_new_tokens() -> None:
    """With the switch "new_tokens" the second exchange supersedes the first."""
    b = bench(auth_code_reuse="new_tokens")
    token, code = b.component_token(), b.confirm()
    first, second = (b.exchange(token, code)["authorization_info"] for _ in range(2))
    b.clock.move(300)
    assert b.basic_info(first["authorizer_access_token"]) == 40001
    assert b.basic_info(second["authorizer_access_token"]) == 0


def test_renewal_keeps_the_refresh_token() -> None:
    """By default a renewal answers the same refresh token and a new access token."""
    b = bench()
    token = b.component_token()
    info = b.authorised(token)
    answer = b.refresh(token, info["authorizer_refresh_token"])
    assert set(answer) == {
        "authorizer_access_token",
        "expires_in",
        "authorizer_refresh_token",
    }
    assert answer["authorizer_refresh_token"] == info["authorizer_refresh_token"]
    assert answer["authorizer_access_token"] != info["authorizer_access_token"]


def test_supersession_in_order_of_execution() -> None:
    """Of several renewals the one executed last is current; the others end after the overlap."""
    b = bench()
    token = b.component_token()
    info = b.authorised(token)
    first, last = (b.refresh(token, info["authorizer_refresh_token"]) for _ in range(2))
    b.clock.move(299)
    for value in (info, first, last):
        assert b.basic_info(value["authorizer_access_token"]) == 0
    b.clock.move(1)
    assert b.basic_info(info["authorizer_access_token"]) == 40001
    assert b.basic_info(first["authorizer_access_token"]) == 40001
    assert b.basic_info(last["authorizer_access_token"]) == 0


def test_access_token_expires() -> None:
    """An access token past its life is 42001, one never issued 40001, none at all 41001."""
    b = bench(access_token_life=600)
    info = b.authorised(b.component_token())
    b.clock.move(600)
    assert b.basic_info(info["authorizer_access_token"]) == 42001
    assert b.basic_info("61_never-issued") == 40001
    assert b.basic_info("") == 41001


@pytest.mark.parametrize(("value", "errcode"), [("refreshtoken@@@x", 61023), (None, 61023)])
def test_wrong_refresh_tokens(value: object, errcode: int) -> None:
    """A wrong or null refresh token is 61023."""
    b = bench()
    token = b.component_token()
    b.authorised(token)
    assert b.refresh(token, value)["errcode"] == errcode


def test_refresh_token_of_another_account() -> None:
    """A refresh token belongs to its account; at another it is 61023."""
    b = bench()
    token = b.component_token()
    info = b.authorised(token)
    b.authorised(token, MP.appid)
    assert b.refresh(token, info["authorizer_refresh_token"], MP.appid)["errcode"] == 61023


def test_rotation_on_refresh_with_grace() -> None:
    """With rotation a renewal brings a new refresh token; the old one works for its grace."""
    b = bench(rotate_on_refresh=True, old_refresh_grace_s=300)
    token = b.component_token()
    old = b.authorised(token)["authorizer_refresh_token"]
    new = b.refresh(token, old)["authorizer_refresh_token"]
    assert new != old
    b.clock.move(299)
    assert b.refresh(token, old)["authorizer_refresh_token"] == new
    b.clock.move(1)
    assert b.refresh(token, old)["errcode"] == 61023
    assert "errcode" not in b.refresh(token, new)


@pytest.mark.parametrize("rotates", [True, False])
def test_rotation_on_update(rotates: bool) -> None:
    """Whether an update of the sets changes the refresh token is a switch."""
    b = bench(rotate_on_update=rotates)
    token = b.component_token()
    old = b.authorised(token)["authorizer_refresh_token"]
    done = b.desk.confirm(OA.appid, (1,))
    assert done.confirmation.change == "updateauthorized"
    info = b.exchange(token, done.confirmation.code.value)["authorization_info"]
    assert (info["authorizer_refresh_token"] != old) is rotates


def test_refresh_token_appears_with_the_exchange() -> None:
    """List and details show no refresh token before the first exchange."""
    b = bench()
    token = b.component_token()
    code = b.confirm()
    listing = b.component(offset=0, count=10)
    details = b.component(authorizer_appid=OA.appid)
    before = b.call("api_get_authorizer_list", listing, token=token)["list"][0]
    assert before == {
        "authorizer_appid": OA.appid,
        "refresh_token": "",
        "auth_time": int(b.clock.now()),
    }
    shown = b.call("api_get_authorizer_info", details, token=token)
    assert shown["authorization_info"]["authorizer_refresh_token"] == ""
    issued = b.exchange(token, code)["authorization_info"]["authorizer_refresh_token"]
    after = b.call("api_get_authorizer_list", listing, token=token)["list"][0]
    assert after["refresh_token"] == issued
    shown = b.call("api_get_authorizer_info", details, token=token)
    assert shown["authorization_info"]["authorizer_refresh_token"] == issued
    assert "authorizer_access_token" not in shown["authorization_info"]


def test_account_without_api_ability() -> None:
    """An account without API ability brings sets and no tokens at all."""
    b = bench()
    token = b.component_token()
    info = b.authorised(token, MUTE.appid)
    assert set(info) == {"authorizer_appid", "func_info"}
    assert b.refresh(token, "refreshtoken@@@x", MUTE.appid)["errcode"] == 61023


def test_cancellation_ends_everything_at_once() -> None:
    """After a cancellation: tokens 40001, component calls 61003, open codes 61009, not listed."""
    b = bench()
    token = b.component_token()
    info = b.authorised(token)
    unused = b.confirm()
    b.desk.cancel(OA.appid)
    assert b.basic_info(info["authorizer_access_token"]) == 40001
    assert b.refresh(token, info["authorizer_refresh_token"])["errcode"] == 61003
    details = b.component(authorizer_appid=OA.appid)
    assert b.call("api_get_authorizer_info", details, token=token)["errcode"] == 61003
    assert b.exchange(token, unused)["errcode"] == 61009
    listing = b.call("api_get_authorizer_list", b.component(offset=0, count=10), token=token)
    assert listing == {"total_count": 0, "list": []}
    with pytest.raises(RefusalError):
        b.desk.cancel(OA.appid)


def test_authorising_again_changes_the_refresh_token() -> None:
    """After cancel and authorise the old refresh token is dead and a new one is issued."""
    b = bench(rotate_on_update=False)
    token = b.component_token()
    old = b.authorised(token)["authorizer_refresh_token"]
    b.desk.cancel(OA.appid)
    new = b.authorised(token)["authorizer_refresh_token"]
    assert new != old
    assert b.refresh(token, old)["errcode"] == 61023
    assert "errcode" not in b.refresh(token, new)


def test_details_of_both_kinds() -> None:
    """A mini program's details carry MiniProgramInfo, an official account's do not."""
    b = bench()
    token = b.component_token()
    for merchant in (OA, MP, CHANNELS):
        b.authorised(token, merchant.appid)
    shown = {
        appid: b.call("api_get_authorizer_info", b.component(authorizer_appid=appid), token=token)[
            "authorizer_info"
        ]
        for appid in (OA.appid, MP.appid, CHANNELS.appid)
    }
    assert "MiniProgramInfo" not in shown[OA.appid]
    assert shown[OA.appid]["user_name"] == OA.user_name
    assert shown[MP.appid]["MiniProgramInfo"]["network"]["RequestDomain"]
    assert shown[MP.appid]["register_type"] == 0
    assert shown[CHANNELS.appid]["channels_info"] == {"id": 0}


def test_details_escape_slashes() -> None:
    """URLs in the details have escaped slashes, as WeChat's own."""
    b = bench()
    token = b.component_token()
    b.authorised(token)
    body = json.dumps(b.component(authorizer_appid=OA.appid)).encode()
    call = Call("POST", f"{API}api_get_authorizer_info", {"access_token": token}, body)
    answer = b.desk.handle(call).answer
    assert answer is not None
    assert b"http:\\/\\/wx.qlogo.cn\\/" in answer.body


@pytest.mark.parametrize(
    ("offset", "count", "errcode"), [(0, 501, 40170), (-1, 10, 40097), (0, 0, 40097)]
)
def test_limits_of_the_list(offset: int, count: int, errcode: int) -> None:
    """More than 500 at a time is 40170, nonsense 40097."""
    b = bench()
    body = b.component(offset=offset, count=count)
    assert b.call("api_get_authorizer_list", body, token=b.component_token())["errcode"] == errcode


def test_list_in_pages() -> None:
    """The list can be read page by page and says how many there are."""
    b = bench()
    token = b.component_token()
    for merchant in (OA, MP, CHANNELS):
        b.confirm(merchant.appid)
    pages = [
        b.call("api_get_authorizer_list", b.component(offset=n, count=2), token=token)
        for n in (0, 2, 4)
    ]
    assert [len(page["list"]) for page in pages] == [2, 1, 0]
    assert {page["total_count"] for page in pages} == {3}


def test_options_in_both_forms() -> None:
    """Options are set and read by the old path and by the current one, with either token."""
    b = bench()
    token = b.component_token()
    access_token = b.authorised(token)["authorizer_access_token"]
    named: dict[str, Any] = b.component(authorizer_appid=OA.appid, option_name="voice_recognize")
    ok = {"errcode": 0, "errmsg": "ok"}
    changed = b.call("api_set_authorizer_option", named | {"option_value": "1"}, token=token)
    assert changed == ok
    assert b.call("api_get_authorizer_option", named, token=token) == {
        "authorizer_appid": OA.appid,
        "option_name": "voice_recognize",
        "option_value": "1",
    }
    short = {"option_name": "voice_recognize"}
    shown = {"option_name": "voice_recognize", "option_value": "1"}
    assert b.call("get_authorizer_option", short, token=access_token) == shown
    assert b.call("get_authorizer_option", named, token=token) == shown
    assert b.call("get_authorizer_option", short, token=token)["errcode"] == 61015
    assert b.call("set_authorizer_option", short | {"option_value": "0"}, token=access_token) == ok


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"option_name": "nothing"}, 61012),
        ({"option_value": "7"}, 61013),
        ({"option_name": "customer_service"}, 61025),
        ({"authorizer_appid": MP.appid}, 61003),
    ],
)
def test_refused_options(changes: dict[str, str], errcode: int) -> None:
    """Unknown name, wrong value, read-only option and strange account have their codes."""
    b = bench(read_only_options=["customer_service"])
    token = b.component_token()
    b.authorised(token)
    body = b.component(authorizer_appid=OA.appid, option_name="location_report", option_value="1")
    answer = b.call("api_set_authorizer_option", body | changes, token=token)
    assert answer["errcode"] == errcode


def test_ungranted_set_is_named() -> None:
    """An account API outside of what was granted is 61007."""
    b = bench()
    token = b.component_token()
    code = b.confirm(func_ids=(2,))
    access_token = b.exchange(token, code)["authorization_info"]["authorizer_access_token"]
    assert b.basic_info(access_token) == 61007


def test_customer_message_needs_a_receiver() -> None:
    """custom/send works with a granted set and wants a receiver."""
    b = bench()
    access_token = b.authorised(b.component_token())["authorizer_access_token"]
    path, text = "/cgi-bin/message/custom/send", {"msgtype": "text", "text": {"content": "hi"}}
    sent = b.call(path, text | {"touser": "o1"}, token=access_token, token_name="access_token")
    assert sent == {"errcode": 0, "errmsg": "ok"}
    assert b.call(path, text, token=access_token)["errcode"] == 40003


def test_frozen_and_untested_accounts_cannot_authorise() -> None:
    """A frozen account, and before release one outside the test list, is refused."""
    b = bench(released=False, test_list=[OA.user_name])
    assert b.confirm(OA.appid)
    for appid in (MP.appid, FROZEN.appid, "wx0000000000000000"):
        with pytest.raises(RefusalError):
            b.confirm(appid)
