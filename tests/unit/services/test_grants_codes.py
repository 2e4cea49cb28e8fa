"""What an item becomes by the exchange of a code, with its lease and without."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.services.kit import LIFE, NOW, access, bare, half, lease, state
from wxvault.services import grants
from wxvault.services.state import RENEWABLE, Access, Event, Status, TokenChange, TokenState

ISSUED = access("new", sent_at=NOW + 1)
CALM = NOW + 1 + 0.8 * LIFE


def exchanged(
    known: TokenState,
    *,
    create_time: int | None = 1000,
    issued: Access | None = ISSUED,
    refresh_token: str | None = "new refresh",
    **since: Any,
) -> TokenChange:
    """Decide on an exchange under the lease; ``since`` changed while WeChat was asked."""
    held = lease(known)
    return grants.exchanged(
        replace(held.state, **since),
        held,
        create_time=create_time,
        access=issued,
        refresh_token=refresh_token,
        current_refresh="old refresh",
        uniform=half,
    )


def unleased(
    known: TokenState | None,
    *,
    create_time: int | None = None,
    issued: Access | None = ISSUED,
    refresh_token: str | None = "new refresh",
    retaken: bool = False,
) -> TokenChange:
    """Decide on an exchange that nobody knew the appid of."""
    return grants.exchanged_unleased(
        known,
        now=NOW + 2,
        mark="new mark",
        sent_at=NOW + 1,
        create_time=create_time,
        access=issued,
        refresh_token=refresh_token,
        retaken=retaken,
        uniform=half,
    )


# --- under the lease -----------------------------------------------------------------------------


def test_an_exchange_stores_both_tokens_and_settles() -> None:
    """The code's tokens are the account's, whatever was wrong with it before."""
    known = state(
        Status.LOST, verifying=True, attempts=3, api_ability=False, item={"delete_after": 1}
    )
    change = exchanged(known)
    assert change.status is Status.ACTIVE
    assert change.secrets == "write"
    assert (change.access, change.refresh_token) == (ISSUED, "new refresh")
    assert change.due_at == CALM
    assert (change.attempts, change.last_errcode) == (0, None)
    assert not change.verifying
    assert change.api_ability
    assert change.clear_mark
    assert change.release
    assert change.delete_after is None


@pytest.mark.parametrize(
    ("status", "events"),
    [
        (Status.PENDING, ("authorized",)),
        (Status.REVOKED, ("authorized",)),
        (Status.LOST, ("authorized",)),
        (Status.ACTIVE, ("updated",)),
        (Status.FAILING, ("updated", "recovered")),
    ],
)
def test_what_an_exchange_tells(status: Status, events: tuple[str, ...]) -> None:
    """Who was not there arrives, who was there is updated, who was failing recovers; both ways."""
    wanted = tuple(Event(name) for name in events)
    assert exchanged(state(status)).events == wanted
    assert unleased(bare(status)).events == wanted


def test_an_older_code_brings_its_refresh_token_only() -> None:
    """After a newer grant was pushed the code's access token is doubtful: dropped, renewal due."""
    change = exchanged(state(authorized_at=2000, verifying=True), create_time=1999)
    assert change.access is None
    assert change.refresh_token == "new refresh"
    assert change.due_at == NOW
    assert change.authorized_at == 2000
    assert change.verifying


@pytest.mark.parametrize(
    ("known", "code", "after"), [(None, 1000, 1000), (900, 1000, 1000), (1000, None, 1000)]
)
def test_the_date_of_the_newest_grant_stays(
    known: int | None, code: int | None, after: int
) -> None:
    """The date of the grant only ever rises."""
    assert exchanged(state(authorized_at=known), create_time=code).authorized_at == after


def test_an_empty_refresh_token_never_replaces_one() -> None:
    """What WeChat leaves out is kept as it was."""
    assert exchanged(state(), refresh_token=None).refresh_token == "old refresh"
    assert exchanged(state(), refresh_token="").refresh_token == "old refresh"


def test_an_account_without_api_ability_has_nothing_due() -> None:
    """An exchange that brings no token at all is an end, not a failure; what was there is kept."""
    change = exchanged(state(Status.PENDING), issued=None, refresh_token=None)
    assert change.status is Status.ACTIVE
    assert not change.api_ability
    assert change.due_at is None
    assert change.refresh_token == "old refresh"
    assert change.events == (Event("authorized"),)


def test_only_a_refresh_token_has_a_renewal_follow() -> None:
    """Without an access token the item is due at once."""
    change = exchanged(state(), issued=None)
    assert (change.access, change.due_at, change.api_ability) == (None, NOW, True)


def test_an_exchange_leaves_the_marks_of_others() -> None:
    """A question that somebody else asked meanwhile stays open, and a renewal follows."""
    change = exchanged(state(), unresolved_mark="somebody else's")
    assert not change.clear_mark
    assert change.due_at == NOW
    assert change.access == ISSUED


# --- without a lease -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "known", [None, bare(), bare(Status.ACTIVE, api_ability=False)], ids=["nobody", "new", "bare"]
)
def test_where_nothing_stands_it_is_stored(known: TokenState | None) -> None:
    """A merchant without tokens, grants and doubts gets those of the redirect's code, undated."""
    change = unleased(known)
    assert change.status is Status.ACTIVE
    assert change.secrets == "write"
    assert (change.access, change.refresh_token) == (ISSUED, "new refresh")
    assert change.due_at == CALM
    assert change.grant_undated
    assert change.raise_fence
    assert not change.release
    assert not change.verifying
    assert change.api_ability


def test_the_push_may_have_dated_it_meanwhile() -> None:
    """When the code's push came in while WeChat was asked, the grant has its date."""
    change = unleased(bare(authorized_at=1000), create_time=1000)
    assert not change.grant_undated
    assert change.secrets == "write"


@pytest.mark.parametrize(
    ("known", "create_time", "retaken"),
    [
        (state(), None, False),
        (state(Status.FAILING, has_access=False), None, False),
        (bare(verifying=True), None, False),
        (None, None, True),
        (bare(authorized_at=1000), None, False),
        (bare(Status.REVOKED, unauthorized_at=1000), None, False),
        (bare(authorized_at=1001), 1000, False),
        (bare(Status.REVOKED, unauthorized_at=1000), 1000, False),
    ],
    ids=[
        "tokens",
        "a refresh token",
        "being verified",
        "an earlier call is open",
        "a dated grant beside an undated one",
        "a cancellation beside an undated one",
        "a newer grant",
        "a cancellation as new",
    ],
)
def test_where_doubt_is_nothing_is_stored(
    known: TokenState | None, create_time: int | None, retaken: bool
) -> None:
    """Nobody can tell whose tokens WeChat honours: all are withheld and marked, WeChat is asked."""
    change = unleased(known, create_time=create_time, retaken=retaken)
    assert change.secrets == "keep"
    assert change.verifying
    assert (change.new_mark, change.marked_since) == ("new mark", NOW + 1)
    assert change.raise_fence
    assert not change.release
    assert change.due_at == NOW + 2
    assert change.status is (Status.PENDING if known is None else known.status)
    alive = known is not None and known.status in RENEWABLE
    assert change.events == ((Event("updated"),) if alive else ())
    assert change.grant_undated is (create_time is None)


def test_a_tombstone_in_doubt_is_not_deleted() -> None:
    """A revoked merchant who may be coming back must be there when WeChat has answered."""
    known = bare(Status.REVOKED, unauthorized_at=1000, item={"delete_after": 123})
    assert unleased(known).verifying
    assert unleased(known).delete_after is None


@pytest.mark.parametrize(
    ("known", "issued"),
    [
        (bare(lease_until=NOW + 20), ISSUED),
        (bare(unresolved_mark="older"), ISSUED),
        (bare(), None),
    ],
    ids=["under a live lease", "an older question is open", "no access token"],
)
def test_a_renewal_follows_where_another_may_be_newer(
    known: TokenState, issued: Access | None
) -> None:
    """It is stored, because nothing better is there, and renewed at once."""
    change = unleased(known, issued=issued)
    assert change.secrets == "write"
    assert change.refresh_token == "new refresh"
    assert change.due_at == NOW + 2


def test_a_redirect_may_bring_an_account_without_api_ability() -> None:
    """Nothing was issued, so nothing is stored and nothing is due."""
    change = unleased(None, issued=None, refresh_token=None)
    assert change.status is Status.ACTIVE
    assert not change.api_ability
    assert change.due_at is None
    assert change.secrets == "keep"


def test_an_access_token_alone_is_not_stored() -> None:
    """A token that could never be renewed is asked about instead."""
    change = unleased(None, refresh_token=None)
    assert change.secrets == "keep"
    assert change.verifying
    assert change.due_at == NOW + 2
