"""Which permission an operation needs, and on which resource."""

from __future__ import annotations

import json
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


def log_resource(arn: str, body: bytes) -> str:
    """The resource of a request to CloudWatch Logs: a group with the stream it is about, if any."""
    group = ":log-group:"
    if group not in arn or ":" in arn.partition(group)[2]:
        return arn
    try:
        stream = json.loads(body).get("logStreamName", "")
    except (ValueError, AttributeError):
        stream = ""
    return f"{arn}:log-stream:{stream}"


def _name_log_streams_as_aws_does() -> None:
    actions = module("ministack.core.iam_actions")
    extract = original(actions, "extract_resource_arn")

    def extract_corrected(
        service: str,
        method: str,
        path: str,
        headers: Any,
        body: bytes,
        *more: Any,
        **options: Any,
    ) -> str:
        arn: str = extract(service, method, path, headers, body, *more, **options)
        return log_resource(arn, body) if service == "logs" else arn

    replace(actions, "extract_resource_arn", extract_corrected)


CORRECTIONS = (
    Correction(
        "batch-permissions",
        "The emulator asks for sqs:SendMessageBatch and its like, which IAM does not know: the "
        "right to send a message is the right to send ten.",
        _authorise_batches_as_aws_does,
    ),
    Correction(
        "log-permissions",
        "The emulator names a log group without its stream, so that the right to write what is in "
        "a group, `log-group:NAME:*`, would never apply.",
        _name_log_streams_as_aws_does,
    ),
)
