"""One target in a process of its own: ``fuzz`` plays inputs, ``measure`` judges what they were.

libFuzzer, below atheris, ends its process when it is done; and a library that atheris watches is a
slower one. So times and branches are taken afterwards, by playing what was found once more.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fuzz import mutations
from tests.fuzz.branches import Branches
from tests.fuzz.corpus import kept
from tests.fuzz.meter import Meter, name_of
from tests.fuzz.registry import load
from tests.fuzz.target import sparing

if TYPE_CHECKING:
    from collections.abc import Callable

RSS_LIMIT_MB = 1024
_REPORT_SECONDS = 2.0
_INPUT_SECONDS = 60
# What decides about an input. To watch all that writes it down as well takes twice the time.
_WATCHED = (
    "functions",
    "wxvault.client",
    "wxvault.protocol",
    "wxvault.runtime.answering",
    "wxvault.runtime.http_requests",
    "wxvault.runtime.pages.context",
    "wxvault.runtime.token_requests",
    "wxvault.services",
    "wxvault.wechat",
)


@dataclass(frozen=True, slots=True)
class Folder:
    """Where one target's run leaves what it found."""

    path: Path

    @property
    def inputs(self) -> Path:
        """Inputs that take another way than all before them."""
        return self.path / "inputs"

    @property
    def report(self) -> Path:
        """How far it is."""
        return self.path / "report.json"

    def prepare(self, seeds: list[bytes]) -> None:
        """Make the folder; what an earlier run has found stays."""
        self.inputs.mkdir(parents=True, exist_ok=True)
        self.report.unlink(missing_ok=True)
        self.add(seeds)

    def add(self, inputs: list[bytes]) -> None:
        """Write inputs down."""
        for data in inputs:
            (self.inputs / name_of(data)).write_bytes(data)

    def found(self) -> list[bytes]:
        """Return all inputs, always in the same order, small ones first."""
        found = [path.read_bytes() for path in self.inputs.iterdir() if path.is_file()]
        return sorted(found, key=lambda data: (len(data), data))

    def tell(self, report: dict[str, Any]) -> None:
        """Write the report, so that nobody reads half of it."""
        draft = self.report.with_suffix(".new")
        draft.write_text(json.dumps(report), "utf-8")
        draft.replace(self.report)


class Teller:
    """Reports now and then, and at the end."""

    def __init__(self, folder: Folder, meter: Meter) -> None:
        self._folder, self._meter = folder, meter
        self._told_at = 0.0

    def progress(self) -> None:
        """Report, if the last time is a while ago."""
        if time.monotonic() - self._told_at > _REPORT_SECONDS:
            self._told_at = time.monotonic()
            self.tell(done=False)

    def tell(self, *, done: bool, **more: Any) -> None:
        """Report."""
        meter = self._meter
        self._folder.tell(
            {
                "done": done,
                "inputs": meter.inputs,
                "cpu_seconds": time.process_time(),
                "memory_mb": _memory_mb(),
                "slowest_ms": meter.slowest[0][0] * 1000 if meter.slowest else 0.0,
                "findings": [
                    {"input": finding.data.hex(), "told": finding.told}
                    for finding in meter.findings.values()
                ],
                **more,
            }
        )


def fuzz_with_atheris(name: str, folder: Folder, inputs: int, seed: int) -> None:
    """Play ``inputs`` inputs as libFuzzer makes them, led by the bytecode's coverage."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=list(_WATCHED)):
        target = load(name)
    meter = Meter(target, judge_time=False)
    teller = Teller(folder, meter)
    words = folder.path / "words.txt"
    words.write_text("".join(_entry(word) for word in target.words), "ascii")

    def one(data: bytes) -> None:
        meter.play(sparing(data, meter.inputs))
        teller.progress()
        if meter.inputs >= inputs:
            # libFuzzer would end the process in its own way, and with it what was counted.
            folder.add([data for _, data in meter.slowest])
            teller.tell(done=True)
            os._exit(0)

    options = {
        "seed": seed,
        "max_len": target.longest,
        "timeout": _INPUT_SECONDS,
        "rss_limit_mb": RSS_LIMIT_MB,
        "dict": words,
        "artifact_prefix": f"{folder.path}/",
        "verbosity": 0,
        # A seed that takes no branch of its own may still be the only good one of its kind.
        "keep_seed": 1,
    }
    flags = [f"-{option}={value}" for option, value in options.items()]
    atheris.Setup([sys.argv[0], *flags, str(folder.inputs)], one)
    atheris.Fuzz()


def fuzz_with_mutations(name: str, folder: Folder, inputs: int, seed: int) -> None:
    """Play ``inputs`` inputs of our own engine."""
    target = load(name)
    meter = Meter(target)
    teller = Teller(folder, meter)
    made = mutations.Mutations(folder.found(), target.words, random.Random(seed))
    with Branches() as branches:
        mutations.run(meter, made, inputs, branches, teller.progress)
    folder.add([*made.pool, *(data for _, data in meter.slowest)])
    teller.tell(done=True)


def measure(name: str, folder: Folder) -> None:
    """Play what was found, unwatched for the time it takes, then watched for its branches."""
    meter = Meter(load(name))
    teller = Teller(folder, meter)
    inputs = folder.found()
    for data in inputs:
        meter.play(data)
        teller.progress()
    with Branches() as branches:
        for data in inputs:
            meter.play(data)
    taken = [[*site, sorted(ways)] for site, ways in branches.taken.items()]
    teller.tell(done=True, taken=taken)


def smallest(name: str, folder: Folder) -> list[bytes]:
    """Return few inputs that take every way in the whole library that all of them take."""
    meter, chosen = Meter(load(name)), []
    with Branches(room="") as branches:
        for data in [*kept(name), *folder.found()]:
            known = sum(map(len, branches.taken.values()))
            meter.play(data)
            if sum(map(len, branches.taken.values())) > known:
                chosen.append(data)
    return chosen


def _entry(word: bytes) -> str:
    shown = "".join(f"\\x{byte:02x}" for byte in word)
    return f'"{shown}"\n'


def _memory_mb() -> float:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024 * 1024 if sys.platform == "darwin" else 1024)


def main(step: str, name: str, place: str, inputs: str, seed: str) -> None:
    """Do one step for one target."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    folder = Folder(Path(place))
    engines: dict[str, Callable[[str, Folder, int, int], None]] = {
        "atheris": fuzz_with_atheris,
        "mutations": fuzz_with_mutations,
    }
    if step == "measure":
        measure(name, folder)
    else:
        engines[step](name, folder, int(inputs), int(seed))


if __name__ == "__main__":
    main(*sys.argv[1:])
