"""The dead-letter queues of a stack, and what lies in them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mypy_boto3_sqs import SQSClient

    from tools.dead_letters.stacks import Stack

_QUEUE = "AWS::SQS::Queue"
_BATCH = 10
# SQS answers from a part of its servers: one empty answer does not mean that nothing is left.
_EMPTY_ANSWERS = 2


@dataclass(frozen=True, slots=True)
class Letter:
    """One message that nobody could deal with."""

    message_id: str
    body: str = field(repr=False)
    attributes: Mapping[str, Any] = field(repr=False)
    """What the sender attached, as SQS takes it back."""
    receipt: str = field(repr=False)
    sent_at: float
    """Unix seconds; SQS keeps it when it moves a message here."""
    received: int
    """How often it was handed out, here and before, by SQS's count."""


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """One dead-letter queue. Looking loses nothing: letters come back by themselves."""

    title: str
    """A short name: renew, exchange, sweep, resync."""
    name: str
    url: str
    source_url: str | None
    """The queue that they were meant for; None: they did not come from a queue."""
    source_arn: str | None
    sqs: SQSClient = field(repr=False)
    patience: int = 1

    def depth(self) -> int:
        """Return about how many letters there are, those that somebody is looking at included."""
        told = self.sqs.get_queue_attributes(
            QueueUrl=self.url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
            ],
        )
        return sum(int(value) for value in told.get("Attributes", {}).values())

    def take(self, seconds: int, *, most: int) -> list[Letter]:
        """Return letters and hide them from everybody else for a time; at most ``most``."""
        taken: dict[str, Letter] = {}
        empty = 0
        while len(taken) < most and empty < _EMPTY_ANSWERS:
            answer = self.sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=min(_BATCH, most - len(taken)),
                VisibilityTimeout=seconds,
                WaitTimeSeconds=self.patience,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            letters = [_letter(message) for message in answer.get("Messages", [])]
            empty = 0 if letters else empty + 1
            taken |= {letter.message_id: letter for letter in letters}
        return list(taken.values())

    def put_back(self, letters: Iterable[Letter]) -> None:
        """Let letters be seen again at once; without this, they are when their time is over."""
        for some in batches(letters):
            self.sqs.change_message_visibility_batch(
                QueueUrl=self.url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": one.receipt, "VisibilityTimeout": 0}
                    for number, one in enumerate(some)
                ],
            )

    def delete(self, letters: Iterable[Letter]) -> list[Letter]:
        """Delete letters for good, and return those that SQS has deleted."""
        deleted: list[Letter] = []
        for some in batches(letters):
            answer = self.sqs.delete_message_batch(
                QueueUrl=self.url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": one.receipt}
                    for number, one in enumerate(some)
                ],
            )
            deleted += [some[int(one["Id"])] for one in answer.get("Successful", [])]
        return deleted


def dead_letters(stack: Stack) -> list[DeadLetters]:
    """Return every dead-letter queue of a stack.

    A queue of the stack that sets nothing aside itself is one for dead letters; the template's
    tests see to it.
    """
    sources: dict[str, tuple[str, str]] = {}
    ends: list[tuple[str, str, str]] = []
    for logical, url in stack.of_type(_QUEUE).items():
        answer = stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        told = answer.get("Attributes", {})
        arn = told.get("QueueArn", "")
        policy = json.loads(told.get("RedrivePolicy", "null"))
        if policy:
            sources[policy["deadLetterTargetArn"]] = (url, arn)
        else:
            ends.append((logical, url, arn))
    found = []
    for logical, url, arn in ends:
        source_url, source_arn = sources.get(arn, (None, None))
        title = logical.removesuffix("DeadLetters").lower()
        name = arn.rpartition(":")[2]
        found.append(
            DeadLetters(title, name, url, source_url, source_arn, stack.sqs, stack.patience)
        )
    return sorted(found, key=lambda queue: queue.title)


def _letter(message: Mapping[str, Any]) -> Letter:
    system = message.get("Attributes", {})
    attached = {
        name: {
            key: value[key] for key in ("DataType", "StringValue", "BinaryValue") if key in value
        }
        for name, value in message.get("MessageAttributes", {}).items()
    }
    return Letter(
        message_id=message["MessageId"],
        body=message["Body"],
        attributes=attached,
        receipt=message["ReceiptHandle"],
        sent_at=int(system.get("SentTimestamp", 0)) / 1000,
        received=int(system.get("ApproximateReceiveCount", 1)),
    )


def batches(letters: Iterable[Letter]) -> Iterable[Sequence[Letter]]:
    """Return letters ten at a time, as SQS takes them."""
    listed = list(letters)
    for start in range(0, len(listed), _BATCH):
        yield listed[start : start + _BATCH]
