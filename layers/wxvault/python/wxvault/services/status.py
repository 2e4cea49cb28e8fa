"""How a deployment stands, part by part; a part that fails says so and leaves the others alone.

No part tells a secret, and none of them changes anything, but for one: while no ticket comes,
WeChat is asked for its pushes, because whoever looks may just have mended what kept them away.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from wxvault.errors import WxvaultError
from wxvault.services.next_step import next_step
from wxvault.services.numbers import OVERDUE_SECONDS
from wxvault.services.policy import is_servable
from wxvault.services.tickets import is_stale

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.clock import Clock
    from wxvault.services.egress import EgressProbe
    from wxvault.services.last_push import LastPush
    from wxvault.services.ports import Tokens

STATUS_SECONDS = 20.0
"""What has not answered by then is left out."""
COUNTED_FOR_SECONDS = 60.0
START_AGAIN_SECONDS = 60.0
"""While no ticket comes, an environment asks for the pushes at most so often."""


class Census(Protocol):
    """Counts what is in the table, by its indexes."""

    def authorizers(self) -> Mapping[str, int]:
        """Return how many there are by status, and ``unassigned``."""

    def due_before(self, until: float) -> Mapping[str, int]:
        """Return how many ``authorizers``, ``codes`` and ``events`` are due since before then."""


@dataclass(frozen=True, slots=True)
class Place:
    """What does not change while a function runs."""

    component_appid: str
    public_base_url: str
    egress_address: str | None
    """The deployment's own fixed address, if it has one."""

    def console(self) -> dict[str, Any]:
        """Return what is to be pasted into WeChat's console."""
        base = self.public_base_url
        return {
            "ip_list": self.egress_address,
            "start_page_domain": base.partition("://")[2].partition(":")[0],
            "events_url": f"{base}/wechat/events",
            "messages_url": f"{base}/wechat/$APPID$/messages",
        }


class Status:
    """Gathers the parts, each in a thread of its own, within a time."""

    def __init__(  # noqa: PLR0913 -- adapters, each named
        self,
        place: Place,
        *,
        tokens: Tokens,
        last_push: Callable[[], LastPush],
        start_pushes: Callable[[], None],
        egress: EgressProbe,
        census: Census,
        queues: Mapping[str, Callable[[], int]],
        clock: Clock,
        overlap: float,
        seconds: float = STATUS_SECONDS,
    ) -> None:
        self._place = place
        self._tokens = tokens
        self._last_push = last_push
        self._start_pushes = start_pushes
        self._egress = egress
        self._census = census
        self._queues = queues
        self._clock = clock
        self._overlap = overlap
        self._seconds = seconds
        self._lock = threading.Lock()
        self._started_at: float | None = None
        self._counted: tuple[float, dict[str, int]] | None = None

    def look(self) -> dict[str, Any]:
        """Return how everything stands, and the next step in words."""
        parts: dict[str, Callable[[], Mapping[str, Any]]] = {
            "pushes": self._pushes,
            "component_token": self._component_token,
            "egress": self._egress_address,
            "authorizers": self._authorizers,
            "due": self._due,
            "queues": self._queue_depths,
        }
        told = _gathered(parts, self._seconds)
        report: dict[str, Any] = {
            "component_appid": self._place.component_appid,
            "base_url": self._place.public_base_url,
            "at": self._clock.now(),
            "console": self._place.console(),
            **told,
        }
        return report | {"next_step": next_step(report).told()}

    # --- the parts -------------------------------------------------------------------------------

    def _pushes(self) -> dict[str, Any]:
        """Tell of the last push, the last ticket, and what WeChat said when asked to start."""
        now, push = self._clock.now(), self._last_push()
        if is_stale(push.ticket_at, now) and self._may_start(now):
            self._start_pushes()
            push = self._last_push()
        return {
            "last_at": push.at,
            "last_verdict": push.verdict,
            "last_accepted_at": push.accepted_at,
            "last_accepted": push.info_type,
            "last_refused_at": push.refused_at,
            "last_refused_verdict": push.refused_verdict,
            "ticket_at": push.ticket_at,
            "ticket_age": None if push.ticket_at is None else round(now - push.ticket_at),
            "ticket_is_stale": is_stale(push.ticket_at, now),
            "start": {
                "asked_at": push.start_asked_at,
                "outcome": push.start_outcome,
                "wechat_errcode": push.start_errcode,
                "refused_address": push.start_address,
            },
        }

    def _may_start(self, now: float) -> bool:
        with self._lock:
            last = self._started_at
            if last is not None and 0 <= now - last < START_AGAIN_SECONDS:
                return False
            self._started_at = now
            return True

    def _component_token(self) -> dict[str, Any]:
        state, now = self._tokens.get(None), self._clock.now()
        if state is None:
            return {"status": "none", "servable": False}
        ends = state.access_expires_at
        return {
            "status": str(state.status),
            "servable": is_servable(state, now, overlap=self._overlap),
            "expires_in": None if ends is None else round(ends - now),
            "due_in": None if state.due_at is None else round(state.due_at - now),
            "attempts": state.attempts,
            "failing_reason": state.failing_reason,
            "wechat_errcode": state.last_errcode,
            "refused_address": state.refused_address,
        }

    def _egress_address(self) -> dict[str, Any]:
        found = self._egress.look()
        return {
            "expected": self._place.egress_address,
            "seen": found.address,
            "listed": found.listed,
            "asked_at": found.asked_at,
        }

    def _authorizers(self) -> dict[str, Any]:
        """Count them; the count is kept for a minute."""
        now = self._clock.now()
        with self._lock:
            counted = self._counted
        if counted is None or not 0 <= now - counted[0] < COUNTED_FOR_SECONDS:
            counted = (now, dict(self._census.authorizers()))
            with self._lock:
                self._counted = counted
        by_status = dict(counted[1])
        unassigned = by_status.pop("unassigned", 0)
        return {
            "total": sum(by_status.values()),
            "by_status": by_status,
            "unassigned": unassigned,
        }

    def _due(self) -> dict[str, Any]:
        found = self._census.due_before(self._clock.now() - OVERDUE_SECONDS)
        return {
            "overdue_authorizers": found.get("authorizers", 0),
            "overdue_codes": found.get("codes", 0),
            "unsent_events": found.get("events", 0),
        }

    def _queue_depths(self) -> dict[str, Any]:
        return {name: depth() for name, depth in self._queues.items()}


def _gathered(
    parts: Mapping[str, Callable[[], Mapping[str, Any]]], seconds: float
) -> dict[str, Any]:
    """Read all parts at once; what fails or is late is told as an error in its place."""
    threads = ThreadPoolExecutor(max_workers=len(parts), thread_name_prefix="status")
    asked = {name: threads.submit(read) for name, read in parts.items()}
    wait(asked.values(), timeout=seconds)
    # What hangs ends by time-outs of its own; nobody waits for it.
    threads.shutdown(wait=False, cancel_futures=True)
    told: dict[str, Any] = {}
    for name, future in asked.items():
        if not future.done() or future.cancelled():
            told[name] = _failed("timed_out", f"no answer within {seconds:.0f} s")
            continue
        error = future.exception()
        if error is None:
            told[name] = future.result()
        elif isinstance(error, WxvaultError):
            told[name] = _failed(error.code, error.message, error.remedy)
        else:
            # Its text may hold anything.
            told[name] = _failed("internal", type(error).__name__)
    return told


def _failed(code: str, message: str, remedy: str | None = None) -> dict[str, Any]:
    default = WxvaultError.default_remedy
    return {"error": {"code": code, "message": message, "remedy": remedy or default}}
