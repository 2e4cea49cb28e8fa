"""``make dlq``: show every dead letter of a stack, send them back, or drop them."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from tools.dead_letters.moving import Moved, Order, move
from tools.dead_letters.queues import dead_letters
from tools.dead_letters.reasons import ReasonFinder
from tools.dead_letters.report import entries, lines, moved_line
from tools.dead_letters.stacks import RUNNING, NoStackError, deployed, on_this_desk
from tools.dead_letters.standing import Standings
from tools.flags import UnclearFlagError, flag

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tools.dead_letters.queues import DeadLetters
    from tools.dead_letters.stacks import Stack

_SHOWN = 200
_LOOK_SECONDS = 60
_SILENT_SECONDS = 2.0
_ALL = "all"

_ADVICE = """
make dlq{on} REDRIVE=1   sends back what its queue can do; mend the reason first, or it comes back
make dlq{on} DROP=1      drops what nothing is lost with: done since, or sent anew by every sweep
(all instead of 1: also what this deployment has never sent; find out first who did)"""


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit status is 0, or 1 with what went wrong."""
    parser = argparse.ArgumentParser(prog="make dlq", description=__doc__)
    parser.add_argument("--stack", default="", help="a stack deployed to AWS; empty: make run's")
    parser.add_argument("--queue", default="", help="only this one: renew, exchange, sweep, resync")
    parser.add_argument("--redrive", default="", help="send back; all: the bad too")
    parser.add_argument("--drop", default="", help="drop; all: the unreadable too")
    parser.add_argument("--running", type=Path, default=RUNNING, help=argparse.SUPPRESS)
    wanted = parser.parse_args(arguments)
    try:
        said = {True: flag("REDRIVE", wanted.redrive, _ALL), False: flag("DROP", wanted.drop, _ALL)}
    except UnclearFlagError as error:
        return _complain(str(error))
    orders = [
        Order(redrive=redrive, everything=value == _ALL) for redrive, value in said.items() if value
    ]
    if len(orders) > 1:
        return _complain("Either REDRIVE or DROP, one after the other.")
    try:
        stack = deployed(wanted.stack) if wanted.stack else on_this_desk(wanted.running)
        on = f" STACK={wanted.stack}" if wanted.stack else ""
        return run(stack, wanted.queue, orders[0] if orders else None, on=on)
    except NoStackError as error:
        return _complain(str(error))
    except (ClientError, BotoCoreError) as error:
        return _complain(f"AWS: {error}")


def run(stack: Stack, name: str, order: Order | None, *, on: str = "") -> int:
    """Show (no order) or move the letters of a stack, or of one queue of it; the exit status.

    ``on`` is what a next command needs to find the same stack again.
    """
    queues = [queue for queue in dead_letters(stack) if name in {"", queue.title}]
    if not queues:
        return _complain(f"{stack.name} has no dead-letter queue called {name or 'anything'}.")
    print(f"{stack.name}, {stack.place}\n", flush=True)
    started = time.time()
    standings = Standings(stack, started)
    if order is None:
        if _show(queues, standings, ReasonFinder(stack), started):
            print(_ADVICE.format(on=on))
        return 0
    failed = 0
    for queue in queues:
        moved = move(queue, standings, order, started=started, tell=_progress(queue))
        print(moved_line(queue, moved), flush=True)
        failed += moved.failed
    return _complain("Some could not be sent; they are still there.") if failed else 0


def _show(
    queues: Sequence[DeadLetters], standings: Standings, reasons: ReasonFinder, now: float
) -> int:
    """Print every queue; how many letters were seen."""
    total = 0
    for queue in queues:
        depth = queue.depth()
        letters = queue.take(_LOOK_SECONDS, most=_SHOWN) if depth else []
        # Before anything else: whoever watches the queue sees them again.
        queue.put_back(letters)
        found = entries(queue, letters, standings, reasons)
        for line in lines(queue, found, depth=depth, seen=len(letters), now=now):
            print(line, flush=True)
        total += len(letters)
    return total


def _progress(queue: DeadLetters) -> Callable[[Moved], None]:
    def tell(moved: Moved) -> None:
        if time.time() - began > _SILENT_SECONDS:
            print(f"  {moved_line(queue, moved)} …", flush=True)

    began = time.time()
    return tell


def _complain(text: str) -> int:
    print(text, file=sys.stderr)
    return 1
