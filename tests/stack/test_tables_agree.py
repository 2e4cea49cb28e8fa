"""The table in memory does what the local stack's DynamoDB does, as it does what moto does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.house import COMPONENT, MERCHANT, House
from tests.integration.both_tables import BothTables, check_transaction, check_write, listed
from tests.integration.write_cases import CASES, KEY, OTHER, THIRD, TRANSACTIONS, Case
from wxvault.clock import SystemClock
from wxvault.vault.expressions import Delete
from wxvault.vault.table import DynamoTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.stack.stack import LocalStack
    from wxvault.vault.expressions import Key, Write


class _Written(BothTables):
    """Both tables, and what has been written: it is taken away afterwards."""

    def __init__(self, dynamo: DynamoTable) -> None:
        super().__init__(dynamo)
        self.keys: set[Key] = {KEY, OTHER, THIRD}

    def clear(self) -> None:
        for key in self.keys | set(self.memory.items):
            self.dynamo.write(Delete(key))


@pytest.fixture
def both(stack: LocalStack) -> Iterator[BothTables]:
    """The deployed table and the one in memory; another component's items are none of theirs."""
    clock = SystemClock()
    name = stack.outputs["TableName"]
    written = _Written(DynamoTable(stack.root.dynamodb, name, clock, lambda: 0.5))
    written.clear()
    yield written
    written.clear()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_write_has_the_same_outcome(both: BothTables, case: Case) -> None:
    """Done or refused, with the same old item, and the same item stands there afterwards."""
    check_write(both, case)


@pytest.mark.parametrize(("writes", "failed"), TRANSACTIONS.values(), ids=TRANSACTIONS)
def test_a_transaction_has_the_same_outcome(
    both: BothTables, writes: list[Write], failed: tuple[bool, ...] | None
) -> None:
    """All or nothing, each reason in its place, and the item that stood in the way."""
    check_transaction(both, writes, failed)


def test_lists_have_the_same_items(both: BothTables) -> None:
    """All of a component, all of a tenant, and all in a status: as the table in memory says."""
    listed(both)
    assert [item["name"] for item in both.scan("A#c#", "TOKEN")] == ["a1", "a2", "a3", "a4", "a6"]
    assert [key.pk[-2:] for key in both.by_tenant("c#acme", "")] == ["a1", "a2"]
    assert [key.pk[-2:] for key in both.by_tenant("c#acme", "lost#")] == ["a2"]
    assert [key.pk[-2:] for key in both.by_any_tenant("c#", "")] == ["a1", "a2", "a3", "a4"]
    assert [key.pk[-2:] for key in both.by_any_tenant("c#", "active#")] == ["a1", "a3", "a4"]


def test_the_vaults_own_writes_have_the_same_outcome(both: BothTables, stack: LocalStack) -> None:
    """Ticket, exchange, renewal, silence, cancellation and return, of a component not deployed."""
    house = House(table=both)
    assert stack.component.appid != COMPONENT
    house.authorize()
    house.clock.sleep(6600)
    house.push_ticket()
    house.wechat.faults["refresh"] = ["silent_after"]
    house.settle()
    assert house.wechat.honours(MERCHANT, house.lookup.find(MERCHANT).access_token)
    house.wechat.cancel(MERCHANT)
    house.push_unauthorized()
    house.settle()
    house.clock.sleep(60)
    house.push_authorized(house.wechat.confirm(MERCHANT))
    house.settle()
    assert house.wechat.honours(MERCHANT, house.lookup.find(MERCHANT).access_token)
    assert both.asked > 50
