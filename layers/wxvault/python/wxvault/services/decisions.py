"""What an item becomes after WeChat's answer, a push, or silence: pure functions of its state.

Each rule of the lease stands here once; :mod:`wxvault.vault` writes the result under its guards.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wxvault.services.numbers import FAILING_AFTER
from wxvault.services.policy import back_off, has_live_lease, next_due
from wxvault.services.state import (
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

_GONE = (Status.REVOKED, Status.LOST)


def renewed(
    state: TokenState, lease: Lease, access: Access, refresh_token: str | None, uniform: Uniform
) -> TokenChange:
    """WeChat issued an access token under the lease: store it, give the lease back.

    The mark is cleared only if it is the lease's own; one that somebody else set meanwhile means
    that a newer token may exist, so the item stays marked and due. When a newer grant was pushed
    meanwhile, nobody knows which of the two grants the access token belongs to: it is dropped.
    """
    own = state.unresolved_mark == lease.mark
    overtaken = _is_overtaken(state, lease)
    calm = own and not state.verifying and not overtaken
    due_at = next_due(access.stored_at, access.expires_in, uniform) if calm else lease.taken_at
    events = (Event("recovered"),) if state.status is Status.FAILING else ()
    return replace(
        unchanged(state),
        status=Status.ACTIVE,
        due_at=due_at,
        attempts=0,
        last_errcode=None,
        refused_address=None,
        secrets="write",
        refresh_token=refresh_token,
        access=None if overtaken else access,
        release=True,
        clear_mark=own,
        delete_after=None,
        events=events,
    )


def refused(  # noqa: PLR0913 -- what a refusal depends on, each part named
    state: TokenState,
    lease: Lease,
    now: float,
    uniform: Uniform,
    *,
    errcode: int | None,
    address: str | None = None,
    earlier_open: bool = False,
    at_once: bool = False,
) -> TokenChange:
    """WeChat refused: nothing was issued. Back off; forget the mark only if it is the lease's own.

    ``earlier_open``: an earlier call of the same code is unanswered, so that the mark must stay.
    ``address``: the caller's address, where WeChat refused that.
    ``at_once``: call it failing now, not at the third refusal in a row.
    """
    attempts = state.attempts + 1
    failing = state.status is Status.ACTIVE and (at_once or attempts >= FAILING_AFTER)
    own = lease.own_mark and not earlier_open and state.unresolved_mark == lease.mark
    return replace(
        unchanged(state),
        status=Status.FAILING if failing else state.status,
        due_at=_due_later(state, now + back_off(attempts, uniform)),
        attempts=attempts,
        last_errcode=errcode,
        refused_address=address,
        release=True,
        clear_mark=own,
        events=(Event("failing", {"wechat_errcode": errcode}),) if failing else (),
    )


def abandoned(state: TokenState, lease: Lease, *, answered: bool = False) -> TokenChange:
    """Nothing was issued under the lease: give it back and change nothing else.

    ``answered``: something may have been issued, though nobody keeps it; so the mark stays.
    """
    own = lease.own_mark and not answered and state.unresolved_mark == lease.mark
    # Acquiring made it due; what somebody else made due meanwhile stays so.
    untouched = own and state.due_at == lease.state.due_at and not state.verifying
    due_at = lease.due_before if untouched else state.due_at
    return replace(unchanged(state), due_at=due_at, release=True, clear_mark=own)


def without_ticket(state: TokenState | None) -> TokenChange | None:
    """There is no ticket to renew the component token with: say so once, and stay due."""
    if state is None or state.status is not Status.ACTIVE:
        return None
    told = Event("failing", {"reason": "no_ticket"})
    return replace(unchanged(state), status=Status.FAILING, events=(told,))


def unanswered_for_long(state: TokenState, now: float, uniform: Uniform) -> TokenChange:
    """WeChat did not answer, and the overlap is over anyway: back off, but keep the lease and mark.

    The lease must run out by itself: WeChat may still execute the call.
    """
    attempts = state.attempts + 1
    failing = state.status is Status.ACTIVE and attempts >= FAILING_AFTER
    later = max(state.lease_until or now, now + back_off(attempts, uniform))
    return replace(
        unchanged(state),
        status=Status.FAILING if failing else state.status,
        due_at=_due_later(state, later),
        attempts=attempts,
        events=(Event("failing"),) if failing else (),
    )


def superseded(
    state: TokenState | None, now: float, mark: str, *, since: float
) -> TokenChange | None:
    """The lease was lost with a good answer in hand: WeChat may honour that token, not ours.

    It is not stored; the item is marked (``since`` the call, at the latest) and due, so that a
    renewal decides. Nothing is created, and nothing that is gone is touched.
    """
    if state is None or state.status not in RENEWABLE:
        return None
    return replace(unchanged(state), due_at=now, new_mark=mark, marked_since=since)


def lost(state: TokenState, lease: Lease, now: float, errcode: int | None) -> TokenChange:
    """WeChat refuses the refresh token and knows no other one: only the merchant can help."""
    if _is_overtaken(state, lease):
        return _asked_again(state, lease, now)
    return replace(
        unchanged(state),
        status=Status.LOST,
        due_at=None,
        attempts=0,
        last_errcode=errcode,
        refused_address=None,
        secrets="drop_access",
        release=True,
        clear_mark=True,
        verifying=False,
        events=(Event("lost", {"wechat_errcode": errcode}),),
    )


def gone(state: TokenState, lease: Lease, now: float, retention: float) -> TokenChange:
    """WeChat said 61003 when asked: the authorisation is cancelled for good."""
    if _is_overtaken(state, lease):
        return _asked_again(state, lease, now)
    return replace(
        unchanged(state),
        status=Status.REVOKED,
        due_at=None,
        attempts=0,
        last_errcode=None,
        refused_address=None,
        secrets="remove",
        release=True,
        clear_mark=True,
        verifying=False,
        grant_undated=False,
        delete_after=int(now + retention),
        events=_departure(state),
    )


def verified(state: TokenState, lease: Lease, now: float, refresh_token: str) -> TokenChange:
    """WeChat was asked and the authorisation lives: keep its refresh token, drop the access token.

    Nobody can tell which access token is the live one, so a renewal follows at once.
    """
    own = state.unresolved_mark == lease.mark
    back = state.status in (*_GONE, Status.PENDING)
    return replace(
        unchanged(state),
        status=Status.ACTIVE if back else state.status,
        due_at=now,
        attempts=0,
        last_errcode=None,
        refused_address=None,
        secrets="write",
        refresh_token=refresh_token,
        access=None,
        release=True,
        clear_mark=own,
        verifying=False,
        delete_after=None,
        events=(Event("authorized"),) if back else (),
    )


def healed(state: TokenState, lease: Lease, now: float, refresh_token: str) -> TokenChange:
    """A code was used up by a call nobody heard the answer of: keep what WeChat says is there."""
    change = verified(state, lease, now, refresh_token)
    if state.status in RENEWABLE:
        return replace(change, events=(Event("updated"),))
    return change


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
        verify = known.verifying or known.status in _GONE or not code_open
        change = replace(
            unchanged(known),
            authorized_at=create_time,
            grant_undated=False,
            verifying=verify,
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
        events=_departure(known),
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


def doubtful_code(state: TokenState, now: float) -> TokenChange:
    """A code's exchange failed though its push told the appid: let WeChat say what is true."""
    return replace(unchanged(state), verifying=True, raise_fence=True, due_at=now)


# --- inside --------------------------------------------------------------------------------------


def _is_overtaken(state: TokenState, lease: Lease) -> bool:
    """Say whether a newer grant was pushed after the lease was acquired, maybe after the answer."""
    return state.authorized_at != lease.state.authorized_at


def _is_newest(state: TokenState, create_time: int | None) -> bool:
    """Say whether a grant is known to be newer than every other grant and cancellation."""
    if create_time is None:
        return state.authorized_at is None and state.unauthorized_at is None
    return create_time >= (state.authorized_at or 0) and create_time > (state.unauthorized_at or 0)


def _asked_again(state: TokenState, lease: Lease, now: float) -> TokenChange:
    """WeChat may have answered for an older grant than the one it knows by now: ask it again."""
    return replace(abandoned(state, lease), verifying=True, due_at=now)


def _arrival(state: TokenState) -> tuple[Event, ...]:
    match state.status:
        case Status.ACTIVE:
            return (Event("updated"),)
        case Status.FAILING:
            return (Event("updated"), Event("recovered"))
        case _:
            return (Event("authorized"),)


def _departure(state: TokenState) -> tuple[Event, ...]:
    told = state.status in (Status.REVOKED, Status.PENDING)
    return () if told else (Event("revoked"),)


def _due_later(state: TokenState, at: float) -> float | None:
    """Return the later time for what is kept going; what is not, stays out of the index."""
    if state.status in RENEWABLE or state.verifying:
        return at
    return None
