"""Which permission an operation needs: not every operation of a service has one of its own."""

from __future__ import annotations

from typing import Any

from sandbox.stack.emulator.corrections import Correction, module, original, replace

# AWS authorises a batch as what it consists of; IAM knows no action of these names.
_BATCHES = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


def permission_of(action: str | None) -> str | None:
    """The IAM action that an operation, as the emulator names it, needs on AWS."""
    return _BATCHES.get(action, action) if action else action


def _authorise_batches_as_aws_does() -> None:
    actions = module("ministack.core.iam_actions")
    extract = original(actions, "extract_iam_action")

    def extract_corrected(*arguments: Any, **options: Any) -> str | None:
        return permission_of(extract(*arguments, **options))

    replace(actions, "extract_iam_action", extract_corrected)


CORRECTIONS = (
    Correction(
        "batch-permissions",
        "The emulator asks for sqs:SendMessageBatch and its like, which IAM does not know: the "
        "right to send a message is the right to send ten.",
        _authorise_batches_as_aws_does,
    ),
)
