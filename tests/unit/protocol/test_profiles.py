"""Profiles: the kind by what is there, numbers in words, and nothing that breaks on what is new."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wxvault.protocol import profiles
from wxvault.protocol.permission_sets import AccountKind

# The example of WeChat's page.
OFFICIAL: dict[str, Any] = {
    "nick_name": "Demo OA",
    "head_img": "http://wx.qlogo.cn/mmopen/abc/0",
    "service_type_info": {"id": 2},
    "verify_type_info": {"id": 0},
    "user_name": "gh_eb5e3a772040",
    "alias": "paytest01",
    "qrcode_url": "http://mmbiz.qpic.cn/mmbiz_jpg/abc/0",
    "business_info": {"open_pay": 0},
    "idc": 1,
    "principal_name": "Example Co",
    "signature": "",
    "account_status": 1,
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = (*profiles.TEXTS, "service_type_info", "verify_type_info", "account_status", "store_info")


def test_an_official_account() -> None:
    """WeChat's own example, field by field."""
    assert profiles.from_wechat(OFFICIAL) == profiles.Profile(
        AccountKind.OFFICIAL_ACCOUNT,
        nick_name="Demo OA",
        principal_name="Example Co",
        user_name="gh_eb5e3a772040",
        alias="paytest01",
        head_img="http://wx.qlogo.cn/mmopen/abc/0",
        qrcode_url="http://mmbiz.qpic.cn/mmbiz_jpg/abc/0",
        service_type=2,
        verify_type=0,
        account_status=1,
    )


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({}, AccountKind.OFFICIAL_ACCOUNT),
        ({"MiniProgramInfo": {}}, AccountKind.MINI_PROGRAM),
        ({"MiniProgramInfo": {}, "service_type_info": {"id": 4}}, AccountKind.MINI_GAME),
        ({"service_type_info": {"id": 4}}, AccountKind.OFFICIAL_ACCOUNT),
        ({"channels_info": {"id": 0}}, AccountKind.CHANNELS),
        ({"store_info": {"id": 0}}, AccountKind.SHOP),
        ({"talent_info": {"id": 0}}, AccountKind.SALES_ASSISTANT),
        ({"supplier_info": {"id": 0}}, AccountKind.SUPPLIER),
        ({"MiniProgramInfo": None}, AccountKind.OFFICIAL_ACCOUNT),
    ],
)
def test_the_kind_is_told_by_what_is_there(more: dict[str, Any], kind: AccountKind) -> None:
    """Each kind has an object of its own; an official account has none."""
    assert profiles.from_wechat(OFFICIAL | more).kind is kind
    assert kind in profiles.KIND_WORDS


def test_numbers_are_told_in_words() -> None:
    """What a service type means depends on the kind; unknown numbers stand for themselves."""
    official, mini = AccountKind.OFFICIAL_ACCOUNT, AccountKind.MINI_PROGRAM
    assert profiles.service_words(official, 2).zh == "服务号"
    assert profiles.service_words(mini, 12).zh == "试用小程序"
    assert profiles.verify_words(-1).en == "not verified"
    assert profiles.status_words(19).zh == "已冻结"
    assert profiles.register_words(6).known
    for words in (
        profiles.service_words(official, 4),
        profiles.service_words(AccountKind.SHOP, 4),
        profiles.verify_words(4_000),
        profiles.status_words(4_000),
        profiles.register_words(4_000),
    ):
        assert (words.en, words.zh, words.known) == (str(words.number), str(words.number), False)


@given(st.dictionaries(st.sampled_from(NAMES), JSON))
def test_whatever_wechat_sends_is_read(info: dict[str, Any]) -> None:
    """Any JSON becomes a profile that has a form in UTF-8, of bounded size, on one line."""
    profile = profiles.from_wechat(info)
    for name in profiles.TEXTS:
        text = getattr(profile, name)
        assert len(text) <= 1024
        assert text.isprintable()
        json.dumps(text, ensure_ascii=False).encode()
    for name in profiles.NUMBERS:
        number = getattr(profile, name)
        assert number is None or abs(number) < 10**10
