"""A table in memory that runs the vault's writes by the same conditions as DynamoDB."""

from __future__ import annotations

import operator
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wxvault.vault.expressions import (
    Absent,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    ConditionFailedError,
    Delete,
    Item,
    Key,
    Put,
    TransactionFailedError,
    Update,
    Write,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass
class MemoryTable:
    """Fits :class:`wxvault.vault.table.Table`."""

    items: dict[Key, dict[str, Any]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def get(self, key: Key) -> Item | None:
        """Read one item."""
        with self._lock:
            item = self.items.get(key)
            return None if item is None else dict(item)

    def write(self, write: Write) -> Item | None:
        """Do one write and return the item as it was before it."""
        with self._lock:
            old = self.items.get(write.key)
            if write.condition is not None and not holds(write.condition, old):
                raise ConditionFailedError(None if old is None else dict(old))
            self._apply(write)
            return None if old is None else dict(old)

    def transact(self, writes: Sequence[Write]) -> None:
        """Do all writes or none."""
        with self._lock:
            failed = tuple(
                write.condition is not None
                and not holds(write.condition, self.items.get(write.key))
                for write in writes
            )
            if any(failed):
                found = tuple(
                    dict(self.items[write.key]) if bad and write.key in self.items else None
                    for write, bad in zip(writes, failed, strict=True)
                )
                raise TransactionFailedError(found, failed)
            for write in writes:
                self._apply(write)

    def newest(self, pk: str, prefix: str, limit: int) -> list[Item]:
        """Read the items whose sort key begins with ``prefix``, greatest first."""
        with self._lock:
            found = [key for key in self.items if key.pk == pk and key.sk.startswith(prefix)]
            found.sort(key=lambda key: key.sk, reverse=True)
            return [dict(self.items[key]) for key in found[:limit]]

    def due(self, due_shard: str, until: float) -> Iterator[tuple[Key, float]]:
        """Read key and ``due_at`` of what is due in one shard."""
        with self._lock:
            found = [
                (key, float(item["due_at"]))
                for key, item in self.items.items()
                if item.get("due_shard") == due_shard and item["due_at"] <= round(until, 3)
            ]
        yield from sorted(found, key=lambda pair: pair[1])

    def scan(self, pk_prefix: str, sk: str) -> Iterator[Item]:
        """Read every item with this sort key whose ``pk`` begins so."""
        with self._lock:
            keys = [key for key in self.items if key.sk == sk and key.pk.startswith(pk_prefix)]
        for key in keys:
            item = self.get(key)
            if item is not None:
                yield item

    def by_tenant(self, tenant_key: str, sort_prefix: str) -> Iterator[Key]:
        """Read the keys of one tenant whose ``tenant_sort`` begins so."""
        with self._lock:
            found = [
                (str(item["tenant_sort"]), key)
                for key, item in self.items.items()
                if item.get("tenant_key") == tenant_key
                and str(item["tenant_sort"]).startswith(sort_prefix)
            ]
        yield from (key for _, key in sorted(found, key=lambda pair: pair[0]))

    def by_any_tenant(self, key_prefix: str, sort_prefix: str) -> Iterator[Key]:
        """Read the keys of all whose ``tenant_key`` begins so."""
        with self._lock:
            items = [item for item in self.items.values() if "tenant_key" in item]
            tenants = {str(item["tenant_key"]) for item in items}
        for tenant in sorted(tenants):
            if tenant.startswith(key_prefix):
                yield from self.by_tenant(tenant, sort_prefix)

    def tenants(self, key_prefix: str) -> Iterator[tuple[str, str]]:
        """Read ``tenant_key`` and ``tenant_sort`` of the same, whatever their status."""
        for key in self.by_any_tenant(key_prefix, ""):
            item = self.items[key]
            yield str(item["tenant_key"]), str(item["tenant_sort"])

    def _apply(self, write: Write) -> None:
        match write:
            case Delete(key):
                self.items.pop(key, None)
            case Put(key, attributes):
                self.items[key] = kept({"pk": key.pk, "sk": key.sk, **attributes})
            case Update(key):
                self.items[key] = updated(self.items.get(key, {}), write)


def updated(old: Mapping[str, Any], update: Update) -> dict[str, Any]:
    """Return what an update makes of an item."""
    new = {**old, "pk": update.key.pk, "sk": update.key.sk}
    for name, value in update.set.items():
        new[name] = _kept(value)
    for name, value in update.set_if_absent.items():
        new.setdefault(name, _kept(value))
    for name, more in update.add.items():
        added = isinstance(more, frozenset)
        new[name] = old.get(name, frozenset()) | more if added else old.get(name, 0) + more
    for name in update.remove:
        new.pop(name, None)
    for name, less in update.take.items():
        new[name] = old.get(name, frozenset()) - less
        if not new[name]:
            del new[name]
    return new


def kept(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item as DynamoDB keeps it: times to the millisecond."""
    return {name: _kept(value) for name, value in item.items()}


def _kept(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


def holds(condition: Condition, item: Item | None) -> bool:
    """Say whether a condition holds for an item, or for none."""
    there = item or {}
    match condition:
        case Absent(name):
            return name not in there
        case Compare(name, how, value):
            if name not in there or _kind(there[name]) is not _kind(value):
                return False
            return _COMPARE[how](there[name], _kept(value))
        case AllOf(conditions):
            return all(holds(part, item) for part in conditions)
        case AnyOf(conditions):
            return any(holds(part, item) for part in conditions)


def _kind(value: object) -> type:
    # DynamoDB compares values of one type only; numbers are one type, truth values another.
    if isinstance(value, bool):
        return bool
    if isinstance(value, int | float):
        return float
    return type(value) if not isinstance(value, str) else str
