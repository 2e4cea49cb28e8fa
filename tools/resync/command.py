"""``make resync``: hold the table against WeChat's list. ``make adopt``: until all are active."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from tools.dead_letters.stacks import RUNNING, NoStackError, deployed, on_this_desk
from tools.flags import YES, UnclearFlagError, flag
from tools.resync.adopting import adopt
from tools.resync.asking import Asking, ResyncFailedError
from tools.resync.report import plan, summary
from wxvault.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit status is 0, or 1 with what went wrong."""
    parser = argparse.ArgumentParser(prog="make resync", description=__doc__)
    parser.add_argument("--stack", default="", help="a stack deployed to AWS; empty: make run's")
    parser.add_argument("--apply", default="", help="do it, instead of telling")
    parser.add_argument("--appid", default="", help="only this authorizer")
    parser.add_argument("--adopt", action="store_true", help="until everybody is active")
    parser.add_argument("--running", type=Path, default=RUNNING, help=argparse.SUPPRESS)
    wanted = parser.parse_args(arguments)
    try:
        apply = flag("APPLY", wanted.apply) == YES
        stack = deployed(wanted.stack) if wanted.stack else on_this_desk(wanted.running)
        _say(f"{stack.name}, {stack.place}")
        asking = Asking(stack, lambda text: _say(f"  … {text}"))
        if wanted.adopt:
            return adopt(asking, SystemClock(), _say)
        told = asking.run(dry_run=not apply, authorizer_appid=wanted.appid)
    except (NoStackError, ResyncFailedError, UnclearFlagError) as error:
        return _complain(str(error))
    except (ClientError, BotoCoreError) as error:
        return _complain(f"AWS: {error}")
    except KeyboardInterrupt:
        return _complain("Broken off. What was done is done; run it again whenever you like.")
    for line in (*summary(told), *plan(told, dry_run=not apply)):
        _say(line)
    if told.changes and not apply:
        parts = {"STACK": wanted.stack, "APPID": wanted.appid, "APPLY": "1"}
        given = " ".join(f"{name}={value}" for name, value in parts.items() if value)
        _say(f"\nThis was a dry run: nothing was written. To do it: make resync {given}")
    elif told.changes:
        _say("\nWeChat is asked, and tokens are renewed, from now on; look again in a minute.")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)


def _complain(text: str) -> int:
    print(text, file=sys.stderr)
    return 1
