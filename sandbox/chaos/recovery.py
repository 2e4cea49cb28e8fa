"""After the last fault: who has to be fresh again, until when, and when it was."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sandbox.chaos.vault import unrest
from wxvault.services.numbers import LEASE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.chaos.vault import Vault
    from wxvault.services.state import TokenState

_WORK_SECONDS: Final = 15.0
"""For two renewals one after the other (a verification and what follows it), on a busy desk."""

_CODE_SECONDS: Final = 39.0
"""A code that is nobody's yet: claimed for 24 s, due after 15 s."""


@dataclass(slots=True)
class Recovery:
    """Waits for merchants to be fresh, each within one sweep and its own back-off."""

    vault: Vault
    sweep_seconds: float
    sweep_held_until: float
    """Until when a sweep that was killed excludes the next one; unix time."""
    began_at: float
    """When the last fault was over; unix time."""
    took: dict[str, float] = field(default_factory=dict)
    """Seconds until each was fresh."""
    bounds: dict[str, float] = field(default_factory=dict)
    still: dict[str, str] = field(default_factory=dict)
    """What is the matter with those who are not fresh yet."""

    def begin(self, appids: Iterable[str]) -> None:
        """Note who is expected, and what stands in their way at this moment."""
        now = time.time()
        for appid in appids:
            self.bounds[appid] = self._bound(self.vault.state(appid), now)
            self.still[appid] = "not looked at yet"

    def _bound(self, state: TokenState | None, now: float) -> float:
        """Return seconds: the next sweep, the lease, the back-off; whatever ends last counts."""
        ends = [self.sweep_held_until, now]
        if state is None or not state.has_refresh:
            ends.append(now + _CODE_SECONDS)
        else:
            ends += [
                now + LEASE_SECONDS if state.unresolved_mark is not None else 0.0,
                state.lease_until or 0.0,
                (state.due_at or 0.0) if state.attempts else 0.0,
            ]
        return max(ends) - self.began_at + self.sweep_seconds + _WORK_SECONDS

    def look(self) -> bool:
        """Look once; whether everybody is fresh."""
        for appid in list(self.still):
            state = self.vault.state(appid)
            now = time.time()
            found = "unknown here" if state is None else unrest(state, now)
            if found:
                self.still[appid] = found
            else:
                self.took[appid] = now - self.began_at
                del self.still[appid]
        return not self.still

    def wait(self, say: Callable[[str], None]) -> None:
        """Look every second until everybody is fresh, or a good while after the last bound."""
        told = time.monotonic()
        while not self.look():
            if time.time() - self.began_at > max(self.bounds.values(), default=0) + 30:
                return
            if time.monotonic() - told > 5:  # noqa: PLR2004 (a sign of life)
                told = time.monotonic()
                say(f"  recovering: {len(self.took)} fresh, {len(self.still)} not yet")
            time.sleep(1)

    def late(self) -> list[str]:
        """Whoever took longer than allowed, or is not fresh at all."""
        late = [
            f"{appid}: {took:.0f} s, {self.bounds[appid]:.0f} allowed"
            for appid, took in self.took.items()
            if took > self.bounds[appid]
        ]
        return late + [f"{appid}: {found}" for appid, found in self.still.items()]
