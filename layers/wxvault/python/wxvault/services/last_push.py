"""What is known of the last push, and of the last time WeChat was asked to start its pushes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LastPush:
    """The record of the event URL, as *callback* and *renew* write it; times by our clock."""

    accepted_at: float | None = None
    info_type: str | None = None
    """What was accepted last."""
    ticket_at: float | None = None
    """When a ticket was accepted last. The tickets themselves say it surer."""
    refused_at: float | None = None
    refused_verdict: str | None = None
    """Code of the error for which the last refused push was refused."""
    start_asked_at: float | None = None
    """When WeChat was last asked to start its pushes."""
    start_not_before: float | None = None
    start_outcome: str | None = None
    start_attempts: int = 0
    """Refusals in a row."""
    start_errcode: int | None = None
    start_address: str | None = None
    """The address that WeChat wants on its list, where it refused that."""

    @property
    def is_accepted(self) -> bool:
        """Whether the last push of all was accepted."""
        if self.accepted_at is None:
            return False
        return self.refused_at is None or self.accepted_at >= self.refused_at

    @property
    def verdict(self) -> str | None:
        """The verdict on the last push of all; None: there was none."""
        return "accepted" if self.is_accepted else self.refused_verdict

    @property
    def at(self) -> float | None:
        """When the last push of all came."""
        return self.accepted_at if self.is_accepted else self.refused_at
