"""Calls on somebody's behalf: which token is used, what is sent again, and what is said."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.clock import half
from tests.fakes.house import MERCHANT, House
from tests.unit.services.kit import LateRenew
from wxvault.errors import (
    AuthorizerRevokedError,
    DailyQuotaError,
    MinuteQuotaError,
    PermissionMissingError,
    RenewalInProgressError,
    TokenRefusedError,
    UnknownAuthorizerError,
    WeChatRefusedError,
    WeChatUnknownError,
)
from wxvault.services.calling import ApiAnswer, ApiCall, Calling
from wxvault.services.component import ComponentToken
from wxvault.services.numbers import (
    CALL_SECONDS,
    CALL_WITH_FILE_SECONDS,
    LEAST_CALL_SECONDS,
    WHOLE_CALL_SECONDS,
)
from wxvault.wechat.permission_paths import sets_for

if TYPE_CHECKING:
    from wxvault.services.lookup import Found

PATH = "/cgi-bin/menu/create"
CALL = ApiCall("POST", PATH, {}, b"{}", "application/json")
OK = ApiAnswer(b"{}", "application/json", {})


@dataclass
class FakeApi:
    """Fits :class:`wxvault.services.calling.Api`: honours what WeChat honours."""

    house: House
    scripted: list[int | str] = field(default_factory=list)
    """Errcodes, or "silent"; afterwards it answers well."""
    tokens: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    takes: float = 0

    def call(self, call: ApiCall, token: str, /, *, seconds: float) -> ApiAnswer:
        """Answer."""
        self.tokens.append(token)
        self.seconds.append(seconds)
        self.house.time.time += self.takes
        errcode: int | str = self.scripted.pop(0) if self.scripted else 0
        if errcode == "silent":
            raise WeChatUnknownError("no answer", path=call.path)
        if not errcode and not self._honours(token):
            errcode = 40001
        if errcode:
            assert isinstance(errcode, int)
            raise WeChatRefusedError(
                f"WeChat answered {errcode}",
                path=call.path,
                wechat_errcode=errcode,
                answer={"errcode": errcode, "data": 1},
            )
        return OK

    def _honours(self, token: str) -> bool:
        wechat, now = self.house.wechat, self.house.clock.now()
        owners = [*wechat.accounts.values(), wechat.component]
        return any(token in one.tokens and one.tokens[token].until > now for one in owners)


@dataclass
class Desk:
    """A house whose merchant has authorised, and a WeChat to be called."""

    house: House
    api: FakeApi
    calling: Calling

    def call(self, call: ApiCall = CALL) -> ApiAnswer:
        """Call for the merchant."""
        return self.calling.for_authorizer(MERCHANT, call)

    def grow_old(self) -> None:
        """Let the tokens be old enough for a refusal to be believed."""
        self.house.time.time += 100

    def supersede(self) -> None:
        """Let somebody else fetch a token for the same account, and WeChat's overlap pass."""
        wechat = self.house.wechat
        component = self.house.component.get()
        wechat.refresh("", component, MERCHANT, wechat.accounts[MERCHANT].refresh_token)
        self.house.time.time += wechat.overlap + 1

    def refreshes(self) -> int:
        """Return how often WeChat was asked for a token of the merchant's."""
        return self.house.wechat.calls.count("refresh")


@pytest.fixture
def desk() -> Desk:
    """A desk."""
    house = House()
    house.authorize()
    api = FakeApi(house)
    calling = Calling(
        house.lookup, house.component, api, house.profiles, sets_for, house.clock, half
    )
    return Desk(house, api, calling)


def test_a_call_is_made_with_the_merchants_token(desk: Desk) -> None:
    """One call, one token, nothing renewed."""
    assert desk.call() is OK
    assert desk.api.tokens == [desk.house.lookup.find(MERCHANT).access_token]
    assert desk.refreshes() == 0


def test_a_component_call_is_made_with_the_components_token(desk: Desk) -> None:
    """Not with a merchant's."""
    assert desk.calling.for_component(CALL) is OK
    assert desk.api.tokens == [desk.house.component.get()]


def test_nobody_is_called_without_a_token(desk: Desk) -> None:
    """Unknown and cancelled appids are refused as the look-up refuses them."""
    with pytest.raises(UnknownAuthorizerError):
        desk.calling.for_authorizer("wx00000000000000ff", CALL)
    desk.house.time.time += 10
    desk.house.wechat.cancel(MERCHANT)
    desk.house.push_unauthorized()
    desk.house.work()
    with pytest.raises(AuthorizerRevokedError):
        desk.call()
    assert desk.api.tokens == []


def test_a_token_superseded_elsewhere_is_renewed_and_the_call_sent_again(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Two calls, one renewal, a good answer, and a line that says so."""
    desk.supersede()
    before = desk.refreshes()
    assert desk.call() is OK
    first, second = desk.api.tokens
    assert first != second
    assert desk.refreshes() == before + 1
    (warned,) = [record for record in caplog.records if "refuses a token" in record.message]
    assert first not in warned.getMessage()


def test_who_fights_over_an_account_is_told(desk: Desk) -> None:
    """More than three times in ten minutes: the event that two systems are at it."""
    desk.house.wechat.overlap = 120
    for _ in range(4):
        wechat = desk.house.wechat
        wechat.refresh(
            "", desk.house.component.get(), MERCHANT, wechat.accounts[MERCHANT].refresh_token
        )
        desk.house.time.time += 130
        assert desk.call() is OK
    assert "authorizer.superseded_elsewhere" in desk.house.bus.kinds()


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
def test_a_refusal_that_stays_costs_two_calls_and_one_renewal(desk: Desk, errcode: int) -> None:
    """Then it is an error that names the cause to look for."""
    desk.grow_old()
    desk.api.scripted = [errcode] * 5
    with pytest.raises(TokenRefusedError) as refused:
        desk.call()
    assert len(desk.api.tokens) == 2
    assert desk.refreshes() == 1
    error = refused.value
    assert (error.wechat_errcode, error.path) == (errcode, PATH)
    assert "somebody else" in error.message
    assert "switch it off" in error.remedy
    assert error.answer == {"errcode": errcode, "data": 1}


def test_a_token_too_young_to_be_renewed_is_not_tried_twice(desk: Desk) -> None:
    """The same token again would bring the same refusal."""
    desk.api.scripted = [40001] * 5
    with pytest.raises(TokenRefusedError, match="too young"):
        desk.call()
    assert (len(desk.api.tokens), desk.refreshes()) == (1, 0)


@pytest.mark.parametrize("errcode", [40001, 40014, 42001, 42006])
def test_a_refused_component_token_is_renewed_once(desk: Desk, errcode: int) -> None:
    """By the component's own rules."""
    desk.grow_old()
    desk.api.scripted = [errcode]
    assert desk.calling.for_component(CALL) is OK
    assert len(set(desk.api.tokens)) == 2
    assert desk.house.wechat.calls.count("component_token") == 2


def test_who_has_cancelled_is_found_out(desk: Desk) -> None:
    """61003: renewing asks WeChat, which says that the merchant has gone."""
    desk.grow_old()
    desk.house.wechat.cancel(MERCHANT)
    desk.api.scripted = [61003]
    with pytest.raises(AuthorizerRevokedError):
        desk.call()
    assert desk.house.bus.kinds()[-1] == "authorizer.revoked"


def test_a_merchant_who_is_there_after_all_is_called_again(desk: Desk) -> None:
    """61003 that does not stay costs one renewal; that stays, it is said as it is."""
    desk.grow_old()
    desk.api.scripted = [61003]
    assert desk.call() is OK
    desk.grow_old()
    desk.api.scripted = [61003, 61003]
    with pytest.raises(WeChatRefusedError) as refused:
        desk.call()
    assert (type(refused.value), refused.value.wechat_errcode) == (WeChatRefusedError, 61003)


@pytest.mark.parametrize("errcode", [-1, -1000])
def test_a_busy_wechat_is_asked_twice_more(desk: Desk, errcode: int) -> None:
    """After pauses that grow, with chance in them; then its answer is the error."""
    desk.api.scripted = [errcode, errcode]
    began = desk.house.clock.now()
    assert desk.call() is OK
    assert desk.house.clock.now() - began == pytest.approx(0.45 + 0.9)
    desk.api.scripted = [errcode] * 9
    with pytest.raises(WeChatRefusedError) as refused:
        desk.call()
    assert refused.value.wechat_errcode == errcode
    assert len(desk.api.tokens) == 3 + 3


def test_a_busy_wechat_is_not_asked_beyond_the_time_there_is(desk: Desk) -> None:
    """The function has 29 s: what could only be cut off is not sent."""
    desk.api.takes = 13
    desk.api.scripted = [-1] * 9
    with pytest.raises(WeChatRefusedError):
        desk.call()
    assert len(desk.api.tokens) == 2
    assert desk.api.seconds == [CALL_SECONDS, CALL_SECONDS]
    desk.api.takes, desk.api.seconds = 25, []
    desk.grow_old()
    desk.api.scripted = [40001]
    with pytest.raises(RenewalInProgressError):
        desk.call()
    assert len(desk.api.seconds) == 1


@pytest.mark.parametrize("appid", [MERCHANT, None])
@pytest.mark.parametrize("took", range(16))
def test_a_look_up_after_a_refusal_leaves_time_for_the_call(
    desk: Desk, appid: str | None, took: int
) -> None:
    """However long WeChat took to refuse: all is over after 26 s, and what is sent has two."""
    house = desk.house
    desk.grow_old()
    house.component.get()
    desk.api.scripted, desk.api.takes = [40001], took
    lookup = LateRenew(house).lookup()
    component = ComponentToken(lookup, house.clock, overlap=house.wechat.overlap)
    calling = replace(desk.calling, lookup=lookup, component=component)
    # The look-up before the call took its eight seconds, too.
    started = house.clock.now()
    find = lookup.find

    def slow(*args: Any, **more: Any) -> Found:
        if not desk.api.tokens:
            house.time.time += 8
        return find(*args, **more)

    lookup.find = slow  # type: ignore[method-assign]
    try:
        if appid is None:
            calling.for_component(replace(CALL, method="GET"))
        else:
            calling.for_authorizer(appid, replace(CALL, method="GET"))
    except RenewalInProgressError:
        assert len(desk.api.tokens) == 1
    else:
        assert desk.api.seconds[1] >= LEAST_CALL_SECONDS
    sent_at = house.clock.now() - (took if len(desk.api.tokens) == 2 else 0)
    last = desk.api.seconds[1] if len(desk.api.tokens) == 2 else 0
    assert sent_at + last - started <= WHOLE_CALL_SECONDS


@pytest.mark.parametrize(
    ("call", "seconds"),
    [
        (CALL, CALL_SECONDS),
        (ApiCall("GET", PATH, {}), CALL_WITH_FILE_SECONDS),
        (
            ApiCall("POST", PATH, {}, b"x", "multipart/form-data; boundary=x"),
            CALL_WITH_FILE_SECONDS,
        ),
    ],
)
def test_what_may_carry_a_file_has_more_time(desk: Desk, call: ApiCall, seconds: float) -> None:
    """Up and down."""
    desk.call(call)
    assert desk.api.seconds == [seconds]


def test_silence_is_not_answered_with_another_call(desk: Desk) -> None:
    """Nobody knows whether WeChat has executed it: the caller decides."""
    desk.api.scripted = ["silent"]
    with pytest.raises(WeChatUnknownError):
        desk.call()
    assert len(desk.api.tokens) == 1


@pytest.mark.parametrize(
    ("errcode", "kind"),
    [(45011, MinuteQuotaError), (45009, DailyQuotaError), (48001, WeChatRefusedError)],
)
def test_quotas_have_a_name(desk: Desk, errcode: int, kind: type[WeChatRefusedError]) -> None:
    """Not sent again; WeChat's answer is kept."""
    desk.api.scripted = [errcode]
    with pytest.raises(WeChatRefusedError) as refused:
        desk.call()
    assert type(refused.value) is kind
    assert refused.value.answer == {"errcode": errcode, "data": 1}
    assert len(desk.api.tokens) == 1


def granting(desk: Desk, *numbers: int) -> None:
    """Let the merchant have granted these."""
    desk.house.profiles.save_permission_sets(MERCHANT, numbers, now=desk.house.clock.now())


def missing(desk: Desk, path: str) -> PermissionMissingError:
    """Call a path that WeChat refuses to the platform."""
    desk.api.scripted = [61007]
    with pytest.raises(PermissionMissingError) as refused:
        desk.call(ApiCall("POST", path, {}, b"{}", "application/json"))
    return refused.value


def test_a_missing_permission_set_is_named(desk: Desk) -> None:
    """By number and by both names, with what is granted beside it."""
    granting(desk, 1, 9999)
    error = missing(desk, "/cgi-bin/menu/create")
    assert "15 菜单管理 (custom menu)" in error.message
    assert "Granted: 1 消息管理 (messages), 9999" in error.message
    assert "grant 15 菜单管理" in error.remedy
    assert (
        "24 开放平台账号管理 (open-platform account) or 25"
        in missing(desk, "/cgi-bin/open/create").message
    )


def test_a_permission_set_that_nobody_knows_is_not_guessed(desk: Desk) -> None:
    """It says so, and lists what is granted."""
    granting(desk)
    error = missing(desk, "/wxa/something_new")
    assert "is not known here" in error.message
    assert "nothing that is known here" in error.message


def test_a_set_that_is_granted_and_refused_all_the_same(desk: Desk) -> None:
    """Then the platform itself may not hold it."""
    granting(desk, 15)
    error = missing(desk, "/cgi-bin/menu/create")
    assert "although" in error.message
    assert "platform itself" in error.remedy
