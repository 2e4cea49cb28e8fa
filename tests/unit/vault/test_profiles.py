"""PROFILE items: what is kept of a profile, and how the permission sets have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.vault.every_item import PROFILE
from tests.unit.vault.kit import COMPONENT, MERCHANT, NOW, Vault
from wxvault.protocol.permission_sets import AccountKind
from wxvault.protocol.profiles import Profile
from wxvault.services.account_values import Known
from wxvault.vault.keys import profile_key

if TYPE_CHECKING:
    from collections.abc import Sequence

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
