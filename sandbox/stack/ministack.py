"""The local AWS: one emulator process on loopback, with IAM enforced and nothing left behind."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sandbox.stack.emulator.environments import ENDPOINT_VARIABLE
from sandbox.stack.emulator.launch import MARKER
from sandbox.stack.emulator.schedules import SPEED_VARIABLE
from sandbox.stack.errors import StackError
from sandbox.stack.places import tool
from sandbox.stack.ports import free_port
from sandbox.stack.processes import OwnedProcess

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import TracebackType

_LAUNCHER = Path(__file__).with_name("emulator") / "launch.py"
_START_SECONDS = 30.0
_ATTEMPTS = 3
_POLL_SECONDS = 0.05
_LOG_TAIL = 4000
# The server's own lines; what functions print carries no such beginning.
_SERVER_ERROR = re.compile(r"\d{4}-\d\d-\d\d [\d:]+ (ERROR|CRITICAL) \[")
# What it says of an environment that ended while it was starting, and said nothing itself.
_ENDED_AT_START = re.compile(
    r"execution error for (\S+): Worker process exited immediately\. stderr:\s*$"
)


class EmulatorError(StackError):
    """The emulator did not start or has ended."""


class PortTakenError(EmulatorError):
    """Somebody took the port between its choice and its use."""


@dataclass(frozen=True, slots=True)
class EmulatorOptions:
    """What is fixed when the emulator starts."""

    account: str = "123456789012"
    region: str = "us-east-1"
    concurrency: int = 32
    """Invocations that may run at once; more are refused, as by an account's limit."""
    schedule_speed: float = 1.0
    """How many times faster ``rate(...)`` schedules come round."""


class MiniStack:
    """A running emulator. Use as a context manager; `stop` may be called twice."""

    def __init__(self, options: EmulatorOptions | None = None) -> None:
        self.options = options if options is not None else EmulatorOptions()
        self.port = 0
        self.functions_endpoint = ""
        """Where functions find AWS, if not at the emulator itself: a proxy in front of it."""
        self.killed: set[str] = set()
        """Functions of which environments were killed on purpose, by their full names."""
        self._process: OwnedProcess | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def url(self) -> str:
        """The AWS endpoint, by address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def platform_url(self) -> str:
        """The platform's address: same port, told apart by the host."""
        return f"http://localhost:{self.port}"

    @property
    def folder(self) -> Path:
        """The private folder: workers, unpacked layers, the log. Gone after `stop`."""
        if self._folder is None:
            raise EmulatorError("the emulator is not running")
        return Path(self._folder.name)

    @property
    def _temporary(self) -> Path:
        return self.folder / "tmp"

    @property
    def pid(self) -> int | None:
        """The emulator's process id while it runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start and wait until it answers. Raises `EmulatorError` with the end of its log."""
        for left in reversed(range(_ATTEMPTS)):
            try:
                self._start_once()
            except PortTakenError:
                if left == 0:
                    raise
            else:
                return

    def _start_once(self) -> None:
        python = tool(".venv-ministack", "python")
        self._folder = tempfile.TemporaryDirectory(
            prefix="wxvault-stack-", ignore_cleanup_errors=True
        )
        try:
            (self.folder / MARKER).touch()
            self._temporary.mkdir()
            self.port = free_port()
            with (self.folder / "ministack.log").open("wb") as log:
                self._process = OwnedProcess(
                    [str(python), "-I", str(_LAUNCHER)],
                    environment=self._environment(python),
                    folder=self.folder,
                    output=log,
                    stdin=subprocess.PIPE,
                )
            self._wait_until_healthy()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server and its workers, and delete what they wrote."""
        process, self._process = self._process, None
        if process is not None:
            # Nothing is to be saved, so nothing is to be waited for.
            process.stop(grace=0)
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()

    def log_tail(self) -> str:
        """The end of the server's own log; it repeats what functions print."""
        path = self.folder / "ministack.log"
        return path.read_text(errors="replace")[-_LOG_TAIL:] if path.exists() else ""

    def complaints(self) -> list[str]:
        """Errors of the server itself; a poller that fails says so nowhere else.

        Not that an environment ended at its start, where that was our doing.
        """
        lines = (self.folder / "ministack.log").read_text(errors="replace").splitlines()
        errors = [line for line in lines if _SERVER_ERROR.match(line)]
        return [line for line in errors if not is_end_of_a_killed_one(line, self.killed)]

    def environments(self, function: str) -> int:
        """How many execution environments of a function, by its full name, exist now."""
        return len(list(self._temporary.glob(f"ministack-lambda-{function}-*")))

    def worker_pids(self, function: str) -> list[int]:
        """Process ids of a function's environments, by its full name."""
        listed = subprocess.run(
            ["ps", "-axww", "-o", "pid=,command="],  # noqa: S607 (wherever ps is)
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        # The private folder's name is in the command: no other stack's worker can match.
        mine = str(self._temporary / f"ministack-lambda-{function}-")
        return [int(line.split()[0]) for line in listed.splitlines() if mine in line]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _environment(self, python: Path) -> dict[str, str]:
        return {
            # Workers inherit nothing of the caller's environment. See emulator/environments.py.
            "PATH": f"{python.parent}:/usr/bin:/bin",
            "HOME": str(self._temporary),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self._temporary),
            "WXVAULT_STACK_FOLDER": str(self.folder),
            SPEED_VARIABLE: str(self.options.schedule_speed),
            ENDPOINT_VARIABLE: self.functions_endpoint,
            "BIND_HOST": "127.0.0.1",
            # The host in addresses it hands out: a queue's URL must not look like the platform.
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "AUTH": "true",
            "MINISTACK_ACCOUNT_ID": self.options.account,
            "MINISTACK_REGION": self.options.region,
            "LAMBDA_ACCOUNT_CONCURRENCY": str(self.options.concurrency),
            "MINISTACK_WORKER_THREADS": str(max(64, self.options.concurrency * 3)),
            # Listeners nobody asked for, and a Docker daemon that is not ours to tidy.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "DOCKER_HOST": f"unix://{self.folder}/no-docker.sock",
        }

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.status() is not None:
                log = self.log_tail()
                kind = PortTakenError if "already in use" in log else EmulatorError
                raise kind(f"the emulator ended while starting\n{log}")
            if self._is_healthy():
                return
            time.sleep(_POLL_SECONDS)
        raise EmulatorError(f"no answer within {_START_SECONDS:.0f} s\n{self.log_tail()}")

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/_ministack/health")
            answer = connection.getresponse()
            return answer.status == http.HTTPStatus.OK and "services" in json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            return False
        finally:
            connection.close()


def is_end_of_a_killed_one(line: str, killed: Collection[str]) -> bool:
    """Whether a line of the log only says that an environment was killed while it was starting.

    One that ends by itself says why.
    """
    found = _ENDED_AT_START.search(line)
    return found is not None and found[1] in killed
