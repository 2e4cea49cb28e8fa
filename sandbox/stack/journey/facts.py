"""What the journey has shown so far, step by step, for the screen and for the exit status."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.stack.progress import Progress


class StepFailedError(Exception):
    """A step of the journey did not show what it must show."""


@dataclass(slots=True)
class Facts:
    """Collects what was shown."""

    progress: Progress
    summary: list[tuple[str, str]] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    """When everything began, the building of the stack too."""

    def title(self, text: str) -> None:
        """Begin a chapter."""
        self.progress.say(f"\n{text}")

    def say(self, text: str) -> None:
        """Tell one thing that happened."""
        self.progress.say(f"  {text}")

    def show(self, claim: str, figure: str, *, holds: bool) -> None:
        """Put a claim and its figure into the summary; fail if it does not hold."""
        self.summary.append((claim, figure))
        if not holds:
            raise StepFailedError(f"{claim}: {figure}")
        self.progress.say(f"  ✓ {claim}: {figure}")

    def print_summary(self) -> None:
        """Print everything that was shown, once more."""
        self._print_shown(self.summary)
        took = time.monotonic() - self.started
        self.progress.say(f"\nAll of it in {took:.0f} s, from the first line on.")

    def print_failure(self, chapter: str, failure: Exception) -> None:
        """Print what was shown before it failed, the step that failed, and why."""
        if isinstance(failure, StepFailedError):
            shown = [one for one in self.summary if f"{one[0]}: {one[1]}" != str(failure)]
        else:
            shown = self.summary
        self._print_shown(shown)
        self.progress.say(f"\n✗ The step that failed: {chapter}\n  {failure}")

    def _print_shown(self, shown: list[tuple[str, str]]) -> None:
        self.progress.say("\nSummary")
        for claim, figure in shown:
            self.progress.say(f"  ✓ {claim}: {figure}")
