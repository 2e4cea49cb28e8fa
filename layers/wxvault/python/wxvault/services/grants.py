"""What an item becomes by a grant: a push that gives or takes one, or the exchange of its code.

Pure functions of the item's state, as in :mod:`wxvault.services.decisions`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wxvault.services.decisions import departure
from wxvault.services.policy import has_live_lease, next_due
from wxvault.services.state import (
    GONE,
    RENEWABLE,
    Access,
    Event,
    Lease,
    OpenCall,
    Status,
    TokenChange,
    TokenState,
    unchanged,
)

if TYPE_CHECKING:
    from wxvault.services.policy import Uniform


# --- pushes --------------------------------------------------------------------------------------


def granted(
    state: TokenState | None,
    create_time: int,
    now: float,
    *,
    code_open: bool,
    blind_call: OpenCall | None = None,
) -> TokenChange | None:
    """An authorising push: ``create_time`` is its CreateTime; None: it changes nothing.

    A grant that is not newer than the newest cancellation is history. The access token of an older
    grant is dropped. What was gone, and what no open code will bring back, is asked for at WeChat.

    ``blind_call``: a call with this code was begun when nobody knew whose it was. It may supersede
    every token, also one of a newer grant, and may do so after the next renewal was executed: so
    the item is leased to it until it is over.
    """
    known = state or TokenState(None, Status.PENDING)
    if known.unauthorized_at is not None and create_time <= known.unauthorized_at:
        return None
    alive = known.status in RENEWABLE
    if known.authorized_at is not None and create_time <= known.authorized_at:
        if blind_call is None:
            return None
        change = unchanged(known)
        if alive:
            change = replace(change, verifying=True, due_at=now)
    else:
        verify = known.verifying or known.status in GONE or not code_open
        change = replace(
            unchanged(known),
            authorized_at=create_time,
            grant_undated=False,
            verifying=verify,
            # Its code is on its way now, whatever WeChat said before.
            pending_reason=None,
            due_at=now if verify or alive else known.due_at,
            secrets="drop_access" if known.has_access else "keep",
            delete_after=None if verify else unchanged(known).delete_after,
        )
    if blind_call is None or blind_call.until is None or blind_call.until < now:
        return change
    if has_live_lease(known, now) and known.lease_until is not None:
        # Somebody else's question is open as well: the later of both ends, and nobody's to give
        # back early.
        later = max(known.lease_until, blind_call.until)
        return replace(change, raise_fence=True, lease_id=known.lease_id, lease_until=later)
    return replace(
        change, raise_fence=True, lease_id=blind_call.claim_id, lease_until=blind_call.until
    )


def withdrawn(
    state: TokenState | None, create_time: int, now: float, retention: float
) -> TokenChange | None:
    """An ``unauthorized`` push: ``create_time`` is its CreateTime; None: it changes nothing.

    It revokes the grants that are not newer than itself. Where a grant has no date it cannot be
    compared, so tokens are withheld instead until WeChat was asked. A revocation is verified too.
    """
    known = state or TokenState(None, Status.PENDING)
    if known.unauthorized_at is not None and create_time <= known.unauthorized_at:
        return None
    if known.authorized_at is not None and create_time < known.authorized_at:
        if not known.grant_undated:
            return replace(unchanged(known), unauthorized_at=create_time)
        return _withheld(known, create_time, now)
    if known.status in RENEWABLE and (known.grant_undated or known.authorized_at is None):
        return _withheld(known, create_time, now)
    return replace(
        unchanged(known),
        status=Status.REVOKED,
        unauthorized_at=create_time,
        secrets="remove",
        raise_fence=True,
        verifying=True,
        due_at=now,
        attempts=0,
        delete_after=int(now + retention),
        events=departure(known),
    )


def _withheld(state: TokenState, create_time: int, now: float) -> TokenChange:
    return replace(
        unchanged(state),
        unauthorized_at=create_time,
        raise_fence=True,
        verifying=True,
        due_at=now,
        attempts=0,
    )


# --- exchanges -----------------------------------------------------------------------------------


def exchanged(  # noqa: PLR0913 -- the parts of an answer, each named
    state: TokenState,
    lease: Lease,
    *,
    create_time: int | None,
    access: Access | None,
    refresh_token: str | None,
    current_refresh: str | None,
    uniform: Uniform,
) -> TokenChange:
    """A code was exchanged under the lease: ``create_time`` is that of its push.

    A newer grant than this code's makes the access token doubtful: then only the refresh token is
    kept and a renewal follows. An empty refresh token never replaces one.
    """
    kept = refresh_token or current_refresh
    older = (
        state.authorized_at is not None
        and create_time is not None
        and state.authorized_at > create_time
    )
    base = replace(
        unchanged(state),
        status=Status.ACTIVE,
        attempts=0,
        last_errcode=None,
        refused_address=None,
        secrets="write",
        refresh_token=kept,
        release=True,
        delete_after=None,
        authorized_at=max(state.authorized_at or 0, create_time or 0) or None,
        events=_arrival(state),
    )
    if not refresh_token and access is None:
        return replace(base, api_ability=False, verifying=False, due_at=None, clear_mark=True)
    base = replace(base, api_ability=True)
    own = state.unresolved_mark == lease.mark
    if older or access is None:
        return replace(base, access=None, due_at=lease.taken_at, clear_mark=own)
    due_at = next_due(access.stored_at, access.expires_in, uniform) if own else lease.taken_at
    return replace(base, access=access, verifying=False, due_at=due_at, clear_mark=own)


def exchanged_unleased(  # noqa: PLR0913 -- the parts of an answer, each named
    state: TokenState | None,
    *,
    now: float,
    claim_id: str | None = None,
    mark: str,
    sent_at: float,
    create_time: int | None,
    access: Access | None,
    refresh_token: str | None,
    retaken: bool,
    uniform: Uniform,
) -> TokenChange:
    """A code whose appid nobody knew was exchanged without a lease (the redirect came first).

    Where nothing stands it is stored. Where tokens stand, or where another grant or a cancellation
    is known that it cannot be compared with, nobody can tell whose tokens WeChat honours: nothing
    is stored, and WeChat is asked. So it is when an earlier call of this code is open: ``retaken``.
    ``create_time`` is that of the code's push, if it has come in meanwhile.
    """
    known = state or TokenState(None, Status.PENDING)
    undated = create_time is None or known.grant_undated
    # Its push may have come meanwhile, and have leased the item to this very call.
    own = claim_id is not None and known.lease_id == claim_id
    if known.has_refresh or known.verifying or retaken or not _is_newest(known, create_time):
        return replace(
            unchanged(known),
            raise_fence=True,
            new_mark=mark,
            marked_since=sent_at,
            verifying=True,
            due_at=now,
            attempts=0,
            grant_undated=undated,
            release=own,
            # Who may be coming back must be there when WeChat has answered.
            delete_after=None,
            # Who was gone is told of when WeChat has answered.
            events=(Event("updated"),) if known.status in RENEWABLE else (),
        )
    base = replace(
        unchanged(known),
        status=Status.ACTIVE,
        attempts=0,
        last_errcode=None,
        refused_address=None,
        raise_fence=True,
        grant_undated=undated,
        release=own,
        delete_after=None,
        events=_arrival(known),
    )
    if refresh_token is None and access is None:
        # Nothing was issued, so there is nothing to keep and nothing that could be lost.
        return replace(base, api_ability=False, due_at=None)
    if refresh_token is None:
        return replace(base, verifying=True, due_at=now)
    leased = has_live_lease(known, now) and not own
    uncertain = leased or known.unresolved_mark is not None or access is None
    return replace(
        base,
        api_ability=True,
        secrets="write",
        refresh_token=refresh_token,
        access=access,
        due_at=now
        if uncertain or access is None
        else next_due(access.stored_at, access.expires_in, uniform),
    )


def blind_call_over(state: TokenState | None, claim_id: str) -> TokenChange | None:
    """A blind call was refused, so it superseded nothing: give back what was leased to it."""
    if state is None or state.lease_id != claim_id:
        return None
    return replace(unchanged(state), release=True)


def doubtful_code(state: TokenState, now: float, change: TokenChange | None = None) -> TokenChange:
    """A code brought nothing though its push told the appid: let WeChat say what is true.

    ``change``: what becomes of the item besides.
    """
    return replace(change or unchanged(state), verifying=True, raise_fence=True, due_at=now)


# --- inside --------------------------------------------------------------------------------------


def _is_newest(state: TokenState, create_time: int | None) -> bool:
    """Say whether a grant is known to be newer than every other grant and cancellation."""
    if create_time is None:
        return state.authorized_at is None and state.unauthorized_at is None
    return create_time >= (state.authorized_at or 0) and create_time > (state.unauthorized_at or 0)


def _arrival(state: TokenState) -> tuple[Event, ...]:
    match state.status:
        case Status.ACTIVE:
            return (Event("updated"),)
        case Status.FAILING:
            return (Event("updated"), Event("recovered"))
        case _:
            return (Event("authorized"),)
