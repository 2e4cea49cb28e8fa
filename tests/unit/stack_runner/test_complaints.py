"""Which of the emulator's own errors are nobody's fault but a test's that killed an environment."""

from __future__ import annotations

import pytest

from sandbox.stack.ministack import is_end_of_a_killed_one

SAID = (
    "2026-11-20 17:00:14 ERROR [lambda] Warm worker execution error for wxvault-Renew-1B: "
    "Worker process exited immediately. stderr: "
)


def test_who_was_killed_while_starting_is_no_complaint() -> None:
    """Killed on purpose, and without a word of its own: that is how a killed process ends."""
    assert is_end_of_a_killed_one(SAID, {"wxvault-Renew-1B"})


@pytest.mark.parametrize(
    ("line", "killed"),
    [
        (SAID, {"wxvault-Token-1B"}),
        (SAID + "Traceback (most recent call last)", {"wxvault-Renew-1B"}),
        (SAID.replace("exited immediately", "died"), {"wxvault-Renew-1B"}),
    ],
    ids=["another function", "it said why", "another error"],
)
def test_everything_else_stays_a_complaint(line: str, killed: set[str]) -> None:
    """A function that ends at its start by itself, and whatever else the emulator says."""
    assert not is_end_of_a_killed_one(line, killed)
