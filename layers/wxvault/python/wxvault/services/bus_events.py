"""Events as the bus gets them: versioned, with a stable id, within the bus's size, no secrets."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wxvault.services.numbers import LARGEST_DETAIL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wxvault.services.state import TokenChange, TokenState

VERSION: Final = "1"

_NEVER_LEFT_OUT = frozenset(
    {
        "version",
        "event_id",
        "component_appid",
        "occurred_at",
        "authorizer_appid",
        "tenant_id",
        "sequence",
        "status",
    }
)


@dataclass(frozen=True, slots=True)
class UnsentKey:
    """Where an event is kept that the bus has not: an authorizer or ``-``, and a name there."""

    subject: str
    name: str


@dataclass(frozen=True, slots=True)
class BusEvent:
    """One event, complete."""

    detail_type: str
    """Its name: ``authorizer.authorized``."""
    detail: Mapping[str, object] = field(repr=False)
    """A JSON object; merchants' messages are in some, so it is not for logs."""

    @property
    def event_id(self) -> str:
        """What it is known by, however often it is sent."""
        return str(self.detail["event_id"])

    @property
    def unsent_key(self) -> UnsentKey:
        """Where it is kept: a transition by its sequence, everything else by its id."""
        sequence = self.detail.get("sequence")
        if not isinstance(sequence, int):
            return UnsentKey("-", self.event_id)
        return UnsentKey(str(self.detail.get("authorizer_appid", "-")), f"{sequence:012d}")


def transitions(
    before: TokenState, change: TokenChange, component_appid: str, *, now: float
) -> tuple[BusEvent, ...]:
    """Return the events of a change, numbered on from what stood there before it.

    Each has the state after the change, so that the newest alone tells what is so: whoever gets
    events in another order needs no older one.
    """
    appid = before.authorizer_appid
    subject = "component" if appid is None else "authorizer"
    told = []
    for number, event in enumerate(change.events, start=1):
        sequence = before.sequence + number
        data: dict[str, object] = {
            **event.data,
            "sequence": sequence,
            "status": str(change.status),
        }
        if appid is None:
            data["ticket_stale"] = change.ticket_stale_at is not None
        else:
            data["authorizer_appid"] = appid
            data["tenant_id"] = change.tenant_id
        detail_type, identity = f"{subject}.{event.detail_type}", f"{appid or ''}#{sequence}"
        told.append(bus_event(detail_type, identity, data, component_appid, now=now))
    return tuple(told)


def bus_event(
    detail_type: str,
    identity: str,
    data: Mapping[str, object],
    component_appid: str,
    *,
    now: float,
) -> BusEvent:
    """Return an event; the same component, type and ``identity`` make the same ``event_id``.

    What the bus would not take for its size goes without its largest fields: they are ``null``, and
    ``left_out`` names them.
    """
    text = f"{component_appid}#{detail_type}#{identity}"
    detail: dict[str, object] = {
        "version": VERSION,
        "event_id": hashlib.sha256(text.encode()).hexdigest()[:32],
        "component_appid": component_appid,
        "occurred_at": now,
        **data,
    }
    return BusEvent(detail_type, _fitted(detail))


def as_json(value: object) -> str:
    """Return a value as the bus gets it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # Half a character, as JSON can spell one, is nothing that can be sent.
    return text.encode(errors="replace").decode()


def _fitted(detail: dict[str, object]) -> dict[str, object]:
    left_out: list[str] = []
    while _size(detail) > LARGEST_DETAIL:
        largest = max(detail.keys() - _NEVER_LEFT_OUT, key=lambda name: _size(detail[name]))
        left_out.append(largest)
        detail = {**detail, largest: None, "left_out": sorted(left_out)}
    return detail


def _size(value: object) -> int:
    return len(as_json(value).encode())
