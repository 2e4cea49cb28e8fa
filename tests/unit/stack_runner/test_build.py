"""Builds are kept by the state of their sources."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sandbox.stack import build

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A project of one function."""
    for name in ("functions/token/app.py", "layers/wxvault/python/wxvault/errors.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text("x = 1")
    return tmp_path


def test_the_same_sources_are_the_same_state(sources: Path) -> None:
    """Times and bytecode do not count."""
    before = build._state(sources, "template")
    (sources / "functions/token/__pycache__").mkdir()
    (sources / "functions/token/__pycache__/app.pyc").write_bytes(b"1")
    os.utime(sources / "functions/token/app.py", (1, 1))
    assert build._state(sources, "template") == before


@pytest.mark.parametrize("change", ["content", "name", "new", "template"])
def test_any_change_is_another_state(sources: Path, change: str) -> None:
    """A build that is out of date is never used."""
    before = build._state(sources, "template")
    path = sources / "functions/token/app.py"
    text = "template"
    if change == "content":
        path.write_text("x = 2")
    elif change == "name":
        path.rename(path.with_name("other.py"))
    elif change == "new":
        path.with_name("other.py").touch()
    else:
        text = "other"
    assert build._state(sources, text) != before


def test_an_existing_build_is_used_again(sources: Path, tmp_path: Path) -> None:
    """Nothing is run: there is no tool here that could be."""
    template = sources / "template.yaml"
    template.write_text("Resources: {}")
    builds = tmp_path / "builds"
    text = '{\n "Resources": {}\n}'
    built = builds / build._state(sources, text) / "build" / "template.yaml"
    built.parent.mkdir(parents=True)
    built.touch()
    found = build.build(template, builds=builds)
    assert (found.template, found.reused) == (built, True)


def test_old_builds_are_forgotten(tmp_path: Path) -> None:
    """The newest three stay, and the cache of `sam build`."""
    (tmp_path / "cache").mkdir()
    for age, name in enumerate(("new", "newer", "newest", "older", "oldest")):
        (tmp_path / name).mkdir()
        stamp = {"newest": 50, "newer": 40, "new": 30}.get(name, 20 - age)
        os.utime(tmp_path / name, (stamp, stamp))
    build._forget_old_builds(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"cache", "new", "newer", "newest"}


@pytest.mark.parametrize(
    ("machine", "expected"),
    [("x86_64", "x86_64"), ("AMD64", "x86_64"), ("aarch64", "arm64"), ("arm64", "arm64")],
)
def test_the_architecture_is_the_machines(
    machine: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Functions run here, so they are built for here."""
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert build.architecture() == expected
