"""Renewals that a caller asks for: a token that was refused, or that ends too early."""

from __future__ import annotations

import pytest

from tests.fakes.house import MERCHANT, House
from tests.unit.services.kit import (
    asked,
    authorized,
    edit,
    find,
    keep,
    later,
    refuse,
    secrets_of,
    stored,
    told,
    until_due,
)
from wxvault.errors import RenewalFailingError
from wxvault.services.outcome import Outcome
from wxvault.services.tools import token_sha256

FIFTH = 60.0
"""0.2 of the overlap."""


def current_sha256(house: House) -> str:
    """Return the fingerprint of the token that stands in the table."""
    token = secrets_of(house)[0]
    assert token is not None
    return token_sha256(token)


def force(house: House) -> Outcome:
    """Say that WeChat refused the current token."""
    return keep(house, rejected_token_sha256=current_sha256(house))


# --- refused by WeChat ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "outcome"),
    [(0, Outcome.NOT_DUE), (FIFTH - 0.001, Outcome.NOT_DUE), (FIFTH, Outcome.RENEWED)],
)
def test_a_young_token_was_not_refused(age: float, outcome: Outcome) -> None:
    """Younger than 0.2 of the overlap it is not believed: its news may be under way."""
    house = authorized()
    later(house, age)
    assert force(house) is outcome
    assert ("refresh" in asked(house)) is (outcome is Outcome.RENEWED)


def test_another_token_was_refused() -> None:
    """Who was refused with an older token has only to look the current one up."""
    house = authorized()
    later(house, 100)
    assert keep(house, rejected_token_sha256=token_sha256("an older one")) is Outcome.NOT_DUE
    assert asked(house) == []


def test_at_most_once_in_that_time() -> None:
    """After a forced renewal the next is possible 0.2 of the overlap later."""
    house = authorized()
    later(house, FIFTH)
    assert force(house) is Outcome.RENEWED
    assert force(house) is Outcome.NOT_DUE
    later(house, FIFTH)
    assert force(house) is Outcome.RENEWED


def test_the_pause_holds_after_another_renewal() -> None:
    """It is the forced renewal that is counted, whatever was stored since."""
    house = authorized()
    later(house, FIFTH)
    assert force(house) is Outcome.RENEWED
    edit(house, stored_at=house.clock.now() - 1000)
    later(house, FIFTH - 0.001)
    assert force(house) is Outcome.NOT_DUE


def test_a_fight_is_told_once() -> None:
    """More than three forced renewals in ten minutes say that two systems share the account."""
    house = authorized()
    kinds = []
    for _ in range(6):
        later(house, FIFTH + 10)
        assert force(house) is Outcome.RENEWED
        kinds.append(told(house))
    assert kinds == [[], [], [], ["authorizer.superseded_elsewhere"], [], []]


def test_a_fight_says_how_many() -> None:
    """The event carries the count, and no token."""
    house = authorized()
    for _ in range(4):
        later(house, FIFTH)
        force(house)
    assert house.bus.sent[-1][1]["forced_renewals"] == 4


def test_any_ten_minutes_count() -> None:
    """Four within four minutes are a fight, wherever the ten minutes of the first one end."""
    house = authorized()
    later(house, FIFTH)
    for pause in (0, 550, 70, 70):
        later(house, pause)
        assert force(house) is Outcome.RENEWED
    assert told(house) == []
    later(house, 70)
    assert force(house) is Outcome.RENEWED
    assert told(house) == ["authorizer.superseded_elsewhere"]


def test_after_ten_minutes_it_is_counted_anew() -> None:
    """Three forced renewals now and three later are no fight."""
    house = authorized()
    for _ in range(2):
        for _ in range(3):
            later(house, FIFTH)
            assert force(house) is Outcome.RENEWED
        later(house, 601)
    assert told(house) == []


def test_a_forced_renewal_is_leased_like_any_other() -> None:
    """Refused or not, while somebody asks WeChat nobody else does."""
    house = authorized()
    later(house, FIFTH)
    refuse(house, "refresh", "silent_after")
    assert force(house) is Outcome.UNKNOWN
    assert force(house) is Outcome.LEASED


def test_a_forced_renewal_of_a_renewed_token_is_refused() -> None:
    """Between reading and acquiring somebody else renewed: nobody renews that again."""
    house = authorized()
    later(house, FIFTH)
    known = stored(house)
    force(house)
    asked(house)
    assert house.keeper._renew(known, forced=True, early=False) is Outcome.NOT_DUE
    assert asked(house) == []


def test_a_forced_renewal_that_is_refused_does_not_count() -> None:
    """Only a renewal that WeChat granted is one of the four, and the back-off holds as usual."""
    house = authorized()
    later(house, FIFTH)
    refuse(house, "refresh", 45009)
    assert force(house) is Outcome.REFUSED
    assert stored(house).forced_times == ()
    asked(house)
    for _ in range(20):
        assert force(house) is Outcome.NOT_DUE
    assert asked(house) == []
    until_due(house)
    assert force(house) is Outcome.RENEWED


def test_a_refused_token_is_not_handed_out_again_while_wechat_refuses() -> None:
    """Whoever proved it refused hears that the renewal fails, and WeChat is asked once."""
    house = authorized()
    later(house, FIFTH)
    refuse(house, "refresh", 45009)
    digest = current_sha256(house)
    asked(house)
    for _ in range(20):
        with pytest.raises(RenewalFailingError) as caught:
            house.lookup.find(MERCHANT, rejected_token_sha256=digest)
        assert caught.value.wechat_errcode == 45009
    assert asked(house) == ["refresh"]
    # Who has not seen it refused gets it: nobody has proved to them that it is dead.
    assert house.lookup.find(MERCHANT).access_token


def test_what_cannot_be_opened_was_not_refused() -> None:
    """A broken seal cannot be compared with anything: it is replaced, but nobody was refused."""
    house = authorized()
    later(house, FIFTH)
    digest = current_sha256(house)
    edit(house, access_token=b"rubbish")
    assert keep(house, rejected_token_sha256=digest) is Outcome.RENEWED
    assert stored(house).forced_times == ()


def test_a_look_up_says_what_was_refused() -> None:
    """The caller gets another token, and one that WeChat honours."""
    house = authorized()
    later(house, FIFTH)
    refused = find(house)
    found = find(house, rejected_token_sha256=token_sha256(refused.access_token))
    assert found.renewed
    assert found.access_token != refused.access_token
    assert found.generation == refused.generation + 1
    assert house.wechat.honours(MERCHANT, found.access_token)


# --- too early an end ----------------------------------------------------------------------------


def ends_in(house: House, seconds: float) -> None:
    """Have a merchant's token end in so many seconds, and be due only then."""
    ends = stored(house).access_expires_at
    assert ends is not None
    # A seal holds for one end only, so time has to pass.
    edit(house, due_at=ends)
    later(house, ends - house.clock.now() - seconds)
    # The component token would be due before: WeChat is asked about the merchant only.
    house.component_keeper.renew()
    asked(house)


@pytest.mark.parametrize(
    ("left", "min_ttl", "renews"),
    [
        (1300, 1200, False),
        (1200.001, 1200, False),
        (1200, 1200, True),
        (600, 300, False),
        (300, 300, True),
        (1201, 7000, False),
        (1200, 7000, True),
        (100, 0, False),
    ],
)
def test_at_most_a_sixth_of_its_life_is_asked_for(
    left: float, min_ttl: float, renews: bool
) -> None:
    """A token is renewed early when less is left than is wanted, but never for over a sixth."""
    house = authorized()
    ends_in(house, left)
    assert keep(house, min_ttl=min_ttl) is (Outcome.RENEWED if renews else Outcome.NOT_DUE)


def test_an_early_renewal_is_not_forced() -> None:
    """Who wants more of a token's life has no quarrel: nothing is counted."""
    house = authorized()
    ends_in(house, 500)
    assert keep(house, min_ttl=1200) is Outcome.RENEWED
    assert stored(house).forced_times == ()
    assert stored(house).forced_at is None


def test_an_early_renewal_waits_for_the_back_off() -> None:
    """After a refusal nobody gets an early renewal: its back-off holds for everybody."""
    house = authorized()
    ends_in(house, 500)
    refuse(house, "refresh", -1)
    assert keep(house, min_ttl=1200) is Outcome.REFUSED
    asked(house)
    assert keep(house, min_ttl=1200) is Outcome.NOT_DUE
    assert asked(house) == []
    until_due(house)
    assert keep(house) is Outcome.RENEWED


def test_a_look_up_gets_what_is_left_when_no_more_can_be_had() -> None:
    """While the back-off holds, the caller gets the good token there is, though it ends early."""
    house = authorized()
    ends_in(house, 500)
    refuse(house, "refresh", -1)
    token = secrets_of(house)[0]
    found = find(house, min_ttl=1200)
    assert (found.access_token, found.renewed) == (token, False)
