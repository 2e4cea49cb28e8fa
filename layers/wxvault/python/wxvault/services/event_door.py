"""The door of the event URL: who may come in, and the record of who was turned away."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final, Protocol

from wxvault.errors import (
    AppidMismatchError,
    BadSignatureError,
    ConfigurationError,
    MessageError,
    PushTooOldError,
    RequestTooLargeError,
    WxvaultError,
)
from wxvault.protocol.message_crypto import OpenedMessage, open_message
from wxvault.protocol.pushes import Push, parse_push, require_component

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.clock import Clock
    from wxvault.protocol.message_keys import MessageKeys

REFUSAL_PAUSE_SECONDS = 30.0
_TIMESTAMP: Final = re.compile(r"[0-9]{1,10}", re.ASCII)

_log = logging.getLogger(__name__)


class PushSecret(Protocol):
    """Tokens and EncodingAESKeys."""

    def get(self) -> MessageKeys:
        """Return them."""

    def changed(self) -> bool:
        """Read them again (rarely) and say whether they are others now."""


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
        self._secret = secret
        self._record = record
        self._take = take
        self._clock = clock
        self._max_age = max_age
        self._refusal_noted_at: float | None = None

    def receive(self, body: bytes, query: Mapping[str, str]) -> Push:
        """Open a push and have it taken in; when this returns, it is durable.

        ``query`` has ``timestamp``, ``nonce`` and ``msg_signature``.

        Raises:
            MessageError, RequestTooLargeError: it was refused, and nothing of it was believed.
            ConfigurationError: the push secret is missing or malformed.
        """
        try:
            opened = self._open(body, query)
            push = parse_push(opened.plaintext)
            require_component(push, self._component_appid)
        except (MessageError, RequestTooLargeError, ConfigurationError) as refusal:
            self._note_refusal(refusal)
            raise
        self._take(push)
        self._note("accepted", push.info_type)
        return push

    def _open(self, body: bytes, query: Mapping[str, str]) -> OpenedMessage:
        timestamp = query.get("timestamp", "")

        def attempt() -> OpenedMessage:
            return open_message(
                self._secret.get(),
                body,
                timestamp=timestamp,
                nonce=query.get("nonce", ""),
                msg_signature=query.get("msg_signature", ""),
            )

        try:
            opened = attempt()
        except AppidMismatchError:
            raise
        except MessageError as first:
            # Somebody may just have changed Token or key in WeChat's console and in the secret.
            may_be_keys = isinstance(first, BadSignatureError) or bool(query.get("msg_signature"))
            if not may_be_keys or not self._secret.changed():
                raise
            opened = attempt()
        self._check_age(timestamp)
        return opened

    def _check_age(self, timestamp: str) -> None:
        """Refuse what is too old; the timestamp is signed, so it was looked at after opening."""
        if not self._max_age:
            return
        # More digits than a time has cannot be compared, and Python refuses to read 5,000 of them.
        sound = _TIMESTAMP.fullmatch(timestamp) is not None
        if not sound or abs(self._clock.now() - int(timestamp)) > self._max_age:
            message = f"the push's timestamp is more than {self._max_age:.0f} s away"
            raise PushTooOldError(message)

    def _note_refusal(self, refusal: WxvaultError) -> None:
        """Write a refusal at most once per 30 s and environment: anybody can send rubbish."""
        now = self._clock.now()
        noted = self._refusal_noted_at
        if noted is not None and now - noted < REFUSAL_PAUSE_SECONDS:
            return
        self._refusal_noted_at = now
        self._note(refusal.code)

    def _note(self, verdict: str, info_type: str | None = None) -> None:
        """Note a verdict; if that fails, it changes nothing of what WeChat is answered."""
        try:
            self._record.note_push(verdict, now=self._clock.now(), info_type=info_type)
        except Exception as error:  # noqa: BLE001 -- whatever the table says, the verdict stands
            _log.warning("verdict not noted", extra={"problem": type(error).__name__})
