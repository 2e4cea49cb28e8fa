"""NAME=1 behind a make target: every usual way of saying yes and no, and nothing else."""

from __future__ import annotations

import pytest

from tools.dead_letters import command as dead_letters
from tools.flags import UnclearFlagError, flag
from tools.restore import command as restore
from tools.resync import command as resync


@pytest.mark.parametrize("value", ["1", "yes", "YES", "true", "TRUE", "True", " 1 "])
def test_yes(value: str) -> None:
    """However it is spelt."""
    assert flag("APPLY", value) == "yes"


@pytest.mark.parametrize("value", ["", "0", "no", "No", "false", "FALSE"])
def test_no(value: str) -> None:
    """Left out is no."""
    assert not flag("APPLY", value)


def test_more_than_yes() -> None:
    """What a target knows besides is only its own."""
    assert flag("DROP", "ALL", "all") == "all"
    with pytest.raises(UnclearFlagError, match="APPLY=1, or leave it out"):
        flag("APPLY", "all")
    with pytest.raises(UnclearFlagError, match="DROP=1, DROP=all, or leave it out"):
        flag("DROP", "ja", "all")


@pytest.mark.parametrize(
    ("main", "arguments", "name"),
    [
        (resync.main, ["--apply=on"], "APPLY"),
        (restore.main, ["--stack=one", "--overwrite=on"], "OVERWRITE"),
        (dead_letters.main, ["--redrive=on"], "REDRIVE"),
        (dead_letters.main, ["--drop=on"], "DROP"),
    ],
)
def test_what_is_unclear_does_nothing(
    main: object, arguments: list[str], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence says what to say instead; no stack was looked for."""
    assert callable(main)
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"{name}=on is neither yes nor no. Say {name}=1")
    assert "usage" not in said
