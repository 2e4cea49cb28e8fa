"""PROFILE items: what is known of an authorizer beside its tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wxvault.vault.expressions import Update
from wxvault.vault.keys import profile_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wxvault.vault.table import Table


class Profiles:
    """The profiles of one component's authorizers."""

    def __init__(self, table: Table, component_appid: str) -> None:
        self._table = table
        self._component_appid = component_appid

    def permission_sets(self, authorizer_appid: str) -> tuple[int, ...]:
        """Read the numbers of the permission sets that the merchant granted, as far as known."""
        item = self._table.get(profile_key(self._component_appid, authorizer_appid)) or {}
        stored = item.get("permission_sets")
        numbers = stored if isinstance(stored, list) else []
        return tuple(int(number) for number in numbers if isinstance(number, int | float))

    def save_permission_sets(
        self, authorizer_appid: str, permission_sets: Sequence[int], *, now: float
    ) -> None:
        """Write the numbers of the permission sets that the merchant granted."""
        self._table.write(
            Update(
                profile_key(self._component_appid, authorizer_appid),
                set={"permission_sets": list(permission_sets), "permission_sets_at": now},
            )
        )
