"""What becomes of an authorizer when WeChat's own list is held against the table: pure functions.

The list may be older than what stands here by the time it is compared: so it only nominates. A
value of it is stored in one case, where none stands; everything else that differs is asked of
WeChat, under the lease, by *renew*. Page: openApi/authorization-management/api_getauthorizerlist.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from wxvault.errors import SealBrokenError
from wxvault.services.policy import has_live_lease, is_due, is_servable
from wxvault.services.state import (
    GONE,
    RENEWABLE,
    Access,
    Event,
    PendingReason,
    Status,
    TokenChange,
    TokenState,
    unchanged,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class Action(StrEnum):
    """What is written."""

    RESTORE = "restore"
    """WeChat's refresh token, where none stands."""
    FOUND = "found"
    """A new item for somebody nobody here has heard of; WeChat is asked about it."""
    VERIFY = "verify"
    """WeChat is asked; until then tokens are withheld."""
    NONE = "none"


class Reason(StrEnum):
    """Why, or why not."""

    MISSING = "refresh_token_missing"
    UNKNOWN_HERE = "unknown_here"
    OTHER = "other_refresh_token"
    BROKEN = "seal_broken"
    PENDING = "pending"
    REVOKED = "revoked_but_listed"
    NOT_LISTED = "not_listed"
    ASKED_FOR = "asked_for"
    SAME = "unchanged"
    STILL_GONE = "gone"
    """Not listed, and gone here, or never known to WeChat."""
    LOST = "lost"
    """WeChat refuses the very refresh token that it lists."""
    NO_API_ABILITY = "no_api_ability"
    NEVER_EXCHANGED = PendingReason.NEVER_EXCHANGED.value
    """Confirmed, but nobody has ever exchanged the code: WeChat has made no refresh token."""
    VERIFYING = "already_verifying"
    IN_PROGRESS = "in_progress"
    """Somebody holds the lease, so WeChat is being asked about it right now."""
    CHANGED_MEANWHILE = "changed_meanwhile"
    """It was written after the table was read, so it may be newer than the list."""
    LIST_INCOMPLETE = "list_incomplete"
    """It is not on the part of the list that could be read."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one authorizer; ``change`` is None where nothing is written."""

    action: Action
    reason: Reason
    change: TokenChange | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """What WeChat's list says of one authorizer."""

    listed: bool
    refresh_token: str | None = field(default=None, repr=False)
    complete: bool = True
    """The whole list was read: who is not on it is not listed."""


type Open = Callable[[TokenState], str | None]
"""Opens a secret of an item; SealBrokenError where it cannot."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Compares items with the list; dry runs and real ones by the same rules."""

    open_access: Open
    open_refresh: Open
    overlap: float

    def verdict(  # noqa: PLR0911 -- one for each way an item can stand to the list
        self,
        state: TokenState | None,
        seen: TokenState | None,
        listing: Listing,
        now: float,
    ) -> Verdict:
        """Say what becomes of an item.

        ``seen`` is the item as it was before WeChat was asked for the list, ``state`` as it is now:
        what was written in between may be newer than the list, and is left.
        """
        if state is None:
            return self._absent(seen, listing, now)
        if has_live_lease(state, now):
            return _leave(Reason.IN_PROGRESS)
        if state.verifying:
            return _leave(Reason.VERIFYING)
        if not listing.listed:
            return self._not_listed(state, seen, listing, now)
        if listing.refresh_token is None:
            return _leave(_without_value(state))
        if _is_empty(state):
            return self._empty(state, seen, listing.refresh_token, now)
        return self._filled(state, seen, listing.refresh_token, now)

    def asked_for(self, state: TokenState | None, now: float) -> Verdict:
        """Say what becomes of an item that somebody wants verified, whatever the list says."""
        if state is None:
            return Verdict(Action.FOUND, Reason.ASKED_FOR, nominated(None, now))
        if has_live_lease(state, now):
            return _leave(Reason.IN_PROGRESS)
        if state.verifying and is_due(state, now):
            return _leave(Reason.VERIFYING)
        return Verdict(Action.VERIFY, Reason.ASKED_FOR, nominated(state, now))

    # --- by what stands there --------------------------------------------------------------------

    def _absent(self, seen: TokenState | None, listing: Listing, now: float) -> Verdict:
        if not listing.listed:
            return _leave(Reason.STILL_GONE)
        if listing.refresh_token is None:
            return _leave(Reason.NEVER_EXCHANGED)
        if seen is not None:
            # It was forgotten just now, by somebody who knew what he did.
            return _leave(Reason.CHANGED_MEANWHILE)
        return Verdict(Action.FOUND, Reason.UNKNOWN_HERE, nominated(None, now))

    def _not_listed(
        self, state: TokenState, seen: TokenState | None, listing: Listing, now: float
    ) -> Verdict:
        if state.status in GONE or state.pending_reason == PendingReason.INVALID_APPID:
            return _leave(Reason.STILL_GONE)
        if not listing.complete:
            return _leave(Reason.LIST_INCOMPLETE)
        if _is_newer(state, seen):
            return _leave(Reason.CHANGED_MEANWHILE)
        return _verify(state, Reason.NOT_LISTED, now)

    def _empty(
        self, state: TokenState, seen: TokenState | None, refresh_token: str, now: float
    ) -> Verdict:
        if seen is None or _is_another_grant(state, seen):
            return _leave(Reason.CHANGED_MEANWHILE)
        access = self._still_served(state, now)
        return Verdict(Action.RESTORE, Reason.MISSING, restored(state, refresh_token, access, now))

    def _filled(
        self, state: TokenState, seen: TokenState | None, refresh_token: str, now: float
    ) -> Verdict:
        reason = self._difference(state, refresh_token)
        if reason in (Reason.SAME, Reason.LOST):
            return _leave(reason)
        if _is_newer(state, seen):
            return _leave(Reason.CHANGED_MEANWHILE)
        return _verify(state, reason, now)

    def _difference(self, state: TokenState, refresh_token: str) -> Reason:
        if state.status is Status.REVOKED:
            return Reason.REVOKED
        if state.status is Status.PENDING:
            return Reason.PENDING
        try:
            same = self.open_refresh(state) == refresh_token
        except SealBrokenError:
            return Reason.BROKEN
        if not same:
            return Reason.OTHER
        return Reason.LOST if state.status is Status.LOST else Reason.SAME

    def _still_served(self, state: TokenState, now: float) -> Access | None:
        """Return the access token to be sealed anew, if it may be handed out still."""
        expires_at, expires_in = state.access_expires_at, state.access_expires_in
        if expires_at is None or expires_in is None or state.stored_at is None:
            return None
        if not is_servable(state, now, overlap=self.overlap):
            return None
        try:
            token = self.open_access(state)
        except SealBrokenError:
            return None
        return None if token is None else Access(token, expires_at, expires_in, state.stored_at)


# --- the changes ---------------------------------------------------------------------------------


def restored(
    state: TokenState, refresh_token: str, access: Access | None, now: float
) -> TokenChange:
    """WeChat's list has a refresh token and here is none: store it, and have it tried at once.

    Who is failing stays so until the renewal has shown that it serves.
    """
    events: tuple[Event, ...] = ()
    if state.status is Status.LOST:
        events = (Event("authorized"),)
    elif not state.api_ability:
        events = (Event("updated"),)
    return replace(
        unchanged(state),
        status=Status.ACTIVE if state.status is Status.LOST else state.status,
        due_at=now,
        attempts=0,
        last_errcode=None,
        refused_address=None,
        secrets="write",
        refresh_token=refresh_token,
        access=access,
        api_ability=True,
        delete_after=None,
        events=events,
    )


def nominated(state: TokenState | None, now: float) -> TokenChange:
    """WeChat is to be asked what is true; until it has answered, tokens are withheld."""
    known = state or TokenState(None, Status.PENDING)
    # Who may be coming back must be there when WeChat has answered.
    return replace(unchanged(known), verifying=True, due_at=now, delete_after=None)


# --- inside --------------------------------------------------------------------------------------


def _verify(state: TokenState, reason: Reason, now: float) -> Verdict:
    return Verdict(Action.VERIFY, reason, nominated(state, now))


def _leave(reason: Reason) -> Verdict:
    return Verdict(Action.NONE, reason)


def _is_empty(state: TokenState) -> bool:
    """Say whether a refresh token is all that is missing."""
    return not state.has_refresh and state.status in (*RENEWABLE, Status.LOST)


def _without_value(state: TokenState) -> Reason:
    """WeChat lists it without a refresh token: what stands here, if anything, is better."""
    if state.status in RENEWABLE and not state.api_ability:
        return Reason.NO_API_ABILITY
    if state.status is Status.LOST and state.has_refresh:
        return Reason.LOST
    return Reason.SAME if state.has_refresh else Reason.NEVER_EXCHANGED


def _is_another_grant(state: TokenState, seen: TokenState) -> bool:
    """Say whether a grant or a cancellation has come since."""
    return (state.status, state.authorized_at, state.unauthorized_at) != (
        seen.status,
        seen.authorized_at,
        seen.unauthorized_at,
    )


def _is_newer(state: TokenState, seen: TokenState | None) -> bool:
    """Say whether a secret, a grant or a cancellation was written since."""
    return seen is None or state.generation != seen.generation or _is_another_grant(state, seen)
