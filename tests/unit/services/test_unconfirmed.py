"""Who never had tokens, and whom WeChat neither confirms nor denies: asked once, and then let go.

Somebody is nominated by hand, by WeChat's list or by a message; what he is waiting for may never
come. Whatever does come meanwhile or afterwards still makes him active.
"""

from __future__ import annotations

import pytest

from tests.fakes.house import MERCHANT, House
from tests.unit.services.kit import (
    BusyWeChat,
    afterwards,
    asked,
    authorized,
    edit,
    exchange,
    find,
    hooked,
    keep,
    land,
    later,
    link,
    meanwhile,
    new_house,
    pushed,
    refuse,
    stored,
    takes_lease,
    told,
    until_due,
    with_component,
)
from tests.unit.services.message_kit import MessageDesk
from tests.unit.services.resync_kit import changes, only, resync
from wxvault.errors import NotForgettableError
from wxvault.services.outcome import Outcome
from wxvault.services.state import Purpose, Status

CASES = ("invalid_appid", "never_exchanged")


def nominated(case: str = "never_exchanged", house: House | None = None) -> House:
    """Return a house that was told by hand to have WeChat asked about somebody."""
    house = with_component(house)
    if case == "invalid_appid":
        refuse(house, "authorizer_info", 40013)
    else:
        house.wechat.confirm(MERCHANT)
    found = house.resync.run_one(MERCHANT, dry_run=False)
    assert changes(found) == [("found", "asked_for")]
    asked(house)
    return house


def let_go(case: str = "never_exchanged") -> House:
    """Return a house that has asked WeChat about him."""
    house = nominated(case)
    house.work()
    assert asked(house) == ["authorizer_info"]
    return house


@pytest.mark.parametrize("case", CASES)
def test_it_is_asked_once(case: str) -> None:
    """Nothing is due any more, the reason stays to be read, and nobody is told of anything."""
    house = let_go(case)
    known = stored(house)
    assert (known.status, known.verifying, known.due_at) == (Status.PENDING, False, None)
    assert (known.lease_id, known.unresolved_mark, known.attempts) == (None, None, 0)
    assert known.pending_reason == case
    assert known.last_errcode == (40013 if case == "invalid_appid" else None)
    assert told(house) == []
    house.settle()
    assert keep(house) is Outcome.ABSENT
    assert "authorizer_info" not in asked(house)


def test_somebody_who_sends_messages_is_let_go_as_well() -> None:
    """A message for a stranger nominates him once; the next one does not do it again."""
    desk = MessageDesk()
    with_component(desk.house)
    desk.house.wechat.confirm(MERCHANT)
    asked(desk.house)
    for text in ("one", "two"):
        desk.send(desk.text(text))
        desk.house.work()
    assert asked(desk.house) == ["authorizer_info"]
    assert stored(desk.house).pending_reason == "never_exchanged"


def test_a_merchant_who_had_tokens_is_asked_about_on() -> None:
    """40013 for somebody active is a refusal like any other: withheld, and asked again later."""
    house = authorized()
    edit(house, verifying=True, due_at=house.clock.now())
    refuse(house, "authorizer_info", 40013)
    assert keep(house) is Outcome.REFUSED
    known = stored(house)
    assert (known.status, known.verifying, known.attempts) == (Status.ACTIVE, True, 1)
    assert known.due_at is not None
    assert known.pending_reason is None


@pytest.mark.parametrize("errcode", [-1, 45009, 61004])
def test_other_refusals_are_no_word_about_somebody(errcode: int) -> None:
    """WeChat was busy, or refused the platform: he is asked about again after the back-off."""
    house = nominated()
    refuse(house, "authorizer_info", errcode)
    house.work()
    known = stored(house)
    assert (known.verifying, known.attempts, known.pending_reason) == (True, 1, None)


# --- meanwhile -----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_a_grant_that_is_pushed_meanwhile_wins(case: str) -> None:
    """WeChat's answer is of the time before: it is asked again, and the code makes him active."""
    house = nominated(case, new_house(BusyWeChat))
    later(house, 60)
    house.push_ticket()

    def push() -> None:
        pushed(house)

    afterwards(house, "authorizer_info", push)
    assert keep(house) is Outcome.LEASED
    known = stored(house)
    assert (known.verifying, known.pending_reason) == (True, None)
    house.settle()
    assert stored(house).status is Status.ACTIVE
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_a_redirect_that_is_exchanged_meanwhile_wins() -> None:
    """Its exchange takes the lease away: what WeChat said before is not written."""
    house = with_component(new_house(BusyWeChat))
    via = link(house)
    code = house.wechat.confirm(MERCHANT)
    house.resync.run_one(MERCHANT, dry_run=False)

    def redirect() -> None:
        land(house, via, code)
        exchange(house, code)

    refuse(house, "authorizer_info", 40013)
    afterwards(house, "authorizer_info", redirect)
    assert keep(house) is Outcome.LEASED
    assert stored(house).verifying
    house.settle()
    assert stored(house).status is Status.ACTIVE
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_a_code_that_is_open_makes_him_active_all_the_same() -> None:
    """Its push came before WeChat was asked, which has no refresh token before the exchange."""
    house = nominated()
    later(house, 60)
    house.push_ticket()
    code = pushed(house)
    assert keep(house) is Outcome.ABSENT
    assert not stored(house).verifying
    exchange(house, code)
    assert stored(house).status is Status.ACTIVE
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_the_mark_of_an_earlier_question_stays() -> None:
    """An exchange that was never answered may have got through: only its own mark is cleared."""
    house = nominated()
    edit(house, unresolved_mark="earlier", unresolved_since=house.clock.now() - 10)
    house.work()
    known = stored(house)
    assert (known.verifying, known.pending_reason) == (False, "never_exchanged")
    assert known.unresolved_since == house.clock.now() - 10


def test_a_lease_that_was_lost_says_nothing() -> None:
    """Somebody else asks by now: his answer counts."""
    house, table = hooked()
    nominated(house=house)

    def taken() -> None:
        later(house, 25)
        house.tools.acquire(MERCHANT, Purpose.EXCHANGE)

    table.hooks.append((takes_lease, lambda: meanwhile(house, "authorizer_info", taken)))
    house.work()
    assert stored(house).pending_reason is None
    assert stored(house).verifying


# --- afterwards ----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_a_grant_that_is_pushed_afterwards_makes_him_active(case: str) -> None:
    """Nobody has to ask for him once more, and the reason is gone with the push."""
    house = let_go(case)
    later(house, 60)
    house.push_ticket()
    pushed(house)
    assert stored(house).pending_reason is None
    house.work()
    known = stored(house)
    assert (known.status, known.pending_reason) == (Status.ACTIVE, None)
    assert told(house) == ["authorizer.authorized"]


@pytest.mark.parametrize("case", CASES)
def test_the_list_nominates_him_again(case: str) -> None:
    """WeChat has a refresh token by now, whoever exchanged the code: he becomes active."""
    house = let_go(case)
    account = house.wechat.accounts.get(MERCHANT)
    if account is None:
        house.wechat.confirm(MERCHANT)
        account = house.wechat.accounts[MERCHANT]
    house.wechat._new_refresh_token(MERCHANT, account)
    assert changes(resync(house)) == [("verify", "pending")]
    assert stored(house).pending_reason is None
    house.work()
    assert stored(house).status is Status.ACTIVE


def test_a_mistyped_appid_is_not_asked_about_every_night() -> None:
    """It is on no list, and WeChat has said that it does not know it; by hand it may be asked."""
    house = let_go("invalid_appid")
    assert only(resync(house)) == "gone"
    assert changes(house.resync.run_one(MERCHANT, dry_run=False)) == [("verify", "asked_for")]


def test_who_cancels_before_anybody_exchanged_the_code_ends_as_cancelled() -> None:
    """He is on the list no more: the nightly question is answered with 61003."""
    house = let_go()
    house.wechat.cancel(MERCHANT)
    assert changes(resync(house)) == [("verify", "not_listed")]
    house.work()
    assert stored(house).status is Status.REVOKED


# --- what is said of him -------------------------------------------------------------------------


def test_adopting_is_told_that_nobody_exchanged_the_code() -> None:
    """Also while WeChat is asked about him: it has nothing else to tell, whatever it answers."""
    house = nominated()
    for _ in range(2):
        (waiting,) = resync(house).not_active
        assert (waiting.status, waiting.reason) == (Status.PENDING, "never_exchanged")
        assert waiting.remedy is not None
        house.work()


def test_an_account_without_api_ability_is_still_asked_about() -> None:
    """It has no refresh token either, and nothing is missing: it is only being verified."""
    house = nominated()
    edit(house, status="active", api_ability=False)
    (waiting,) = resync(house).not_active
    assert waiting.reason == "verifying"


# --- forgetting ----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_who_was_let_go_can_be_forgotten(case: str) -> None:
    """Nothing is on its way for him."""
    house = let_go(case)
    house.forgetting.forget(MERCHANT)
    assert house.tokens.get(MERCHANT) is None


def test_who_is_asked_about_again_and_again_can_be_forgotten() -> None:
    """WeChat refuses the question for another reason: between two of them nobody is at it."""
    house = nominated()
    with pytest.raises(NotForgettableError, match="right now") as caught:
        house.forgetting.forget(MERCHANT)
    assert caught.value.passing
    refuse(house, "authorizer_info", 48001)
    house.work()
    assert stored(house).verifying
    until_due(house)
    with pytest.raises(NotForgettableError, match="right now"):
        house.forgetting.forget(MERCHANT)
    refuse(house, "authorizer_info", 48001)
    keep(house)
    house.forgetting.forget(MERCHANT)
    assert house.tokens.get(MERCHANT) is None


def test_who_is_leased_is_not_forgotten() -> None:
    """Whoever holds the lease may be about to make him active."""
    house = nominated()
    house.tools.acquire(MERCHANT, Purpose.EXCHANGE)
    edit(house, due_at=house.clock.now() + 600)
    with pytest.raises(NotForgettableError, match="right now"):
        house.forgetting.forget(MERCHANT)
