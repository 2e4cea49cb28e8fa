"""How each AWS service says that it is asked too much, byte for byte what its SDK expects."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.chaos.operations import Operation

_DYNAMODB: Final = "com.amazonaws.dynamodb.v20120810#"
_THROUGHPUT: Final = (
    "The level of configured provisioned throughput for the table was exceeded. Consider "
    "increasing your provisioning level with the UpdateTable API."
)
_RATE: Final = "Rate exceeded"


def throttled(operation: Operation, body: bytes, number: int) -> bytes:
    """Return the whole HTTP answer; ``number`` counts, where a service has several ways to say it.

    DynamoDB cancels a transaction with a reason per item, or refuses it as a whole; EventBridge
    refuses the request, or answers 200 and refuses the entries.
    """
    odd = number % 2 == 1
    match operation.service:
        case "dynamodb":
            return _dynamodb(operation, body, odd=odd)
        case "sqs":
            kind, text = "com.amazonaws.sqs#RequestThrottled", "Request is throttled."
            headers = {"x-amzn-query-error": "RequestThrottled;Sender"}
            return _answer(400, "1.0", {"__type": kind, "message": text}, headers)
        case "events" if operation.action == "PutEvents" and odd:
            entries = _json(body).get("Entries", [])
            refused = {"ErrorCode": "ThrottlingException", "ErrorMessage": _RATE}
            content = {"FailedEntryCount": len(entries), "Entries": [refused for _ in entries]}
            return _answer(200, "1.1", content)
        case "lambda":
            content = {
                "Reason": "ConcurrentInvocationLimitExceeded",
                "Type": "User",
                "message": "Rate Exceeded.",
            }
            headers = {"x-amzn-errortype": "TooManyRequestsException"}
            return _answer(429, "", content, headers)
        case _:
            return _answer(400, "1.1", {"__type": "ThrottlingException", "message": _RATE})


def _dynamodb(operation: Operation, body: bytes, *, odd: bool) -> bytes:
    if operation.action == "TransactWriteItems" and odd:
        items = _json(body).get("TransactItems", [])
        reasons: list[dict[str, str]] = [{"Code": "None"} for _ in items]
        reasons[:1] = [{"Code": "ThrottlingError", "Message": _RATE}]
        listed = ", ".join(reason["Code"] for reason in reasons)
        text = (
            "Transaction cancelled, please refer cancellation reasons for specific reasons "
            f"[{listed}]"
        )
        content: dict[str, Any] = {
            "__type": f"{_DYNAMODB}TransactionCanceledException",
            "Message": text,
            "CancellationReasons": reasons,
        }
        return _answer(400, "1.0", content)
    if odd:
        kind, text = "com.amazon.coral.availability#ThrottlingException", _RATE
    else:
        kind, text = f"{_DYNAMODB}ProvisionedThroughputExceededException", _THROUGHPUT
    return _answer(400, "1.0", {"__type": kind, "message": text})


def _json(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _answer(
    status: int, version: str, content: Mapping[str, Any], more: Mapping[str, str] | None = None
) -> bytes:
    body = json.dumps(content).encode()
    kind = f"application/x-amz-json-{version}" if version else "application/json"
    headers = {
        "Content-Type": kind,
        "Content-Length": str(len(body)),
        "x-amzn-RequestId": str(uuid.uuid4()),
        **(more or {}),
    }
    lines = [
        f"HTTP/1.1 {status} Injected",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
