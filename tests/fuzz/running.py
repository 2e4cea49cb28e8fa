"""Running targets, a few at a time: their processes, their progress, what came of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fuzz import show
from tests.fuzz.branches import LIBRARY
from tests.fuzz.corpus import kept

if TYPE_CHECKING:
    from tests.fuzz.branches import Site
    from tests.fuzz.child import Folder

ROOT = LIBRARY.parents[3]
WATCHED = "sandbox.stack.watched"
_LOOK_SECONDS = 0.2
_SHOW_SECONDS = 10.0

# What conftest.py does for tests: neither the machine's AWS nor its stack's name.
_ENVIRONMENT = {
    "POWERTOOLS_SERVICE_NAME": "wxvault",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "PYTHONPATH": f"{ROOT}:{LIBRARY.parent}",
    "PYTHONHASHSEED": "0",
}


@dataclass
class Run:
    """One target on its way: first the inputs are played, then they are measured."""

    name: str
    folder: Folder
    engine: str
    wanted: int
    seed: int
    step: str = ""
    inputs: int = 0
    cpu_seconds: float = 0.0
    slowest_ms: float = 0.0
    memory_mb: float = 0.0
    kept: int = 0
    findings: dict[str, str] = field(default_factory=dict)
    """Input (hexadecimal) and what it did."""
    taken: dict[Site, set[int]] = field(default_factory=dict)
    problem: str = ""
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin."""
        self.folder.prepare(kept(self.name))
        self._begin(self.engine)

    def _begin(self, step: str) -> None:
        self.step = step
        self.folder.report.unlink(missing_ok=True)
        # However this process ends, the child ends with it: a pipe between them closes.
        command = [sys.executable, "-m", WATCHED, "tests.fuzz.child", step, self.name]
        command += [str(self.folder.path), str(self.wanted), str(self.seed)]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        with (self.folder.path / f"{step}.log").open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**clean, **_ENVIRONMENT},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )

    def look(self) -> bool:
        """See how far it is; True: it is over."""
        process = self._process
        if process is None:
            return True
        ended = process.poll() is not None
        report = self.read()
        if self.step != "measure":
            self.inputs = report.get("inputs", self.inputs)
        if not ended:
            return False
        self._take(report)
        if self.problem or self.step == "measure":
            return True
        self._begin("measure")
        return False

    def read(self) -> dict[str, Any]:
        """Return the step's latest report."""
        path = self.folder.report
        report: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        return report

    def _take(self, report: dict[str, Any]) -> None:
        for finding in report.get("findings", ()):
            self.findings[finding["input"]] = finding["told"]
        if not report.get("done"):
            log = (self.folder.path / f"{self.step}.log").read_text("utf-8", "replace")
            last = "\n".join(log.strip().splitlines()[-12:])
            self.problem = f"{self.step} ended early, after {self.inputs} inputs:\n{last}"
            return
        if self.step == "measure":
            # The times that count: of the library as it is, not as atheris watches it.
            self.slowest_ms = report["slowest_ms"]
            self.kept = len(self.folder.found())
            self.taken = {(a, b, c, d): set(ways) for a, b, c, d, ways in report["taken"]}
        else:
            self.cpu_seconds = report["cpu_seconds"]
        self.memory_mb = max(self.memory_mb, report["memory_mb"])

    def stop(self) -> None:
        """End it now."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()


def run_all(runs: list[Run], jobs: int) -> list[Run]:
    """Run all, ``jobs`` at a time, and show how far they are."""
    waiting, running = list(runs), list[Run]()
    started = shown_at = time.monotonic()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(waiting.pop(0))
                running[-1].start()
            for run in [run for run in running if run.look()]:
                running.remove(run)
                show.say(show.line(run, time.monotonic() - started))
            if running and time.monotonic() - shown_at > _SHOW_SECONDS:
                shown_at = time.monotonic()
                show.say(show.progress(running, time.monotonic() - started))
            time.sleep(_LOOK_SECONDS)
    finally:
        for run in running:
            run.stop()
    return runs
