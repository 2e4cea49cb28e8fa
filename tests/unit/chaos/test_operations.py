"""Which operation a request is: told from the requests that the SDK itself makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config

from sandbox.chaos.operations import Operation, operation_of

if TYPE_CHECKING:
    from collections.abc import Mapping


def asked(service: str, operation: str, **arguments: Any) -> Operation:
    """Have the SDK sign and prepare a request; what it would have sent is what is told."""
    found: list[Operation] = []
    content = b"<A><GetCallerIdentityResult/></A>" if service == "sts" else b"{}"

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        headers = {name.lower(): as_text(value) for name, value in request.headers.items()}
        path = "/" + str(request.url).split("/", 3)[3]
        method = str(request.method)
        found.append(operation_of(method, path, headers, as_bytes(request.body)))
        # Whatever the SDK understands: what comes back is not the point.
        raw: Any = type("Raw", (), {"stream": lambda *_: iter([content])})()
        return AWSResponse(str(request.url), 200, HTTPHeaders(), raw)

    make: Any = boto3.client
    client = make(service, endpoint_url="http://127.0.0.1:9", config=Config(proxies={}))
    client.meta.events.register("before-send", answer)
    getattr(client, operation)(**arguments)
    (told,) = found
    return told


def as_text(value: bytes | str) -> str:
    """Header values are either."""
    return value.decode() if isinstance(value, bytes) else str(value)


def as_bytes(value: Any) -> bytes:
    """And so are bodies, or they are missing."""
    return value.encode() if isinstance(value, str) else bytes(value or b"")


KEY = {"pk": {"S": "a"}, "sk": {"S": "b"}}


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "action"),
    [
        ("dynamodb", "get_item", {"TableName": "t", "Key": KEY}, "GetItem"),
        ("dynamodb", "query", {"TableName": "t"}, "Query"),
        ("kms", "decrypt", {"CiphertextBlob": b"x"}, "Decrypt"),
        ("secretsmanager", "get_secret_value", {"SecretId": "s"}, "GetSecretValue"),
        ("sqs", "send_message", {"QueueUrl": "http://q/1/q", "MessageBody": "m"}, "SendMessage"),
        ("events", "put_events", {"Entries": [{"Source": "s"}]}, "PutEvents"),
        ("sts", "get_caller_identity", {}, "GetCallerIdentity"),
    ],
)
def test_every_service_names_its_operation_in_its_own_way(
    service: str, operation: str, arguments: Mapping[str, Any], action: str
) -> None:
    """JSON services by X-Amz-Target, the query protocol by its Action and the signature's scope."""
    assert asked(service, operation, **arguments) == Operation(service, action)


def test_an_invocation_names_its_function() -> None:
    """Lambda is told by the path; the function is part of it, percent-encoded."""
    arn = "arn:aws:lambda:us-east-1:123456789012:function:wxvault-Renew-X:live"
    told = asked("lambda", "invoke", FunctionName=arn)
    assert told == Operation("lambda", "Invoke", arn)


def test_what_nobody_knows_is_named_by_its_method() -> None:
    """An unsigned request is no AWS service's."""
    assert operation_of("GET", "/_ministack/health", {}, b"") == Operation("unknown", "GET")
