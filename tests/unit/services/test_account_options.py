"""Options: the current paths first, the old ones where those refuse, and nothing asked in vain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.clock import half
from tests.fakes.house import MERCHANT, House
from wxvault.errors import (
    AuthorizerRevokedError,
    InvalidRequestError,
    RenewalInProgressError,
    WeChatRefusedError,
    WeChatUnknownError,
)
from wxvault.protocol.account_options import OPTIONS
from wxvault.services.account_options import Option, Way
from wxvault.services.component import ComponentToken
from wxvault.services.lookup import Lookup
from wxvault.services.numbers import CALL_SECONDS, WHOLE_CALL_SECONDS


@pytest.fixture
def house() -> House:
    """Return a house with an active merchant, some time after it was authorised."""
    house = House()
    house.authorize()
    house.clock.sleep(100)
    house.wechat.calls.clear()
    return house


def test_options_are_read_and_set_by_the_current_paths(house: House) -> None:
    """One call each, with the authorizer's token."""
    assert house.options.set(MERCHANT, "location_report", "2") == Option(
        "location_report", "2", Way.CURRENT
    )
    found = house.options.get(MERCHANT)
    assert {option.name: option.value for option in found} == {
        "location_report": "2",
        "voice_recognize": "0",
        "customer_service": "0",
    }
    assert house.wechat.calls == ["set_option", "option", "option", "option"]


@pytest.mark.parametrize("errcode", [40066, 41001, 48001, 61014])
def test_the_old_paths_help_where_the_current_refuse(house: House, errcode: int) -> None:
    """A path that is not there, or takes another token: the old one is asked, and it is said."""
    house.wechat.faults = {"option": [errcode], "set_option": [errcode]}
    assert house.options.set(MERCHANT, "voice_recognize", 1).way is Way.OLD
    assert house.options.get(MERCHANT, "voice_recognize") == (
        Option("voice_recognize", "1", Way.OLD),
    )
    assert house.wechat.calls == ["set_option", "set_old_option", "option", "old_option"]


@pytest.mark.parametrize("errcode", [61012, 61013, 61025, 61007, 61003, 45009])
def test_what_wechat_says_of_the_option_is_its_answer(house: House, errcode: int) -> None:
    """No other path would say otherwise: one call, and an error that tells what to do."""
    house.wechat.faults = {"set_option": [errcode]}
    with pytest.raises(WeChatRefusedError) as caught:
        house.options.set(MERCHANT, "voice_recognize", "1")
    assert caught.value.wechat_errcode == errcode
    assert house.wechat.calls == ["set_option"]


def test_a_refused_token_is_renewed_once(house: House) -> None:
    """40001: one renewal and one more call; nobody is any the wiser."""
    house.wechat.faults = {"option": [40001]}
    assert house.options.get(MERCHANT, "voice_recognize")[0].way is Way.CURRENT
    assert house.wechat.calls == ["option", "refresh", "option"]


def test_a_token_that_stays_refused_leads_to_the_old_path(house: House) -> None:
    """Two calls, one renewal; then the path may want another kind of token."""
    house.wechat.faults = {"option": [40001, 40001]}
    assert house.options.get(MERCHANT, "voice_recognize")[0].way is Way.OLD
    assert house.wechat.calls == ["option", "refresh", "option", "old_option"]


class SlowWeChat:
    """WeChat, with each of its answers after ``took`` seconds; it notes when it was asked last."""

    def __init__(self, house: House, took: float) -> None:
        self._house, self._took = house, took
        self.last_asked = 0.0

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._house.wechat, name)

        def call(*given: Any) -> Any:
            self.last_asked = self._house.clock.now()
            self._house.time.time += self._took
            return real(*given)

        return call


@pytest.mark.parametrize("took", [0, 1, 2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("refusals", range(7))
def test_all_of_an_action_is_over_in_time(house: House, took: float, refusals: int) -> None:
    """Three options have one deadline: the last call begins when it can still end in time."""
    wechat = SlowWeChat(house, took)
    renew = house.renew

    def slow_renew(*given: Any, seconds: float, **more: Any) -> Any:
        house.time.time += min(took, seconds)
        return renew(*given, seconds=seconds, **more)

    lookup = Lookup(house.tokens, slow_renew, house.clock, half, overlap=house.wechat.overlap)
    component = ComponentToken(lookup, house.clock, overlap=house.wechat.overlap)
    options = replace(
        house.options,
        lookup=lookup,
        wechat=wechat,
        component=component,
    )
    house.wechat.faults = {"option": [40001] * refusals, "old_option": [40001] * refusals}
    started = house.clock.now()
    try:
        options.get(MERCHANT)
    except RenewalInProgressError:
        assert took >= 2
    except WeChatRefusedError:
        assert refusals
    assert wechat.last_asked + CALL_SECONDS - started <= WHOLE_CALL_SECONDS
    assert house.clock.now() - started <= WHOLE_CALL_SECONDS


def test_silence_is_silence(house: House) -> None:
    """Whether it was set is unknown: nobody tries another path then."""
    house.wechat.faults = {"set_option": ["silent_after"]}
    with pytest.raises(WeChatUnknownError):
        house.options.set(MERCHANT, "voice_recognize", "1")
    assert house.wechat.calls == ["set_option"]


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("volume", "1", "option_name"),
        (None, "1", "option_name"),
        (["voice_recognize"], "1", "option_name"),
        ("voice_recognize", "2", "option_value"),
        ("voice_recognize", True, "option_value"),
        ("location_report", "3", "option_value"),
        ("location_report", None, "option_value"),
        ("customer_service", "", "option_value"),
    ],
)
def test_what_no_option_has_is_refused_here(
    house: House, name: object, value: object, field: str
) -> None:
    """A clear error before any call; it says what there is."""
    with pytest.raises(InvalidRequestError) as caught:
        house.options.set(MERCHANT, name, value)
    assert caught.value.field == field
    assert all(one in caught.value.message for one in (OPTIONS if field == "option_name" else "01"))
    assert house.wechat.calls == []


def test_a_revoked_merchant_has_no_options(house: House) -> None:
    """The look-up says why there is no token."""
    house.wechat.cancel(MERCHANT)
    house.push_unauthorized()
    house.settle()
    house.wechat.calls.clear()
    with pytest.raises(AuthorizerRevokedError):
        house.options.get(MERCHANT)
    assert house.wechat.calls == []
