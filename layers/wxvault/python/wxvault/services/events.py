"""Telling events on the bus: what was written is told after it, and kept until the bus has it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from wxvault.errors import EventNotSentError, WxvaultError
from wxvault.services.bus_events import bus_event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wxvault.clock import Clock
    from wxvault.services.bus_events import BusEvent, UnsentKey
    from wxvault.services.state import Settled

_log = logging.getLogger(__name__)


class EventBus(Protocol):
    """What is needed of the bus."""

    def put(self, detail_type: str, detail: Mapping[str, object], /) -> bool:
        """Send one event; False: it could not be sent, which was logged."""


class UnsentEvents(Protocol):
    """Where events are kept that the bus has not."""

    def keep(self, event: BusEvent, /) -> None:
        """Keep one."""

    def forget(self, key: UnsentKey, /) -> None:
        """Delete one that the bus has."""


class Events:
    """Tells what was written, after it was written."""

    def __init__(
        self, bus: EventBus, unsent: UnsentEvents, component_appid: str, clock: Clock
    ) -> None:
        self._bus = bus
        self._unsent = unsent
        self._component_appid = component_appid
        self._clock = clock

    def tell(self, settled: Settled | None) -> None:
        """Send the events of a change that was written; nothing for one that was not.

        They were kept together with it, so whatever happens here, the sweep sends what is left.
        """
        if settled is None:
            return
        for event in settled.told:
            if not self._bus.put(event.detail_type, event.detail):
                # What follows would find the same bus, and arrive before it.
                return
            self._forget(event)

    def announce(
        self,
        detail_type: str,
        identity: str,
        data: Mapping[str, object],
        *,
        bus_works: bool = True,
    ) -> bool:
        """Send an event that is no transition; ``identity`` makes its id the same on repetition.

        What the bus does not take is kept, and the sweep sends it. Returns whether the bus has it.
        ``bus_works``: False for an event that follows one which the bus has not taken: it is kept
        at once, because whoever announces both has no time to wait for the bus twice.

        Raises:
            EventNotSentError: the bus did not take it, and it could not be kept either.
        """
        now = self._clock.now()
        event = bus_event(detail_type, identity, data, self._component_appid, now=now)
        if bus_works and self._bus.put(event.detail_type, event.detail):
            return True
        try:
            self._unsent.keep(event)
        except WxvaultError as error:
            message = f"{detail_type}: the bus did not take it, nor could it be kept ({error.code})"
            raise EventNotSentError(message) from None
        return False

    def _forget(self, event: BusEvent) -> None:
        try:
            self._unsent.forget(event.unsent_key)
        except WxvaultError as error:
            # It is sent once more, under the same id.
            extra = {"event_id": event.event_id, "problem": error.code}
            _log.warning("event sent, but still kept", extra=extra)
