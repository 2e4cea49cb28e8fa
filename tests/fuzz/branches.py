"""Which branches of the library have been taken, both ways: by the interpreter's own telling.

A branch is a conditional jump of the bytecode, or the end of a loop. It counts twice, once for each
way it can go. Modules' and classes' own bodies run at import and are left out, and so is the way on
from an ``except`` that does not fit, which nothing can take when it names all there is.
"""

from __future__ import annotations

import dis
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

LIBRARY = Path(__file__).resolve().parents[2] / "layers" / "wxvault" / "python" / "wxvault"

# A function by its file, line and name, and where in it: the same in every process.
type Site = tuple[str, int, str, int]

_JUMPS = frozenset(
    {
        "POP_JUMP_IF_TRUE",
        "POP_JUMP_IF_FALSE",
        "POP_JUMP_IF_NONE",
        "POP_JUMP_IF_NOT_NONE",
        "FOR_ITER",
    }
)
_NO_COVER = "pragma: no cover"


@dataclass
class Branches:
    """Watches the functions below one folder of the library while ``with`` lasts."""

    room: str = "protocol"
    taken: dict[Site, set[int]] = field(default_factory=lambda: defaultdict(set))
    news: int = 0
    """Rises whenever a branch goes a way it did not go before."""

    def __enter__(self) -> Self:
        """Begin to watch."""
        monitoring = sys.monitoring
        monitoring.use_tool_id(monitoring.COVERAGE_ID, "wxvault-fuzz")
        monitoring.register_callback(monitoring.COVERAGE_ID, monitoring.events.BRANCH, self._branch)
        monitoring.set_events(monitoring.COVERAGE_ID, monitoring.events.BRANCH)
        monitoring.restart_events()
        return self

    def __exit__(self, *_exception: object) -> None:
        """End it."""
        monitoring = sys.monitoring
        monitoring.set_events(monitoring.COVERAGE_ID, 0)
        monitoring.free_tool_id(monitoring.COVERAGE_ID)

    def _branch(self, code: CodeType, offset: int, destination: int) -> Any:
        place = _place(code.co_filename)
        if place is None:
            return sys.monitoring.DISABLE
        ways = self.taken[place, code.co_firstlineno, code.co_qualname, offset]
        if destination not in ways:
            ways.add(destination)
            if place.startswith(f"{self.room}/"):
                self.news += 1
        return sys.monitoring.DISABLE if len(ways) > 1 else None


@cache
def _place(filename: str) -> str | None:
    path = Path(filename)
    return path.relative_to(LIBRARY).as_posix() if path.is_relative_to(LIBRARY) else None


def sites(room: str = "protocol") -> dict[Site, int]:
    """Return every branch below a folder of the library, with the line it is in."""
    found: dict[Site, int] = {}
    for path in sorted((LIBRARY / room).rglob("*.py")):
        source = path.read_text("utf-8")
        left_out = {
            number for number, line in enumerate(source.splitlines(), start=1) if _NO_COVER in line
        }
        place = path.relative_to(LIBRARY).as_posix()
        for code in _functions(compile(source, str(path), "exec", dont_inherit=True)):
            for offset, line in _jumps(code):
                if line not in left_out:
                    found[place, code.co_firstlineno, code.co_qualname, offset] = line
    return found


def _functions(module: CodeType) -> Iterator[CodeType]:
    for constant in module.co_consts:
        if hasattr(constant, "co_code"):
            # A class's body has no optimised locals; its methods are within.
            if constant.co_flags & 0x1:
                yield constant
            yield from _functions(constant)


def _jumps(code: CodeType) -> Iterator[tuple[int, int]]:
    before = ""
    for instruction in dis.get_instructions(code):
        jumps = instruction.opname in _JUMPS
        if jumps and before != "CHECK_EXC_MATCH":
            yield instruction.offset, instruction.positions.lineno or 0  # type: ignore[union-attr]
        before = instruction.opname


def shares(taken: dict[Site, set[int]], room: str = "protocol") -> dict[str, tuple[int, int]]:
    """Return for each file how many ways were taken, and how many there are."""
    counted: dict[str, tuple[int, int]] = {}
    for site in sites(room):
        known = counted.get(site[0], (0, 0))
        ways = min(len(taken.get(site, ())), 2)
        counted[site[0]] = (known[0] + ways, known[1] + 2)
    return counted
