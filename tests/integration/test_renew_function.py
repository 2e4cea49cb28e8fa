"""Asking the function *renew*: what it is sent, what its answers become, and how long is waited."""

from __future__ import annotations

import io
import json
import threading
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from tests.unit.vault.kit import MERCHANT
from wxvault.errors import NoTicketError, WxvaultError
from wxvault.runtime.renew_function import RenewFunction
from wxvault.services.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_lambda import LambdaClient

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:renew:live"
JOB = {"job": "authorizer", "authorizer_appid": MERCHANT, "min_ttl": 0}


@pytest.fixture
def lambda_client() -> LambdaClient:
    """Return a client of Lambda."""
    return boto3.client("lambda")


@pytest.fixture
def stubber(lambda_client: LambdaClient) -> Iterator[Stubber]:
    """Return what writes its answers: all of them have to be asked for."""
    with Stubber(lambda_client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def renew(lambda_client: LambdaClient, stubber: Stubber) -> RenewFunction:
    """Return who asks."""
    return RenewFunction(lambda_client, FUNCTION)


def answer(stubber: Stubber, content: object, job: dict[str, Any], **more: str) -> None:
    """Have *renew* answer, if it is asked with this job."""
    body = b"" if content is None else json.dumps(content).encode()
    stubber.add_response(
        "invoke",
        {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(body), len(body)), **more},
        {"FunctionName": FUNCTION, "Payload": json.dumps(job).encode()},
    )


def ask(renew: RenewFunction, appid: str | None = MERCHANT, **more: Any) -> Outcome:
    """Ask for a renewal."""
    defaults: dict[str, Any] = {"rejected_token_sha256": None, "min_ttl": 0, "seconds": 5}
    return renew(appid, **defaults | more)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_comes_back(stubber: Stubber, renew: RenewFunction, outcome: Outcome) -> None:
    """What *renew* answers is what the look-up hears."""
    answer(stubber, {"outcome": str(outcome)}, JOB)
    assert ask(renew) is outcome


def test_what_renew_is_asked(stubber: Stubber, renew: RenewFunction) -> None:
    """The component by name, an authorizer by appid, a refused token by its fingerprint."""
    answer(stubber, {"outcome": "renewed"}, {"job": "component"})
    assert ask(renew, None) is Outcome.RENEWED
    wanted = JOB | {"min_ttl": 600, "rejected_token_sha256": "ab"}
    answer(stubber, {"outcome": "renewed"}, wanted)
    assert ask(renew, min_ttl=600, rejected_token_sha256="ab") is Outcome.RENEWED


def test_an_error_of_renew_is_raised_here(stubber: Stubber, renew: RenewFunction) -> None:
    """Class, message and remedy are those that *renew* had."""
    error = {"code": "no_ticket", "message": "none has arrived", "remedy": "wait"}
    answer(stubber, {"error": error}, {"job": "component"})
    with pytest.raises(NoTicketError, match="none has arrived") as caught:
        ask(renew, None)
    assert caught.value.remedy == "wait"


def test_an_unknown_error_is_an_error_still(stubber: Stubber, renew: RenewFunction) -> None:
    """A newer *renew* may know errors that this function does not."""
    answer(stubber, {"error": {"code": "brand_new", "message": "m", "remedy": "r"}}, JOB)
    with pytest.raises(WxvaultError, match="m"):
        ask(renew)


@pytest.mark.parametrize("content", [None, {}, [], "text", {"outcome": "brand_new"}, {"x": 1}])
def test_what_is_no_answer_is_unknown(
    stubber: Stubber, renew: RenewFunction, content: object
) -> None:
    """Nothing is concluded from it: the table tells what came of it."""
    answer(stubber, content, JOB)
    assert ask(renew) is Outcome.UNKNOWN


def test_a_crash_of_renew_is_unknown(stubber: Stubber, renew: RenewFunction) -> None:
    """Its own error text is not taken for an answer."""
    crash = {"errorMessage": "Task timed out", "outcome": "renewed"}
    answer(stubber, crash, JOB, FunctionError="Unhandled")
    assert ask(renew) is Outcome.UNKNOWN


@pytest.mark.parametrize("code", ["TooManyRequestsException", "AccessDeniedException"])
def test_a_function_that_cannot_be_asked_is_unknown(
    stubber: Stubber, renew: RenewFunction, code: str
) -> None:
    """The look-up waits on, and says in the end that a renewal is in progress."""
    stubber.add_client_error("invoke", code)
    assert ask(renew) is Outcome.UNKNOWN


def test_nobody_waits_longer_than_told() -> None:
    """The answer that is still under way is left alone."""
    answered = threading.Event()

    class Slow:
        """A client whose function takes its time."""

        def invoke(self, **_: Any) -> dict[str, Any]:
            """Wait until the test is over."""
            answered.wait(10)
            return {"Payload": io.BytesIO(b"{}")}

    renew = RenewFunction(cast("LambdaClient", Slow()), FUNCTION)
    try:
        assert ask(renew, seconds=0.01) is Outcome.UNKNOWN
    finally:
        answered.set()
