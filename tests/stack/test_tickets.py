"""Tickets that stay away: told once, WeChat asked once, and told again when one has come."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from sandbox.stack.observe import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.stack.observe import BusEvent
    from sandbox.stack.stack import LocalStack

START = "/cgi-bin/component/api_start_push_ticket"
CLEAR_QUOTA = "/cgi-bin/component/clear_quota/v2"
LONGER_THAN_STALE = 31 * 60


def age_tickets(stack: LocalStack, seconds: float) -> None:
    """Have every ticket, and the record of the last one, be older than it is."""
    component, table = f"C#{stack.component.appid}", stack.outputs["TableName"]
    for item in stack.scan_table():
        if item["pk"]["S"] != component:
            continue
        for name in ("received_at", "ticket_at", "start_not_before"):
            if name in item:
                stack.root.dynamodb.update_item(
                    TableName=table,
                    Key={"pk": item["pk"], "sk": item["sk"]},
                    UpdateExpression="SET #name = #name - :seconds",
                    ExpressionAttributeNames={"#name": name},
                    ExpressionAttributeValues={":seconds": {"N": str(seconds)}},
                )


@pytest.fixture(name="quiet")
def _quiet(stack: LocalStack) -> Iterator[LocalStack]:
    """A stack whose tickets have stayed away for half an hour, with a WeChat that pushes none."""
    stack.wechat.wait_idle()
    stack.wechat.configure(ticket_on_start=False)
    stack.wechat.stop_tickets()
    age_tickets(stack, LONGER_THAN_STALE)
    yield stack
    stack.wechat.clear_faults()
    stack.wechat.configure(ticket_on_start=True, ip_list=["127.0.0.1"])
    stack.wechat.push_ticket(wait=True)
    stack.sweep()
    eventually(lambda: not told_stale(stack), what="tickets are well again")


def told_stale(stack: LocalStack) -> bool:
    """Whether the component's item says that tickets are stale."""
    key = {"pk": {"S": f"C#{stack.component.appid}"}, "sk": {"S": "TOKEN"}}
    found = stack.root.dynamodb.get_item(
        TableName=stack.outputs["TableName"], Key=key, ConsistentRead=True
    )
    return "ticket_stale_at" in found["Item"]


def events(stack: LocalStack, since: float) -> list[BusEvent]:
    """What was told of tickets since then."""
    found = [event for event in stack.bus_events() if event.kind.startswith("component.ticket_")]
    return [event for event in found if event.detail["occurred_at"] >= since]


def test_silence_is_told_once_and_pushes_are_started_once(quiet: LocalStack) -> None:
    """Sweep after sweep: one event, one call; then a ticket comes, and that is told once."""
    since, calls = time.time(), quiet.wechat.last_seq()
    for _ in range(3):
        assert quiet.sweep()["ran"]
        eventually(lambda: told_stale(quiet), what="the silence is noted")
    eventually(lambda: not quiet.wechat.health()["tickets_stopped"], what="pushes are started")
    assert quiet.sweep()["tickets"] is False, "asked a short while ago"
    assert quiet.wechat.count(START, since=calls) == 1
    (stale,) = eventually(lambda: events(quiet, since), what="component.ticket_stale")
    assert stale.kind == "component.ticket_stale"
    assert stale.detail["age"] >= LONGER_THAN_STALE
    assert stale.detail["remedy"]

    quiet.wechat.push_ticket(wait=True)
    for _ in range(2):
        quiet.sweep()
    _, recovered = eventually(
        lambda: found if len(found := events(quiet, since)) > 1 else None,
        what="component.ticket_recovered",
    )
    assert recovered.kind == "component.ticket_recovered"
    assert recovered.detail["sequence"] > stale.detail["sequence"]
    eventually(lambda: not told_stale(quiet), what="the recovery is noted")
    assert quiet.sweep()["tickets"] is False
    assert quiet.wechat.count(START, since=calls) == 1


def test_pushes_that_stopped_because_of_refusals_are_started_again(stack: LocalStack) -> None:
    """WeChat gives up after failures in a row; half an hour later it is asked to go on."""
    stack.wechat.configure(ticket_stop_after=2)
    try:
        for _ in range(2):
            stack.wechat.push_ticket(wait=True, options={"wrong_key": True, "attempts": 1})
        assert stack.wechat.health()["tickets_stopped"]
        age_tickets(stack, LONGER_THAN_STALE)
        calls = stack.wechat.last_seq()
        stack.sweep()
        eventually(lambda: not stack.wechat.health()["tickets_stopped"], what="a start")
        assert stack.wechat.count(START, since=calls) == 1
        stack.wechat.wait_idle()
        assert stack.sweep()["ran"]
        eventually(lambda: not told_stale(stack), what="the ticket that came with it is noted")
    finally:
        stack.wechat.configure(ticket_stop_after=72)


def test_a_refused_address_is_remembered_for_the_operator(quiet: LocalStack) -> None:
    """61004 names the address; by hand it can be asked again at once, without the pause."""
    quiet.wechat.configure(ip_list=["203.0.113.9"])
    assert quiet.invoke("renew", {"job": "tickets"}) == {"outcome": "refused"}
    key = {"pk": {"S": f"C#{quiet.component.appid}"}, "sk": {"S": "PUSH"}}
    item = quiet.root.dynamodb.get_item(TableName=quiet.outputs["TableName"], Key=key)["Item"]
    assert item["start_address"] == {"S": "127.0.0.1"}
    quiet.wechat.configure(ip_list=["127.0.0.1"])
    assert quiet.invoke("renew", {"job": "tickets"}) == {"outcome": "started"}
    assert quiet.invoke("renew", {"job": "tickets"}) == {"outcome": "running"}


def test_the_quota_is_reset_without_a_token(stack: LocalStack) -> None:
    """With the AppSecret alone, by invoke alone; WeChat's refusals come with their remedy."""
    calls = stack.wechat.last_seq()
    assert stack.invoke("renew", {"job": "clear_quota"}) == {"outcome": "cleared"}
    unknown = {"job": "clear_quota", "authorizer_appid": "wx00000000000000ff"}
    error = stack.invoke("renew", unknown)["error"]
    assert (error["code"], error["wechat_errcode"]) == ("wechat_refused", 40013)
    assert "authorizer_appid" in error["remedy"]
    assert stack.wechat.count(CLEAR_QUOTA, since=calls, what="calls") == 2
