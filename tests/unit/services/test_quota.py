"""Resetting the quota with the AppSecret: once, and with a remedy where WeChat refuses."""

from __future__ import annotations

import pytest

from tests.fakes.house import COMPONENT, MERCHANT, House
from tests.unit.services.kit import asked, refuse
from wxvault.errors import WeChatRefusedError, WeChatUnknownError
from wxvault.services.quota import REMEDIES, QuotaReset


def reset(house: House) -> QuotaReset:
    """Return the use case over a house's WeChat."""
    return QuotaReset(COMPONENT, house.wechat, house.app_secret)


@pytest.mark.parametrize("appid", [None, MERCHANT])
def test_it_is_asked_for_once(appid: str | None) -> None:
    """The component's quota or an authorizer's; WeChat counts resets."""
    house = House()
    reset(house).clear(appid)
    assert asked(house) == ["clear_quota"]


@pytest.mark.parametrize("errcode", sorted(REMEDIES))
def test_a_refusal_has_a_remedy_of_its_own(errcode: int) -> None:
    """No token is in play, so none is spoken of."""
    house = House()
    refuse(house, "clear_quota", errcode)
    with pytest.raises(WeChatRefusedError) as caught:
        reset(house).clear(None)
    assert caught.value.wechat_errcode == errcode
    assert caught.value.remedy == REMEDIES[errcode]
    assert "token" not in caught.value.remedy


def test_another_refusal_keeps_its_remedy() -> None:
    """61004 names the address, as everywhere."""
    house = House()
    refuse(house, "clear_quota", 61004)
    with pytest.raises(WeChatRefusedError) as caught:
        reset(house).clear(None)
    assert caught.value.remedy == WeChatRefusedError.default_remedy


def test_silence_is_not_repeated() -> None:
    """It may have been done: a second reset would cost another of ten a month."""
    house = House()
    refuse(house, "clear_quota", "silent_after")
    with pytest.raises(WeChatUnknownError):
        reset(house).clear(None)
    assert asked(house) == ["clear_quota"]


def test_a_changed_app_secret_is_tried_once_more() -> None:
    """The one refused reset nothing."""
    house = House()
    house.app_secret.news = True
    refuse(house, "clear_quota", 40125)
    reset(house).clear(None)
    assert asked(house) == ["clear_quota"] * 2
