"""A whole wxvault on a stage: callback, workers, look-ups, sweeps, everybody an actor."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Any, NoReturn

from tests.fakes.house import COMPONENT, FakeQueue, House
from tests.simulation.calls import SteppedWeChat
from tests.simulation.chances import CALM
from tests.simulation.faults import Kind, Step, costs_a_renewal
from tests.simulation.stage import START, Actor, Stage, StageClock
from tests.simulation.steps import (
    USUAL,
    ClearSealing,
    OutOfReachError,
    SteppedBus,
    SteppedQueue,
    SteppedSecret,
    SteppedTable,
    Terms,
    TrueClock,
    carry_out,
)
from wxvault.errors import NOT_DURABLE, PUT_OFF, WeChatError, WxvaultError
from wxvault.protocol.pushes import Authorized, Unauthorized
from wxvault.services.component import ComponentToken
from wxvault.services.numbers import START_SECONDS
from wxvault.services.onboarding_state import Code, Session
from wxvault.services.outcome import Outcome
from wxvault.services.tools import token_sha256
from wxvault.vault.keys import authorizer_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.fakes.memory_table import MemoryTable
    from tests.fakes.wechat import Call
    from wxvault.protocol.pushes import Push
    from wxvault.vault.expressions import Item, Key

SLOW = "slow step"
_TAKEN = (Step.ACQUIRE, Step.EXTEND)
_ONLOOKERS = ("look-up", "landing")
"""They have others ask WeChat for a token; their own end costs none."""
REDELIVERED_SECONDS = 150.0
RECEIVED_AT_MOST = 5
RESYNC_AGAIN_SECONDS = 60.0
RESYNC_AT_MOST = 5


class World(House):
    """A house in which everybody is an actor."""

    def __init__(
        self, seed: int, *, trace: bool = False, life: int = 7200, overlap: float = 300.0
    ) -> None:
        self.stage = Stage(seed)
        self.chances = CALM
        self.cold = 0.0
        """How likely an actor finds an environment that has read nothing yet."""
        self.outage: int | None = None
        """WeChat is down: it refuses everything with this code, or answers nothing (0)."""
        self.wanted: dict[Step, list[Kind]] = {}
        """Faults that are to be met here, each once."""
        self.met: dict[tuple[Step, Kind], int] = {}
        """How often a step met a fault."""
        self.faults: dict[str, int] = {}
        self.troubled: Counter[str] = Counter()
        """How many faults each authorizer met that may have cost it a renewal."""
        self.digest = 0
        """What tells this schedule from others: how WeChat answers what its documentation leaves
        open, who came to which step in which order, and the fate of each step."""
        self.resyncs = 0
        """How often the table was held against WeChat's list."""
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
            app_secret=SteppedSecret(wechat.secret, world=self),
        )

    def new_component_token(self) -> ComponentToken:
        """Return the component token as environments keep it: a new one has to read it."""
        return _ColdComponentToken(self)

    def tickets_want_a_look(self) -> bool:
        """Leave the tickets out: the stories have one each, which lasts; see test_tickets."""
        return False

    # --- steps -----------------------------------------------------------------------------------

    def request[T](self, step: Step, execute: Callable[[], T], terms: Terms = USUAL) -> T:
        """Have a request to AWS carried out; it is a step if an actor makes it."""
        stage = self.stage
        if stage.current is None:
            return execute()
        self.arrive(step)
        stage.pause(self.latency(0.003, 0.3))
        self._dawdle()
        if self.tracing:
            self.say(step.label)
        answer = carry_out(self, step, execute, terms)
        self._dawdle()
        if step in _TAKEN and self.happens(self.chances.tardy):
            stage.pause(stage.random.uniform(0.6, 0.9) * START_SECONDS)
        return answer

    def arrive(self, step: Step) -> None:
        """Come to a step; who directs this world may have others go first."""
        assert self.stage.current is not None
        self.digest = hash((self.digest, self.stage.current.number, step.value))

    def hold_answer(self, step: Step) -> None:
        """Come to the end of a call to WeChat, before its answer is heard."""

    def at_its_latest(self, call: Call) -> None:
        """Know that a call is going to be executed as late as is assumed."""

    def fate(self, step: Step) -> Kind | None:
        """Decide what happens to a step; None: nothing does."""
        kind = self._wanted_fate(step)
        if kind is None:
            kind = self.chances.fate(step, self.stage.random.random())
        if kind is not None:
            self.meet(step, kind)
        return kind

    def meet(self, step: Step, kind: Kind) -> None:
        """Note that a step meets a fault."""
        self.met[step, kind] = self.met.get((step, kind), 0) + 1
        self.count(kind.label)
        self.digest = hash((self.digest, step.value, kind.value))
        actor = self.stage.current
        if actor and costs_a_renewal(step, kind, asks=actor.name not in _ONLOOKERS):
            self.troubled[actor.subject] += 1
        self.say("  fault:", kind.label, "at", step.label)

    def _wanted_fate(self, step: Step) -> Kind | None:
        kinds = self.wanted.get(step)
        if kinds and self.stage.random.random() < 0.5:
            return kinds.pop()
        return None

    def _dawdle(self) -> None:
        if self.chances.slow and self.happens(self.chances.slow):
            self.count(SLOW)
            self.stage.pause(self.stage.random.uniform(0.5, 12))

    def is_news(self, what: str) -> bool:
        """Say whether an actor's environment has to fetch something that it keeps from then on."""
        actor = self.stage.current
        if actor is None or actor.kept is None or what in actor.kept:
            return False
        actor.kept.add(what)
        return True

    def latency(self, least: float, most: float) -> float:
        """Return a time between two, short ones being more likely."""
        ratio: float = (most / least) ** self.stage.random.random()
        return least * ratio

    def happens(self, chance: float) -> bool:
        """Throw the dice; nothing happens outside of actors."""
        return chance > 0 and self.stage.current is not None and self.stage.random.random() < chance

    def crash(self, why: str) -> NoReturn:
        """End the actor that is on."""
        self.stage.crash(why)

    def count(self, fault: str) -> None:
        """Count a fault."""
        self.faults[fault] = self.faults.get(fault, 0) + 1

    def say(self, *words: object) -> None:
        """Write a line of the trace."""
        if self.tracing:
            self.stage.note(" ".join(map(str, words)))

    def give_up(self, how: str, error: WxvaultError) -> None:
        """Note that the actor that is on could not do what it was asked for."""
        assert self.stage.current is not None
        self.stage.current.failed = True
        self.say(how, error.code)

    def written(self, key: Key, before: Item | None, after: Item | None) -> None:
        """Look at a write; whoever checks invariants has more to say."""

    def start(
        self,
        name: str,
        work: Callable[[], object],
        *,
        delay: float = 0.0,
        seconds: float,
        at_end: Callable[[Actor], None] | None = None,
        journey: str = "",
        subject: str = "",
    ) -> Actor:
        """Have a function run, for an authorizer if one is named; its environment may be new."""

        def run() -> None:
            try:
                work()
            except (OutOfReachError, *NOT_DURABLE):
                # The function fails, as Lambda does when its handler raises; a push is no success.
                actor.failed = True
                self.say("fails")

        actor = self.stage.spawn(
            name, run, delay=delay, seconds=seconds, at_end=at_end, journey=journey
        )
        actor.subject = subject
        if self.cold and self.stage.random.random() < self.cold:
            actor.kept = set()
        return actor

    # --- everybody who acts ----------------------------------------------------------------------

    def new_queue(self) -> FakeQueue:
        """Return a queue that delivers."""
        return SteppedQueue(self)

    def deliver(self, job: Mapping[str, Any], received: int = 1, *, journey: str = "") -> None:
        """Have a job done by whoever does such jobs."""
        put_off: list[bool] = []

        def work() -> None:
            try:
                self._do(job)
            except PUT_OFF as error:
                # As the functions do: the sweep will send it again.
                self.give_up("is put off", error)
                put_off.append(True)
            except WxvaultError as error:
                self.give_up("fails", error)

        def at_end(actor: Actor) -> None:
            lost = actor.crashed or (actor.failed and not put_off)
            if lost and received < RECEIVED_AT_MOST:
                self.stage.after(REDELIVERED_SECONDS, lambda: self.deliver(job, received + 1))

        name = "exchange" if "code_sha256" in job else "renew"
        subject = job.get("authorizer_appid") or self._owner(job.get("code_sha256"))
        for _ in range(2 if self.happens(self.chances.twice) else 1):
            delay = self.latency(0.01, 1.0)
            self.start(
                name,
                work,
                delay=delay,
                seconds=25,
                at_end=at_end,
                journey=journey,
                subject=subject,
            )

    def _owner(self, code_sha256: str | None) -> str:
        """Return whose an authorization code is."""
        codes = self.wechat.codes.items()
        return next((one.appid for code, one in codes if token_sha256(code) == code_sha256), "")

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
                self.give_up("fails", error)
                came.append(error)
            else:
                self.say("outcome", outcome)
                came.append(outcome)

        def invoke() -> Actor:
            delay = self.latency(0.01, 0.5)
            subject = authorizer_appid or ""
            return self.start("invoked renew", work, delay=delay, seconds=25, subject=subject)

        deadline = self.stage.time + seconds
        try:
            actor = self.request(Step.INVOKE, invoke, Terms(given_up=seconds, repeats=False))
        except OutOfReachError:
            return Outcome.UNKNOWN
        self.stage.wait_for(actor, max(deadline - self.stage.time, 0.0))
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
                self.start("sweep", self._sweep, seconds=55)
            self.stage.after(60, sweep)

        self.stage.after(self.stage.random.uniform(0, 60), sweep)

    def _sweep(self) -> None:
        self.say("swept", self.sweep.run())

    def start_resync(self, attempt: int = 1, *, journey: str = "") -> None:
        """Have the table held against WeChat's list; Lambda tries again what failed."""

        def at_end(actor: Actor) -> None:
            if (actor.crashed or actor.failed) and attempt < RESYNC_AT_MOST:
                self.stage.after(RESYNC_AGAIN_SECONDS, lambda: self.start_resync(attempt + 1))

        self.start("resync", self.run_resync, seconds=900, at_end=at_end, journey=journey)

    def find_missing(self) -> None:
        """Invoke *resync* and wait for nothing; the answer says only that it was taken."""
        if self.stage.current is None:
            super().find_missing()
            return
        with suppress(OutOfReachError):
            self.request(Step.INVOKE, self.start_resync, Terms(repeats=False))

    def run_resync(self) -> None:
        """Hold the table against WeChat's list."""
        self.resyncs += 1
        try:
            done = self.resync.run(dry_run=False, until=self.clock.now() + 800)
        except (*NOT_DURABLE, *PUT_OFF, WeChatError) as error:
            self.give_up("no resync", error)
        else:
            self.say("resync", done.counts)

    def wipe(self, appid: str) -> None:
        """Have the table lose a refresh token, as nobody here would do it."""
        item = self.table.items.get(authorizer_key(COMPONENT, appid), {})
        if item.pop("refresh_token", None) is not None:
            self.say("the table loses the refresh token of", appid[-2:])
            self.count("wiped")

    def push(self, push: Push, delay: float, attempt: int = 1, *, journey: str = "") -> None:
        """Have WeChat push something until it is accepted."""

        def work() -> None:
            self.intake.take(push)
            self.note_accepted(push)

        def at_end(actor: Actor) -> None:
            if actor.crashed or actor.failed:
                self.push(push, 5.0 if attempt < 3 else 60.0, attempt + 1)

        twice = attempt == 1 and self.stage.random.random() < self.chances.twice
        for _ in range(2 if twice else 1):
            self.start(
                push.info_type,
                work,
                delay=delay,
                seconds=4,
                at_end=at_end,
                journey=journey,
                subject=getattr(push, "authorizer_appid", None) or "",
            )
            delay += self.latency(0.1, 600)

    def note_accepted(self, push: Push) -> None:
        """Note when a push was accepted: from then on its content is known."""
        now = self.stage.time
        if isinstance(push, Authorized | Unauthorized):
            self.told.setdefault(push.authorizer_appid, []).append((now, push.create_time))
        if isinstance(push, Authorized):
            self.accepted.setdefault(push.authorization_code, now)

    def push_later(
        self,
        code: str,
        *,
        delay: float,
        when: int | None = None,
        pre_auth_code: str | None = None,
        journey: str = "",
    ) -> None:
        """Have WeChat push that a merchant has authorised."""
        appid = self.wechat.codes[code].appid
        at = int(self.stage.time) if when is None else when
        push = Authorized(COMPONENT, at, appid, code, at + 3600, pre_auth_code, update=False)
        self.push(push, delay, journey=journey)

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

    def redirect(
        self, session: Session, code: str, cookies: list[str], delay: float, *, journey: str = ""
    ) -> None:
        """Have a browser come back with a code."""

        def work() -> None:
            try:
                self.say("landing", self.landing.arrive(session, code, cookies))
            except WxvaultError as error:
                self.say("landing", error.code)

        subject = self.wechat.codes[code].appid
        self.start("landing", work, delay=delay, seconds=10, journey=journey, subject=subject)

    def launch(self, *, journey: str = "") -> None:
        """Have a backend make a link, and a merchant open it and press the button."""

        def work() -> None:
            try:
                made = self.onboarding.create("tenant", {"style": "pc"})
                self.onboarding.launch(made.session_id, "")
            except WxvaultError as error:
                self.say("launch", error.code)

        self.start("launch", work, seconds=12, journey=journey)

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


class _ColdComponentToken(ComponentToken):
    """The component token of every environment; one that is new has nothing kept."""

    def __init__(self, world: World) -> None:
        super().__init__(world.lookup, world.clock, overlap=world.wechat.overlap)
        self._world = world

    def get(self, *, until: float = inf) -> str:
        """Return a component token."""
        if self._world.is_news("component token"):
            self._kept = None
        return super().get(until=until)
