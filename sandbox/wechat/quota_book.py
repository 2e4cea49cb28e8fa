"""How often each API was called today, and how often a quota was reset this month."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from sandbox.wechat.return_codes import WeChatError

if TYPE_CHECKING:
    from collections.abc import Mapping

DAILY_LIMIT: Final = 10_000
RESETS_A_MONTH: Final = 10
PATH_RESETS_A_MONTH: Final = 50
_BEIJING: Final = timedelta(hours=8)


class QuotaBook:
    """Counters of one component. Days and months are Beijing's."""

    def __init__(self) -> None:
        self._day = ""
        self._used: Counter[str] = Counter()
        self._resets: Counter[tuple[str, str]] = Counter()

    def count(self, path: str, limits: Mapping[str, int], now: float) -> None:
        """Count a call. Raises 45009 where a limit is set and used up."""
        used = self.used(path, now)
        limit = limits.get(path)
        if limit is not None and used >= limit:
            raise WeChatError(45009)
        self._used[path] += 1

    def used(self, path: str, now: float) -> int:
        """Return how often an API was called today."""
        day = f"{datetime.fromtimestamp(now, UTC) + _BEIJING:%Y-%m-%d}"
        if day != self._day:
            self._day = day
            self._used.clear()
        return self._used[path]

    def reset(self, owner: str, now: float, *, path: str = "") -> None:
        """Forget today's calls, of one API or of all. Raises 48006 when the month's are used up."""
        month = f"{datetime.fromtimestamp(now, UTC) + _BEIJING:%Y-%m}"
        most = PATH_RESETS_A_MONTH if path else RESETS_A_MONTH
        kind = (f"{owner} {'path' if path else 'all'}", month)
        if self._resets[kind] >= most:
            raise WeChatError(48006)
        self._resets[kind] += 1
        if path:
            del self._used[path]
        else:
            self._used.clear()
