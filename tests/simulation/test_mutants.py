"""Without any one of its guards the vault fails: each is taken away, and the simulation notices."""

from __future__ import annotations

import logging
import re
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.simulation.mutants.catalogue import MUTANTS
from tests.simulation.mutants.chase import ROOT, in_a_process
from tests.simulation.mutants.directed import Directed
from tests.simulation.mutants.drama import Drama
from tests.simulation.mutants.made_up import BREAKING, HARMLESS
from tests.simulation.mutants.mutant import Edit, EditError
from tests.simulation.mutants.scenes import SCENES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.mutants.mutant import Mutant

CONTROLS = 750
BATCH = 50


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Keep the log of many refusals out of the way."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_missing_guard_is_noticed(mutant: Mutant) -> None:
    """With the guard taken away, the judge finds fault (and nothing merely breaks)."""
    end = in_a_process(mutant.name)
    assert not end.broken, end.said
    assert end.caught, f"{end.schedules} schedules are well without: {mutant.guard}"


@pytest.mark.parametrize("mutant", BREAKING, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_who_only_breaks_is_not_caught(mutant: Mutant) -> None:
    """Code that does not run fails every test, and so shows nothing of a guard."""
    end = in_a_process(mutant.name)
    assert end.broken
    assert not end.caught
    assert "NameError" in end.said


@pytest.mark.parametrize("mutant", HARMLESS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_who_does_no_harm_is_not_caught(mutant: Mutant) -> None:
    """The tests that mutants name do not fail by themselves."""
    end = in_a_process(mutant.name)
    assert not end.broken, end.said
    assert not end.caught, end.said


def test_the_figures_told_are_those_of_the_catalogue() -> None:
    """How many guards were taken away, and what noticed it, is counted, not remembered."""
    text = (ROOT / "docs/reliability.md").read_text("utf-8")
    told = {
        name: [int(number) for number in re.findall(r"\d+", figures)]
        for name, figures in re.findall(r"^\| ([\w` ]+) \| (.*) \|$", text, re.MULTILINE)
    }
    behind = sum(bool(mutant.behind) for mutant in MUTANTS)
    by = Counter(mutant.noticed_by for mutant in MUTANTS)
    assert told["guards taken away"] == [len(MUTANTS), behind]
    random = "a random schedule of make simulate"
    assert told["noticed by a random schedule of `make simulate`"] == [by.pop(random)]
    assert told["noticed by a directed scene"] == [by.pop("a directed scene")]
    assert told["noticed by a directed test that the mutant names"] == [by.pop("a directed test")]
    assert not by
    assert f"each guard of the vault ({len(MUTANTS)} of them:" in text


@pytest.mark.parametrize("name", SCENES)
def test_every_scene_ends_well(name: str) -> None:
    """With all guards in place, what shows a missing guard shows nothing."""
    assert SCENES[name](Directed()) == []


@pytest.mark.parametrize("first", range(0, CONTROLS, BATCH))
def test_every_drama_ends_well(first: int) -> None:
    """With all guards in place, everybody may be held up at the worst moments."""
    for seed in range(first, first + BATCH):
        drama = Drama(seed)
        assert drama.play() == [], f"drama {seed}"


def test_every_mutant_is_another() -> None:
    """A name stands for one mutant, and none is given twice under two names."""
    names = Counter(mutant.name for mutant in MUTANTS)
    edits = Counter(mutant.edits for mutant in MUTANTS)
    assert [name for name, times in names.items() if times > 1] == []
    assert [edit for edit, times in edits.items() if times > 1] == []


def test_every_edit_finds_its_place() -> None:
    """No change of the services takes a mutant's edge off unseen."""
    for mutant in MUTANTS:
        sources: dict[str, str] = {}
        for edit in mutant.edits:
            found = find_spec(edit.module)
            assert found is not None
            assert found.origin is not None
            source = sources.get(edit.module) or Path(found.origin).read_text(encoding="utf-8")
            sources[edit.module] = edit.apply(source)


def test_an_edit_that_has_no_place_is_refused() -> None:
    """What stands there twice, or not at all, is not replaced."""
    for source in ("", "a = 1\na = 1\n"):
        with pytest.raises(EditError):
            Edit("module", "a = 1", "a = 2").apply(source)


def test_every_scene_shows_something() -> None:
    """A scene that no mutant needs is not kept."""
    needed = {scene for mutant in MUTANTS for scene in mutant.scenes}
    assert set(SCENES) - needed == set()
