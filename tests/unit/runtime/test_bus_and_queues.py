"""Events and jobs: what is sent, what a failure costs, and how a batch is answered."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from wxvault.errors import RenewalInProgressError
from wxvault.runtime import telemetry
from wxvault.runtime.bus import Bus
from wxvault.runtime.queues import Job, JobQueue, run_batch

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(slots=True)
class FakeEvents:
    """A bus that takes what it is given, or fails as told."""

    answer: dict[str, Any] = field(default_factory=lambda: {"FailedEntryCount": 0})
    problem: Exception | None = None
    entries: list[dict[str, Any]] = field(default_factory=list)

    def put_events(self, *, Entries: Sequence[Any]) -> Any:  # noqa: N803
        """Take entries."""
        if self.problem is not None:
            raise self.problem
        self.entries.extend(Entries)
        return self.answer


def test_an_event_carries_source_type_and_detail() -> None:
    """The bus gets one entry, Chinese unescaped."""
    client = FakeEvents()
    assert Bus(client, "the-bus").put("authorizer.authorized", {"nick_name": "示例", "sequence": 1})
    [entry] = client.entries
    assert entry["EventBusName"] == "the-bus"
    assert entry["Source"] == "wxvault"
    assert entry["DetailType"] == "authorizer.authorized"
    assert json.loads(entry["Detail"]) == {"nick_name": "示例", "sequence": 1}
    assert "示例" in entry["Detail"]


@pytest.mark.parametrize(
    ("client", "word"),
    [
        (
            FakeEvents({"FailedEntryCount": 1, "Entries": [{}, {"ErrorCode": "ThrottlingX"}]}),
            "ThrottlingX",
        ),
        (FakeEvents({"FailedEntryCount": 1}), "FailedEntry"),
        (
            FakeEvents(problem=ClientError({"Error": {"Code": "AccessDenied"}}, "PutEvents")),
            "AccessDenied",
        ),
        (
            FakeEvents(problem=EndpointConnectionError(endpoint_url="https://x")),
            "EndpointConnectionError",
        ),
    ],
    ids=["entry failed", "entry failed without a code", "denied", "no connection"],
)
def test_a_bus_that_fails_is_noticed(
    client: FakeEvents, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    """200 with a failed entry counts as a failure; it is logged, and the caller is told."""
    bus = Bus(client, "the-bus")
    assert not bus.put("authorizer.lost", {"event_id": "e-1"})
    assert caplog.records[0].__dict__["problem"] == word
    assert caplog.records[0].__dict__["event_id"] == "e-1"


@dataclass(slots=True)
class FakeSqs:
    """A queue in memory; ``refuse`` are the numbers of a batch that it does not take."""

    refuse: frozenset[str] = frozenset()
    sent: list[str] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> Any:  # noqa: N803
        """Take one."""
        assert QueueUrl == "https://queue"
        self.sent.append(MessageBody)
        return {}

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Any]) -> Any:  # noqa: N803
        """Take some."""
        assert QueueUrl == "https://queue"
        self.batches.append(len(Entries))
        taken = [entry for entry in Entries if entry["Id"] not in self.refuse]
        self.sent.extend(entry["MessageBody"] for entry in taken)
        refused = [entry for entry in Entries if entry["Id"] in self.refuse]
        return {"Failed": [{"Id": e["Id"], "Code": "Busy"} for e in refused]} if refused else {}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[Any]) -> Any:  # noqa: N803
        """Count as AWS does: in text."""
        return {"Attributes": dict.fromkeys(AttributeNames, "4")}


def test_jobs_are_json() -> None:
    """What goes in is what the consumer reads."""
    client = FakeSqs()
    JobQueue(client, "https://queue").send({"job": "component"})
    assert client.sent == ['{"job":"component"}']


def test_many_jobs_go_ten_at_a_time_and_lost_ones_are_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """SQS takes ten in a batch and may refuse some of them without an exception."""
    client = FakeSqs(refuse=frozenset({"3"}))
    taken = JobQueue(client, "https://queue").send_all({"n": n} for n in range(23))
    assert client.batches == [10, 10, 3]
    assert taken == 21
    assert len(client.sent) == 21
    assert "jobs not sent" in caplog.text


def test_depth_counts_waiting_and_running() -> None:
    """Both together are what the queue still has to do."""
    assert JobQueue(FakeSqs(), "https://queue").depth() == 8


def records(*bodies: Any) -> dict[str, Any]:
    """Return an SQS event."""
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "2"},
            }
            for number, body in enumerate(bodies)
        ]
    }


def test_only_what_failed_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    """Each message is answered for on its own, whatever its neighbours raise."""

    def work(job: Job) -> None:
        if job.body["n"] == 1:
            raise RenewalInProgressError("leased")
        if job.body["n"] == 2:
            raise RuntimeError("unforeseen")

    answer = run_batch(records('{"n":0}', '{"n":1}', '{"n":2}', '{"n":3}'), work)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]}
    assert sorted({record.levelname for record in caplog.records}, reverse=True) == [
        "WARNING",
        "ERROR",
    ]


SECRET = "refreshtoken@@@made-up-but-secret"


@pytest.mark.parametrize(
    "body",
    [
        "",
        SECRET,
        f'["{SECRET}"]',
        f'"{SECRET}"',
        "null",
        "[" * 4000,
        f'{{"n":"{SECRET}"',
        "1" * 4096,
        json.dumps({"n": SECRET * 200}),
        None,
        7,
    ],
    ids=range(11),
)
def test_a_message_that_is_no_job_ends_in_the_dead_letter_queue(
    body: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It fails, nothing is called with it, its neighbours do not suffer, and the log says why.

    The reason stands under the message's id, and repeats nothing of what was sent.
    """
    event = records('{"n":0}', body, '{"n":2}')
    done: list[Job] = []
    assert run_batch(event, done.append) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert sorted(job.body["n"] for job in done) == [0, 2]
    (record,) = caplog.records
    told = record.__dict__
    assert (told["msg"], told["message_id"], told["receive_count"]) == ("job failed", "m1", 2)
    assert (told["error_code"], record.levelname) == ("invalid_request", "WARNING")
    assert SECRET not in str(told)


def test_a_message_without_attributes_is_a_first_delivery() -> None:
    """A record that was written by hand lacks them."""
    seen: list[Job] = []
    run_batch({"Records": [{"messageId": "m", "body": "{}"}]}, seen.append)
    assert seen == [Job({}, "m", 1)]


def test_messages_run_at_the_same_time() -> None:
    """All of a batch are under way together: each waits here until the last has begun."""
    together = threading.Barrier(10, timeout=10)
    seen: list[Job] = []

    def work(job: Job) -> None:
        together.wait()
        seen.append(job)

    assert run_batch(records(*(f'{{"n":{n}}}' for n in range(10))), work) == {
        "batchItemFailures": []
    }
    assert sorted(job.body["n"] for job in seen) == list(range(10))
    assert {job.receive_count for job in seen} == {2}


def test_an_empty_event_is_answered() -> None:
    """No records, no failures, no thread."""
    assert run_batch({}, lambda _: None) == {"batchItemFailures": []}


def counted(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Send the metrics off, and return them as they were written."""
    telemetry.metrics.flush_metrics()
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    names = [item["Name"] for item in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
    return {name: sum(line[name]) for name in names}


@pytest.mark.parametrize(
    ("detail_type", "name"),
    [
        ("authorizer.lost", "AuthorizerLost"),
        ("authorizer.superseded_elsewhere", "AuthorizerSupersededElsewhere"),
        ("component.failing", "ComponentFailing"),
    ],
)
def test_an_event_is_counted_under_its_name(
    detail_type: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """When the bus takes it, however often it was refused before; refusals have their own."""
    telemetry._flush()
    refusing = Bus(FakeEvents(answer={"FailedEntryCount": 1}), "the-bus")
    for _ in range(2):
        refusing.put(detail_type, {})
    assert counted(capsys) == {"EventNotSent": 2}
    Bus(FakeEvents(), "the-bus").put(detail_type, {})
    assert counted(capsys) == {name: 1}
