"""Which of WeChat's paths may be called, with whose token, and what a query must not have."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wxvault.errors import InvalidRequestError
from wxvault.wechat.call_paths import (
    COMPONENT_PATHS,
    account_path,
    checked_query,
    component_path,
    token_name,
)
from wxvault.wechat.permission_paths import KNOWN_PATHS, sets_for


@pytest.mark.parametrize(
    "path",
    [
        "/cgi-bin/menu/get",
        "cgi-bin/menu/get",
        "/wxa/getwxacode",
        "/datacube/getweanalysisappiddailysummarytrend",
        "/cgi-bin/componentish",
        "/wxa/component_ish/x",
        "/cgi-bin/account/fastregister_ish",
    ],
)
def test_plain_paths_are_called(path: str) -> None:
    """With or without the leading slash, as the route and as an invoke have them."""
    assert account_path(path) == "/" + path.removeprefix("/")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//cgi-bin/menu/get",
        "/cgi-bin//menu",
        "/cgi-bin/menu/",
        "/cgi-bin/../menu",
        "/cgi-bin/./menu",
        "..",
        "/cgi-bin/menu.json",
        "/cgi-bin/%2e%2e/menu",
        "/cgi-bin%2fmenu",
        "/cgi-bin/menu?x=1",
        "/cgi-bin/menu#x",
        "/cgi-bin/menu;x",
        "/cgi-bin\\menu",
        "https://evil.example/cgi-bin/menu",
        "evil.example/cgi-bin/menu",
        "@evil.example",
        ":8080/cgi-bin/menu",
        "/cgi-bin/menu\n",
        "/cgi-bin/menu\x00",
        "/cgi-bin/菜单",
        "/cgi-bin/menu get",
        "/" + "a" * 65,
        "/a" * 9,
    ],
)
@pytest.mark.parametrize("read", [account_path, component_path])
def test_what_is_no_plain_path_is_refused(read: type[str], path: str) -> None:
    """Host, dots, percent signs, doubled slashes, other letters: named, and nothing is called."""
    with pytest.raises(InvalidRequestError) as refused:
        read(path)
    assert refused.value.field == "path"
    assert "/cgi-bin/menu/get" in refused.value.message


@pytest.mark.parametrize(
    "path",
    [
        "/cgi-bin/component/api_query_auth",
        "/cgi-bin/component",
        "/CGI-BIN/Component/api_authorizer_token",
        "/wxa/component/fastregisterbetaweapp",
        "/sns/component/jscode2session",
        "/sns/userinfo",
        "/cgi-bin/token",
        "/cgi-bin/stable_token",
        "/cgi-bin/Stable_Token",
    ],
)
def test_what_gives_out_tokens_is_not_called_for_an_authorizer(path: str) -> None:
    """Component endpoints, logins and token paths are refused, in whatever case."""
    with pytest.raises(InvalidRequestError) as refused:
        account_path(path)
    assert refused.value.field == "path"
    assert "wxvault" in refused.value.remedy or "/login" in refused.value.remedy


@pytest.mark.parametrize("path", ["cgi-bin/account/fastregister", "/CGI-BIN/account/FastRegister"])
def test_a_registration_is_not_reused_by_a_call(path: str) -> None:
    """Its code would be masked in the answer and so lost: the way that keeps it is named."""
    with pytest.raises(InvalidRequestError) as refused:
        account_path(path)
    assert refused.value.field == "path"
    assert "kind reuse to POST /tenants/{tenant_id}/registrations" in refused.value.remedy


def test_the_component_token_is_used_for_a_closed_list() -> None:
    """Each path of the list, and no other: those that give out tokens and codes are not on it."""
    for path in COMPONENT_PATHS:
        assert component_path(path) == path
    for path in (
        "/cgi-bin/component/api_component_token",
        "/cgi-bin/component/api_query_auth",
        "/cgi-bin/component/api_get_authorizer_list",
        "/cgi-bin/component/clear_quota/v2",
        "/sns/component/jscode2session",
        "/cgi-bin/menu/get",
    ):
        with pytest.raises(InvalidRequestError) as refused:
            component_path(path)
        assert "/wxa/gettemplatelist" in refused.value.remedy


def test_the_token_has_the_name_that_the_path_wants() -> None:
    """``component_access_token`` on the component's own trees, ``access_token`` elsewhere."""
    assert token_name("/cgi-bin/component/fastregisterweapp") == "component_access_token"
    assert token_name("/wxa/component/fastregisterbetaweapp") == "component_access_token"
    assert token_name("/wxa/gettemplatelist") == "access_token"
    assert token_name("/cgi-bin/menu/get") == "access_token"


@given(st.text(max_size=60) | st.from_regex(r"[/a-zA-Z0-9_.%-]{0,40}", fullmatch=True))
@example("/a\n")
@example("/１")
def test_an_accepted_path_is_read_by_everybody_as_it_stands(path: str) -> None:
    """Law: what is accepted is a path and nothing else, on whatever host it is put."""
    try:
        accepted = account_path(path)
    except InvalidRequestError:
        return
    parts = urlsplit("https://api.weixin.qq.com" + accepted)
    assert (parts.netloc, parts.path, parts.query, parts.fragment) == (
        "api.weixin.qq.com",
        accepted,
        "",
        "",
    )
    assert re.fullmatch(r"(/[A-Za-z0-9_-]+)+", accepted)
    assert account_path(accepted) == accepted


@pytest.mark.parametrize(
    "name",
    ["access_token", "component_access_token", "Access_Token", " access_token", "access_token\x00"],
)
def test_a_token_of_the_caller_is_refused(name: str) -> None:
    """However it is written; the error does not repeat it."""
    with pytest.raises(InvalidRequestError) as refused:
        checked_query({"type": "image", name: "49_mine"})
    assert refused.value.field == "query"
    assert "49_mine" not in str(refused.value)


def test_other_parameters_are_the_callers_own() -> None:
    """They are passed on as they are, up to a length."""
    query = {"type": "image", "名": "值 &=", "token": "x", "empty": ""}
    assert checked_query(query) == query
    with pytest.raises(InvalidRequestError, match="4096"):
        checked_query({"a": "x" * 4096})


def test_permission_sets_of_a_path() -> None:
    """The longest known part of a path decides; what nobody knows has none."""
    assert sets_for("/cgi-bin/menu/create") == (15,)
    assert sets_for("/cgi-bin/open/create") == (24, 25)
    assert sets_for("/cgi-bin/open/have") == (3, 30)
    assert sets_for("/cgi-bin/express/local/order/add") == (51,)
    assert sets_for("/cgi-bin/menus") == ()
    assert sets_for("/cgi-bin") == ()
    for path in KNOWN_PATHS:
        assert account_path(path) == path
