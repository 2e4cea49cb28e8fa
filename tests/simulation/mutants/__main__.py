"""Chase mutants and print what caught them: ``python -m tests.simulation.mutants [NAME...]``.

Each takes one guard of the services away, in a process of its own, and the simulation must fail.
Ends with 1 if a mutant was not caught.
"""

# ruff: noqa: T201 -- its terminal is its surface

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.simulation.mutants.catalogue import MUTANTS
from tests.simulation.mutants.chase import DRAMAS, STORIES, in_a_process


def main() -> int:
    """Chase; return how many got away."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="part of a name; all if none")
    parser.add_argument("--dramas", type=int, default=DRAMAS, help="short random schedules")
    parser.add_argument("--stories", type=int, default=STORIES, help="long random schedules")
    given = parser.parse_args()
    wanted = [
        mutant
        for mutant in MUTANTS
        if not given.names or any(name in mutant.name for name in given.names)
    ]
    begun, away, by = time.monotonic(), [], Counter[str]()
    print(f"{len(wanted)} mutants; each must be caught", flush=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        ends = pool.map(lambda one: in_a_process(one.name, given.dramas, given.stories), wanted)
        for mutant, end in zip(wanted, ends, strict=True):
            by[mutant.noticed_by] += end.caught
            if not end.caught:
                away.append(mutant.name)
            verdict = end.said if end.caught else f"GOT AWAY ({end.schedules} schedules)"
            guard = " + ".join((mutant.guard, *mutant.behind))
            print(f"{mutant.name:34} {guard}", flush=True)
            if end.broken:
                verdict = f"BROKE: {end.said}"
            print(f"{'':34} {end.by} ({end.schedules}. schedule): {verdict}", flush=True)
    seconds = time.monotonic() - begun
    print(f"{len(wanted) - len(away)} of {len(wanted)} caught in {seconds:.0f} s")
    for how, number in by.items():
        print(f"  {number} by {how}")
    if away:
        print(f"got away: {', '.join(away)}")
    return len(away)


if __name__ == "__main__":
    sys.exit(main() > 0)
