"""What is remembered of a registration: who applied, and what came of it. Plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SUCCEEDED = "succeeded"
FAILED = "failed"


class Applied(StrEnum):
    """Whether an application could be written down."""

    NEW = "new"
    AGAIN = "again"
    """It was made before, and nobody knows whether WeChat has it."""
    NOT = "not"
    """One like it is under way."""


@dataclass(frozen=True, slots=True)
class Applicant:
    """Whose application it was."""

    tenant_id: str
    session_sha256: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a registration; ``outcome`` is succeeded or failed.

    ``status`` and ``msg`` are WeChat's, ``reason`` is the code of an error of ours where WeChat was
    not the reason. ``authorizer_appid`` is the new mini program's.
    """

    outcome: str
    status: int | None = None
    msg: str | None = None
    reason: str | None = None
    authorizer_appid: str | None = None


class TicketStatus(StrEnum):
    """Where the ticket of an official account stands."""

    RECEIVED = "received"
    CLAIMED = "claimed"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ReuseTicket:
    """The ticket with which an official account's registration is reused, by its fingerprint."""

    ticket_sha256: str
    status: TicketStatus
    session_sha256: str
    claim_id: str | None = None
    claim_until: float | None = None
    due_at: float | None = None
    returns: int = 0
    """How often it was given back, to be used later."""
    item: Mapping[str, object] = field(default_factory=dict, repr=False)

    @property
    def is_open(self) -> bool:
        """It has not come to an end."""
        return self.status in (TicketStatus.RECEIVED, TicketStatus.CLAIMED)
