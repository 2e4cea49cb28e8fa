"""Playing schedules until one shows what is wrong; for one mutant, in a process of its own."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.simulation.mutants.catalogue import MUTANTS
from tests.simulation.mutants.made_up import BREAKING, HARMLESS
from tests.simulation.mutants.mutant import Mutant, Mutated

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
DRAMAS = 700
STORIES = 60
_BROKEN = "Traceback"


@dataclass(frozen=True, slots=True)
class Chase:
    """How the chase of a mutant ended."""

    caught: bool
    schedules: int
    """Played until it was caught, or in all."""
    by: str
    said: str
    seconds: float
    broken: bool = False
    """It did not run, so it was not caught: that proves nothing of its guard."""


def schedules(names: tuple[str, ...], dramas: int, stories: int) -> Iterator[tuple[str, list[str]]]:
    """Play scenes, then random dramas, then random stories; yield what was wrong in each.

    What they are made of is imported here, so that a mutant can be installed before.
    """
    from tests.simulation.mutants.directed import Directed  # noqa: PLC0415 -- see above
    from tests.simulation.mutants.drama import Drama  # noqa: PLC0415
    from tests.simulation.mutants.scenes import SCENES  # noqa: PLC0415
    from tests.simulation.story import Story  # noqa: PLC0415

    for name in names:
        yield f"scene {name}", SCENES[name](Directed())
    for seed in range(dramas):
        yield f"drama {seed}", Drama(seed).play()
    for seed in range(stories):
        yield f"story {seed}", Story(seed).play()


def _guarded(played: Iterator[tuple[str, list[str]]]) -> Iterator[tuple[str, list[str]]]:
    """Take a schedule that cannot even be set up for one that broke."""
    try:
        yield from played
    except Exception:  # noqa: BLE001 -- whatever it is, the mutant is to be named with it
        yield "its beginning", [traceback.format_exc()]


def chase(mutant: Mutant, *, dramas: int = DRAMAS, stories: int = STORIES) -> Chase:
    """Install a mutant in this process, and play until it is caught."""
    Mutated(mutant).install()
    logging.disable(logging.ERROR)
    begun, played = time.monotonic(), 0
    if mutant.test is not None:
        # It imports pytest, which takes longer than most chases.
        from tests.simulation.mutants.witness import questioned  # noqa: PLC0415

        seen = questioned(str(ROOT / mutant.test))
        said = next(iter(seen.noticed + seen.broke), "nothing")
        broken = bool(seen.broke) and not seen.noticed
        seconds = time.monotonic() - begun
        return Chase(bool(seen.noticed), 1, mutant.test, said, seconds, broken=broken)
    if mutant.scenes:
        dramas = stories = 0
    elif mutant.stories:
        dramas, stories = 0, mutant.stories
    for by, failures in _guarded(schedules(mutant.scenes, dramas, stories)):
        played += 1
        if failures:
            said, seconds = failures[0].strip().splitlines()[-1], time.monotonic() - begun
            broken = _BROKEN in failures[0]
            return Chase(not broken, played, by, said, seconds, broken=broken)
    return Chase(False, played, "", "nothing", time.monotonic() - begun)


def in_a_process(name: str, dramas: int = DRAMAS, stories: int = STORIES) -> Chase:
    """Chase a mutant in a new process, so that this one keeps its guards."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "layers/wxvault/python")])
    command = [
        sys.executable,
        "-m",
        "tests.simulation.mutants.chase",
        name,
        str(dramas),
        str(stories),
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{name} could not be chased:\n{done.stderr[-2000:]}")
    return Chase(**json.loads(done.stdout.splitlines()[-1]))


def named(name: str) -> Mutant:
    """Return a mutant, made up or not."""
    return next(one for one in (*MUTANTS, *BREAKING, *HARMLESS) if one.name == name)


if __name__ == "__main__":
    ended = chase(named(sys.argv[1]), dramas=int(sys.argv[2]), stories=int(sys.argv[3]))
    print(json.dumps(asdict(ended)))  # noqa: T201
