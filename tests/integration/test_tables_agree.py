"""The table in memory does what DynamoDB does: what unit tests prove on one, holds on the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.memory_table import MemoryTable, holds
from tests.integration.both_tables import (
    BothTables,
    check_transaction,
    check_write,
    listed,
    write_to,
)
from tests.integration.write_cases import CASES, ITEM, KEY, TRANSACTIONS, UNORDERED, Case
from wxvault.vault.expressions import MISSING, Key, Put, Update

if TYPE_CHECKING:
    from wxvault.vault.expressions import Condition, Write
    from wxvault.vault.table import DynamoTable


@pytest.fixture
def both(table: DynamoTable) -> BothTables:
    """Return both tables, empty."""
    return BothTables(table)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_write_has_the_same_outcome(both: BothTables, case: Case) -> None:
    """Done or refused, with the same old item, and the same item stands there afterwards."""
    check_write(both, case)


@pytest.mark.parametrize("condition", UNORDERED.values(), ids=UNORDERED)
def test_what_has_no_order_is_refused(condition: Condition) -> None:
    """DynamoDB compares values of one type only; here moto would be a bad witness."""
    assert not holds(condition, ITEM)


# --- transactions --------------------------------------------------------------------------------


@pytest.mark.parametrize(("writes", "failed"), TRANSACTIONS.values(), ids=TRANSACTIONS)
def test_a_transaction_has_the_same_outcome(
    both: BothTables, writes: list[Write], failed: tuple[bool, ...] | None
) -> None:
    """All or nothing, each reason in its place, and the item that stood in the way."""
    check_transaction(both, writes, failed)


def test_the_newest_come_first_and_not_too_many(both: BothTables) -> None:
    """Only what begins with the prefix, greatest sort key first."""
    for sk in ("TICKET#0000000002", "TICKET#0000000010", "TOKEN", "TICKET#0000000001", "TICKE"):
        both.write(Put(Key("C#c", sk), {"sk_again": sk}))
    both.write(Put(Key("C#d", "TICKET#0000000099"), {}))
    found = [item["sk"] for item in both.newest("C#c", "TICKET#", 2)]
    assert found == ["TICKET#0000000010", "TICKET#0000000002"]
    assert len(both.newest("C#c", "TICKET#", 9)) == 3
    assert both.newest("C#e", "TICKET#", 9) == []


def test_what_is_due_is_what_has_shard_and_time(both: BothTables) -> None:
    """At its time it is due; without shard or time it is in no index, and removed it leaves it."""
    items: tuple[dict[str, Any], ...] = (
        {"due_shard": "c#00", "due_at": 10.0},
        {"due_shard": "c#00", "due_at": 10.001},
        {"due_shard": "c#00", "due_at": 5},
        {"due_shard": "c#01", "due_at": 5},
        {"due_at": 5},
    )
    for number, attributes in enumerate(items):
        both.write(Put(Key(f"A#{number}", "TOKEN"), attributes))
    assert [key.pk for key, _ in both.due("c#00", 10.0)] == ["A#0", "A#2"]
    both.write(Update(Key("A#0", "TOKEN"), remove=frozenset({"due_shard", "due_at"})))
    assert list(both.due("c#00", 10.0)) == [(Key("A#2", "TOKEN"), 5.0)]


def test_a_scan_has_one_kind_of_item_of_one_component(both: BothTables) -> None:
    """Only what has the sort key, and only where the key begins so."""
    listed(both)
    assert [item["name"] for item in both.scan("A#c#", "TOKEN")] == ["a1", "a2", "a3", "a4", "a6"]
    assert [item["sk"] for item in both.scan("A#d#", "PROFILE")] == ["PROFILE"]
    assert list(both.scan("A#e#", "TOKEN")) == []


@pytest.mark.parametrize(
    ("tenant_key", "prefix", "names"),
    [
        ("c#acme", "", ["a1", "a2"]),
        ("c#acme", "lost#", ["a2"]),
        ("c#acme", "pending#", []),
        ("c#-", "", ["a3"]),
        ("c#nobody", "", []),
    ],
)
def test_a_tenant_has_its_own(
    both: BothTables, tenant_key: str, prefix: str, names: list[str]
) -> None:
    """In order of status and appid; a tenant whose name only begins so is another one."""
    listed(both)
    assert [key.pk[-2:] for key in both.by_tenant(tenant_key, prefix)] == names


@pytest.mark.parametrize(
    ("prefix", "sort", "names"),
    [
        ("c#", "", ["a1", "a2", "a3", "a4"]),
        ("c#", "active#", ["a1", "a3", "a4"]),
        ("d#", "", ["a5"]),
        ("e#", "", []),
    ],
)
def test_all_tenants_have_all_of_a_component(
    both: BothTables, prefix: str, sort: str, names: list[str]
) -> None:
    """Whoever is in the index, of one component, with or without a status."""
    listed(both)
    assert [key.pk[-2:] for key in both.by_any_tenant(prefix, sort)] == names
    with_status = [found for _, found in both.tenants(prefix) if found.startswith(sort)]
    assert len(with_status) == len(names)


def test_times_are_kept_to_the_millisecond_by_both(table: DynamoTable) -> None:
    """What is due by a fraction less than a millisecond is due in both, or in none."""
    memory = MemoryTable()
    due: dict[str, Any] = {"due_shard": "c#00", "due_at": 10.0004}
    for one in (table, memory):
        one.write(Put(KEY, due))
    assert memory.get(KEY) == table.get(KEY)
    assert list(memory.due("c#00", 10.0)) == list(table.due("c#00", 10.0))


def test_what_was_read_is_a_copy(both: BothTables) -> None:
    """Who changes what was read changes nothing in the table, neither here nor there."""
    both.write(Put(KEY, {"fence": 1}))
    for table in (both.dynamo, both.memory):
        item = table.get(KEY)
        assert isinstance(item, dict)
        item["fence"] = 2
    refused = write_to(both, Put(KEY, {}, MISSING)).items[0]
    assert isinstance(refused, dict)
    refused["fence"] = 3
    assert both.get(KEY) == {"pk": KEY.pk, "sk": KEY.sk, "fence": 1}


def test_a_memory_table_begins_empty() -> None:
    """No state is shared between two of them."""
    MemoryTable().write(Put(KEY, {}))
    assert MemoryTable().get(KEY) is None
