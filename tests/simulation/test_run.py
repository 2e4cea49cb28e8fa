"""What the command says and ends with: a run that shows too little does not end well."""

from __future__ import annotations

import gc
import logging
from typing import TYPE_CHECKING

import pytest

from tests.simulation.faults import CELLS
from tests.simulation.run import NoScheduleError, main, named, report
from tests.simulation.tally import WANTED, Tally

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Take back what a run changes in its process."""
    yield
    logging.disable(logging.NOTSET)
    gc.enable()


def tally(distinct: int) -> Tally:
    """Return what came of a run without failures that hit every cell."""
    total = Tally(played=distinct, digests=set(range(distinct)))
    total.met.update(dict.fromkeys(CELLS, WANTED))
    return total


@pytest.mark.parametrize(("played", "well"), [(99, False), (100, True)])
def test_too_few_distinct_schedules_are_a_failure(
    played: int, *, well: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that plays the same again and again does not end well."""
    assert report(tally(played), 1.0, distinct=100) is well
    assert ("too few" in capsys.readouterr().out) is not well


def test_a_part_of_a_run_may_have_any_size() -> None:
    """Whoever asks for a few schedules is not told that they are few."""
    assert report(tally(1), 1.0)


@pytest.mark.parametrize(("seconds", "slow"), [(120.0, False), (121.0, True)])
def test_a_slow_run_is_told_but_ends_well(
    seconds: float, *, slow: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """The machine may be busy."""
    assert report(tally(1), seconds, usual_seconds=120.0)
    assert ("slow: it took more than 120 s" in capsys.readouterr().out) is slow


def test_what_was_found_is_a_failure() -> None:
    """Neither a failed schedule nor a cell that was hit too rarely ends well."""
    failed, rare = tally(1), tally(1)
    failed.failures["17"] = "a token was lost"
    rare.met[next(iter(CELLS))] -= 1
    assert not report(failed, 1.0)
    assert not report(rare, 1.0)


@pytest.mark.parametrize(
    "name",
    [
        "nonsense",
        "²",
        "-1",
        "one:nonsense:kept-refused",
        "one:renew:nonsense",
        "one:renew:kept-refused:x:late",
        "one:renew:kept-refused:3",
        "one:renew:kept-refused:3:nonsense",
        "one:renew+cancel:kept-refused",
        "two:renew+cancel:kept-refused",
        "two:renew+cancel:kept-refused:6:7:late:8:9",
    ],
)
def test_a_name_that_nothing_has_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever mistypes a name is told what a name looks like."""
    with pytest.raises(NoScheduleError):
        named(name)
    if not name.startswith("-"):
        assert main([name]) == 2
        assert f"no schedule is called {name!r}: give a number" in capsys.readouterr().err


def test_the_name_that_is_given_as_an_example_is_one() -> None:
    """What the refusal tells to type can be typed."""
    with pytest.raises(NoScheduleError) as refused:
        named("nonsense")
    assert main([str(refused.value).rpartition("SEED=")[2].rstrip(")")]) == 0
