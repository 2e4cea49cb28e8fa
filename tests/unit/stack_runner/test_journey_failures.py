"""A journey that fails says at which step, what was shown before, and what to do."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from sandbox.stack import journey
from sandbox.stack.journey.facts import StepFailedError
from sandbox.stack.observe import NotSeenError
from sandbox.stack.progress import Progress
from sandbox.stack.roles import FunctionFailedError

if TYPE_CHECKING:
    from sandbox.stack.journey.chapters import Journey
    from sandbox.stack.stack import LocalStack

TIMED_OUT = FunctionFailedError("arn:function:TokenFunction:live", {"errorMessage": "timed out"})


@pytest.mark.parametrize(
    "failure", [TIMED_OUT, StepFailedError("dead tokens: 1"), NotSeenError("the code")]
)
def test_the_step_that_failed_is_named(failure: Exception, monkeypatch: Any) -> None:
    """Also where a function ran out of time: the step, the summary so far, and a hint."""

    def first(travel: Journey) -> None:
        """The first chapter."""
        travel.facts.show("merchants", "1", holds=True)

    def second(_travel: Journey) -> None:
        """The second chapter."""
        raise failure

    monkeypatch.setattr(journey, "_CHAPTERS", (first, second))
    monkeypatch.setattr(
        journey, "Journey", lambda _stack, facts: SimpleNamespace(facts=facts), raising=True
    )
    screen = io.StringIO()
    stack = cast("LocalStack", SimpleNamespace(logs=list))
    assert journey._travel(stack, Progress(screen), begun=0.0) == 1
    said = screen.getvalue()
    assert f"✗ The step that failed: The second chapter.\n  {failure}" in said
    assert "Summary\n  ✓ merchants: 1\n" in said
    assert "start again" in said
