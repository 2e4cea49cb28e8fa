"""All authorizers of a component: every one for whoever goes through them, or a page of a list.

Lists are read from the ``by_tenant`` index, which has keys only and nothing but authorizers in it,
and are ordered by appid: so a cursor is an appid, which means the same however much changes between
two pages, and no authorizer that stays in a list is missed or comes twice.
"""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING

from wxvault.services.selection import Page, Selection
from wxvault.vault.keys import (
    authorizer_key,
    authorizers_prefix,
    tenant_key,
    tenants_prefix,
)
from wxvault.vault.token_items import is_forgotten
from wxvault.vault.token_writing import read_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wxvault.clock import Clock
    from wxvault.services.state import TokenState
    from wxvault.vault.expressions import Key
    from wxvault.vault.table import Table


class Directory:
    """Who the component's authorizers are."""

    def __init__(self, table: Table, component_appid: str, clock: Clock) -> None:
        self._table = table
        self._component_appid = component_appid
        self._clock = clock
        self._prefix = authorizers_prefix(component_appid)

    def all(self) -> Iterator[TokenState]:
        """Read every authorizer, strongly consistent, in no order, page by page as it is taken.

        Cancelled ones that are past their end are not there, whether DynamoDB has deleted them or
        not. Whoever acts on one reads it again: it may have changed since its page was read.
        """
        for item in self._table.scan(self._prefix, authorizer_key("", "").sk):
            if not is_forgotten(item, self._clock.now()):
                yield read_state(str(item["pk"]).removeprefix(self._prefix), item)

    def page(self, selection: Selection, *, limit: int, after: str | None = None) -> Page:
        """Read at most ``limit`` authorizers whose appids come after ``after``, in their order.

        Who is in the list is read from the index, which lags behind by moments; each is then read
        as it stands now, and left out if it is not one of them any more.
        """
        appids = (key.pk.removeprefix(self._prefix) for key in self._keys(selection))
        # One that changed while the index was read may have been seen in both places.
        further = {appid for appid in appids if after is None or appid > after}
        chosen = nsmallest(limit + 1, further)
        read = [self._read(appid) for appid in chosen[:limit]]
        return Page(
            tuple(state for state in read if state is not None and selection.has(state)),
            chosen[limit - 1] if len(chosen) > limit else None,
        )

    def _keys(self, selection: Selection) -> Iterator[Key]:
        prefix = "" if selection.status is None else f"{selection.status}#"
        if selection.tenant_id is None and not selection.unassigned:
            return self._table.by_any_tenant(tenants_prefix(self._component_appid), prefix)
        tenant_id = None if selection.unassigned else selection.tenant_id
        return self._table.by_tenant(tenant_key(self._component_appid, tenant_id), prefix)

    def _read(self, appid: str) -> TokenState | None:
        item = self._table.get(authorizer_key(self._component_appid, appid))
        if item is None or is_forgotten(item, self._clock.now()):
            return None
        return read_state(appid, item)
