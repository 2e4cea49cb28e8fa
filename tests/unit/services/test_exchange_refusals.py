"""Codes that WeChat refuses, answers strangely, or that cannot be opened."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.house import MERCHANT, RETENTION
from tests.unit.services.kit import (
    OTHER,
    asked,
    authorized,
    code_of,
    edit,
    exchange,
    find,
    forgetful,
    land,
    later,
    link,
    meanwhile,
    pushed,
    refuse,
    secrets_of,
    stored,
    told,
    until_due,
    with_component,
)
from wxvault.errors import UnknownAuthorizerError
from wxvault.services.onboarding_state import CodeStatus
from wxvault.services.outcome import Outcome
from wxvault.services.state import Status

# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("errcode", [-1, 45009, 61004])
def test_a_refused_exchange_is_tried_again(errcode: int) -> None:
    """Nothing was issued: the code goes back with a back-off, and is exchanged later."""
    house = with_component()
    code = pushed(house)
    refuse(house, "query_auth", errcode)
    assert exchange(house, code) is CodeStatus.RECEIVED
    record = code_of(house, code)
    assert (record.claim_id, record.unanswered) == (None, 0)
    assert record.due_at is not None
    assert house.clock.now() < record.due_at <= house.clock.now() + 10
    known = stored(house)
    assert (known.lease_id, known.unresolved_mark, known.last_errcode) == (None, None, errcode)
    house.exchange_queue.jobs.clear()
    later(house, 15)
    house.settle()
    assert code_of(house, code).status is CodeStatus.DONE


@pytest.mark.parametrize("way", ["push", "redirect"])
def test_a_code_that_stays_refused_is_asked_for_less_and_less(way: str) -> None:
    """The back-off doubles with each refusal, so that a code costs less than a call a minute."""
    house = with_component()
    if way == "push":
        code = pushed(house)
    else:
        code = house.wechat.confirm(MERCHANT)
        land(house, link(house), code)
    refuse(house, "query_auth", *[61004] * 12)
    waits = []
    for _ in range(12):
        exchange(house, code)
        due_at = code_of(house, code).due_at
        assert due_at is not None
        waits.append(due_at - house.clock.now())
        later(house, 60)
    assert max(waits) > 60


@pytest.mark.parametrize("errcode", [61009, 61010])
def test_a_spent_code_of_a_living_account_heals(errcode: int) -> None:
    """61009 or 61010, but WeChat knows the account: its refresh token is stored, renewal due."""
    house = with_component()
    told(house)
    code = pushed(house)
    refuse(house, "query_auth", errcode)
    house.wechat._new_refresh_token(MERCHANT, house.wechat.accounts[MERCHANT])
    assert exchange(house, code) is CodeStatus.DONE
    assert asked(house) == ["query_auth", "authorizer_info"]
    known = stored(house)
    assert known.status is Status.ACTIVE
    assert secrets_of(house) == (None, house.wechat.accounts[MERCHANT].refresh_token)
    assert known.due_at == house.clock.now()
    assert told(house) == ["authorizer.authorized"]


@pytest.mark.parametrize("errcode", [61009, 61010])
def test_a_spent_code_of_a_cancelled_account_fails(errcode: int) -> None:
    """61009 or 61010, and 61003 beside it: the code is over, and the account is verified."""
    house = with_component()
    code = pushed(house)
    house.wechat.cancel(MERCHANT)
    refuse(house, "query_auth", errcode)
    assert exchange(house, code) is CodeStatus.FAILED
    record = code_of(house, code)
    assert (record.wechat_errcode, record.due_at) == (errcode, None)
    assert house.codes.authorization_code(record) is None
    assert stored(house).verifying
    house.settle()
    assert (stored(house).status, stored(house).verifying) == (Status.REVOKED, False)


def test_a_spent_code_of_an_account_without_refresh_token_fails() -> None:
    """61010, and WeChat has no refresh token for it: nobody ever exchanged its code."""
    house = with_component()
    code = pushed(house)
    later(house, 3601)
    house.push_ticket()
    assert exchange(house, code) is CodeStatus.FAILED
    assert code_of(house, code).wechat_errcode == 61010
    known = stored(house)
    assert (known.verifying, known.has_refresh) == (True, False)


def test_a_refusal_beside_a_spent_code_leaves_it_open() -> None:
    """61009, and WeChat would not say more: the code is taken again later."""
    house = with_component()
    code = pushed(house)
    refuse(house, "query_auth", 61009)
    refuse(house, "authorizer_info", -1)
    assert exchange(house, code) is CodeStatus.RECEIVED
    assert stored(house).last_errcode == -1


def test_a_cancelled_grant_is_not_exchanged() -> None:
    """A cancellation at least as new as the code makes it history: WeChat is not asked."""
    house = with_component()
    code = pushed(house)
    house.push_unauthorized(create_time=int(house.clock.now()))
    asked(house)
    assert exchange(house, code) is CodeStatus.FAILED
    assert asked(house) == []
    assert stored(house).status is Status.REVOKED


def test_a_cancellation_during_the_exchange_wins() -> None:
    """A push that comes while WeChat exchanges takes the lease away: nothing is stored."""
    house = with_component()
    code = pushed(house)

    def cancel() -> None:
        later(house, 2)
        house.wechat.cancel(MERCHANT)
        house.push_unauthorized()

    meanwhile(house, "query_auth", cancel)
    exchange(house, code)
    assert stored(house).status is Status.REVOKED
    assert secrets_of(house) == (None, None)
    later(house, 30)
    house.settle()
    assert code_of(house, code).status is CodeStatus.FAILED
    assert (stored(house).status, stored(house).verifying) == (Status.REVOKED, False)


# --- strange answers -----------------------------------------------------------------------------


def test_the_answer_is_believed_more_than_the_push() -> None:
    """A push that names another account than the code is for: nobody gets another's tokens."""
    house = authorized()
    later(house, 10)
    before = secrets_of(house)[1]
    code = house.wechat.confirm(OTHER)
    house.push_authorized(code, MERCHANT)
    assert exchange(house, code) is CodeStatus.DONE
    assert (stored(house).lease_id, stored(house).unresolved_mark) == (None, None)
    house.settle()
    assert code_of(house, code).outcome_appid == OTHER
    assert secrets_of(house, OTHER)[1] == house.wechat.accounts[OTHER].refresh_token
    assert secrets_of(house)[1] == before
    assert house.wechat.honours(OTHER, find(house, OTHER).access_token)
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_an_account_that_only_a_wrong_push_named_is_forgotten() -> None:
    """WeChat knows no authorisation of it: it does not stay pending for ever."""
    house = with_component()
    code = house.wechat.confirm(OTHER)
    house.push_authorized(code, MERCHANT)
    assert stored(house).status is Status.PENDING
    assert exchange(house, code) is CodeStatus.DONE
    house.settle()
    gone = stored(house)
    assert (gone.status, gone.verifying, gone.due_at) == (Status.REVOKED, False, None)
    assert "authorizer.revoked" not in told(house)
    assert house.wechat.honours(OTHER, find(house, OTHER).access_token)
    later(house, RETENTION)
    with pytest.raises(UnknownAuthorizerError):
        find(house)


def test_a_code_that_cannot_be_opened_heals() -> None:
    """A sealed code that is broken is no loss when WeChat knows the account."""
    house = authorized()
    later(house, 10)
    code = pushed(house)
    house.keys.unusable.add("k1")
    house.keys.name = "k2"
    house.push_ticket()
    asked(house)
    assert exchange(house, code) is CodeStatus.DONE
    assert "query_auth" not in asked(house)
    assert secrets_of(house) == (None, house.wechat.accounts[MERCHANT].refresh_token)


def test_a_code_that_cannot_be_opened_of_a_cancelled_account_fails() -> None:
    """Nobody can read it, and WeChat knows no authorisation: it is over, not asked for for ever."""
    house = with_component()
    code = pushed(house)
    house.wechat.cancel(MERCHANT)
    house.keys.unusable.add("k1")
    house.keys.name = "k2"
    later(house, 7300)
    house.push_ticket()
    house.exchange_queue.jobs.clear()
    asked(house)
    for _ in range(20):
        house.sweep.run()
        house.work()
        later(house, 60)
    assert code_of(house, code).status is CodeStatus.FAILED
    assert len(asked(house)) < 10


def test_a_forgotten_refresh_token_is_read_from_wechat() -> None:
    """The exchange brought none and ours cannot be opened: the next renewal asks WeChat for it."""
    house = forgetful()
    later(house, 100)
    code = pushed(house)
    edit(house, refresh_token=b"rubbish")
    assert exchange(house, code) is CodeStatus.DONE
    assert secrets_of(house)[1] is None
    until_due(house)
    assert house.keeper.keep(MERCHANT) is Outcome.RENEWED
    assert secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token


def test_a_forgotten_access_token_is_renewed() -> None:
    """The retaken exchange brought a refresh token alone: that counts as tokens, so it heals."""
    house = with_component()
    house.wechat.second_exchange = "same"
    code = pushed(house)
    refuse(house, "query_auth", "silent_after")
    exchange(house, code)
    spent = house.wechat.codes[code].spent
    assert spent is not None
    house.wechat.codes[code].spent = replace(spent, access_token=None, expires_in=None)
    later(house, 25)
    asked(house)
    assert exchange(house, code) is CodeStatus.DONE
    assert asked(house) == ["query_auth", "authorizer_info"]
    assert stored(house).due_at == house.clock.now()


def test_a_forgotten_refresh_token_replaces_nothing() -> None:
    """The exchange brought none: the stored one stays."""
    house = forgetful()
    before = secrets_of(house)[1]
    later(house, 100)
    exchange(house, pushed(house))
    assert secrets_of(house)[1] == before


def test_who_came_by_which_link_does_not_matter_for_tokens() -> None:
    """A session's merchant and one without a link get their tokens alike."""
    house = with_component()
    via = link(house)
    pushed(house, MERCHANT, pre_auth_code=via.pre_auth_code)
    pushed(house, OTHER)
    house.work()
    for appid in (MERCHANT, OTHER):
        assert house.wechat.honours(appid, find(house, appid).access_token)
