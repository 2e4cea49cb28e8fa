"""Programs that the runner starts, and ends: by their own process group, never by name."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from sandbox.stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_POLL_SECONDS = 0.02


class ProgramFailedError(StackError):
    """A program ended with another status than 0."""

    def __init__(self, command: Sequence[str], status: int, output: str) -> None:
        super().__init__(f"{' '.join(command[:2])} ended with status {status}\n{output.strip()}")
        self.status = status
        self.output = output


class OwnedProcess:
    """A program in a session and process group of its own.

    Ctrl-C in the terminal does not reach it; `stop` ends it with everything it started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        output: IO[bytes] | int = subprocess.DEVNULL,
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        """Start ``command`` in ``folder`` with exactly ``environment``; both outputs go to one."""
        self._process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=folder,
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process id, which is the id of its group too."""
        return self._process.pid

    def status(self) -> int | None:
        """The exit status, negative for a signal's number; None while it runs."""
        return self._look(os.WNOHANG)

    def send(self, data: bytes) -> None:
        """Write ``data`` to its standard input, which stays open."""
        if self._process.stdin is not None:
            self._process.stdin.write(data)
            self._process.stdin.flush()

    def wait(self) -> int:
        """Wait for its end and return the status."""
        while (status := self._look(0)) is None:
            pass
        return status

    def stop(self, *, grace: float) -> None:
        """End the whole group: politely first, after ``grace`` seconds for certain.

        To be called also for a program that has ended by itself: it may have left others.
        """
        if self._process.returncode is not None:
            return
        if grace > 0:
            self._signal(signal.SIGTERM)
            deadline = time.monotonic() + grace
            while self.status() is None and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
        # The leader is not reaped before this line, so its number cannot belong to anyone else.
        self._signal(signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _look(self, how: int) -> int | None:
        """The status without reaping, so that number and group stay the process's own."""
        if self._process.returncode is not None:
            return self._process.returncode
        found = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT | how)
        if found is None:
            return None
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


@dataclass(frozen=True, slots=True)
class Finished:
    """What a program that ended well has written, both outputs in one."""

    output: str


def run(command: Sequence[str], *, environment: Mapping[str, str], folder: Path) -> Finished:
    """Run ``command`` to its end. Raises `ProgramFailedError` with its output.

    Whatever interrupts the wait also ends the program and all it started.
    """
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader:
        with os.fdopen(write, "wb") as writer:
            process = OwnedProcess(command, environment=environment, folder=folder, output=writer)
        try:
            output = reader.read().decode(errors="replace")
            status = process.wait()
        finally:
            process.stop(grace=0)
    if status != 0:
        raise ProgramFailedError(command, status, output)
    return Finished(output)


def is_running(pid: int) -> bool:
    """Say whether a process is there and has not ended yet (a zombie has)."""
    told = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)],  # noqa: S607 (wherever ps is)
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip()[:1] not in {"", "Z"}
