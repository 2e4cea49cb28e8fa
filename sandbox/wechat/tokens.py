"""Access tokens of one owner: issued, superseded, expired, revoked.

WeChat honours a superseded token for some minutes (``overlap``); what supersedes is the order in
which it executes the calls, whatever order they were sent in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Verdict(Enum):
    """What WeChat thinks of a token shown to it."""

    HONOURED = "honoured"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(slots=True)
class IssuedToken:
    """One token; times in seconds on the sandbox's clock."""

    value: str = field(repr=False)
    issued_at: float
    expires_at: float
    superseded_at: float | None = None
    revoked_at: float | None = None

    def verdict(self, now: float, overlap: float) -> Verdict:
        """Return whether the token is honoured at ``now``, and if not, why."""
        if self.revoked_at is not None:
            return Verdict.REVOKED
        if self.superseded_at is not None and now >= self.superseded_at + overlap:
            return Verdict.SUPERSEDED
        if now >= self.expires_at:
            return Verdict.EXPIRED
        return Verdict.HONOURED


class TokenLine:
    """The tokens of one owner, oldest to newest; the newest is the current one."""

    def __init__(self) -> None:
        self._tokens: dict[str, IssuedToken] = {}
        self._newest: IssuedToken | None = None

    @property
    def current(self) -> IssuedToken | None:
        """The newest token unless it was revoked."""
        newest = self._newest
        return newest if newest is not None and newest.revoked_at is None else None

    def issue(self, value: str, *, now: float, life: float) -> IssuedToken:
        """Add a token; the one before it is superseded ``now``."""
        if self._newest is not None:
            self._newest.superseded_at = now
        self._newest = self._tokens[value] = IssuedToken(value, now, now + life)
        return self._newest

    def revoke(self, now: float) -> bool:
        """End every token at once, without overlap. Returns whether there was one."""
        alive = [token for token in self._tokens.values() if token.revoked_at is None]
        for token in alive:
            token.revoked_at = now
        return bool(alive)

    def expire(self, now: float) -> bool:
        """Let the current token be expired from ``now`` on. Returns whether there was one."""
        token = self.current
        if token is None:
            return False
        token.expires_at = min(token.expires_at, now)
        return True

    def all(self) -> list[IssuedToken]:
        """Return every token that was issued, oldest first."""
        return list(self._tokens.values())

    def find(self, value: str) -> IssuedToken | None:
        """Return the token with this value, whatever became of it."""
        return self._tokens.get(value)
