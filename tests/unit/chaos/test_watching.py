"""Who watches the refresh tokens goes on watching, and nobody takes its absence for peace."""

from __future__ import annotations

import threading
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from sandbox.chaos.drill import Drill
from sandbox.chaos.findings import _faults, _look_ups, _tokens
from sandbox.chaos.judge import HandedOut, RefreshWatch
from sandbox.chaos.notes import Notes
from sandbox.chaos.plan import Plan
from sandbox.chaos.report import Report
from sandbox.chaos.vault import Vault
from sandbox.chaos.watching import Watching
from wxvault.errors import SealingKeyError, TableUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLAN = Plan()
FAILURES = (
    TableUnavailableError("read time-out"),
    SealingKeyError("throttled"),
    ReadTimeoutError(endpoint_url="http://127.0.0.1"),
    ClientError({"Error": {"Code": "ThrottlingException"}}, "Scan"),
)


class Stopped:
    """An event that is set after so many pauses."""

    def __init__(self, rounds: int) -> None:
        self.left = rounds

    def wait(self, _seconds: float) -> bool:
        """Say whether it is set."""
        self.left -= 1
        return self.left < 0


def watched(rounds: int, *failures: Exception) -> Watching:
    """Let somebody look so often, the first looks failing."""
    coming: Iterator[Exception] = iter(failures)

    def look() -> None:
        failure = next(coming, None)
        if failure is not None:
            raise failure

    watching = Watching(look, 4.0)
    watching.run(cast("threading.Event", Stopped(rounds)))
    return watching


@pytest.mark.parametrize("failure", FAILURES, ids=lambda one: type(one).__name__)
def test_a_look_that_fails_is_not_the_last(failure: Exception) -> None:
    """Whatever the table, the key or the network says, it is counted, and looked at again."""
    watching = watched(5, failure, failure)
    assert (watching.looks, watching.failed) == (3, 2)


def reported(judge: Callable[..., None], drill: Any, *more: Any) -> list[str]:
    """Have one part of the table made; return the names of the bounds that were missed."""
    report = Report("")
    judge(report, cast("Drill", drill), *more)
    return [line.name for line in report.lines if line.missed]


def drill_that_watched(looks: int, *ended_early: str) -> Any:
    """Return what the judge of tokens asks of a drill."""
    wechat = SimpleNamespace(tokens=list, pushes=lambda _kind: [])
    return SimpleNamespace(
        plan=PLAN,
        stack=SimpleNamespace(wechat=wechat),
        notes=Notes(),
        watch=RefreshWatch(),
        watching=SimpleNamespace(looks=looks, failed=1),
        ended_early=list(ended_early),
    )


def test_no_refresh_token_lost_is_only_said_by_who_has_looked() -> None:
    """Too few looks, or a watcher that is gone, are bounds that were missed."""
    enough = PLAN.least_looks
    assert reported(_tokens, drill_that_watched(enough)) == []
    missed = ["looks at the refresh tokens in the table"]
    assert reported(_tokens, drill_that_watched(enough - 1)) == missed
    missed = ["parts of the load that ended early"]
    assert reported(_tokens, drill_that_watched(enough, "watching: KeyError")) == missed


@pytest.mark.parametrize(("tokens", "missed"), [(75, []), (74, ["answered with a token"])])
def test_refusing_nearly_everybody_is_not_well(tokens: int, missed: list[str]) -> None:
    """However clear the errors are: a sane part of the look-ups brings a token."""
    notes = Notes()
    for _ in range(tokens):
        notes.answered(HandedOut("wx0000000000000001", "0" * 64, 0.0, 0.0), 0.1)
    for _ in range(100 - tokens):
        notes.refused("renewal_in_progress", 8.0)
    drill = SimpleNamespace(plan=PLAN, notes=notes, look_ups=100, asked=100, seconds=1.0)
    assert reported(_look_ups, drill) == missed


@pytest.mark.parametrize("kills", [4, 5])
def test_enough_processes_die_while_wechat_has_their_call(kills: int) -> None:
    """What is hardest to survive has to be met, not only counted."""
    board = SimpleNamespace(injected=dict, seen=dict)
    killer = SimpleNamespace(killed=Counter(renew=9), at_wechat=kills)
    drill = SimpleNamespace(plan=PLAN, stack=SimpleNamespace(faults=board), killer=killer)
    missed = "killed while WeChat had their call" in reported(_faults, drill, [])
    assert missed is (kills < PLAN.least_mid_flight)


def test_an_error_ends_a_part_of_the_load_and_is_told() -> None:
    """A thread that dies is no longer one that found nothing."""
    drill = SimpleNamespace(ended_early=[])

    def work(_calm: threading.Event) -> None:
        raise KeyError("generation")

    Drill._until_calm(cast("Drill", drill), "storms", work, threading.Event())
    assert drill.ended_early == ["storms: KeyError ('generation')"]


def test_a_renewal_brought_forward_unheard_counts_as_brought_forward() -> None:
    """The table may have done it: WeChat may be asked once more for it."""

    def fail(**_request: Any) -> None:
        raise ReadTimeoutError(endpoint_url="http://127.0.0.1")

    component = SimpleNamespace(appid="wx0000000000000001")
    root = SimpleNamespace(dynamodb=SimpleNamespace(update_item=fail))
    vault = SimpleNamespace(_stack=SimpleNamespace(component=component, root=root), _name="table")
    assert Vault.make_due(cast("Vault", vault), "wx0000000000000002")
