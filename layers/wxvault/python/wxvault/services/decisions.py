"""What an item becomes after WeChat's answer, a push, or silence: pure functions of its state.

Each rule of the lease stands here once; :mod:`wxvault.vault` writes the result under its guards.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wxvault.services.numbers import FAILING_AFTER
from wxvault.services.policy import back_off, next_due
from wxvault.services.state import (
    GONE,
    RENEWABLE,
    Access,
    Event,
    Lease,
    PendingReason,
    Status,
    TokenChange,
    TokenState,
    unchanged,
)

if TYPE_CHECKING:
    from wxvault.services.policy import Uniform


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
        failing_reason=None,
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
        failing_reason=None,
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


def without_ticket(state: TokenState | None, reason: str = "no_ticket") -> TokenChange | None:
    """Nothing is there to renew the component token with: say so once, and stay due.

    ``reason`` is no_ticket, or seal_broken where there are some that cannot be opened, or
    no_app_secret.
    """
    if state is None or state.status is not Status.ACTIVE:
        return None
    told = Event("failing", {"reason": reason})
    return replace(unchanged(state), status=Status.FAILING, failing_reason=reason, events=(told,))


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
        events=departure(state),
    )


def verified(state: TokenState, lease: Lease, now: float, refresh_token: str) -> TokenChange:
    """WeChat was asked and the authorisation lives: keep its refresh token, drop the access token.

    Nobody can tell which access token is the live one, so a renewal follows at once.
    """
    own = state.unresolved_mark == lease.mark
    back = state.status in (*GONE, Status.PENDING)
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


def has_no_tokens(state: TokenState) -> bool:
    """Say whether an account is known to have none: it is authorised without API ability."""
    return state.status in RENEWABLE and not (state.api_ability or state.has_refresh)


def verified_without_tokens(state: TokenState, lease: Lease) -> TokenChange:
    """WeChat was asked and the authorisation lives, still without API ability: nothing is due."""
    if not has_no_tokens(state) or _is_overtaken(state, lease):
        return abandoned(state, lease)
    return replace(
        unchanged(state),
        due_at=None,
        attempts=0,
        last_errcode=None,
        refused_address=None,
        release=True,
        clear_mark=True,
        verifying=False,
    )


def unconfirmed(
    state: TokenState, lease: Lease, now: float, reason: PendingReason, errcode: int | None
) -> TokenChange:
    """WeChat was asked about one who never had tokens, and has none to tell of: it is over.

    It would say the same every quarter of an hour. What can change it comes by itself: a grant is
    pushed, a code exchanged, or WeChat's list names a refresh token.
    """
    if state.status is not Status.PENDING or _is_overtaken(state, lease):
        return _asked_again(state, lease, now)
    return replace(
        unchanged(state),
        due_at=None,
        attempts=0,
        last_errcode=errcode,
        refused_address=None,
        release=True,
        clear_mark=lease.own_mark and state.unresolved_mark == lease.mark,
        verifying=False,
        pending_reason=reason,
    )


def healed(state: TokenState, lease: Lease, now: float, refresh_token: str) -> TokenChange:
    """A code was used up by a call nobody heard the answer of: keep what WeChat says is there."""
    change = verified(state, lease, now, refresh_token)
    if state.status in RENEWABLE:
        return replace(change, events=(Event("updated"),))
    return change


# --- common to several ---------------------------------------------------------------------------


def departure(state: TokenState) -> tuple[Event, ...]:
    """Return what is told when an authorizer goes: nothing, if nobody knew it was there."""
    told = state.status in (Status.REVOKED, Status.PENDING)
    return () if told else (Event("revoked"),)


def _is_overtaken(state: TokenState, lease: Lease) -> bool:
    """Say whether a newer grant was pushed after the lease was acquired, maybe after the answer."""
    return state.authorized_at != lease.state.authorized_at


def _asked_again(state: TokenState, lease: Lease, now: float) -> TokenChange:
    """WeChat may have answered for an older grant than the one it knows by now: ask it again."""
    return replace(abandoned(state, lease), verifying=True, due_at=now)


def _due_later(state: TokenState, at: float) -> float | None:
    """Return the later time for what is kept going; what is not, stays out of the index."""
    if state.status in RENEWABLE or state.verifying:
        return at
    return None
