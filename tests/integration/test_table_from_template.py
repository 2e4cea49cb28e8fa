"""The template's table, really made: DynamoDB takes its properties, and its indexes answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.fakes.clock import FakeClock, half
from tests.integration.both_tables import BothTables
from tests.integration.conftest import TABLE
from tests.unit.vault.every_item import write_every_item
from tests.unit.vault.kit import COMPONENT, NOW, Vault
from wxvault.vault.expressions import Key
from wxvault.vault.keys import due_shards, tenant_key
from wxvault.vault.table import DynamoTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from tests.unit.vault.kit import ScriptedTable
    from wxvault.vault.expressions import Item


def schema(part: Mapping[str, Any]) -> list[str]:
    """Return a key schema as words."""
    return [f"{one['AttributeName']} {one['KeyType']}" for one in part["KeySchema"]]


def test_the_table_stands_as_described(client: DynamoDBClient) -> None:
    """Keys, indexes, billing, encryption and protection are what DynamoDB reports."""
    table = client.describe_table(TableName=TABLE)["Table"]
    assert schema(table) == ["pk HASH", "sk RANGE"]
    indexes = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}
    assert {name: schema(index) for name, index in indexes.items()} == {
        "due": ["due_shard HASH", "due_at RANGE"],
        "by_tenant": ["tenant_key HASH", "tenant_sort RANGE"],
    }
    for index in indexes.values():
        assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSEDescription"]["SSEType"] == "KMS"
    assert table["DeletionProtectionEnabled"] is True


def test_items_end_by_delete_after_and_can_be_restored(client: DynamoDBClient) -> None:
    """TTL and point-in-time recovery are on."""
    ttl = client.describe_time_to_live(TableName=TABLE)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "delete_after"}
    backups = client.describe_continuous_backups(TableName=TABLE)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    assert recovery["RecoveryPeriodInDays"] == 35


@pytest.fixture(scope="module")
def both(client: DynamoDBClient) -> BothTables:
    """Return both tables after every kind of item was written to them."""
    both = BothTables(DynamoTable(client, TABLE, FakeClock(), half))
    write_every_item(Vault(cast("ScriptedTable", both)))
    return both


def everything(client: DynamoDBClient, table: DynamoTable) -> dict[Key, Item]:
    """Read the whole table."""
    found: dict[Key, Item] = {}
    for page in client.get_paginator("scan").paginate(
        TableName=TABLE, ProjectionExpression="pk, sk"
    ):
        for item in page["Items"]:
            key = Key(item["pk"]["S"], item["sk"]["S"])
            known = table.get(key)
            assert known is not None
            found[key] = known
    return found


def test_every_kind_of_item_stands_in_dynamodb_as_in_memory(
    both: BothTables, client: DynamoDBClient
) -> None:
    """Every operation of the vault, done on both, answers alike and leaves the same items."""
    assert everything(client, both.dynamo) == both.memory.items
    assert both.asked > 40


def test_the_index_of_what_is_due_holds_the_same(both: BothTables) -> None:
    """Shard by shard, DynamoDB's index answers as the memory does, whatever the time is."""
    counts = [
        sum(len(list(both.due(shard, until))) for shard in due_shards(COMPONENT))
        for until in (NOW - 1, NOW, NOW + 15, NOW + 9000)
    ]
    assert counts[0] == 0
    assert 0 < counts[1] < counts[2] < counts[3]


def test_tenants_list_their_authorizers_by_status(both: BothTables, client: DynamoDBClient) -> None:
    """The other index holds keys only: who belongs to a tenant, and who to nobody yet."""
    listed = {}
    for tenant in ("acme", None):
        answer = client.query(
            TableName=TABLE,
            IndexName="by_tenant",
            KeyConditionExpression="tenant_key = :t",
            ExpressionAttributeValues={":t": {"S": tenant_key(COMPONENT, tenant)}},
        )
        listed[tenant] = [item["tenant_sort"]["S"] for item in answer["Items"]]
        for item in answer["Items"]:
            assert set(item) == {"pk", "sk", "tenant_key", "tenant_sort"}
    assert listed["acme"] == ["failing#wx00000000000000a2"]
    assert listed[None] == sorted(
        str(item["tenant_sort"])
        for item in both.memory.items.values()
        if item.get("tenant_key") == tenant_key(COMPONENT, None)
    )
