# ruff: noqa: T201 -- the terminal is its surface
"""Runs schedules in two processes, says what came of them, and plays single ones again.

    python -m tests.simulation.run                  what `make simulate` runs
    python -m tests.simulation.run --all            every case of one and two journeys, and chance
    python -m tests.simulation.run NAME             one schedule, with its trace: a number is a seed
    python -m tests.simulation.run --random N       so many seeds instead of the usual number

A schedule is distinct from another if WeChat answers what its documentation leaves open in another
way, or if actors come to their steps in another order, or if a step meets another fate.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import logging
import multiprocessing
import sys
import time
from typing import TYPE_CHECKING

from tests.simulation import cases
from tests.simulation.cases import Case, Plan
from tests.simulation.faults import CELLS, Kind, Step
from tests.simulation.journeys import JOURNEYS, PAIRED
from tests.simulation.story import Story
from tests.simulation.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROCESSES = 2
SEEDS = 3000
_BATCH = 50
_TOP_UP_SEEDS = 60
_PROGRESS_SECONDS = 5.0
_SHOWN_FAILURES = 20
DISTINCT = 20_000
"""So many different schedules a whole run has to play at least."""
USUAL_SECONDS = 120.0
"""The usual run should take no longer."""

type Job = tuple[str, ...]


class NoScheduleError(Exception):
    """Nothing has this name."""


def named(name: str) -> Story | Case:
    """Return a schedule that will tell its trace.

    Raises:
        NoScheduleError: it is neither a number nor a name as failures are printed with.
    """
    if name.isdecimal():
        return Story(int(name), trace=True)
    try:
        plan = Plan.read(name)
    except (LookupError, ValueError):
        plan = None
    if (
        plan is None
        or str(plan) != name
        or plan.mode not in cases.MODES
        or not set(plan.journeys) <= set(JOURNEYS)
    ):
        raise NoScheduleError(
            f"no schedule is called {name!r}: give a number (SEED=17), or the name that a failure"
            " was printed with (SEED=one:renew:kept-refused:3:late)"
        )
    return Case(plan, trace=True)


def tell(name: str) -> tuple[str, bool]:
    """Play one schedule; return its trace with what was wrong, and whether anything was.

    Raises:
        NoScheduleError: there is none of this name.
    """
    town = named(name)
    failures = town.play()
    verdict = failures or ["every invariant holds"]
    return "\n".join([f"schedule {name}", town.stage.trace(), *verdict]), bool(failures)


# --- jobs ----------------------------------------------------------------------------------------


def usual_jobs(seeds: int) -> list[Job]:
    """One journey exhaustively, two journeys held once, and chance."""
    return _mixed(_one_jobs(), _pair_jobs("held"), _random_jobs(seeds))


def all_jobs(seeds: int) -> list[Job]:
    """One and two journeys exhaustively, and chance."""
    return _mixed(_one_jobs(), _pair_jobs("all"), _random_jobs(seeds))


def _one_jobs() -> list[Job]:
    return [("one", name, mode) for name in JOURNEYS for mode in cases.modes_of((name,))]


def _pair_jobs(how: str) -> list[Job]:
    return [(how, first, second) for first in PAIRED for second in PAIRED]


def _random_jobs(seeds: int) -> list[Job]:
    starts = range(0, seeds, _BATCH)
    return [("random", str(start), str(min(start + _BATCH, seeds))) for start in starts]


def _mixed(*series: list[Job]) -> list[Job]:
    jobs = itertools.chain.from_iterable(itertools.zip_longest(*series))
    return [job for job in jobs if job is not None]


def work(job: Job) -> tuple[Job, Tally]:
    """Do one job."""
    tally = Tally()
    wanted = int(job[3]) if job[0] == "cell" else None
    for name, town in _towns(job):
        town.play()
        tally.add(name, town)
        if wanted is not None and tally.met[Step[job[1]], Kind[job[2]]] >= wanted:
            break
    gc.collect()
    return job, tally


def _towns(job: Job) -> Iterator[tuple[str, Story | Case]]:
    match job:
        case ("random", first, last):
            for seed in range(int(first), int(last)):
                yield str(seed), Story(seed)
        case ("one", name, mode):
            yield from _played(cases.one_journey(name, mode))
        case ("held", first, second):
            yield from _played(cases.interleavings(first, second))
        case ("all", first, second):
            yield from _played(cases.two_journeys(first, second))
        case ("cell", step, kind, _):
            yield from _played(cases.at_cell(Step[step], Kind[kind], range(_TOP_UP_SEEDS)))
        case _:
            raise ValueError(job)


def _played(plans: Iterable[Plan]) -> Iterator[tuple[str, Case]]:
    for plan in plans:
        yield str(plan), Case(plan)


# --- running -------------------------------------------------------------------------------------


class _Progress:
    """A line now and then, so that nobody wonders."""

    def __init__(self) -> None:
        self._begun = self._last = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun

    def show(self, done: int, jobs: int, tally: Tally, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if at_once or now - self._last >= _PROGRESS_SECONDS:
            self._last = now
            print(
                f"  {self.seconds:4.0f} s  {done}/{jobs} batches  {tally.played} schedules,"
                f" {len(tally.digests)} distinct, {len(tally.failures)} failed",
                flush=True,
            )


def _prepare() -> None:
    logging.disable(logging.ERROR)
    # Schedules are full of circles; they are collected between batches, not while one is played.
    gc.disable()


def run(jobs: list[Job], *, top_up: bool = True) -> tuple[Tally, float]:
    """Do all jobs in two processes, and more where cells of the matrix were hit too rarely."""
    progress, total = _Progress(), Tally()
    context = multiprocessing.get_context("fork")
    with context.Pool(PROCESSES, initializer=_prepare) as pool:

        def do(batch: list[Job]) -> None:
            for number, (job, tally) in enumerate(pool.imap_unordered(work, batch), start=1):
                total.merge(tally)
                for name, failure in tally.failures.items():
                    if len(total.failures) <= _SHOWN_FAILURES:
                        print(f"  FAILED  {name}  {failure}", flush=True)
                progress.show(number, len(batch), total, at_once=job[0] == "all")

        do(jobs)
        if top_up and (missing := total.missing()):
            print(f"  {len(missing)} cells of the matrix are gone back to", flush=True)
            do([("cell", *(one.name for one in cell), str(n)) for cell, n in missing.items()])
    return total, progress.seconds


def report(
    total: Tally, seconds: float, *, distinct: int = 0, usual_seconds: float | None = None
) -> bool:
    """Say what came of it; return whether everything is as it must be.

    That includes so many distinct schedules; having taken longer than usual is only said.
    """
    missing = total.missing()
    print("\nFaults, by step and kind:\n")
    print(total.matrix())
    print(
        f"\n{len(total.digests)} distinct schedules of {total.played} in {seconds:.0f} s,"
        f" {total.looked_up} look-ups judged, {sum(total.met.values())} faults at"
        f" {len(CELLS) - len(missing)} of {len(CELLS)} cells of the matrix (20 times at least),"
        f" {total.outages} turns of outages; {len(total.failures)} failed"
    )
    for (step, kind), lacking in missing.items():
        print(f"  not often enough, {lacking} are missing: {step.label} × {kind.label}")
    if too_few := len(total.digests) < distinct:
        print(f"  too few: {distinct} distinct schedules have to be played")
    if usual_seconds is not None and seconds > usual_seconds:
        print(f"  slow: it took more than {usual_seconds:.0f} s (which is no failure)")
    for name, failure in itertools.islice(total.failures.items(), _SHOWN_FAILURES):
        print(f"  FAILED  make simulate SEED={name}\n          {failure}")
    return not missing and not too_few and not total.failures


def main(arguments: list[str]) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="simulate")
    parser.add_argument("name", nargs="?", help="a schedule to be played with its trace")
    parser.add_argument("--all", action="store_true", help="every case of two journeys")
    parser.add_argument("--random", type=int, default=SEEDS, help="how many seeds")
    parser.add_argument("--pair", action="append", default=[], help="only FIRST+SECOND, all of it")
    told = parser.parse_args(arguments)
    _prepare()
    if told.name:
        try:
            text, failed = tell(told.name)
        except NoScheduleError as error:
            print(error, file=sys.stderr)
            return 2
        print(text)
        return int(failed)
    if told.pair:
        jobs: list[Job] = [("all", *pair.split("+")) for pair in told.pair]
        total, seconds = run(jobs, top_up=False)
        report(total, seconds)
        return int(bool(total.failures))
    jobs = all_jobs(told.random) if told.all else usual_jobs(told.random)
    print(f"{len(jobs)} batches of schedules in {PROCESSES} processes", flush=True)
    total, seconds = run(jobs)
    # Whoever asks for fewer seeds wants a part only.
    distinct = DISTINCT if told.random >= SEEDS else 0
    usual_seconds = None if told.all else USUAL_SECONDS
    return int(not report(total, seconds, distinct=distinct, usual_seconds=usual_seconds))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
