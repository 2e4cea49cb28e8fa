"""A whole wxvault on a stage: callback, workers, look-ups, sweeps, everybody an actor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.house import COMPONENT, FakeQueue, House
from tests.simulation.stage import START, Actor, Stage, StageClock
from tests.simulation.steps import (
    Chances,
    ClearSealing,
    SteppedBus,
    SteppedQueue,
    SteppedTable,
    SteppedWeChat,
    TrueClock,
)
from wxvault.errors import RenewalFailingError, WxvaultError
from wxvault.protocol.pushes import Authorized, Unauthorized
from wxvault.services.onboarding_state import Code, Session
from wxvault.services.outcome import Outcome
from wxvault.services.tools import token_sha256

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fakes.memory_table import MemoryTable
    from wxvault.protocol.pushes import Push
    from wxvault.vault.expressions import Item, Key

REDELIVERED_SECONDS = 150.0
RECEIVED_AT_MOST = 5


class World(House):
    """A house in which everybody is an actor."""

    def __init__(
        self, seed: int, *, trace: bool = False, life: int = 7200, overlap: float = 300.0
    ) -> None:
        self.stage = Stage(seed)
        self.chances = Chances()
        self.faults: dict[str, int] = {}
        self.tracing = trace
        self.accepted: dict[str, float] = {}
        """When the push of a code was accepted."""
        self.told: dict[str, list[tuple[float, int]]] = {}
        """Per appid, when a push was accepted, and its CreateTime."""
        wechat = SteppedWeChat(TrueClock(self.stage), COMPONENT, life=life, overlap=overlap)
        wechat.world = self
        self.table: MemoryTable = SteppedTable(self)
        super().__init__(
            seed=seed,
            clock=StageClock(self.stage, patience=6),
            table=self.table,
            wechat=wechat,
            sealing=ClearSealing(self),
            bus=SteppedBus(world=self),
        )

    # --- steps -----------------------------------------------------------------------------------

    def step(self, what: str, key: Key | None) -> None:
        """Come to a step; it is done when this returns."""
        if self.stage.current is None:
            return
        self.stage.pause(self.latency(0.003, 0.3))
        if self.happens(self.chances.slow):
            self.count("slow step")
            self.stage.pause(self.stage.random.uniform(0.5, 12))
        if self.happens(self.chances.crash / 2):
            self.crash(f"before {what}")
        if self.tracing:
            self.say(what, key.pk[:1] + key.sk if key else "")

    def stepped(self, what: str, key: Key | None) -> None:
        """Leave a step that was done."""
        if self.stage.current is None:
            return
        if self.happens(self.chances.slow):
            self.count("slow step")
            self.stage.pause(self.stage.random.uniform(0.5, 12))
        if self.happens(self.chances.crash / 2):
            self.crash(f"after {what}")

    def latency(self, least: float, most: float) -> float:
        """Return a time between two, short ones being more likely."""
        ratio: float = (most / least) ** self.stage.random.random()
        return least * ratio

    def happens(self, chance: float) -> bool:
        """Throw the dice; nothing happens outside of actors."""
        return chance > 0 and self.stage.current is not None and self.stage.random.random() < chance

    def crash(self, why: str) -> None:
        """End the actor that is on."""
        self.count("crash")
        self.stage.crash(why)

    def count(self, fault: str) -> None:
        """Count a fault."""
        self.faults[fault] = self.faults.get(fault, 0) + 1

    def say(self, *words: object) -> None:
        """Write a line of the trace."""
        if self.tracing:
            self.stage.note(" ".join(map(str, words)))

    def written(self, key: Key, before: Item | None, after: Item | None) -> None:
        """Look at a write; whoever checks invariants has more to say."""

    # --- everybody who acts ----------------------------------------------------------------------

    def new_queue(self) -> FakeQueue:
        """Return a queue that delivers."""
        return SteppedQueue(self)

    def deliver(self, job: Mapping[str, Any], received: int = 1) -> None:
        """Have a job done by whoever does such jobs."""
        failed: list[bool] = []

        def work() -> None:
            try:
                self._do(job)
            except RenewalFailingError:
                failed.append("code_sha256" in job)
            except WxvaultError as error:
                self.say("fails", error.code)
                failed.append(True)

        def at_end(actor: Actor) -> None:
            if (actor.crashed or any(failed)) and received < RECEIVED_AT_MOST:
                self.stage.after(REDELIVERED_SECONDS, lambda: self.deliver(job, received + 1))

        name = "exchange" if "code_sha256" in job else "renew"
        for _ in range(2 if self.happens(self.chances.twice) else 1):
            delay = self.latency(0.01, 1.0)
            self.stage.spawn(name, work, delay=delay, seconds=25, at_end=at_end)

    def _do(self, job: Mapping[str, Any]) -> None:
        if "code_sha256" in job:
            self.say("status", self.exchange.exchange(job["code_sha256"]))
        elif job["job"] == "component":
            self.say("outcome", self.component_keeper.renew())
        else:
            self.say("outcome", self.keeper.keep(job["authorizer_appid"]))

    def renew(
        self,
        authorizer_appid: str | None,
        *,
        rejected_token_sha256: str | None,
        min_ttl: float,
        seconds: float,
    ) -> Outcome:
        """Invoke *renew*, which goes on when nobody waits for it any more."""
        if self.stage.current is None:
            return super().renew(
                authorizer_appid,
                rejected_token_sha256=rejected_token_sha256,
                min_ttl=min_ttl,
                seconds=seconds,
            )
        came: list[Outcome | WxvaultError] = []

        def work() -> None:
            try:
                outcome = House.renew(
                    self,
                    authorizer_appid,
                    rejected_token_sha256=rejected_token_sha256,
                    min_ttl=min_ttl,
                    seconds=1,
                )
            except WxvaultError as error:
                came.append(error)
            else:
                self.say("outcome", outcome)
                came.append(outcome)

        delay = self.latency(0.01, 0.5)
        actor = self.stage.spawn("invoked renew", work, delay=delay, seconds=25)
        self.stage.wait_for(actor, seconds)
        if not came:
            return Outcome.UNKNOWN
        if isinstance(came[0], WxvaultError):
            raise came[0]
        return came[0]

    def start_sweeps(self) -> None:
        """Have a sweep a minute, for ever; one that would find nothing is left out."""

        def sweep() -> None:
            now = self.stage.time
            if any(item.get("due_at", now + 1) <= now for item in self.table.items.values()):
                self.stage.spawn("sweep", self.sweep.run, seconds=55)
            self.stage.after(60, sweep)

        self.stage.after(self.stage.random.uniform(0, 60), sweep)

    def push(self, push: Push, delay: float, attempt: int = 1) -> None:
        """Have WeChat push something until it is accepted."""

        def work() -> None:
            self.intake.take(push)
            self._note_accepted(push)

        def at_end(actor: Actor) -> None:
            if actor.crashed:
                self.push(push, 5.0 if attempt < 3 else 60.0, attempt + 1)

        twice = attempt == 1 and self.stage.random.random() < self.chances.twice
        for _ in range(2 if twice else 1):
            self.stage.spawn(push.info_type, work, delay=delay, seconds=4, at_end=at_end)
            delay += self.latency(0.1, 600)

    def _note_accepted(self, push: Push) -> None:
        now = self.stage.time
        if isinstance(push, Authorized | Unauthorized):
            self.told.setdefault(push.authorizer_appid, []).append((now, push.create_time))
        if isinstance(push, Authorized):
            self.accepted.setdefault(push.authorization_code, now)

    def push_later(
        self, code: str, *, delay: float, when: int | None = None, pre_auth_code: str | None = None
    ) -> None:
        """Have WeChat push that a merchant has authorised."""
        appid = self.wechat.codes[code].appid
        at = int(self.stage.time) if when is None else when
        push = Authorized(COMPONENT, at, appid, code, at + 3600, pre_auth_code, update=False)
        self.push(push, delay)

    def open_session(self, tenant_id: str, pre_auth_code: str, cookie: str) -> Session:
        """Have a session that minted a pre-auth code for a browser."""
        now = self.stage.time
        session = Session(
            token_sha256(f"session of {pre_auth_code}"), tenant_id, now, now + 86400, "pc", 3
        )
        self.sessions.create(session)
        self.sessions.remember_mint(session, pre_auth_code, token_sha256(cookie), now=now)
        found = self.sessions.get(session.session_sha256)
        assert found is not None
        return found

    def redirect(self, session: Session, code: str, cookies: list[str], delay: float) -> None:
        """Have a browser come back with a code."""

        def work() -> None:
            try:
                self.say("landing", self.landing.arrive(session, code, cookies))
            except ConnectionError:
                self.say("landing without a job")

        self.stage.spawn("landing", work, delay=delay, seconds=10)

    def code_now(self, code: str) -> Code | None:
        """Return where an authorization code stands."""
        actor, self.stage.current = self.stage.current, None
        found = self.codes.get(token_sha256(code))
        self.stage.current = actor
        return found

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self.stage.time - START
