"""``make fuzz``: every target in a process of its own, and a table at the end.

Exits 1 when a law was broken, an input was too slow, or too few branches were taken.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path

from tests.fuzz import corpus, show
from tests.fuzz.child import Folder, smallest
from tests.fuzz.registry import PLACES
from tests.fuzz.running import Run, run_all

PLACE = Path(__file__).resolve().parents[2] / ".fuzz"
LEAST_SHARE = 0.95
"""So much of the branches of ``protocol/`` must be taken when all targets run."""


def main() -> int:
    """Fuzz."""
    options = _options()
    names = [options.target] if options.target else list(PLACES)
    folders = {name: Folder(PLACE / name) for name in names}
    if options.keep:
        return _keep(folders)
    found = importlib.util.find_spec("atheris") is not None
    engine = options.engine or ("atheris" if found else "mutations")
    show.say(show.beginning(engine, names, options.inputs, options.seed, installed=found))
    runs = [Run(name, folders[name], engine, options.inputs, options.seed) for name in names]
    ended = run_all(runs, options.jobs)
    show.say(show.table(ended))
    share = show.branches(ended)
    broken = [run.name for run in ended if run.findings or run.problem]
    show.say(show.findings(ended))
    if broken:
        show.say(f"\nFindings in: {', '.join(broken)}")
        return 1
    if not options.target and share < LEAST_SHARE:
        show.say(f"\nToo few branches of protocol/ were taken: at least {LEAST_SHARE:.0%} must be.")
        return 1
    show.say("\nNo law was broken.")
    return 0


def _keep(folders: dict[str, Folder]) -> int:
    """Add to the kept inputs what takes a way that none of them takes."""
    for name, folder in folders.items():
        folder.prepare([])
        new = corpus.keep(name, smallest(name, folder))
        show.say(f"  {name}: {new} new of {len(corpus.kept(name))}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=200_000, help="inputs for each target")
    parser.add_argument("--target", choices=list(PLACES), help="one target instead of all")
    parser.add_argument("--seed", type=int, default=1, help="of all chance there is")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="targets at a time")
    parser.add_argument("--engine", choices=("atheris", "mutations"), help="default: what is there")
    parser.add_argument("--keep", action="store_true", help="keep what earlier runs have found")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
