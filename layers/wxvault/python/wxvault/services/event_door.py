"""The door of the event URL: opens what is pushed there, and hands on what is good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from wxvault.errors import MessageError
from wxvault.protocol.pushes import Push, parse_push, require_component
from wxvault.services.push_door import REFUSAL_PAUSE_SECONDS, PushDoor, PushSecret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.clock import Clock

__all__ = ["REFUSAL_PAUSE_SECONDS", "EventDoor", "PushRecord", "PushSecret"]


class PushRecord(Protocol):
    """Where the verdict on the last push is kept."""

    def note_push(self, verdict: str, *, now: float, info_type: str | None = None) -> None:
        """Write it."""


class EventDoor:
    """Opens what is pushed to the event URL, and hands on what is good."""

    def __init__(  # noqa: PLR0913 -- adapters, each named
        self,
        component_appid: str,
        secret: PushSecret,
        record: PushRecord,
        take: Callable[[Push], None],
        clock: Clock,
        *,
        max_age: float,
    ) -> None:
        self._component_appid = component_appid
        self._take = take
        self._door = PushDoor(secret, record.note_push, clock, max_age=max_age)

    def receive(self, body: bytes, query: Mapping[str, str]) -> Push:
        """Open a push and have it taken in; when this returns, it is durable.

        ``query`` has ``timestamp``, ``nonce`` and ``msg_signature``.

        Raises:
            MessageError, RequestTooLargeError: it was refused, and nothing of it was believed.
            ConfigurationError: the push secret is missing or malformed.
        """
        opened = self._door.open(body, query).opened
        try:
            push = parse_push(opened.plaintext)
            require_component(push, self._component_appid)
        except MessageError as refusal:
            self._door.refuse(refusal)
            raise
        self._take(push)
        self._door.accept(push.info_type)
        return push
