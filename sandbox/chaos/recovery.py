"""After the last fault: who has to be fresh again, until when, and when it was."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sandbox.chaos.vault import unrest
from wxvault.errors import WxvaultError
from wxvault.services.numbers import LEASE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from sandbox.chaos.vault import Vault
    from wxvault.services.state import TokenState

_WORK_SECONDS: Final = 15.0
"""For two renewals one after the other (a verification and what follows it), on a busy desk."""

_CODE_SECONDS: Final = 39.0
"""A code that is nobody's yet: claimed for 24 s, due after 15 s."""


_CODE: Final = "code "


def _name(code_sha256: str) -> str:
    """Name a code among those who are waited for."""
    return f"{_CODE}{code_sha256[:12]}"


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

    def begin(self, appids: Iterable[str], changed: Container[str] = ()) -> None:
        """Note who is expected, and what stands in their way at this moment.

        ``changed`` are those who have authorised so recently that their code may be open.
        """
        now = time.time()
        for appid in appids:
            self.bounds[appid] = self._bound(
                self.vault.state(appid), now, has_code=appid in changed
            )
            self.still[appid] = "not looked at yet"
        # Whose code it is may not be known yet: whatever its exchange has changed at WeChat is
        # settled together with it.
        for code, busy_until in self.vault.open_codes().items():
            name = _name(code)
            waits = max(busy_until - now, 0.0) + LEASE_SECONDS
            self.bounds[name] = now + waits - self.began_at + self.sweep_seconds + _WORK_SECONDS
            self.still[name] = "not looked at yet"

    def _bound(self, state: TokenState | None, now: float, *, has_code: bool) -> float:
        """Return seconds: the next sweep, the lease, the back-off; whatever ends last counts."""
        ends = [self.sweep_held_until, now]
        if has_code or state is None or not state.has_refresh:
            ends.append(now + _CODE_SECONDS)
        if state is not None:
            ends += [
                now + LEASE_SECONDS if state.unresolved_mark is not None else 0.0,
                state.lease_until or 0.0,
                (state.due_at or 0.0) if state.attempts else 0.0,
            ]
        return max(ends) - self.began_at + self.sweep_seconds + _WORK_SECONDS

    def look(self) -> bool:
        """Look once; whether everybody is fresh."""
        open_codes = {_name(code) for code in self.vault.open_codes()}
        for appid in list(self.still):
            if appid.startswith(_CODE):
                self._looked(appid, "open" if appid in open_codes else "")
                continue
            try:
                state = self.vault.state(appid)
            except WxvaultError as error:
                self._looked(appid, f"not readable: {error.code}")
                continue
            self._looked(appid, "unknown here" if state is None else unrest(state, time.time()))
        return not self.still

    def _looked(self, name: str, found: str) -> None:
        if found:
            self.still[name] = found
        else:
            self.took[name] = time.time() - self.began_at
            del self.still[name]

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

    def merchants(self) -> list[str]:
        """The appids of those who are expected."""
        return [name for name in self.bounds if not name.startswith(_CODE)]

    def late(self) -> list[str]:
        """Whoever took longer than allowed, or is not fresh at all."""
        late = [
            f"{appid}: {took:.0f} s, {self.bounds[appid]:.0f} allowed"
            for appid, took in self.took.items()
            if took > self.bounds[appid]
        ]
        return late + [f"{appid}: {found}" for appid, found in self.still.items()]
