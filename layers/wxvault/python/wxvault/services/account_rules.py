"""What an item becomes by what a platform asks about it: pure functions of the item's state.

As in :mod:`wxvault.services.decisions`; :mod:`wxvault.vault` writes the result under its guards.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wxvault.errors import NotForgettableError
from wxvault.services.binding import assignment
from wxvault.services.policy import has_live_lease, is_due
from wxvault.services.state import RENEWABLE, Status, unchanged

if TYPE_CHECKING:
    from wxvault.services.state import TokenChange, TokenState

_WAIT = "Ask again in a minute."


def assigned(state: TokenState, tenant_id: str | None) -> TokenChange | None:
    """The platform says whose merchant this is; None: it is so already.

    From now on no push moves it, even if only a browser had said whose it was before.
    """
    if state.tenant_id == tenant_id and not state.tenant_by_redirect:
        return None
    change = replace(unchanged(state), tenant_id=tenant_id, tenant_by_redirect=False)
    if state.tenant_id == tenant_id:
        return change
    return replace(change, events=(assignment(state.tenant_id, tenant_id),))


def suspected(
    state: TokenState | None, now: float, *, generation: int | None = None
) -> TokenChange | None:
    """WeChat tells otherwise than what stands here: have it asked under the lease, change nothing.

    ``generation``: of the refresh token that differs; another one by now means that nobody can
    tell. What somebody is at, or what is on its way in or out, is left to them.
    """
    if state is None or state.status not in (*RENEWABLE, Status.LOST) or state.verifying:
        return None
    if has_live_lease(state, now):
        return None
    if generation is not None and state.generation != generation:
        return None
    return replace(unchanged(state), verifying=True, due_at=now)


def agree_to_forget(state: TokenState, now: float, *, code_open: bool) -> None:
    """Agree to forget an authorizer that is gone for good, as far as anybody can tell.

    Raises:
        NotForgettableError: it is not, or not yet; the message says why.
    """
    appid = state.authorizer_appid
    if state.status in RENEWABLE:
        raise NotForgettableError(f"{appid} is {state.status}: its authorisation lives")
    # WeChat was asked about a pending one that is not due, and has confirmed nothing. Whatever is
    # heard of it afterwards makes it due, so that it is not the one that was looked at here.
    asked = state.verifying and (state.status is not Status.PENDING or is_due(state, now))
    if asked or has_live_lease(state, now):
        message = f"{appid} is {state.status}, but WeChat is being asked about it right now"
        raise NotForgettableError(message, remedy=_WAIT, passing=True)
    if code_open:
        message = f"{appid} is {state.status}, but has an authorization code to be exchanged"
        raise NotForgettableError(message, remedy=_WAIT, passing=True)
