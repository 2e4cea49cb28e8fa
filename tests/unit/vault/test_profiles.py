"""PROFILE items: what is kept of a profile, and how the permission sets have changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.vault.every_item import PROFILE
from tests.unit.vault.kit import COMPONENT, MERCHANT, NOW, Vault, pending
from tests.unit.vault.kit import KEY as TOKENS
from wxvault.errors import NotForgettableError
from wxvault.protocol.permission_sets import AccountKind
from wxvault.protocol.profiles import Profile
from wxvault.services.account_values import Known
from wxvault.services.state import Status, unchanged
from wxvault.vault.keys import profile_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wxvault.services.state import TokenState

KEY = profile_key(COMPONENT, MERCHANT)


def test_nothing_is_known_of_a_stranger(vault: Vault) -> None:
    """No item is an empty one."""
    assert vault.profiles.get(MERCHANT) == Known()


def test_a_profile_comes_back_as_it_was(vault: Vault) -> None:
    """Every field, also those that WeChat did not tell; the next one replaces it whole."""
    vault.profiles.save(MERCHANT, PROFILE, (1, 18), now=NOW)
    assert vault.profiles.get(MERCHANT) == Known(
        PROFILE, NOW, (1, 18), NOW, permission_sets_ever=frozenset({1, 18})
    )
    other = Profile(AccountKind.SHOP, alias="shop", register_type=0)
    vault.profiles.save(MERCHANT, other, (), now=NOW + 1)
    known = vault.profiles.get(MERCHANT)
    assert (known.profile, known.permission_sets) == (other, ())


def test_permission_sets_leave_the_profile_alone(vault: Vault) -> None:
    """An exchange tells permission sets only."""
    vault.profiles.save(MERCHANT, PROFILE, (1,), now=NOW)
    vault.profiles.save_permission_sets(MERCHANT, (1, 7), now=NOW + 1)
    known = vault.profiles.get(MERCHANT)
    assert (known.profile, known.profile_at) == (PROFILE, NOW)
    assert (known.permission_sets, known.new) == ((1, 7), (7,))


@given(st.lists(st.lists(st.integers(1, 6), unique=True), min_size=1, max_size=6))
def test_what_is_new_and_missing_follows_from_all_that_was(told: Sequence[Sequence[int]]) -> None:
    """Against a plain list of all that WeChat told: new by the last change, missing by any."""
    vault = Vault()
    for number, sets in enumerate(told):
        vault.profiles.save_permission_sets(MERCHANT, sets, now=NOW + number)
    known = vault.profiles.get(MERCHANT)
    changes = [told[0]]
    for sets in told[1:]:
        if set(sets) != set(changes[-1]):
            changes.append(sets)
    before = set(changes[-2]) if len(changes) > 1 else set(told[-1])
    assert set(known.new) == set(told[-1]) - before
    assert set(known.missing(frozenset())) == {one for sets in told for one in sets} - set(told[-1])
    assert set(known.missing(frozenset({6}))) >= {6} - set(told[-1])


def test_who_was_forgotten_between_both_writes_stays_forgotten(vault: Vault) -> None:
    """What the permission sets were before is not written for somebody who is gone."""
    vault.profiles.save_permission_sets(MERCHANT, (1,), now=NOW)
    vault.table.meanwhile = [lambda: None, lambda: vault.table.items.pop(KEY)]
    vault.profiles.save_permission_sets(MERCHANT, (1, 7), now=NOW + 1)
    assert KEY not in vault.table.items


# --- its end -------------------------------------------------------------------------------------

END = int(NOW) + 30 * 86400


def revoked(vault: Vault) -> None:
    """Have a merchant with a profile cancel."""
    vault.stand()
    vault.profiles.save(MERCHANT, PROFILE, (1, 18), now=NOW)
    change(vault, status=Status.REVOKED, delete_after=END)


def change(vault: Vault, **fields: Any) -> None:
    """Change the merchant's tokens."""
    vault.tokens.amend(MERCHANT, lambda state: replace(unchanged(state or vault.state()), **fields))


def test_it_ends_when_the_tokens_do(vault: Vault) -> None:
    """In the transaction that revokes: both carry the same end, and until then it can be read."""
    revoked(vault)
    assert vault.there["delete_after"] == vault.table.items[KEY].get("delete_after") == END
    vault.clock.sleep(END - NOW - 1)
    assert vault.profiles.get(MERCHANT).profile == PROFILE
    vault.clock.sleep(1)
    assert vault.profiles.get(MERCHANT) == Known()


def test_it_ends_with_a_lease_too(vault: Vault) -> None:
    """WeChat was asked and has denied: the same transaction."""
    vault.stand()
    vault.profiles.save(MERCHANT, PROFILE, (1,), now=NOW)
    lease = vault.lease()
    over = replace(unchanged(lease.state), status=Status.REVOKED, delete_after=END)
    assert vault.tokens.settle(lease, lambda _: over) is not None
    assert vault.table.items[KEY]["delete_after"] == END


def test_who_comes_back_in_time_keeps_it(vault: Vault) -> None:
    """It is known what was granted before, and it ends no more."""
    revoked(vault)
    change(vault, status=Status.ACTIVE, delete_after=None)
    vault.profiles.save_permission_sets(MERCHANT, (1,), now=NOW + 5)
    assert "delete_after" not in vault.table.items[KEY]
    vault.clock.sleep(END)
    assert vault.profiles.get(MERCHANT).missing(frozenset()) == (18,)


def test_what_an_exchange_still_writes_does_not_keep_it(vault: Vault) -> None:
    """Permission sets of a grant that was cancelled meanwhile: it ends all the same."""
    revoked(vault)
    vault.profiles.save_permission_sets(MERCHANT, (1,), now=NOW + 5)
    assert vault.table.items[KEY]["delete_after"] == END


def test_a_change_of_anything_else_does_not_touch_it(vault: Vault) -> None:
    """Renewals are one write, as they were."""
    vault.stand()
    vault.table.written.clear()
    change(vault, attempts=3)
    assert len(vault.table.written) == 1


@pytest.mark.parametrize("left", ["both", "the profile"])
def test_who_comes_back_afterwards_is_new(vault: Vault, left: str) -> None:
    """Nothing of an earlier relation is missing, however late and in which order it is deleted."""
    revoked(vault)
    vault.clock.sleep(END - NOW)
    if left == "the profile":
        del vault.table.items[TOKENS]
    now = vault.clock.now()
    vault.tokens.amend(
        MERCHANT, lambda state: replace(unchanged(state or pending()), status=Status.ACTIVE)
    )
    vault.profiles.save_permission_sets(MERCHANT, (7,), now=now)
    assert vault.profiles.get(MERCHANT) == Known(
        permission_sets=(7,), permission_sets_at=now, permission_sets_ever=frozenset({7})
    )
    assert "delete_after" not in vault.table.items[KEY]


def test_it_is_deleted_with_the_tokens(vault: Vault) -> None:
    """Whoever finds the tokens past their end deletes both."""
    revoked(vault)
    vault.clock.sleep(END - NOW)
    vault.tokens.amend(MERCHANT, lambda _: None)
    assert vault.table.items == {}


def test_what_is_left_of_a_stranger_can_be_forgotten(vault: Vault) -> None:
    """A profile without tokens goes too; who appears meanwhile is looked at, and keeps it."""
    vault.profiles.save(MERCHANT, PROFILE, (1,), now=NOW)
    also = [vault.profiles.deletion(MERCHANT)]
    assert vault.tokens.forget(MERCHANT, lambda _: None, also=also) is None
    assert vault.table.items == {}
    vault.profiles.save(MERCHANT, PROFILE, (1,), now=NOW)
    vault.table.meanwhile = [lambda: vault.stand(status="active")]

    def disagree(_: TokenState) -> None:
        raise NotForgettableError(MERCHANT)

    with pytest.raises(NotForgettableError):
        vault.tokens.forget(MERCHANT, disagree, also=also)
    assert set(vault.table.items) == {KEY, TOKENS}
