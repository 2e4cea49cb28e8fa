"""The rules that hold for the repository: requirements, addresses, samples, versions."""

from __future__ import annotations

import json
import os
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HASHED = [
    *sorted((ROOT / "requirements").glob("*.txt")),
    ROOT / "layers" / "dependencies" / "requirements.txt",
]


@cache
def files() -> dict[str, str]:
    """Return every text file that git has or would take, by its place."""
    asked = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(asked, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    found = {}
    for place in listed.split("\0"):
        path = ROOT / place
        if place and path.is_file():
            content = path.read_bytes()
            if b"\0" not in content:
                found[place] = content.decode("utf-8")
    return found


# Written so that this file does not hold what it looks for.
INDEX = re.compile(
    r"--(extra-)?index-ur[l]|--find-link[s]|\"resolved\": *\"http|^ *url *= *\"http"
    r"|registry *= *\"?http|source = \{ (registry|url)"
    r"|pypi\.or[g]|pythonhosted\.or[g]|registry\.npmj[s]",
    re.MULTILINE,
)
MACHINE = re.compile(r"(?:^|[^A-Za-z0-9_./-])/(?:work|root|home)/[A-Za-z.]")


def test_no_address_of_a_package_index() -> None:
    """Where packages come from is everyone's own business, and nobody else's address is here."""
    assert not [place for place, text in files().items() if INDEX.search(text)]


def test_no_path_of_one_machine() -> None:
    """Nothing refers to the machine it was written on."""
    assert not [place for place, text in files().items() if MACHINE.search(text)]


@pytest.mark.parametrize("path", HASHED, ids=lambda path: path.stem)
def test_requirements_are_pinned_and_hashed(path: Path) -> None:
    """Every line pins a version or gives a hash, and every version has hashes."""
    text = path.read_text("utf-8").replace("\\\n", "")
    for line in text.splitlines():
        assert re.fullmatch(
            r"[a-z0-9-]+==[0-9][A-Za-z0-9.]*( ; [^#-]+?)?\s*( +--hash=sha256:[0-9a-f]{64}\s*)+",
            line,
        ), line


def pins(path: Path) -> dict[str, str]:
    """Return name and version of everything a requirement file pins."""
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", path.read_text("utf-8"), re.MULTILINE))


def test_tests_run_with_what_the_functions_run_with() -> None:
    """What is in the layer has the same version in the environment of the tests."""
    layer = pins(ROOT / "layers" / "dependencies" / "requirements.txt")
    dev = pins(ROOT / "requirements" / "dev.txt")
    assert layer.items() <= dev.items()


def test_the_layer_holds_what_the_functions_need_and_no_more() -> None:
    """Another dependency at run time needs a decision record, and this list."""
    wanted = {"aws-lambda-powertools", "pycryptodome", "requests", "xmltodict"}
    theirs = {"certifi", "charset-normalizer", "idna", "jmespath", "typing-extensions", "urllib3"}
    assert set(pins(ROOT / "layers" / "dependencies" / "requirements.txt")) == wanted | theirs


def test_one_version_of_the_transform() -> None:
    """Template tests, `sam` and the local AWS translate the template with the same transform."""
    versions = {
        pins(ROOT / "requirements" / f"{name}.txt")["aws-sam-translator"]
        for name in ("dev", "sam", "ministack")
    }
    assert len(versions) == 1


def test_one_version_of_python() -> None:
    """The interpreter of the project is the runtime of the functions."""
    assert (ROOT / ".python-version").read_text("utf-8").strip() == "3.13"
    assert "Runtime: python3.13" in files()["template.yaml"]
    assert 'requires-python = "==3.13.*"' in files()["pyproject.toml"]


def test_sample_events_are_json() -> None:
    """Every sample event can be read."""
    for path in (ROOT / "events").glob("*.json"):
        assert isinstance(json.loads(path.read_text("utf-8")), dict), path.name


def test_continuous_integration_runs_the_tests() -> None:
    """`.ci/run` can be started and calls the command of the README."""
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.search(r"^(exec )?make test$", script.read_text("utf-8"), re.MULTILINE)


def test_the_licence_is_whole() -> None:
    """The licence is the Apache License 2.0, with its conditions and its appendix."""
    text = files()["LICENSE"]
    assert "Version 2.0, January 2004" in text
    assert "9. Accepting Warranty or Additional Liability." in text
    assert "APPENDIX: How to apply the Apache License to your work." in text
