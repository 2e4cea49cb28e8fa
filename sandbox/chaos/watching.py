"""Somebody who looks again and again, and knows how often it has seen anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from wxvault.errors import WxvaultError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable


@dataclass(slots=True)
class Watching:
    """Takes a look every ``pause`` seconds; a look that fails is counted, and is not the last."""

    look: Callable[[], None]
    pause: float
    looks: int = 0
    failed: int = 0

    def run(self, stop: threading.Event) -> None:
        """Until ``stop`` is set."""
        while not stop.wait(self.pause):
            self.once()

    def once(self) -> None:
        """Take one look."""
        try:
            self.look()
        # The vault's own adapters read here: what they say is an error of the vault.
        except (BotoCoreError, ClientError, WxvaultError):
            self.failed += 1
        else:
            self.looks += 1
