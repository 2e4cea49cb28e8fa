"""Keeping an authorizer's token fresh: when WeChat is asked, and what a refusal or silence does."""

from __future__ import annotations

import pytest

from tests.fakes.house import MERCHANT
from tests.unit.services.kit import (
    OTHER,
    after_lease,
    asked,
    authorized,
    edit,
    find,
    forgetful,
    keep,
    later,
    refuse,
    secrets_of,
    stored,
    told,
    until_due,
)
from wxvault.errors import NoTicketError
from wxvault.services.outcome import Outcome
from wxvault.services.state import Purpose, Status


def test_a_due_token_is_renewed_once() -> None:
    """What is due is asked for once; the new token is stored with a new due time."""
    house = authorized()
    old, refresh_token = secrets_of(house)
    before = stored(house)
    until_due(house)
    assert keep(house) is Outcome.RENEWED
    after = stored(house)
    assert asked(house).count("refresh") == 1
    new, kept = secrets_of(house)
    assert new not in (None, old)
    assert house.wechat.honours(MERCHANT, new or "")
    assert kept == refresh_token
    assert after.generation == before.generation + 1
    assert after.access_expires_at == house.clock.now() + 7200
    assert after.due_at is not None
    assert 0.75 * 7200 <= after.due_at - house.clock.now() <= 0.85 * 7200
    assert (after.lease_id, after.unresolved_mark, after.attempts) == (None, None, 0)
    assert told(house) == []


def test_what_is_not_due_is_left_alone() -> None:
    """Before its time nobody asks WeChat."""
    house = authorized()
    assert keep(house) is Outcome.NOT_DUE
    assert asked(house) == []


def test_nobody_is_kept_who_is_not_there() -> None:
    """An appid that nobody knows is absent, and no item is made for it."""
    house = authorized()
    assert keep(house, OTHER) is Outcome.ABSENT
    assert house.tokens.get(OTHER) is None


def test_one_at_a_time() -> None:
    """While somebody has the lease, nobody else asks; the loser learns it at once."""
    house = authorized()
    until_due(house)
    house.tools.acquire(MERCHANT, Purpose.RENEWAL)
    started = house.clock.now()
    assert keep(house) is Outcome.LEASED
    assert asked(house) == []
    assert house.clock.now() == started


def test_who_loses_the_race_for_the_lease_asks_nothing() -> None:
    """Between reading and acquiring somebody else may be faster: by one write only one wins."""
    house = authorized()
    until_due(house)
    house.component = house.new_component_token()
    known = stored(house)
    assert not hasattr(house.tools.acquire(MERCHANT, Purpose.RENEWAL), "item")
    lost = house.keeper._renew(known, forced=False, early=False)
    assert lost is Outcome.LEASED
    assert asked(house) == []


def test_who_comes_when_all_is_done_asks_nothing() -> None:
    """A job that was late finds its item fresh again."""
    house = authorized()
    until_due(house)
    known = stored(house)
    keep(house)
    asked(house)
    assert house.keeper._renew(known, forced=False, early=False) is Outcome.NOT_DUE
    assert asked(house) == []


def test_two_jobs_are_one_renewal() -> None:
    """A job delivered twice renews once."""
    house = authorized()
    until_due(house)
    assert [keep(house), keep(house)] == [Outcome.RENEWED, Outcome.NOT_DUE]


def test_the_rotated_refresh_token_is_stored_with_the_token() -> None:
    """A refresh token that came along replaces the old one, and works for the next renewal."""
    house = authorized()
    house.wechat.rotate_on_refresh = True
    for _ in range(3):
        until_due(house)
        assert keep(house) is Outcome.RENEWED
        assert secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token


def test_an_empty_refresh_token_never_replaces_one() -> None:
    """When WeChat answers without a refresh token, the stored one stays and goes on to work."""
    house = forgetful()
    refresh_token = secrets_of(house)[1]
    for _ in range(2):
        until_due(house)
        assert keep(house) is Outcome.RENEWED
        assert secrets_of(house)[1] == refresh_token


def test_no_api_ability_no_renewal() -> None:
    """An account that has no tokens is taken out of the index, and WeChat is not asked."""
    house = authorized()
    edit(house, api_ability=False)
    until_due(house)
    assert keep(house) is Outcome.ABSENT
    assert stored(house).due_at is None
    assert asked(house) == []


@pytest.mark.parametrize("status", [Status.LOST, Status.PENDING, Status.REVOKED])
def test_what_is_over_is_taken_out_of_the_index(status: Status) -> None:
    """An exchange may have left an item in the index that needs nothing."""
    house = authorized()
    edit(house, status=str(status))
    until_due(house)
    assert keep(house) is Outcome.ABSENT
    assert stored(house).due_at is None
    assert stored(house).status is status


def test_what_is_under_a_lease_stays_in_the_index() -> None:
    """A crash of the one who holds the lease must leave the item due."""
    house = authorized()
    house.tools.acquire(OTHER, Purpose.EXCHANGE)
    assert stored(house, OTHER).status is Status.PENDING
    assert keep(house, OTHER) is Outcome.ABSENT
    assert stored(house, OTHER).due_at is not None
    after_lease(house, OTHER)
    assert keep(house, OTHER) is Outcome.ABSENT
    assert stored(house, OTHER).due_at is None


# --- refused -------------------------------------------------------------------------------------


def test_a_refusal_waits_for_its_back_off() -> None:
    """A refusal stores why, keeps the tokens, and the next job before its time asks nothing."""
    house = authorized()
    tokens = secrets_of(house)
    until_due(house)
    refuse(house, "refresh", 45009)
    assert keep(house) is Outcome.REFUSED
    refused = stored(house)
    assert (refused.attempts, refused.last_errcode, refused.status) == (1, 45009, Status.ACTIVE)
    assert (refused.lease_id, refused.unresolved_mark) == (None, None)
    assert refused.due_at is not None
    assert 1 <= refused.due_at - house.clock.now() <= 10
    assert secrets_of(house) == tokens
    asked(house)
    assert keep(house) is Outcome.NOT_DUE
    assert asked(house) == []


def test_the_third_refusal_is_failing_and_success_recovers() -> None:
    """Failing is told once at the third refusal in a row, recovered once when it works again."""
    house = authorized()
    refuse(house, "refresh", *[-1] * 5)
    for number in range(1, 6):
        until_due(house)
        assert keep(house) is Outcome.REFUSED
        assert stored(house).status is (Status.ACTIVE if number < 3 else Status.FAILING)
    assert told(house) == ["authorizer.failing"]
    until_due(house)
    assert keep(house) is Outcome.RENEWED
    assert told(house) == ["authorizer.recovered"]
    recovered = stored(house)
    assert (recovered.status, recovered.attempts) == (Status.ACTIVE, 0)
    assert recovered.last_errcode is None


def test_refusals_in_between_do_not_count() -> None:
    """Two refusals, a success and two refusals are no news."""
    house = authorized()
    refuse(house, "refresh", -1, -1, "ok", -1, -1)
    for _ in range(5):
        until_due(house)
        keep(house)
    assert told(house) == []
    assert stored(house).status is Status.ACTIVE


def test_without_a_component_token_nothing_is_touched() -> None:
    """Who cannot ask WeChat does not take the lease."""
    house = authorized()
    house.items.add_ticket("ticket", 1, now=0)
    later(house, 13 * 3600)
    house.component = house.new_component_token()
    before = stored(house)
    with pytest.raises(NoTicketError):
        keep(house)
    assert stored(house) == before


def test_a_refused_component_token_is_renewed_once() -> None:
    """40001 speaks of the component token: it is renewed, and the question asked again."""
    house = authorized()
    until_due(house)
    find(house, None)
    keep_it = house.component.get()
    later(house, 61)
    house.wechat.component.tokens[keep_it].until = house.clock.now()
    refuse(house, "refresh", 40001)
    asked(house)
    assert keep(house) is Outcome.RENEWED
    assert asked(house) == ["refresh", "component_token", "refresh"]
    assert house.component.get() != keep_it


def test_who_vanished_is_absent() -> None:
    """Between reading and acquiring the item was deleted: nothing is made anew."""
    house = authorized()
    until_due(house)
    known = stored(house)
    house.table.items.clear()  # type: ignore[attr-defined]
    house.push_ticket()
    house.work()
    assert house.keeper._renew(known, forced=False, early=False) is Outcome.ABSENT
    assert house.tokens.get(MERCHANT) is None


def test_who_comes_back_is_not_taken_out_of_the_index() -> None:
    """Between reading and taking out, an exchange brought the merchant back: it stays due."""
    house = authorized()
    edit(house, status="lost")
    stale = stored(house)
    edit(house, status="active", fence=stale.fence + 1)
    house.keeper._take_out(stale)
    assert stored(house).due_at is not None


def test_a_component_token_that_stays_refused_is_a_refusal() -> None:
    """When the new component token is refused too, it is not renewed a second time."""
    house = authorized()
    until_due(house)
    later(house, 61)
    refuse(house, "refresh", 40001, 42001)
    asked(house)
    assert keep(house) is Outcome.REFUSED
    assert asked(house).count("component_token") <= 1
    assert stored(house).last_errcode == 42001


@pytest.mark.parametrize("fault", [-1, "silent_before"])
def test_no_other_component_token_is_a_refusal(fault: int | str) -> None:
    """When the component token cannot be renewed, the refusal is stored as what it was."""
    house = authorized()
    until_due(house)
    later(house, 61)
    refuse(house, "refresh", 40001)
    refuse(house, "component_token", *[fault] * 9)
    assert keep(house) is Outcome.REFUSED
    assert stored(house).last_errcode == 40001
