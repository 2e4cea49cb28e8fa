"""Settling: what came of a question is written by whoever holds the lease, and by nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.vault.kit import (
    ACCESS_TOKEN,
    KEY,
    MERCHANT,
    NOW,
    REFRESH_TOKEN,
    Vault,
    access,
    standing,
)
from wxvault.services.state import Event, Purpose, Status, TokenChange, unchanged
from wxvault.vault.expressions import EXISTS, MISSING, Key, Put, Update, equals

if TYPE_CHECKING:
    from wxvault.services.state import Lease, TokenState

CODE = Key("X#c#1", "CODE")
RENEWED = TokenChange(
    Status.ACTIVE,
    NOW + 5400,
    secrets="write",
    refresh_token=REFRESH_TOKEN,
    access=access(),
    release=True,
    clear_mark=True,
    events=(Event("recovered"),),
)


@pytest.fixture
def lease(vault: Vault) -> Lease:
    """Return the lease of a merchant that is due."""
    vault.stand(sequence=7)
    return vault.lease(Purpose.RENEWAL)


class Decider:
    """Decides on a renewal, and remembers what it was shown."""

    def __init__(self) -> None:
        self.seen: list[TokenState] = []

    def __call__(self, state: TokenState) -> TokenChange:
        """Take the state over, as every decision does."""
        self.seen.append(state)
        change = unchanged(state)
        return replace(
            change,
            due_at=NOW + 5400,
            secrets="write",
            refresh_token=REFRESH_TOKEN,
            access=access(),
            release=True,
            clear_mark=True,
            events=(Event("recovered"),),
        )


def test_a_change_under_the_lease_is_written(vault: Vault, lease: Lease) -> None:
    """The tokens are there, the lease is given back, and the events count on."""
    settled = vault.tokens.settle(lease, lambda _: RENEWED)
    assert settled is not None
    assert settled.change is RENEWED
    assert settled.before.sequence == 7
    state = vault.state()
    assert vault.tokens.access_token(state) == ACCESS_TOKEN
    assert vault.tokens.refresh_token(state) == REFRESH_TOKEN
    assert (state.generation, state.sequence, state.fence) == (3, 8, 5)
    assert (state.lease_id, state.lease_until, state.unresolved_mark) == (None, None, None)
    assert state.settled_lease == "lease-1"


@pytest.mark.parametrize(
    "others",
    [
        {"fence": 6},
        {"lease_id": "theirs", "fence": 6},
        {"lease_id": "theirs"},
        {"lease_id": None, "lease_until": None},
        {"fence": 6, "settled_lease": "lease-1"},
    ],
    ids=["fence raised", "taken over", "other id", "given back", "fence after an earlier write"],
)
def test_a_lost_lease_writes_nothing(vault: Vault, lease: Lease, others: dict[str, Any]) -> None:
    """Not the token, not the events: whoever took over decides."""
    vault.change_elsewhere(**others)()
    before = vault.snapshot()
    decide = Decider()
    assert vault.tokens.settle(lease, decide) is None
    assert vault.snapshot() == before
    assert len(decide.seen) == 1, "it is not tried again"


def test_settling_never_makes_an_item(vault: Vault, lease: Lease) -> None:
    """What was deleted meanwhile stays deleted."""
    vault.table.items.clear()
    assert vault.tokens.settle(lease, lambda _: RENEWED) is None
    assert vault.table.items == {}


def test_ones_own_write_is_recognised(vault: Vault, lease: Lease) -> None:
    """An answer that got lost does not make a good token look lost, nor count twice."""
    vault.table.lose_answers = 1
    quiet = replace(RENEWED, events=())
    assert vault.tokens.settle(lease, lambda _: quiet) is not None
    assert vault.there["generation"] == 3
    assert len(vault.table.written) == 2, "acquired and settled, nothing more"


def test_ones_own_write_is_recognised_while_the_lease_is_kept(vault: Vault, lease: Lease) -> None:
    """A change that keeps the lease is known by its trace as well."""
    change = replace(RENEWED, release=False, clear_mark=False)
    vault.table.lose_answers = 1
    assert vault.tokens.settle(lease, lambda _: change) is not None
    assert vault.there["generation"] == 3


MEANWHILE: dict[str, dict[str, Any]] = {
    "a newer grant": {"authorized_at": 1_800_000_001},
    "a cancellation that only withholds": {"unauthorized_at": 1_800_000_001, "verifying": True},
    "verification asked for": {"verifying": True},
    "an event": {"sequence": 8},
    "an undated grant": {"grant_undated": True},
    "a tenant": {"tenant_id": "acme"},
    "a tenant by redirect": {"tenant_id": "acme", "tenant_by_redirect": True},
    "another mark": {"unresolved_mark": "theirs"},
    "the mark removed": {"unresolved_mark": None, "unresolved_since": None},
}


@pytest.mark.parametrize("others", MEANWHILE.values(), ids=MEANWHILE)
def test_what_changed_under_the_same_lease_is_decided_again(
    vault: Vault, lease: Lease, others: dict[str, Any]
) -> None:
    """A decision on what is no longer true is not written: it is taken anew, on what is."""
    vault.table.meanwhile.append(vault.change_elsewhere(**others))
    decide = Decider()
    settled = vault.tokens.settle(lease, decide)
    assert settled is not None
    assert len(decide.seen) == 2
    assert settled.before == decide.seen[1]
    for name, value in others.items():
        assert getattr(decide.seen[1], name) == value
        assert vault.there.get(name) == (value if "unresolved" not in name else None) or (
            name == "sequence"
        )
    assert vault.there["sequence"] == decide.seen[1].sequence + 1


def test_somebody_who_changes_it_all_the_time_wins(vault: Vault, lease: Lease) -> None:
    """After eight tries it is given up, as if the lease were lost; nothing is half written."""
    vault.table.meanwhile.extend(
        vault.change_elsewhere(authorized_at=1_800_000_000 + number) for number in range(8)
    )
    decide = Decider()
    assert vault.tokens.settle(lease, decide) is None
    assert len(decide.seen) == 8
    assert vault.there["generation"] == 2
    assert vault.there["lease_id"] == "lease-1"


# --- all or nothing ------------------------------------------------------------------------------

DONE = Update(CODE, condition=equals("status", "claimed"), set={"status": "done"})


def test_what_goes_with_it_is_written_with_it(vault: Vault, lease: Lease) -> None:
    """Tokens and the code's end are one transaction."""
    vault.table.items[CODE] = {"pk": CODE.pk, "sk": CODE.sk, "status": "claimed"}
    assert vault.tokens.settle(lease, lambda _: RENEWED, also=[DONE]) is not None
    assert vault.table.items[CODE]["status"] == "done"
    assert vault.there["generation"] == 3


@pytest.mark.parametrize("code", [None, {"status": "failed"}], ids=["missing", "ended"])
def test_without_what_goes_with_it_nothing_is_written(
    vault: Vault, lease: Lease, code: dict[str, Any] | None
) -> None:
    """The lease is held, but the code is somebody else's by now: the tokens are not stored."""
    if code is not None:
        vault.table.items[CODE] = {"pk": CODE.pk, "sk": CODE.sk, **code}
    before = vault.snapshot()
    assert vault.tokens.settle(lease, lambda _: RENEWED, also=[DONE]) is None
    assert vault.snapshot() == before


def test_with_a_lost_lease_nothing_that_goes_with_it_is_written(vault: Vault, lease: Lease) -> None:
    """The code stays claimed, so that it is taken again."""
    vault.table.items[CODE] = {"pk": CODE.pk, "sk": CODE.sk, "status": "claimed"}
    vault.change_elsewhere(fence=9)()
    assert vault.tokens.settle(lease, lambda _: RENEWED, also=[DONE]) is None
    assert vault.table.items[CODE]["status"] == "claimed"


def test_an_item_that_vanished_ends_a_transaction_too(vault: Vault, lease: Lease) -> None:
    """No item, no old item to look at: the lease is lost."""
    vault.table.items.clear()
    made = Put(CODE, {"status": "done"}, MISSING)
    assert vault.tokens.settle(lease, lambda _: RENEWED, also=[made]) is None
    assert vault.table.items == {}


def test_a_transaction_is_decided_again_too(vault: Vault, lease: Lease) -> None:
    """What changed under the same lease asks decide again, and all is written then."""
    vault.table.items[CODE] = {"pk": CODE.pk, "sk": CODE.sk, "status": "claimed"}
    vault.table.meanwhile.append(vault.change_elsewhere(authorized_at=1_800_000_001))
    decide = Decider()
    assert vault.tokens.settle(lease, decide, also=[DONE]) is not None
    assert len(decide.seen) == 2
    assert vault.table.items[CODE]["status"] == "done"
    assert vault.there["authorized_at"] == 1_800_000_001


def test_both_conditions_failing_is_a_loss(vault: Vault, lease: Lease) -> None:
    """A grant under the lease and a code that is gone: decided again, then given up."""
    vault.table.meanwhile.append(vault.change_elsewhere(authorized_at=1_800_000_001))
    decide = Decider()
    gone = Update(CODE, condition=EXISTS, set={"status": "done"})
    assert vault.tokens.settle(lease, decide, also=[gone]) is None
    assert vault.there["generation"] == 2


def test_what_is_settled_is_guarded_by_what_was_seen(vault: Vault) -> None:
    """A state that was shown by the lease, not read again, is what the condition speaks of."""
    vault.table.items[KEY] = standing(authorized_at=5, tenant_id="acme", verifying=True)
    lease = vault.lease(Purpose.VERIFICATION)
    assert vault.tokens.settle(lease, lambda state: replace(unchanged(state), release=True))
    assert vault.there["tenant_id"] == "acme"
    assert vault.state(MERCHANT).verifying
