"""The bus refuses everything for a minute under load: afterwards every event has been told."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from sandbox.chaos.faults import Rule
from sandbox.stack.observe import eventually
from sandbox.stack.progress import Progress
from sandbox.stack.stack import LocalStack, StackOptions
from tests.stack.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

MERCHANTS = 10
OUTAGE_SECONDS = 60.0
TOLD_WITHIN_SECONDS = 120.0
PUSHES = 20


@pytest.fixture(scope="module")
def shaken() -> Iterator[LocalStack]:
    """A stack whose functions reach AWS through the fault proxy; it sweeps every five seconds."""
    options = StackOptions(faults=True, overlap=120, schedule_speed=12)
    with LocalStack(options, Progress()) as running:
        running.wechat.wait_idle()
        yield running


def come_and_go(world: World, until: float) -> int:
    """A merchant who authorises and cancels again and again; how often."""
    changes = 0
    while time.monotonic() < until:
        world.authorise()
        changes += 1
        if time.monotonic() < until:
            world.stack.wechat.cancel(world.appid, push="first")
            changes += 1
            # CreateTime has whole seconds: a grant of the same one would be history.
            time.sleep(1.1)
    return changes


def sequences(stack: LocalStack) -> dict[str, int]:
    """The last number that each authorizer's item has used up."""
    prefix = f"A#{stack.component.appid}#"
    return {
        item["pk"]["S"].removeprefix(prefix): int(item["sequence"]["N"])
        for item in stack.scan_table()
        if item["pk"]["S"].startswith(prefix) and "sequence" in item
    }


def kept(stack: LocalStack) -> list[str]:
    """The events that the bus has not."""
    return [item["sk"]["S"] for item in stack.scan_table() if item["pk"]["S"].startswith("O#")]


def push_unknown(stack: LocalStack, number: int) -> int:
    """WeChat pushes something that is no transition; its CreateTime."""
    when = int(time.time()) + number
    report = stack.wechat.push_xml(
        f"<xml><AppId>{stack.component.appid}</AppId><CreateTime>{when}</CreateTime>"
        f"<InfoType>notify_something_new</InfoType><n>{number}</n></xml>",
        info_type="notify_something_new",
    )
    assert report.state == "delivered"
    return when


def test_a_minute_without_the_bus_loses_nothing(shaken: LocalStack) -> None:
    """Every number of every authorizer is told, first to last, and every push; nothing is kept."""
    worlds = [World.fresh(shaken) for _ in range(MERCHANTS)]
    before = len(shaken.bus_events())
    with (
        shaken.faults.active(Rule("throttle", "events", "PutEvents")),
        ThreadPoolExecutor(4) as doing,
    ):
        until = time.monotonic() + OUTAGE_SECONDS
        lives = [doing.submit(come_and_go, world, until) for world in worlds[:3]]
        pushed = [push_unknown(shaken, number) for number in range(PUSHES)]
        changes = sum(life.result() for life in lives)
        for world in worlds[3:]:
            world.authorise()
        assert len(shaken.bus_events()) == before, "the bus took something all the same"
        assert kept(shaken)
    eventually(lambda: not kept(shaken), what="all is told", seconds=TOLD_WITHIN_SECONDS)
    told: dict[str, dict[int, str]] = {}
    ids = set()
    for event in shaken.bus_events()[before:]:
        if "sequence" in event.detail and "authorizer_appid" in event.detail:
            told.setdefault(event.detail["authorizer_appid"], {})[event.detail["sequence"]] = (
                event.kind
            )
            ids.add(event.detail["event_id"])
    mine = {world.appid: number for world in worlds for number in [sequences(shaken)[world.appid]]}
    for appid, last in mine.items():
        first = min(told[appid])
        assert told[appid][first] == "authorizer.authorized"
        assert sorted(told[appid]) == list(range(first, last + 1)), appid
    transitions = sum(last - min(told[appid]) + 1 for appid, last in mine.items())
    assert len(ids) == transitions
    assert transitions >= changes
    seen = [one.detail for one in shaken.bus_events()[before:] if one.kind == "push.received"]
    assert {one["create_time"] for one in seen} == set(pushed)
    print(  # noqa: T201 -- the figure that reliability.md tells
        f"{transitions} transitions of {len(mine)} merchants and {len(pushed)} pushes in an outage"
        f" of {OUTAGE_SECONDS:.0f} s, {len(shaken.bus_events()) - before} events told"
    )
