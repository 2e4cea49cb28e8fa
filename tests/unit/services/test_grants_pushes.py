"""What an item becomes by a push: grants and cancellations, compared by WeChat's own time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.services.kit import NOW, bare, state
from wxvault.services import grants
from wxvault.services.state import Event, Status, TokenChange, TokenState

RETENTION = 30 * 86400.0
GONE = (Status.REVOKED, Status.LOST)
ALIVE = (Status.ACTIVE, Status.FAILING)


def granted(known: TokenState | None, when: int, *, code_open: bool = True) -> TokenChange | None:
    """Decide on an authorising push."""
    return grants.granted(known, when, NOW, code_open=code_open)


def withdrawn(known: TokenState | None, when: int) -> TokenChange | None:
    """Decide on an ``unauthorized`` push."""
    return grants.withdrawn(known, when, NOW, RETENTION)


# --- grants --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "when"),
    [
        ({"authorized_at": None, "unauthorized_at": 1000}, 1000),
        ({"authorized_at": None, "unauthorized_at": 1000}, 999),
        ({"authorized_at": 1000}, 1000),
        ({"authorized_at": 1000}, 999),
    ],
    ids=["as old as a cancellation", "older than one", "known already", "older than a grant"],
)
def test_a_grant_of_the_past_changes_nothing(fields: dict[str, Any], when: int) -> None:
    """Neither a grant that was cancelled nor one that was followed by another is news."""
    assert granted(state(**fields), when) is None


def test_the_first_grant_only_notes_its_date() -> None:
    """A merchant nobody knew is pending; the code's exchange will bring the rest."""
    change = granted(None, 1000)
    assert change is not None
    assert (change.status, change.authorized_at, change.due_at) == (Status.PENDING, 1000, None)
    assert not change.verifying
    assert change.secrets == "keep"
    assert change.events == ()


@pytest.mark.parametrize("status", ALIVE)
def test_a_newer_grant_drops_the_access_token(status: Status) -> None:
    """Whoever raises the date of the grant without a new token drops the old one; due now."""
    change = granted(state(status), 1001)
    assert change is not None
    assert change.secrets == "drop_access"
    assert change.authorized_at == 1001
    assert change.due_at == NOW
    assert change.status is status
    assert not change.verifying
    assert not change.raise_fence


@pytest.mark.parametrize("status", GONE)
def test_a_grant_after_the_end_is_asked_for(status: Status) -> None:
    """What is revoked or lost is verified when a newer grant comes, and not deleted meanwhile."""
    known = bare(status, authorized_at=900, unauthorized_at=950, item={"delete_after": 123})
    change = granted(known, 1000)
    assert change is not None
    assert change.verifying
    assert change.due_at == NOW
    assert change.delete_after is None
    assert change.unauthorized_at == 950
    assert change.status is status


def test_a_grant_whose_code_failed_is_asked_for() -> None:
    """Where no code will bring tokens, WeChat is asked what is true."""
    change = granted(bare(), 1000, code_open=False)
    assert change is not None
    assert change.verifying
    assert change.due_at == NOW


def test_a_grant_gives_the_redirect_its_date() -> None:
    """The push of a grant that only a redirect had told of dates it; doubts that stand stay."""
    change = granted(state(authorized_at=None, grant_undated=True, verifying=True), 1000)
    assert change is not None
    assert not change.grant_undated
    assert change.verifying


# --- cancellations -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", list(Status))
def test_a_cancellation_removes_the_tokens_and_is_verified(status: Status) -> None:
    """A cancellation of the newest grant takes everything, fences others off, and is verified."""
    change = withdrawn(state(status, attempts=3), 1000)
    assert change is not None
    assert change.status is Status.REVOKED
    assert change.secrets == "remove"
    assert change.raise_fence
    assert not change.release
    assert change.verifying
    assert change.due_at == NOW
    assert change.unauthorized_at == 1000
    assert change.authorized_at == 1000
    assert change.attempts == 0
    assert change.delete_after == int(NOW + RETENTION)
    known = status in (Status.REVOKED, Status.PENDING)
    assert change.events == (() if known else (Event("revoked"),))


def test_a_cancellation_of_nobody_leaves_a_tombstone() -> None:
    """A cancellation that comes before its grant is remembered, and tells nobody anything."""
    change = withdrawn(None, 1000)
    assert change is not None
    assert change.status is Status.REVOKED
    assert change.unauthorized_at == 1000
    assert change.events == ()


@pytest.mark.parametrize("when", [1000, 999])
def test_a_known_cancellation_changes_nothing(when: int) -> None:
    """A repeated or older cancellation is no news."""
    assert withdrawn(bare(Status.REVOKED, unauthorized_at=1000), when) is None


def test_a_cancellation_of_an_older_grant_is_only_noted() -> None:
    """A newer grant stands, with its tokens."""
    change = withdrawn(state(authorized_at=1000), 999)
    assert change is not None
    assert change.unauthorized_at == 999
    assert change.status is Status.ACTIVE
    assert change.secrets == "keep"
    assert change.due_at == state().due_at
    assert not change.verifying
    assert not change.raise_fence


@pytest.mark.parametrize(
    ("fields", "when"),
    [
        ({"authorized_at": 1000, "grant_undated": True}, 999),
        ({"authorized_at": 1000, "grant_undated": True}, 1001),
        ({"authorized_at": None, "grant_undated": True}, 1001),
        ({"authorized_at": None}, 1001),
    ],
    ids=["older, undated", "newer, undated", "only undated", "without any date"],
)
def test_a_grant_without_date_is_withheld(fields: dict[str, Any], when: int) -> None:
    """What cannot be compared is neither revoked nor served until WeChat has been asked."""
    change = withdrawn(state(**fields), when)
    assert change is not None
    assert change.status is Status.ACTIVE
    assert change.secrets == "keep"
    assert change.verifying
    assert change.due_at == NOW
    assert change.raise_fence
    assert not change.release
    assert change.unauthorized_at == when
    assert change.delete_after is None
    assert change.events == ()


# --- both ----------------------------------------------------------------------------------------

pushes = st.lists(st.tuples(st.booleans(), st.integers(1, 20)), max_size=12)


def follow(pushes: list[tuple[bool, int]]) -> TokenState:
    """Return what pushes alone make of a merchant; WeChat is never asked."""
    known = bare()
    for authorises, when in pushes:
        change = granted(known, when) if authorises else withdrawn(known, when)
        if change is not None:
            known = bare(
                change.status,
                authorized_at=change.authorized_at,
                unauthorized_at=change.unauthorized_at,
                verifying=change.verifying,
            )
    return known


@settings(max_examples=150, deadline=None)
@given(pushes, st.randoms())
def test_dates_do_not_depend_on_the_order(news: list[tuple[bool, int]], chance: Any) -> None:
    """The newest cancellation is known, and the newest grant after it, in any order."""
    shuffled = [*news, *news]
    chance.shuffle(shuffled)
    after = follow(shuffled)
    cancelled = max((when for grants, when in news if not grants), default=0)
    newest = max((when for grants, when in news if grants), default=0)
    assert (after.unauthorized_at or 0) == cancelled
    if newest > cancelled:
        assert after.authorized_at == newest
    else:
        assert (after.authorized_at or 0) <= cancelled
    if cancelled and newest > cancelled and after.status is Status.REVOKED:
        assert after.verifying


def test_a_doubtful_code_has_the_authorizer_asked_for() -> None:
    """A code that failed though its push named an account: tokens are withheld, WeChat is asked."""
    change = grants.doubtful_code(state(), NOW)
    assert change.verifying
    assert change.raise_fence
    assert change.due_at == NOW
    assert change.secrets == "keep"
    assert change.status is Status.ACTIVE
