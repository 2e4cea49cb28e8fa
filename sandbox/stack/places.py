"""Where things are in this repository."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sandbox.stack.errors import StackError

REPOSITORY = Path(__file__).resolve().parents[2]
TEMPLATE = REPOSITORY / "template.yaml"
LAYER_LIBRARY = REPOSITORY / "layers" / "wxvault" / "python"

# Everything the runner builds; ignored by git, rebuilt when missing.
BUILDS = REPOSITORY / ".aws-sam" / "local"


class MissingToolError(StackError):
    """A tool of one of the project's environments is not installed."""


def tool(environment: str, name: str) -> Path:
    """The path of program ``name`` in a virtual environment such as ``.venv-sam``.

    Raises `MissingToolError`, which says how to get it.
    """
    path = REPOSITORY / environment / "bin" / name
    if not path.exists():
        raise MissingToolError(f"{environment}/bin/{name} is missing: run `make setup`")
    return path


def clean_environment(**more: str) -> dict[str, str]:
    """The environment for a program: what finding and running programs needs, and ``more``.

    Nothing else of the caller's environment gets through, credentials and settings of AWS least of
    all. The project's own tools come first on PATH: `sam build` runs make in a temporary folder,
    where a version manager's shim would not know which Python is meant.
    """
    tools = [str(Path(sys.executable).parent), str(REPOSITORY / ".venv-sam" / "bin")]
    kept = ("HOME", "LANG", "LC_ALL", "TMPDIR")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PATH": os.pathsep.join([*tools, os.environ.get("PATH", os.defpath)]),
        **more,
    }


def installing_environment(**more: str) -> dict[str, str]:
    """`clean_environment`, and how this machine gets at packages: caches, mirrors, proxies."""
    prefixes = ("PIP_", "UV_", "SSL_CERT_", "REQUESTS_CA_")
    names = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "XDG_CACHE_HOME"}
    found = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(prefixes) or name.upper() in names
    }
    return clean_environment(**found, **more)
