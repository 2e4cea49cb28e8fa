"""What the READMEs say of the clients: the files to copy are enough, the example of a call runs."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.test_docs import LIBRARY, ROOT, blocks, in_both
from wxvault import client_calls

if TYPE_CHECKING:
    from pathlib import Path


@in_both
def test_the_example_of_a_call_runs(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It uploads, sends what it has uploaded, and returns the remedy when WeChat refuses."""
    asked: list[dict[str, Any]] = []

    class Answers:
        def __init__(self, function: str, *_: object, **__: object) -> None:
            assert function == "call-function"

        def ask(self, question: dict[str, Any]) -> object:
            asked.append(question["call"])
            if len(asked) > 2:
                refused = {"code": "permission_missing", "message": "m", "remedy": "grant it"}
                return {"error": refused}
            return {"content_type": "application/json", "json": {"media_id": "M1"}}

    monkeypatch.setattr(client_calls, "InvokeTransport", Answers)
    monkeypatch.setenv("WXVAULT_CALL_FUNCTION", "call-function")
    _, block, *_ = blocks(name, "python")
    (tmp_path / "example.py").write_text(block, "utf-8")
    greet = runpy.run_path(str(tmp_path / "example.py"))["greet"]
    assert greet("wxf8b4f85f3a794e77", "o1", b"png") == "sent"
    assert asked[0]["query"] == {"type": "image"}
    assert asked[1]["json"]["image"] == {"media_id": "M1"}
    assert greet("wxf8b4f85f3a794e77", "o1", b"png") == "grant it"


@in_both
@pytest.mark.parametrize("module", ["client", "client_calls"])
def test_the_files_are_enough_for_the_client(name: str, module: str, tmp_path: Path) -> None:
    """What is copied beside a handler can be imported without the rest."""
    first, second = [block for block in blocks(name, "bash") if "client_transports" in block]
    copied = {"client": first, "client_calls": second}[module]
    names = re.findall(r"\{(.*?)\}\.py", copied)[0].split(",")
    (tmp_path / "wxvault").mkdir()
    for one in names:
        shutil.copy(LIBRARY / f"{one}.py", tmp_path / "wxvault")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import wxvault.{module} as c"
    told = subprocess.run(
        [sys.executable, "-I", "-c", f"{program}; print(c.__file__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.startswith(str(tmp_path))


@in_both
def test_the_example_of_a_subscriber_runs(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """An event is applied once; one that is overtaken is told to have happened, and no more."""
    *_, block = blocks(name, "python")
    (tmp_path / "subscriber.py").write_text(block, "utf-8")
    handler = runpy.run_path(str(tmp_path / "subscriber.py"))["handler"]
    event = json.loads((ROOT / "events/bus/authorizer.revoked.json").read_text("utf-8"))
    older = json.loads((ROOT / "events/bus/authorizer.authorized.json").read_text("utf-8"))
    older["detail"]["sequence"] -= 1
    verdicts = [handler(one, None)["verdict"] for one in (event, event, older)]
    assert verdicts == ["newest", "repeated", "late"]
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["now", "wxf8b4f85f3a794e77", "revoked", "demo-shop"],
        ["happened", "authorizer.revoked"],
        ["happened", "authorizer.authorized", "late"],
    ]
