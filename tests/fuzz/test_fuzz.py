"""A short run of every target: what once broke a law, then 20,000 mutations of our own engine."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fuzz import corpus
from tests.fuzz.branches import LIBRARY, Branches, shares, sites
from tests.fuzz.corpus import escaped, kept, unescaped
from tests.fuzz.meter import Meter
from tests.fuzz.mutations import Mutations, run
from tests.fuzz.registry import PLACES, load
from tests.fuzz.running import ROOT
from tests.fuzz.target import BrokenLawError, Target, require, stretched

if TYPE_CHECKING:
    from collections.abc import Callable

# Handlers with their log and their table take a hundred times as long as a parser.
WHOLE_FUNCTIONS = {
    "callback": 800,
    "sessions": 1000,
    "launch": 1000,
    "landing": 1000,
    "token": 1000,
    "accounts": 400,
    "call": 500,
}
INPUTS = 20_000
_QUICK = (INPUTS - sum(WHOLE_FUNCTIONS.values())) // (len(PLACES) - len(WHOLE_FUNCTIONS)) + 1


def told(meter: Meter) -> str:
    """Return what was found, for the report of a failure."""
    return "\n".join(
        f"{escaped(found.data)[:400]}\n{found.told}" for found in meter.findings.values()
    )


@pytest.mark.parametrize("name", PLACES)
def test_the_kept_inputs_break_no_law(name: str) -> None:
    """Every input that was ever worth keeping is played, also those that once were findings."""
    inputs = kept(name)
    meter = Meter(load(name))
    for data in inputs:
        meter.play(data)
    assert inputs
    assert not meter.findings, told(meter)


@pytest.mark.parametrize("name", PLACES)
def test_mutations_break_no_law(name: str) -> None:
    """Nor do mutations of them: all targets together play 20,000 (`make fuzz` far more)."""
    target = load(name)
    inputs = WHOLE_FUNCTIONS.get(name, _QUICK)
    meter = Meter(target)
    made = Mutations(kept(name), target.words, random.Random(name))
    with Branches() as branches:
        run(meter, made, inputs, branches)
    assert meter.inputs >= inputs
    assert not meter.findings, told(meter)


def test_the_kept_inputs_take_the_branches() -> None:
    """The kept inputs alone take at least 95 % of the branches of ``protocol/``, both ways."""
    with Branches() as branches:
        for name in PLACES:
            meter = Meter(load(name))
            for data in kept(name):
                meter.play(data)
    counted = shares(branches.taken)
    assert sum(ways for ways, _ in counted.values()) >= 0.95 * sum(of for _, of in counted.values())


# --- the tools themselves ------------------------------------------------------------------------


def test_a_broken_law_is_found() -> None:
    """A target that breaks is found, by its shortest input, and a good one is not."""

    def play(data: bytes) -> None:
        require(b"!" not in data, "no exclamation mark")

    meter = Meter(Target("loud", "", play))
    for data in (b"quiet", b"very loud!", b"loud!", b"still loud!"):
        meter.play(data)
    found = list(meter.findings.values())
    assert [finding.data for finding in found] == [b"loud!"]
    assert BrokenLawError.__name__ in found[0].told


def test_a_slow_input_is_found() -> None:
    """What takes longer than 50 ms of processor time is a finding, however often it is tried."""

    def play(data: bytes) -> None:
        sum(range(5_000_000 if data == b"slow" else 1))

    meter = Meter(Target("slow", "", play))
    for data in (b"quick", b"slow"):
        meter.play(data)
    assert list(meter.findings) == ["slow"]


def test_the_engine_repeats_itself() -> None:
    """The same seed makes the same inputs, another seed others."""

    def inputs(seed: int) -> list[bytes]:
        made = Mutations([b"<xml></xml>", b"second"], [b"word"], random.Random(seed))
        return [made.next(64) for _ in range(200)]

    assert inputs(1) == inputs(1)
    assert inputs(1) != inputs(2)
    assert max(map(len, inputs(1))) <= 64


def test_the_engine_follows_branches() -> None:
    """An input that takes a new way becomes one to go on from."""
    target = load("message_keys")
    made = Mutations([b"x", b'{"tokens":[]}'], target.words, random.Random(1))
    with Branches() as branches:
        for data in list(made.pool):
            target.play(data)
        before = branches.news
        run(Meter(target), made, 2_000, branches)
    assert branches.news > before
    assert len(made.pool) > 2


def test_branches_are_known_before_they_are_taken() -> None:
    """What the interpreter tells of is what was counted beforehand: no way is counted twice."""
    with Branches() as branches:
        for name in ("pushes", "links"):
            for data in kept(name):
                load(name).play(data)
    known = sites()
    taken = {site for site in branches.taken if site[0].startswith("protocol/")}
    assert len(taken & known.keys()) > 50
    ways = [branches.taken[site] for site in taken & known.keys()]
    assert max(map(len, ways)) == 2


@pytest.mark.parametrize(
    "data", [b"", b"plain", bytes(range(256)), b"# x\n", b" ", b"\\x41", "示例".encode()]
)
def test_kept_inputs_survive_their_writing(data: bytes) -> None:
    """An input is the same after it was written as a line and read again."""
    line = escaped(data)
    assert unescaped(line) == data
    assert line.isascii()
    assert "\n" not in line
    assert not line.startswith("#")


def test_every_kept_file_has_a_target() -> None:
    """No file of kept inputs is forgotten, and together they stay small."""
    files = list(corpus.PLACE.iterdir())
    assert {path.stem for path in files} == set(PLACES)
    assert sum(path.stat().st_size for path in files) < 200_000


def test_a_stretched_input_is_as_long_as_asked_for() -> None:
    """A small input stands for a large one; the others are as they are."""
    assert stretched(b"~~<xml>~<a/>~</xml>", 32) == b"<xml>" + b"<a/>" * 5 + b"</xml>"
    assert stretched(b"~~~~", 32) == b""
    assert stretched(b"<xml/>", 3) == b"<xml/>"


_STARTER = """
import pathlib, sys, time
from tests.fuzz.child import Folder
from tests.fuzz.running import Run
run = Run("links", Folder(pathlib.Path(sys.argv[1])), "mutations", 10**9, 1)
run.start()
print(run._process.pid, flush=True)
time.sleep(600)
"""


def test_no_child_outlives_its_starter(tmp_path: Path) -> None:
    """Whoever ends `make fuzz`, even without asking, leaves nothing running behind."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{LIBRARY.parent}"}
    command = [sys.executable, "-c", _STARTER, str(tmp_path / "links")]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        child = int(starter.stdout.readline())
        report = tmp_path / "links" / "report.json"
        eventually(report.exists)
        starter.terminate()
    eventually(lambda: not running(child))


def running(process: int) -> bool:
    """Say whether a process works; one that ended and is nobody's to bury does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
