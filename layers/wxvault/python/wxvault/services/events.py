"""Telling transitions on the bus: versioned, with a stable id and a sequence, without secrets."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol

from wxvault.errors import EventNotSentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wxvault.clock import Clock
    from wxvault.services.state import Settled

VERSION = "1"


class EventBus(Protocol):
    """What is needed of the bus."""

    def put(self, detail_type: str, detail: Mapping[str, object], /) -> bool:
        """Send one event; False: it could not be sent, which was logged."""


class Events:
    """Tells what was written, after it was written."""

    def __init__(self, bus: EventBus, component_appid: str, clock: Clock) -> None:
        self._bus = bus
        self._component_appid = component_appid
        self._clock = clock

    def tell(self, settled: Settled | None) -> None:
        """Send the events of a change that was written; nothing for one that was not."""
        if settled is None:
            return
        appid = settled.before.authorizer_appid
        subject = "component" if appid is None else "authorizer"
        for number, event in enumerate(settled.change.events, start=1):
            sequence = settled.before.sequence + number
            detail: dict[str, object] = {
                "tenant_id": settled.change.tenant_id,
                **event.data,
                "sequence": sequence,
            }
            if appid is None:
                del detail["tenant_id"]
            else:
                detail["authorizer_appid"] = appid
            identity = f"{appid or ''}#{sequence}"
            self._put(f"{subject}.{event.detail_type}", identity, detail)

    def announce(self, detail_type: str, identity: str, data: Mapping[str, object]) -> None:
        """Send an event that is no transition; ``identity`` makes its id the same on repetition.

        Raises:
            EventNotSentError: the bus did not take it, and it stands nowhere else.
        """
        if not self._put(detail_type, identity, data):
            message = f"{detail_type}: the bus did not take it"
            raise EventNotSentError(message)

    def _put(self, detail_type: str, identity: str, data: Mapping[str, object]) -> bool:
        text = f"{self._component_appid}#{detail_type}#{identity}"
        detail = {
            "version": VERSION,
            "event_id": hashlib.sha256(text.encode()).hexdigest()[:32],
            "component_appid": self._component_appid,
            "occurred_at": self._clock.now(),
            **data,
        }
        return self._bus.put(detail_type, detail)
