"""Built handlers are imported with nothing but their package, their layers and the runtime."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sandbox.stack.isolation import MissingFromBuildError, built_handlers, check

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A built template with one layer and one function that uses it."""
    (tmp_path / "Layer/python").mkdir(parents=True)
    (tmp_path / "Layer/python/shared.py").write_text("x = 1")
    (tmp_path / "Token").mkdir()
    (tmp_path / "Token/app.py").write_text("import boto3, shared\nhandler = None")
    resources = {
        "Layer": {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "Layer"}},
        "Token": {
            "Type": "AWS::Serverless::Function",
            "Properties": {"CodeUri": "Token", "Handler": "app.handler"},
        },
    }
    shared = {"Function": {"Layers": [{"Ref": "Layer"}]}}
    path = tmp_path / "template.yaml"
    path.write_text(json.dumps({"Globals": shared, "Resources": resources}))
    return path


def test_a_complete_function_passes(template: Path) -> None:
    """Its layer and the runtime's boto3 are found; whether it is wired does not matter."""
    (handler,) = built_handlers(template)
    assert (handler.module, handler.name) == ("app", "handler")
    assert check(template) == 1


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("import pytest\nhandler = None", "No module named 'pytest'"),
        ("import not_packaged\nhandler = None", "No module named 'not_packaged'"),
        ("other = None", "has no attribute 'handler'"),
    ],
)
def test_what_is_missing_is_named(template: Path, source: str, missing: str) -> None:
    """A package of the test environment does not help, nor does a module without the handler."""
    (template.parent / "Token/app.py").write_text(source)
    with pytest.raises(MissingFromBuildError, match="Token: ") as error:
        check(template)
    assert missing in str(error.value)


def test_the_build_is_not_changed_by_the_check(template: Path) -> None:
    """What is checked is packaged afterwards: no bytecode is written into it."""
    before = sorted(template.parent.rglob("*"))
    check(template)
    assert sorted(template.parent.rglob("*")) == before
