"""Waiting look-ups: they never ask WeChat, poll while somebody does, and end after 8 s."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.house import MERCHANT, House
from tests.unit.services.kit import (
    after_lease,
    asked,
    authorized,
    edit,
    find,
    keep,
    later,
    other_environment,
    refuse,
    secrets_of,
    stored,
    until_due,
)
from wxvault.errors import AuthorizerRevokedError, RenewalFailingError, RenewalInProgressError
from wxvault.services.lookup import Lookup
from wxvault.services.outcome import Outcome
from wxvault.services.state import Purpose
from wxvault.services.tools import token_sha256

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class SlowRenew:
    """A *renew* that is asked, and answers as it was told."""

    house: House
    answer: Callable[[], Outcome]
    asked_for: list[dict[str, Any]] = field(default_factory=list)

    def __call__(
        self,
        authorizer_appid: str | None,
        *,
        rejected_token_sha256: str | None,
        min_ttl: float,
        seconds: float,
    ) -> Outcome:
        """Take the question down."""
        self.asked_for.append(
            {
                "appid": authorizer_appid,
                "rejected": rejected_token_sha256,
                "min_ttl": min_ttl,
                "seconds": seconds,
            }
        )
        return self.answer()

    def lookup(self) -> Lookup:
        """Return the look-up that asks it."""
        house = self.house
        return Lookup(
            house.tokens, self, house.clock, house.random.random, overlap=house.wechat.overlap
        )


def expired() -> House:
    """Return a house whose merchant's token has ended."""
    house = authorized()
    later(house, 7300)
    house.component.get()
    asked(house)
    return house


def test_the_winners_token_is_handed_out() -> None:
    """While somebody has the lease a look-up polls, asks nobody, and gets the winner's token."""
    house = expired()
    held = house.tools.acquire(MERCHANT, Purpose.RENEWAL)
    assert hasattr(held, "fence")
    waiter = SlowRenew(house, lambda: Outcome.LEASED)

    def win() -> None:
        edit(house, lease_until=0)
        keep(house)

    house.time.while_sleeping += [lambda: None] * 4 + [win]
    started = house.clock.now()
    found = waiter.lookup().find(MERCHANT)
    assert waiter.asked_for == []
    assert found.access_token == secrets_of(house)[0]
    assert house.wechat.honours(MERCHANT, found.access_token)
    assert house.clock.now() - started == pytest.approx(5 * 0.15)


@pytest.mark.parametrize(("left", "waited"), [(3, 3), (0.5, 0.5), (0, 0), (-5, 0), (60, 8)])
def test_nobody_waits_beyond_the_time_they_have(left: float, waited: float) -> None:
    """Whoever needs the rest of their time for a call says until when; *renew* is told too."""
    house = expired()
    renew = SlowRenew(house, lambda: Outcome.UNKNOWN)
    started = house.clock.now()
    with pytest.raises(RenewalInProgressError):
        renew.lookup().find(MERCHANT, until=started + left)
    assert house.clock.now() - started == pytest.approx(waited, abs=0.15)
    assert all(0 < asked["seconds"] <= waited for asked in renew.asked_for)
    assert bool(renew.asked_for) == (left > 0)


def test_eight_seconds_are_the_end() -> None:
    """Whoever holds the lease and does not come back is waited for eight seconds."""
    house = expired()
    house.tools.acquire(MERCHANT, Purpose.RENEWAL)
    started = house.clock.now()
    with pytest.raises(RenewalInProgressError):
        find(house)
    assert house.clock.now() - started == pytest.approx(8, abs=0.15)
    assert asked(house) == []


@pytest.mark.parametrize("spent", [0.0, 3.0, 7.9])
def test_renew_is_waited_for_as_long_as_is_left(spent: float) -> None:
    """The call of *renew* gets what is left of the eight seconds."""
    house = expired()

    def answer() -> Outcome:
        later(house, 8 - spent)
        return Outcome.UNKNOWN

    renew = SlowRenew(house, answer)
    held = house.tools.acquire(MERCHANT, Purpose.RENEWAL)
    assert hasattr(held, "fence")
    edit(house, lease_until=house.clock.now() + spent)
    if not spent:
        edit(house, lease_until=None)
    with pytest.raises(RenewalInProgressError):
        renew.lookup().find(MERCHANT, min_ttl=7, rejected_token_sha256="ab")
    first = renew.asked_for[0]
    assert first["appid"] == MERCHANT
    assert (first["min_ttl"], first["rejected"]) == (7, "ab")
    assert 0 < first["seconds"] <= 8 - spent + 0.001


def test_who_loses_polls_on() -> None:
    """*renew* that loses the race says so at once; the look-up polls for the winner."""
    house = expired()
    outcomes = [Outcome.LEASED, Outcome.LEASED]

    def answer() -> Outcome:
        if outcomes:
            return outcomes.pop(0)
        return keep(house)

    renew = SlowRenew(house, answer)
    found = renew.lookup().find(MERCHANT)
    assert len(renew.asked_for) == 3
    assert found.renewed
    assert house.wechat.honours(MERCHANT, found.access_token)


def test_renew_that_cannot_be_invoked_is_asked_a_few_times() -> None:
    """Throttled each time: eight seconds bring a handful of asks, ever further apart."""
    house = expired()
    times: list[float] = []

    def answer() -> Outcome:
        times.append(house.clock.now())
        return Outcome.UNKNOWN

    started = house.clock.now()
    with pytest.raises(RenewalInProgressError):
        SlowRenew(house, answer).lookup().find(MERCHANT)
    assert house.clock.now() - started == pytest.approx(8, abs=0.15)
    pauses = [after - before for before, after in pairwise(times)]
    assert 4 <= len(times) <= 8
    assert pauses[0] < 0.5
    assert max(pauses) <= 3.15
    assert pauses[-1] > 3 * pauses[0]


def test_those_who_wait_do_not_ask_again_at_the_same_moment() -> None:
    """Two who were turned away together come back apart."""
    second_asks = set()
    for seed in range(5):
        house = expired()
        house.random.seed(seed)
        renew = SlowRenew(house, lambda: Outcome.UNKNOWN)
        with pytest.raises(RenewalInProgressError):
            renew.lookup().find(MERCHANT)
        second_asks.add(renew.asked_for[2]["seconds"])
    assert len(second_asks) > 1


@pytest.mark.parametrize("outcome", [Outcome.NOT_DUE, Outcome.REFUSED, Outcome.FAILING])
def test_where_nothing_can_change_the_answer_comes_at_once(outcome: Outcome) -> None:
    """Whoever is told that WeChat refuses, or that nothing is due, does not sleep over it."""
    house = expired()
    started = house.clock.now()
    with pytest.raises(RenewalFailingError):
        SlowRenew(house, lambda: outcome).lookup().find(MERCHANT)
    assert house.clock.now() == started


def test_no_answer_of_renew_is_no_answer() -> None:
    """*renew* did not answer but had finished: the token is found in the table."""
    house = expired()

    def answer() -> Outcome:
        keep(house)
        later(house, 3)
        return Outcome.UNKNOWN

    found = SlowRenew(house, answer).lookup().find(MERCHANT)
    assert house.wechat.honours(MERCHANT, found.access_token)


def test_the_old_token_is_better_than_none_at_the_end() -> None:
    """Who wanted more to be left gets, after eight seconds, the good token there is."""
    house = authorized()
    later(house, 7200 - 500)
    token = secrets_of(house)[0]
    found = SlowRenew(house, lambda: Outcome.UNKNOWN).lookup().find(MERCHANT, min_ttl=1200)
    assert (found.access_token, found.renewed) == (token, False)


def test_a_refused_token_is_not_handed_out_again() -> None:
    """While its successor is under way, the token that WeChat refused is not given once more."""
    house = authorized()
    later(house, 100)
    token = secrets_of(house)[0]
    house.tools.acquire(MERCHANT, Purpose.EXCHANGE)
    with pytest.raises(RenewalInProgressError):
        find(house, rejected_token_sha256=token_sha256(token or ""))


def test_a_refused_token_is_given_when_renew_does_not_believe_it() -> None:
    """Too young to have been refused: the caller gets the same one, not renewed."""
    house = authorized()
    token = secrets_of(house)[0]
    found = find(house, rejected_token_sha256=token_sha256(token or ""))
    assert (found.access_token, found.renewed) == (token, False)
    assert asked(house) == []


# --- marks ---------------------------------------------------------------------------------------


def silent_house() -> House:
    """Return a house in which a renewal was executed by WeChat and never answered."""
    house = authorized()
    until_due(house)
    refuse(house, "refresh", "silent_after", *["silent_before"] * 30)
    assert keep(house) is Outcome.UNKNOWN
    asked(house)
    return house


def test_a_marked_token_is_served_for_four_minutes() -> None:
    """After silence the old token is handed out for 0.8 of the overlap, in which it works."""
    house = silent_house()
    old = secrets_of(house)[0] or ""
    later(house, 239.9)
    assert find(house).access_token == old
    assert house.wechat.honours(MERCHANT, old)
    assert asked(house) == []


def test_a_marked_token_is_withheld_after_four_minutes() -> None:
    """From then on only a renewed one is handed out, and nothing at all without."""
    house = silent_house()
    old = secrets_of(house)[0]
    later(house, 240)
    with pytest.raises(RenewalInProgressError):
        find(house)
    house.wechat.faults.clear()
    after_lease(house)
    until_due(house)
    found = find(house)
    assert found.access_token != old
    assert house.wechat.honours(MERCHANT, found.access_token)


def test_a_token_within_a_lease_is_served() -> None:
    """While somebody renews, everybody else gets the old token at once: WeChat honours it still."""
    house = authorized()
    until_due(house)
    house.tools.acquire(MERCHANT, Purpose.RENEWAL)
    started = house.clock.now()
    assert find(house).access_token == secrets_of(house)[0]
    assert house.clock.now() == started


# --- who comes back ------------------------------------------------------------------------------


def test_a_merchant_who_comes_back_is_waited_for() -> None:
    """A newer grant than the cancellation is being looked into: the look-up has it verified."""
    house = authorized()
    house.wechat.cancel(MERCHANT)
    house.push_unauthorized()
    house.work()
    with pytest.raises(AuthorizerRevokedError):
        find(house)
    later(house, 10)
    house.wechat.confirm(MERCHANT)
    house.wechat._new_refresh_token(MERCHANT, house.wechat.accounts[MERCHANT])
    edit(house, verifying=True, authorized_at=int(house.clock.now()), due_at=house.clock.now())
    found = find(house)
    assert found.renewed
    assert house.wechat.honours(MERCHANT, found.access_token)


def test_who_comes_back_in_vain_is_revoked() -> None:
    """WeChat knows nothing of it: the look-up that waited is told so."""
    house = authorized()
    house.wechat.cancel(MERCHANT)
    edit(
        house,
        status="revoked",
        verifying=True,
        unauthorized_at=1_900_000_000,
        authorized_at=1_900_000_001,
        due_at=house.clock.now(),
    )
    with pytest.raises(AuthorizerRevokedError):
        find(house)
    assert asked(house)[-1] == "authorizer_info"


def test_an_undated_grant_is_waited_for() -> None:
    """A redirect after the cancellation cannot be compared: it is verified, not refused."""
    house = authorized()
    edit(
        house,
        status="revoked",
        verifying=True,
        grant_undated=True,
        unauthorized_at=1_900_000_000,
        due_at=house.clock.now(),
    )
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_environments_share_one_renewal() -> None:
    """Two environments look up at the same moment: WeChat is asked once, both get that token."""
    house = expired()
    first = find(house)
    second = other_environment(house).find(MERCHANT)
    assert first.access_token == second.access_token
    assert asked(house).count("refresh") == 1
    assert stored(house).generation == first.generation
