"""Counting what is in the table by its indexes, which hold keys only: cheap, and a moment late."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from wxvault.services.state import Status
from wxvault.vault.keys import due_shards, tenant_key, tenants_prefix

if TYPE_CHECKING:
    from wxvault.vault.table import Table

_KINDS = {"A": "authorizers", "X": "codes", "O": "events"}
"""What may be due, by the first letter of its key."""


class Census:
    """Counts of one component."""

    def __init__(self, table: Table, component_appid: str) -> None:
        self._table = table
        self._component_appid = component_appid

    def authorizers(self) -> dict[str, int]:
        """Return how many authorizers there are by status, and ``unassigned`` of all of them."""
        counts = Counter({str(status): 0 for status in Status} | {"unassigned": 0})
        nobody = tenant_key(self._component_appid, None)
        for tenant, sort in self._table.tenants(tenants_prefix(self._component_appid)):
            counts[sort.partition("#")[0]] += 1
            counts["unassigned"] += tenant == nobody
        return dict(counts)

    def due_before(self, until: float) -> dict[str, int]:
        """Return how many ``authorizers``, ``codes`` and ``events`` are due since before then."""
        found = Counter(
            _KINDS.get(key.pk[:1], "others")
            for shard in due_shards(self._component_appid)
            for key, _ in self._table.due(shard, until)
        )
        return dict(found)
