"""Merchants who come, change what they grant, go, and come back, whatever happens meanwhile."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Final

from sandbox.stack.journey.facts import StepFailedError
from sandbox.stack.journey.merchant import visit
from sandbox.wechat.control_client import Confirmation, ControlError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.chaos.notes import Notes
    from sandbox.stack.stack import LocalStack

ORDERS: Final = ("push", "push first", "both at once", "redirect first")
"""How the news of a grant arrives: the merchant may also close the browser before it returns."""

# CreateTime has whole seconds: a grant and a cancellation in the same one cannot be told apart.
_APART_SECONDS: Final = 2.2
_TENANTS: Final = 5
_TRIES: Final = 3
_LATE_SECONDS: Final = (0.5, 6.0)
_SETS: Final = ((1,), (1, 2), (1, 2, 3), (1, 3, 4), (2, 4))


@dataclass(slots=True)
class Merchant:
    """One account; ``lock`` is held by whoever acts for it."""

    appid: str
    authorised: bool = False
    acted_at: float = 0.0
    landed: bool = False
    push_id: str | None = None
    """The push of its newest grant."""
    sets: tuple[int, ...] = ()
    """What it grants. WeChat pushes no grant that changes nothing; if then the answer to the
    exchange is lost, nobody can know whose code it was: the one case without a promise."""
    lock: threading.Lock = field(default_factory=threading.Lock)


class Merchants:
    """All accounts of a run, and what they do."""

    def __init__(self, stack: LocalStack, notes: Notes, seed: int) -> None:
        self._stack = stack
        self._notes = notes
        self._seed = seed
        self._lock = threading.Lock()
        self._known: dict[str, Merchant] = {}
        self._held: list[tuple[float, str]] = []

    def all(self) -> list[Merchant]:
        """Everybody who ever came."""
        with self._lock:
            return list(self._known.values())

    def appids(self) -> list[str]:
        """Their appids, those of former merchants too."""
        with self._lock:
            return list(self._known)

    def authorised(self) -> list[Merchant]:
        """Those who are here at the moment."""
        return [merchant for merchant in self.all() if merchant.authorised]

    # ---- what they do ---------------------------------------------------------------------------

    def settle(self, count: int) -> None:
        """Let so many be there before anything goes wrong: their pushes are taken first."""
        for _ in range(count):
            merchant = self._new()
            with merchant.lock:
                self._granted(merchant, self._stack.wechat.confirm(merchant.appid, push="first"))

    def act(self, chance: Random) -> None:
        """Let somebody do something."""
        what = chance.choices(("join", "change", "leave", "return"), (30, 35, 15, 20))[0]
        actions: dict[str, Callable[[Random], bool]] = {
            "join": self._join,
            "change": self._change,
            "leave": self._leave,
            "return": self._return,
        }
        if not actions[what](chance):
            self._join(chance)

    def run(self, threads: int, pause: float, stop: threading.Event) -> list[threading.Thread]:
        """Start; somebody acts every ``pause`` seconds until ``stop`` is set."""

        def live(number: int) -> None:
            chance = Random(f"{self._seed} merchants {number}")  # noqa: S311 (repeatable)
            while not stop.wait(pause * threads * chance.uniform(0.5, 1.5)):
                try:
                    self.act(chance)
                except (StepFailedError, ControlError, OSError) as error:
                    # A person would try again later; WeChat's page may have expired meanwhile.
                    self._notes.count(f"given up: {type(error).__name__}")

        started = [
            threading.Thread(target=live, args=(number,), daemon=True) for number in range(threads)
        ]
        started.append(threading.Thread(target=self._release_late, args=(stop,), daemon=True))
        for thread in started:
            thread.start()
        return started

    def _join(self, chance: Random) -> bool:
        merchant = self._new()
        with merchant.lock:
            self._authorise(merchant, chance)
        self._notes.count("joins")
        return True

    def _change(self, chance: Random) -> bool:
        merchant = self._somebody(chance, authorised=True)
        if merchant is None:
            return False
        try:
            self._authorise(merchant, chance)
        finally:
            merchant.lock.release()
        self._notes.count("changes")
        return True

    def _return(self, chance: Random) -> bool:
        merchant = self._somebody(chance, authorised=False)
        if merchant is None:
            return False
        try:
            self._authorise(merchant, chance)
        finally:
            merchant.lock.release()
        self._notes.count("returns")
        return True

    def _leave(self, chance: Random) -> bool:
        merchant = self._somebody(chance, authorised=True)
        if merchant is None:
            return False
        try:
            self._stack.wechat.cancel(merchant.appid)
            merchant.authorised, merchant.acted_at = False, time.monotonic()
        finally:
            merchant.lock.release()
        self._notes.count("leaves")
        return True

    # ---- one authorisation ----------------------------------------------------------------------

    def _authorise(self, merchant: Merchant, chance: Random) -> None:
        order = chance.choice(ORDERS)
        sets = chance.choice([offered for offered in _SETS if offered != merchant.sets])
        if order == "push":
            confirmation = self._stack.wechat.confirm(merchant.appid, func_ids=sets)
            self._granted(merchant, confirmation, sets)
            self._notes.count(f"authorised, {order}")
            return
        tenant = f"tenant-{int(merchant.appid[-1], 16) % _TENANTS}"
        trip = self._again(lambda: self._launched(tenant))
        push = {"push first": "first", "redirect first": "hold"}.get(order, "now")
        confirmation = trip.confirm(merchant.appid, func_ids=sets, push=push)
        self._granted(merchant, confirmation, sets)
        if push == "hold" and confirmation.push_id is not None:
            with self._lock:
                late = time.monotonic() + chance.uniform(*_LATE_SECONDS)
                self._held.append((late, confirmation.push_id))
        self._again(lambda: self._landed(trip, confirmation))
        merchant.landed = True
        self._notes.count(f"authorised, {order}")

    def _launched(self, tenant: str) -> Any:
        trip = visit(self._stack, self._stack.roles.caller_for_tenant(tenant), tenant, style="pc")
        trip.launch()
        return trip

    @staticmethod
    def _landed(trip: Any, confirmation: Confirmation) -> None:
        answer = trip.land(confirmation)
        if answer.status >= 500:  # noqa: PLR2004 (the browser shows an error: reload)
            raise StepFailedError(f"the landing was answered with {answer.status}")

    @staticmethod
    def _again[T](attempt: Callable[[], T]) -> T:
        for _ in range(_TRIES - 1):
            try:
                return attempt()
            except (StepFailedError, OSError):
                time.sleep(1)
        return attempt()

    @staticmethod
    def _granted(
        merchant: Merchant, confirmation: Confirmation, sets: tuple[int, ...] = ()
    ) -> None:
        merchant.sets = sets
        merchant.authorised, merchant.acted_at = True, time.monotonic()
        if confirmation.push_id is not None:
            merchant.push_id, merchant.landed = confirmation.push_id, False

    def _release_late(self, stop: threading.Event) -> None:
        while not stop.wait(0.2):
            self.release(before=time.monotonic())

    def release(self, before: float = float("inf")) -> None:
        """Let the held pushes go whose time has come; without a time all of them."""
        with self._lock:
            going = [push for at, push in self._held if at <= before]
            self._held = [(at, push) for at, push in self._held if at > before]
        for push in going:
            self._stack.wechat.release_push(push)

    # ---- who ------------------------------------------------------------------------------------

    def _new(self) -> Merchant:
        merchant = Merchant(str(self._stack.wechat.add_merchant()["appid"]))
        with self._lock:
            self._known[merchant.appid] = merchant
        return merchant

    def _somebody(self, chance: Random, *, authorised: bool) -> Merchant | None:
        """Return a merchant who is free, with the lock held; None when there is nobody."""
        found = [one for one in self.all() if one.authorised is authorised and one.acted_at]
        chance.shuffle(found)
        for merchant in found[:8]:
            rested = time.monotonic() - merchant.acted_at > _APART_SECONDS
            if rested and merchant.lock.acquire(blocking=False):
                if merchant.authorised is authorised:
                    return merchant
                merchant.lock.release()
        return None
