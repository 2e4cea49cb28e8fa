"""What is past its end is not there, whether DynamoDB has deleted it already or not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.unit.vault.kit import AUTHORIZATION_CODE, KEY, MERCHANT, NOW, Vault, pending
from wxvault.services import grants
from wxvault.services.onboarding_state import Arrival
from wxvault.services.state import Event, Purpose, Status, unchanged
from wxvault.vault.keys import fingerprint

if TYPE_CHECKING:
    from wxvault.services.state import TokenChange, TokenState

END = int(NOW) - 1


def forgotten(vault: Vault, *, deleted: bool, **attributes: object) -> None:
    """Have a merchant who cancelled long ago, be it that DynamoDB has deleted the item or not."""
    vault.stand(
        status="revoked",
        delete_after=END,
        unauthorized_at=END - 30 * 86400,
        tenant_id="acme",
        sequence=77,
        fence=40,
        **attributes,
    )
    if deleted:
        del vault.table.items[KEY]


@pytest.mark.parametrize("deleted", [True, False])
def test_a_cancelled_account_past_its_end_is_unknown(vault: Vault, *, deleted: bool) -> None:
    """Nothing is read of it."""
    forgotten(vault, deleted=deleted)
    assert vault.tokens.get(MERCHANT) is None


def test_until_its_end_it_is_there(vault: Vault) -> None:
    """To the second."""
    vault.stand(status="revoked", delete_after=int(NOW) + 1)
    assert vault.tokens.get(MERCHANT) is not None
    vault.clock.sleep(1)
    assert vault.tokens.get(MERCHANT) is None


@pytest.mark.parametrize("deleted", [True, False])
def test_a_new_grant_finds_nobody(vault: Vault, *, deleted: bool) -> None:
    """Neither tenant nor cancellation of an earlier life count, nor does the date of deletion."""
    forgotten(vault, deleted=deleted)
    seen: list[TokenState | None] = []

    def decide(state: TokenState | None) -> TokenChange | None:
        seen.append(state)
        return grants.granted(state, int(NOW), NOW, code_open=True)

    settled = vault.tokens.amend(MERCHANT, decide)
    assert settled is not None
    assert seen == [None]
    state = vault.state()
    assert state.status is Status.PENDING
    assert (state.tenant_id, state.unauthorized_at, state.verifying) == (None, None, False)
    assert "delete_after" not in vault.there


@pytest.mark.parametrize("deleted", [True, False])
def test_an_exchange_begins_anew(vault: Vault, *, deleted: bool) -> None:
    """The lease of an exchange makes a new item, which DynamoDB does not delete under it."""
    forgotten(vault, deleted=deleted)
    lease = vault.lease(Purpose.EXCHANGE)
    assert (lease.state.tenant_id, lease.state.unauthorized_at) == (None, None)
    assert "delete_after" not in vault.there
    assert vault.there["status"] == "pending"


def test_who_comes_back_in_the_last_moment_is_not_deleted(vault: Vault) -> None:
    """Somebody else writes a grant between the read and the deletion: that stays."""
    forgotten(vault, deleted=False)
    vault.table.meanwhile.append(vault.change_elsewhere(status="active", delete_after=None))
    settled = vault.tokens.amend(
        MERCHANT, lambda state: replace(unchanged(state or pending()), authorized_at=int(NOW))
    )
    assert settled is not None
    assert vault.state().status is Status.ACTIVE
    assert vault.state().tenant_id == "acme"


def test_who_is_under_a_lease_is_still_there(vault: Vault) -> None:
    """Somebody is asking WeChat about it: until that is over nothing is forgotten."""
    forgotten(vault, deleted=False, lease_id="theirs", lease_until=NOW + 5)
    assert vault.tokens.get(MERCHANT) is not None
    assert (
        vault.tokens.amend(MERCHANT, lambda state: None if state else unchanged(pending())) is None
    )
    assert KEY in vault.table.items
    vault.clock.sleep(6)
    assert vault.tokens.get(MERCHANT) is None


@pytest.mark.parametrize("deleted", [True, False])
def test_numbers_go_on_rising_in_the_next_life(vault: Vault, *, deleted: bool) -> None:
    """No number of an event is used twice, so no two events share their id."""

    def tell(state: TokenState | None) -> TokenChange:
        return replace(unchanged(state or pending()), events=(Event("authorized"),))

    first = vault.tokens.amend(MERCHANT, tell)
    assert first is not None
    last = vault.state().sequence
    assert last == int(NOW) + 1
    vault.there.update(status="revoked", delete_after=int(NOW) + 86400)
    vault.clock.sleep(86400)
    if deleted:
        del vault.table.items[KEY]
    again = vault.tokens.amend(MERCHANT, tell)
    assert again is not None
    assert again.before.sequence > last
    assert vault.state().sequence == again.before.sequence + 1


# --- codes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("deleted", [True, False])
def test_a_code_past_its_end_is_unknown_and_may_be_written_anew(
    vault: Vault, *, deleted: bool
) -> None:
    """After seven days nothing of it counts: it is received as if for the first time."""
    code, _ = vault.codes.record(AUTHORIZATION_CODE, Arrival(), now=NOW)
    claimed = vault.codes.claim(code.code_sha256, "claim", now=NOW)
    assert claimed is not None
    vault.codes.fail(code.code_sha256, "claim", 61009)
    vault.clock.sleep(7 * 86400 - 1)
    assert vault.codes.get(code.code_sha256) is not None
    vault.clock.sleep(1)
    if deleted:
        vault.table.items.clear()
    assert vault.codes.get(fingerprint(AUTHORIZATION_CODE)) is None
    again, news = vault.codes.record(AUTHORIZATION_CODE, Arrival(), now=vault.clock.now())
    assert news
    assert again.is_open
    found = vault.codes.get(code.code_sha256)
    assert found is not None
    assert found.wechat_errcode is None
    assert vault.codes.authorization_code(found) == AUTHORIZATION_CODE
