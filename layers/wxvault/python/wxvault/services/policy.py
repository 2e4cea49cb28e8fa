"""When a token may be served, when it is due, how long to back off: pure functions of a state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wxvault.services.numbers import (
    ASK_AGAIN_CAP,
    ASK_AGAIN_FIRST,
    BACK_OFF_CAP,
    BACK_OFF_FIRST,
    BACK_OFF_LEAST,
    CLOCKS_SECONDS,
    DUE_FROM,
    DUE_TO,
    MARGIN,
    MIN_TTL_PART,
    SERVED_WHILE_MARKED,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from wxvault.services.state import TokenState

type Uniform = Callable[[], float]
"""Returns a random number in [0, 1)."""


def has_live_lease(state: TokenState, now: float) -> bool:
    """Say whether somebody may be asking WeChat about this item right now."""
    return state.lease_until is not None and state.lease_until >= now


def is_due(state: TokenState, now: float) -> bool:
    """Say whether it is time to renew; whoever made it due may have a clock that is ahead."""
    return state.due_at is not None and state.due_at <= now + CLOCKS_SECONDS


def is_servable(state: TokenState, now: float, *, overlap: float, min_ttl: float = 0) -> bool:
    """Say whether the access token may be handed out at ``now``.

    Not while it is being verified, not within the margin before its end, and, while a question to
    WeChat is unanswered that may have superseded it, only for 0.8 of WeChat's overlap since then.
    ``min_ttl`` seconds must be left of it, but never more than a sixth of its life is asked for.
    """
    if not state.has_access or state.verifying:
        return False
    if state.access_expires_at is None or state.access_expires_in is None:
        return False
    left = max(state.access_expires_in * MARGIN, wanted_ttl(state, min_ttl))
    if now >= state.access_expires_at - left:
        return False
    return is_within_overlap(state, now, overlap=overlap)


def is_within_overlap(state: TokenState, now: float, *, overlap: float) -> bool:
    """Say whether WeChat still honours the token whatever came of an unanswered question."""
    since = state.unresolved_since
    return since is None or now < since + SERVED_WHILE_MARKED * overlap


def wanted_ttl(state: TokenState, min_ttl: float) -> float:
    """Return the seconds that a token must have left, at most a sixth of its life."""
    return min(min_ttl, (state.access_expires_in or 0.0) * MIN_TTL_PART)


def next_due(sent_at: float, expires_in: float, uniform: Uniform) -> float:
    """Return when a token sent for at ``sent_at`` becomes due, at random so that loads spread."""
    return sent_at + expires_in * (DUE_FROM + (DUE_TO - DUE_FROM) * uniform())


def back_off(attempts: int, uniform: Uniform) -> float:
    """Return seconds to wait after the given number of refusals: full jitter, capped."""
    doublings = min(max(attempts, 1) - 1, 20)
    ceiling: float = min(BACK_OFF_CAP, BACK_OFF_FIRST * 2.0**doublings)
    # Never nothing, also to somebody whose clock is ahead: to repeat a refusal at once is a loop.
    return max(BACK_OFF_LEAST, uniform() * ceiling)


def pause_between_asks(asks: int, uniform: Uniform) -> float:
    """Return seconds until *renew* may be asked again by one who has asked ``asks`` times.

    Half of it is random: when *renew* cannot be invoked, all who wait must not come back at once.
    """
    pause = min(ASK_AGAIN_CAP, ASK_AGAIN_FIRST * 2.0 ** (asks - 1))
    return pause * (0.5 + uniform() / 2)


def is_coming_back(state: TokenState) -> bool:
    """Say whether a newer grant than the cancellation is being looked into right now."""
    if not state.verifying or state.grant_undated:
        return state.verifying
    if state.authorized_at is None:
        return False
    return state.unauthorized_at is None or state.authorized_at > state.unauthorized_at
