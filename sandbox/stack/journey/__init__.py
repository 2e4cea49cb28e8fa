"""The journey of a first merchant through the deployed stack, told in plain words with figures."""

from __future__ import annotations

import threading
import time
from typing import Final

from sandbox.stack.errors import StackError
from sandbox.stack.journey import chapters
from sandbox.stack.journey.chapters import Journey
from sandbox.stack.journey.facts import Facts, StepFailedError
from sandbox.stack.journey.merchant import visit
from sandbox.stack.observe import NotSeenError
from sandbox.stack.progress import Progress
from sandbox.stack.published import published
from sandbox.stack.stack import LocalStack, StackOptions

OVERLAP_SECONDS = 120
"""The shortest overlap there is: a token may be called refused after 24 s instead of 60."""

_WELCOME = """wxvault: the real template, deployed to a local AWS, with a WeChat for one desk.
Nothing leaves this machine. Pushes are encrypted as WeChat does it; roles are enforced."""

_HINT = """
Above are the last lines of the functions' logs. If a function timed out, the machine may be busy
with something else: let that finish, and start again."""

_STAYS = """
It stays up. Open in a browser:
  {wechat}   the sandbox: merchants authorise, change their grants and cancel here
  {platform}/…   the platform; a fresh link to start with:
  {link}
AWS endpoint for the aws command line: {aws} (keys test/test, region us-east-1)
Dead letters, in another terminal: make dlq
Ctrl-C stops everything and leaves nothing behind."""


def demo() -> int:
    """Show everything once; 0, or 1 with the step that failed and why."""
    progress, begun = Progress(), time.monotonic()
    progress.say(_WELCOME)
    with LocalStack(_options(), progress) as stack:
        return _travel(stack, progress, begun)


def run() -> int:
    """The same, and stay up until Ctrl-C."""
    progress, begun = Progress(), time.monotonic()
    progress.say(_WELCOME)
    with LocalStack(_options(), progress) as stack:
        failed = _travel(stack, progress, begun)
        if failed:
            return failed
        journey = Journey(stack, Facts(progress))
        trip = visit(stack, journey.backend("walk-in"), "walk-in", tenant_name="Walk-in")
        progress.say(
            _STAYS.format(
                wechat=stack.wechat_url,
                platform=stack.platform_url,
                link=trip.launch_url,
                aws=stack.aws_url,
            )
        )
        with published(stack):
            threading.Event().wait()
    return 0


def _options() -> StackOptions:
    return StackOptions(overlap=OVERLAP_SECONDS)


def _travel(stack: LocalStack, progress: Progress, begun: float) -> int:
    facts = Facts(progress, started=begun)
    chapter = _CHAPTERS[0]
    try:
        journey = Journey(stack, facts)
        for chapter in _CHAPTERS:
            chapter(journey)
    except (StepFailedError, NotSeenError, StackError) as failure:
        facts.print_failure(str(chapter.__doc__), failure)
        for line in [line for line in stack.logs() if not line.is_frame][-15:]:
            progress.say(f"    {line.text[:400]}")
        progress.say(_HINT)
        return 1
    facts.print_summary()
    return 0


def _storm(journey: Journey) -> None:
    chapters.storm(journey, overlap=OVERLAP_SECONDS)


_storm.__doc__ = chapters.storm.__doc__

_CHAPTERS: Final = (
    chapters.tickets,
    chapters.onboarding,
    chapters.hand_out,
    chapters.plugin,
    chapters.stranger,
    _storm,
    chapters.sealed,
    chapters.cancelled,
)
