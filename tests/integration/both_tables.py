"""Two tables that are told the same and have to answer the same: in memory, and DynamoDB's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.fakes.memory_table import MemoryTable
from tests.integration.write_cases import ITEM, KEY, OTHER, THIRD
from wxvault.vault.expressions import ConditionFailedError, Key, Put, TransactionFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.integration.write_cases import Case
    from wxvault.vault.expressions import Item, Write
    from wxvault.vault.table import DynamoTable, Table


@dataclass(frozen=True)
class Outcome:
    """What came of a write: the old item, or why it was refused."""

    verdict: str
    items: tuple[Item | None, ...] = ()
    failed: tuple[bool, ...] = ()


def write_to(table: Table, write: Write) -> Outcome:
    """Do one write."""
    try:
        return Outcome("done", (table.write(write),))
    except ConditionFailedError as refusal:
        return Outcome("refused", (refusal.item,))


def transact_on(table: Table, writes: Sequence[Write]) -> Outcome:
    """Do all writes or none."""
    try:
        table.transact(writes)
    except TransactionFailedError as refusal:
        return Outcome("refused", refusal.items, refusal.failed)
    return Outcome("done")


@dataclass
class BothTables:
    """Fits :class:`wxvault.vault.table.Table`; any disagreement is an AssertionError."""

    dynamo: DynamoTable
    memory: MemoryTable = field(default_factory=MemoryTable)
    asked: int = 0

    def get(self, key: Key) -> Item | None:
        """Read one item."""
        return self._same(lambda table: table.get(key))

    def write(self, write: Write) -> Item | None:
        """Do one write."""
        outcome = self._same(lambda table: write_to(table, write))
        if outcome.verdict == "refused":
            raise ConditionFailedError(outcome.items[0])
        return outcome.items[0]

    def transact(self, writes: Sequence[Write]) -> None:
        """Do all writes or none."""
        outcome = self._same(lambda table: transact_on(table, writes))
        if outcome.verdict == "refused":
            raise TransactionFailedError(outcome.items, outcome.failed)

    def newest(self, pk: str, prefix: str, limit: int) -> list[Item]:
        """Read items, greatest sort key first."""
        return self._same(lambda table: table.newest(pk, prefix, limit))

    def due(self, due_shard: str, until: float) -> Iterator[tuple[Key, float]]:
        """Read what is due in one shard."""
        yield from self._same(lambda table: sorted(table.due(due_shard, until), key=repr))

    def scan(self, pk_prefix: str, sk: str) -> Iterator[Item]:
        """Read every item of a kind; the order is nobody's business."""
        yield from self._same(
            lambda table: sorted(table.scan(pk_prefix, sk), key=lambda item: str(item["pk"]))
        )

    def by_tenant(self, tenant_key: str, sort_prefix: str) -> Iterator[Key]:
        """Read the keys of one tenant, in order."""
        yield from self._same(lambda table: list(table.by_tenant(tenant_key, sort_prefix)))

    def by_any_tenant(self, key_prefix: str, sort_prefix: str) -> Iterator[Key]:
        """Read the keys of all tenants; the order is nobody's business."""
        yield from self._same(
            lambda table: sorted(table.by_any_tenant(key_prefix, sort_prefix), key=repr)
        )

    def tenants(self, key_prefix: str) -> Iterator[tuple[str, str]]:
        """Read tenant and status of all; the order is nobody's business."""
        yield from self._same(lambda table: sorted(table.tenants(key_prefix)))

    def _same[T](self, ask: Callable[[Table], T]) -> T:
        self.asked += 1
        real, fake = ask(self.dynamo), ask(self.memory)
        assert real == fake
        return real


def check_write(both: BothTables, case: Case) -> None:
    """Do one write on both, on an item or on none; it is done or refused as the case says."""
    if case.item is not None:
        both.write(Put(KEY, case.item))
    before = both.get(KEY)
    outcome = write_to(both, case.write)
    assert outcome.verdict == ("done" if case.done else "refused")
    assert outcome.items == (before,)
    after = both.get(KEY)
    if not case.done:
        assert after == before


def check_transaction(
    both: BothTables, writes: list[Write], failed: tuple[bool, ...] | None
) -> None:
    """Do a transaction on both; None: it is done, or which of its conditions fail."""
    both.write(Put(KEY, ITEM))
    before = both.get(KEY)
    outcome = transact_on(both, writes)
    assert outcome.verdict == ("done" if failed is None else "refused")
    after = [both.get(key) for key in (KEY, OTHER, THIRD)]
    if failed is None:
        assert after[0] != before
        assert after[1] is not None
        return
    assert outcome.failed == failed
    assert after == [before, None, None]
    for write, bad, item in zip(writes, failed, outcome.items, strict=True):
        assert item == (before if bad and write.key == KEY else None)


LISTED: tuple[tuple[str, str | None, str], ...] = (
    ("a1", "c#acme", "active#a1"),
    ("a2", "c#acme", "lost#a2"),
    ("a3", "c#-", "active#a3"),
    ("a4", "c#acmes", "active#a4"),
    ("a5", "d#acme", "active#a5"),
    ("a6", None, ""),
)


def listed(both: BothTables) -> None:
    """Have authorizers stand there, with a profile each, and one that is in no index."""
    for name, tenant_key, tenant_sort in LISTED:
        component = "d" if name == "a5" else "c"
        index = {"tenant_key": tenant_key, "tenant_sort": tenant_sort} if tenant_key else {}
        both.write(Put(Key(f"A#{component}#{name}", "TOKEN"), {"name": name, **index}))
        both.write(Put(Key(f"A#{component}#{name}", "PROFILE"), {"name": name}))
