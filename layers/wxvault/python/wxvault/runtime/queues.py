"""Jobs on SQS: sending them, and working a batch off with a thread per message."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypedDict

from wxvault.errors import InvalidRequestError, WxvaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_BATCH: Final = 10
JOB_LIMIT: Final = 4096
"""Characters of a message; the longest job of ours has about two hundred."""

_log = logging.getLogger(__name__)


class SqsClient(Protocol):
    """What is used of boto3's ``sqs`` client."""

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> Any:  # noqa: N803
        """Send one message."""

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Any]) -> Any:  # noqa: N803
        """Send up to ten messages."""

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[Any]) -> Any:  # noqa: N803
        """Read a queue's attributes."""


class ItemFailure(TypedDict):
    """Names one message that SQS shall deliver again."""

    itemIdentifier: str


class BatchAnswer(TypedDict):
    """What a consumer answers to Lambda (``ReportBatchItemFailures``)."""

    batchItemFailures: list[ItemFailure]


@dataclass(frozen=True, slots=True)
class Job:
    """One message: its JSON object, its id, and how often it has been delivered so far."""

    body: Mapping[str, Any]
    message_id: str
    receive_count: int


class JobQueue:
    """One queue of JSON jobs. A job holds appids and hashes, never a secret."""

    def __init__(self, client: SqsClient, url: str) -> None:
        """Take a boto3 ``sqs`` client and the queue's URL."""
        self._client = client
        self._url = url

    def send(self, job: Mapping[str, Any]) -> None:
        """Send one job; botocore's exceptions go to the caller."""
        self._client.send_message(QueueUrl=self._url, MessageBody=_text(job))

    def send_all(self, jobs: Iterable[Mapping[str, Any]]) -> int:
        """Send many jobs, ten at a time, and return how many the queue has taken."""
        waiting = [_text(job) for job in jobs]
        taken = 0
        for start in range(0, len(waiting), _BATCH):
            entries = [
                {"Id": str(number), "MessageBody": body}
                for number, body in enumerate(waiting[start : start + _BATCH])
            ]
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            failed = answer.get("Failed", [])
            if failed:
                codes = sorted({str(entry.get("Code", "")) for entry in failed})
                _log.error("jobs not sent", extra={"count": len(failed), "codes": codes})
            taken += len(entries) - len(failed)
        return taken

    def depth(self) -> int:
        """Return about how many jobs wait or are being worked on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        return sum(int(answer.get("Attributes", {}).get(name, 0)) for name in names)


def run_batch(event: Mapping[str, Any], work: Callable[[Job], object]) -> BatchAnswer:
    """Work off an SQS event, a thread per message, and name the messages to deliver again.

    ``work`` says by an exception that a job has to come again. A message that is no JSON object
    also fails, so that it ends in the dead-letter queue instead of vanishing. What failed is logged
    under the message's id, by which whoever looks at the dead letters finds the reason.
    """
    records = list(event.get("Records", ()))
    if not records:
        return {"batchItemFailures": []}
    with ThreadPoolExecutor(max_workers=len(records), thread_name_prefix="job") as threads:
        done = list(threads.map(lambda record: _attempt(record, work), records))
    return {
        "batchItemFailures": [
            {"itemIdentifier": str(record.get("messageId", ""))}
            for record, succeeded in zip(records, done, strict=True)
            if not succeeded
        ]
    }


def read_job(body: object) -> dict[str, Any]:
    """Return the JSON object that a message's text is.

    Raises:
        InvalidRequestError: it is none; nothing of the text is repeated.
    """
    if not isinstance(body, str) or len(body) > JOB_LIMIT:
        raise InvalidRequestError("body", f"must be a text of at most {JOB_LIMIT} characters")
    try:
        job = json.loads(body)
    except (ValueError, RecursionError):
        job = None
    if not isinstance(job, dict):
        raise InvalidRequestError("body", "must be a JSON object")
    return job


def _attempt(record: Mapping[str, Any], work: Callable[[Job], object]) -> bool:
    message_id = str(record.get("messageId", ""))
    received = _receive_count(record)
    about = {"message_id": message_id, "receive_count": received}
    try:
        work(Job(read_job(record.get("body")), message_id, received))
    except WxvaultError as exc:
        _log.warning(
            "job failed",
            extra={**about, "error_code": exc.code, "error": exc.message, "remedy": exc.remedy},
        )
    except Exception:  # noqa: BLE001 - whatever it was, the other messages must not suffer
        _log.exception("job failed", extra=about)
    else:
        return True
    return False


def _receive_count(record: Mapping[str, Any]) -> int:
    told = (record.get("attributes") or {}).get("ApproximateReceiveCount", "1")
    return int(told) if str(told).isdecimal() else 1


def _text(job: Mapping[str, Any]) -> str:
    return json.dumps(job, ensure_ascii=False, separators=(",", ":"))
