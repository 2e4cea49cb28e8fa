"""A mutant: the services with one of their guards taken away, for as long as a process lives."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_loader
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType


class EditError(Exception):
    """What an edit replaces is not there, or there more than once: the mutant must be mended."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a module's source: ``old`` must stand in it exactly once."""

    module: str
    old: str
    new: str

    def apply(self, source: str) -> str:
        """Return the source with the change.

        Raises:
            EditError: nobody can tell what is to be changed.
        """
        found = source.count(self.old)
        if found != 1:
            raise EditError(f"{self.module}: stands there {found} times, not once:\n{self.old}")
        return source.replace(self.old, self.new)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A guard, how it is taken away, and what shows that it was needed."""

    name: str
    guard: str
    """The guard in words, as the services have it."""
    edits: tuple[Edit, ...]
    behind: tuple[str, ...] = ()
    """Guards that stand behind it and are taken away with it, in words."""
    scenes: tuple[str, ...] = ()
    """Scenes that show it (:mod:`tests.simulation.mutants.scenes`); random schedules if none."""
    stories: int = 0
    """So many of the random schedules of `make simulate` are played, and nothing else: one of them
    shows it."""
    test: str | None = None
    """The directed test that shows it, where no schedule does."""

    @property
    def noticed_by(self) -> str:
        """What is played to notice it."""
        if self.test is not None:
            return "a directed test"
        if self.scenes:
            return "a directed scene"
        return "a random schedule of make simulate" if self.stories else "a short random schedule"


class Mutated(MetaPathFinder):
    """Loads the modules of a mutant from their edited source; goes first on ``sys.meta_path``."""

    def __init__(self, mutant: Mutant) -> None:
        """Take the edits, by module."""
        self.edits: dict[str, list[Edit]] = {}
        for edit in mutant.edits:
            self.edits.setdefault(edit.module, []).append(edit)

    def install(self) -> None:
        """Have everything that is imported from now on imported so.

        Raises:
            EditError: it comes too late.
        """
        late = sorted(set(self.edits) & set(sys.modules))
        if late:
            raise EditError(f"imported before: {late}")
        sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module that is edited; leave all others to whoever comes next."""
        edits = self.edits.get(fullname)
        if edits is None:
            return None
        found = PathFinder.find_spec(fullname, path, target)
        if found is None or found.origin is None:
            raise EditError(f"no such module: {fullname}")
        return spec_from_loader(fullname, _Loader(fullname, found.origin, edits))


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, edits: list[Edit]) -> None:
        super().__init__(fullname, path)
        self._edits = edits

    def get_code(self, fullname: str) -> CodeType:
        """Compile the edited source; bytecode that is kept is that of the other one."""
        source = self.get_data(self.path).decode()
        for edit in self._edits:
            source = edit.apply(source)
        return self.source_to_code(source.encode(), self.path)
