"""Which authorizers a list is of, and one page of it: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wxvault.services.state import Status, TokenState


@dataclass(frozen=True, slots=True)
class Selection:
    """What an authorizer must be to stand in a list; what is not said does not matter."""

    status: Status | None = None
    tenant_id: str | None = None
    unassigned: bool = False
    """Only those that belong to no tenant; ``tenant_id`` says nothing then."""

    def has(self, state: TokenState) -> bool:
        """Say whether an authorizer is one of them."""
        if self.status is not None and state.status is not self.status:
            return False
        if self.unassigned:
            return state.tenant_id is None
        return self.tenant_id is None or state.tenant_id == self.tenant_id


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list, in order of appids."""

    states: tuple[TokenState, ...]
    """Fewer than were asked for where some have just changed; none is no end."""
    last: str | None
    """The appid after which the list goes on; None: this was the end."""
