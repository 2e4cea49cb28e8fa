"""What taking messages needs of the vault and of the world, as small protocols."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class Claim(StrEnum):
    """Whose a message is."""

    OURS = "ours"
    SEEN = "seen"
    """Its effect is there."""
    BUSY = "busy"
    """Somebody else is at it right now."""


class SeenMessages(Protocol):
    """Which messages were taken, so that none is taken twice."""

    def claim(self, identity_sha256: str, claim_id: str, *, now: float) -> Claim:
        """Take a message for a few seconds, if nobody else has it and its effect is not there."""

    def give_back(self, identity_sha256: str, claim_id: str) -> None:
        """Let a message go whose effect did not come to be."""

    def mark_seen(self, identity_sha256: str, *, now: float) -> None:
        """Note a message after its effect."""


class UserNames(Protocol):
    """What accounts are called in their messages."""

    def user_name(self, authorizer_appid: str) -> str:
        """Return an account's original id (``gh_…``); empty while it is not known."""


@dataclass(frozen=True, slots=True)
class ReleaseAnswer:
    """A customer-service message that a test account of WeChat is owed."""

    code_sha256: str
    authorizer_appid: str
    touser: str
    """The openid it goes to."""
    received_at: float
    item: Mapping[str, object] = field(default_factory=dict, repr=False)


class ReleaseAnswers(Protocol):
    """Answers that WeChat's test accounts are still owed."""

    def record(
        self, authorization_code: str, authorizer_appid: str, touser: str, *, now: float
    ) -> str:
        """Write one down, sealed and due; returns the code's fingerprint."""

    def claim(self, code_sha256: str, *, now: float) -> ReleaseAnswer | None:
        """Take one for half a minute; None: somebody else has it, or it was given."""

    def code(self, answer: ReleaseAnswer) -> str | None:
        """Open the code that it is about."""

    def postpone(self, answer: ReleaseAnswer, *, due_at: float) -> None:
        """Have it picked up again at ``due_at``."""

    def finish(self, answer: ReleaseAnswer) -> None:
        """Forget it: it was given, or there is no use in it any more."""


class CustomerService(Protocol):
    """WeChat's customer-service messages."""

    def send_text(self, access_token: str, touser: str, content: str, /) -> None:
        """Send a text to a user."""


type Responder = Callable[[Mapping[str, Any], float], object]
"""Asks the platform's own code for a reply, waiting at most so many seconds.

Raises :class:`wxvault.services.responding.NoReplyError` when there is no answer.
"""

type Count = Callable[[str], object]
"""Adds one to a metric."""
