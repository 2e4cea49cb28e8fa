"""Going through a whole backup, item by item; may be broken off and begun again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools.restore.items import Kind, is_kept, key_of, kind_of, restored
from wxvault.vault.expressions import MISSING, ConditionFailedError, Put, all_of, equals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wxvault.clock import Clock
    from wxvault.vault.expressions import Condition, Item
    from wxvault.vault.table import DynamoTable

_TRIES = 8
_SEEN = ("fence", "generation", "status", "lease_id", "lease_until", "due_at")
"""What tells that somebody has written the item meanwhile."""


@dataclass(slots=True)
class Report:
    """What was done."""

    written: Counter[Kind] = field(default_factory=Counter)
    there: Counter[Kind] = field(default_factory=Counter)
    """Left alone, because an item stands in its place."""
    over: Counter[Kind] = field(default_factory=Counter)
    """Left out: past its end, or none of this component's."""
    busy: Counter[Kind] = field(default_factory=Counter)
    """Somebody else was writing it again and again: to be done once more."""


def copy(  # noqa: PLR0913 -- what a restore consists of, each part named
    backup: Iterable[Item],
    table: DynamoTable,
    component_appid: str,
    clock: Clock,
    *,
    overwrite: bool,
    tell: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Write what is wanted of a backup into the table, which may be in use."""
    report = Report()
    for item in backup:
        kind = kind_of(key_of(item), component_appid)
        _one(item, kind, table, component_appid, clock, report, overwrite=overwrite)
        tell(report)
    return report


def _one(  # noqa: PLR0913, PLR0917 -- as above
    item: Item,
    kind: Kind,
    table: DynamoTable,
    component_appid: str,
    clock: Clock,
    report: Report,
    *,
    overwrite: bool,
) -> None:
    key = key_of(item)
    for _ in range(_TRIES):
        now = clock.now()
        live = table.get(key)
        if not is_kept(kind, item, live, now=now, overwrite=overwrite):
            left = report.over if live is None else report.there
            left[kind] += 1
            return
        attributes = restored(kind, item, live, now=now, component_appid=component_appid)
        try:
            table.write(Put(key, attributes, condition=_as_it_is(live)))
        except ConditionFailedError:
            continue
        report.written[kind] += 1
        return
    report.busy[kind] += 1


def _as_it_is(live: Item | None) -> Condition:
    if live is None:
        return MISSING
    conditions = []
    for name in _SEEN:
        value = live.get(name)
        conditions.append(equals(name, value if isinstance(value, str | int | float) else None))
    return all_of(*conditions)
