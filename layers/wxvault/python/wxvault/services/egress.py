"""The address from which this deployment reaches WeChat, as WeChat sees it.

WeChat names it where it refuses one that is not on the platform's list. Where all is well it names
it only on demand: every refusal has a request id, and what WeChat remembers of that request has the
caller's address. So one harmless call is made that must be refused, and its id is looked up.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from wxvault.errors import WeChatError, WeChatRefusedError
from wxvault.protocol.return_codes import ADDRESS_REFUSED
from wxvault.services.tools import refused_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from wxvault.clock import Clock

PROBE_PAUSE_SECONDS = 300.0
"""Each probe is two calls out of a daily quota."""


class NamesAddress(Protocol):
    """WeChat, as far as this goes."""

    def caller_address(self, component_token: str, /) -> str | None:
        """Return the caller's address as WeChat saw it; None: it did not say."""


@dataclass(frozen=True, slots=True)
class Egress:
    """What is known of it."""

    address: str | None
    listed: bool | None
    """Whether WeChat accepts it; None: nobody could ask."""
    asked_at: float | None


class EgressProbe:
    """Asks WeChat at most once in five minutes and environment."""

    def __init__(
        self, wechat: NamesAddress, component_token: Callable[[], str | None], clock: Clock
    ) -> None:
        self._wechat = wechat
        self._component_token = component_token
        self._clock = clock
        self._lock = threading.Lock()
        self._known: Egress | None = None

    def look(self) -> Egress:
        """Return what is known, asked anew if it is older than five minutes."""
        with self._lock:
            now, known = self._clock.now(), self._known
            if known is not None and known.asked_at is not None:
                age = now - known.asked_at
                if 0 <= age < PROBE_PAUSE_SECONDS:
                    return known
            self._known = self._ask(now)
            return self._known

    def _ask(self, now: float) -> Egress:
        token = self._component_token()
        if token is None:
            return Egress(None, None, None)
        try:
            return Egress(self._wechat.caller_address(token), listed=True, asked_at=now)
        except WeChatRefusedError as refusal:
            refused = refusal.wechat_errcode in ADDRESS_REFUSED
            return Egress(refused_address(refusal), listed=not refused, asked_at=now)
        except WeChatError:
            return Egress(None, None, now)
