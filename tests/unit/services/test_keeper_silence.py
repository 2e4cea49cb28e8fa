"""Renewals without an answer, too late, or under a lease that somebody else has taken."""

from __future__ import annotations

import pytest

from tests.fakes.house import MERCHANT
from tests.unit.services.kit import (
    after_lease,
    asked,
    authorized,
    find,
    hooked,
    keep,
    later,
    meanwhile,
    refuse,
    secrets_of,
    stored,
    takes_lease,
    told,
    until_due,
)
from wxvault.errors import RenewalFailingError
from wxvault.services.outcome import Outcome
from wxvault.services.state import Purpose, Status

# --- silence -------------------------------------------------------------------------------------


def test_silence_writes_nothing() -> None:
    """Unanswered: lease and mark stay, the item stays due since before, and nothing backs off."""
    house = authorized()
    until_due(house)
    due_at = stored(house).due_at
    refuse(house, "refresh", "silent_before")
    assert keep(house) is Outcome.UNKNOWN
    silent = stored(house)
    assert silent.lease_until == house.clock.now() + 24
    assert silent.unresolved_since == house.clock.now()
    assert (silent.due_at, silent.attempts) == (due_at, 0)
    assert keep(house) is Outcome.LEASED
    after_lease(house)
    assert keep(house) is Outcome.RENEWED
    assert stored(house).unresolved_mark is None


def test_silence_for_four_minutes_backs_off() -> None:
    """From 0.8 of the overlap on silence counts as a failure: third time failing, mark kept."""
    house = authorized()
    until_due(house)
    since = house.clock.now()
    refuse(house, "refresh", *["silent_before"] * 40)
    outcomes = set()
    while stored(house).status is Status.ACTIVE:
        outcomes.add(keep(house))
        silent = stored(house)
        over = house.clock.now() - since >= 240
        assert (silent.attempts > 0) is over
        assert silent.unresolved_since == since
        after_lease(house)
        until_due(house)
    assert outcomes == {Outcome.UNKNOWN}
    assert stored(house).attempts == 3
    assert told(house) == ["authorizer.failing"]
    house.wechat.faults.clear()
    house.settle()
    # No ticket came in all this time, which is told too.
    assert "authorizer.recovered" in told(house)
    assert house.wechat.honours(MERCHANT, secrets_of(house)[0] or "")


def test_an_executed_call_without_answer_ends_well() -> None:
    """WeChat executed and the answer was lost: within the overlap a second renewal is stored."""
    house = authorized()
    house.wechat.rotate_on_refresh = True
    until_due(house)
    refuse(house, "refresh", "silent_after")
    assert keep(house) is Outcome.UNKNOWN
    after_lease(house)
    assert keep(house) is Outcome.RENEWED
    assert secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token
    assert house.wechat.honours(MERCHANT, secrets_of(house)[0] or "")


def test_a_refusal_after_silence_keeps_the_mark() -> None:
    """A refusal says nothing of an earlier question that is still open."""
    house = authorized()
    until_due(house)
    since = house.clock.now()
    refuse(house, "refresh", "silent_after", -1)
    keep(house)
    after_lease(house)
    assert keep(house) is Outcome.REFUSED
    assert stored(house).unresolved_since == since


# --- time and leases -----------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "asks"), [(2.0, True), (2.001, False)])
def test_too_late_to_start(seconds: float, asks: bool) -> None:
    """A call starts within two seconds of its lease, or the lease is given back untouched."""
    house, table = hooked()
    authorized(house)
    until_due(house)
    before = stored(house)
    table.hooks.append((takes_lease, lambda: later(house, seconds)))
    assert keep(house) is (Outcome.RENEWED if asks else Outcome.LEASED)
    assert asked(house).count("refresh") == asks
    after = stored(house)
    if not asks:
        assert (after.lease_id, after.unresolved_mark) == (None, None)
        assert (after.due_at, after.attempts) == (before.due_at, 0)
        assert after.generation == before.generation


def test_a_life_counts_from_sending() -> None:
    """The answer took five seconds; the token ends 7,200 s after it was asked for."""
    house = authorized()
    until_due(house)
    sent_at = house.clock.now()
    meanwhile(house, "refresh", lambda: later(house, 5))
    keep(house)
    assert stored(house).access_expires_at == sent_at + 7200


def test_a_lost_lease_stores_nothing_and_has_a_renewal_follow() -> None:
    """Somebody took over while WeChat was asked: the answer is not stored, the item marked, due."""
    house = authorized()
    house.wechat.rotate_on_refresh = True
    until_due(house)

    def take_over() -> None:
        later(house, 25)
        house.tools.acquire(MERCHANT, Purpose.RENEWAL)

    before = secrets_of(house)
    meanwhile(house, "refresh", take_over)
    started = house.clock.now()
    assert keep(house) is Outcome.LEASED
    after = stored(house)
    assert secrets_of(house) == before
    assert after.unresolved_since is not None
    assert after.unresolved_since <= started
    assert after.due_at is not None
    assert after.due_at <= house.clock.now()
    house.settle()
    assert secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token


def test_a_repeated_write_is_no_lost_lease() -> None:
    """AWS's client may repeat each write after its answer was lost: the renewal is still one."""
    house, table = hooked()
    authorized(house)
    until_due(house)
    table.repeated = True
    assert keep(house) is Outcome.RENEWED
    assert asked(house).count("refresh") == 1


def test_a_refusal_is_said_with_its_remedy() -> None:
    """Whoever looks a token up while renewals are refused learns WeChat's code."""
    house = authorized()
    later(house, 7300)
    refuse(house, "refresh", 61004)
    with pytest.raises(RenewalFailingError) as raised:
        find(house)
    assert raised.value.wechat_errcode == 61004


@pytest.mark.parametrize("fault", [45009, "silent_before"])
def test_why_wechat_was_no_help_is_logged(
    fault: int | str, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says whose renewal it was, which call, and WeChat's code; no token is in it."""
    house = authorized()
    until_due(house)
    refuse(house, "refresh", fault)
    keep(house)
    (record,) = caplog.records
    said = vars(record)
    assert said["authorizer_appid"] == MERCHANT
    assert said["path"] == "refresh"
    assert said["wechat_errcode"] == (fault if isinstance(fault, int) else None)
    assert not [secret for secret in secrets_of(house) if str(secret) in repr(said)]
