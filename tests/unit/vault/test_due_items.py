"""The index of what is due: every shard is walked, and every kind of work is told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.vault.every_item import write_every_item
from tests.unit.vault.kit import COMPONENT, NOW, always
from wxvault.services.onboarding_state import Arrival
from wxvault.services.state import Status, TokenChange
from wxvault.services.sweeping import Due
from wxvault.vault.keys import due_shards, fingerprint

if TYPE_CHECKING:
    from tests.unit.vault.kit import Vault

APPIDS = [f"wx{number:016x}" for number in range(200)]


def test_every_shard_is_walked(vault: Vault) -> None:
    """Of 200 merchants in all sixteen shards none is missed and none comes twice."""
    for appid in APPIDS:
        vault.tokens.amend(appid, always(TokenChange(Status.ACTIVE, NOW)))
    shards = {item["due_shard"] for item in vault.table.items.values()}
    assert shards == set(due_shards(COMPONENT))
    found = list(vault.due.due(now=NOW))
    assert sorted(item.authorizer_appid or "" for item in found) == APPIDS
    assert {item.due_at for item in found} == {NOW}


def test_only_what_is_due_by_now(vault: Vault) -> None:
    """At its very time it is due, a millisecond earlier it is not."""
    for number, appid in enumerate(APPIDS[:3]):
        due_at = NOW + (number - 1) * 0.001
        vault.tokens.amend(appid, always(TokenChange(Status.ACTIVE, due_at)))
    found = sorted(item.authorizer_appid or "" for item in vault.due.due(now=NOW))
    assert found == APPIDS[:2]


def test_nothing_is_due_in_an_empty_vault(vault: Vault) -> None:
    """No item, no work."""
    assert list(vault.due.due(now=NOW)) == []


def test_authorizers_codes_and_the_component_are_told_apart(vault: Vault) -> None:
    """Each comes as the job it becomes."""
    vault.items.add_ticket("ticket", 1, now=NOW)
    vault.codes.record("code", Arrival(), now=NOW - 15)
    vault.tokens.amend(APPIDS[0], always(TokenChange(Status.ACTIVE, NOW - 1)))
    found = list(vault.due.due(now=NOW))
    assert len(found) == 3
    assert set(found) == {
        Due(NOW, code_sha256=fingerprint("code")),
        Due(NOW),
        Due(NOW - 1, authorizer_appid=APPIDS[0]),
    }


def test_a_lease_keeps_nobody_out_of_the_index(vault: Vault) -> None:
    """Whoever crashes under a lease leaves its merchant due."""
    vault.lease(appid=APPIDS[0])
    assert [item.authorizer_appid for item in vault.due.due(now=NOW)] == [APPIDS[0]]


def test_all_that_can_be_resumed_is_found(vault: Vault) -> None:
    """What is due later, parked, done or failed is left alone; all the rest is found."""
    codes = write_every_item(vault)
    found = list(vault.due.due(now=NOW + 60))
    assert {item.code_sha256 for item in found if item.code_sha256} == {
        codes.received.code_sha256,
        codes.claimed.code_sha256,
        fingerprint_of_given_back(vault),
    }
    assert {item.authorizer_appid for item in found if item.authorizer_appid} == {
        "wx00000000000000a4",
        "wx00000000000000a6",
        "wx00000000000000a9",
    }


def fingerprint_of_given_back(vault: Vault) -> str:
    """Return the fingerprint of the code that was given back, to be tried in a minute."""
    (key,) = (
        key
        for key, item in vault.table.items.items()
        if key.sk == "CODE" and item.get("due_at") == NOW + 60
    )
    return key.pk.rpartition("#")[2]
