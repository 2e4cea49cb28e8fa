"""The samples of subscribers, beside the running stack: a function, a queue, a webhook."""

from __future__ import annotations

import io
import json
import shutil
import threading
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.stack.local_template import read_template
from sandbox.stack.observe import eventually
from tests.stack.accounts import about
from tests.unit.test_subscriber_samples import loaded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.stack.stack import LocalStack
    from tests.stack.world import World

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "subscribers"
CLIENT = ("__init__", "errors", "client_events")
BUCKET = "subscribers"
KEY = "a-key-of-thirty-two-characters-xx"


def deploy(stack: LocalStack, name: str, template: dict[str, Any], tenant: str) -> dict[str, str]:
    """Deploy a sample for a tenant; return its outputs."""
    cloudformation = stack.root.cloudformation
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[
            {"ParameterKey": "EventBusName", "ParameterValue": stack.outputs["EventBusName"]},
            {"ParameterKey": "TenantId", "ParameterValue": tenant},
        ],
    )

    def made() -> dict[str, str] | None:
        (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        assert "FAILED" not in found["StackStatus"], found
        assert "ROLLBACK" not in found["StackStatus"], found
        if found["StackStatus"] != "CREATE_COMPLETE":
            return None
        return {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}

    return eventually(made, what=f"{name} is deployed", seconds=60)


def packed(tmp_path: Path) -> bytes:
    """Pack the function as its README says: the client's three files beside it."""
    folder = tmp_path / "function"
    shutil.copytree(FOLDER / "lambda" / "function", folder)
    (folder / "wxvault").mkdir()
    for name in CLIENT:
        source = ROOT / "layers" / "wxvault" / "python" / "wxvault" / f"{name}.py"
        shutil.copy(source, folder / "wxvault")
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for path in folder.rglob("*.py"):
            archive.write(path, path.relative_to(folder).as_posix())
    return memory.getvalue()


def test_the_function_keeps_the_latest_state(
    stack: LocalStack, world: World, tmp_path: Path
) -> None:
    """Authorised, cancelled: the last state. Moved away: none. Another tenant's merchant: none."""
    template = read_template(FOLDER / "lambda" / "template.yaml")
    stack.root.s3.create_bucket(Bucket=BUCKET)
    stack.root.s3.put_object(Bucket=BUCKET, Key="function.zip", Body=packed(tmp_path))
    template["Resources"]["Function"]["Properties"]["Code"] = {
        "S3Bucket": BUCKET,
        "S3Key": "function.zip",
    }
    made = deploy(stack, f"states-{world.tenant_id}", template, world.tenant_id)

    def state(appid: str) -> str | None:
        item = stack.root.dynamodb.get_item(
            TableName=made["TableName"], Key={"pk": {"S": f"merchant#{appid}"}}
        ).get("Item")
        return None if item is None else item["status"]["S"]

    world.authorise()
    assert eventually(lambda: state(world.appid), what="a state") == "active"
    stack.wechat.cancel(world.appid, push="first")
    eventually(lambda: state(world.appid) == "revoked", what="the last state")
    other = type(world).fresh(stack)
    other.authorise()
    other.stack.wechat.wait_idle()
    assert state(other.appid) is None
    about(world, "assign", tenant_id=other.tenant_id)
    eventually(lambda: state(world.appid) is None, what="the merchant is gone")


def test_the_queue_has_what_a_person_should_look_at(
    stack: LocalStack, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the cancellation is in it; the consumer says so once, and the queue is empty."""
    template = read_template(FOLDER / "queue" / "template.yaml")
    made = deploy(stack, f"troubles-{world.tenant_id}", template, world.tenant_id)
    world.authorise()
    stack.wechat.cancel(world.appid, push="first")
    world.stack.wechat.wait_idle()
    consumer = loaded("queue/consume.py")
    monkeypatch.setattr(consumer.boto3, "client", lambda _: stack.root.sqs)
    said: list[str] = []

    def heard() -> list[str]:
        consumer.consume(made["QueueUrl"], said.append, rounds=1)
        return said

    expected = [f"authorizer.revoked: {world.appid} of {world.tenant_id}"]
    assert eventually(heard, what="something to look at", seconds=30) == expected
    consumer.consume(made["QueueUrl"], said.append, rounds=1)
    assert said == expected


@pytest.fixture
def received() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The webhook's receiver on loopback, and what it was posted."""
    posted: list[dict[str, Any]] = []
    server = loaded("webhook/receive.py").server(KEY, lambda event, _: posted.append(event), 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/events", posted
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_webhook_is_posted_to(
    stack: LocalStack, world: World, received: tuple[str, list[dict[str, Any]]]
) -> None:
    """Made by the API of what the template says: connection, destination, rule; with its key."""
    url, posted = received
    made = read_template(FOLDER / "webhook" / "template.yaml")["Resources"]
    events, bus = stack.root.events, stack.outputs["EventBusName"]
    name = f"webhook-{world.tenant_id}"
    auth = made["Connection"]["Properties"]["AuthParameters"]["ApiKeyAuthParameters"]
    connection = events.create_connection(
        Name=name,
        AuthorizationType=made["Connection"]["Properties"]["AuthorizationType"],
        AuthParameters={
            "ApiKeyAuthParameters": {"ApiKeyName": auth["ApiKeyName"], "ApiKeyValue": KEY}
        },
    )
    wanted = made["Destination"]["Properties"]
    destination = events.create_api_destination(
        Name=name,
        ConnectionArn=connection["ConnectionArn"],
        HttpMethod=wanted["HttpMethod"],
        InvocationEndpoint=url,
        InvocationRateLimitPerSecond=wanted["InvocationRateLimitPerSecond"],
    )
    rule = made["Rule"]["Properties"]
    pattern = {**rule["EventPattern"], "detail": {"tenant_id": [world.tenant_id]}}
    events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))
    role = "arn:aws:iam::000000000000:role/webhook"
    target = {"Id": name, "Arn": destination["ApiDestinationArn"], "RoleArn": role}
    events.put_targets(Rule=name, EventBusName=bus, Targets=[target])  # type: ignore[list-item]
    sample = json.loads((ROOT / "events" / "bus" / "message.received.json").read_text("utf-8"))
    detail = {**sample["detail"], "tenant_id": world.tenant_id}
    for put in (detail, detail, {**detail, "tenant_id": "another"}):
        events.put_events(
            Entries=[
                {
                    "EventBusName": bus,
                    "Source": "wxvault",
                    "DetailType": "message.received",
                    "Detail": json.dumps(put),
                }
            ]
        )
    (event,) = eventually(lambda: posted, what="a post", seconds=20)
    assert event["detail"] == detail
    events.remove_targets(Rule=name, EventBusName=bus, Ids=[name])
    events.delete_rule(Name=name, EventBusName=bus)


def test_an_archive_brings_events_again(stack: LocalStack, world: World) -> None:
    """The template's archive, made by the API here, replays; the ids say that they came before."""
    events, bus = stack.root.events, stack.outputs["EventBusName"]
    bus_arn = events.describe_event_bus(Name=bus)["Arn"]
    archive = events.create_archive(
        ArchiveName=f"archive-{world.tenant_id}",
        EventSourceArn=bus_arn,
        EventPattern=json.dumps({"source": ["wxvault"]}),
    )
    world.authorise()
    (first,) = eventually(lambda: _authorized(world), what="the event")
    events.start_replay(
        ReplayName=f"replay-{world.tenant_id}",
        EventSourceArn=archive["ArchiveArn"],
        EventStartTime=datetime.fromtimestamp(world.since - 60, UTC),
        EventEndTime=datetime.fromtimestamp(world.since + 3600, UTC),
        Destination={"Arn": bus_arn},
    )
    again = eventually(lambda: _authorized(world)[1:], what="it comes again", seconds=30)
    assert {event.detail["event_id"] for event in again} == {first.detail["event_id"]}
    events.delete_archive(ArchiveName=f"archive-{world.tenant_id}")


def _authorized(world: World) -> list[Any]:
    return [event for event in world.events() if event.kind == "authorizer.authorized"]
