"""Execution environments: layers once, and nothing that Lambda would not have."""

from __future__ import annotations

import io
import os
import queue
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from sandbox.stack.emulator.corrections import (
    EmulatorChangedError,
    original,
    replace,
)
from sandbox.stack.emulator.environments import (
    MARK,
    RUNTIME_PACKAGES,
    UnpackedLayers,
    isolated,
    lines_of_invocation,
    link_runtime_packages,
    marking,
)

if TYPE_CHECKING:
    from pathlib import Path


def archive(**files: str) -> bytes:
    """A zip file."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as members:
        for name, text in files.items():
            members.writestr(f"python/{name}.py", text)
    return content.getvalue()


def test_a_layer_is_unpacked_once(tmp_path: Path) -> None:
    """The same content is the same folder, and nothing but folders is left."""
    layers = UnpackedLayers(tmp_path)
    folder = layers.folder(archive(one="x = 1"))
    stamp = (folder / "python" / "one.py").stat().st_mtime_ns
    assert layers.folder(archive(one="x = 1")) == folder
    assert (folder / "python" / "one.py").stat().st_mtime_ns == stamp
    assert list(tmp_path.iterdir()) == [folder]


def test_another_content_is_another_folder(tmp_path: Path) -> None:
    """A changed layer never shows the files of the former one."""
    layers = UnpackedLayers(tmp_path)
    assert layers.folder(archive(one="x = 1")) != layers.folder(archive(one="x = 2"))


def test_a_worker_sees_the_runtimes_packages_only(tmp_path: Path) -> None:
    """boto3 is there, what else is installed beside it is not, nor are the server's variables."""
    packages = tmp_path / "packages"
    link_runtime_packages(packages)
    look = (
        "import importlib.util as u, os\n"
        "print([n for n in ('boto3', 'dateutil', 'pytest', 'yaml') if u.find_spec(n)],"
        " 'AUTH' in os.environ)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", isolated(look, packages, frozenset({"AUTH", "ABSENT"}))],
        capture_output=True,
        text=True,
        check=True,
        env={"AUTH": "true", "PATH": os.defpath},
    )
    assert finished.stdout.strip() == "['boto3', 'dateutil'] False"


def test_the_runtimes_packages_are_links(tmp_path: Path) -> None:
    """Nothing is copied, and all of them are there."""
    packages = tmp_path / "packages"
    link_runtime_packages(packages)
    assert {path.name.removesuffix(".py") for path in packages.iterdir()} == set(RUNTIME_PACKAGES)
    assert all(path.is_symlink() for path in packages.iterdir())


def test_a_name_that_is_gone_stops_the_start() -> None:
    """A newer emulator is never run half corrected."""
    with pytest.raises(EmulatorChangedError, match="no_such_name is gone"):
        original(os, "no_such_name")
    with pytest.raises(EmulatorChangedError):
        replace(os, "no_such_name", None)


def run_worker(script: str) -> tuple[list[str], list[str]]:
    """Run a marking script; the lines it wrote to its real output and to its log."""
    finished = subprocess.run(
        [sys.executable, "-c", "import sys as _sys\n" + marking(script)],
        capture_output=True,
        text=True,
        check=True,
    )
    return finished.stdout.splitlines(), finished.stderr.splitlines()


def test_each_answer_of_a_worker_is_preceded_by_a_mark_in_its_log() -> None:
    """The first line, which says that the handler is imported, has none."""
    answers, log = run_worker(
        "import sys\nreal = sys.stdout\nsys.stdout = sys.stderr\n"
        "for name in ('ready', 'one', 'two'):\n"
        "    print('log of ' + name)\n    real.write(name + chr(10))\n    real.flush()\n"
    )
    assert answers == ["ready", "one", "two"]
    assert log == ["log of ready", "log of one", f"{MARK}1", "log of two", f"{MARK}2"]


def lines(*texts: str) -> queue.Queue[str]:
    """The output of a worker."""
    waiting: queue.Queue[str] = queue.Queue()
    for text in texts:
        waiting.put(text)
    return waiting


def test_the_log_of_an_invocation_ends_at_its_mark() -> None:
    """Nothing is lost and nothing is waited for."""
    output = lines("a", "b", f"{MARK}1", f"{MARK}2", "c", f"{MARK}3")
    assert [lines_of_invocation(output) for _ in range(3)] == [["a", "b"], [], ["c"]]


def test_a_late_mark_does_not_end_the_next_invocation() -> None:
    """What was left over comes with the next log, which ends at its own mark."""
    output = lines("late", f"{MARK}1", "next", f"{MARK}2")
    output.invocations = 1  # type: ignore[attr-defined]
    assert lines_of_invocation(output) == ["late", "next"]
