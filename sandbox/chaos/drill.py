"""One run: a load on the deployed stack, everything going wrong, and then the judge."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.chaos.judge import RefreshWatch
from sandbox.chaos.killer import Killer
from sandbox.chaos.merchants import Merchants
from sandbox.chaos.notes import Notes
from sandbox.chaos.plan import EVERYDAY, STORMS, Plan
from sandbox.chaos.readers import Readers
from sandbox.chaos.recovery import Recovery
from sandbox.chaos.vault import Vault
from sandbox.chaos.watching import Watching
from sandbox.chaos.weather import AUTHORIZER_TOKEN, Weather
from wxvault.errors import WxvaultError
from wxvault.services.state import RENEWABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sandbox.stack.progress import Progress
    from sandbox.stack.stack import LocalStack

_SIGN_OF_LIFE_SECONDS = 5.0
_WATCH_SECONDS = 4.0
_AT_ONCE = 6
# Whoever has authorised longer ago has no code that is still to be exchanged.
_CODE_LIFE_SECONDS = 90.0
# Starting a process costs a second of a core: the first wave shall not be all of a short run.
_ENVIRONMENTS = {"token": 8, "renew": 4, "callback": 2, "exchange-worker": 2, "landing": 2}
# Whom the first merchants need: on a busy desk their first calls would run out of time.
_FIRST = {"callback": 2, "exchange-worker": 2, "renew": 2}
_SETTLE_SECONDS = 120


@dataclass(slots=True)
class Drill:
    """A run on a stack that is up, with its option ``faults``; `run` does all of it."""

    stack: LocalStack
    plan: Plan
    progress: Progress
    notes: Notes = field(default_factory=Notes)
    watch: RefreshWatch = field(default_factory=RefreshWatch)
    expiries: int = 0
    component_expiries: int = 0
    seconds: float = 0.0
    """How long things went wrong."""
    ended_at: float = 0.0
    """When it was over, in unix time."""
    look_ups: int = 0
    asked: int = 0
    """Look-ups in that time, and those of them that asked the vault."""
    unheard: int = 0
    """Merchants who are here and of whom no push and no browser ever arrived."""
    ended_early: list[str] = field(default_factory=list)
    """Parts of the load that an error of their own has ended."""
    watching: Watching = field(init=False)
    merchants: Merchants = field(init=False)
    killer: Killer = field(init=False)
    vault: Vault = field(init=False)
    recovery: Recovery = field(init=False)
    _seen: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.merchants = Merchants(self.stack, self.notes, self.plan.seed)
        self.killer = Killer(
            self.stack,
            self._chance("killer"),
            self.plan.killer_pause,
            self.plan.seconds * self.plan.sweep_killed_after,
        )
        self.vault = Vault(self.stack)
        self.watching = Watching(self.look_at_refresh_tokens, _WATCH_SECONDS)

    def _chance(self, whose: str) -> Random:
        return Random(f"{self.plan.seed} {whose}")  # noqa: S311 (repeatable on purpose)

    # ---- the run --------------------------------------------------------------------------------

    def run(self) -> None:
        """Begin calmly, let everything go wrong, stop it, and wait for the recovery."""
        plan, calm, over = self.plan, threading.Event(), threading.Event()
        with self.progress.step("environments for the first merchants"):
            self._warm(_FIRST)
        with self.progress.step(f"{plan.merchants} merchants authorise while nothing goes wrong"):
            self._settle()
        with self.progress.step("environments for the load"):
            self._warm(_ENVIRONMENTS)
        readers = Readers(
            self.stack,
            self.notes,
            self.merchants.appids,
            plan.look_ups,
            plan.readers,
            plan.seed,
        ).run(over)
        self.progress.say(f"  from now on everything goes wrong, for {plan.seconds:.0f} s")
        troubles = self._troubles(calm)
        self._wait(calm, troubles)
        self.progress.say("  nothing goes wrong any more")
        try:
            self._recover()
        finally:
            over.set()
        for thread in readers:
            thread.join(20)

    def _warm(self, environments: Mapping[str, int]) -> None:
        for name, count in environments.items():
            self.stack.warm(name, count)

    def _settle(self) -> None:
        shares = [self.plan.merchants // _AT_ONCE] * _AT_ONCE
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self.merchants.settle, shares))
        deadline, missing = time.monotonic() + _SETTLE_SECONDS, self.merchants.appids()
        while missing := [appid for appid in missing if not self._is_here(appid)]:
            if time.monotonic() > deadline:
                raise TimeoutError(self._not_settled(len(missing)))
            time.sleep(0.5)

    def _is_here(self, appid: str) -> bool:
        try:
            state = self.vault.state(appid)
        except WxvaultError:
            return False
        return state is not None and state.has_access

    def _not_settled(self, missing: int) -> str:
        known = len(self.merchants.appids())
        late = Counter(line.function for line in self.stack.logs() if "Task timed out" in line.text)
        named = ", ".join(f"{name} {times} times" for name, times in late.most_common())
        pushes = Counter(push.state for push in self.stack.wechat.pushes())
        states = ", ".join(f"{number} {state}" for state, number in pushes.most_common())
        return (
            f"Nothing went wrong on purpose yet, and after {_SETTLE_SECONDS} s {known - missing} of"
            f" the first {known} merchants are there (pushes: {states or 'none'}; functions that"
            f" ran out of time: {named or 'none'}). If the machine is busy with something else, let"
            " it finish and start again."
        )

    def _troubles(self, calm: threading.Event) -> list[threading.Thread]:
        weather = Weather(
            self.stack.wechat,
            self._chance("weather"),
            self.plan.weather_pause,
            self._end_component,
        )
        for rule in EVERYDAY:
            self.stack.faults.add(rule)
        works = {
            "weather": weather.run,
            "killer": self.killer.run,
            "storms": self._storm,
            "expiries": self._age,
            "looks at the refresh tokens": self.watching.run,
        }
        started = [
            threading.Thread(target=self._until_calm, args=(name, work, calm), daemon=True)
            for name, work in works.items()
        ]
        for thread in started:
            thread.start()
        return started + self.merchants.run(_AT_ONCE, self.plan.merchants_pause, calm)

    def _wait(self, calm: threading.Event, troubles: list[threading.Thread]) -> None:
        begun = told = time.monotonic()
        before, asked_before = self.notes.look_ups, self.notes.asked
        while (gone := time.monotonic() - begun) < self.plan.seconds:
            if time.monotonic() - told >= _SIGN_OF_LIFE_SECONDS:
                told = time.monotonic()
                self.progress.say(self._sign_of_life(gone))
            time.sleep(0.2)
        self.look_ups = self.notes.look_ups - before
        self.asked = self.notes.asked - asked_before
        self.seconds = time.monotonic() - begun
        calm.set()
        self.stack.faults.clear()
        self.stack.wechat.clear_faults()
        self.ended_at = time.time()
        for thread in troubles:
            thread.join(45)
        # A kill in its patience may have left one.
        self.stack.wechat.clear_faults()

    def _sign_of_life(self, gone: float) -> str:
        injected = sum(self.stack.faults.injected().values())
        renewed = self.stack.wechat.count(AUTHORIZER_TOKEN, what="ok")
        return (
            f"  {gone:4.0f} s  {self.notes.look_ups} look-ups, "
            f"{sum(self.notes.errors.values())} with an error; {renewed} renewals; "
            f"{injected} faults at AWS; {sum(self.killer.killed.values())} processes killed; "
            f"{len(self.merchants.appids())} merchants"
        )

    # ---- troubles -------------------------------------------------------------------------------

    def _until_calm(
        self, name: str, work: Callable[[threading.Event], None], calm: threading.Event
    ) -> None:
        try:
            work(calm)
        except Exception as error:  # noqa: BLE001 (whatever it is: this part of the load is over)
            self.ended_early.append(f"{name}: {type(error).__name__} ({error})")

    def _storm(self, calm: threading.Event) -> None:
        chance = self._chance("storm")
        rules = self._round(chance)
        while not calm.wait(self.plan.storm_pause * chance.uniform(0.5, 1.0)):
            self.stack.faults.add(next(rules))

    @staticmethod
    def _round(chance: Random) -> Iterator[Any]:
        while True:
            yield from chance.sample(STORMS, len(STORMS))

    def _age(self, calm: threading.Event) -> None:
        """Bring renewals forward: of everybody in turn, and of the component token."""
        ended = self.plan.ended
        chance, owed, next_component = self._chance("age"), 0.0, time.monotonic()
        while not calm.wait(0.5):
            owed += 0.5 * self.plan.expiries
            if time.monotonic() >= next_component:
                next_component = time.monotonic() + self.plan.component_pause
                self._end_component()
            present = self.merchants.authorised()
            chance.shuffle(present)
            for merchant in present:
                if owed < 1 or calm.is_set():
                    break
                if self.vault.make_due(merchant.appid, ended=chance.random() < ended):
                    self.expiries += 1
                    owed -= 1

    def _end_component(self) -> None:
        self.component_expiries += self.vault.make_due(None)

    def look_at_refresh_tokens(self) -> None:
        """Compare what has changed in the table since the last look with what WeChat issued."""
        changed = {
            appid: item.get("generation")
            for appid, item in self.vault.items()
            if self._seen.get(appid) != item.get("generation")
        }
        states = {appid: self.vault.state(appid) for appid in changed}
        held = {appid: self.vault.refresh_hash(state) for appid, state in states.items() if state}
        # Asked for last: whatever is in the table was issued before.
        issued = self.refresh_tokens()
        for appid, state in states.items():
            if state is not None:
                needs = state.status in RENEWABLE and state.api_ability
                self.watch.saw(appid, held[appid], issued, needs_one=needs)
                self._seen[appid] = changed[appid]

    def refresh_tokens(self) -> Mapping[str, list[str]]:
        """Return WeChat's refresh tokens as hashes, oldest first, by appid."""
        return hashes_by_owner(self.stack.wechat.secrets())

    # ---- the end --------------------------------------------------------------------------------

    def _recover(self) -> None:
        sweep_held = self._sweep_held_until()
        self.recovery = Recovery(self.vault, self.plan.sweep_seconds, sweep_held, self.ended_at)
        self.merchants.release()
        self.stack.wechat.wait_idle(30)
        lately = time.monotonic() - _CODE_LIFE_SECONDS
        changed = {one.appid for one in self.merchants.all() if one.acted_at > lately}
        self.recovery.begin(self._expected(), changed)
        self.recovery.wait(self.progress.say)
        self.watching.once()
        # What came in while the look was taken is over by now.
        at_wechat = self._at_wechat()
        for appid in self.recovery.merchants():
            state = self.vault.state(appid)
            held = None if state is None else self.vault.refresh_hash(state)
            self.watch.ended(appid, held, str(at_wechat[appid]["refresh_token_sha256"]))

    def _sweep_held_until(self) -> float:
        for item in self.stack.scan_table():
            if item["sk"].get("S") == "SWEEP":
                return float(item.get("lease_until", {}).get("N", 0))
        return 0.0

    def _at_wechat(self) -> dict[str, dict[str, Any]]:
        return {merchant["appid"]: merchant for merchant in self.stack.wechat.merchants()}

    def _expected(self) -> list[str]:
        """Whoever is here by WeChat's memory, and of whom the vault can know."""
        at_wechat = self._at_wechat()
        delivered = {
            push.push_id for push in self.stack.wechat.pushes() if push.state == "delivered"
        }
        expected = []
        for merchant in self.merchants.all():
            there = at_wechat[merchant.appid]
            if not there["authorised"]:
                continue
            if there["refresh_token_sha256"] or merchant.push_id in delivered or merchant.landed:
                expected.append(merchant.appid)
            else:
                self.unheard += 1
        return expected


def hashes_by_owner(secrets: Any) -> dict[str, list[str]]:
    """Return the refresh tokens among WeChat's secrets as hashes, by appid, oldest first."""
    found: dict[str, list[str]] = {}
    for secret in secrets:
        if secret.kind == "authorizer_refresh_token" and secret.authorizer_appid:
            value = hashlib.sha256(secret.value.encode()).hexdigest()
            found.setdefault(secret.authorizer_appid, []).append(value)
    return found
