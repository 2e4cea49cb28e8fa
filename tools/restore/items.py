"""What becomes of one item of a backup when it goes back into the table.

A backup tells what was true once. Tokens are never believed for that: WeChat is asked again.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from wxvault.services.numbers import LEASE_SECONDS
from wxvault.vault.expressions import Key, Value, is_past_its_end
from wxvault.vault.keys import due_shard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wxvault.vault.expressions import Item

SEQUENCE_GAP = 1000
"""Events that were told after the backup have numbers too; no number is told twice.

An authorizer's numbers begin with the time in seconds, so that those which were told lie below
the time of now; the gap is for numbers that are ahead of the time, as after an earlier restore.
"""

LEASE_ID = "restore"

_ACCESS = ("access_token", "access_expires_at", "access_expires_in", "stored_at")
_TROUBLES = ("attempts", "last_errcode", "refused_address")
_NEWEST = ("authorized_at", "unauthorized_at")


class Kind(StrEnum):
    """What an item is, in the words of the report."""

    AUTHORIZER = "merchants"
    PROFILE = "profiles"
    COMPONENT = "component token"
    TICKET = "tickets"
    SESSION = "sessions"
    PRE_AUTH = "pre-auth codes"
    CODE = "authorization codes"
    SEEN = "seen pushes"
    UNSENT = "unsent events"
    PASSING = "leases and verdicts"
    FOREIGN = "items of nobody here"


_BY_LETTER = {
    "S": Kind.SESSION,
    "P": Kind.PRE_AUTH,
    "X": Kind.CODE,
    "N": Kind.SEEN,
    "O": Kind.UNSENT,
}
_KEPT_IF_THERE = {Kind.TICKET, Kind.CODE, Kind.SEEN, Kind.UNSENT}
"""What stands in the table is the same, or further on."""
_ASKED_ABOUT = {Kind.AUTHORIZER, Kind.COMPONENT}
"""What goes back with a question to WeChat; everything else goes back as it is."""


def kind_of(key: Key, component_appid: str) -> Kind:
    """Say what an item is, by its key."""
    letter, _, rest = key.pk.partition("#")
    if rest.partition("#")[0] != component_appid:
        return Kind.FOREIGN
    if letter == "A":
        return Kind.PROFILE if key.sk == "PROFILE" else Kind.AUTHORIZER
    if letter == "C":
        if key.sk == "TOKEN":
            return Kind.COMPONENT
        return Kind.TICKET if key.sk.startswith("TICKET#") else Kind.PASSING
    return _BY_LETTER.get(letter, Kind.FOREIGN)


def key_of(item: Item) -> Key:
    """Return an item's key."""
    return Key(str(item["pk"]), str(item["sk"]))


def is_kept(kind: Kind, item: Item, live: Item | None, *, now: float, overwrite: bool) -> bool:
    """Say whether an item of the backup is wanted; ``live`` is what stands in its place."""
    if kind in {Kind.FOREIGN, Kind.PASSING} or is_past_its_end(item, now):
        return False
    return live is None or (overwrite and kind not in _KEPT_IF_THERE)


def is_asked_about(kind: Kind, live: Item, *, now: float) -> bool:
    """Say whether an item of a table that was itself restored is to be asked about."""
    return kind in _ASKED_ABOUT and not is_past_its_end(live, now)


def restored(
    kind: Kind, item: Item, live: Item | None, *, now: float, component_appid: str
) -> dict[str, Value]:
    """Return the attributes with which an item goes back (its key is none of them).

    ``live`` is what stands in its place and has not itself come out of a backup.

    A merchant is withheld until WeChat has said whether the authorisation lives and what its
    refresh token is; of the component, another token is bought. For the length of a lease nobody
    asks about either: a question from before may still be under way.
    """
    kept: dict[str, Value] = {
        name: value for name, value in item.items() if name not in {"pk", "sk"}
    }
    if kind not in _ASKED_ABOUT:
        return kept
    for name in _TROUBLES:
        kept.pop(name, None)
    there: Mapping[str, Value] = {} if live is None else live
    kept["fence"] = max(_whole(item, "fence"), _whole(there, "fence")) + 1
    sequence = max(_whole(item, "sequence") + SEQUENCE_GAP, int(now))
    if live is not None and _whole(there, "sequence") >= _whole(item, "sequence"):
        # Its own counter has seen every event.
        sequence = _whole(there, "sequence")
    if sequence:
        kept["sequence"] = sequence
    kept |= {
        "due_at": now,
        "due_shard": due_shard(component_appid, str(item["pk"])),
        "lease_id": LEASE_ID,
        "lease_until": now + LEASE_SECONDS,
    }
    if kind is Kind.COMPONENT:
        for name in (*_ACCESS, "sealed_key"):
            kept.pop(name, None)
        return kept | {"status": "active"}
    for name in _NEWEST:
        if newest := max(_whole(item, name), _whole(there, name)):
            kept[name] = newest
    return kept | {"verifying": True}


def _whole(item: Mapping[str, Value], name: str) -> int:
    value = item.get(name)
    return int(value) if isinstance(value, int | float) else 0
