"""Ends processes of functions in the middle of their work."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sandbox.chaos.weather import AUTHORIZER_TOKEN, QUERY_AUTH
from sandbox.stack.observe import NotSeenError

if TYPE_CHECKING:
    import threading
    from random import Random

    from sandbox.stack.stack import LocalStack

# Whom it meets: as often as they stand here, in every round. Who reads a secret does so when it is
# new, so that those faults need deaths most.
_VICTIMS: Final = (
    *("renew", "renew", "renew", "callback", "callback", "callback", "callback", "callback"),
    *("token", "exchange-worker", "landing", "launch", "sessions"),
)
_AT_WECHAT: Final = {"renew": AUTHORIZER_TOKEN, "exchange-worker": QUERY_AUTH}
_HELD_SECONDS: Final = 3
_PATIENCE_SECONDS: Final = 6


@dataclass(slots=True)
class Killer:
    """Kills every ``pause`` seconds; every third time one whose call is at WeChat just then."""

    stack: LocalStack
    chance: Random
    pause: float
    sweep_after: float
    """When the sweep is killed, once: its lease then keeps the next ones away for 58 s, which is a
    round of its schedule on AWS and many of a faster one here."""
    killed: Counter[str] = field(default_factory=Counter)
    """Environments killed, by function."""
    at_wechat: int = 0
    """How often WeChat had a call of that function, executed and not yet answered."""

    def run(self, stop: threading.Event) -> None:
        """Until ``stop`` is set."""
        turn, round_, sweep_at = 0, list[str](), time.monotonic() + self.sweep_after
        while not stop.wait(self.pause * self.chance.uniform(0.5, 1.5)):
            turn += 1
            if time.monotonic() >= sweep_at and self._kill("sweep", None):
                sweep_at = float("inf")
            elif turn % 3 == 0:
                self._kill_at_wechat(stop)
            else:
                round_ = round_ or self.chance.sample(_VICTIMS, len(_VICTIMS))
                self._kill(round_.pop(), self.chance.choice((1, 2, 2)))

    def _kill(self, name: str, most: int | None) -> int:
        try:
            found = self.stack.kill_environments(name, most=most)
        except NotSeenError:
            return 0
        self.killed[name] += found
        return found

    def _kill_at_wechat(self, stop: threading.Event) -> None:
        name = self.chance.choice(("renew", "renew", "exchange-worker"))
        fault = self.stack.wechat.add_fault(
            "slow", _AT_WECHAT[name], seconds=_HELD_SECONDS, executed=True
        )
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while any(waiting["id"] == fault for waiting in self.stack.wechat.faults()):
            if time.monotonic() > deadline or stop.wait(0.1):
                return
        if self._kill(name, 2):
            self.at_wechat += 1
