"""Progress: what took how long, and signs of life meanwhile."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, cast

import pytest

from sandbox.stack.progress import Progress, Quiet

if TYPE_CHECKING:
    from threading import Event


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def test_a_step_is_printed_and_kept_with_its_seconds() -> None:
    """The line has the name and the time; the time can be asked for later."""
    clock, stream = Clock(), io.StringIO()
    progress = Progress(stream, clock=clock)
    with progress.step("build"):
        clock.now += 3.25
    assert stream.getvalue() == "    3.2 s  build\n"
    assert progress.seconds == {"build": 3.25}


def test_a_step_that_fails_says_so() -> None:
    """A reader sees which step it was; its time is not taken for a result."""
    stream = io.StringIO()
    progress = Progress(stream, clock=Clock())
    with pytest.raises(ValueError, match="no"), progress.step("deploy"):
        raise ValueError("no")
    assert "deploy: stopped" in stream.getvalue()
    assert not progress.seconds


class Waits:
    """An event that is set after a number of waits, and notes how long each was."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.waits: list[float] = []

    def wait(self, seconds: float) -> bool:
        """Whether it is set."""
        self.waits.append(seconds)
        self.left -= 1
        return self.left < 0


def test_a_long_step_shows_that_it_lives() -> None:
    """First after two seconds, then every five, each time with the name."""
    stream, finished = io.StringIO(), Waits(2)
    progress = Progress(stream, clock=Clock())
    progress._watch("build", 100.0, cast("Event", finished))
    assert finished.waits == [2.0, 5.0, 5.0]
    assert stream.getvalue().count("build …") == 2


def test_quiet_keeps_the_times_only(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed."""
    progress = Quiet()
    with progress.step("build"):
        pass
    assert "build" in progress.seconds
    assert capsys.readouterr().out == ""
