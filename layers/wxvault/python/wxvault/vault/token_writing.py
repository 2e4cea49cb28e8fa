"""TOKEN items as they stand in the table: reading one, and writing what one becomes.

Which change is right is decided in :mod:`wxvault.services.decisions` and
:mod:`wxvault.services.grants`; here it becomes attributes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wxvault.services.state import Status, TokenChange, TokenState
from wxvault.vault.attributes import number, text, whole
from wxvault.vault.expressions import Condition, Item, Key, Update, Value
from wxvault.vault.keys import authorizer_key, component_key, due_shard, tenant_key
from wxvault.vault.sealing import SEALED_KEY

if TYPE_CHECKING:
    from wxvault.vault.sealing import Sealing

_ACCESS = ("access_token", "access_expires_at", "access_expires_in", "stored_at")

_PLAIN = (
    "attempts",
    "last_errcode",
    "refused_address",
    "verifying",
    "grant_undated",
    "authorized_at",
    "unauthorized_at",
    "forced_at",
    "failing_reason",
    "ticket_stale_at",
    "delete_after",
    "due_at",
)
"""What a change says of an item in so many words; nothing, False and 0 are not written."""


@dataclass(frozen=True, slots=True)
class TokenWriting:
    """How TOKEN items of one component are written."""

    component_appid: str
    sealing: Sealing

    def key(self, authorizer_appid: str | None) -> Key:
        """Return the key of an item; None is the component's own."""
        if authorizer_appid is None:
            return component_key(self.component_appid)
        return authorizer_key(self.component_appid, authorizer_appid)

    def due(self, authorizer_appid: str | None, due_at: float) -> dict[str, Value]:
        """Return what makes an item due."""
        pk = self.key(authorizer_appid).pk
        return {"due_at": due_at, "due_shard": due_shard(self.component_appid, pk)}

    def new_item(self, authorizer_appid: str | None) -> dict[str, Value]:
        """Return what an item has that nobody has written yet."""
        made: dict[str, Value] = {"status": str(Status.PENDING)}
        if authorizer_appid is not None:
            made["authorizer_appid"] = authorizer_appid
            made |= self._tenant(authorizer_appid, Status.PENDING, None)
        return made

    def update(
        self,
        state: TokenState,
        change: TokenChange,
        condition: Condition,
        extra: dict[str, Value],
    ) -> Update:
        """Return the write that makes the item in ``state`` what ``change`` says."""
        appid = state.authorizer_appid
        told: dict[str, Value] = {name: getattr(change, name) for name in _PLAIN}
        told["forced_times"] = list(change.forced_times)
        waiting = change.status is Status.PENDING and not change.verifying
        told["pending_reason"] = change.pending_reason if waiting else None
        if change.due_at is not None:
            told |= self.due(appid, change.due_at)
        else:
            told["due_shard"] = None
        if appid is not None:
            told["tenant_id"] = change.tenant_id
            told["tenant_by_redirect"] = change.tenant_by_redirect
        wanted = extra | {name: value for name, value in told.items() if value}
        gone = {name for name, value in told.items() if not value}
        wanted["status"] = str(change.status)
        if appid is not None:
            wanted |= self._tenant(appid, change.status, change.tenant_id)
        if change.api_ability:
            gone.add("api_ability")
        else:
            wanted["api_ability"] = False
        if change.events:
            wanted["sequence"] = state.sequence + len(change.events)
        if change.raise_fence:
            wanted["fence"] = state.fence + 1
        for written, dropped in (
            _lease(state, change),
            _mark(state, change),
            self._secrets(state, change),
        ):
            wanted |= written
            gone |= dropped
        return Update(
            self.key(appid), condition=condition, set=wanted, remove=frozenset(gone - set(wanted))
        )

    def _tenant(self, appid: str, status: Status, tenant_id: str | None) -> dict[str, Value]:
        return {
            "tenant_key": tenant_key(self.component_appid, tenant_id),
            "tenant_sort": f"{status}#{appid}",
        }

    def _secrets(self, state: TokenState, change: TokenChange) -> tuple[dict[str, Value], set[str]]:
        match change.secrets:
            case "keep":
                return {}, set()
            case "drop_access":
                return {}, set(_ACCESS)
            case "remove":
                return {}, {*_ACCESS, "refresh_token", SEALED_KEY}
            case "write":
                return self._sealed(state, change)

    def _sealed(self, state: TokenState, change: TokenChange) -> tuple[dict[str, Value], set[str]]:
        generation = state.generation + 1
        written: dict[str, Value] = {"generation": generation}
        secrets: dict[str, str] = {}
        if change.refresh_token is not None:
            secrets["refresh_token"] = change.refresh_token
        if change.access is not None:
            secrets["access_token"] = change.access.token
            written["access_expires_at"] = change.access.expires_at
            written["access_expires_in"] = change.access.expires_in
            written["stored_at"] = change.access.stored_at
        if secrets:
            key = self.key(state.authorizer_appid)
            ends = None if change.access is None else change.access.expires_at
            written |= self.sealing.seal(
                key, secrets, generation=generation, access_expires_at=ends
            )
        return written, {*_ACCESS, "refresh_token", SEALED_KEY} - set(written)


def numbered(state: TokenState, now: float) -> TokenState:
    """Return a state whose next event has a number that was never used, greater than all before.

    An authorizer's first number follows the time, in whole seconds: one that was forgotten may come
    back, and nobody has more than one event a second on the average of his life. The component's
    own item is never forgotten, and counts from 1.
    """
    if state.sequence or state.authorizer_appid is None:
        return state
    return replace(state, sequence=int(now))


def _lease(state: TokenState, change: TokenChange) -> tuple[dict[str, Value], set[str]]:
    if change.release:
        return {}, {"lease_id", "lease_until"}
    if change.lease_until is None:
        return {}, set()
    # A lease that somebody has is never shortened.
    until = max(change.lease_until, state.lease_until or 0.0)
    return {"lease_id": change.lease_id, "lease_until": until}, set()


def _mark(state: TokenState, change: TokenChange) -> tuple[dict[str, Value], set[str]]:
    if change.clear_mark:
        return {}, {"unresolved_mark", "unresolved_since"}
    if change.new_mark is None:
        return {}, set()
    # Since the earlier of the times of this mark and the one that stands.
    times = [since for since in (state.unresolved_since, change.marked_since) if since is not None]
    return {"unresolved_mark": change.new_mark, "unresolved_since": min(times)}, set()


def read_state(authorizer_appid: str | None, item: Item) -> TokenState:
    """Turn an item as the table gave it into a state."""
    return TokenState(
        authorizer_appid=authorizer_appid,
        status=Status(str(item.get("status", Status.PENDING))),
        generation=whole(item.get("generation")) or 0,
        fence=whole(item.get("fence")) or 0,
        sequence=whole(item.get("sequence")) or 0,
        access_expires_at=number(item.get("access_expires_at")),
        access_expires_in=number(item.get("access_expires_in")),
        stored_at=number(item.get("stored_at")),
        verifying=item.get("verifying") is True,
        api_ability=item.get("api_ability") is not False,
        lease_id=text(item.get("lease_id")),
        lease_until=number(item.get("lease_until")),
        settled_lease=text(item.get("settled_lease")),
        unresolved_mark=text(item.get("unresolved_mark")),
        unresolved_since=number(item.get("unresolved_since")),
        due_at=number(item.get("due_at")),
        attempts=whole(item.get("attempts")) or 0,
        last_errcode=whole(item.get("last_errcode")),
        refused_address=text(item.get("refused_address")),
        authorized_at=whole(item.get("authorized_at")),
        unauthorized_at=whole(item.get("unauthorized_at")),
        grant_undated=item.get("grant_undated") is True,
        tenant_id=text(item.get("tenant_id")),
        tenant_by_redirect=item.get("tenant_by_redirect") is True,
        forced_at=number(item.get("forced_at")),
        forced_times=_times(item.get("forced_times")),
        failing_reason=text(item.get("failing_reason")),
        ticket_stale_at=number(item.get("ticket_stale_at")),
        pending_reason=text(item.get("pending_reason")),
        has_access="access_token" in item,
        has_refresh="refresh_token" in item,
        item=item,
    )


def _times(value: Value) -> tuple[float, ...]:
    found = [number(one) for one in value] if isinstance(value, list) else []
    return tuple(one for one in found if one is not None)
