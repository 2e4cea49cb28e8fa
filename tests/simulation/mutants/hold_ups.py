"""Where somebody is held up: table and queue, at whose requests a script has a say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.fakes.memory_table import MemoryTable
from tests.simulation.steps import OutOfReachError, SteppedQueue, SteppedTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.simulation.mutants.directed import Directed
    from wxvault.vault.expressions import Item, Key, Write


@dataclass(slots=True)
class Hold:
    """An actor is held up at a step: before or after it, or it is switched off there."""

    actor: str
    what: str
    """get, write, transact, send."""
    sk: str = ""
    nth: int = 1
    before: float = 0.0
    after: float = 0.0
    until: float = 0.0
    """Before the step, until so many seconds after the script began."""
    crash: bool = False
    """Switched off after it was done."""
    repeated: bool = False
    """Its answer is lost and AWS's client repeats it; a job is lost."""


class DirectedTable(SteppedTable):
    """A table at whose requests actors are held up."""

    world: Directed

    def get(self, key: Key) -> Item | None:
        """Read one item."""
        return self.world.passing("get", key, lambda: SteppedTable.get(self, key))

    def write(self, write: Write) -> Item | None:
        """Do one write."""
        return self.world.passing(
            "write",
            write.key,
            lambda: SteppedTable.write(self, write),
            lambda: MemoryTable.write(self, write),
        )

    def transact(self, writes: Sequence[Write]) -> None:
        """Do all writes or none."""
        # What is told of a change is part of writing it.
        coded = any(write.key.sk == "CODE" for write in writes)
        self.world.passing(
            "transact" if coded else "write",
            writes[0].key,
            lambda: SteppedTable.transact(self, writes),
        )


class DirectedQueue(SteppedQueue):
    """A queue at which actors are held up."""

    world: Directed

    def send(self, job: Mapping[str, Any], /) -> None:
        """Take a job, or lose it."""

        def lose() -> None:
            raise OutOfReachError("throttled")

        self.world.passing("send", None, lambda: SteppedQueue.send(self, job), lose)
