"""Deleting an authorizer: as it was looked at, with its profile, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.vault.kit import COMPONENT, KEY, MERCHANT, NOW, OTHER, Vault
from wxvault.errors import BusyError
from wxvault.services.onboarding_state import Arrival
from wxvault.vault.keys import profile_key

if TYPE_CHECKING:
    from wxvault.services.state import TokenState

PROFILE_KEY = profile_key(COMPONENT, MERCHANT)


class RefusedError(Exception):
    """Whoever was asked does not agree."""


def forget(vault: Vault) -> TokenState | None:
    """Forget the merchant if it is revoked."""

    def agree(state: TokenState) -> None:
        if state.status != "revoked":
            raise RefusedError

    also = [vault.profiles.deletion(MERCHANT)]
    return vault.tokens.forget(MERCHANT, agree, also=also)


@pytest.fixture
def gone(vault: Vault) -> Vault:
    """Return a vault with a revoked merchant and its profile."""
    vault.stand(status="revoked", tenant_id="acme", unauthorized_at=7)
    vault.profiles.save_permission_sets(MERCHANT, (1,), now=NOW)
    vault.table.written.clear()
    return vault


def test_both_items_go_at_once(gone: Vault) -> None:
    """One transaction, and what was deleted is told."""
    state = forget(gone)
    assert state is not None
    assert state.tenant_id == "acme"
    assert gone.table.items == {}
    assert forget(gone) is None


def test_who_does_not_agree_deletes_nothing(gone: Vault) -> None:
    """It is asked with what stands there, and its error gets out."""
    gone.there["status"] = "active"
    with pytest.raises(RefusedError):
        forget(gone)
    assert set(gone.table.items) == {KEY, PROFILE_KEY}
    assert gone.table.written == []


@pytest.mark.parametrize(
    "change",
    [
        {"status": "active"},
        {"fence": 5},
        {"generation": 3},
        {"lease_until": NOW + 24},
        {"authorized_at": 9},
        {"unauthorized_at": 9},
        {"verifying": True},
        {"sequence": 3},
        {"grant_undated": True},
        {"tenant_id": "zoo"},
        {"tenant_by_redirect": True},
        {"unresolved_mark": "mark"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_happens_meanwhile_is_looked_at(gone: Vault, change: dict[str, Any]) -> None:
    """The first try fails, and the second one decides by what stands there then."""
    gone.table.meanwhile = [gone.change_elsewhere(**change)]
    if "status" in change:
        with pytest.raises(RefusedError):
            forget(gone)
        assert set(gone.table.items) == {KEY, PROFILE_KEY}
        return
    assert forget(gone) is not None
    assert len(gone.table.written) == 4
    assert gone.table.items == {}


def test_who_changes_all_the_time_is_left_alone(gone: Vault) -> None:
    """After several tries it is said, and nothing is deleted."""
    gone.table.meanwhile = [gone.change_elsewhere(fence=10 + number) for number in range(20)]
    with pytest.raises(BusyError):
        forget(gone)
    assert set(gone.table.items) == {KEY, PROFILE_KEY}


def test_who_is_past_his_end_was_not_there(gone: Vault) -> None:
    """Nobody is asked about somebody DynamoDB may have deleted already."""
    gone.there["delete_after"] = int(NOW)
    assert forget(gone) is None


def test_an_open_code_is_found_by_its_authorizer(vault: Vault) -> None:
    """Received or claimed, due now or much later; no other one's, and none that has ended."""
    assert not vault.codes.has_open(MERCHANT)
    vault.codes.record("another's", Arrival(OTHER), now=NOW)
    assert not vault.codes.has_open(MERCHANT)
    code, _ = vault.codes.record("its own", Arrival(MERCHANT), now=NOW)
    assert vault.codes.has_open(MERCHANT)
    assert vault.codes.claim(code.code_sha256, "claim", now=NOW)
    assert vault.codes.has_open(MERCHANT)
    vault.codes.fail(code.code_sha256, "claim", wechat_errcode=61009)
    assert not vault.codes.has_open(MERCHANT)
