"""Which permission an operation needs, and on which resource."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from sandbox.stack.emulator.corrections import Correction, module, original, replace

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def encryption_context(body: bytes) -> dict[str, str]:
    """The condition keys of a request to KMS that names an encryption context."""
    context = _fields(body).get("EncryptionContext")
    known = context if isinstance(context, dict) else {}
    return {f"kms:EncryptionContext:{name}": str(value) for name, value in known.items()}


def _read_the_encryption_context_as_aws_does() -> None:
    actions = module("ministack.core.iam_actions")
    # Asked about every request, with its body; what it returns is what conditions are held against.
    tags = original(actions, "request_tag_context")

    def tags_and_context(
        service: str, action: str, body: bytes, *more: Any, **options: Any
    ) -> dict[str, Any]:
        found: dict[str, Any] = tags(service, action, body, *more, **options)
        return {**found, **encryption_context(body)} if service == "kms" else found

    replace(actions, "request_tag_context", tags_and_context)


_EQUAL = re.compile(r"([#\w]+)\s*=\s*(:\w+)")


def leading_keys(body: bytes) -> dict[str, list[str]]:
    """``dynamodb:LeadingKeys`` of a request: the partition keys of all that it reads or writes.

    A transaction's items are judged by the keys of all of them. A scan has none.
    """
    found = list(dict.fromkeys(_leading(_fields(body))))
    return {"dynamodb:LeadingKeys": found} if found else {}


def _leading(request: dict[str, Any]) -> Iterator[str]:
    for member in ("Key", "Item"):
        if isinstance(key := request.get(member), dict) and "pk" in key:
            yield str(key["pk"].get("S", ""))
    names = request.get("ExpressionAttributeNames") or {}
    values = request.get("ExpressionAttributeValues") or {}
    for name, value in _EQUAL.findall(str(request.get("KeyConditionExpression", ""))):
        if names.get(name, name) != "sk":
            yield str(values.get(value, {}).get("S", ""))
    for part in _parts(request):
        yield from _leading(part)


def _parts(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a transaction or a batch consists of."""
    for item in request.get("TransactItems") or ():
        yield from item.values()
    for asked in (request.get("RequestItems") or {}).values():
        if isinstance(asked, dict):
            yield from ({"Key": key} for key in asked.get("Keys", ()))
        else:
            yield from (member for one in asked for member in one.values())


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body or b"{}")
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _read_leading_keys_as_aws_does() -> None:
    actions = module("ministack.core.iam_actions")
    context = original(actions, "dynamodb_service_context")

    def context_with_keys(body: bytes) -> dict[str, Any]:
        return {**context(body), **leading_keys(body)}

    replace(actions, "dynamodb_service_context", context_with_keys)


CORRECTIONS = (
    Correction(
        "encryption-context",
        "The emulator knows no kms:EncryptionContext, so that a right under such a condition would "
        "never apply.",
        _read_the_encryption_context_as_aws_does,
    ),
    Correction(
        "leading-keys",
        "The emulator knows no dynamodb:LeadingKeys, so that a right under such a condition would "
        "apply to every item.",
        _read_leading_keys_as_aws_does,
    ),
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
