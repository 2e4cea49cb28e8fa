"""Unsent events: kept by the transaction of what they tell, sealed, due, and gone once sent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.fakes.memory_table import MemoryTable
from tests.unit.vault.kit import COMPONENT, MERCHANT, NOW, Vault, always
from wxvault.errors import SealBrokenError, SealingKeyError
from wxvault.services.bus_events import BusEvent, UnsentKey, bus_event
from wxvault.services.state import Event, Settled, Status, TokenChange
from wxvault.services.sweeping import Due
from wxvault.vault.expressions import Put
from wxvault.vault.keys import due_shards, unsent_event_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wxvault.vault.expressions import Key

TOLD = TokenChange(Status.FAILING, NOW, tenant_id="acme", events=(Event("updated"), Event("lost")))


def unsent(vault: Vault) -> dict[Key, Mapping[str, object]]:
    """Return what stands in the table of unsent events."""
    return {key: item for key, item in vault.table.items.items() if key.pk.startswith("O#")}


def amended(vault: Vault, change: TokenChange = TOLD) -> Settled:
    """Change the merchant's item, which stands there with six events told."""
    vault.stand(sequence=6, tenant_id="acme")
    settled = vault.tokens.amend(MERCHANT, always(change))
    assert settled is not None
    return settled


def message(text: str = "hello", name: str = "1") -> BusEvent:
    """Return an event that is no transition."""
    return bus_event("message.received", name, {"text": text}, COMPONENT, now=NOW)


def test_a_change_and_its_events_are_one_transaction(vault: Vault) -> None:
    """Each event is an item of its own, under the authorizer, in the order of its numbers."""
    settled = amended(vault)
    keys = [unsent_event_key(COMPONENT, MERCHANT, f"{number:012d}") for number in (7, 8)]
    assert list(unsent(vault)) == keys
    assert [write.key for write in vault.table.written if isinstance(write, Put)] == keys
    assert vault.there["sequence"] == 8
    for event, key in zip(settled.told, keys, strict=True):
        kept = vault.unsent.read(UnsentKey(MERCHANT, key.sk))
        assert kept is not None
        assert (kept.event, kept.kept_at, kept.attempts) == (event, NOW, 0)


def test_a_change_that_is_not_written_keeps_no_event(vault: Vault) -> None:
    """Its condition fails: neither the change nor its event is there, and nothing is to be told."""
    lease = vault.lease()
    vault.change_elsewhere(fence=99, lease_id="other")()
    assert vault.tokens.settle(lease, always(TOLD)) is None
    assert unsent(vault) == {}


def test_an_event_of_the_component_is_kept_under_no_authorizer(vault: Vault) -> None:
    """By its number, where an announcement has its id."""
    vault.items.add_ticket("ticket", 1, now=NOW)
    assert vault.tokens.amend(None, always(TOLD)) is not None
    vault.unsent.keep(message())
    assert {key.pk for key in unsent(vault)} == {f"O#{COMPONENT}#-"}
    names = sorted(key.sk for key in unsent(vault))
    assert names == sorted(["000000000001", "000000000002", message().event_id])


def test_it_is_due_when_its_writer_has_had_its_time(vault: Vault) -> None:
    """Fifteen seconds after it was written the sweep finds it, and not before."""
    amended(vault, replace(TOLD, due_at=None, events=(Event("lost"),)))
    assert list(vault.due.due(now=NOW + 14.9)) == []
    found = list(vault.due.due(now=NOW + 15))
    assert found == [Due(NOW + 15, unsent=UnsentKey(MERCHANT, "000000000007"))]


def test_announcements_are_spread_over_the_index(vault: Vault) -> None:
    """They share a partition of the table by name only: the index has all its shards for them."""
    for number in range(300):
        vault.unsent.keep(message(name=str(number)))
    assert {item["due_shard"] for item in unsent(vault).values()} == set(due_shards(COMPONENT))
    assert len({one.unsent for one in vault.due.due(now=NOW + 15)}) == 300


def test_it_is_gone_once_it_was_sent(vault: Vault) -> None:
    """Then it is not read any more; to delete it again does nothing, nor to put it off."""
    event = message()
    vault.unsent.keep(event)
    for _ in range(2):
        vault.unsent.forget(event.unsent_key)
    vault.unsent.put_off(event.unsent_key, 1, due_at=NOW)
    assert vault.unsent.read(event.unsent_key) is None
    assert unsent(vault) == {}


def test_it_may_be_put_off(vault: Vault) -> None:
    """It is due later, and knows how often it was tried."""
    event = message()
    vault.unsent.keep(event)
    vault.unsent.put_off(event.unsent_key, 3, due_at=NOW + 99)
    assert list(vault.due.due(now=NOW + 98)) == []
    assert len(list(vault.due.due(now=NOW + 99))) == 1
    kept = vault.unsent.read(event.unsent_key)
    assert kept is not None
    assert (kept.attempts, kept.event) == (3, event)


def test_a_message_is_kept_sealed_or_not_at_all(vault: Vault) -> None:
    """What a merchant's customers write never stands in the clear."""
    vault.unsent.keep(message("我的电话是 13800138000"))
    assert "13800138000" not in repr(vault.table.items)
    vault.keys.disabled = True
    with pytest.raises(SealingKeyError):
        vault.unsent.keep(message(name="2"))
    assert len(unsent(vault)) == 1


def test_a_transition_does_not_wait_for_the_sealing_key(vault: Vault) -> None:
    """A cancellation is taken without it, and told: nothing in it that its item does not say."""
    vault.keys.disabled = True
    settled = amended(vault)
    (kept, _) = (vault.unsent.read(event.unsent_key) for event in settled.told)
    assert kept is not None
    assert kept.event == settled.told[0]


@pytest.mark.parametrize("how", ["moved", "emptied", "changed"])
def test_what_was_changed_by_others_is_not_sent(vault: Vault, how: str) -> None:
    """A sealed event stands where it was put, as it was put, or it is none."""
    event, other = message(), message(name="2")
    for one in (event, other):
        vault.unsent.keep(one)
    here = unsent_event_key(COMPONENT, "-", event.event_id)
    there = unsent_event_key(COMPONENT, "-", other.event_id)
    match how:
        case "moved":
            vault.table.items[here]["event"] = vault.table.items[there]["event"]
        case "emptied":
            del vault.table.items[here]["event"]
        case "changed":
            sealed = vault.table.items[here]["event"]
            vault.table.items[here]["event"] = sealed[:-1] + bytes([sealed[-1] ^ 1])
    with pytest.raises(SealBrokenError):
        vault.unsent.read(event.unsent_key)


def test_a_transaction_that_comes_twice_finds_itself(vault: Vault) -> None:
    """Its answer was lost, and it was sent again: one change, each event once, and told."""
    vault.table.meanwhile = [lambda: MemoryTable.transact(vault.table, vault.table.written)]
    settled = amended(vault)
    assert [event.detail["sequence"] for event in settled.told] == [7, 8]
    assert vault.there["sequence"] == 8
    assert len(unsent(vault)) == 2
