"""Dead letters in the deployed stack: what ends there, what is told of it, and the way back.

Queues hide a message for 150 s after a failed try, and set it aside after five. The time is
shortened by hand here, as far as a function needs to answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.stack.observe import eventually
from sandbox.stack.places import REPOSITORY
from sandbox.stack.published import published
from tests.stack.truth import UNHEARD_OF, Vault, make_due

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sandbox.stack.stack import LocalStack
    from tests.stack.world import World

    Tool = Callable[..., str]

FOREIGN = "wx00000000000000ff"
SECRET = "refreshtoken@@@made-up-for-the-dead-letters"
SET_ASIDE_SECONDS = 40.0


@pytest.fixture(name="hasty", autouse=True)
def _hasty(stack: LocalStack) -> Iterator[None]:
    """Failed messages come back after a second; afterwards everything is as it was, and empty."""
    sqs, names = stack.root.sqs, ("RenewQueue", "ExchangeQueue")
    urls = [stack.deployed.resources[name] for name in names]
    for url in urls:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    yield
    for url in urls:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "150"})
    for name in ("RenewDeadLetters", "ExchangeDeadLetters", "SweepDeadLetters"):
        sqs.purge_queue(QueueUrl=stack.deployed.resources[name])


@pytest.fixture(name="dlq")
def _dlq(stack: LocalStack, tmp_path: Path) -> Iterator[Tool]:
    """Return the command behind `make dlq`, which finds this stack by its note."""

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "tools.dead_letters", "--running", str(tmp_path)]
        done = subprocess.run(
            [*command, *arguments],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    with published(stack, tmp_path):
        yield run


def send(stack: LocalStack, queue: str, *bodies: object) -> None:
    """Send messages in one batch; what is no text becomes JSON."""
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    stack.root.sqs.send_message_batch(
        QueueUrl=stack.deployed.resources[queue],
        Entries=[{"Id": str(n), "MessageBody": text} for n, text in enumerate(texts)],
    )


def depth(stack: LocalStack, queue: str) -> int:
    """How many messages of a queue can be seen: what AWS's own metric says."""
    told = stack.root.sqs.get_queue_attributes(
        QueueUrl=stack.deployed.resources[queue], AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(told["Attributes"]["ApproximateNumberOfMessages"])


def wait_for_letters(stack: LocalStack, queue: str, count: int) -> None:
    """Wait until so many were set aside."""
    eventually(
        lambda: depth(stack, queue) == count,
        what=f"{count} letters in {queue}",
        seconds=SET_ASIDE_SECONDS,
    )


@contextmanager
def broken_item(stack: LocalStack, pk: str) -> Iterator[None]:
    """Inside, a token's item has a status that no function knows: whoever reads it fails."""
    table, key = stack.outputs["TableName"], {"pk": {"S": pk}, "sk": {"S": "TOKEN"}}

    def set_status(status: str) -> str:
        answer = stack.root.dynamodb.update_item(
            TableName=table,
            Key=key,
            UpdateExpression="SET #status = :status",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":status": {"S": status}},
            ReturnValues="UPDATED_OLD",
        )
        return answer["Attributes"]["status"]["S"]

    before = set_status(UNHEARD_OF)
    try:
        yield
    finally:
        set_status(before)


def alarm_state(stack: LocalStack, queue: str, value: int) -> str:
    """Tell CloudWatch a queue's depth, as SQS does, and return what its alarm says."""
    name = stack.deployed.resources[f"{queue}Alarm"]
    cloudwatch = stack.root.cloudwatch
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    url = stack.deployed.resources[queue]
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": url.rpartition("/")[2]}]
    assert (
        f"make dlq STACK=wxvault QUEUE={queue.removesuffix('DeadLetters').lower()}"
        in (alarm["AlarmDescription"])
    )
    datum = {key: alarm[key] for key in ("MetricName", "Dimensions")} | {"Value": value}
    cloudwatch.put_metric_data(Namespace=alarm["Namespace"], MetricData=[datum])
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(alarm["StateValue"])


def test_poison_is_set_aside_and_the_good_is_done(world: World, dlq: Tool) -> None:
    """In one batch with poison, a due token is renewed at once; the poison is shown for what it is.

    Nothing of what it says is in a log or on the terminal.
    """
    stack = world.stack
    world.authorise()
    before = Vault(stack).state(world.appid)
    make_due(stack, world.appid)
    assert alarm_state(stack, "RenewDeadLetters", depth(stack, "RenewDeadLetters")) == "OK"
    poison: list[object] = [
        SECRET,
        {"job": SECRET},
        {"job": "authorizer", "authorizer_appid": world.appid, "min_ttl": SECRET},
        {"job": "authorizer", "authorizer_appid": FOREIGN},
        {"job": "component", "padding": SECRET * 100},
    ]
    send(stack, "RenewQueue", *poison, {"job": "authorizer", "authorizer_appid": world.appid})
    send(stack, "ExchangeQueue", {"code_sha256": SECRET}, {"code_sha256": "0" * 64})
    eventually(
        lambda: Vault(stack).state(world.appid).generation == before.generation + 1,
        what="the renewal beside the poison",
    )
    wait_for_letters(stack, "RenewDeadLetters", len(poison))
    wait_for_letters(stack, "ExchangeDeadLetters", 2)
    assert alarm_state(stack, "RenewDeadLetters", depth(stack, "RenewDeadLetters")) == "ALARM"

    shown = dlq()
    assert "renew: 5, the oldest sent" in shown
    assert "exchange: 2, the oldest sent" in shown
    assert "sweep: empty" in shown
    assert f"1 × renewal for {FOREIGN}" in shown
    assert "unknown_authorizer" in shown
    assert "invalid_request: min_ttl: must be 0 to 1200 seconds" in shown
    assert "invalid_request: job: must be authorizer, component, tickets or clear_quota" in shown
    assert "code_sha256: is of nothing in this table" in shown
    assert SECRET not in shown
    assert not [line for line in world.logs() if SECRET in line.text]

    # Nobody can do any of it: it is neither sent back nor dropped unless somebody insists.
    assert "renew: 5 left" in dlq("--redrive", "1")
    assert "renew: 5 left" in dlq("--drop", "1")
    assert "renew: 5 dropped" in dlq("--drop", "all")
    assert depth(stack, "RenewDeadLetters") == 0


def test_a_job_is_done_when_its_reason_was_mended_and_it_was_sent_back(
    world: World, dlq: Tool
) -> None:
    """An item that nobody can read: the tool says so, and that it is due. Mended, it is renewed."""
    stack = world.stack
    world.authorise()
    before = Vault(stack).state(world.appid)
    make_due(stack, world.appid)
    job = {"job": "authorizer", "authorizer_appid": world.appid}
    with broken_item(stack, f"A#{stack.component.appid}#{world.appid}"):
        send(stack, "RenewQueue", job, job)
        wait_for_letters(stack, "RenewDeadLetters", 2)
        shown = dlq("--queue", "renew")
        assert f"2 × renewal for {world.appid}" in shown
        assert "ValueError, unforeseen; its traceback is in the log" in shown
        assert "/aws/lambda/wxvault/renew" in shown
        # Mended too early: it comes back, and nothing goes in circles.
        assert "renew: 1 sent back, 1 the same once more and dropped" in dlq("--redrive", "1")
        wait_for_letters(stack, "RenewDeadLetters", 1)
    assert Vault(stack).state(world.appid).generation == before.generation
    assert "yes: it is active and due" in dlq("--queue", "renew")

    assert "renew: 1 sent back" in dlq("--redrive", "1")
    eventually(
        lambda: Vault(stack).state(world.appid).generation == before.generation + 1,
        what="the renewal that was sent back",
    )
    eventually(lambda: depth(stack, "RenewQueue") == 0, what="an empty queue")
    assert "renew: empty" in dlq()


def test_a_sweep_that_fails_is_a_letter(world: World, dlq: Tool) -> None:
    """Invoked as its schedule does it, it fails once and is not repeated, but told."""
    stack = world.stack
    with broken_item(stack, f"C#{stack.component.appid}"):
        stack.root.lambda_.invoke(
            FunctionName=stack.functions["sweep"].alias, InvocationType="Event", Payload=b"{}"
        )
        wait_for_letters(stack, "SweepDeadLetters", 1)
    shown = dlq("--queue", "sweep")
    assert "1 × wake-up that its function failed at" in shown
    assert "the wake-ups after it look again" in shown
    assert "sweep: 1 left" in dlq("--redrive", "1")
    assert "sweep: 1 dropped" in dlq("--drop", "1")


def test_there_is_no_such_stack(stack: LocalStack, tmp_path: Path) -> None:
    """A note that names another stack is answered with a sentence, not with a traceback."""
    told: dict[str, Any] = {"stack": "other", "endpoint": stack.aws_url, "region": "us-east-1"}
    note = tmp_path / "running-1.json"
    with published(stack, tmp_path) as mine:
        told["pid"] = json.loads(mine.read_text("utf-8"))["pid"]
    note.write_text(json.dumps(told), "utf-8")
    command = [sys.executable, "-m", "tools.dead_letters", "--running", str(tmp_path)]
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "There is no stack other" in done.stderr
    assert "Traceback" not in done.stderr
