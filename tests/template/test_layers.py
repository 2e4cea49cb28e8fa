"""The layers as they are built: for the right processor, with bytecode, and whole."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from tests.template import translation

ROOT = translation.TEMPLATE.parent
HERE = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
# The machine in the header of an ELF file.
ELF = {"x86_64": 0x3E, "arm64": 0xB7}

# What Lambda's runtime brings along, and the layer therefore leaves out.
RUNTIME = ("boto3", "botocore", "dateutil", "s3transfer", "six.py")


def build(layer: str, architecture: str, artifacts: Path) -> Path:
    """Build a layer as `sam build` does, in a copy of its folder; returns its `python` folder."""
    logical_id, folder = {
        "dependencies": ("DependenciesLayer", ROOT / "layers" / "dependencies"),
        "wxvault": ("WxvaultLayer", ROOT / "layers" / "wxvault"),
    }[layer]
    copy = artifacts / f"{layer}-source"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
    built = artifacts / layer
    built.mkdir()
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        [shutil.which("make") or "make", "-s", f"build-{logical_id}"],
        cwd=copy,
        env=os.environ | {"PATH": tools, "ARTIFACTS_DIR": str(built), "WHEEL_ARCH": architecture},
        check=True,
        timeout=300,
    )
    return built / "python"


@pytest.fixture(name="dependencies", scope="module", params=sorted(ELF))
def _dependencies(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """Return the layer of third-party wheels for each processor in turn."""
    architecture: str = request.param
    return architecture, build("dependencies", architecture, tmp_path_factory.mktemp(architecture))


@pytest.fixture(name="runtime", scope="module")
def _runtime(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the paths of an environment: both layers, then what Lambda's runtime has."""
    folder = tmp_path_factory.mktemp("runtime")
    site_packages = Path(boto3.__file__).parents[1]
    for name in RUNTIME:
        (folder / name).symlink_to(site_packages / name)
    layers = tmp_path_factory.mktemp("layers")
    built = [build(layer, HERE, layers) for layer in ("dependencies", "wxvault")]
    return [*map(str, built), str(folder)]


def test_native_parts_fit_the_processor(dependencies: tuple[str, Path]) -> None:
    """Every shared object in the layer is for the processor that was asked for."""
    architecture, layer = dependencies
    objects = list(layer.rglob("*.so"))
    assert objects
    for path in objects:
        header = path.read_bytes()[:20]
        assert header[:4] == b"\x7fELF"
        assert int.from_bytes(header[18:20], "little") == ELF[architecture], path.name


def test_every_module_has_bytecode_that_is_never_checked(dependencies: tuple[str, Path]) -> None:
    """No cold start compiles anything, whatever times the files get from being zipped."""
    _, layer = dependencies
    modules = list(layer.rglob("*.py"))
    assert len(modules) > 100
    for path in modules:
        compiled = path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc"
        flags = int.from_bytes(compiled.read_bytes()[4:8], "little")
        assert flags == 0b01, path.relative_to(layer)


def test_the_layer_is_small(dependencies: tuple[str, Path]) -> None:
    """Every environment unpacks the layer: no tests, no tracer, no parts that nobody imports."""
    _, layer = dependencies
    assert sum(1 for path in layer.rglob("*") if path.is_file()) < 700
    packed = shutil.make_archive(str(layer.parent.parent / "layer"), "zip", layer.parent)
    assert Path(packed).stat().st_size < 4 * 1024 * 1024
    for unused in (
        "boto3",
        "aws_xray_sdk",
        "Crypto/SelfTest",
        "aws_lambda_powertools/event_handler",
    ):
        assert not (layer / unused).exists()


@pytest.mark.parametrize(
    "handler",
    sorted(path.relative_to(ROOT) for path in (ROOT / "functions").rglob("*.py")),
    ids=str,
)
def test_functions_start_with_the_layers_alone(runtime: list[str], handler: Path) -> None:
    """What a function imports is in the layers or in Lambda's runtime, and nowhere else."""
    path = [str(ROOT / handler.parent), *runtime]
    program = (
        f"import sys; sys.path[1:1] = {path}; import wxvault.wechat.component_api, {handler.stem}"
    )
    started = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert started.returncode == 0, started.stderr
