"""Changes as attributes: what each part of a change writes, and what it takes away."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.vault.kit import (
    ACCESS_TOKEN,
    COMPONENT,
    KEY,
    MERCHANT,
    NOW,
    REFRESH_TOKEN,
    Vault,
    access,
    always,
    pending,
    token_key,
)
from wxvault.services.state import (
    Access,
    Event,
    Purpose,
    Status,
    TokenChange,
    TokenState,
    unchanged,
)
from wxvault.vault.keys import due_shard, tenant_key

if TYPE_CHECKING:
    from collections.abc import Callable

quick = settings(max_examples=80, deadline=None)
ACCESS = {"access_token", "access_expires_at", "access_expires_in", "stored_at"}
SECRETS = ACCESS | {"refresh_token", "sealed_key"}
BOTH = TokenChange(
    Status.ACTIVE, NOW, secrets="write", refresh_token=REFRESH_TOKEN, access=access()
)


def amend(
    vault: Vault, change: TokenChange | Callable[[TokenState], TokenChange]
) -> dict[str, Any]:
    """Change the merchant's item, and return what stands there then."""
    decide = change if callable(change) else always(change)
    assert vault.tokens.amend(MERCHANT, lambda state: decide(state or pending())) is not None
    return vault.there


def difference(before: dict[str, Any], after: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Return the names that were written (with another value) and those that were removed."""
    written = {name for name, value in after.items() if before.get(name) != value}
    return written, set(before) - set(after)


# --- secrets -------------------------------------------------------------------------------------


@pytest.fixture
def kept(vault: Vault) -> Vault:
    """Return a vault whose merchant has both tokens, generation 3."""
    vault.stand(tenant_id="acme", tenant_key=tenant_key(COMPONENT, "acme"))
    amend(vault, lambda state: replace(BOTH, tenant_id=state.tenant_id))
    return vault


@pytest.mark.parametrize(
    ("secrets", "given_", "written", "gone"),
    [
        ("keep", {}, set(), set()),
        ("drop_access", {}, set(), ACCESS),
        ("remove", {}, set(), SECRETS),
        ("write", {}, {"generation"}, SECRETS),
        (
            "write",
            {"refresh_token": "refreshtoken@@@new"},
            {"generation", "refresh_token"},
            ACCESS,
        ),
        (
            "write",
            {"access": Access("49_new", NOW + 100, 100.0, NOW + 1)},
            {"generation", *ACCESS},
            {"refresh_token"},
        ),
        (
            "write",
            {
                "access": Access("49_new", NOW + 100, 100.0, NOW + 1),
                "refresh_token": "refreshtoken@@@new",
            },
            {"generation", "refresh_token", *ACCESS},
            set(),
        ),
    ],
    ids=["keep", "drop", "remove", "write nothing", "refresh only", "access only", "both"],
)
def test_what_becomes_of_the_secrets(
    kept: Vault,
    secrets: Literal["keep", "write", "drop_access", "remove"],
    given_: dict[str, Any],
    written: set[str],
    gone: set[str],
) -> None:
    """A token that is not written again is dropped, and so is all that speaks of it."""
    before = dict(kept.there)
    after = amend(
        kept,
        lambda state: replace(
            unchanged(state), secrets=secrets, **({"access": None, "refresh_token": None} | given_)
        ),
    )
    assert difference(before, after) == (written, gone)
    assert after["generation"] == (4 if secrets == "write" else 3)
    assert kept.state().has_access == ("access_token" in after)
    assert kept.state().has_refresh == ("refresh_token" in after)


def test_a_kept_token_still_opens(kept: Vault) -> None:
    """Dropping the access token leaves the refresh token under its own generation."""
    amend(kept, lambda state: replace(unchanged(state), secrets="drop_access"))
    state = kept.state()
    assert kept.tokens.access_token(state) is None
    assert kept.tokens.refresh_token(state) == REFRESH_TOKEN


def test_the_expiry_stands_with_its_token(kept: Vault) -> None:
    """When it ends, how long it lives, and since when it is known."""
    item = kept.there
    assert item["access_expires_at"] == NOW + 7200
    assert item["access_expires_in"] == 7200
    assert item["stored_at"] == NOW


def test_the_component_token_comes_alone(vault: Vault) -> None:
    """It has no refresh token, and is sealed in its own place."""
    vault.items.add_ticket("ticket", 1, now=NOW)
    lease = vault.lease(Purpose.RENEWAL, appid=None)
    change = replace(BOTH, refresh_token=None, release=True, clear_mark=True)
    assert vault.tokens.settle(lease, always(change)) is not None
    item = vault.table.items[token_key(None)]
    assert "refresh_token" not in item
    assert item["generation"] == 1
    assert vault.tokens.access_token(vault.state(None)) == ACCESS_TOKEN


WRITES = st.lists(
    st.tuples(
        st.sampled_from(("keep", "drop_access", "remove", "write")),
        st.booleans(),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@quick
@given(WRITES)
def test_generations_only_rise_and_what_is_there_opens(
    steps: list[tuple[Literal["keep", "drop_access", "remove", "write"], bool, bool, bool]],
) -> None:
    """After any series of changes both tokens are what was written last, or are gone."""
    vault = Vault()
    vault.stand(generation=None)
    refresh: str | None = None
    token: str | None = None
    generation = 0
    for number, (secrets, with_refresh, with_access, leased) in enumerate(steps):
        change = replace(
            TokenChange(Status.ACTIVE, NOW, secrets=secrets),
            refresh_token=f"refresh-{number}" if with_refresh else None,
            access=access(f"access-{number}") if with_access else None,
        )
        if leased:
            lease = vault.lease(lease_id=f"lease-{number}", now=NOW + 100 * number)
            ending = replace(change, release=True, clear_mark=True)
            assert vault.tokens.settle(lease, always(ending))
        else:
            amend(vault, change)
        if secrets == "write":
            generation += 1
            refresh = change.refresh_token
            token = change.access.token if change.access else None
        elif secrets != "keep":
            token = None
            refresh = None if secrets == "remove" else refresh
        state = vault.state()
        assert state.generation == generation
        assert vault.tokens.refresh_token(state) == refresh
        assert vault.tokens.access_token(state) == token
        assert (refresh or token) is None or "sealed_key" in vault.there


# --- everything else -----------------------------------------------------------------------------

PARTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "attempts": ({"attempts": 2}, {"attempts": 2}),
    "errcode": ({"last_errcode": -1}, {"last_errcode": -1}),
    "verifying": ({"verifying": True}, {"verifying": True}),
    "undated": ({"grant_undated": True}, {"grant_undated": True}),
    "grant": ({"authorized_at": 5}, {"authorized_at": 5}),
    "cancellation": ({"unauthorized_at": 6}, {"unauthorized_at": 6}),
    "forced": (
        {"forced_at": 1.5, "forced_times": (1.25, 1.5)},
        {"forced_at": 1.5, "forced_times": [1.25, 1.5]},
    ),
    "end": ({"delete_after": int(NOW) + 99}, {"delete_after": int(NOW) + 99}),
    "due": ({"due_at": NOW + 9}, {"due_at": NOW + 9}),
    "status": (
        {"status": Status.LOST},
        {"status": "lost", "tenant_sort": f"lost#{MERCHANT}"},
    ),
    "no ability": ({"api_ability": False}, {"api_ability": False}),
    "tenant": (
        {"tenant_id": "acme", "tenant_by_redirect": True},
        {
            "tenant_id": "acme",
            "tenant_by_redirect": True,
            "tenant_key": tenant_key(COMPONENT, "acme"),
        },
    ),
    "events": ({"events": (Event("lost"), Event("updated"))}, {"sequence": int(NOW) + 2}),
    "fence": ({"raise_fence": True}, {"fence": 5}),
    "mark": (
        {"new_mark": "m", "marked_since": NOW - 3},
        {"unresolved_mark": "m", "unresolved_since": NOW - 3},
    ),
}


@pytest.mark.parametrize(("parts", "attributes"), PARTS.values(), ids=PARTS)
def test_each_part_of_a_change_writes_its_own(
    vault: Vault, parts: dict[str, Any], attributes: dict[str, Any]
) -> None:
    """What is changed is written under its name, and nothing else is touched."""
    before = dict(vault.stand())
    after = amend(vault, lambda state: replace(unchanged(state), **parts))
    assert after == before | attributes


@pytest.mark.parametrize(("parts", "attributes"), PARTS.values(), ids=PARTS)
def test_what_is_nothing_again_is_taken_away(
    vault: Vault, parts: dict[str, Any], attributes: dict[str, Any]
) -> None:
    """No false, no zero and no null is kept: what is not there is the normal case."""
    before = dict(vault.stand())
    amend(vault, lambda state: replace(unchanged(state), **parts))
    plain = TokenChange(Status.ACTIVE, NOW, clear_mark=True)
    after = amend(vault, plain)
    kept = {name: after[name] for name in ("sequence", "fence") if name in attributes}
    assert after == before | kept


@pytest.mark.parametrize(
    ("until", "kept"), [(None, 24.0), (20.0, 24.0), (24.0, 24.0), (31.5, 31.5)], ids=str
)
def test_a_lease_given_from_outside_is_never_shorter(
    vault: Vault, until: float | None, kept: float
) -> None:
    """A call that is under way gets the item, until it is over and until the holder's is."""
    vault.stand()
    lease = vault.lease(Purpose.RENEWAL)
    after = amend(
        vault,
        lambda state: replace(
            unchanged(state),
            raise_fence=True,
            lease_id=None if until is None else "a call's claim",
            lease_until=None if until is None else NOW + until,
        ),
    )
    assert after["lease_until"] == NOW + kept
    assert after["lease_id"] == ("lease-1" if until is None else "a call's claim")
    assert vault.tokens.extend(lease, now=NOW + 1) is None, "the fence was raised"


def test_a_lease_given_from_outside_where_there_was_none(vault: Vault) -> None:
    """It is then as long as the call."""
    vault.stand()
    after = amend(
        vault,
        lambda state: replace(unchanged(state), lease_id="a call's claim", lease_until=NOW + 9),
    )
    assert (after["lease_id"], after["lease_until"]) == ("a call's claim", NOW + 9)


def test_a_mark_dates_from_the_earlier_doubt(vault: Vault) -> None:
    """A call that began before the mark that stands there makes the token doubtful since then."""
    vault.stand(unresolved_mark="old", unresolved_since=NOW)
    after = amend(
        vault, lambda state: replace(unchanged(state), new_mark="new", marked_since=NOW - 7)
    )
    assert after["unresolved_since"] == NOW - 7


def test_an_earlier_mark_keeps_its_time(vault: Vault) -> None:
    """The token was doubtful since then, whoever doubts it now."""
    vault.stand(unresolved_mark="old", unresolved_since=NOW - 100)
    after = amend(vault, lambda state: replace(unchanged(state), new_mark="new", marked_since=NOW))
    assert after["unresolved_mark"] == "new"
    assert after["unresolved_since"] == NOW - 100


def test_what_is_not_due_is_in_no_shard(vault: Vault) -> None:
    """Taken out of the index, both of its attributes are gone; put back, both are there."""
    vault.stand()
    item = amend(vault, lambda state: replace(unchanged(state), due_at=None))
    assert not {"due_at", "due_shard"} & set(item)
    item = amend(vault, lambda state: replace(unchanged(state), due_at=NOW))
    assert item["due_shard"] == due_shard(COMPONENT, KEY.pk)


def test_giving_the_lease_back_takes_its_traces_away(vault: Vault) -> None:
    """Released and resolved, the item is as it was, but for the fence and who settled it."""
    before = dict(vault.stand())
    lease = vault.lease(Purpose.RENEWAL)
    change = replace(unchanged(lease.state), release=True, clear_mark=True)
    assert vault.tokens.settle(lease, always(change)) is not None
    assert vault.there == before | {"fence": 5, "settled_lease": "lease-1"}


def test_a_lease_may_be_kept(vault: Vault) -> None:
    """Silence writes only the back-off: WeChat may still execute the call under this lease."""
    vault.stand()
    lease = vault.lease(Purpose.RENEWAL)
    leased = dict(vault.there)
    change = replace(unchanged(lease.state), attempts=1, due_at=NOW + 24)
    assert vault.tokens.settle(lease, always(change)) is not None
    assert vault.there == leased | {
        "attempts": 1,
        "due_at": NOW + 24,
        "settled_lease": "lease-1",
    }


TIMES = st.integers(1, 9000).map(lambda number: number / 1000)
MAYBE: dict[str, st.SearchStrategy[Any]] = {
    "status": st.sampled_from([str(status) for status in Status]),
    "attempts": st.integers(1, 9),
    "last_errcode": st.sampled_from([-1, 61023]),
    "verifying": st.just(True),
    "api_ability": st.just(False),
    "grant_undated": st.just(True),
    "authorized_at": st.integers(1, 9),
    "unauthorized_at": st.integers(1, 9),
    "forced_at": TIMES,
    "forced_times": st.lists(TIMES, min_size=1, max_size=4),
    "delete_after": st.integers(int(NOW) + 1, int(NOW) + 9),
    "tenant_by_redirect": st.just(True),
    "sequence": st.integers(1, 9),
    "lease_id": st.just("theirs"),
    "lease_until": TIMES,
    "settled_lease": st.just("earlier"),
    "unresolved_mark": st.just("mark"),
    "unresolved_since": TIMES,
    "access_token": st.just(b"a"),
    "refresh_token": st.just(b"r"),
    "sealed_key": st.just(b"k"),
    "access_expires_at": TIMES,
    "access_expires_in": TIMES,
    "stored_at": TIMES,
}
ITEMS = st.fixed_dictionaries({}, optional=MAYBE)


@quick
@given(ITEMS, st.booleans(), st.booleans())
def test_unchanged_changes_nothing(attributes: dict[str, Any], due: bool, owned: bool) -> None:
    """Whatever an item has: read, and written back unchanged, every attribute is as it was."""
    vault = Vault()
    if not due:
        attributes |= {"due_at": None, "due_shard": None}
    if owned:
        attributes |= {"tenant_id": "acme", "tenant_key": tenant_key(COMPONENT, "acme")}
    before = dict(vault.stand(**attributes))
    assert amend(vault, unchanged) == before
