"""The responder as a Lambda function: its answer, or why there is none, in a word and in time."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from wxvault.runtime.responder import ResponderFunction
from wxvault.services.responding import NoReplyError

SECRET = "made-up-and-secret"
QUESTION = {"authorizer_appid": "wxf8b4f85f3a794e77", "message": {"Content": "你好"}}


@dataclass
class FakeLambda:
    """Lambda's client: answers, fails, or hangs."""

    content: bytes = b"null"
    function_error: str | None = None
    problem: Exception | None = None
    hangs: threading.Event | None = None
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        """Invoke."""
        self.asked.append((FunctionName, json.loads(Payload)))
        if self.hangs is not None:
            self.hangs.wait(5)
        if self.problem is not None:
            raise self.problem
        answer: dict[str, Any] = {"Payload": io.BytesIO(self.content)}
        if self.function_error is not None:
            answer["FunctionError"] = self.function_error
        return answer


def ask(client: FakeLambda, seconds: float = 1.0) -> object:
    """Ask a responder."""
    return ResponderFunction(client, "arn:responder")(QUESTION, seconds)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"type": "text"}', {"type": "text"}),
        (b"null", None),
        (b"", None),
        (b'"success"', "success"),
    ],
)
def test_its_answer_is_json(content: bytes, expected: object) -> None:
    """It is invoked once, with the question."""
    client = FakeLambda(content)
    assert ask(client) == expected
    assert client.asked == [("arn:responder", QUESTION)]


@pytest.mark.parametrize(
    "client",
    [
        FakeLambda(b'{"errorMessage": "made-up-and-secret"}', function_error="Unhandled"),
        FakeLambda(b"made-up-and-secret"),
        FakeLambda(b"[" * 100_000),
        FakeLambda(
            problem=ClientError(
                {"Error": {"Code": "AccessDeniedException", "Message": SECRET}}, "Invoke"
            )
        ),
        FakeLambda(problem=ReadTimeoutError(endpoint_url=f"https://{SECRET}.example")),
    ],
)
def test_what_fails_is_said_without_its_text(client: FakeLambda) -> None:
    """Whatever the responder raises may hold anything."""
    with pytest.raises(NoReplyError) as raised:
        ask(client)
    assert SECRET not in str(raised.value)


def test_nobody_waits_for_one_that_hangs() -> None:
    """WeChat gets its answer in time."""
    hangs = threading.Event()
    with pytest.raises(NoReplyError, match=r"no answer within 0\.1 s"):
        ask(FakeLambda(hangs=hangs), 0.1)
    hangs.set()
