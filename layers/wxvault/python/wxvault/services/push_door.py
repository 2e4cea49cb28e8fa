"""The door of both of WeChat's URLs: who may come in, and the record of who was turned away."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
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

if TYPE_CHECKING:
    from collections.abc import Mapping

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


class Note(Protocol):
    """Writes the verdict on a push down."""

    def __call__(self, verdict: str, *, now: float, info_type: str | None = None) -> None:
        """Write it."""


@dataclass(frozen=True, slots=True)
class OpenedPush:
    """What came in, and the keys of which one fitted: a reply is sealed with the same."""

    opened: OpenedMessage
    keys: MessageKeys = field(repr=False)


class PushDoor:
    """Opens what is pushed to one URL; nothing is believed before it is open."""

    def __init__(  # noqa: PLR0913 -- adapters, each named
        self,
        secret: PushSecret,
        note: Note,
        clock: Clock,
        *,
        max_age: float,
        json_too: bool = False,
        accepted_pause: float = 0.0,
    ) -> None:
        """Take what checks and notes pushes.

        ``accepted_pause``: seconds between two notes of what was taken, where much comes in.
        """
        self._secret = secret
        self._note = note
        self._clock = clock
        self._max_age = max_age
        self._json_too = json_too
        self._accepted_pause = accepted_pause
        self._refusal_noted_at: float | None = None
        self._accepted_noted_at: float | None = None

    def open(self, body: bytes, query: Mapping[str, str]) -> OpenedPush:
        """Check and decrypt a push; ``query`` has timestamp, nonce and msg_signature.

        Raises:
            MessageError, RequestTooLargeError: it was refused, which is noted.
            ConfigurationError: the push secret is missing or malformed; noted too.
        """
        try:
            return self._open(body, query)
        except (MessageError, RequestTooLargeError, ConfigurationError) as refusal:
            self.refuse(refusal)
            raise

    def _open(self, body: bytes, query: Mapping[str, str]) -> OpenedPush:
        timestamp = query.get("timestamp", "")

        def attempt() -> OpenedPush:
            keys = self._secret.get()
            opened = open_message(
                keys,
                body,
                timestamp=timestamp,
                nonce=query.get("nonce", ""),
                msg_signature=query.get("msg_signature", ""),
                json_too=self._json_too,
            )
            return OpenedPush(opened, keys)

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

    def refuse(self, refusal: WxvaultError) -> None:
        """Note a refusal at most once per 30 s and environment: anybody can send rubbish."""
        now = self._clock.now()
        noted = self._refusal_noted_at
        if noted is not None and now - noted < REFUSAL_PAUSE_SECONDS:
            return
        self._refusal_noted_at = now
        self._write(refusal.code)

    def accept(self, info_type: str | None = None) -> None:
        """Note that a push was taken."""
        now, noted = self._clock.now(), self._accepted_noted_at
        if noted is not None and now - noted < self._accepted_pause:
            return
        self._accepted_noted_at = now
        self._write("accepted", info_type)

    def _write(self, verdict: str, info_type: str | None = None) -> None:
        """Note a verdict; if that fails, it changes nothing of what WeChat is answered."""
        try:
            self._note(verdict, now=self._clock.now(), info_type=info_type)
        except Exception as error:  # noqa: BLE001 -- whatever the table says, the verdict stands
            _log.warning("verdict not noted", extra={"problem": type(error).__name__})
