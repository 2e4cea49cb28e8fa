"""The ``due`` index: what is to be done now, and the lease that keeps sweeps apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wxvault.services.bus_events import UnsentKey
from wxvault.services.sweeping import Due
from wxvault.vault.keys import due_shards

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wxvault.vault.component_items import ComponentItems
    from wxvault.vault.table import Table


class DueItems:
    """What is due of one component."""

    def __init__(self, table: Table, items: ComponentItems, component_appid: str) -> None:
        self._table = table
        self._items = items
        self._component_appid = component_appid

    def take_sweep(self, lease_id: str, *, now: float, seconds: float) -> bool:
        """Take the sweep's lease; False: another sweep is running."""
        return self._items.take_sweep(lease_id, now=now, seconds=seconds)

    def end_sweep(self, lease_id: str) -> None:
        """Give the sweep's lease back."""
        self._items.end_sweep(lease_id)

    def due(self, *, now: float) -> Iterator[Due]:
        """Read what is due, shard by shard (eventually consistent: whoever acts reads again)."""
        for shard in due_shards(self._component_appid):
            for key, due_at in self._table.due(shard, now):
                kind, _, name = (
                    key.pk.split("#", 2) if key.pk.count("#") > 1 else (key.pk[0], "", "")
                )
                match kind:
                    case "A":
                        yield Due(due_at, authorizer_appid=name)
                    case "X":
                        yield Due(due_at, code_sha256=name)
                    case "O":
                        yield Due(due_at, unsent=UnsentKey(name, key.sk))
                    case "F":
                        yield Due(due_at, ticket_sha256=name)
                    case "T":
                        yield Due(due_at, release_code_sha256=name)
                    case "C":
                        yield Due(due_at)
