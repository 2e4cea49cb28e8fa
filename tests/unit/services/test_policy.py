"""When a token may be served, when it is due, and how long a refusal waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.services.kit import LIFE, NOW, OVERLAP, half, state
from wxvault.services.numbers import (
    BACK_OFF_CAP,
    BACK_OFF_FIRST,
    BACK_OFF_LEAST,
    CALL_SECONDS,
    LEASE_SECONDS,
    START_SECONDS,
)
from wxvault.services.policy import (
    back_off,
    has_live_lease,
    is_servable,
    is_within_overlap,
    next_due,
    wanted_ttl,
)

if TYPE_CHECKING:
    from wxvault.services.state import TokenState


quick = settings(max_examples=80, deadline=None)

chances = st.floats(0, 1, exclude_max=True)
moments = st.floats(NOW - 600, NOW + 8000, allow_nan=False)
ttls = st.floats(0, 3000)
states = st.builds(
    lambda life, since, verifying: state(
        access_expires_in=life,
        access_expires_at=NOW + life,
        unresolved_since=since,
        verifying=verifying,
    ),
    st.floats(600, 7200),
    st.none() | moments,
    st.booleans(),
)

END = NOW + LIFE
MARGIN = LIFE / 120

SERVED = [
    ("fresh", {}, NOW, 0, True),
    ("without an access token", {"has_access": False}, NOW, 0, False),
    ("being verified", {"verifying": True}, NOW, 0, False),
    ("without an end", {"access_expires_at": None}, NOW, 0, False),
    ("without a life", {"access_expires_in": None}, NOW, 0, False),
    ("just before the margin", {}, END - MARGIN - 0.001, 0, True),
    ("from the margin on", {}, END - MARGIN, 0, False),
    ("after its end", {}, END + 1, 0, False),
    ("with more than the wanted rest", {}, END - 1000.001, 1000, True),
    ("with just the wanted rest", {}, END - 1000, 1000, False),
    ("with a sixth of its life, more wanted", {}, END - 1200.001, 5000, True),
    ("with less than a sixth, more wanted", {}, END - 1200, 5000, False),
    ("wanted rest below the margin", {}, END - MARGIN, 10, False),
    ("just marked", {"unresolved_since": NOW}, NOW, 0, True),
    ("marked, four minutes not over", {"unresolved_since": NOW}, NOW + 239.999, 0, True),
    ("marked, four minutes over", {"unresolved_since": NOW}, NOW + 240, 0, False),
    ("marked by a clock ahead", {"unresolved_since": NOW + 1}, NOW, 0, True),
]


@pytest.mark.parametrize(
    ("fields", "now", "min_ttl", "served"),
    [case[1:] for case in SERVED],
    ids=[case[0] for case in SERVED],
)
def test_what_is_served(fields: dict[str, Any], now: float, min_ttl: float, served: bool) -> None:
    """A token is served up to its margin, never while verified, marked for 0.8 of the overlap."""
    assert is_servable(state(**fields), now, overlap=OVERLAP, min_ttl=min_ttl) is served


@quick
@given(states, moments, moments, ttls)
def test_served_later_means_served_earlier(
    known: TokenState, one: float, other: float, min_ttl: float
) -> None:
    """A token that may be handed out at some time might have been at every time before."""
    earlier, late = sorted((one, other))
    if is_servable(known, late, overlap=OVERLAP, min_ttl=min_ttl):
        assert is_servable(known, earlier, overlap=OVERLAP, min_ttl=min_ttl)


@quick
@given(states, moments, ttls, ttls)
def test_asking_for_less_is_never_worse(
    known: TokenState, now: float, one: float, other: float
) -> None:
    """A token that is good enough for a long rest is good enough for a shorter one."""
    less, more = sorted((one, other))
    if is_servable(known, now, overlap=OVERLAP, min_ttl=more):
        assert is_servable(known, now, overlap=OVERLAP, min_ttl=less)


@quick
@given(states, moments, st.floats(120, 600), st.floats(120, 600))
def test_a_longer_overlap_is_never_worse(
    known: TokenState, now: float, one: float, other: float
) -> None:
    """The longer WeChat honours superseded tokens, the longer a marked one is served."""
    short, long = sorted((one, other))
    if is_servable(known, now, overlap=short):
        assert is_servable(known, now, overlap=long)
    if is_within_overlap(known, now, overlap=short):
        assert is_within_overlap(known, now, overlap=long)


@quick
@given(states, moments)
def test_no_served_token_has_less_than_the_margin(known: TokenState, now: float) -> None:
    """Whatever is served has at least 1/120 of its life left."""
    if is_servable(known, now, overlap=OVERLAP):
        assert known.access_expires_at is not None
        assert known.access_expires_in is not None
        assert known.access_expires_at - now > known.access_expires_in / 120


@pytest.mark.parametrize(
    ("life", "min_ttl", "wanted"),
    [(7200.0, 0, 0), (7200.0, 1200, 1200), (7200.0, 1201, 1200), (600.0, 1200, 100), (None, 9, 0)],
)
def test_wanted_rest(life: float | None, min_ttl: float, wanted: float) -> None:
    """At most a sixth of a token's life may be asked to be left, and nothing of no token's."""
    assert wanted_ttl(state(access_expires_in=life), min_ttl) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("lease_until", "live"), [(None, False), (NOW - 0.001, False), (NOW, True), (NOW + 24, True)]
)
def test_a_lease_lives_to_its_last_moment(lease_until: float | None, live: bool) -> None:
    """A lease is live up to and with its last moment, so that nobody else acquires in it."""
    assert has_live_lease(state(lease_until=lease_until), NOW) is live


@quick
@given(st.floats(NOW, NOW + 10**6), st.floats(600, 7200), chances)
def test_due_between_three_and_three_and_a_half_quarters(
    sent_at: float, life: float, chance: float
) -> None:
    """A token becomes due between 0.75 and 0.85 of the life that was received."""
    part = (next_due(sent_at, life, lambda: chance) - sent_at) / life
    assert 0.75 - 1e-6 <= part <= 0.85 + 1e-6


def test_due_is_spread() -> None:
    """The chance decides where between the two parts a token becomes due."""
    assert next_due(NOW, 1000, lambda: 0.0) == pytest.approx(NOW + 750)
    assert next_due(NOW, 1000, half) == pytest.approx(NOW + 800)
    assert next_due(NOW, 1000, lambda: 0.999) == pytest.approx(NOW + 850, abs=0.2)


@quick
@given(st.integers(-3, 10**6), chances)
def test_back_off_stays_in_its_bounds(attempts: int, chance: float) -> None:
    """A refusal waits at least two seconds, at most fifteen minutes, and at most 10 s doubled."""
    waited = back_off(attempts, lambda: chance)
    assert BACK_OFF_LEAST <= waited <= BACK_OFF_CAP
    assert waited <= BACK_OFF_FIRST * 2 ** min(max(attempts, 1) - 1, 20)


@quick
@given(st.integers(1, 100), chances)
def test_back_off_never_shrinks(attempts: int, chance: float) -> None:
    """By the same chance, one refusal more never waits for less."""
    assert back_off(attempts, lambda: chance) <= back_off(attempts + 1, lambda: chance)


@pytest.mark.parametrize(
    ("attempts", "middle"), [(1, 5), (2, 10), (3, 20), (7, 320), (8, 450), (60, 450)]
)
def test_back_off_is_full_jitter(attempts: int, middle: float) -> None:
    """The wait is anywhere between nothing and 10 s · 2ⁿ: the middle chance gives half of it."""
    assert back_off(attempts, half) == middle
    assert back_off(attempts, lambda: 0.0) == BACK_OFF_LEAST


def test_a_lease_outlives_what_its_holder_causes() -> None:
    """Start, call, late execution (13 s) and the difference of clocks (1 s) fit into the lease."""
    assert START_SECONDS + CALL_SECONDS + 13 + 1 < LEASE_SECONDS


def test_the_overlap_counts_from_the_first_silence() -> None:
    """Nothing but an unanswered question makes the overlap count."""
    assert is_within_overlap(state(), NOW + 10**6, overlap=OVERLAP)
    assert not is_within_overlap(state(unresolved_since=NOW), NOW + 240, overlap=OVERLAP)
