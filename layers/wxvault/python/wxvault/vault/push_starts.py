"""The record of the event URL (item PUSH), and in it who may ask WeChat to start its pushes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wxvault.services.last_push import LastPush
from wxvault.vault.attributes import number, text, whole
from wxvault.vault.expressions import (
    Absent,
    Compare,
    ConditionFailedError,
    Item,
    Update,
    Value,
    any_of,
)
from wxvault.vault.keys import last_push_key

if TYPE_CHECKING:
    from wxvault.vault.table import Table

_OF_A_REFUSAL = ("start_attempts", "start_errcode", "start_address")


class PushStarts:
    """The item of one component; *callback* writes its verdicts into the same one."""

    def __init__(self, table: Table, component_appid: str) -> None:
        self._table = table
        self._key = last_push_key(component_appid)

    def last_push(self) -> LastPush:
        """Read the record; an empty one when there was neither push nor start."""
        return _read(self._table.get(self._key) or {})

    def take_start(self, *, now: float, not_before: float, at_once: bool) -> LastPush | None:
        """Take the right to ask WeChat now; nobody else has it until ``not_before``.

        Returns the record as it was, or None when somebody has it already. ``at_once`` takes it
        whoever has it.
        """
        free = any_of(Absent("start_not_before"), Compare("start_not_before", "<=", now))
        update = Update(
            self._key,
            condition=None if at_once else free,
            set={"start_not_before": not_before, "start_asked_at": now},
        )
        try:
            before = self._table.write(update)
        except ConditionFailedError:
            return None
        return _read(before or {})

    def note_start(
        self,
        outcome: str,
        *,
        not_before: float,
        attempts: int = 0,
        errcode: int | None = None,
        address: str | None = None,
    ) -> None:
        """Write what came of asking, and when WeChat may be asked again."""
        values: tuple[Value, ...] = (attempts or None, errcode, address)
        told: dict[str, Value] = {
            "start_outcome": str(outcome),
            "start_not_before": not_before,
            **dict(zip(_OF_A_REFUSAL, values, strict=True)),
        }
        kept = {name: value for name, value in told.items() if value is not None}
        gone = frozenset(told) - frozenset(kept)
        self._table.write(Update(self._key, set=kept, remove=gone))


def _read(item: Item) -> LastPush:
    return LastPush(
        accepted_at=number(item.get("accepted_at")),
        info_type=text(item.get("info_type")),
        ticket_at=number(item.get("ticket_at")),
        refused_at=number(item.get("refused_at")),
        refused_verdict=text(item.get("refused_verdict")),
        start_asked_at=number(item.get("start_asked_at")),
        start_not_before=number(item.get("start_not_before")),
        start_outcome=text(item.get("start_outcome")),
        start_attempts=whole(item.get("start_attempts")) or 0,
        start_errcode=whole(item.get("start_errcode")),
        start_address=text(item.get("start_address")),
    )
