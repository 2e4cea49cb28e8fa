"""Silence: WeChat may or may not have executed the call, so almost nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wxvault.services import decisions
from wxvault.services.policy import is_within_overlap

if TYPE_CHECKING:
    from wxvault.services.state import Lease
    from wxvault.services.tools import Tools


def settle_unanswered(tools: Tools, lease: Lease) -> None:
    """Leave the item leased, marked and due; back off only when the overlap is over anyway."""
    now = tools.clock.now()
    if is_within_overlap(lease.state, now, overlap=tools.overlap):
        return
    tools.settle(lease, lambda state: decisions.unanswered_for_long(state, now, tools.uniform))
