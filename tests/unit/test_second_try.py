"""What gets a second try on a fresh stack, and what never does."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ONCE_ONLY = ("chaos", "sealing_attacks", "rotation", "orders")

# Fails the first time it runs, and passes from then on.
PYTEST = """#!/bin/sh
echo run >> runs
[ "$(wc -l < runs)" -gt 1 ]
"""


def stack_tests(place: Path, *failed: str) -> tuple[int, int]:
    """Have the stack's tests run, of which some fail once; the exit code, and how many runs."""
    tool = place / ".venv/bin/pytest"
    tool.parent.mkdir(parents=True)
    tool.write_text(PYTEST)
    tool.chmod(0o755)
    cache = place / ".pytest_cache/v/cache/lastfailed"
    cache.parent.mkdir(parents=True)
    cache.write_text(json.dumps(dict.fromkeys(failed, True), indent=2))
    command = ["make", "-C", str(place), "-f", str(ROOT / "Makefile"), "test-stack"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, len((place / "runs").read_text().splitlines())


def test_what_the_emulator_may_have_failed_is_tried_once_more(tmp_path: Path) -> None:
    """It passes then, and everybody can see that it was run twice."""
    failed = "tests/stack/test_lookups.py::test_one[chaos]"
    assert stack_tests(tmp_path, failed) == (0, 2)


@pytest.mark.parametrize("name", ONCE_ONLY)
def test_what_looks_for_chance_has_one_try(name: str, tmp_path: Path) -> None:
    """A race that shows in one run of two is a race: the run fails at once."""
    path = f"tests/stack/test_{name}.py"
    assert (ROOT / path).exists()
    failed = ("tests/stack/test_lookups.py::test_one", f"{path}::test_it")
    assert stack_tests(tmp_path, *failed) == (2, 1)


def test_the_makefile_names_no_other() -> None:
    """What is meant is what stands there."""
    [names] = re.findall(r"^ONCE_ONLY := .*\((.*)\)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert tuple(names.split("|")) == ONCE_ONLY
