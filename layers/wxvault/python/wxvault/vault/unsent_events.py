"""Unsent events: written in the transaction of what they tell, kept until the bus has them."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from wxvault.errors import SealBrokenError, SealingKeyError
from wxvault.services.bus_events import BusEvent, as_json
from wxvault.services.numbers import EVENT_DUE_SECONDS
from wxvault.services.resending import Unsent
from wxvault.vault.attributes import number, whole
from wxvault.vault.expressions import EXISTS, ConditionFailedError, Delete, Key, Put, Update
from wxvault.vault.keys import due_shard, unsent_event_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wxvault.clock import Clock
    from wxvault.services.bus_events import UnsentKey
    from wxvault.vault.expressions import Value
    from wxvault.vault.sealing import Sealing
    from wxvault.vault.table import Table

_EVENT = "event"
_CLEAR = "clear_event"


class UnsentEvents:
    """The events of one component that the bus has not."""

    def __init__(self, table: Table, sealing: Sealing, component_appid: str, clock: Clock) -> None:
        self._table = table
        self._sealing = sealing
        self._component_appid = component_appid
        self._clock = clock

    def writes(self, events: tuple[BusEvent, ...]) -> list[Put]:
        """Return the writes that keep transitions, for the transaction with what they tell.

        A transition does not wait for the sealing key (a cancellation must be taken without it):
        all it says stands in the clear in the item that changes.
        """
        return [self._put(event, self._sealed_or_clear(event)) for event in events]

    def keep(self, event: BusEvent) -> None:
        """Keep an event that is no transition; a merchant's message may be in it.

        Raises:
            SealingKeyError: it could not be sealed.
        """
        self._table.write(self._put(event, self._sealed(event)))

    def forget(self, key: UnsentKey) -> None:
        """Delete an event that the bus has; nothing if it is gone."""
        self._table.write(Delete(self._key(key)))

    def read(self, key: UnsentKey) -> Unsent | None:
        """Read an event; None: it was sent meanwhile.

        Raises:
            SealBrokenError, SealingKeyError: it cannot be opened.
        """
        place = self._key(key)
        item = self._table.get(place)
        if item is None:
            return None
        text = self._sealing.open(place, item, _EVENT) or item.get(_CLEAR)
        if not isinstance(text, str):
            message = f"{_EVENT}: it is not there"
            raise SealBrokenError(message)
        told = json.loads(text)
        return Unsent(
            key,
            BusEvent(told["detail_type"], told["detail"]),
            kept_at=number(item.get("kept_at")) or 0.0,
            attempts=whole(item.get("attempts")) or 0,
        )

    def put_off(self, key: UnsentKey, attempts: int, *, due_at: float) -> None:
        """Have an event tried again at ``due_at``; nothing if it is gone."""
        told: dict[str, Value] = {"attempts": attempts, "due_at": due_at}
        with contextlib.suppress(ConditionFailedError):
            self._table.write(Update(self._key(key), condition=EXISTS, set=told))

    def _sealed_or_clear(self, event: BusEvent) -> Mapping[str, Value]:
        try:
            return self._sealed(event)
        except SealingKeyError:
            return {_CLEAR: _text(event)}

    def _sealed(self, event: BusEvent) -> Mapping[str, Value]:
        key = self._key(event.unsent_key)
        return dict(self._sealing.seal(key, {_EVENT: _text(event)}))

    def _put(self, event: BusEvent, kept: Mapping[str, Value]) -> Put:
        key, now = self._key(event.unsent_key), self._clock.now()
        # Spread by both parts of the key: what is no transition shares the first.
        shard = due_shard(self._component_appid, f"{key.pk}#{key.sk}")
        return Put(
            key,
            {
                **kept,
                "kept_at": now,
                "due_at": now + EVENT_DUE_SECONDS,
                "due_shard": shard,
            },
        )

    def _key(self, key: UnsentKey) -> Key:
        return unsent_event_key(self._component_appid, key.subject, key.name)


def _text(event: BusEvent) -> str:
    return as_json({"detail_type": event.detail_type, "detail": event.detail})
