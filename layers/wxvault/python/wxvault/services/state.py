"""What a TOKEN item says, and the changes that may be made to it: plain values.

One shape serves authorizers and the component's own token (``authorizer_appid`` is None there).
Times are unix seconds of our clock, except ``authorized_at`` and ``unauthorized_at``, which are
WeChat's CreateTime and compared only with each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wxvault.services.bus_events import BusEvent


class Status(StrEnum):
    """Where an authorizer stands."""

    PENDING = "pending"
    ACTIVE = "active"
    FAILING = "failing"
    LOST = "lost"
    REVOKED = "revoked"


RENEWABLE = (Status.ACTIVE, Status.FAILING)
"""Only these are renewed."""
GONE = (Status.REVOKED, Status.LOST)
"""Only the merchant, or WeChat's list, brings these back."""


class PendingReason(StrEnum):
    """Why nobody waits any more for one who is pending: what WeChat said when it was asked."""

    INVALID_APPID = "invalid_appid"
    """It knows no such account, or none that this platform may ask about."""
    NEVER_EXCHANGED = "never_exchanged"
    """Confirmed, but nobody has ever exchanged the code: WeChat has made no refresh token."""


@dataclass(frozen=True, slots=True)
class TokenState:
    """A TOKEN item as it was read."""

    authorizer_appid: str | None
    status: Status
    generation: int = 0
    fence: int = 0
    sequence: int = 0
    access_expires_at: float | None = None
    access_expires_in: float | None = None
    stored_at: float | None = None
    verifying: bool = False
    api_ability: bool = True
    lease_id: str | None = None
    lease_until: float | None = None
    settled_lease: str | None = None
    unresolved_mark: str | None = None
    unresolved_since: float | None = None
    due_at: float | None = None
    attempts: int = 0
    last_errcode: int | None = None
    refused_address: str | None = None
    """The address that WeChat wants on its list, where it refused that."""
    authorized_at: int | None = None
    unauthorized_at: int | None = None
    grant_undated: bool = False
    tenant_id: str | None = None
    tenant_by_redirect: bool = False
    forced_at: float | None = None
    forced_times: tuple[float, ...] = ()
    """When it was renewed because it was proved refused: the latest, and only a few."""
    failing_reason: str | None = None
    """On the component's own item: why it is failing where WeChat was not even asked."""
    ticket_stale_at: float | None = None
    """On the component's own item: since when it is told that tickets stay away."""
    pending_reason: str | None = None
    """A :class:`PendingReason`, once WeChat has neither confirmed nor denied a pending one."""
    has_access: bool = False
    has_refresh: bool = False
    item: Mapping[str, object] = field(default_factory=dict, repr=False)
    """The item itself, for whoever opens the sealed values."""


class Purpose(StrEnum):
    """Why a lease is taken."""

    RENEWAL = "renewal"
    FORCED_RENEWAL = "forced_renewal"
    EXCHANGE = "exchange"
    VERIFICATION = "verification"


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that is held: the right to ask WeChat one question about this item."""

    state: TokenState
    """The item as it is under the lease."""
    lease_id: str
    fence: int
    mark: str
    taken_at: float
    """When it was acquired or last extended; the call must start within 2 s."""
    own_mark: bool
    """No earlier question was unanswered when it was acquired."""
    due_before: float | None = None
    """When the item was due before it was acquired; None: it was not."""


@dataclass(frozen=True, slots=True)
class NotAcquired:
    """Somebody else holds the lease, or the item does not want what was asked."""

    state: TokenState | None


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call that was begun without a lease, when nobody knew whose tokens it would supersede."""

    claim_id: str | None
    until: float | None
    """When it can be executed no more; None: it cannot already."""


@dataclass(frozen=True, slots=True)
class Access:
    """An access token that WeChat issued."""

    token: str = field(repr=False)
    expires_at: float
    expires_in: float
    stored_at: float


@dataclass(frozen=True, slots=True)
class TokenChange:
    """What an item becomes. Fields left at None keep what stands there, if not said otherwise."""

    status: Status
    due_at: float | None
    """None takes it out of the index: nothing is to be done for it."""
    attempts: int = 0
    last_errcode: int | None = None
    """None removes it."""
    refused_address: str | None = None
    secrets: Literal["keep", "write", "drop_access", "remove"] = "keep"
    refresh_token: str | None = field(default=None, repr=False)
    access: Access | None = None
    """With ``secrets="write"``: what is not given is dropped."""
    raise_fence: bool = False
    release: bool = False
    """Give the lease back. Never done by somebody who does not hold it."""
    lease_id: str | None = None
    """Whose call is under way without a lease: until ``lease_until`` nobody else asks WeChat."""
    lease_until: float | None = None
    clear_mark: bool = False
    new_mark: str | None = None
    marked_since: float | None = None
    """With a new mark: since when, where no earlier one stands."""
    verifying: bool = False
    api_ability: bool = True
    authorized_at: int | None = None
    unauthorized_at: int | None = None
    grant_undated: bool = False
    tenant_id: str | None = None
    tenant_by_redirect: bool = False
    forced_at: float | None = None
    forced_times: tuple[float, ...] = ()
    failing_reason: str | None = None
    ticket_stale_at: float | None = None
    pending_reason: str | None = None
    """Written only for one who is pending and not being asked about."""
    delete_after: int | None = None
    """None removes it."""
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """A transition, as it will be told on the bus; never with a secret in it."""

    detail_type: str
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settled:
    """A change that was written: the item before it, and its events as they were kept with it."""

    before: TokenState
    change: TokenChange
    told: tuple[BusEvent, ...] = ()


def unchanged(state: TokenState) -> TokenChange:
    """Return the change that leaves everything as it is; to be used with ``replace``."""
    return TokenChange(
        status=state.status,
        due_at=state.due_at,
        attempts=state.attempts,
        last_errcode=state.last_errcode,
        refused_address=state.refused_address,
        verifying=state.verifying,
        api_ability=state.api_ability,
        authorized_at=state.authorized_at,
        unauthorized_at=state.unauthorized_at,
        grant_undated=state.grant_undated,
        tenant_id=state.tenant_id,
        tenant_by_redirect=state.tenant_by_redirect,
        forced_at=state.forced_at,
        forced_times=state.forced_times,
        failing_reason=state.failing_reason,
        ticket_stale_at=state.ticket_stale_at,
        pending_reason=state.pending_reason,
        delete_after=_whole(state.item.get("delete_after")),
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
