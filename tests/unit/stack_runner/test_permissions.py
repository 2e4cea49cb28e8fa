"""Operations and the permissions they need."""

from __future__ import annotations

import pytest

from sandbox.stack.emulator.permissions import log_resource, permission_of


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
