"""The lease: who gets it for what, what taking it writes, and how it is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.vault.kit import COMPONENT, KEY, MERCHANT, NOW, standing, token_key
from wxvault.services.numbers import CLOCKS_SECONDS
from wxvault.services.state import Lease, NotAcquired, Purpose, Status
from wxvault.vault.keys import due_shard

if TYPE_CHECKING:
    from tests.unit.vault.kit import Vault
    from wxvault.services.state import TokenState

RENEWAL, FORCED = Purpose.RENEWAL, Purpose.FORCED_RENEWAL
EXCHANGE, VERIFICATION = Purpose.EXCHANGE, Purpose.VERIFICATION
EVERY_STATUS = tuple(Status)


def bare(state: TokenState) -> TokenState:
    """Return a state without the item it was read from."""
    return replace(state, item={})


@pytest.mark.parametrize(
    ("purpose", "attributes"),
    [
        (RENEWAL, {}),
        (RENEWAL, {"status": "failing", "due_at": NOW - 900}),
        (RENEWAL, {"due_at": NOW + CLOCKS_SECONDS}),
        (RENEWAL, {"lease_id": "old", "lease_until": NOW - 0.001}),
        (FORCED, {"due_at": NOW + 3600}),
        (FORCED, {"due_at": None, "due_shard": None, "status": "failing"}),
        *((VERIFICATION, {"verifying": True, "status": str(one)}) for one in EVERY_STATUS),
        *((EXCHANGE, {"status": str(one)}) for one in EVERY_STATUS),
        (EXCHANGE, {"due_at": None, "due_shard": None, "api_ability": False}),
    ],
)
def test_a_lease_that_is_free_is_had(
    vault: Vault, purpose: Purpose, attributes: dict[str, Any]
) -> None:
    """Whoever may ask gets it, and knows the item exactly as it stands under the lease."""
    vault.stand(**attributes)
    lease = vault.lease(purpose, generation=2 if purpose is FORCED else None)
    assert bare(lease.state) == bare(vault.state())
    assert lease.fence == vault.there["fence"] == 5
    assert lease.lease_id == vault.there["lease_id"] == "lease-1"
    assert vault.there["lease_until"] == NOW + 24
    assert (lease.mark, lease.taken_at) == ("mark-1", NOW)
    assert vault.there.get("due_shard") == due_shard(COMPONENT, KEY.pk)


REFUSALS: dict[str, tuple[Purpose, dict[str, Any]]] = {
    "not due yet": (RENEWAL, {"due_at": NOW + CLOCKS_SECONDS + 0.001}),
    "never due": (RENEWAL, {"due_at": None, "due_shard": None}),
    "pending": (RENEWAL, {"status": "pending"}),
    "lost": (RENEWAL, {"status": "lost"}),
    "revoked": (RENEWAL, {"status": "revoked"}),
    "forced while lost": (FORCED, {"status": "lost"}),
    "forced while pending": (FORCED, {"status": "pending"}),
    "another generation": (FORCED, {"generation": 3}),
    "no generation": (FORCED, {"generation": None}),
    "not verifying": (VERIFICATION, {}),
    "refused just now": (VERIFICATION, {"verifying": True, "due_at": NOW + 5}),
    "verifying false": (VERIFICATION, {"verifying": False}),
    **{
        f"leased, {purpose}": (purpose, {"verifying": True, "lease_id": "x", "lease_until": NOW})
        for purpose in Purpose
    },
}


@pytest.mark.parametrize(("purpose", "attributes"), REFUSALS.values(), ids=REFUSALS)
def test_a_lease_that_is_not_to_be_had(
    vault: Vault, purpose: Purpose, attributes: dict[str, Any]
) -> None:
    """Nothing is written, and the loser is told what stands there."""
    vault.stand(**attributes)
    before = vault.snapshot()
    answer = vault.tokens.acquire(
        MERCHANT, purpose, now=NOW, lease_id="mine", mark="m", generation=2
    )
    assert answer == NotAcquired(vault.state())
    assert vault.snapshot() == before


@pytest.mark.parametrize("purpose", [RENEWAL, FORCED, VERIFICATION])
def test_only_an_exchange_makes_an_item(vault: Vault, purpose: Purpose) -> None:
    """For every other purpose nobody is nobody."""
    answer = vault.tokens.acquire(
        MERCHANT, purpose, now=NOW, lease_id="mine", mark="m", generation=2
    )
    assert answer == NotAcquired(None)
    assert vault.table.items == {}


def test_a_forced_renewal_of_a_first_token_needs_an_item_without_generation(vault: Vault) -> None:
    """Generation 0 is written nowhere, so it is asked for as absent."""
    vault.stand(generation=None)
    lease = vault.lease(FORCED, generation=0)
    assert lease.state.generation == 0


def test_an_exchange_makes_a_pending_item(vault: Vault) -> None:
    """It is due from the start, belongs to nobody yet, and holds no token."""
    lease = vault.lease()
    assert bare(lease.state) == bare(vault.state())
    assert lease.due_before is None
    assert vault.there == {
        "pk": KEY.pk,
        "sk": KEY.sk,
        "status": "pending",
        "authorizer_appid": MERCHANT,
        "tenant_key": f"{COMPONENT}#-",
        "tenant_sort": f"pending#{MERCHANT}",
        "due_at": NOW,
        "due_shard": due_shard(COMPONENT, KEY.pk),
        "fence": 1,
        "lease_id": "lease-1",
        "lease_until": NOW + 24,
        "unresolved_mark": "mark-1",
        "unresolved_since": NOW,
    }


def test_an_exchange_changes_nothing_else_of_an_item(vault: Vault) -> None:
    """Status, tenant and tokens of whoever stands there stay, cancelled or not."""
    vault.stand(status="revoked", tenant_id="acme", tenant_key=f"{COMPONENT}#acme")
    vault.there["delete_after"] = int(NOW) + 9
    before = dict(vault.there)
    vault.lease()
    changed = {name for name, value in vault.there.items() if before.get(name) != value}
    assert changed == {
        "fence",
        "lease_id",
        "lease_until",
        "unresolved_mark",
        "unresolved_since",
    }


def test_what_is_overdue_stays_overdue(vault: Vault) -> None:
    """A renewal does not move due_at, so that a sweep sees for how long it has been waiting."""
    vault.stand(due_at=NOW - 4000)
    assert vault.lease(RENEWAL).due_before == NOW - 4000
    assert vault.there["due_at"] == NOW - 4000


@pytest.mark.parametrize("purpose", [FORCED, EXCHANGE])
def test_what_was_not_due_is_due_while_it_is_leased(vault: Vault, purpose: Purpose) -> None:
    """A crash under the lease leaves it due, and the lease remembers when it was."""
    vault.stand(due_at=NOW + 3600)
    lease = vault.lease(purpose, generation=2)
    assert lease.due_before == NOW + 3600
    assert vault.there["due_at"] == NOW


def test_an_unanswered_question_is_remembered(vault: Vault) -> None:
    """The mark is fresh, since stays the earlier of both, and the lease knows it is not alone."""
    vault.stand(unresolved_mark="theirs", unresolved_since=NOW - 100)
    lease = vault.lease(RENEWAL)
    assert not lease.own_mark
    assert vault.there["unresolved_mark"] == "mark-1"
    assert vault.there["unresolved_since"] == NOW - 100


def test_without_an_open_question_the_mark_is_ones_own(vault: Vault) -> None:
    """Since is when the lease was taken."""
    vault.stand()
    assert vault.lease(RENEWAL).own_mark
    assert vault.there["unresolved_since"] == NOW


@pytest.mark.parametrize("purpose", list(Purpose))
def test_an_answer_that_got_lost_is_no_refusal(vault: Vault, purpose: Purpose) -> None:
    """The client repeats the write; failing on one's own lease id means that one has it."""
    vault.stand(verifying=True)
    vault.table.lose_answers = 1
    lease = vault.lease(purpose, generation=2)
    assert vault.there["fence"] == lease.fence == 5, "counted once"
    assert not lease.own_mark, "an earlier open question cannot be ruled out any more"
    assert bare(lease.state) == bare(vault.state())


def test_a_lost_answer_of_somebody_else_is_a_refusal(vault: Vault) -> None:
    """Their lease between write and repetition is theirs."""
    vault.stand()
    vault.table.meanwhile.append(lambda: vault.lease(RENEWAL, lease_id="theirs"))
    answer = vault.tokens.acquire(MERCHANT, RENEWAL, now=NOW, lease_id="mine", mark="m")
    assert isinstance(answer, NotAcquired)
    assert answer.state is not None
    assert answer.state.lease_id == "theirs"


@pytest.mark.parametrize(("later", "free"), [(0.0, False), (24.0, False), (24.001, True)])
def test_a_lease_lasts_for_24_seconds(vault: Vault, later: float, *, free: bool) -> None:
    """A crashed holder is waited for: at 20 seconds it may still cause a token to be issued."""
    vault.stand()
    vault.lease(RENEWAL)
    answer = vault.tokens.acquire(MERCHANT, RENEWAL, now=NOW + later, lease_id="next", mark="m2")
    assert isinstance(answer, Lease) is free


def test_revocation_does_not_free_a_lease(vault: Vault) -> None:
    """A fence raised from outside ends what the holder may write, not how long others wait."""
    vault.stand(verifying=True)
    vault.lease(RENEWAL)
    vault.change_elsewhere(fence=6, status="revoked")()
    answer = vault.tokens.acquire(MERCHANT, VERIFICATION, now=NOW + 24, lease_id="v", mark="m2")
    assert isinstance(answer, NotAcquired)


def test_the_component_token_has_the_same_lease(vault: Vault) -> None:
    """Its item is the component's, and no tenant's."""
    vault.items.add_ticket("ticket", 1, now=NOW)
    lease = vault.lease(RENEWAL, appid=None)
    item = vault.table.items[token_key(None)]
    assert lease.state.authorizer_appid is None
    assert item["lease_until"] == NOW + 24
    assert not {"tenant_key", "tenant_sort", "authorizer_appid"} & set(item)


# --- extending -----------------------------------------------------------------------------------


def test_extending_begins_24_seconds_anew(vault: Vault) -> None:
    """Before a second question the lease is lengthened; fence and mark stay."""
    vault.stand()
    lease = vault.lease(RENEWAL)
    longer = vault.tokens.extend(lease, now=NOW + 9)
    assert longer is not None
    assert longer.taken_at == NOW + 9
    assert longer.state.lease_until == vault.there["lease_until"] == NOW + 33
    assert (longer.fence, longer.lease_id, longer.mark) == (5, "lease-1", "mark-1")
    assert bare(longer.state) == bare(vault.state())


@pytest.mark.parametrize(
    "others",
    [{"fence": 6}, {"lease_id": "theirs"}, {"lease_id": None}],
    ids=["fence", "taken over", "given back"],
)
def test_what_is_not_held_cannot_be_extended(vault: Vault, others: dict[str, Any]) -> None:
    """None says so, and nothing is written."""
    vault.stand()
    lease = vault.lease(RENEWAL)
    vault.change_elsewhere(**others)()
    before = vault.snapshot()
    assert vault.tokens.extend(lease, now=NOW + 9) is None
    assert vault.snapshot() == before


def test_an_item_that_is_gone_cannot_be_extended(vault: Vault) -> None:
    """Extending never makes an item."""
    lease = vault.lease()
    vault.table.items.clear()
    assert vault.tokens.extend(lease, now=NOW) is None
    assert vault.table.items == {}


def test_extending_survives_a_lost_answer(vault: Vault) -> None:
    """Written twice, it is the same."""
    vault.stand()
    lease = vault.lease(RENEWAL)
    vault.table.lose_answers = 1
    assert vault.tokens.extend(lease, now=NOW + 9) is not None


def test_reading_what_is_not_there(vault: Vault) -> None:
    """Nobody is None, not an empty state; what is there is read as it stands."""
    assert vault.tokens.get(MERCHANT) is None
    vault.table.items[KEY] = standing(verifying=True, api_ability=False, access_token=b"x")
    state = vault.state()
    assert state.verifying
    assert not state.api_ability
    assert state.has_access
    assert not state.has_refresh
