"""``make release-test``: WeChat's check before a full release, against the deployed local stack."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from sandbox.stack.progress import Progress
from sandbox.stack.stack import LocalStack, StackOptions
from sandbox.wechat.release_test import CheckFailedError, ReleaseTest, every_case

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.wechat.release_test import Case

TAKE_PART: Final = ("callback", "message", "exchange-worker", "renew", "token")
"""Functions that the check needs."""

_WELCOME = """WeChat's check before a full release (全网发布), played by the sandbox.
The real template is deployed to a local AWS. → is what WeChat's accounts send, ← what they get.
Nobody has written a line for it: wxvault answers by itself."""


def run() -> int:
    """Deploy and play every case; 0, or 1 with the step that failed."""
    progress = Progress()
    progress.say(_WELCOME)
    with LocalStack(StackOptions(), progress) as stack:
        stack.wechat.wait_idle()
        return play(stack, every_case(), progress)


def play(stack: LocalStack, cases: Iterable[Case], progress: Progress) -> int:
    """Play the cases, the first of each order with functions that have to start; the exit status.

    In either order another function is the first that WeChat waits for.
    """
    check = ReleaseTest(stack.wechat, progress.say)
    started = time.monotonic()
    played, warm_ms = 0, 0.0
    cold: dict[str, tuple[str, float]] = {}
    for case in cases:
        is_cold = case.order not in cold
        if is_cold:
            cool_down(stack)
            progress.say(
                f"\nEvery function has been stopped: the next case, {case.order}, is cold."
            )
        check.slowest_ms = 0.0
        try:
            check.play(case)
        except CheckFailedError as failure:
            progress.say(f"\n✗ {case.name}{' (cold)' if is_cold else ''}\n  {failure}")
            for line in [line for line in stack.logs() if not line.is_frame][-15:]:
                progress.say(f"    {line.function}: {line.text[:400]}")
            return 1
        if is_cold:
            cold[case.order] = case.name, check.slowest_ms
        else:
            warm_ms = max(warm_ms, check.slowest_ms)
        played += 1
    progress.say(
        f"\n✓ {played} runs of the check in {time.monotonic() - started:.0f} s. Slowest answer "
        f"{warm_ms:.0f} ms (WeChat waits 5000), slowest customer-service message "
        f"{check.slowest_api_ms:.0f} ms after its code."
    )
    for name, slowest_ms in cold.values():
        progress.say(f"✓ cold: {name}; slowest answer {slowest_ms:.0f} ms")
    return 0


def cool_down(stack: LocalStack) -> None:
    """End every environment of the functions that take part."""
    for name in TAKE_PART:
        stack.kill_environments(name)
