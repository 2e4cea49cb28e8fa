"""Going through a whole backup, item by item; may be broken off and begun again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from tools.restore.items import Kind, is_asked_about, is_kept, key_of, kind_of, restored
from wxvault.errors import BusyError
from wxvault.vault.expressions import MISSING, ConditionFailedError, Put, all_of, equals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wxvault.clock import Clock
    from wxvault.vault.expressions import Condition, Item
    from wxvault.vault.table import DynamoTable

_TRIES = 8
_SEEN = (
    "fence",
    "generation",
    "status",
    "lease_id",
    "lease_until",
    "due_at",
    "sequence",
    "authorized_at",
    "unauthorized_at",
    "grant_undated",
    "tenant_id",
    "tenant_by_redirect",
    "verifying",
    "unresolved_mark",
)
"""What tells that somebody has written the item meanwhile."""


class Mode(Enum):
    """What becomes of the items that stand in the table."""

    MISSING = auto()
    """They stay: only what is missing is written."""
    OVERWRITE = auto()
    """They are replaced by the backup's."""
    IN_PLACE = auto()
    """They are the backup: tokens are asked about, everything else stays as it is."""


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
    mode: Mode,
    report: Report,
    tell: Callable[[Report], None] = lambda _: None,
) -> None:
    """Write what is wanted of a backup into the table, which may be in use.

    What is done is counted in ``report`` at once: it tells how far this came when it breaks off.

    Raises:
        TableUnavailableError: a request failed; whether its item was written is unknown.
    """
    for item in backup:
        kind = kind_of(key_of(item), component_appid)
        _one(item, kind, table, component_appid, clock, mode, report)[kind] += 1
        tell(report)


def _one(  # noqa: PLR0913, PLR0917 -- as above
    item: Item,
    kind: Kind,
    table: DynamoTable,
    component_appid: str,
    clock: Clock,
    mode: Mode,
    report: Report,
) -> Counter[Kind]:
    """Do one item, and return where it is to be counted."""
    key = key_of(item)
    for _ in range(_TRIES):
        now = clock.now()
        live = table.get(key)
        base, newer = item, live
        if mode is Mode.IN_PLACE:
            # What was scanned may be older than what stands there by now.
            if live is None or not is_asked_about(kind, live, now=now):
                return report.over if live is None else report.there
            base, newer = live, None
        elif not is_kept(kind, item, live, now=now, overwrite=mode is Mode.OVERWRITE):
            return report.over if live is None else report.there
        attributes = restored(kind, base, newer, now=now, component_appid=component_appid)
        try:
            table.write(Put(key, attributes, condition=_as_it_is(live)))
        except ConditionFailedError:
            continue
        except BusyError:
            # The table has tried often enough itself.
            break
        return report.written
    return report.busy


def _as_it_is(live: Item | None) -> Condition:
    if live is None:
        return MISSING
    conditions = []
    for name in _SEEN:
        value = live.get(name)
        conditions.append(equals(name, value if isinstance(value, str | int | float) else None))
    return all_of(*conditions)
