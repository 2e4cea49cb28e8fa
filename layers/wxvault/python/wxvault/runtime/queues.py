"""Jobs on SQS: sending them, and working a batch off with a thread per message."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypedDict

from wxvault.errors import WxvaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_BATCH: Final = 10

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
    also fails, so that it ends in the dead-letter queue instead of vanishing.
    """
    records = list(event.get("Records", ()))
    if not records:
        return {"batchItemFailures": []}

    def attempt(record: Mapping[str, Any]) -> bool:
        job = _job(record)
        if job is None:
            _log.error("message is no job", extra={"message_id": str(record.get("messageId", ""))})
            return False
        return _attempt(job, work)

    with ThreadPoolExecutor(max_workers=len(records), thread_name_prefix="job") as threads:
        done = list(threads.map(attempt, records))
    return {
        "batchItemFailures": [
            {"itemIdentifier": str(record.get("messageId", ""))}
            for record, succeeded in zip(records, done, strict=True)
            if not succeeded
        ]
    }


def _attempt(job: Job, work: Callable[[Job], object]) -> bool:
    about = {"message_id": job.message_id, "receive_count": job.receive_count}
    try:
        work(job)
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


def _job(record: Mapping[str, Any]) -> Job | None:
    try:
        body = json.loads(record.get("body", ""))
        received = int((record.get("attributes") or {}).get("ApproximateReceiveCount", 1))
    except (TypeError, ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    return Job(body=body, message_id=str(record.get("messageId", "")), receive_count=received)


def _text(job: Mapping[str, Any]) -> str:
    return json.dumps(job, ensure_ascii=False, separators=(",", ":"))
