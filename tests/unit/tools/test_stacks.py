"""Which stack: the note of a local one is believed only if it is alive and on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tools.dead_letters.command import main
from tools.dead_letters.stacks import NoStackError, on_this_desk

if TYPE_CHECKING:
    from pathlib import Path

NOTE: dict[str, Any] = {
    "stack": "wxvault",
    "endpoint": "https://sqs.us-east-1.example.com",
    "region": "us-east-1",
    "pid": os.getpid(),
}


def note(folder: Path, content: object, name: str = "running-1.json") -> Path:
    """Write what a running stack leaves."""
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def ended() -> int:
    """Return the id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        return process.pid


def test_without_a_stack_it_says_how_to_get_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both ways are named, and the status says that nothing was done."""
    assert main(["--running", str(tmp_path / "missing")]) == 1
    said = capsys.readouterr().err
    assert "make run" in said
    assert "STACK=name" in said


@pytest.mark.parametrize(
    "content", ["", "no JSON", [], {}, NOTE | {"pid": "1"}, NOTE | {"pid": ended()}], ids=range(6)
)
def test_a_note_that_means_nothing_is_passed_over(tmp_path: Path, content: object) -> None:
    """Half written, of another form, or of a stack that was killed."""
    note(tmp_path, content)
    with pytest.raises(NoStackError, match="No local stack is up"):
        on_this_desk(tmp_path)


def test_a_local_stack_is_on_this_machine(tmp_path: Path) -> None:
    """A note that points elsewhere is refused before anything is asked there."""
    note(tmp_path, NOTE)
    with pytest.raises(NoStackError, match="not on this machine"):
        on_this_desk(tmp_path)


def test_redrive_and_drop_are_one_after_the_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both at once have no meaning; nothing is done."""
    assert main(["--redrive", "1", "--drop", "1", "--running", str(tmp_path)]) == 1
    assert "Either REDRIVE or DROP" in capsys.readouterr().err
