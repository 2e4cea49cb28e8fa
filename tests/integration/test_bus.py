"""The bus: what subscribers really get, and how a loss is noticed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from tests.fakes.clock import FakeClock
from tests.unit.vault.kit import COMPONENT, MERCHANT
from wxvault.runtime.bus import Bus
from wxvault.services.bus_events import transitions
from wxvault.services.state import Event, Status, TokenChange, TokenState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_events import EventBridgeClient

NAME = "wxvault"


@pytest.fixture
def events(aws: None) -> EventBridgeClient:
    """Return a client of EventBridge."""
    return boto3.client("events")


def test_a_subscriber_gets_what_was_told(events: EventBridgeClient) -> None:
    """A rule on source and type brings the event to its queue, with its detail as an object."""
    arn = events.create_event_bus(Name=NAME)["EventBusArn"]
    assert NAME in arn
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    pattern = {"source": ["wxvault"], "detail-type": ["authorizer.revoked"]}
    events.put_rule(Name="revoked", EventBusName=NAME, EventPattern=json.dumps(pattern))
    events.put_targets(
        Rule="revoked",
        EventBusName=NAME,
        Targets=[{"Id": "queue", "Arn": attributes["QueueArn"]}],
    )
    before = TokenState(MERCHANT, Status.ACTIVE, sequence=4)
    told = (Event("updated"), Event("revoked", {"nick_name": "示例"}))
    change = TokenChange(Status.REVOKED, None, tenant_id="acme", events=told)
    for one in transitions(before, change, COMPONENT, now=FakeClock().now()):
        assert Bus(events, NAME).put(one.detail_type, one.detail)
    (message,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    event = json.loads(message["Body"])
    assert event["source"] == "wxvault"
    assert event["detail-type"] == "authorizer.revoked"
    detail = event["detail"]
    assert len(detail.pop("event_id")) == 32
    assert detail == {
        "version": "1",
        "component_appid": COMPONENT,
        "occurred_at": FakeClock().now(),
        "tenant_id": "acme",
        "nick_name": "示例",
        "sequence": 6,
        "status": "revoked",
        "authorizer_appid": MERCHANT,
    }


@pytest.fixture
def stubber(events: EventBridgeClient) -> Iterator[Stubber]:
    """Return what writes the answers of a client: all of them have to be asked for."""
    with Stubber(events) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def bus(events: EventBridgeClient, stubber: Stubber) -> Bus:
    """Return a bus that hears these answers."""
    return Bus(events, NAME)


def refused(code: str) -> dict[str, Any]:
    """Return PutEvents' answer to an entry that it did not take: HTTP says 200."""
    return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": "x"}]}


def test_an_entry_that_was_not_taken_is_noticed(stubber: Stubber, bus: Bus) -> None:
    """PutEvents succeeds and drops the entry: only FailedEntryCount tells."""
    stubber.add_response("put_events", refused("ThrottlingException"))
    assert bus.put("authorizer.lost", {"event_id": "e"}) is False
    stubber.add_response("put_events", refused("InternalFailure"))
    assert bus.put("authorizer.lost", {}) is False
    stubber.add_response("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})
    assert bus.put("authorizer.lost", {}) is True


@pytest.mark.parametrize("code", ["AccessDeniedException", "InternalException"])
def test_a_bus_that_refuses_does_not_stop_its_caller(stubber: Stubber, bus: Bus, code: str) -> None:
    """What was written stays written; that nobody heard of it is logged and answered."""
    stubber.add_client_error("put_events", code)
    assert bus.put("authorizer.lost", {}) is False


def test_what_is_put_is_what_eventbridge_takes(stubber: Stubber, bus: Bus) -> None:
    """The request fits the service's own description, and names the bus."""
    stubber.add_response(
        "put_events",
        {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]},
        {
            "Entries": [
                {
                    "EventBusName": NAME,
                    "Source": "wxvault",
                    "DetailType": "push.received",
                    "Detail": '{"a":"授"}',
                }
            ]
        },
    )
    assert bus.put("push.received", {"a": "授"})
