"""Conditions and writes as values: what one request may demand of an item and do to it.

The vault's operations are built from these values; :mod:`wxvault.vault.table` turns them into
DynamoDB's expressions (every name through a ``#placeholder``). Because they are values, the same
operations also run over an in-memory table in tests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

type Value = (
    str | int | float | bool | bytes | frozenset[str] | list[Value] | dict[str, Value] | None
)
type Item = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Key:
    """The primary key of an item."""

    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class Absent:
    """The attribute does not exist (nor, for a missing item, anything else)."""

    name: str


@dataclass(frozen=True, slots=True)
class Compare:
    """The attribute exists and compares with ``value``; false when it is absent, as in DynamoDB."""

    name: str
    operator: Literal["=", "<", "<=", ">", ">="]
    value: str | int | float | bool | bytes


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every condition holds."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one condition holds."""

    conditions: tuple[Condition, ...]


type Condition = Absent | Compare | AllOf | AnyOf


def all_of(*conditions: Condition) -> AllOf:
    """Join conditions with AND."""
    return AllOf(conditions)


def any_of(*conditions: Condition) -> AnyOf:
    """Join conditions with OR."""
    return AnyOf(conditions)


def equals(name: str, value: str | float | bytes | None) -> Condition:
    """Demand that the attribute has this value; ``None`` means that it is absent."""
    return Absent(name) if value is None else Compare(name, "=", value)


def one_of(name: str, values: tuple[str, ...]) -> AnyOf:
    """Demand that the attribute has one of these values."""
    return AnyOf(tuple(Compare(name, "=", value) for value in values))


EXISTS = Compare("pk", ">", " ")
"""The item exists (a primary key is never empty)."""

MISSING = Absent("pk")
"""The item does not exist."""


def is_past_its_end(item: Item, now: float) -> bool:
    """Say whether DynamoDB may delete this item any moment (it takes up to days to do so)."""
    end = item.get("delete_after")
    return isinstance(end, int | float) and end <= now


@dataclass(frozen=True, slots=True)
class Update:
    """Change an item, making it when it is missing and the condition allows that."""

    key: Key
    condition: Condition | None = None
    set: Mapping[str, Value] = field(default_factory=dict)
    set_if_absent: Mapping[str, Value] = field(default_factory=dict)
    add: Mapping[str, int | frozenset[str]] = field(default_factory=dict)
    remove: frozenset[str] = frozenset()
    take: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What is taken out of sets; a set that gets empty is gone."""


def is_written(update: Update, item: Item | None) -> bool:
    """Say whether an item is just what this update makes of it (``add`` is not looked at).

    So a write recognises itself after the client has repeated it because an answer was lost.
    """
    if item is None:
        return False
    same = all(_stored(item.get(name)) == _stored(value) for name, value in update.set.items())
    return same and not any(name in item for name in update.remove)


def _stored(value: Value) -> Value:
    # The table keeps milliseconds; anything finer is noise of binary floats.
    return round(value, 3) if isinstance(value, float) else value


@dataclass(frozen=True, slots=True)
class Put:
    """Write a whole item."""

    key: Key
    attributes: Mapping[str, Value]
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an item."""

    key: Key
    condition: Condition | None = None


type Write = Update | Put | Delete


class ConditionFailedError(Exception):
    """A write's condition did not hold. ``item`` is what stood there, or None."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("the condition of the write did not hold")
        self.item = item


class TransactionFailedError(Exception):
    """A transaction was cancelled.

    ``items`` has, for every write, the item that made its condition fail, or None where the
    condition held (or the failing item does not exist: see ``failed``).
    """

    def __init__(self, items: tuple[Item | None, ...], failed: tuple[bool, ...]) -> None:
        super().__init__("a condition of the transaction did not hold")
        self.items = items
        self.failed = failed
