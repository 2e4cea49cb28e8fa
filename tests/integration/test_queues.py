"""Jobs over SQS: what one function sends, another one gets as its event, and answers for."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.integration.resources import make_queue
from wxvault.runtime.queues import Job, JobQueue, run_batch

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

NUMBERS = itertools.count()
AUTHORIZER = {"job": "authorizer", "authorizer_appid": "wx00000000000000a1"}


@pytest.fixture
def sqs(aws: None) -> SQSClient:
    """Return a client of SQS."""
    return boto3.client("sqs")


@pytest.fixture
def url(sqs: SQSClient, resources: dict[str, dict[str, Any]]) -> str:
    """Return the URL of a fresh queue as the template describes renew's."""
    return make_queue(sqs, resources["RenewQueue"]["Properties"], f"renew-{next(NUMBERS)}")


def event(sqs: SQSClient, url: str) -> dict[str, Any]:
    """Receive a batch, and return the event that Lambda makes of it."""
    received = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
    )
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "eventSource": "aws:sqs",
            }
            for message in received.get("Messages", [])
        ]
    }


def test_a_job_arrives_as_it_was_sent(sqs: SQSClient, url: str) -> None:
    """Sent, received, worked off: the same object, delivered for the first time."""
    JobQueue(sqs, url).send(AUTHORIZER)
    jobs: list[Job] = []
    assert run_batch(event(sqs, url), jobs.append) == {"batchItemFailures": []}
    (job,) = jobs
    assert job.body == AUTHORIZER
    assert job.receive_count == 1


def test_many_jobs_are_sent_ten_at_a_time(sqs: SQSClient, url: str) -> None:
    """Real SQS refuses more in one request; all of them arrive."""
    queue = JobQueue(sqs, url)
    appids = [f"wx{number:016x}" for number in range(23)]
    assert queue.send_all({"job": "authorizer", "authorizer_appid": one} for one in appids) == 23
    assert queue.depth() == 23
    arrived: list[str] = []
    while records := event(sqs, url)["Records"]:
        arrived += [json.loads(record["body"])["authorizer_appid"] for record in records]
    assert sorted(arrived) == appids


def test_depth_counts_what_is_being_worked_on(sqs: SQSClient, url: str) -> None:
    """A received message is still work until it is deleted."""
    queue = JobQueue(sqs, url)
    assert queue.depth() == 0
    queue.send_all([AUTHORIZER] * 3)
    event(sqs, url)
    assert queue.depth() == 3


def test_what_failed_can_be_told_from_what_was_done(sqs: SQSClient, url: str) -> None:
    """The ids in the answer are those of SQS, so that only what failed is delivered again."""
    JobQueue(sqs, url).send_all({"n": number} for number in range(3))
    batch = event(sqs, url)

    def work(job: Job) -> None:
        if job.body["n"] == 1:
            raise RuntimeError("not this one")

    answer = run_batch(batch, work)
    (failed,) = [record for record in batch["Records"] if record["body"] == '{"n":1}']
    assert answer == {"batchItemFailures": [{"itemIdentifier": failed["messageId"]}]}


def test_a_job_that_is_delivered_again_says_so(sqs: SQSClient, url: str) -> None:
    """The count is SQS's own."""
    JobQueue(sqs, url).send(AUTHORIZER)
    (record,) = event(sqs, url)["Records"]
    sqs.change_message_visibility(
        QueueUrl=url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
    )
    jobs: list[Job] = []
    run_batch(event(sqs, url), jobs.append)
    assert [job.receive_count for job in jobs] == [2]
