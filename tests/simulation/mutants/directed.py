"""A world in which a script says who is held up where, and what becomes of each call to WeChat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.house import COMPONENT, MERCHANT
from tests.simulation.judge import Confirmation, Judge
from tests.simulation.mutants.fates import DirectedWeChat, Fate
from tests.simulation.mutants.hold_ups import DirectedQueue, DirectedTable, Hold
from tests.simulation.stage import START
from tests.simulation.world import World
from wxvault.errors import WxvaultError
from wxvault.protocol.pushes import Authorized, Unauthorized
from wxvault.services.numbers import BACK_OFF_CAP, CACHED
from wxvault.services.onboarding_state import Arrival
from wxvault.services.policy import is_servable
from wxvault.services.tools import token_sha256
from wxvault.vault.keys import authorizer_key, component_key
from wxvault.vault.token_writing import read_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.house import FakeQueue
    from wxvault.protocol.pushes import Push
    from wxvault.vault.expressions import Item, Key

SETTLED_WITHIN = BACK_OFF_CAP + 240 + 300


class Directed(World):
    """A world with a judge, in which nothing is slow but what a script slows down."""

    def __init__(
        self, seed: int = 0, *, trace: bool = False, life: int = 7200, overlap: float = 300.0
    ) -> None:
        super().__init__(seed, trace=trace, life=life, overlap=overlap)
        self.wechat.__class__ = DirectedWeChat
        self.table.__class__ = DirectedTable
        self.judge = Judge(self)
        self.began = START
        self._holds: list[Hold] = []
        self._fates: dict[tuple[str, str], list[Fate]] = {}
        self._last_time = 0
        self.last_arrival = START
        self.pushed: list[Push] = []
        self.answers: list[str] = []

    # --- the script ------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Seconds since the script began."""
        return self.stage.time - self.began

    def hold(self, actor: str, what: str, sk: str = "", **more: float | bool) -> None:
        """Hold an actor up, named by the beginning of its name."""
        self._holds.append(Hold(actor, what, sk, **more))  # type: ignore[arg-type]

    def call(self, actor: str, name: str, *fates: Fate) -> None:
        """Say what becomes of an actor's calls, in order; of what follows, the best."""
        self._fates[actor, name] = [*fates]

    def call_fate(self, actor: str, name: str) -> Fate | None:
        """Return what becomes of an actor's call."""
        for who in (actor, ""):
            fates = self._fates.get((who, name))
            if fates:
                return fates.pop(0)
        return None

    def at(self, when: float, happening: Callable[[], object]) -> None:
        """Have something happen at a time since the script began."""
        self.stage.after(when - self.now, lambda: self._happen(happening))

    def _happen(self, happening: Callable[[], object]) -> None:
        happening()

    def act(
        self,
        when: float,
        name: str,
        work: Callable[[], object],
        *,
        seconds: float = 25.0,
        skew: float = 0.0,
    ) -> None:
        """Have somebody do something; what fails is no failure of the script."""

        def guarded() -> None:
            actor = self.stage.current
            assert actor is not None
            actor.skew = skew
            try:
                self.say("came to", work())
            except WxvaultError as error:
                self.say("fails", error.code)
                self.answers.append(error.code)

        actor = self.stage.spawn(name, guarded, delay=when - self.now, seconds=seconds)
        actor.subject = MERCHANT

    def count(self, fault: str) -> None:
        """Count what a script does to somebody: it has one merchant only."""
        super().count(fault)
        self.troubled[MERCHANT] += 1

    def keep(self, when: float, name: str, **more: float) -> None:
        """Have *renew* look at the merchant."""
        self.act(when, name, lambda: self.keeper.keep(MERCHANT), **more)

    def look_up(
        self,
        when: float,
        name: str = "look-up",
        *,
        forced: bool = False,
        min_ttl: float = 0,
        skew: float = 0.0,
    ) -> None:
        """Have somebody look the merchant's token up."""

        def work() -> None:
            started = self.stage.time
            token = self.judge.token_of(MERCHANT) if forced else None
            found = self.lookup.find(
                MERCHANT,
                min_ttl=min_ttl,
                rejected_token_sha256=None if token is None else token_sha256(token),
            )
            self.judge.look_up(MERCHANT, found.access_token, started)

        self.judge.forced[MERCHANT] += forced
        self.act(when, name, work, seconds=12, skew=skew)

    def confirm(
        self,
        *,
        push: float | None = None,
        browser: float | None = None,
        cookie: bool = True,
        tenant: str = "tenant",
    ) -> str:
        """Have the merchant confirm now; the push and the browser come so much later, or never."""
        code = self.wechat.confirm(MERCHANT)
        when = self.create_time()
        pre_auth_code = f"preauthcode@@@{code[-10:]}"
        session = self.open_session(tenant, pre_auth_code, f"cookie{code[-10:]}")
        if push is not None:
            self.last_arrival = max(self.last_arrival, self.stage.time + push)
            grant = Authorized(
                COMPONENT, when, MERCHANT, code, when + 3600, pre_auth_code, update=False
            )
            self.push(grant, push)
        if browser is not None:
            cookies = [f"cookie{code[-10:]}"] if cookie else []
            self.redirect(session, code, cookies, browser)
        whose = tenant if push is not None or cookie else None
        self.judge.confirmations.append(Confirmation(code, MERCHANT, push is not None, whose))
        return code

    def cancel(self, *, push: float) -> None:
        """Have the merchant cancel now; the push comes so much later."""
        if not self.wechat.accounts[MERCHANT].authorized:
            return
        self.wechat.cancel(MERCHANT)
        when = self.create_time()
        self.judge.cancelled.append((MERCHANT, self.stage.time, when))
        self.last_arrival = max(self.last_arrival, self.stage.time + push)
        self.push(Unauthorized(COMPONENT, when, MERCHANT), push)

    def create_time(self) -> int:
        """Return WeChat's time: nobody confirms and cancels within one second."""
        self._last_time = max(int(self.stage.time), self._last_time + 1)
        return self._last_time

    def begin(
        self,
        *,
        authorized: bool = True,
        age: float = 0.5,
        component_age: float = 0.1,
        dated: bool = True,
    ) -> None:
        """Have a merchant whose token is so old (in parts of its life); then the script begins."""
        self.push_ticket()
        self.component_keeper.renew()
        if authorized:
            if dated:
                self.authorize()
            else:
                self.authorize_by_redirect()
            self.stage.time += self.wechat.life * (age - component_age)
        self._fresh_component()
        self.stage.time += self.wechat.life * component_age
        self.began = self.stage.time
        self._last_time = int(self.stage.time)
        self.wechat.calls.clear()
        self.judge.watch()
        self.watch_component()

    def watch_component(self) -> None:
        """Look at the component token again and again, as at all others."""
        item = self.table.items[component_key(COMPONENT)]
        state, now = read_state(None, item), self.stage.time
        sealed = item.get("access_token")
        if sealed is not None and is_servable(state, now, overlap=self.wechat.overlap):
            issued = self.wechat.component.tokens[sealed.decode().rpartition("|")[2]]
            cached = 0.0 if issued.superseded_at is None else CACHED * self.wechat.overlap - 1
            late = now + cached - issued.until
            if late >= 0 and issued.superseded_at is not None:
                self.stage.fail(f"the component token was handed out {late:.1f} s too late")
        self.stage.after(5.0, self.watch_component)

    def authorize_by_redirect(self) -> None:
        """Have a merchant whose push has never come."""
        code = self.wechat.confirm(MERCHANT)
        session = self.open_session("tenant", "preauthcode@@@first", "first")
        self.codes.record(
            code, Arrival(session_sha256=session.session_sha256), now=self.clock.now()
        )
        self.exchange.exchange(token_sha256(code))
        self.judge.confirmations.append(
            Confirmation(code, MERCHANT, pushed=False, tenant_id="tenant")
        )

    def _fresh_component(self) -> None:
        self.push_ticket()
        if self.tokens.get(None) is not None:
            self.table.items[component_key(COMPONENT)]["due_at"] = self.stage.time
        self.component_keeper.renew()

    def end(self, seconds: float = 60.0, *, sweeps: bool = True) -> list[str]:
        """Let the script happen, then let sweeps bring all in order; return what is wrong."""
        stage = self.stage
        stage.run(self.began + seconds)
        self._holds.clear()
        self._fates.clear()
        calm_since = max(stage.time, self.last_arrival)
        if sweeps:
            self.start_sweeps()
        stage.run(calm_since)
        while not stage.failures:
            stage.run(stage.time + 60)
            problems = self.judge.problems()
            if not problems or stage.time > calm_since + SETTLED_WITHIN:
                for problem in (*problems, *self.judge.excesses(), *self.judge.told_wrongly()):
                    stage.fail(problem)
                break
        stage.close()
        return stage.failures

    def with_sweeps(self, seconds: float) -> list[str]:
        """Let the script happen with sweeps in it; return what is wrong."""
        self.start_sweeps()
        return self.end(seconds, sweeps=False)

    def cut(self, seconds: float) -> list[str]:
        """Let the script happen, and no more; return what went wrong in it."""
        self.stage.run(self.began + seconds)
        self.stage.close()
        return self.stage.failures

    def expected(self, holds: bool, otherwise: str) -> list[str]:
        """Return what is wrong unless something holds."""
        return [] if holds else [otherwise]

    def doubt(self) -> None:
        """Have a cancellation of the past, which no grant of the merchant's compares with."""
        self.push(Unauthorized(COMPONENT, int(self.began) - 9000, MERCHANT), 0.0)

    def force(self, when: float, name: str, token: str | None) -> None:
        """Have *renew* told that WeChat refuses a token."""
        fingerprint = token_sha256(token or "")
        self.act(when, name, lambda: self.keeper.keep(MERCHANT, rejected_token_sha256=fingerprint))

    def refuse_all(self, when: float) -> None:
        """Have every renewal refused from then on."""
        busy = [Fate(refused=-1)] * 100
        self.at(when, lambda: self._fates.update({("", "refresh"): busy}))

    @property
    def item(self) -> Item:
        """The merchant's item as it stands."""
        return self.table.items.get(authorizer_key(COMPONENT, MERCHANT), {})

    def remember(self) -> None:
        """Remember what stands there now."""
        self._remembered = dict(self.item), list(self.wechat.calls), self.bus.kinds()

    def expected_unchanged(self, *but: str) -> list[str]:
        """Return what has changed since, but for some attributes."""
        item, calls, told = self._remembered
        changed = {
            name
            for name in {*item, *self.item} - {"fence", "settled_lease", *but}
            if item.get(name) != self.item.get(name)
        }
        more = [*self.wechat.calls[len(calls) :], *self.bus.kinds()[len(told) :], *sorted(changed)]
        return [f"changed by what is history: {more}"] if more else []

    def must_serve(self) -> None:
        """Fail unless the merchant's token could be handed out."""
        state = read_state(MERCHANT, self.item)
        if not is_servable(state, self.stage.time, overlap=self.wechat.overlap):
            self.stage.fail("no token can be handed out, though WeChat answers")

    def push_again(self, info_type: str) -> None:
        """Have WeChat push the newest of a kind once more."""
        self.push(next(push for push in reversed(self.pushed) if push.info_type == info_type), 0.0)

    def push(self, push: Push, delay: float, attempt: int = 1, *, journey: str = "") -> None:
        """Have WeChat push something."""
        self.pushed.append(push)
        super().push(push, delay, attempt, journey=journey)

    def exchange_code(self) -> object:
        """Exchange the newest code."""
        return self.exchange.exchange(token_sha256(list(self.wechat.codes)[-1]))

    def deliver_code(self) -> None:
        """Have the job of the newest code delivered once more."""
        self.deliver({"code_sha256": token_sha256(list(self.wechat.codes)[-1])})

    # --- steering --------------------------------------------------------------------------------

    def latency(self, least: float, most: float) -> float:
        """Return the shortest time."""
        return least

    def new_queue(self) -> FakeQueue:
        """Return a queue that delivers."""
        return DirectedQueue(self)

    def passing[T](
        self,
        what: str,
        key: Key | None,
        request: Callable[[], T],
        unheard: Callable[[], object] | None = None,
    ) -> T:
        """Have an actor make a request, held up before it or after it, as the script says.

        ``unheard`` is the same request, whose answer is lost before it is repeated.
        """
        hold = self._held(what, key)
        if hold is None:
            return request()
        self.count("hold")
        self.stage.pause(max(hold.before, hold.until - self.now, 0.0))
        if hold.repeated and unheard is not None:
            unheard()
        answer = request()
        if hold.after:
            self.stage.pause(hold.after)
        if hold.crash:
            self.crash(f"after {what}")
        return answer

    def _held(self, what: str, key: Key | None) -> Hold | None:
        actor = self.stage.current
        found = None
        for hold in self._holds:
            right = actor is not None and actor.name.startswith(hold.actor) and hold.what == what
            if not right or (hold.sk and (key is None or key.sk != hold.sk)):
                continue
            hold.nth -= 1
            if hold.nth == 0:
                found = hold
        return found

    def written(self, key: Key, before: Item | None, after: Item | None) -> None:
        """Show a write to the judge."""
        self.judge.look_at(key, before, after)
