"""Operations and the permissions they need."""

from __future__ import annotations

import pytest

from sandbox.stack.emulator.permissions import permission_of


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
