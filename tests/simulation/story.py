"""A story told by a seed: merchants, pushes, browsers, look-ups and faults; its judge looks on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.house import COMPONENT
from tests.simulation.judge import Confirmation, Judge
from tests.simulation.steps import Chances
from tests.simulation.world import World
from wxvault.errors import WxvaultError
from wxvault.protocol.pushes import Unauthorized
from wxvault.services.numbers import BACK_OFF_CAP
from wxvault.services.tools import token_sha256

if TYPE_CHECKING:
    from collections.abc import Callable

    from wxvault.vault.expressions import Item, Key

APPIDS = ("wx00000000000000a1", "wx00000000000000a2")

SETTLED_WITHIN = BACK_OFF_CAP + 240 + 300
"""Seconds until everything must be well: the longest back-off, four minutes of silence, sweeps."""

_DELAYS = ((0, 0.5), (0, 2), (0, 10), (0, 30), (0, 600))
_CALM = Chances()
_STORMS = (
    _CALM,
    Chances(slow=0.02, twice=0.1),
    Chances(slow=0.15),
    Chances(slow=0.1, silent=0.1, refused=0.1),
    Chances(slow=0.05, silent=0.1, broken=0.1),
    Chances(slow=0.3, silent=0.4),
    Chances(
        crash=0.01, slow=0.01, repeated=0.01, silent=0.03, refused=0.03, unsent=0.05, twice=0.1
    ),
    Chances(crash=0.04, slow=0.03, repeated=0.03, silent=0.15, refused=0.1, unsent=0.2, twice=0.2),
    Chances(silent=0.5, twice=0.2),
    Chances(crash=0.08, slow=0.05, twice=0.2),
)


class Story(World):
    """One schedule: everything in it follows from its seed."""

    def __init__(self, seed: int, *, trace: bool = False) -> None:
        # For some the clock runs twelve times as fast.
        life, overlap = (600, 120.0) if seed % 10 < 3 else (7200, 300.0)
        super().__init__(seed, trace=trace, life=life, overlap=overlap)
        dice = self.stage.random
        self.wechat.rotate_on_refresh = dice.random() < 0.5
        self.wechat.second_exchange = dice.choice(("refused", "new", "same"))
        self.judge = Judge(self)
        self._last_time: dict[str, int] = {}
        self._last_arrival = 0.0

    def play(self) -> list[str]:
        """Let it happen: a beginning, trouble, calm; return what was not as it must be."""
        dice, stage = self.stage.random, self.stage
        self.push_ticket()
        self.component_keeper.renew()
        for appid in APPIDS[: 2 if dice.random() < 0.3 else 1]:
            if dice.random() < 0.75:
                self.authorize(appid)
        # Tokens are young, or about to become due.
        stage.time += self.wechat.life * dice.choice((0.002, 0.5, 0.745, dice.uniform(0.75, 0.9)))
        self.start_sweeps()
        self.judge.watch()
        end = 0.0
        for _ in range(dice.randint(1, 3)):
            end = self._round(end)
        for _ in range(int(end / 60) + 4):
            stage.after(dice.uniform(0, end + 300), lambda: self._look_up(dice.choice(APPIDS)))
        # What is under way when it ends may still meet a fault.
        stage.run(stage.time + end + dice.choice((0.0, 30.0)))
        self.chances = _CALM
        calm_since = max(stage.time, self._last_arrival)
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

    def written(self, key: Key, before: Item | None, after: Item | None) -> None:
        """Show a write to the judge."""
        self.judge.look_at(key, before, after)

    def _round(self, start: float) -> float:
        """Have things happen at nearly the same time, in some weather; return when it is over."""
        dice, stage = self.stage.random, self.stage
        width, storm = dice.choice((2.0, 8.0, 30.0, 120.0)), dice.choice(_STORMS)
        appids = APPIDS[: max(1, len(self.wechat.accounts))]
        stage.after(start, lambda: setattr(self, "chances", storm))
        for _ in range(dice.randint(1, 4)):
            stage.after(start + dice.uniform(0, width), self._scene(dice.choice(appids)))
        return start + width + dice.choice((10.0, 60.0, 300.0))

    # --- scenes ----------------------------------------------------------------------------------

    def _scene(self, appid: str) -> Callable[[], None]:
        dice, stage = self.stage.random, self.stage

        def scene() -> None:
            account = self.wechat.accounts.get(appid)
            kinds = ["confirm", "confirm", "twice"]
            if account is not None and account.authorized:
                kinds += ["cancel", "again", "again", "forced"]
            kind = dice.choice(kinds)
            self.say("scene", kind, appid[-2:])
            # Jobs come more than once, and at any time.
            job = {"job": "authorizer", "authorizer_appid": appid}
            for _ in range(dice.choice((0, 2, 5))):
                stage.after(dice.uniform(0, 90), lambda: self.deliver(job))
            if kind == "forced":
                for _ in range(2):
                    stage.after(dice.uniform(0, 3), lambda: self._look_up(appid, forced=True))
            elif kind in {"cancel", "again"}:
                self._cancel(appid)
            if kind in {"confirm", "twice"}:
                self._confirm(appid)
            if kind in {"again", "twice"}:
                stage.after(self._delay((0, 2), (0, 20), (0, 60)), lambda: self._confirm(appid))
            for _ in range(3):
                stage.after(self.latency(0.1, 600), lambda: self._look_up(appid))

        return scene

    def _confirm(self, appid: str) -> None:
        """A merchant confirms; the push and the browser come in any order, late, or not at all."""
        dice = self.stage.random
        code = self.wechat.confirm(appid)
        when = self._create_time(appid)
        self.say("confirms", appid[-2:], when)
        pre_auth_code, cookie = f"preauthcode@@@{code[-10:]}", f"cookie{code[-10:]}"
        tenant_id = dice.choice(("tenant", "tenant", "tenant", "another"))
        session = self.open_session(tenant_id, pre_auth_code, cookie)
        way = dice.choice(("push", "both", "both", "both", "redirect", "late push"))
        if way != "redirect":
            delay = self._delay((5, 900)) if way == "late push" else self._delay()
            self.push_later(code, delay=delay, when=when, pre_auth_code=pre_auth_code)
        cookies = [cookie] if way != "push" and dice.random() < 0.8 else []
        if way != "push":
            for _ in range(dice.choice((1, 1, 2))):
                self.redirect(session, code, cookies, self._delay((0, 0.5), (0, 2), (0, 60)))
        pushed = way != "redirect"
        whose = tenant_id if pushed or cookies else None
        self.judge.confirmations.append(Confirmation(code, appid, pushed, whose))
        self.stage.after(dice.uniform(0.5, 20), lambda: self._look_up(appid))

    def _cancel(self, appid: str) -> None:
        if self.wechat.accounts[appid].authorized:
            self.wechat.cancel(appid)
            when = self._create_time(appid)
            self.say("cancels", appid[-2:], when)
            self.judge.cancelled.append((appid, self.stage.time, when))
            self.push(Unauthorized(COMPONENT, when, appid), self._delay())

    def _create_time(self, appid: str) -> int:
        """Return WeChat's time: nobody confirms and cancels within one second."""
        now = max(int(self.stage.time), self._last_time.get(appid, 0) + 1)
        self._last_time[appid] = now
        return now

    def _delay(self, *choices: tuple[float, float]) -> float:
        """Return how long a push or browser takes: mostly moments, sometimes minutes."""
        delay = self.stage.random.uniform(*self.stage.random.choice(choices or _DELAYS))
        self._last_arrival = max(self._last_arrival, self.stage.time + delay)
        return delay

    def _look_up(self, appid: str, *, forced: bool = False) -> None:
        """Somebody wants a token, or says that WeChat refused the one there is."""
        min_ttl = self.stage.random.choice((0, 0, 1200))

        def work() -> None:
            started = self.stage.time
            rejected = self.judge.token_of(appid) if forced else None
            try:
                found = self.lookup.find(
                    appid,
                    rejected_token_sha256=None if rejected is None else token_sha256(rejected),
                    min_ttl=min_ttl,
                )
            except WxvaultError as error:
                self.say("look-up", appid[-2:], error.code)
                return
            self.say("look-up", appid[-2:], found.access_token[-4:], found.renewed)
            self.judge.look_up(appid, found.access_token, started)

        self.judge.forced += forced
        self.stage.spawn("look-up", work, seconds=12)
