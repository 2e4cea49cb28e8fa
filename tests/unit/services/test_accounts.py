"""Knowing the merchants: lists, profiles, what WeChat tells otherwise, and whose merchant it is."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.fakes.house import COMPONENT, MERCHANT, House
from tests.unit.services.kit import LateRenew, items_of
from wxvault.errors import (
    RenewalInProgressError,
    UnknownAuthorizerError,
    WeChatRefusedError,
    WeChatUnknownError,
)
from wxvault.protocol.permission_sets import AccountKind
from wxvault.services.numbers import CALL_SECONDS, WHOLE_CALL_SECONDS
from wxvault.services.outcome import Outcome
from wxvault.services.selection import Selection
from wxvault.services.state import Status
from wxvault.vault.keys import authorizer_key, profile_key

if TYPE_CHECKING:
    from tests.fakes.wechat import Answer

OTHER = "wx00000000000000a2"
PROFILE = {"nick_name": "晨光书店", "service_type_info": {"id": 2}, "principal_name": "Books Co"}


@pytest.fixture
def house() -> House:
    """Return a house with an active merchant."""
    house = House()
    house.authorize()
    house.wechat.accounts[MERCHANT].profile = dict(PROFILE)
    house.bus.sent.clear()
    house.wechat.calls.clear()
    return house


def status_of(house: House, appid: str = MERCHANT) -> tuple[Status, bool]:
    """Return where an authorizer stands, and whether WeChat is to be asked."""
    state = house.tokens.get(appid)
    assert state is not None
    return state.status, state.verifying


# --- profiles ------------------------------------------------------------------------------------


def test_a_profile_is_asked_for_once(house: House) -> None:
    """The first look asks WeChat, with one call; the next ones and lists read the table."""
    for _ in range(3):
        account = house.accounts.describe(MERCHANT)
        assert account.known.profile is not None
        assert account.known.profile.nick_name == "晨光书店"
        assert account.known.profile_at == house.clock.now()
        assert account.known.permission_sets == (1, 18)
    assert house.wechat.calls == ["authorizer_info"]
    (listed,), last = house.accounts.page(Selection(), limit=10, after=None)
    assert (listed.known, last) == (account.known, None)
    assert house.wechat.calls == ["authorizer_info"]


def test_refresh_asks_again(house: House) -> None:
    """What the merchant has changed is known after a refresh, and not before."""
    house.accounts.describe(MERCHANT)
    house.wechat.accounts[MERCHANT].profile["MiniProgramInfo"] = {}
    house.wechat.accounts[MERCHANT].func_info = (18, 30)
    house.clock.sleep(5)
    known = house.accounts.describe(MERCHANT).known
    assert known.profile is not None
    assert known.profile.kind is AccountKind.OFFICIAL_ACCOUNT
    known = house.accounts.refresh(MERCHANT).known
    assert known.profile is not None
    assert known.profile.kind is AccountKind.MINI_PROGRAM
    assert known.profile_at == known.permission_sets_changed_at == house.clock.now()
    assert (known.permission_sets, known.new) == ((18, 30), (30,))
    assert known.missing(frozenset()) == (1,)
    assert known.missing(frozenset({7, 30})) == (1, 7)


@pytest.mark.parametrize("took", [0, 3, 6, 7])
def test_a_refresh_is_over_in_time(house: House, took: float) -> None:
    """Two look-ups of eight seconds and two calls of seven would be more than the function has."""
    real, asked = house.wechat.authorizer_info, []

    def slow(*given: str) -> Answer:
        asked.append(house.clock.now())
        house.time.time += took
        return real(*given)

    accounts = replace(house.accounts, component=LateRenew(house).component())
    house.wechat.authorizer_info = slow  # type: ignore[method-assign]
    house.wechat.faults["authorizer_info"] = [40001]
    house.time.time += 7300
    started = house.clock.now()
    with suppress(RenewalInProgressError):
        accounts.refresh(MERCHANT)
    assert asked
    assert asked[-1] + CALL_SECONDS - started <= WHOLE_CALL_SECONDS
    assert house.clock.now() - started <= WHOLE_CALL_SECONDS


def test_nothing_is_new_or_missing_at_first(house: House) -> None:
    """What came with the first grant was never otherwise."""
    known = house.accounts.describe(MERCHANT).known
    assert (known.new, known.missing(frozenset())) == ((), ())


def test_a_profile_that_cannot_be_had_is_said_to_be_missing(house: House) -> None:
    """All that is known here is told all the same, and why WeChat's part is not."""
    house.wechat.faults["authorizer_info"] = ["silent_before"]
    account = house.accounts.describe(MERCHANT)
    assert account.known.profile is None
    assert account.known.permission_sets == (1, 18)
    assert isinstance(account.problem, WeChatUnknownError)
    assert house.accounts.describe(MERCHANT).problem is None


@pytest.mark.parametrize("status", ["revoked", "pending"])
def test_wechat_is_not_asked_about_who_is_not_there(house: House, status: str) -> None:
    """It would answer 61003, which says nothing new."""
    items_of(house)[authorizer_key(COMPONENT, MERCHANT)]["status"] = status
    account = house.accounts.describe(MERCHANT)
    assert (account.known.profile, account.problem) == (None, None)
    assert house.wechat.calls == []


def test_a_refused_component_token_is_renewed_once(house: House) -> None:
    """40001 once is nothing that anybody sees; 40001 that stays is an error after two calls."""
    house.clock.sleep(100)
    house.wechat.faults["authorizer_info"] = [40001]
    house.accounts.refresh(MERCHANT)
    assert house.wechat.calls == ["authorizer_info", "component_token", "authorizer_info"]
    house.clock.sleep(100)
    house.wechat.faults["authorizer_info"] = [40001, 40001]
    with pytest.raises(WeChatRefusedError):
        house.accounts.refresh(MERCHANT)
    assert house.wechat.calls[3:] == ["authorizer_info", "component_token", "authorizer_info"]


# --- what WeChat tells otherwise -----------------------------------------------------------------


def test_who_is_not_authorised_any_more_is_looked_into(house: House) -> None:
    """61003 withholds the tokens at once; whoever verifies it under the lease revokes."""
    house.accounts.describe(MERCHANT)
    house.wechat.cancel(MERCHANT)
    with pytest.raises(WeChatRefusedError) as caught:
        house.accounts.refresh(MERCHANT)
    assert caught.value.wechat_errcode == 61003
    assert status_of(house) == (Status.ACTIVE, True)
    house.settle()
    assert status_of(house) == (Status.REVOKED, False)
    assert house.bus.kinds() == ["authorizer.revoked"]


def test_another_refresh_token_is_looked_into(house: House) -> None:
    """It is not written here: whoever verifies stores it, and a renewal follows."""
    state = house.tokens.get(MERCHANT)
    assert state is not None
    ours = house.tokens.refresh_token(state)
    house.wechat._new_refresh_token(MERCHANT, house.wechat.accounts[MERCHANT])
    account = house.accounts.refresh(MERCHANT)
    assert account.known.profile is not None
    assert account.state.verifying
    assert house.tokens.refresh_token(account.state) == ours
    house.settle()
    state = house.tokens.get(MERCHANT)
    assert state is not None
    assert house.tokens.refresh_token(state) == house.wechat.accounts[MERCHANT].refresh_token
    assert house.wechat.honours(MERCHANT, house.lookup.find(MERCHANT).access_token)


def test_a_renewal_meanwhile_is_no_reason_to_ask(house: House) -> None:
    """Another refresh token than the one of before the call may be the one stored since."""
    house.wechat.rotate_on_refresh = True
    house.clock.sleep(6600)
    house.push_ticket()
    house.component_keeper.renew()

    ask, renewals = house.wechat.authorizer_info, [house.renew]

    def later(*told: str) -> Answer:
        # The call is under way while somebody renews: WeChat answers with what is true by then.
        for renew in renewals:
            came = renew(MERCHANT, rejected_token_sha256=None, min_ttl=0, seconds=8)
            assert came is Outcome.RENEWED
        renewals.clear()
        return ask(*told)

    vars(house.wechat)["authorizer_info"] = later
    before = house.tokens.get(MERCHANT)
    assert house.accounts.refresh(MERCHANT).state != before
    assert status_of(house) == (Status.ACTIVE, False)


def test_a_broken_seal_is_looked_into(house: House) -> None:
    """A refresh token that cannot be opened is none that WeChat could have told."""
    item = items_of(house)[authorizer_key(COMPONENT, MERCHANT)]
    item["refresh_token"] = item["refresh_token"][:-1] + b"\x00"
    house.accounts.refresh(MERCHANT)
    assert status_of(house) == (Status.ACTIVE, True)
    house.settle()
    assert status_of(house) == (Status.ACTIVE, False)


def test_who_is_forgotten_meanwhile_leaves_no_profile(house: House) -> None:
    """What WeChat tells of somebody forgotten is not kept."""
    key = authorizer_key(COMPONENT, MERCHANT)

    def forget() -> None:
        del items_of(house)[key]

    house.wechat.during["authorizer_info"] = [forget]
    with pytest.raises(UnknownAuthorizerError):
        house.accounts.refresh(MERCHANT)
    assert profile_key(COMPONENT, MERCHANT) not in items_of(house)


# --- whose merchant ------------------------------------------------------------------------------


def test_assign_moves_and_tells(house: House) -> None:
    """From nobody to a tenant, to another one and back; each is told once, tokens stay."""
    token = house.lookup.find(MERCHANT).access_token
    for before, after in ((None, "acme"), ("acme", "zoo"), ("zoo", None)):
        done = house.accounts.assign(MERCHANT, after)
        assert (done.from_tenant_id, done.tenant_id, done.changed) == (before, after, True)
        kind, detail = house.bus.sent[-1]
        assert kind == "authorizer.assigned"
        assert (detail["from_tenant_id"], detail["to_tenant_id"]) == (before, after)
        assert detail["tenant_id"] == after
        again = house.accounts.assign(MERCHANT, after)
        assert (again.from_tenant_id, again.changed) == (after, False)
    assert len(house.bus.sent) == 3
    numbers = [int(str(detail["sequence"])) for _, detail in house.bus.sent]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    assert house.lookup.find(MERCHANT).access_token == token


def test_who_was_assigned_is_moved_by_no_push(house: House) -> None:
    """What only a browser had said gives way to a push; what the platform says does not."""
    item = items_of(house)[authorizer_key(COMPONENT, MERCHANT)]
    item["tenant_id"], item["tenant_by_redirect"] = "acme", True
    done = house.accounts.assign(MERCHANT, "acme")
    assert not done.changed
    state = house.tokens.get(MERCHANT)
    assert state is not None
    assert (state.tenant_id, state.tenant_by_redirect) == ("acme", False)
    assert house.bus.sent == []


def test_lists_are_by_status_and_tenant(house: House) -> None:
    """Each list has its own; a page says after whom it goes on."""
    house.authorize(OTHER)
    house.accounts.assign(OTHER, "acme")
    for selection, appids in (
        (Selection(), [MERCHANT, OTHER]),
        (Selection(tenant_id="acme"), [OTHER]),
        (Selection(unassigned=True), [MERCHANT]),
        (Selection(status=Status.LOST), []),
    ):
        found, last = house.accounts.page(selection, limit=10, after=None)
        assert [account.state.authorizer_appid for account in found] == appids
        assert last is None
    found, last = house.accounts.page(Selection(), limit=1, after=None)
    assert ([account.state.authorizer_appid for account in found], last) == ([MERCHANT], MERCHANT)


def test_nobody_is_unknown_by_a_clear_error(house: House) -> None:
    """Whatever is asked about somebody nobody knows, WeChat is not asked and nothing is made."""
    before = dict(items_of(house))
    for ask in (
        lambda: house.accounts.describe(OTHER),
        lambda: house.accounts.refresh(OTHER),
        lambda: house.accounts.assign(OTHER, "acme"),
        lambda: house.options.get(OTHER, "voice_recognize"),
        lambda: house.forgetting.forget(OTHER),
    ):
        with pytest.raises(UnknownAuthorizerError, match=OTHER):
            ask()
    assert items_of(house) == before
    assert house.wechat.calls == []
