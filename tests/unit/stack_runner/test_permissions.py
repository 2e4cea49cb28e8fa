"""Operations and the permissions they need."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.stack.emulator.permissions import (
    encryption_context,
    leading_keys,
    log_resource,
    permission_of,
)


@pytest.mark.parametrize(
    ("operation", "permission"),
    [
        ("sqs:SendMessageBatch", "sqs:SendMessage"),
        ("sqs:DeleteMessageBatch", "sqs:DeleteMessage"),
        ("sqs:SendMessage", "sqs:SendMessage"),
        ("dynamodb:GetItem", "dynamodb:GetItem"),
        (None, None),
    ],
)
def test_a_batch_needs_the_permission_of_its_parts(
    operation: str | None, permission: str | None
) -> None:
    """IAM has no action for the batches of SQS; everything else stays as it is."""
    assert permission_of(operation) == permission


GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/x"


@pytest.mark.parametrize(
    ("arn", "body", "resource"),
    [
        (GROUP, b'{"logStreamName": "a"}', f"{GROUP}:log-stream:a"),
        (GROUP, b"{}", f"{GROUP}:log-stream:"),
        (GROUP, b"not JSON", f"{GROUP}:log-stream:"),
        (GROUP, b"[]", f"{GROUP}:log-stream:"),
        (f"{GROUP}:*", b"{}", f"{GROUP}:*"),
        ("*", b"{}", "*"),
    ],
)
def test_a_right_on_a_log_group_is_a_right_on_its_streams(
    arn: str, body: bytes, resource: str
) -> None:
    """A request to the logs is about a stream, be it an empty one; what is no group stays."""
    assert log_resource(arn, body) == resource


def key(pk: str) -> dict[str, Any]:
    """The key of an item, as requests write it."""
    return {"pk": {"S": pk}, "sk": {"S": "x"}}


@pytest.mark.parametrize(
    ("request_", "keys"),
    [
        ({"Key": key("A#1")}, ["A#1"]),
        ({"Item": key("A#1") | {"more": {"S": "A#2"}}}, ["A#1"]),
        (
            {
                "KeyConditionExpression": "#k = :v AND #s = :w",
                "ExpressionAttributeNames": {"#k": "pk", "#s": "sk"},
                "ExpressionAttributeValues": {":v": {"S": "A#1"}, ":w": {"S": "x"}},
            },
            ["A#1"],
        ),
        (
            {
                "TransactItems": [
                    {"Put": {"Item": key("A#1")}},
                    {"Update": {"Key": key("B#1")}},
                    {"ConditionCheck": {"Key": key("A#1")}},
                ]
            },
            ["A#1", "B#1"],
        ),
        ({"RequestItems": {"t": {"Keys": [key("A#1"), key("A#2")]}}}, ["A#1", "A#2"]),
        (
            {
                "RequestItems": {
                    "t": [
                        {"PutRequest": {"Item": key("A#1")}},
                        {"DeleteRequest": {"Key": key("A#2")}},
                    ]
                }
            },
            ["A#1", "A#2"],
        ),
    ],
    ids=["key", "item", "query", "transaction", "batch of reads", "batch of writes"],
)
def test_a_request_is_judged_by_every_partition_key(
    request_: dict[str, Any], keys: list[str]
) -> None:
    """Whatever names an item is seen; other attributes and sort keys are not mistaken for one."""
    body = json.dumps({"TableName": "t", **request_}).encode()
    assert leading_keys(body) == {"dynamodb:LeadingKeys": keys}


@pytest.mark.parametrize("body", [b"{}", b'{"TableName": "t"}', b"", b"[]", b"no JSON"])
def test_what_names_no_item_has_no_keys(body: bytes) -> None:
    """A scan, and what is no request."""
    assert leading_keys(body) == {}
    assert encryption_context(body) == {}


def test_every_part_of_an_encryption_context_is_a_condition_key() -> None:
    """As IAM names them."""
    body = b'{"KeyId": "k", "EncryptionContext": {"service": "wxvault", "compartment": "x"}}'
    assert encryption_context(body) == {
        "kms:EncryptionContext:service": "wxvault",
        "kms:EncryptionContext:compartment": "x",
    }
