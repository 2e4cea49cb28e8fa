"""What keeps the state: the table and the key that seals it."""

from __future__ import annotations

from typing import Any

from tests.template.reading import of_type, strings

Resources = dict[str, dict[str, Any]]


def test_there_is_one_table_that_survives_the_stack(resources: Resources) -> None:
    """Deleting or replacing the stack's table leaves the data; deleting it by hand is refused."""
    assert list(of_type(resources, "AWS::DynamoDB::Table")) == ["Table"]
    table = resources["Table"]
    assert table["DeletionPolicy"] == "Retain"
    assert table["UpdateReplacePolicy"] == "Retain"
    assert table["Properties"]["DeletionProtectionEnabled"] is True
    assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"
    # A name of its own would make a second deployment of the retained table's stack fail.
    assert "TableName" not in table["Properties"]


def test_the_table_can_be_restored_to_any_second(resources: Resources) -> None:
    """Point-in-time recovery is on, for as long as AWS offers."""
    assert resources["Table"]["Properties"]["PointInTimeRecoverySpecification"] == {
        "PointInTimeRecoveryEnabled": True,
        "RecoveryPeriodInDays": 35,
    }


def test_only_delete_after_expires_items(resources: Resources) -> None:
    """The TTL attribute is delete_after: never a token's expiry."""
    assert resources["Table"]["Properties"]["TimeToLiveSpecification"] == {
        "AttributeName": "delete_after",
        "Enabled": True,
    }


def test_keys_and_indexes(resources: Resources) -> None:
    """The table has its key and the two sparse indexes, which hold keys only."""
    table = resources["Table"]["Properties"]
    assert keys(table) == ["pk HASH", "sk RANGE"]
    assert {index["IndexName"]: keys(index) for index in table["GlobalSecondaryIndexes"]} == {
        "due": ["due_shard HASH", "due_at RANGE"],
        "by_tenant": ["tenant_key HASH", "tenant_sort RANGE"],
    }
    for index in table["GlobalSecondaryIndexes"]:
        assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    types = {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]}
    assert types == {
        "pk": "S",
        "sk": "S",
        "due_shard": "S",
        "due_at": "N",
        "tenant_key": "S",
        "tenant_sort": "S",
    }


def keys(schema: dict[str, Any]) -> list[str]:
    """Return the key schema of a table or index as words."""
    return [f"{part['AttributeName']} {part['KeyType']}" for part in schema["KeySchema"]]


def test_the_table_is_encrypted_with_another_key_than_the_sealing_key(resources: Resources) -> None:
    """Whoever may read the table, and with it its key, still cannot open what is sealed."""
    assert resources["Table"]["Properties"]["SSESpecification"] == {
        "SSEEnabled": True,
        "SSEType": "KMS",
    }
    assert "SealingKey" not in set(strings(resources["Table"]))


def test_the_sealing_key_rotates_and_survives_the_stack(resources: Resources) -> None:
    """Without the key the table is unreadable: it is retained, and rotates."""
    assert list(of_type(resources, "AWS::KMS::Key")) == ["SealingKey"]
    key = resources["SealingKey"]
    assert key["DeletionPolicy"] == "Retain"
    assert key["UpdateReplacePolicy"] == "Retain"
    assert key["Properties"]["EnableKeyRotation"] is True
    assert key["Properties"]["PendingWindowInDays"] == 30


def test_iam_decides_about_the_sealing_key(resources: Resources) -> None:
    """The key's policy names the account only, so that the roles' exact statements decide."""
    (statement,) = resources["SealingKey"]["Properties"]["KeyPolicy"]["Statement"]
    assert statement == {
        "Sid": "LetIamDecide",
        "Effect": "Allow",
        "Principal": {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}},
        "Action": "kms:*",
        "Resource": "*",
    }
