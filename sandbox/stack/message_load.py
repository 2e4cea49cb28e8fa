"""``make message-load``: a flood of users' messages against the deployed stack, with tickets in it.

Shows that each distinct message is published once, that WeChat gets its answer in time, and that
tickets are not held up.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sandbox.stack.observe import eventually
from sandbox.stack.progress import Progress
from sandbox.stack.stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.wechat.control_client import PushReport

WECHAT_SECONDS: Final = 5.0
TICKET_SECONDS: Final = 1.0
TICKETS_APART: Final = 2.0
FIRST_USERS_TIME: Final = 60
_TOLD_EACH: Final = 500
"""Messages say they were written up to so many seconds ago, in no order."""


@dataclass(frozen=True, slots=True)
class Flood:
    """How much is sent."""

    messages: int = 2000
    merchants: int = 50
    repeated: float = 0.1
    at_once: int = 4
    environments: int = 6
    seed: int = 1


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    sent: int = 0
    pushes: int = 0
    seconds: float = 0.0
    refused: list[str] = field(default_factory=list)
    message_ms: list[float] = field(default_factory=list)
    ticket_ms: list[float] = field(default_factory=list)
    published: Counter[str] = field(default_factory=Counter)
    """How often each event id came over the bus."""
    contents: set[str] = field(default_factory=set)
    """What the published messages say."""

    def lines(self) -> list[tuple[str, str, bool]]:
        """Every promise with its figure, and whether it holds."""
        slow, tickets = share(self.message_ms, 0.99), max(self.ticket_ms, default=0.0)
        twice = sum(count > 1 for count in self.published.values())
        return [
            (
                f"{self.sent} messages in {self.pushes} pushes, each answered `success`",
                (
                    f"{len(self.refused)} not {self.refused[:3] or ''}; "
                    f"{self.pushes / self.seconds:.0f} a second"
                ),
                not self.refused,
            ),
            (
                "each distinct message was published, by one event id",
                f"{len(self.published)} events, {len(self.contents)} messages",
                len(self.published) == len(self.contents) == self.sent,
            ),
            ("none of them twice", f"{twice}", twice == 0),
            (
                "99 of 100 pushes were answered within five seconds",
                (
                    f"p50 {share(self.message_ms, 0.5):.0f} ms, p99 {slow:.0f} ms, "
                    f"slowest {max(self.message_ms):.0f} ms"
                ),
                slow < WECHAT_SECONDS * 1000,
            ),
            (
                "every ticket in between was answered within a second",
                f"{len(self.ticket_ms)} tickets, slowest {tickets:.0f} ms",
                bool(self.ticket_ms) and tickets < TICKET_SECONDS * 1000,
            ),
        ]


def share(values: list[float], part: float) -> float:
    """Return the value below which this part of all values is."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] if ordered else 0.0


def run() -> int:
    """Deploy, flood, print; 0 if every promise holds."""
    progress = Progress()
    with LocalStack(StackOptions(), progress) as stack:
        stack.wechat.wait_idle()
        with progress.step("a flood of messages, with tickets in between"):
            outcome = flood(stack, Flood(), progress.say)
    print()
    for claim, figure, holds in outcome.lines():
        print(f"  {'✓' if holds else '✗'} {claim}: {figure}")
    print(
        "\nThrottling is not shown: the emulator has none; its limits are asserted on the template."
    )
    return 0 if all(holds for _, _, holds in outcome.lines()) else 1


def flood(stack: LocalStack, wanted: Flood, say: Callable[[str], None] = lambda _: None) -> Outcome:
    """Send it all, wait until the bus has it, and say what came of it."""
    chance = random.Random(wanted.seed)  # noqa: S311 -- a flood that can be repeated
    merchants = _authorised(stack, wanted.merchants)
    stack.warm("message", wanted.environments)
    stack.warm("callback", 2)
    outcome = Outcome(sent=wanted.messages)
    mark = f"flood-{time.time_ns()}"
    lock = threading.Lock()

    def note(report: PushReport) -> None:
        attempt = report.attempts[-1]
        with lock:
            outcome.pushes += 1
            outcome.message_ms.append(float(attempt["ms"]))
            if outcome.pushes % _TOLD_EACH == 0:
                say(f"         {outcome.pushes} pushes answered")
            if report.state != "delivered" or len(report.attempts) > 1:
                outcome.refused.append(f"{report.push_id}: {report.attempts}")

    def send(number: int) -> None:
        written = int(time.time()) - number * 7919 % FIRST_USERS_TIME
        report = stack.wechat.send_message(
            merchants[number % len(merchants)],
            f"{mark} {number}",
            fields={"CreateTime": written},
        )
        note(report)
        if number in again:
            note(stack.wechat.resend_push(report.push_id))

    numbers = list(range(wanted.messages))
    again = set(chance.sample(numbers, int(wanted.messages * wanted.repeated)))
    chance.shuffle(numbers)
    over = threading.Event()
    tickets = threading.Thread(target=_tickets, args=(stack, over, outcome), daemon=True)
    started = time.monotonic()
    tickets.start()
    with ThreadPoolExecutor(wanted.at_once) as senders:
        list(senders.map(send, numbers))
    outcome.seconds = time.monotonic() - started
    over.set()
    tickets.join()

    def arrived() -> bool:
        outcome.published.clear()
        for event in stack.bus_events():
            if mark in event.raw and event.kind == "message.received":
                outcome.published[event.detail["event_id"]] += 1
                outcome.contents.add(event.detail["message"]["Content"])
        return len(outcome.published) >= wanted.messages

    eventually(arrived, what="every message on the bus")
    return outcome


def _authorised(stack: LocalStack, count: int) -> list[str]:
    """Merchants that the vault holds."""
    appids = [str(stack.wechat.add_merchant()["appid"]) for _ in range(count)]
    for appid in appids:
        stack.wechat.confirm(appid, push="first")
    return appids


def _tickets(stack: LocalStack, over: threading.Event, outcome: Outcome) -> None:
    while not over.wait(TICKETS_APART):
        report = stack.wechat.push_ticket()
        attempt = report.attempts[-1]
        outcome.ticket_ms.append(float(attempt["ms"]) if attempt["ok"] else 60_000.0)
