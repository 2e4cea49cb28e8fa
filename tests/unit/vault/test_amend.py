"""Amending: what pushes and others change from outside the lease, on what they have seen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.vault.kit import (
    COMPONENT,
    KEY,
    MERCHANT,
    NOW,
    REFRESH_TOKEN,
    Vault,
    access,
    pending,
    standing,
    token_key,
)
from wxvault.errors import BusyError
from wxvault.services import grants
from wxvault.services.state import Event, Purpose, Status, TokenChange, unchanged
from wxvault.vault.expressions import Key, Update, equals
from wxvault.vault.keys import due_shard

if TYPE_CHECKING:
    from wxvault.services.state import TokenState

CODE = Key("X#c#1", "CODE")
DONE = Update(CODE, condition=equals("status", "claimed"), set={"status": "done"})
MARK = TokenChange(Status.ACTIVE, NOW, verifying=True, new_mark="theirs", marked_since=NOW)


class Decider:
    """Withholds whatever stands there, and remembers what it was shown."""

    def __init__(self) -> None:
        self.seen: list[TokenState | None] = []

    def __call__(self, state: TokenState | None) -> TokenChange:
        """Take the state over, as every decision does."""
        self.seen.append(state)
        known = state or pending()
        return replace(unchanged(known), verifying=True, due_at=NOW, events=(Event("revoked"),))


def test_an_item_that_stands_there_is_changed(vault: Vault) -> None:
    """Decide sees it, and what it answers is written over it."""
    vault.stand(tenant_id="acme", sequence=3)
    decide = Decider()
    settled = vault.tokens.amend(MERCHANT, decide)
    assert settled is not None
    assert settled.before == decide.seen[0]
    assert vault.there["verifying"] is True
    assert vault.there["sequence"] == 4
    assert vault.there["tenant_id"] == "acme"


def test_nobody_is_shown_as_none_and_made(vault: Vault) -> None:
    """The item that is made has all that the indexes need."""
    decide = Decider()
    settled = vault.tokens.amend(MERCHANT, decide)
    assert settled is not None
    assert decide.seen == [None]
    assert settled.before == replace(pending(), sequence=int(NOW))
    assert vault.there == {
        "pk": KEY.pk,
        "sk": KEY.sk,
        "authorizer_appid": MERCHANT,
        "status": "pending",
        "tenant_key": f"{COMPONENT}#-",
        "tenant_sort": f"pending#{MERCHANT}",
        "verifying": True,
        "due_at": NOW,
        "due_shard": due_shard(COMPONENT, KEY.pk),
        "sequence": int(NOW) + 1,
    }


def test_a_made_item_has_the_status_of_the_decision(vault: Vault) -> None:
    """Made as active, it is listed as active."""
    change = TokenChange(
        Status.ACTIVE, NOW, secrets="write", refresh_token=REFRESH_TOKEN, access=access()
    )
    assert vault.tokens.amend(MERCHANT, lambda _: change) is not None
    assert vault.there["status"] == "active"
    assert vault.there["tenant_sort"] == f"active#{MERCHANT}"
    assert vault.there["generation"] == 1
    assert vault.tokens.refresh_token(vault.state()) == REFRESH_TOKEN


@pytest.mark.parametrize("there", [True, False])
def test_decide_may_decline(vault: Vault, *, there: bool) -> None:
    """Nothing is written then, and nothing is made."""
    if there:
        vault.stand()
    before = vault.snapshot()
    assert vault.tokens.amend(MERCHANT, lambda _: None) is None
    assert vault.snapshot() == before
    assert vault.table.written == []


SEEN: dict[str, dict[str, Any]] = {
    "fence": {"fence": 5},
    "generation": {"generation": 3},
    "status": {"status": "failing"},
    "lease taken": {"lease_id": "theirs", "lease_until": NOW + 24},
    "grant": {"authorized_at": 1_800_000_001},
    "cancellation": {"unauthorized_at": 1_800_000_001},
    "event": {"sequence": 9},
    "undated grant": {"grant_undated": True},
    "tenant": {"tenant_id": "acme"},
    "tenant by redirect": {"tenant_by_redirect": True},
    "mark": {"unresolved_mark": "theirs"},
    "verifying": {"verifying": True},
}


@pytest.mark.parametrize("others", SEEN.values(), ids=SEEN)
def test_a_decision_on_what_is_no_longer_true_is_not_written(
    vault: Vault, others: dict[str, Any]
) -> None:
    """Whatever decisions are made of is compared; when it has changed, decide is asked again."""
    vault.stand(sequence=1)
    vault.table.meanwhile.append(vault.change_elsewhere(**others))
    decide = Decider()
    settled = vault.tokens.amend(MERCHANT, decide)
    assert settled is not None
    assert len(decide.seen) == 2
    assert settled.before == decide.seen[1]
    for name, value in others.items():
        assert getattr(decide.seen[1], name) == value
    assert vault.there["sequence"] == others.get("sequence", 1) + 1


@pytest.mark.parametrize("others", SEEN.values(), ids=SEEN)
def test_what_is_no_longer_there_counts_as_changed(vault: Vault, others: dict[str, Any]) -> None:
    """Removing is compared as well as setting: absent is a value of its own."""
    vault.stand(**others)
    if "status" not in others:
        vault.table.meanwhile.append(vault.change_elsewhere(**dict.fromkeys(others)))
        decide = Decider()
        assert vault.tokens.amend(MERCHANT, decide) is not None
        assert len(decide.seen) == 2


def test_made_by_somebody_else_meanwhile(vault: Vault) -> None:
    """Two who find nobody do not both make the item: the second sees the first's."""
    vault.table.meanwhile.append(vault.change_elsewhere(tenant_id="acme"))
    decide = Decider()
    assert vault.tokens.amend(MERCHANT, decide) is not None
    assert decide.seen[0] is None
    assert len(decide.seen) == 2
    assert decide.seen[1] is not None
    assert vault.there["tenant_id"] == "acme"


def test_deleted_by_somebody_else_meanwhile(vault: Vault) -> None:
    """Nothing is made again by a decision that was taken on what is gone."""
    vault.stand()
    vault.table.meanwhile.append(vault.table.items.clear)
    assert vault.tokens.amend(MERCHANT, lambda state: MARK if state else None) is None
    assert vault.table.items == {}


def test_somebody_who_changes_it_all_the_time_is_an_error(vault: Vault) -> None:
    """A push is not answered with success when it could not be made durable."""
    vault.stand()
    vault.table.meanwhile.extend(vault.change_elsewhere(fence=number) for number in range(10, 18))
    decide = Decider()
    started = vault.clock.now()
    with pytest.raises(BusyError) as raised:
        vault.tokens.amend(MERCHANT, decide)
    assert "again" in raised.value.remedy
    assert len(decide.seen) == 8
    assert 0.1 < vault.clock.now() - started < 0.5
    assert "verifying" not in vault.there


def test_a_lease_is_left_to_its_holder(vault: Vault) -> None:
    """Raising the fence takes the right to write; until when others wait is not touched."""
    vault.stand()
    lease = vault.lease()
    change = TokenChange(Status.REVOKED, NOW, secrets="remove", raise_fence=True, verifying=True)
    assert vault.tokens.amend(MERCHANT, lambda _: change) is not None
    assert vault.there["lease_id"] == "lease-1"
    assert vault.there["lease_until"] == NOW + 24
    assert vault.there["fence"] == lease.fence + 1
    assert vault.tokens.settle(lease, lambda _: MARK) is None


def test_a_lease_that_was_just_extended_is_not_shortened(vault: Vault) -> None:
    """Whoever gives the item to a call under way has to see the holder's second question."""
    vault.stand()
    lease = vault.lease(Purpose.RENEWAL)
    vault.table.meanwhile.append(lambda: vault.tokens.extend(lease, now=NOW + 8))

    def give(state: TokenState | None) -> TokenChange:
        return replace(
            unchanged(state or pending()), raise_fence=True, lease_id="call", lease_until=NOW + 20
        )

    assert vault.tokens.amend(MERCHANT, give) is not None
    assert vault.there["lease_until"] == NOW + 32


def test_ones_own_write_is_recognised(vault: Vault) -> None:
    """A revocation whose answer got lost was written: its event has to be told."""
    vault.stand()
    vault.table.lose_answers = 1
    settled = vault.tokens.amend(
        MERCHANT, lambda state: grants.withdrawn(state, int(NOW), NOW, 86400)
    )
    assert settled is not None


def test_the_components_own_item(vault: Vault) -> None:
    """It has no appid of an authorizer, no tenant, and is in no list of tenants."""
    vault.items.add_ticket("ticket", 1, now=NOW)
    assert vault.tokens.amend(None, lambda _: MARK) is not None
    item = vault.table.items[token_key(None)]
    assert item["verifying"] is True
    assert not {name for name in item if name.startswith(("tenant", "authorizer"))}


# --- all or nothing ------------------------------------------------------------------------------


@pytest.mark.parametrize("there", [True, False])
def test_what_goes_with_it_is_written_with_it(vault: Vault, *, there: bool) -> None:
    """One transaction, whether the item was there or is made by it."""
    if there:
        vault.stand()
    vault.table.items[CODE] = {"pk": CODE.pk, "sk": CODE.sk, "status": "claimed"}
    assert vault.tokens.amend(MERCHANT, Decider(), also=[DONE]) is not None
    assert vault.table.items[CODE]["status"] == "done"
    assert vault.there["verifying"] is True


@pytest.mark.parametrize("there", [True, False])
def test_without_what_goes_with_it_nothing_is_written(vault: Vault, *, there: bool) -> None:
    """None says that the code was somebody else's; the item is not made either."""
    if there:
        vault.stand()
    before = vault.snapshot()
    decide = Decider()
    assert vault.tokens.amend(MERCHANT, decide, also=[DONE]) is None
    assert vault.snapshot() == before
    assert len(decide.seen) == 1


def test_a_transaction_is_decided_again_too(vault: Vault) -> None:
    """What changed since it was read asks decide again, and all is written then."""
    vault.stand()
    vault.table.items[CODE] = {"pk": CODE.pk, "sk": CODE.sk, "status": "claimed"}
    vault.table.meanwhile.append(vault.change_elsewhere(fence=9))
    decide = Decider()
    assert vault.tokens.amend(MERCHANT, decide, also=[DONE]) is not None
    assert len(decide.seen) == 2
    assert vault.table.items[CODE]["status"] == "done"


def test_a_cancelled_item_is_brought_back_without_an_end(vault: Vault) -> None:
    """Who is active again is not deleted at the end of somebody's retention."""
    vault.table.items[KEY] = standing(status="revoked", delete_after=int(NOW) + 5)
    assert vault.tokens.amend(MERCHANT, lambda _: MARK) is not None
    assert "delete_after" not in vault.there
