"""The release test at the desk: which of its cases are cold, and that it says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.stack import release_test
from sandbox.stack.progress import Progress
from sandbox.wechat.release_test import ORDERS, every_case

if TYPE_CHECKING:
    from sandbox.wechat.release_test import Case


class Telling(Progress):
    """Keeps what is said."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def say(self, text: str) -> None:
        """Keep a line."""
        self.said.append(text)


class FakeStack:
    """A stack whose functions are cold when they were stopped, and warm once they were asked."""

    wechat: Any = None

    def __init__(self) -> None:
        self.cold = False

    def kill_environments(self, _name: str) -> int:
        """Stop them."""
        self.cold = True
        return 1

    def logs(self) -> list[Any]:
        """Return nothing."""
        return []


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    """Return a stack on which the check takes 40 ms, and 2,000 ms where it is cold."""
    made = FakeStack()

    class FakeCheck:
        slowest_ms = 0.0
        slowest_api_ms = 300.0

        def __init__(self, *_: object) -> None:
            """Begin."""

        def play(self, _case: Case) -> None:
            """Play a case."""
            self.slowest_ms = 2000.0 if made.cold else 40.0
            made.cold = False

    monkeypatch.setattr(release_test, "ReleaseTest", FakeCheck)
    return made


def test_each_order_is_played_cold_once_and_it_is_said(stack: FakeStack) -> None:
    """The first case of either order; their slowest answers are told apart from the others'."""
    progress = Telling()
    assert release_test.play(stack, every_case(), progress) == 0  # type: ignore[arg-type]
    cold = [line for line in progress.said if line.startswith("✓ cold: ")]
    assert len(cold) == len(ORDERS)
    for order, line in zip(ORDERS, cold, strict=True):
        assert f"{order}; slowest answer 2000 ms" in line
    (all_of_them,) = (line for line in progress.said if "runs of the check" in line)
    assert "40 runs" in all_of_them
    assert "Slowest answer 40 ms" in all_of_them
