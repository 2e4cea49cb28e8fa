"""Dead letters are read as their consumers read them, and show nothing that is no job."""

from __future__ import annotations

import hashlib
import json
from typing import Any, cast

import pytest

from tools.dead_letters.meaning import Meaning, meaning
from tools.dead_letters.queues import DeadLetters, Letter

APPID = "wx00000000000000a1"
CODE = hashlib.sha256(b"made up").hexdigest()
SECRET = "refreshtoken@@@made-up-but-secret"


def letter(body: object, **attributes: str) -> Letter:
    """Return a letter; what is no text becomes JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    attached = {
        name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
    }
    return Letter("id", text, attached, "receipt", sent_at=0.0, received=6)


def queue(source: str | None = "https://source") -> DeadLetters:
    """Return a queue that is not asked for anything."""
    return DeadLetters("renew", "q", "https://dead", source, source, cast("Any", None))


@pytest.mark.parametrize(
    ("job", "read"),
    [
        ({"job": "component"}, Meaning("renewal of the component token", component=True)),
        (
            {"job": "authorizer", "authorizer_appid": APPID, "min_ttl": 60},
            Meaning(f"renewal for {APPID}", authorizer_appid=APPID),
        ),
        (
            {"code_sha256": CODE},
            Meaning(f"exchange of the code with the hash {CODE[:12]}…", code_sha256=CODE),
        ),
        (
            {"release_code_sha256": CODE},
            Meaning(
                f"answer owed to a test account of WeChat, code with the hash {CODE[:12]}…",
                release_code_sha256=CODE,
            ),
        ),
    ],
    ids=["component", "authorizer", "code", "release code"],
)
def test_jobs(job: dict[str, Any], read: Meaning) -> None:
    """What the functions send is named by kind and subject."""
    found = meaning(queue(), letter(job))
    assert found == read
    assert found.is_job


@pytest.mark.parametrize(
    "body",
    [
        SECRET,
        [SECRET],
        {"job": SECRET},
        {"job": "authorizer", "authorizer_appid": SECRET},
        {"code_sha256": SECRET},
        {SECRET: 1},
        {"job": "component", "padding": SECRET * 200},
    ],
    ids=range(7),
)
def test_what_is_no_job_is_not_shown(body: object) -> None:
    """Its size and what is wrong with it, and nothing of what it says."""
    found = meaning(queue(), letter(body))
    assert not found.is_job
    assert found.problem
    assert SECRET not in str(found)
    assert "bytes" in found.text


def test_a_wake_up_that_was_not_delivered() -> None:
    """The scheduler's reason is an error's name; its message is not repeated."""
    told = letter("{}", ERROR_CODE="AWS.Lambda.TooManyRequestsException", ERROR_MESSAGE=SECRET)
    found = meaning(queue(None), told)
    assert found.wake_up
    assert found.problem == "the scheduler was told AWS.Lambda.TooManyRequestsException"
    assert SECRET not in str(found)


def test_a_wake_up_that_its_function_failed_at() -> None:
    """Lambda's record of a failed asynchronous invoke: condition and the error's name."""
    record = {
        "version": "1.0",
        "requestContext": {"condition": "RetriesExhausted", "requestId": "1"},
        "requestPayload": {"detail": SECRET},
        "responsePayload": {"errorType": "InvocationError", "errorMessage": SECRET},
    }
    found = meaning(queue(None), letter(record))
    assert found.wake_up
    assert found.problem == "RetriesExhausted, InvocationError; the function's log says more"
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    "body",
    [
        SECRET,
        "[" * 100_000,
        {"requestContext": SECRET},
        {"requestContext": {}},
        {"requestContext": {"condition": f"{SECRET} {SECRET}"}, "responsePayload": SECRET},
        {"requestContext": {"condition": [SECRET]}, "responsePayload": {"errorType": {}}},
    ],
    ids=range(6),
)
def test_a_strange_letter_beside_no_queue(body: object) -> None:
    """Whatever was put there by hand, it is looked at without an exception and not repeated."""
    found = meaning(queue(None), letter(body))
    assert not found.is_job
    assert SECRET not in str(found)
