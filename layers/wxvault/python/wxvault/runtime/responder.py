"""The responder: the platform's own Lambda function, invoked once and waited for briefly."""

from __future__ import annotations

import concurrent.futures
import json
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from wxvault.services.responding import NoReplyError

if TYPE_CHECKING:
    from collections.abc import Mapping


class LambdaClient(Protocol):
    """What is used of boto3's ``lambda`` client."""

    def invoke(self, *, FunctionName: str, Payload: bytes) -> Any:  # noqa: N803
        """Invoke a function and wait for it."""


class ResponderFunction:
    """Asks a function for a reply to a message."""

    def __init__(self, client: LambdaClient, function: str) -> None:
        """Take a boto3 ``lambda`` client that tries once, and the function's ARN."""
        self._client = client
        self._function = function
        self._threads = concurrent.futures.ThreadPoolExecutor(thread_name_prefix="responder")

    def __call__(self, question: Mapping[str, Any], seconds: float) -> object:
        """Return what the function answers, as JSON.

        Raises:
            NoReplyError: it failed, or did not answer within ``seconds``. What it raised is in its
                own log; its text may hold anything, so it is not repeated here.
        """
        # The client's own timeout cannot be set per call.
        asked = self._threads.submit(self._invoke, dict(question))
        try:
            return asked.result(timeout=seconds)
        except TimeoutError:
            raise NoReplyError(f"no answer within {seconds:.1f} s") from None
        except ClientError as error:
            problem = error.response.get("Error", {}).get("Code", "ClientError")
            raise NoReplyError(f"it cannot be invoked: {problem}") from None
        except BotoCoreError as error:
            raise NoReplyError(f"it cannot be invoked: {type(error).__name__}") from None

    def _invoke(self, question: dict[str, Any]) -> object:
        payload = json.dumps(question, ensure_ascii=False).encode()
        answer = self._client.invoke(FunctionName=self._function, Payload=payload)
        content = answer["Payload"].read()
        if "FunctionError" in answer:
            raise NoReplyError("it raised an error; its own log says which")
        try:
            return json.loads(content or b"null")
        except (ValueError, RecursionError):
            raise NoReplyError("its answer is not JSON") from None
