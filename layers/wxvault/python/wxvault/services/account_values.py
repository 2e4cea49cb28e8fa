"""What is known of an authorizer beside its tokens, and what became of it: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wxvault.protocol.profiles import Profile


@dataclass(frozen=True, slots=True)
class Known:
    """A PROFILE item as it was read; times are unix seconds of our clock, None: never."""

    profile: Profile | None = None
    profile_at: float | None = None
    """When WeChat told the profile."""
    permission_sets: tuple[int, ...] | None = None
    """Granted, as WeChat told last."""
    permission_sets_at: float | None = None
    permission_sets_before: tuple[int, ...] | None = None
    """Granted before the last change; None: there was none since we know the authorizer."""
    permission_sets_changed_at: float | None = None
    permission_sets_ever: frozenset[int] = frozenset()
    """Granted at any time since we know the authorizer."""

    @property
    def new(self) -> tuple[int, ...]:
        """Granted by the last change and not before it."""
        if self.permission_sets_before is None:
            return ()
        return tuple(
            number
            for number in self.permission_sets or ()
            if number not in self.permission_sets_before
        )

    def missing(self, wanted: frozenset[int]) -> tuple[int, ...]:
        """Not granted now, but wanted by the platform or granted at an earlier time."""
        granted = set(self.permission_sets or ())
        return tuple(sorted((wanted | self.permission_sets_ever) - granted))


@dataclass(frozen=True, slots=True)
class Assigned:
    """An authorizer has the tenant that was asked for."""

    authorizer_appid: str
    tenant_id: str | None
    from_tenant_id: str | None
    changed: bool
    """False: it had this tenant already."""


@dataclass(frozen=True, slots=True)
class TenantForgotten:
    """What became of a tenant's authorizers, by appid."""

    tenant_id: str
    forgotten: tuple[str, ...]
    unassigned: tuple[str, ...]
    """Those that are active: they belong to nobody now."""
    waiting: tuple[str, ...]
    """Those that cannot be forgotten yet, because WeChat is being asked about them."""
    done: bool
    """Nobody is left. Else: ask once more, in a minute if somebody is waiting."""
