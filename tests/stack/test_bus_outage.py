"""The bus refuses everything under load, or hangs: afterwards every event has been told."""

from __future__ import annotations

import time
from collections import Counter
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
HANGING_SECONDS = 20.0
LONGER_THAN_ANY_CLIENT = (4.0,)
"""Callback and message give up after 0.6 s, all others after 2 s."""


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


def kept(stack: LocalStack) -> dict[str, set[str]]:
    """The events that the bus has not, as the table has them: numbers or ids, by authorizer."""
    prefix = f"O#{stack.component.appid}#"
    found: dict[str, set[str]] = {}
    for item in stack.scan_table():
        if item["pk"]["S"].startswith(prefix):
            found.setdefault(item["pk"]["S"].removeprefix(prefix), set()).add(item["sk"]["S"])
    return found


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


def write(world: World, number: int) -> str:
    """A user writes to the merchant, and WeChat sends it once more; what was written."""
    text = f"written in the outage, {number}"
    report = world.stack.wechat.send_message(world.appid, text)
    again = world.stack.wechat.resend_push(report.push_id)
    assert (report.state, again.state) == ("delivered", "delivered")
    return text


def told(stack: LocalStack, since: int) -> dict[str, dict[int, str]]:
    """What was told of each authorizer: the events' names by their numbers."""
    found: dict[str, dict[int, str]] = {}
    for event in stack.bus_events()[since:]:
        if event.kind.startswith("authorizer."):
            numbers = found.setdefault(event.detail["authorizer_appid"], {})
            assert numbers.setdefault(event.detail["sequence"], event.kind) == event.kind
    return found


def ids(stack: LocalStack, since: int, kind: str, field: str) -> dict[object, Counter[str]]:
    """How often each id was told, by what an event holds: a text, or a time."""
    found: dict[object, Counter[str]] = {}
    for event in stack.bus_events()[since:]:
        if event.kind == kind:
            holds = (event.detail["message"] or {}) if kind == "message.received" else event.detail
            found.setdefault(holds[field], Counter())[event.detail["event_id"]] += 1
    return found


def all_is_told(stack: LocalStack) -> None:
    """Wait until nothing is kept any more."""
    eventually(lambda: not kept(stack), what="all is told", seconds=TOLD_WITHIN_SECONDS)


def test_a_minute_without_the_bus_loses_nothing(shaken: LocalStack) -> None:
    """Every number of every authorizer, every push and message is told by one id; none is kept."""
    worlds = [World.fresh(shaken) for _ in range(MERCHANTS)]
    held = World.fresh(shaken)
    held.authorise()
    all_is_told(shaken)
    before = len(shaken.bus_events())
    with (
        shaken.faults.active(Rule("throttle", "events", "PutEvents")),
        ThreadPoolExecutor(4) as doing,
    ):
        until = time.monotonic() + OUTAGE_SECONDS
        lives = [doing.submit(come_and_go, world, until) for world in worlds[:3]]
        pushed = [push_unknown(shaken, number) for number in range(PUSHES)]
        written = [write(held, number) for number in range(PUSHES)]
        changes = sum(life.result() for life in lives)
        for world in worlds[3:]:
            world.authorise()
        assert len(shaken.bus_events()) == before, "the bus took something all the same"
        unsent = kept(shaken)
    all_is_told(shaken)
    last = sequences(shaken)
    transitions = 0
    for world in worlds:
        # What the table had kept says where a merchant begins; what was told must not.
        first = min(map(int, unsent[world.appid]))
        numbers = told(shaken, before)[world.appid]
        assert numbers[first] == "authorizer.authorized"
        assert sorted(numbers) == list(range(first, last[world.appid] + 1)), world.appid
        transitions += len(numbers)
    assert transitions >= changes
    for wanted, seen in (
        (pushed, ids(shaken, before, "push.received", "create_time")),
        (written, ids(shaken, before, "message.received", "Content")),
    ):
        assert set(seen) == set(wanted)
        assert all(len(one) == 1 for one in seen.values()), "one id each"
    print(  # noqa: T201 -- the figure that reliability.md tells
        f"{transitions} transitions of {len(worlds)} merchants, {len(pushed)} pushes and"
        f" {len(written)} messages in an outage of {OUTAGE_SECONDS:.0f} s,"
        f" {len(shaken.bus_events()) - before} events told"
    )


def test_a_bus_that_hangs_loses_nothing(shaken: LocalStack) -> None:
    """No client waits for its answer, though it takes the event: told under one id, maybe twice."""
    worlds = [World.fresh(shaken) for _ in range(3)]
    for world in worlds:
        world.authorise()
    all_is_told(shaken)
    before, first = len(shaken.bus_events()), sequences(shaken)
    hang = Rule("delay", "events", "PutEvents", delays=LONGER_THAN_ANY_CLIENT)
    with shaken.faults.active(hang), ThreadPoolExecutor(len(worlds)) as doing:
        gone = [doing.submit(shaken.wechat.cancel, world.appid, push="first") for world in worlds]
        until = time.monotonic() + HANGING_SECONDS
        pushed: list[int] = []
        written: list[str] = []
        while time.monotonic() < until:
            pushed.append(push_unknown(shaken, len(pushed)))
            written.append(write(worlds[0], len(written)))
        for one in gone:
            one.result()
        assert kept(shaken), "what hangs is not taken for told"
    all_is_told(shaken)
    last = sequences(shaken)
    for world in worlds:
        numbers = told(shaken, before)[world.appid]
        assert "authorizer.revoked" in numbers.values()
        assert sorted(numbers) == list(range(first[world.appid] + 1, last[world.appid] + 1))
    for wanted, seen in (
        (pushed, ids(shaken, before, "push.received", "create_time")),
        (written, ids(shaken, before, "message.received", "Content")),
    ):
        assert set(seen) == set(wanted)
        assert all(len(one) == 1 for one in seen.values()), "one id each"
