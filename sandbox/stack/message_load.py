"""``make message-load``: floods of users' messages at the deployed stack, with tickets in between.

Shows that each distinct message is published once, that WeChat gets its answer in time, and that
tickets are not held up: neither by many merchants' messages nor by one merchant's whose responder
hangs.
"""

from __future__ import annotations

import io
import random
import textwrap
import threading
import time
import zipfile
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
RESPONDER: Final = "arn:aws:lambda:us-east-1:123456789012:function:message-load-responder"
FIRST_USERS_TIME: Final = 60
_TOLD_EACH: Final = 500
"""Messages say they were written up to so many seconds ago, in no order."""


# It answers at once, unless it is told to hang: then after the deadline, within its timeout.
_RESPONDER: Final = """
    import time

    def handler(event, context):
        if event["message"]["Content"].startswith("hang"):
            time.sleep(3.9)
        return {"type": "text", "content": "Welcome!"}
"""
_DEADLINE_MS: Final = 3400


@dataclass(frozen=True, slots=True)
class Flood:
    """How much is sent."""

    messages: int = 2000
    merchants: int = 50
    repeated: float = 0.1
    """This share is sent twice: half of them with their first, half after its answer."""
    at_once: int = 4
    environments: int = 6
    tickets_apart: float = 2.0
    hangs: bool = False
    """Whether the responder is late for every message."""
    seed: int = 1


# The second occupies two thirds of what the local account may run at once: one for each message
# that waits, and one for the responder it waits for.
CASES: Final = (
    ("many merchants, a responder that answers", Flood()),
    (
        "one merchant, a responder that hangs",
        Flood(
            messages=150,
            merchants=1,
            repeated=0.2,
            at_once=10,
            environments=12,
            tickets_apart=0.5,
            hangs=True,
        ),
    ),
)


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    sent: int = 0
    hangs: bool = False
    pushes: int = 0
    together: int = 0
    """Repeats that were sent at the same time as their first."""
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
        middle = share(self.message_ms, 0.5)
        waited = [
            (
                "the responder hung: pushes waited for it, and no longer than its 3.5 s",
                f"p50 {middle:.0f} ms",
                middle > _DEADLINE_MS,
            )
        ]
        return [
            (
                f"{self.sent} messages in {self.pushes} pushes, each answered well",
                (
                    f"{len(self.refused)} not{f' {self.refused[:3]}' if self.refused else ''}, "
                    f"{self.pushes / self.seconds:.0f} a second"
                ),
                not self.refused,
            ),
            (
                f"each message has one id; {self.together} repeats were sent with their first",
                f"{len(self.published)} ids, {len(self.contents)} messages",
                len(self.published) == len(self.contents) == self.sent,
            ),
            ("none of them twice", f"{twice}", twice == 0),
            (
                "99 of 100 pushes were answered within five seconds",
                (f"p50 {middle:.0f} ms, p99 {slow:.0f} ms, slowest {max(self.message_ms):.0f} ms"),
                slow < WECHAT_SECONDS * 1000,
            ),
            *(waited if self.hangs else ()),
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
    """Deploy, play every flood, print; 0 if every promise holds."""
    progress = Progress()
    options = StackOptions(parameters={"ResponderFunctionArn": RESPONDER})
    outcomes: list[tuple[str, Outcome]] = []
    with LocalStack(options, progress) as stack:
        stack.wechat.wait_idle()
        make_responder(stack)
        for name, wanted in CASES:
            with progress.step(f"{name}: {wanted.messages} messages, with tickets in between"):
                outcomes.append((name, flood(stack, wanted, progress.say)))
    lines = [(name, *line) for name, outcome in outcomes for line in outcome.lines()]
    told = ""
    for name, claim, figure, holds in lines:
        if name != told:
            print(f"\n{name[0].upper()}{name[1:]}:")
            told = name
        print(f"  {'✓' if holds else '✗'} {claim}: {figure}")
    print(
        "\nThrottling is not shown: the emulator has none; its limits are asserted on the template."
    )
    return 0 if all(holds for *_, holds in lines) else 1


def make_responder(stack: LocalStack) -> None:
    """Make the platform's own function, which the stack was told of at its deployment."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("app.py", textwrap.dedent(_RESPONDER))
    stack.root.lambda_.create_function(
        FunctionName=RESPONDER.rpartition(":")[2],
        Runtime="python3.13",
        Role=stack.roles.make("responder").arn,
        Handler="app.handler",
        Timeout=4,
        Code={"ZipFile": archive.getvalue()},
    )


def flood(stack: LocalStack, wanted: Flood, say: Callable[[str], None] = lambda _: None) -> Outcome:
    """Send it all, wait until the bus has it, and say what came of it."""
    chance = random.Random(wanted.seed)  # noqa: S311 -- a flood that can be repeated
    merchants = _authorised(stack, wanted.merchants)
    stack.warm("message", wanted.environments)
    stack.warm("callback", 2)
    # So that no push waits for the responder to start.
    with ThreadPoolExecutor(wanted.at_once) as first_users:
        list(
            first_users.map(
                lambda _: stack.wechat.send_message(merchants[0], "hang"), range(wanted.at_once)
            )
        )
    outcome = Outcome(sent=wanted.messages, hangs=wanted.hangs)
    mark = f"{'hang' if wanted.hangs else 'flood'}-{time.time_ns()}"
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
            wait=number not in together,
        )
        if number in together:
            again = stack.wechat.resend_push(report.push_id, wait=False)
            note(stack.wechat.wait_push(report.push_id))
            note(stack.wechat.wait_push(again.push_id))
            return
        note(report)
        if number in after:
            note(stack.wechat.resend_push(report.push_id))

    numbers = list(range(wanted.messages))
    repeated = chance.sample(numbers, int(wanted.messages * wanted.repeated))
    together, after = set(repeated[::2]), set(repeated[1::2])
    outcome.together = len(together)
    chance.shuffle(numbers)
    over = threading.Event()
    tickets = threading.Thread(
        target=_tickets, args=(stack, over, outcome, wanted.tickets_apart), daemon=True
    )
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


def _tickets(stack: LocalStack, over: threading.Event, outcome: Outcome, apart: float) -> None:
    while not over.wait(apart):
        report = stack.wechat.push_ticket()
        attempt = report.attempts[-1]
        outcome.ticket_ms.append(float(attempt["ms"]) if attempt["ok"] else 60_000.0)
