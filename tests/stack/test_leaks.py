"""No secret in anything that is written, shown or handed on: the whole journey, then a search.

This module runs last: what all other tests have made the stack write is searched too.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from sandbox.chaos.vault import data_keys
from sandbox.stack.leaks import Known, search, written
from sandbox.stack.observe import eventually
from sandbox.stack.places import REPOSITORY
from tests.stack.truth import UNHEARD_OF, at_rest, make_due
from tests.stack.witness import Witness, at_rest_soon, travel
from tests.stack.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.stack.leaks import Secret
    from sandbox.stack.stack import LocalStack


def all_secrets(stack: LocalStack, more: list[Known]) -> list[Secret]:
    """WeChat's, the console's, ours, and the data keys that seal what is in the table."""
    credentials = [
        Known("secret key of a role", role.clients.credentials.secret)
        for role in (stack.trusted_caller(), stack.roles.nobody())
    ]
    return [*stack.wechat.secrets(), *more, *data_keys(stack), *credentials]


@pytest.fixture(scope="module")
def witness(stack: LocalStack) -> Witness:
    """Whoever has seen the whole journey."""
    seen = Witness(stack)
    travel(seen)
    return seen


# ---- the search ---------------------------------------------------------------------------------


def test_no_secret_is_in_anything_that_was_written(stack: LocalStack, witness: Witness) -> None:
    """Log lines, events, queue messages, the table, configurations: 0 of all secrets."""
    secrets = all_secrets(stack, witness.secrets)
    kinds = {secret.kind for secret in secrets}
    assert kinds >= {
        "component_appsecret",
        "token",
        "encoding_aes_key",
        "component_verify_ticket",
        "component_access_token",
        "pre_auth_code",
        "authorization_code",
        "authorizer_access_token",
        "authorizer_refresh_token",
        "launch cookie",
        "session id",
        "data key",
    }
    places = written(stack)
    functions = {place.split(",")[0] for place in places if place.startswith("log of ")}
    # Another test may have put a function of somebody else's beside them.
    assert {f"log of {name}" for name in stack.functions} <= functions
    assert sum(place.startswith("event ") for place in places) > 10
    assert search(places, secrets) == []


def test_no_secret_is_in_any_answer_page_or_redirect(stack: LocalStack, witness: Witness) -> None:
    """But for what was asked for, and what the protocol puts into the link to WeChat."""
    assert len(witness.places) > 40
    assert search(witness.places, all_secrets(stack, witness.secrets)) == []


@contextmanager
def consumers_stopped(stack: LocalStack) -> Iterator[None]:
    """Inside, nobody takes messages out of the queues."""
    mappings = stack.deployed.of_type("AWS::Lambda::EventSourceMapping").values()
    for identifier in mappings:
        stack.root.lambda_.update_event_source_mapping(UUID=identifier, Enabled=False)
    try:
        yield
    finally:
        for identifier in mappings:
            stack.root.lambda_.update_event_source_mapping(UUID=identifier, Enabled=True)


def test_no_secret_is_in_a_message_while_it_waits(stack: LocalStack, witness: Witness) -> None:
    """The queues' consumers are stopped: what lies in the queues names codes by their hashes."""
    world = World.fresh(stack)
    world.authorise()
    again = World.fresh(stack)
    with consumers_stopped(stack):
        make_due(stack, world.appid)
        stack.sweep()
        again.stack.wechat.confirm(again.appid, push="first")
        waiting = stack.queue_messages()
    bodies = [json.loads(body) for messages in waiting.values() for body in messages]
    assert {"job": "authorizer", "authorizer_appid": world.appid} in bodies
    assert any("code_sha256" in body for body in bodies)
    places = {f"{queue} {number}": body for queue, messages in waiting.items()
              for number, body in enumerate(messages)}  # fmt: skip
    assert search(places, all_secrets(stack, witness.secrets)) == []
    at_rest(world)
    at_rest_soon(again)


# ---- after everything ---------------------------------------------------------------------------


def test_nothing_has_failed_that_nobody_expected(stack: LocalStack, witness: Witness) -> None:
    """No line of level ERROR, no message given up, no complaint of the emulator, all this time."""
    lines = [line.fields() for line in stack.logs() if UNHEARD_OF not in line.text]
    errors = [fields for fields in lines if fields.get("level") in {"ERROR", "CRITICAL"}]
    assert errors == []
    # Tests kill functions, and try rights out: letters of sweep and resync say nothing here.
    queues = stack.queue_messages().items()
    ours = ("ExchangeDeadLetters", "RenewDeadLetters")
    dead = {name: bodies for name, bodies in queues if any(one in name for one in ours)}
    assert len(dead) == len(ours)
    assert not any(dead.values())
    assert stack.complaints() == []


# ---- the search itself --------------------------------------------------------------------------


def plant_in_a_log(stack: LocalStack, secret: str) -> None:
    """As if a function had printed it."""
    group, stream = "/aws/lambda/wxvault/callback", "planted"
    stack.root.logs.create_log_stream(logGroupName=group, logStreamName=stream)
    event = {"timestamp": int(time.time() * 1000), "message": f'{{"message":"{secret}"}}'}
    stack.root.logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])  # type: ignore[list-item]


def plant_in_an_event(stack: LocalStack, secret: str) -> None:
    """As if it had been published."""
    sample = json.loads((REPOSITORY / "events/bus/push.received.json").read_text("utf-8"))
    stack.root.events.put_events(
        Entries=[
            {
                "EventBusName": stack.outputs["EventBusName"],
                "Source": "wxvault",
                "DetailType": "push.received",
                "Detail": json.dumps({**sample["detail"], "fields": {"a": secret}}),
            }
        ]
    )


def plant_in_a_queue(stack: LocalStack, secret: str) -> None:
    """As if a job carried it into a dead-letter queue."""
    url = stack.deployed.resources["SweepDeadLetters"]
    stack.root.sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"code": secret}))


def plant_in_the_table(stack: LocalStack, secret: str) -> None:
    """As if an item held it unsealed."""
    item = {"pk": {"S": "planted"}, "sk": {"S": "planted"}, "x": {"B": secret.encode()}}
    stack.root.dynamodb.put_item(TableName=stack.outputs["TableName"], Item=item)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("plant", "place"),
    [
        (plant_in_a_log, "log of callback"),
        (plant_in_an_event, "event push.received"),
        (plant_in_a_queue, "queue "),
        (plant_in_the_table, "item planted planted"),
    ],
    ids=["log", "event", "queue", "table"],
)
def test_a_leak_would_be_found(
    stack: LocalStack, plant: Callable[[LocalStack, str], None], place: str
) -> None:
    """Planted where a function could have left it: the search over the stack finds it there."""
    secret = Known("planted", f"planted@@@{plant.__name__}{time.time_ns()}")
    assert isinstance(secret.value, str)
    plant(stack, secret.value)

    def found() -> list[str]:
        return [leak.place for leak in search(written(stack), [secret])]

    assert all(where.startswith(place) for where in eventually(found, what="the planted leak"))


@pytest.mark.parametrize("where", ["page", "redirect", "link to somebody else"])
def test_a_leak_to_a_browser_would_be_found(stack: LocalStack, where: str) -> None:
    """What the protocol allows in its place is a leak in any other."""
    code, session = "preauthcode@@@" + "p" * 86, "S" * 43
    texts = {
        "page": f"<p>{code}</p> <a href='{stack.platform_url}/authorized/{session}'>x</a>",
        "redirect": f"location: /authorize/{session}?pre_auth_code={code}",
        "link to somebody else": f'<a href="http://evil.example/?pre_auth_code={code}">{session}',
    }
    secrets = [Known("pre_auth_code", code), Known("session id", session)]
    seen = Witness(stack)
    seen.saw("page", seen._allowed_taken_out(texts[where]))
    assert {leak.kind for leak in search(seen.places, secrets)} == {"pre_auth_code", "session id"}
    link = (
        f'<a href="{stack.wechat_url}/cgi-bin/componentloginpage?component_appid=wx1&amp;'
        f"pre_auth_code=preauthcode%40%40%40{'p' * 86}&amp;redirect_uri=http%3A%2F%2Flocalhost%3A"
        f'80%2Fauthorized%2F{session}">'
    )
    assert search({"link": seen._allowed_taken_out(link)}, secrets) == []
