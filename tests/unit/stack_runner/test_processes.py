"""Programs are run and ended, with everything that they started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from sandbox.stack.processes import OwnedProcess, ProgramFailedError, run

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT = {"PATH": os.defpath}

# Says the number of a child of its own, then both wait for ever.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


def exists(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)],  # noqa: S607 (wherever ps is)
        capture_output=True,
        text=True,
        check=False,
    )
    return status.stdout.strip()[:1] not in {"", "Z"}


def ends(pid: int) -> bool:
    """Whether a killed process is gone soon: the kernel may take a moment on a busy machine."""
    deadline = time.monotonic() + 5
    while exists(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_the_output_is_returned(tmp_path: Path) -> None:
    """Both outputs, and nothing of the caller's environment is there."""
    look = "import os, sys; print(sorted(os.environ)); print('err', file=sys.stderr)"
    finished = run(
        [sys.executable, "-c", look], environment={"PATH": "x", "LC_CTYPE": "C"}, folder=tmp_path
    )
    assert "['LC_CTYPE', 'PATH']" in finished.output
    assert "err" in finished.output


def test_a_failure_carries_status_and_output(tmp_path: Path) -> None:
    """Whoever reads the error sees what the program said."""
    program = [sys.executable, "-c", "print('why'); raise SystemExit(3)"]
    with pytest.raises(ProgramFailedError, match="why") as error:
        run(program, environment=ENVIRONMENT, folder=tmp_path)
    assert error.value.status == 3


def test_death_by_signal_is_a_negative_status(tmp_path: Path) -> None:
    """As subprocess has it."""
    program = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    with pytest.raises(ProgramFailedError) as error:
        run(program, environment=ENVIRONMENT, folder=tmp_path)
    assert error.value.status == -signal.SIGKILL


@pytest.mark.parametrize("grace", [0.0, 5.0])
def test_stopping_ends_the_whole_group(tmp_path: Path, grace: float) -> None:
    """Children of the program end with it, and stopping again does nothing."""
    read, write = os.pipe()
    with os.fdopen(read) as reader:
        with os.fdopen(write, "wb") as writer:
            process = OwnedProcess(
                [sys.executable, "-c", PARENT],
                environment=ENVIRONMENT,
                folder=tmp_path,
                output=writer,
            )
        child = int(reader.readline())
        assert process.status() is None
        process.stop(grace=grace)
        # Only now nobody has the pipe open any more.
        assert reader.read() == ""
    assert not exists(process.pid)
    assert ends(child)
    process.stop(grace=grace)


def test_what_a_program_leaves_behind_ends_too(tmp_path: Path) -> None:
    """A program that ends by itself cannot leave a child in the background."""
    leave = PARENT.rsplit("time.sleep(600)", 1)[0]
    with (tmp_path / "out").open("wb") as out:
        process = OwnedProcess(
            [sys.executable, "-c", leave], environment=ENVIRONMENT, folder=tmp_path, output=out
        )
    assert process.wait() == 0
    process.stop(grace=0)
    child = int((tmp_path / "out").read_text())
    assert ends(child)
