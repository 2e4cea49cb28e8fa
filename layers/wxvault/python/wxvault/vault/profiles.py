"""PROFILE items: what is known of an authorizer beside its tokens.

When they end is written with the tokens' own end: see :mod:`wxvault.vault.token_items`.
"""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from wxvault.protocol.permission_sets import AccountKind
from wxvault.protocol.profiles import NUMBERS, TEXTS, Profile
from wxvault.services.account_values import Known
from wxvault.vault.attributes import number
from wxvault.vault.expressions import (
    Absent,
    Compare,
    ConditionFailedError,
    Delete,
    Update,
    any_of,
    is_past_its_end,
)
from wxvault.vault.keys import profile_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wxvault.clock import Clock
    from wxvault.vault.expressions import Item, Key, Value
    from wxvault.vault.table import Table


class Profiles:
    """The profiles of one component's authorizers."""

    def __init__(self, table: Table, component_appid: str, clock: Clock) -> None:
        self._table = table
        self._component_appid = component_appid
        self._clock = clock

    def get(self, authorizer_appid: str) -> Known:
        """Read what is known, which may be nothing."""
        item = self._table.get(self._key(authorizer_appid))
        if item is None or is_past_its_end(item, self._clock.now()):
            return Known()
        return _read(item)

    def user_name(self, authorizer_appid: str) -> str:
        """Read the account's original id (``gh_…``); empty while it is not known."""
        profile = self.get(authorizer_appid).profile
        return "" if profile is None else profile.user_name

    def permission_sets(self, authorizer_appid: str) -> tuple[int, ...]:
        """Read the numbers of the permission sets that the merchant granted, as far as known."""
        return self.get(authorizer_appid).permission_sets or ()

    def save_permission_sets(
        self, authorizer_appid: str, permission_sets: Sequence[int], *, now: float
    ) -> None:
        """Write the numbers of the permission sets that the merchant granted."""
        self._write(authorizer_appid, permission_sets, {}, now)

    def save(
        self,
        authorizer_appid: str,
        profile: Profile,
        permission_sets: Sequence[int],
        *,
        now: float,
    ) -> None:
        """Write a profile as WeChat tells it, and the permission sets that came with it."""
        told = {name: value for name, value in asdict(profile).items() if value is not None}
        told["kind"] = str(profile.kind)
        self._write(authorizer_appid, permission_sets, {"profile": told, "profile_at": now}, now)

    def deletion(self, authorizer_appid: str) -> Delete:
        """Return the write that forgets what is known."""
        return Delete(self._key(authorizer_appid))

    def forget(self, authorizer_appid: str) -> None:
        """Forget what is known."""
        self._table.write(self.deletion(authorizer_appid))

    def _write(
        self,
        authorizer_appid: str,
        permission_sets: Sequence[int],
        told: dict[str, Value],
        now: float,
    ) -> None:
        """Write what was told, and, where other permission sets stood there, which those were."""
        key = self._key(authorizer_appid)
        numbers = frozenset(str(number) for number in permission_sets)
        update = Update(
            key,
            condition=any_of(Absent("delete_after"), Compare("delete_after", ">", now)),
            set={"permission_sets": list(permission_sets), "permission_sets_at": now, **told},
            # A set of DynamoDB's is never empty.
            add={"permission_sets_ever": numbers} if numbers else {},
        )
        try:
            old = self._table.write(update)
        except ConditionFailedError:
            # Of an earlier relation, long over: DynamoDB deletes late, and not all of it at once.
            self._bury(key, now)
            old = self._table.write(update)
        before = _numbers(None if old is None else old.get("permission_sets"))
        if before is None or set(before) == set(permission_sets):
            return
        changed: dict[str, Value] = {
            "permission_sets_before": list(before),
            "permission_sets_changed_at": now,
        }
        try:
            self._table.write(
                Update(key, condition=Compare("permission_sets_at", "=", now), set=changed)
            )
        except ConditionFailedError:
            # Somebody has written or forgotten it since: then this is no news any more.
            return

    def _bury(self, key: Key, now: float) -> None:
        with contextlib.suppress(ConditionFailedError):
            self._table.write(Delete(key, condition=Compare("delete_after", "<=", now)))

    def _key(self, authorizer_appid: str) -> Key:
        return profile_key(self._component_appid, authorizer_appid)


def _read(item: Item) -> Known:
    ever = item.get("permission_sets_ever")
    return Known(
        profile=_profile(item.get("profile")),
        profile_at=number(item.get("profile_at")),
        permission_sets=_numbers(item.get("permission_sets")),
        permission_sets_at=number(item.get("permission_sets_at")),
        permission_sets_before=_numbers(item.get("permission_sets_before")),
        permission_sets_changed_at=number(item.get("permission_sets_changed_at")),
        permission_sets_ever=frozenset(
            int(one) for one in (ever if isinstance(ever, frozenset) else ())
        ),
    )


def _profile(value: Value) -> Profile | None:
    if not isinstance(value, dict):
        return None
    known: dict[str, Any] = {name: str(value.get(name, "")) for name in TEXTS}
    for name in NUMBERS:
        given = value.get(name)
        if isinstance(given, int) and not isinstance(given, bool):
            known[name] = given
    return Profile(kind=AccountKind(str(value["kind"])), **known)


def _numbers(value: Value) -> tuple[int, ...] | None:
    if not isinstance(value, list):
        return None
    return tuple(one for one in value if isinstance(one, int))
