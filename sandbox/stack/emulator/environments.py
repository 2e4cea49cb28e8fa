"""Execution environments: nothing in them that Lambda would not have, and quick to start."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import queue
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

from sandbox.stack.emulator.corrections import (
    Correction,
    EmulatorChangedError,
    module,
    original,
    replace,
)

# The packages of Lambda's Python 3.13 runtime that a function may use without a layer.
RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")

# Of the server's own environment a worker keeps these; everything else is ours, not Lambda's.
KEPT_VARIABLES = frozenset({"PATH", "LANG", "HOME", "TMPDIR"})

# Where functions find AWS, if that is a proxy in front of the emulator.
ENDPOINT_VARIABLE = "WXVAULT_STACK_FUNCTIONS_ENDPOINT"

_ISOLATION = """
import os as _os, sys as _sys
for _name in {names!r}:
    _os.environ.pop(_name, None)
_sys.path[:] = [_p for _p in _sys.path if "site-packages" not in _p] + [{packages!r}]
"""


def link_runtime_packages(folder: Path) -> None:
    """Fill ``folder`` with links to the packages that Lambda's runtime offers."""
    folder.mkdir()
    for name in RUNTIME_PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise EmulatorChangedError(f"{name} is missing beside the emulator")
        origin = Path(spec.origin)
        source = origin.parent if spec.submodule_search_locations else origin
        (folder / source.name).symlink_to(source)


def isolated(script: str, packages: Path, foreign: frozenset[str]) -> str:
    """A worker's script that sees the runtime's packages and no variable of the server.

    Its output is marked as well: see `marking`.
    """
    return _ISOLATION.format(names=sorted(foreign), packages=str(packages)) + marking(script)


def _hide_the_emulators_packages() -> None:
    runtime = module("ministack.core.lambda_runtime")
    detect = original(runtime, "_detect_runtime_binary")
    packages = Path(tempfile.gettempdir(), "runtime-packages")
    link_runtime_packages(packages)
    foreign = frozenset(os.environ) - KEPT_VARIABLES

    def detect_isolated(name: str) -> tuple[str, str]:
        binary, script = detect(name)
        return binary, isolated(script, packages, foreign) if name.startswith("python") else script

    replace(runtime, "_detect_runtime_binary", detect_isolated)


class UnpackedLayers:
    """Layers unpacked once each, by their content, and shared by all workers."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()

    def folder(self, archive: bytes) -> Path:
        """The folder with the layer's files; ``archive`` is the layer's zip file."""
        name = hashlib.sha256(archive).hexdigest()[:16]
        target = self._root / name
        with self._lock:
            if not target.exists():
                partial = self._root / f"{name}.partial"
                zipped = self._root / f"{name}.zip"
                partial.mkdir(parents=True)
                zipped.write_bytes(archive)
                with zipfile.ZipFile(zipped) as members:
                    members.extractall(partial)  # made by `sam build` of this very project
                zipped.unlink()
                partial.rename(target)
        return target


def _share_layers_and_name_the_environment() -> None:
    runtime = module("ministack.core.lambda_runtime")
    functions = module("ministack.services.lambda_svc")
    worker = original(runtime, "Worker")
    spawn = original(worker, "_spawn")
    content = original(functions, "_resolve_layer_zip")
    layers = UnpackedLayers(Path(tempfile.gettempdir(), "layers"))

    def spawn_lighter(self: Any) -> None:
        config = self.config
        archives = [content(layer) for layer in config.get("Layers", [])]
        folders = [str(layers.folder(archive)) for archive in archives if archive]
        given = (config.get("Environment") or {}).get("Variables") or {}
        variables = given | {
            "_LAMBDA_LAYERS_DIRS": os.pathsep.join(folders),
            "_HANDLER": config.get("Handler", ""),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime', '')}",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "TZ": ":UTC",
        }
        if endpoint := os.environ.get(ENDPOINT_VARIABLE, ""):
            variables["AWS_ENDPOINT_URL"] = endpoint
        self.config = config | {"Layers": [], "Environment": {"Variables": variables}}
        try:
            spawn(self)
        finally:
            self.config = config

    replace(worker, "_spawn", spawn_lighter)


# ---- complete logs ------------------------------------------------------------------------------

MARK = "\0"
_DRAIN_SECONDS = 2.0

_MARKING = """
class _Marking:
    def __init__(self, real):
        self._real, self._count = real, -1
    def write(self, text):
        self._count += 1
        if self._count:  # the first line says that the handler is imported
            _sys.stderr.write({mark!r} + str(self._count) + "\\n")
            _sys.stderr.flush()
        self._real.write(text)
    def flush(self):
        self._real.flush()
_sys.stdout = _Marking(_sys.stdout)
"""


def marking(script: str) -> str:
    """A worker's script that ends the output of each invocation with a numbered mark."""
    return _MARKING.format(mark=MARK) + script


def lines_of_invocation(lines: Any) -> list[str]:
    """Everything that a worker printed up to the mark of its invocation.

    ``lines`` is the queue of its output. It is a new one for every process, and remembers how many
    invocations were read from it: a mark that came too late once does not end a later one.
    """
    number = lines.invocations = getattr(lines, "invocations", 0) + 1
    deadline = time.monotonic() + _DRAIN_SECONDS
    found: list[str] = []
    while (left := deadline - time.monotonic()) > 0:
        try:
            line: str = lines.get(timeout=left)
        except queue.Empty:
            break
        if not line.startswith(MARK):
            found.append(line)
        elif int(line[len(MARK) :]) >= number:
            break
    return found


def _read_logs_to_their_end() -> None:
    runtime = module("ministack.core.lambda_runtime")
    worker = original(runtime, "Worker")

    def drain(self: Any) -> str:
        return "\n".join(lines_of_invocation(self._stderr_queue))

    replace(worker, "_drain_stderr_bounded", drain)


CORRECTIONS = (
    Correction(
        "runtime-packages",
        "Workers run on the emulator's interpreter: they would see its packages and all of its "
        "environment variables, and a package missing from the layer would go unnoticed.",
        _hide_the_emulators_packages,
    ),
    Correction(
        "shared-layers",
        "Each new environment would unpack every layer anew, one after the other, inside the "
        "server; they share one unpacked copy, and get the variables that Lambda sets.",
        _share_layers_and_name_the_environment,
    ),
    Correction(
        "complete-logs",
        "The emulator stops reading a function's output at its first pause of 5 ms, and waits "
        "50 ms for one that prints nothing; a mark at the end of each invocation makes it exact.",
        _read_logs_to_their_end,
    ),
)
