"""Logins of an authorizer's users: whose token is spent, what is repeated, what is refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.fakes.clock import half
from tests.fakes.house import COMPONENT, MERCHANT, House
from tests.unit.services.kit import LateRenew
from wxvault.errors import (
    AuthorizerRevokedError,
    InvalidRequestError,
    MinuteQuotaError,
    RenewalInProgressError,
    UnknownAuthorizerError,
    WeChatRefusedError,
)
from wxvault.services.logins import Logins
from wxvault.services.numbers import CALL_SECONDS, WHOLE_CALL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

STRANGER = "wx00000000000000ff"


@dataclass
class FakeLogins:
    """Fits :class:`wxvault.services.logins.LoginApi`."""

    scripted: list[int] = field(default_factory=list)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def _answer(self, *asked: str) -> dict[str, Any]:
        self.asked.append(asked)
        errcode = self.scripted.pop(0) if self.scripted else 0
        if errcode:
            raise WeChatRefusedError("refused", path="/sns", wechat_errcode=errcode)
        return {"openid": "o1", "session_key": "k"}

    def mini_program(self, component: str, token: str, appid: str, code: str, /) -> dict[str, Any]:
        """Answer."""
        return self._answer("mini_program", component, token, appid, code)

    def oauth(self, component: str, token: str, appid: str, code: str, /) -> dict[str, Any]:
        """Answer."""
        return self._answer("oauth", component, token, appid, code)

    def oauth_refresh(self, component: str, token: str, appid: str, old: str, /) -> dict[str, Any]:
        """Answer."""
        return self._answer("oauth_refresh", component, token, appid, old)

    def user_info(self, access_token: str, openid: str, lang: str, /) -> dict[str, Any]:
        """Answer."""
        return self._answer("user_info", access_token, openid, lang)


@dataclass
class Desk:
    """A house whose merchant has authorised, and its logins."""

    house: House
    api: FakeLogins
    logins: Logins


@pytest.fixture
def desk() -> Desk:
    """A desk."""
    house, api = House(), FakeLogins()
    house.authorize()
    logins = Logins(
        COMPONENT,
        "https://open.weixin.qq.com",
        house.tokens,
        house.component,
        api,
        house.clock,
        half,
    )
    return Desk(house, api, logins)


ASK: dict[str, Callable[[Logins, str], object]] = {
    "mini_program": lambda logins, appid: logins.mini_program(appid, "c"),
    "oauth": lambda logins, appid: logins.oauth(appid, "c"),
    "oauth_refresh": lambda logins, appid: logins.oauth_refresh(appid, "r"),
    "user_info": lambda logins, appid: logins.user_info(appid, "t", "o", "en"),
    "oauth_link": lambda logins, appid: logins.oauth_link(
        appid, "https://shop.example.com/", "snsapi_base", ""
    ),
}


@pytest.mark.parametrize("kind", ["mini_program", "oauth", "oauth_refresh"])
def test_a_login_spends_the_components_token(desk: Desk, kind: str) -> None:
    """Asked once, for the merchant's appid, and the answer is WeChat's own."""
    token = desk.house.component.get()
    assert ASK[kind](desk.logins, MERCHANT) == {"openid": "o1", "session_key": "k"}
    ((asked, component, used, appid, _),) = desk.api.asked
    assert (asked, component, used, appid) == (kind, COMPONENT, token, MERCHANT)


def test_a_profile_is_read_with_the_users_own_token(desk: Desk) -> None:
    """No token of the platform's goes along, and none is renewed for it."""
    ASK["user_info"](desk.logins, MERCHANT)
    assert desk.api.asked == [("user_info", "t", "o", "en")]
    desk.api.scripted = [40001]
    with pytest.raises(WeChatRefusedError):
        ASK["user_info"](desk.logins, MERCHANT)
    assert desk.house.wechat.calls.count("component_token") == 1


@pytest.mark.parametrize("kind", ASK)
def test_strangers_and_those_who_left_are_refused_before_wechat_is_asked(
    desk: Desk, kind: str
) -> None:
    """For both the error says what to do."""
    with pytest.raises(UnknownAuthorizerError):
        ASK[kind](desk.logins, STRANGER)
    desk.house.time.time += 10
    desk.house.wechat.cancel(MERCHANT)
    desk.house.push_unauthorized()
    desk.house.work()
    with pytest.raises(AuthorizerRevokedError):
        ASK[kind](desk.logins, MERCHANT)
    assert desk.api.asked == []


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
def test_a_refused_component_token_is_renewed_once(desk: Desk, errcode: int) -> None:
    """Then the code is tried with the other one; a refusal that stays is told."""
    desk.house.time.time += 100
    desk.api.scripted = [errcode]
    ASK["mini_program"](desk.logins, MERCHANT)
    assert len({asked[2] for asked in desk.api.asked}) == 2
    desk.house.time.time += 100
    desk.api.scripted = [errcode, errcode, errcode]
    with pytest.raises(WeChatRefusedError) as refused:
        ASK["mini_program"](desk.logins, MERCHANT)
    assert refused.value.wechat_errcode == errcode
    assert len(desk.api.asked) == 4


@pytest.mark.parametrize("took", range(8))
def test_all_of_a_login_is_over_in_time(desk: Desk, took: int) -> None:
    """Two look-ups of eight seconds and two calls of seven would be more than the function has."""
    house = desk.house

    class Slow(FakeLogins):
        def _answer(self, *asked: str) -> dict[str, Any]:
            assert house.clock.now() + CALL_SECONDS - started <= WHOLE_CALL_SECONDS
            house.time.time += took
            return super()._answer(*asked)

    api = Slow(scripted=[-1, 40001])
    component = LateRenew(house).component()
    # It has just ended: the first look-up has to wait as well.
    house.time.time += 7300
    started = house.clock.now()
    logins = replace(desk.logins, component=component, api=api)
    try:
        ASK["mini_program"](logins, MERCHANT)
    except RenewalInProgressError:
        assert len(api.asked) < 3
    assert house.clock.now() - started <= WHOLE_CALL_SECONDS
    assert api.asked


@pytest.mark.parametrize("errcode", [40029, 40163, 61003, 40090, 40094])
def test_what_wechat_refuses_for_good_is_asked_once(desk: Desk, errcode: int) -> None:
    """A bad code, no authorisation, a wrong address: the errcode says it."""
    desk.api.scripted = [errcode]
    with pytest.raises(WeChatRefusedError) as refused:
        ASK["oauth"](desk.logins, MERCHANT)
    assert refused.value.wechat_errcode == errcode
    assert len(desk.api.asked) == 1


def test_a_busy_wechat_and_a_full_minute(desk: Desk) -> None:
    """-1 is asked again; 45011 has a name of its own."""
    desk.api.scripted = [-1, -1]
    ASK["mini_program"](desk.logins, MERCHANT)
    assert len(desk.api.asked) == 3
    desk.api.scripted = [45011]
    with pytest.raises(MinuteQuotaError):
        ASK["mini_program"](desk.logins, MERCHANT)


def test_the_link_has_its_parameters_in_wechats_order(desk: Desk) -> None:
    """It is said to mind; the fragment comes last."""
    target = "https://shop.example.com/a?b=c&d=e"
    url = desk.logins.oauth_link(MERCHANT, target, "snsapi_userinfo", "s-1")
    parts = urlsplit(url)
    assert url.startswith("https://open.weixin.qq.com/connect/oauth2/authorize?")
    assert parts.fragment == "wechat_redirect"
    assert parse_qsl(parts.query) == [
        ("appid", MERCHANT),
        ("redirect_uri", target),
        ("response_type", "code"),
        ("scope", "snsapi_userinfo"),
        ("state", "s-1"),
        ("component_appid", COMPONENT),
    ]
    assert desk.api.asked == []


@pytest.mark.parametrize(
    ("uri", "scope", "state", "field"),
    [
        ("/here", "snsapi_base", "", "redirect_uri"),
        ("javascript:alert(1)", "snsapi_base", "", "redirect_uri"),
        ("https://shop.example.com/#/route", "snsapi_base", "", "redirect_uri"),
        ("https://u@shop.example.com/", "snsapi_base", "", "redirect_uri"),
        ("https://shop.example.com/ 你", "snsapi_base", "", "redirect_uri"),
        ("https://shop.example.com/" + "a" * 1024, "snsapi_base", "", "redirect_uri"),
        ("https://shop.example.com/", "snsapi_login", "", "scope"),
        ("https://shop.example.com/", "snsapi_base", "s" * 129, "state"),
        ("https://shop.example.com/", "snsapi_base", "你", "state"),
    ],
)
def test_links_that_would_not_work_are_refused(
    desk: Desk, uri: str, scope: str, state: str, field: str
) -> None:
    """The field is named, before a user sees WeChat's own error page."""
    with pytest.raises(InvalidRequestError) as refused:
        desk.logins.oauth_link(MERCHANT, uri, scope, state)
    assert refused.value.field == field
