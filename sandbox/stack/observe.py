"""Looking into the running stack, as its root user: everything that was written, unfiltered."""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.stack.after_deploy import EVENTS_QUEUE
from sandbox.stack.event_schemas import must_fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from sandbox.stack.aws import Clients
    from sandbox.stack.ministack import MiniStack

SOURCE = "wxvault"
_PAUSE_SECONDS = 0.1
_FRAMES = ("START RequestId: ", "END RequestId: ", "REPORT RequestId: ")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event of a log group; ``at`` is unix time in seconds."""

    group: str
    stream: str
    at: float
    text: str = field(repr=False)

    @property
    def function(self) -> str:
        """The plain name of the function, which is the end of its log group's name."""
        return self.group.rpartition("/")[2]

    @property
    def is_frame(self) -> bool:
        """Whether Lambda wrote it (START, END, REPORT), not the function."""
        return self.text.startswith(_FRAMES)

    def fields(self) -> dict[str, Any]:
        """The fields of a structured line; empty for any other."""
        try:
            parsed = json.loads(self.text)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}


@dataclass(frozen=True, slots=True)
class Metric:
    """One value that a function has put into its log as an embedded metric."""

    name: str
    value: float
    unit: str
    namespace: str
    dimensions: dict[str, str]
    at: float


@dataclass(frozen=True, slots=True)
class BusEvent:
    """One event that went over the bus."""

    id: str
    source: str
    kind: str
    detail: dict[str, Any]
    raw: str = field(repr=False)


class Observer:
    """What the stack holds and has written. All methods read everything there is."""

    def __init__(self, emulator: MiniStack, root: Clients, table: str) -> None:
        self._emulator = emulator
        self._root = root
        self._table = table
        self._lock = threading.Lock()
        self._events: list[BusEvent] = []

    def logs(self, *, since: float = 0.0) -> list[LogLine]:
        """Every line of every log group, oldest first; ``since`` is unix time in seconds."""
        lines: list[LogLine] = []
        # The emulator ignores patterns in JSON; reading all of it is the only search that is one.
        for page in self._root.logs.get_paginator("describe_log_groups").paginate():
            for group in page["logGroups"]:
                lines.extend(self._lines_of(group["logGroupName"], since))
        return sorted(lines, key=lambda line: line.at)

    def _lines_of(self, group: str, since: float) -> Iterator[LogLine]:
        pages = self._root.logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=int(since * 1000)
        )
        for page in pages:
            for event in page["events"]:
                at = event["timestamp"] / 1000
                yield LogLine(group, event["logStreamName"], at, event["message"])

    def metrics(self, *, since: float = 0.0) -> list[Metric]:
        """Every embedded metric in the logs, oldest first."""
        return [metric for line in self.logs(since=since) for metric in metrics_in(line.fields())]

    def scan_table(self) -> list[dict[str, AttributeValueTypeDef]]:
        """Every item of the table as DynamoDB returns it, with its types."""
        pages = self._root.dynamodb.get_paginator("scan").paginate(
            TableName=self._table, ConsistentRead=True
        )
        return [item for page in pages for item in page["Items"]]

    def queue_messages(self) -> dict[str, list[str]]:
        """Bodies of all messages by queue name, waiting or in flight. Nothing is received."""
        connection = http.client.HTTPConnection("127.0.0.1", self._emulator.port, timeout=10)
        try:
            connection.request("GET", "/_ministack/sqs/messages")
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        found: dict[str, list[str]] = {}
        for regions in answer["messages"].values():
            for queues in regions.values():
                for url, messages in queues.items():
                    bodies = [message["Body"] for message in messages]
                    found.setdefault(url.rpartition("/")[2], []).extend(bodies)
        found.pop(EVENTS_QUEUE, None)
        return found

    def bus_events(self) -> list[BusEvent]:
        """Every event since the start, in order of arrival."""
        url = self._root.sqs.get_queue_url(QueueName=EVENTS_QUEUE)["QueueUrl"]
        with self._lock:
            while messages := self._root.sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10
            ).get("Messages"):
                for message in messages:
                    self._events.append(bus_event(message["Body"]))
                    self._root.sqs.delete_message(
                        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"]
                    )
            return list(self._events)


def bus_event(body: str) -> BusEvent:
    """Read an event as EventBridge delivers it; one of ours has to fit its schema."""
    parsed = json.loads(body)
    if parsed["source"] == SOURCE:
        must_fit(parsed["detail-type"], parsed["detail"])
    return BusEvent(parsed["id"], parsed["source"], parsed["detail-type"], parsed["detail"], body)


def metrics_in(fields: dict[str, Any]) -> Iterator[Metric]:
    """The metrics that one structured log line carries in CloudWatch's embedded format."""
    embedded = fields.get("_aws")
    if not isinstance(embedded, dict):
        return
    at = embedded.get("Timestamp", 0) / 1000
    for directive in embedded.get("CloudWatchMetrics", ()):
        names = {name for group in directive.get("Dimensions", ()) for name in group}
        dimensions = {name: str(fields.get(name, "")) for name in sorted(names)}
        for metric in directive.get("Metrics", ()):
            values = fields.get(metric["Name"], [])
            for value in values if isinstance(values, list) else [values]:
                unit = metric.get("Unit", "None")
                namespace = directive["Namespace"]
                yield Metric(metric["Name"], float(value), unit, namespace, dimensions, at)


class NotSeenError(AssertionError):
    """What was waited for did not come."""


def eventually[T](
    look: Callable[[], T | None],
    *,
    what: str,
    seconds: float = 20.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """The first answer of ``look`` that is neither None nor False nor empty.

    Raises `NotSeenError` with ``what`` after ``seconds``.
    """
    deadline = clock() + seconds
    while True:
        if found := look():
            return found
        if clock() > deadline:
            raise NotSeenError(f"not within {seconds:.0f} s: {what}")
        sleep(_PAUSE_SECONDS)
