"""What a run of the fuzzer shows: how far it is, a table, the branches, the findings."""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import TYPE_CHECKING

from tests.fuzz.branches import shares, sites
from tests.fuzz.corpus import escaped
from tests.fuzz.meter import SLOW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fuzz.branches import Site
    from tests.fuzz.running import Run

_MOST_SHOWN = 400


def say(words: str) -> None:
    """Write to the terminal, at once."""
    if words:
        sys.stdout.write(f"{words}\n")
        sys.stdout.flush()


def beginning(engine: str, names: Sequence[str], inputs: int, seed: int, *, installed: bool) -> str:
    """Say what is about to happen."""
    how = "atheris (libFuzzer, led by coverage)"
    if engine != "atheris":
        why = "" if installed else "; atheris is not installed here"
        how = f"our own engine (seeded mutations, led by branches{why})"
    return f"› {len(names)} target(s), {inputs:,} inputs each, seed {seed}: {how}"


def progress(running: Sequence[Run], seconds: float) -> str:
    """Say how far the running targets are."""
    parts = [
        f"{run.name} measuring" if run.step == "measure" else f"{run.name} {run.inputs:,}"
        for run in running
    ]
    return f"  {seconds:5.0f} s  " + ", ".join(parts)


def line(run: Run, seconds: float) -> str:
    """Say that a target is done."""
    return f"  {seconds:5.0f} s  {run.name} done: {len(run.findings)} finding(s)"


def table(runs: Sequence[Run]) -> str:
    """Return the table of all targets."""
    head = (
        f"\n{'target':<16}{'inputs':>10}{'findings':>10}{'slowest ms':>12}"
        f"{'CPU s':>8}{'MB':>6}{'corpus':>8}"
    )
    rows = [
        f"{run.name:<16}{run.inputs:>10,}{len(run.findings):>10}{run.slowest_ms:>12.1f}"
        f"{run.cpu_seconds:>8.0f}{run.memory_mb:>6.0f}{run.kept:>8,}"
        for run in runs
    ]
    limit = f"The limit is {SLOW_SECONDS * 1000:.0f} ms of processor time for one input."
    return "\n".join([head, *rows, limit])


def branches(runs: Sequence[Run]) -> float:
    """Show which share of the branches of ``protocol/`` was taken, both ways; return it."""
    taken: dict[Site, set[int]] = defaultdict(set)
    for run in runs:
        for site, ways in run.taken.items():
            taken[site] |= ways
    counted = shares(taken)
    say("\nBranches of protocol/, each counted for both of its ways:")
    for place, (gone, of) in counted.items():
        if not gone and len(runs) == 1:
            continue
        missing = [
            str(at) for site, at in sites().items() if site[0] == place and len(taken[site]) < 2
        ]
        rest = f"   not both ways: line {', '.join(missing)}" if missing else ""
        say(f"  {place:<32}{gone:>4} of {of:<4}{rest}")
    all_ways = sum(ways for ways, _ in counted.values())
    share = all_ways / sum(of for _, of in counted.values())
    say(f"  {'all of it':<32}{share:>10.1%}")
    return share


def findings(runs: Sequence[Run]) -> str:
    """Return every finding: its input as a line for the kept ones, and what it did."""
    told = []
    for run in runs:
        if run.problem:
            told.append(f"\n{run.name}: {run.problem}")
        for data, what in run.findings.items():
            told.append(f"\n{run.name}: {escaped(bytes.fromhex(data))[:_MOST_SHOWN]}\n{what}")
    if told:
        told.append("To keep an input, add its line to tests/fuzz/corpus/<target>.txt.")
    return "\n".join(told)
