"""`make dlq` against the template's own queues and table, in the AWS of the test process."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from tests.integration.resources import dynamodb, make_queue, make_table
from tests.template.reading import of_type, target
from tools.dead_letters import command
from tools.dead_letters.meaning import meaning
from tools.dead_letters.moving import Moved, Order, move
from tools.dead_letters.queues import DeadLetters, dead_letters
from tools.dead_letters.stacks import Stack
from tools.dead_letters.standing import Standings, Wanted
from wxvault.vault.keys import authorizer_key, code_key, component_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wxvault.vault.expressions import Key

COMPONENT = "wx0123456789abcdef"
DUE, FRESH, ENDED, FOREIGN = (f"wx{number:016x}" for number in range(0xA1, 0xA5))
CODE = hashlib.sha256(b"made up").hexdigest()
REDRIVE, DROP = Order(redrive=True), Order(redrive=False)
SECRET = "made-up-but-secret"


def renewal(appid: str) -> str:
    """Return a job of renew as the sweep sends it."""
    return json.dumps({"job": "authorizer", "authorizer_appid": appid})


@pytest.fixture(name="stack")
def _stack(resources: dict[str, dict[str, Any]]) -> Iterator[Stack]:
    """Return the template's queues and table; three authorizers, a code and a token are in it."""
    with mock_aws():
        sqs, made = boto3.client("sqs"), []
        for name, properties in of_type(resources, "AWS::SQS::Queue").items():
            title = name.removesuffix("Queue").lower() if name.endswith("Queue") else name
            url = make_queue(sqs, {"VisibilityTimeout": 30} | properties, f"prod-{title}")
            made.append(("AWS::SQS::Queue", name, url))
        urls = {name: url for _, name, url in made}
        for name, properties in of_type(resources, "AWS::SQS::Queue").items():
            if policy := properties.get("RedrivePolicy"):
                end = urls[target(policy["deadLetterTargetArn"]).removesuffix(".Arn")]
                told = sqs.get_queue_attributes(QueueUrl=end, AttributeNames=["QueueArn"])
                resolved = policy | {"deadLetterTargetArn": told["Attributes"]["QueueArn"]}
                attributes: Any = {"RedrivePolicy": json.dumps(resolved)}
                sqs.set_queue_attributes(QueueUrl=urls[name], Attributes=attributes)
        make_table(dynamodb(), resources["Table"]["Properties"], "the-table")
        stack = Stack(
            "prod",
            "in us-east-1",
            sqs=sqs,
            logs=boto3.client("logs"),
            functions=boto3.client("lambda"),
            dynamodb=dynamodb(),
            resources=(*made, ("AWS::DynamoDB::Table", "Table", "the-table")),
            component_appid=COMPONENT,
            patient=boto3.client("lambda"),
            patience=0,
        )
        past, future = time.time() - 60, time.time() + 3600
        put(stack, authorizer_key(COMPONENT, DUE), "active", past)
        put(stack, authorizer_key(COMPONENT, FRESH), "active", future)
        put(stack, authorizer_key(COMPONENT, ENDED), "revoked", None)
        put(stack, component_key(COMPONENT), "active", past)
        put(stack, code_key(COMPONENT, CODE), "received", past)
        yield stack


def put(stack: Stack, key: Key, status: str, due_at: float | None) -> None:
    """Write an item with what the sweep knows of it, and a sealed value."""
    (table,) = stack.of_type("AWS::DynamoDB::Table").values()
    item: dict[str, Any] = {"pk": {"S": key.pk}, "sk": {"S": key.sk}, "status": {"S": status}}
    item["refresh_token"] = {"B": SECRET.encode()}
    if due_at is not None:
        item["due_at"] = {"N": str(due_at)}
    stack.dynamodb.put_item(TableName=table, Item=item)


@pytest.fixture(name="queues")
def _queues(stack: Stack) -> dict[str, DeadLetters]:
    """Return the dead-letter queues by their titles."""
    return {queue.title: queue for queue in dead_letters(stack)}


@pytest.fixture(name="renew")
def _renew(queues: dict[str, DeadLetters]) -> DeadLetters:
    """Return renew's dead letters."""
    return queues["renew"]


def die(queue: DeadLetters, *bodies: str, **attributes: Any) -> None:
    """Put messages where they end after five tries."""
    for body in bodies:
        queue.sqs.send_message(QueueUrl=queue.url, MessageBody=body, **attributes)


def bodies(queue: DeadLetters, url: str | None) -> list[str]:
    """Take everything out of a queue."""
    assert url is not None
    found: list[str] = []
    while messages := queue.sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages"):
        found += [message["Body"] for message in messages]
    return sorted(found)


def moved_by(stack: Stack, queue: DeadLetters, order: Order) -> Moved:
    """Move, as if everything had died before."""
    later = time.time() + 10
    return move(queue, Standings(stack, time.time()), order, started=later)


def test_every_dead_letter_queue_is_found_with_its_source(queues: dict[str, DeadLetters]) -> None:
    """By what the queues themselves say; the sweep's has no queue behind it."""
    assert sorted(queues) == ["exchange", "renew", "resync", "sweep"]
    assert queues["sweep"].source_url is None
    for title in ("exchange", "renew"):
        assert str(queues[title].source_url).endswith(f"/prod-{title}")


def test_looking_takes_nothing_away(renew: DeadLetters) -> None:
    """Everything is seen once, hidden meanwhile, and there for the next one afterwards."""
    die(renew, *(str(number) for number in range(23)))
    letters = renew.take(60, most=100)
    assert sorted(int(letter.body) for letter in letters) == list(range(23))
    assert renew.take(60, most=100) == []
    assert renew.depth() == 23
    renew.put_back(letters)
    assert len(renew.take(60, most=7)) == 7


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (renewal(DUE), Wanted.DUE),
        (renewal(FRESH), Wanted.SETTLED),
        (renewal(ENDED), Wanted.SETTLED),
        (renewal(FOREIGN), Wanted.STRANGE),
        ('{"job":"component"}', Wanted.DUE),
        (json.dumps({"code_sha256": CODE}), Wanted.DUE),
        (json.dumps({"code_sha256": CODE[::-1]}), Wanted.STRANGE),
        ("nonsense", Wanted.STRANGE),
    ],
    ids=["due", "fresh", "revoked", "foreign", "component", "code", "no code", "nonsense"],
)
def test_the_table_knows_what_is_still_wanted(
    stack: Stack, renew: DeadLetters, body: str, wanted: Wanted
) -> None:
    """What is due is sent anew by every sweep; what is not there was never sent from here."""
    die(renew, body)
    (letter,) = renew.take(0, most=1)
    standing = Standings(stack, time.time()).of(meaning(renew, letter))
    assert standing.wanted is wanted
    assert SECRET not in standing.text


def test_redrive_sends_back_what_can_be_done(stack: Stack, renew: DeadLetters) -> None:
    """Once each, with what was attached; the unreadable and the foreign stay and are seen again."""
    attached = {"trace": {"DataType": "String", "StringValue": "x"}}
    die(renew, renewal(DUE), MessageAttributes=attached)
    die(renew, renewal(DUE), renewal(DUE), renewal(FRESH), renewal(FOREIGN), "nonsense")
    assert moved_by(stack, renew, REDRIVE) == Moved(sent=2, repeated=2, left=2)
    assert bodies(renew, renew.source_url) == sorted([renewal(DUE), renewal(FRESH)])
    assert bodies(renew, renew.url) == sorted(["nonsense", renewal(FOREIGN)])


def test_what_was_attached_goes_back_too(stack: Stack, renew: DeadLetters) -> None:
    """A redriven message is the one that was sent."""
    attached: Any = {
        "text": {"DataType": "String", "StringValue": "x"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
    }
    die(renew, renewal(DUE), MessageAttributes=attached)
    moved_by(stack, renew, REDRIVE)
    (message,) = renew.sqs.receive_message(
        QueueUrl=str(renew.source_url), MessageAttributeNames=["All"]
    )["Messages"]
    assert message["MessageAttributes"] == attached


def test_redrive_all_sends_everything_back(stack: Stack, renew: DeadLetters) -> None:
    """After a mistake of ours was mended, what looked like nonsense may be good."""
    die(renew, renewal(FOREIGN), "nonsense")
    order = replace(REDRIVE, everything=True)
    assert moved_by(stack, renew, order) == Moved(sent=2)
    assert bodies(renew, renew.source_url) == sorted(["nonsense", renewal(FOREIGN)])


def test_drop_takes_only_what_nothing_is_lost_with(stack: Stack, renew: DeadLetters) -> None:
    """What the sweep sends anew, and what is settled; the strange stays until it is insisted on."""
    die(renew, renewal(DUE), renewal(ENDED), renewal(FOREIGN), "nonsense")
    assert moved_by(stack, renew, DROP) == Moved(dropped=2, left=2)
    assert bodies(renew, renew.source_url) == []
    assert moved_by(stack, renew, replace(DROP, everything=True)) == Moved(dropped=2)
    assert renew.depth() == 0


def test_wake_ups_are_dropped_and_not_sent_anywhere(
    stack: Stack, queues: dict[str, DeadLetters]
) -> None:
    """They have no queue to go back to, and the sweeps after them have looked again."""
    sweep = queues["sweep"]
    code: Any = {"ERROR_CODE": {"DataType": "String", "StringValue": "ResourceNotFound"}}
    die(sweep, "{}", MessageAttributes=code)
    assert moved_by(stack, sweep, REDRIVE) == Moved(left=1)
    assert moved_by(stack, sweep, DROP) == Moved(dropped=1)


def test_many_letters_are_moved_in_rounds(stack: Stack, renew: DeadLetters) -> None:
    """More than one round holds; what is left is left once."""
    die(renew, *["nonsense"] * 30, *[renewal(DUE)] * 110)
    assert moved_by(stack, renew, REDRIVE) == Moved(sent=1, repeated=109, left=30)


def test_what_has_just_failed_again_is_left(stack: Stack, renew: DeadLetters) -> None:
    """A letter younger than the command is its own work coming back: it does not go in circles."""
    die(renew, renewal(DUE))
    before = time.time() - 60
    moved = move(renew, Standings(stack, time.time()), REDRIVE, started=before)
    assert moved == Moved(left=1)


class Dying:
    """An SQS client that does everything but one request, at which its caller ends."""

    def __init__(self, client: Any, request: str, error: BaseException) -> None:
        self._client, self._request, self._error = client, request, error

    def __getattr__(self, name: str) -> Any:
        if name == self._request:
            raise self._error
        return getattr(self._client, name)


def test_nothing_is_lost_when_it_dies_in_the_middle(stack: Stack, renew: DeadLetters) -> None:
    """Sent, and killed before the deletion: the letter is still here, and the job comes twice."""
    die(renew, renewal(DUE))
    dying: Any = Dying(renew.sqs, "delete_message_batch", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        moved_by(stack, replace(renew, sqs=dying), REDRIVE)
    assert renew.depth() == 1
    assert moved_by(stack, renew, REDRIVE) == Moved(sent=1)
    assert bodies(renew, renew.source_url) == [renewal(DUE)] * 2


def test_what_its_queue_does_not_take_stays(stack: Stack, renew: DeadLetters) -> None:
    """It is said, the status is 1, and the letter is here."""
    die(renew, renewal(DUE))
    error = EndpointConnectionError(endpoint_url="https://sqs")
    dying: Any = Dying(renew.sqs, "send_message", error)
    assert moved_by(stack, replace(renew, sqs=dying), REDRIVE) == Moved(failed=1, left=1)
    assert bodies(renew, renew.url) == [renewal(DUE)]


def test_what_cannot_be_looked_up_is_not_dropped(stack: Stack, renew: DeadLetters) -> None:
    """Without the table nobody knows whether it is wanted; sending it back does no harm."""
    die(renew, renewal(DUE))
    (table,) = stack.of_type("AWS::DynamoDB::Table").values()
    stack.dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
    stack.dynamodb.delete_table(TableName=table)
    assert moved_by(stack, renew, DROP) == Moved(left=1)
    assert moved_by(stack, renew, REDRIVE) == Moved(sent=1)


def test_the_command_shows_and_moves(
    stack: Stack, renew: DeadLetters, capsys: pytest.CaptureFixture[str]
) -> None:
    """Shown with what it was for and whether it is wanted; then sent back; then there is nothing.

    Nothing of what is no job is printed.
    """
    die(renew, renewal(DUE), renewal(DUE), SECRET)
    assert command.run(stack, "", None, on=" STACK=prod") == 0
    shown = capsys.readouterr().out
    assert "renew: 3, the oldest sent" in shown
    assert f"2 × renewal for {DUE}" in shown
    assert "yes: it is active and due" in shown
    assert f"1 × no job of ours, {len(SECRET)} bytes" in shown
    assert "must be a JSON object" in shown
    assert "exchange: empty\n" in shown
    assert "make dlq STACK=prod REDRIVE=1" in shown
    assert SECRET not in shown
    assert command.run(stack, "renew", REDRIVE) == 0
    told = "renew: 1 sent back, 1 the same once more and dropped, 1 left\n"
    assert capsys.readouterr().out.endswith(told)
    assert command.run(stack, "", replace(DROP, everything=True)) == 0
    capsys.readouterr()
    assert command.run(stack, "", None) == 0
    assert capsys.readouterr().out.endswith(
        "exchange: empty\nrenew: empty\nresync: empty\nsweep: empty\n"
    )


def test_a_queue_that_there_is_not_is_said(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong name is an error of one line."""
    assert command.run(stack, "nope", None) == 1
    assert capsys.readouterr().err == "prod has no dead-letter queue called nope.\n"


def test_a_redrive_that_failed_says_so(
    stack: Stack, renew: DeadLetters, capsys: pytest.CaptureFixture[str]
) -> None:
    """The status is 1, so that a script notices."""
    die(renew, renewal(DUE))
    error = EndpointConnectionError(endpoint_url="https://sqs")
    dying: Any = Dying(renew.sqs, "send_message", error)
    assert command.run(replace(stack, sqs=dying), "renew", REDRIVE) == 1
    assert "still there" in capsys.readouterr().err
