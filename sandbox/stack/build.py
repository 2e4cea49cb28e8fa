"""`sam build` of the patched template, once per state of the sources."""

from __future__ import annotations

import fcntl
import hashlib
import json
import platform
import shutil
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.stack import local_template, places
from sandbox.stack.processes import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SOURCES = ("functions", "layers")
_IGNORED = {"__pycache__", ".DS_Store"}
_KEPT_BUILDS = 3


@dataclass(frozen=True, slots=True)
class Build:
    """A finished build: ``template`` is the built template, ``folder`` all of this build."""

    folder: Path
    template: Path
    reused: bool
    touched: Mapping[str, list[str]]
    """What each patch of the template changed."""


def architecture() -> str:
    """The value of parameter ``Architecture`` that fits this machine."""
    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"


def wheels() -> str:
    """Whose wheels the layer gets: Lambda's, or this machine's where those would not load."""
    return "lambda" if sys.platform == "linux" else "host"


def build(source: Path | None = None, *, builds: Path | None = None) -> Build:
    """Build ``template.yaml``; an earlier build of the very same sources is used again.

    Builds are kept by the hash of their sources, so a build that is being deployed is never
    changed by another one. Raises `ProgramFailedError` with what `sam` said.
    """
    source = source if source is not None else places.TEMPLATE
    root = builds if builds is not None else places.BUILDS
    root.mkdir(parents=True, exist_ok=True)
    template, touched = local_template.patched(local_template.read_template(source))
    text = json.dumps(template, indent=1)
    folder = root / _state(source.parent, text)
    built = folder / "build" / "template.yaml"
    if built.exists():
        folder.touch()
        return Build(folder, built, reused=True, touched=touched)
    with _one_at_a_time(root):
        if not built.exists():
            _sam_build(source.parent, text, root, folder)
            _forget_old_builds(root)
            return Build(folder, built, reused=False, touched=touched)
    return Build(folder, built, reused=True, touched=touched)


def _sam_build(base: Path, text: str, root: Path, folder: Path) -> None:
    partial = root / f"{folder.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    local = partial / "template.json"
    local.write_text(text, encoding="utf-8")
    command = [
        *(str(places.tool(".venv-sam", "sam")), "build"),
        *("--template-file", str(local), "--base-dir", str(base)),
        *("--build-dir", str(partial / "build")),
        *("--cached", "--cache-dir", str(root / "cache")),
        *("--parameter-overrides", f"Architecture={architecture()}"),
        *("--region", "us-east-1", "--no-use-container"),
    ]
    environment = places.installing_environment(
        SAM_CLI_TELEMETRY="0", WHEEL_ARCH=architecture(), WHEELS=wheels()
    )
    try:
        run(command, environment=environment, folder=base)
        # Paths in the built template count from its own folder, which keeps its depth here.
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _state(base: Path, text: str) -> str:
    digest = hashlib.sha256(f"{architecture()}\n{text}".encode())
    for name in _SOURCES:
        for path in sorted((base / name).rglob("*")):
            if path.is_file() and not _IGNORED.intersection(path.parts):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(base)} {content}\n".encode())
    return digest.hexdigest()[:16]


@contextmanager
def _one_at_a_time(root: Path) -> Iterator[None]:
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forget_old_builds(root: Path) -> None:
    builds = [path for path in root.iterdir() if path.is_dir() and path.name != "cache"]
    builds.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in builds[_KEPT_BUILDS:]:
        shutil.rmtree(path, ignore_errors=True)
