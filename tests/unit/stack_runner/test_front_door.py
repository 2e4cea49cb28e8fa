"""The platform's address: what is corrected between the emulator and AWS's HTTP API."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from sandbox.stack.emulator.front_door import (
    MAX_BODY_BYTES,
    as_payload_2,
    generic_failure,
    is_platform,
    is_plausible_signature,
    limit_body,
)


def event(**headers: str) -> dict[str, Any]:
    """An event as the emulator builds it."""
    return {
        "version": "2.0",
        "headers": {"host": "localhost:5000", **headers},
        "requestContext": {"domainName": "api", "http": {"sourceIp": "127.0.0.1"}},
        "pathParameters": None,
    }


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost:5000", True),
        ("LOCALHOST:5000", True),
        ("127.0.0.1:5000", False),
        ("localhost.example:5000", False),
        ("", False),
    ],
)
def test_the_platform_is_told_by_its_host(host: str, expected: bool) -> None:
    """Only localhost is the platform; by address one reaches AWS."""
    assert is_platform(host) is expected


def test_cookies_come_in_their_own_list_only() -> None:
    """A function that looks for cookies among the headers would fail on AWS, so it fails here."""
    corrected = as_payload_2(event(cookie="a=1; b=2;"))
    assert corrected["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in corrected["headers"]


def test_an_event_without_cookies_and_parameters_has_no_such_fields() -> None:
    """AWS leaves empty fields out."""
    assert not {"cookies", "pathParameters"} & set(as_payload_2(event()))


def test_the_edge_adds_its_headers_and_names_the_domain() -> None:
    """The caller's address is appended to what the caller claims; the domain has no port."""
    corrected = as_payload_2(event(**{"x-forwarded-for": "203.0.113.9"}))
    assert corrected["headers"]["x-forwarded-for"] == "203.0.113.9, 127.0.0.1"
    assert corrected["headers"]["x-forwarded-port"] == "5000"
    assert corrected["headers"]["x-forwarded-proto"] == "http"
    assert corrected["requestContext"]["domainName"] == "localhost"


def test_the_given_event_is_not_changed() -> None:
    """The emulator's own event stays as it was."""
    given = event(cookie="a=1")
    before = json.dumps(given)
    as_payload_2(given)
    assert json.dumps(given) == before


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ({"error": True, "body": {"errorMessage": "token is abc"}}, 500),
        ({"throttle": True, "body": {"Reason": "ReservedFunctionConcurrent"}}, 503),
    ],
)
def test_a_failed_function_shows_nothing_of_its_error(result: dict[str, Any], status: int) -> None:
    """Outside there is a generic message, whatever the exception said."""
    answer = generic_failure(result)["body"]
    assert answer["statusCode"] == status
    assert "abc" not in json.dumps(answer)
    assert list(json.loads(answer["body"])) == ["message"]


def test_a_good_answer_passes() -> None:
    """What the function answered is not touched."""
    result = {"body": {"statusCode": 404}}
    assert generic_failure(result) is result


SCOPE = "20260101/us-east-1/execute-api/aws4_request"


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (f"AWS4-HMAC-SHA256 Credential=ASIAX/{SCOPE}, SignedHeaders=host, Signature=0", True),
        (f"AWS4-HMAC-SHA256 Credential=AKIAX/{SCOPE},SignedHeaders=host,Signature=0", True),
        (f"AWS4-HMAC-SHA256 Credential=test/{SCOPE}, SignedHeaders=host, Signature=0", False),
        (f"AWS4-HMAC-SHA256 Credential=123456789012/{SCOPE}, Signature=0", False),
        ("AWS4-HMAC-SHA256 Credential=ASIAX/20260101/us-east-1/s3/aws4_request, Sig", False),
        ("AWS4-HMAC-SHA256 Credential=ASIAX", False),
        ("Bearer x", False),
        ("", False),
    ],
)
def test_what_cannot_be_a_signature_is_refused(authorization: str, expected: bool) -> None:
    """The emulator takes these for the root user; AWS answers 403."""
    assert is_plausible_signature(authorization) is expected


class Application:
    """An ASGI application that reads its body and answers with the length."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, _scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one request."""
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.bodies.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def serve(host: str, chunks: list[bytes], limit: int) -> tuple[int, Application]:
    """Send a body in chunks; the status of the answer, and the application behind."""
    messages = [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks) - 1}
        for number, chunk in enumerate(chunks)
    ]
    sent: list[dict[str, Any]] = []
    application = Application()

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": [(b"Host", host.encode())]}

    async def request() -> None:
        await limit_body(application, limit)(scope, receive, send)

    asyncio.run(request())
    return sent[0]["status"], application


def test_a_body_of_just_the_limit_arrives_whole() -> None:
    """Chunks are put together again in their order."""
    status, application = serve("localhost:1", [b"abc", b"de"], 5)
    assert (status, application.bodies) == (200, [b"abcde"])


def test_a_larger_body_never_reaches_the_application() -> None:
    """413, as at AWS, and nothing was invoked."""
    status, application = serve("localhost:1", [b"abc", b"def"], 5)
    assert (status, application.bodies) == (413, [])


def test_the_aws_endpoint_has_no_such_limit() -> None:
    """Uploads of code go through."""
    status, _ = serve("127.0.0.1:1", [b"abc", b"def"], 5)
    assert status == 200


def test_the_limit_is_the_one_of_an_http_api() -> None:
    """10 MB, counted as AWS does."""
    assert MAX_BODY_BYTES == 10_485_760
