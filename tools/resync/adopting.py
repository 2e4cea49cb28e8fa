"""``make adopt``: everybody whom WeChat lists becomes active, and nobody is asked for anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.resync.report import missing, plan, summary

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.resync.asking import Asking, Told
    from wxvault.clock import Clock

FIRST_PAUSE = 3.0
LONGEST_PAUSE = 30.0
PATIENCE_SECONDS = 300.0
"""So long nobody more may become active until it is given up: longer than a lease and a sweep."""

SETTLED = frozenset({"never_exchanged", "lost", "revoked"})
"""Whoever is so stays so, however long one waits."""


def adopt(asking: Asking, clock: Clock, say: Callable[[str], None]) -> int:
    """Run a resync, and again until everybody is active or nothing moves any more.

    Each round is a real run, so that whoever was busy in one is dealt with in the next. Returns the
    exit status: 0, or 1 when somebody is not active.

    Raises:
        ResyncFailedError: the function could not do it.
    """
    told = asking.run(dry_run=False)
    for line in (*summary(told), *plan(told, dry_run=False), ""):
        say(line)
    began = moved = clock.now()
    best, pause = -1, FIRST_PAUSE
    while _waits(told):
        if told.active > best:
            best, moved = told.active, clock.now()
        if clock.now() - moved > PATIENCE_SECONDS:
            say("Nobody more has become active for five minutes.")
            break
        clock.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
        told = asking.run(dry_run=False)
        say(f"  {clock.now() - began:>4.0f} s: {told.active:,} of {told.listed:,} are active")
    if not told.not_active:
        say(f"All {told.listed:,} merchants that WeChat lists are active; none was asked.")
        return 0
    say(f"{told.active:,} of {told.listed:,} merchants that WeChat lists are active. Not active:")
    for line in missing(told.not_active):
        say(line)
    return 1


def _waits(told: Told) -> bool:
    """Say whether somebody may still become active."""
    return told.truncated or any(one["reason"] not in SETTLED for one in told.not_active)
