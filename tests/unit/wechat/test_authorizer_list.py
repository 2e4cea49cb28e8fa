"""Pages of WeChat's list of authorizers: what is read of them, and what does not spoil them."""

from __future__ import annotations

import pytest

from tests.unit.wechat.test_component_api import (
    AUTHORIZER,
    COMPONENT,
    COMPONENT_TOKEN,
    REFRESH_TOKEN,
    api,
)
from wxvault.errors import WeChatRefusedError, WeChatUnknownError


def test_authorizer_list_reads_a_page() -> None:
    """The field is called refresh_token here; empty and missing are None: never exchanged."""
    component, http = api(
        {
            "total_count": 33,
            "list": [
                {"authorizer_appid": AUTHORIZER, "refresh_token": REFRESH_TOKEN, "auth_time": 1},
                {"authorizer_appid": COMPONENT, "refresh_token": ""},
                {"authorizer_appid": "wx00000000000000a1"},
            ],
        }
    )
    page = component.authorizer_list(COMPONENT, COMPONENT_TOKEN, 30, 500)
    assert http.sent == [
        (
            "/cgi-bin/component/api_get_authorizer_list",
            {"component_access_token": COMPONENT_TOKEN},
            {"component_appid": COMPONENT, "offset": 30, "count": 500},
        )
    ]
    assert (page.total_count, page.received, page.strange) == (33, 3, 0)
    assert [(one.authorizer_appid, one.refresh_token) for one in page.listed] == [
        (AUTHORIZER, REFRESH_TOKEN),
        (COMPONENT, None),
        ("wx00000000000000a1", None),
    ]
    assert REFRESH_TOKEN not in repr(page)


@pytest.mark.parametrize(
    "strange",
    [
        None,
        7,
        [],
        {},
        {"authorizer_appid": "gh_123", "refresh_token": REFRESH_TOKEN},
        {"authorizer_appid": AUTHORIZER, "refresh_token": 7},
        {"authorizer_appid": AUTHORIZER, "refresh_token": "with a space"},
        {"authorizer_appid": AUTHORIZER, "refresh_token": ["a"]},
        {"refresh_token": REFRESH_TOKEN},
    ],
)
def test_a_strange_entry_does_not_spoil_the_page(strange: object) -> None:
    """It is left out and counted; the others are read."""
    sound = {"authorizer_appid": "wx00000000000000a1", "refresh_token": REFRESH_TOKEN}
    component, _ = api({"total_count": "2", "list": [strange, sound]})
    page = component.authorizer_list(COMPONENT, COMPONENT_TOKEN, 0, 500)
    assert [one.authorizer_appid for one in page.listed] == ["wx00000000000000a1"]
    assert (page.total_count, page.received, page.strange) == (2, 2, 1)


@pytest.mark.parametrize("total", [None, -1, "many", 1.5, True, 10**13])
def test_an_unsound_total_is_none(total: object) -> None:
    """Whoever pages then goes on until a page is short."""
    component, _ = api({"total_count": total, "list": []})
    assert component.authorizer_list(COMPONENT, COMPONENT_TOKEN, 0, 500).total_count is None


@pytest.mark.parametrize("listed", [None, {}, "", 0])
def test_an_answer_without_a_list_is_no_answer(listed: object) -> None:
    """Nobody may be taken for cancelled because of it."""
    component, _ = api({"total_count": 0, "list": listed})
    with pytest.raises(WeChatUnknownError, match="list"):
        component.authorizer_list(COMPONENT, COMPONENT_TOKEN, 0, 500)


def test_too_large_a_page_is_refused() -> None:
    """40170 travels as WeChat's refusal, with its path."""
    component, _ = api({"errcode": 40170, "errmsg": "args count exceed count limit"})
    with pytest.raises(WeChatRefusedError, match="api_get_authorizer_list") as raised:
        component.authorizer_list(COMPONENT, COMPONENT_TOKEN, 0, 501)
    assert raised.value.wechat_errcode == 40170
