"""Each built handler, imported with nothing but what Lambda would give it.

This says which module is missing, for every function at once. What is imported later, when a
handler is wired or called, is under the same rule in the workers of the local stack: see
``emulator/environments.py``.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.stack import places
from sandbox.stack.emulator.environments import RUNTIME_PACKAGES
from sandbox.stack.errors import StackError
from sandbox.stack.local_template import read_template

if TYPE_CHECKING:
    from collections.abc import Iterator

# Without site, nothing of any environment is on the path; what is appended is all there is.
_PROGRAM = """
import importlib, json, sys
job = json.loads(sys.argv[1])
sys.path[:] = job["layers"] + [job["code"]] + sys.path

class Runtime:
    '''Finds the packages of Lambda's runtime, and none beside them in the same folder.'''
    def find_spec(self, name, path=None, target=None):
        if path is None and name not in job["runtime"]:
            return None
        finder = importlib.machinery.PathFinder
        return finder.find_spec(name, [job["packages"]] if path is None else path)

import importlib.machinery
sys.meta_path.append(Runtime())
# Outside of Lambda nothing is wired, so the handler may be None; that it is there must do.
getattr(importlib.import_module(job["module"]), job["name"])
"""


class MissingFromBuildError(StackError):
    """A built handler cannot be imported with what is in its package and its layers."""


@dataclass(frozen=True, slots=True)
class BuiltHandler:
    """One function of a built template."""

    function: str
    code: Path
    module: str
    name: str
    layers: tuple[Path, ...]


def built_handlers(template: Path) -> Iterator[BuiltHandler]:
    """Every function of a built template, with the folders of its code and its layers."""
    parsed = read_template(template)
    resources: dict[str, Any] = parsed["Resources"]
    shared = parsed.get("Globals", {}).get("Function", {})
    for function, resource in resources.items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        properties = resource["Properties"]
        references = [*shared.get("Layers", ()), *properties.get("Layers", ())]
        folders = (
            template.parent / resources[reference["Ref"]]["Properties"]["ContentUri"] / "python"
            for reference in references
        )
        module, _, name = properties["Handler"].rpartition(".")
        code = (template.parent / properties["CodeUri"]).resolve()
        layers = tuple(folder.resolve() for folder in folders)
        yield BuiltHandler(function, code, module.replace("/", "."), name, layers)


def check(template: Path) -> int:
    """Import every handler of a built template; the number of them.

    Raises `MissingFromBuildError` with all functions that fail, and why.
    """
    handlers = list(built_handlers(template))
    with ThreadPoolExecutor(2) as pool:
        problems = [problem for problem in pool.map(_problem, handlers) if problem]
    if problems:
        raise MissingFromBuildError("\n".join(problems))
    return len(handlers)


def _problem(handler: BuiltHandler) -> str:
    spec = importlib.util.find_spec("boto3")
    if spec is None or spec.origin is None:
        raise places.MissingToolError("boto3 is missing: run `make setup`")
    job = {
        "layers": [str(path) for path in handler.layers],
        "code": str(handler.code),
        "module": handler.module,
        "name": handler.name,
        "runtime": RUNTIME_PACKAGES,
        "packages": str(Path(spec.origin).parents[1]),
    }
    python = places.tool(".venv", "python")
    finished = subprocess.run(
        # -B: what is built must not change, it is about to be packaged.
        [str(python), "-I", "-S", "-B", "-c", _PROGRAM, json.dumps(job)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "AWS_DEFAULT_REGION": "us-east-1"},
    )
    if finished.returncode == 0:
        return ""
    last = finished.stderr.strip().splitlines()[-1:]
    return f"{handler.function}: {' '.join(last) or 'the handler is not there'}"
