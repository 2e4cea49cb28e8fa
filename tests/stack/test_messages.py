"""Merchants' users write: the deployed function publishes, answers in time, and loses nothing."""

from __future__ import annotations

import io
import textwrap
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.stack.message_load import Flood, flood
from sandbox.stack.observe import eventually
from tests.stack.accounts import about
from tests.stack.conftest import RESPONDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.stack.observe import BusEvent
    from sandbox.stack.stack import LocalStack
    from tests.stack.world import World

# Says what its user asks for; every branch is one way to answer, or to fail at it.
_RESPONDER = """
    import time

    def handler(event, context):
        said = event["message"].get("Content", "")
        if said == "hang":
            time.sleep(8)
        if said == "throw":
            raise ValueError("made up, and nobody's business")
        if said == "nonsense":
            return {"statusCode": 200}
        if said == "transfer":
            return {"type": "transfer_customer_service"}
        if said == "news":
            return {"type": "news", "articles": [{"title": "新茶", "url": "https://a.example"}]}
        if said == "quiet":
            return None
        return {"type": "text", "content": f"{event['tenant_id']}: {said}"}
"""


@pytest.fixture(scope="module")
def responder(stack: LocalStack) -> Iterator[None]:
    """The platform's own function, which the stack was told of at its deployment."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("app.py", textwrap.dedent(_RESPONDER))
    name = RESPONDER.rpartition(":")[2]
    role = stack.roles.make("responder")
    stack.root.lambda_.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role.arn,
        Handler="app.handler",
        Timeout=10,
        Code={"ZipFile": archive.getvalue()},
    )
    yield
    stack.root.lambda_.delete_function(FunctionName=name)


def received(world: World) -> list[BusEvent]:
    """Every message of the merchant that was published."""
    return [event for event in world.events() if event.kind == "message.received"]


def published(world: World, count: int = 1) -> list[BusEvent]:
    """Wait for so many messages of the merchant on the bus."""

    def there() -> list[BusEvent] | None:
        found = received(world)
        return found if len(found) >= count else None

    return eventually(there, what=f"{count} messages on the bus")


def metrics(world: World, name: str) -> float:
    """How much a metric has counted since the test began."""
    return sum(one.value for one in world.stack.metrics(since=world.since) if one.name == name)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_message_is_published_with_its_tenant(world: World, as_json: bool) -> None:
    """Within a second, once, though WeChat sends it twice; whichever format it comes in."""
    world.authorise()
    world.stack.wechat.send_message(world.appid, "the function starts up")
    published(world)
    started = time.monotonic()
    report = world.stack.wechat.send_message(world.appid, "你好 🍵 ]]>", as_json=as_json)
    published(world, 2)
    assert time.monotonic() - started < 1
    assert (report.state, report.attempts[0]["body"]) == ("delivered", "success")
    assert world.stack.wechat.resend_push(report.push_id).state == "delivered"
    _, event = received(world)
    assert event.detail["tenant_id"] == world.tenant_id
    assert event.detail["message"]["Content"] == "你好 🍵 ]]>"


def test_events_and_unknown_kinds(world: World) -> None:
    """All that WeChat pushes is kept under its own names; repeated elements are lists."""
    world.authorise()
    send = world.stack.wechat.send_message
    send(world.appid, msg_type="event", fields={"Event": "CLICK", "EventKey": "menu-1"})
    send(world.appid, msg_type="event", fields={"Event": "CLICK", "EventKey": "menu-2"})
    send(world.appid, msg_type="hologram", fields={"Item": ["a", "b"], "Info": {"Count": 1}})
    found = {event.detail["message"].get("EventKey"): event for event in published(world, 3)}
    assert set(found) == {"menu-1", "menu-2", None}
    assert found[None].detail["message"]["Item"] == ["a", "b"]
    assert found["menu-1"].detail["event"] == "CLICK"


def test_a_merchant_that_is_not_held_here(world: World) -> None:
    """WeChat gets its `success`, and is asked about the merchant, who is found."""
    world.stack.wechat.confirm(world.appid, push="none")
    report = world.stack.wechat.send_message(world.appid, "hello")
    assert report.state == "delivered"
    (event,) = published(world)
    assert event.detail["tenant_id"] is None
    assert metrics(world, "MessageUnknownAuthorizer") == 1

    def asked() -> bool:
        return world.count("/cgi-bin/component/api_get_authorizer_info") > 0

    assert eventually(asked, what="WeChat is asked about the merchant")


@pytest.mark.usefixtures("responder")
def test_a_message_to_another_account_than_its_path(world: World) -> None:
    """Once the profile was read it is published with a warning, counted, and not answered."""
    world.authorise()
    about(world, "get")
    report = world.stack.wechat.send_message(
        world.appid, "hello", fields={"ToUserName": "gh_somebody_else"}
    )
    assert (report.state, report.reply) == ("delivered", None)
    (event,) = published(world)
    assert event.detail["addressed_elsewhere"] is True
    assert metrics(world, "MessageAddressedElsewhere") == 1


def test_what_cannot_be_read(world: World) -> None:
    """Signed garbage gets `success`; it is counted, and the log says why."""
    world.authorise()
    wechat = world.stack.wechat
    url = f"{world.stack.platform_url}/wechat/{world.appid}/messages"
    report = wechat.push_xml("garbage", url=url)
    assert (report.state, report.attempts[0]["body"]) == ("delivered", "success")
    assert metrics(world, "MessageUnreadable") == 1
    assert received(world) == []


@pytest.mark.parametrize(
    ("options", "status"),
    [({"wrong_signature": True}, 403), ({"plaintext": True}, 400), ({"wrong_appid": True}, 403)],
)
def test_what_is_not_wechats_is_refused(
    world: World, options: dict[str, bool], status: int
) -> None:
    """As on the event URL: nothing of it is believed."""
    world.authorise()
    report = world.stack.wechat.send_message(world.appid, options={**options, "attempts": 1})
    assert report.attempts[0]["status"] == status
    assert received(world) == []


# --- the responder -------------------------------------------------------------------------------


@pytest.mark.usefixtures("responder")
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("hello", {"MsgType": "text"}),
        ("transfer", {"MsgType": "transfer_customer_service"}),
        ("news", {"MsgType": "news", "ArticleCount": "1"}),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_passive_reply(world: World, said: str, expected: dict[str, Any], as_json: bool) -> None:
    """WeChat opens it with the key and in the format of the message, which is published."""
    world.authorise()
    report = world.stack.wechat.send_message(world.appid, said, as_json=as_json)
    assert report.reply is not None
    assert {name: str(report.reply[name]) for name in expected} == expected
    assert report.reply["ToUserName"] == report.attempts[0]["openid"]
    if said == "hello":
        assert report.reply["Content"] == f"{world.tenant_id}: hello"
    published(world)


@pytest.mark.usefixtures("responder")
@pytest.mark.parametrize("said", ["hang", "throw", "nonsense"])
def test_a_responder_that_fails(world: World, said: str) -> None:
    """WeChat gets `success` in time, the message is published, and the metric counts."""
    world.authorise()
    report = world.stack.wechat.send_message(world.appid, said)
    (attempt,) = report.attempts
    assert (attempt["body"], report.reply) == ("success", None)
    assert attempt["ms"] < 5000
    published(world)
    assert metrics(world, "ResponderFailed") == 1
    assert "nobody's business" not in "".join(
        line.text for line in world.logs() if line.function == "message"
    )


@pytest.mark.usefixtures("responder")
def test_a_responder_that_has_nothing_to_say(world: World) -> None:
    """That is no failure."""
    world.authorise()
    report = world.stack.wechat.send_message(world.appid, "quiet")
    assert report.attempts[0]["body"] == "success"
    assert metrics(world, "ResponderFailed") == 0


# --- a flood -------------------------------------------------------------------------------------


def test_a_flood_of_messages_holds_up_no_ticket(stack: LocalStack) -> None:
    """One in ten repeated, out of order, tickets in between; `make message-load` sends 2,000."""
    outcome = flood(stack, Flood(messages=300, merchants=20))
    for claim, figure, holds in outcome.lines():
        assert holds, (claim, figure, outcome.refused[:5])
