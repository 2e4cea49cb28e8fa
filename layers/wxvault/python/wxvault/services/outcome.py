"""What came of a try to renew or verify: words that the caller of *renew* sees."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What came of it."""

    RENEWED = "renewed"
    VERIFIED = "verified"
    """WeChat was asked; a renewal follows."""
    LEASED = "leased"
    """Somebody else is at it."""
    NOT_DUE = "not_due"
    """Nothing to do now: not due, or waiting for its back-off."""
    REFUSED = "refused"
    """WeChat refused; the next try waits for its back-off."""
    FAILING = "failing"
    """WeChat has no refresh token for it; it is tried again."""
    UNKNOWN = "unknown"
    """WeChat did not answer; it is tried again when the lease has run out."""
    LOST = "lost"
    REVOKED = "revoked"
    ABSENT = "absent"
    """There is no such authorizer, or nothing to renew."""
