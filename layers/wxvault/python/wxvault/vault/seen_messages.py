"""SEEN items of messages: claimed for a moment, then marked once the message is published."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from wxvault.services.message_ports import Claim
from wxvault.vault.expressions import (
    MISSING,
    Compare,
    ConditionFailedError,
    Delete,
    Put,
    any_of,
    equals,
)
from wxvault.vault.keys import seen_push_key

if TYPE_CHECKING:
    from wxvault.vault.expressions import Key
    from wxvault.vault.table import Table

CLAIM_SECONDS: Final = 5.0
"""As long as the function may run. WeChat sends again after five seconds."""

_KEPT_SECONDS: Final = 24 * 3600


class SeenMessages:
    """Which messages were taken; several environments may be given the same one at once."""

    def __init__(self, table: Table, component_appid: str) -> None:
        self._table = table
        self._component_appid = component_appid

    def claim(self, identity_sha256: str, claim_id: str, *, now: float) -> Claim:
        """Take a message until it is marked as seen; a claim that ran out is anybody's."""
        put = Put(
            self._key(identity_sha256),
            {
                "claim_id": claim_id,
                "claim_until": now + CLAIM_SECONDS,
                "delete_after": int(now + _KEPT_SECONDS),
            },
            condition=any_of(
                MISSING, Compare("claim_until", "<", now), Compare("delete_after", "<=", now)
            ),
        )
        try:
            self._table.write(put)
        except ConditionFailedError as refusal:
            found = refusal.item or {}
            if found.get("claim_id") == claim_id:
                # Our own write, repeated by the client after its answer was lost.
                return Claim.OURS
            return Claim.BUSY if "claim_until" in found else Claim.SEEN
        return Claim.OURS

    def give_back(self, identity_sha256: str, claim_id: str) -> None:
        """Let a message go whose effect did not come to be: its repetition need not wait."""
        key = self._key(identity_sha256)
        with contextlib.suppress(ConditionFailedError):
            self._table.write(Delete(key, condition=equals("claim_id", claim_id)))

    def mark_seen(self, identity_sha256: str, *, now: float) -> None:
        """Note, after its effect, that a message was seen."""
        self._table.write(
            Put(self._key(identity_sha256), {"delete_after": int(now + _KEPT_SECONDS)})
        )

    def _key(self, identity_sha256: str) -> Key:
        return seen_push_key(self._component_appid, identity_sha256)
