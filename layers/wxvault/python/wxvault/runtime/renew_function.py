"""*renew* as another function sees it: invoked, and waited for as long as one has."""

from __future__ import annotations

import concurrent.futures
import json
import logging
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from wxvault import errors
from wxvault.services.numbers import WAIT_SECONDS
from wxvault.services.outcome import Outcome

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_log = logging.getLogger(__name__)


class RenewFunction:
    """*renew* as another Lambda function: invoked, one attempt, waited for as long as one has."""

    def __init__(self, client: LambdaClient, function: str) -> None:
        self._client = client
        self._function = function
        self._threads = concurrent.futures.ThreadPoolExecutor(thread_name_prefix="renew")

    def __call__(
        self,
        authorizer_appid: str | None,
        *,
        rejected_token_sha256: str | None,
        min_ttl: float,
        seconds: float,
    ) -> Outcome:
        """Ask for a renewal; ``unknown`` when there is no answer within ``seconds``.

        Raises:
            WxvaultError: what *renew* raised, rebuilt from its answer.
        """
        job: dict[str, Any] = (
            {"job": "component"}
            if authorizer_appid is None
            else {"job": "authorizer", "authorizer_appid": authorizer_appid, "min_ttl": min_ttl}
        )
        if rejected_token_sha256 is not None:
            job["rejected_token_sha256"] = rejected_token_sha256
        # The client's own timeout cannot be set per call.
        asked = self._threads.submit(self._invoke, job)
        try:
            answer = asked.result(timeout=seconds)
        except TimeoutError:
            return Outcome.UNKNOWN
        except (ClientError, BotoCoreError) as error:
            _log.warning("renew not invoked", extra={"problem": aws_problem(error)})
            return Outcome.UNKNOWN
        if "error" in answer:
            raise errors.from_answer(answer["error"])
        try:
            return Outcome(str(answer.get("outcome")))
        except ValueError:
            return Outcome.UNKNOWN

    def look_at_tickets(self) -> None:
        """Have the tickets looked after; what came of it stands in the table."""
        asked = self._threads.submit(self._invoke, {"job": "tickets"})
        try:
            asked.result(timeout=WAIT_SECONDS)
        except TimeoutError:
            return
        except (ClientError, BotoCoreError) as error:
            _log.warning("renew not invoked", extra={"problem": aws_problem(error)})

    def _invoke(self, job: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.invoke(FunctionName=self._function, Payload=json.dumps(job).encode())
        content = json.loads(answer["Payload"].read() or b"{}")
        if "FunctionError" in answer or not isinstance(content, dict):
            _log.warning(
                "renew failed", extra={"problem": answer.get("FunctionError", "no object")}
            )
            return {}
        return content


def aws_problem(error: ClientError | BotoCoreError) -> str:
    """Say in a word what kept AWS from doing it."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "ClientError"))
    return type(error).__name__
