"""A story told by a seed: merchants, pushes, browsers, look-ups and faults; its judge looks on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.house import COMPONENT
from tests.simulation.chances import CALM, Chances
from tests.simulation.faults import CELLS
from tests.simulation.town import SECOND_EXCHANGES, Town
from wxvault.protocol.pushes import FastRegistration, Ticket, Unknown
from wxvault.vault.keys import authorizer_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.wechat import Call

APPIDS = ("wx00000000000000a1", "wx00000000000000a2", "wx00000000000000a3")

_DELAYS = ((0, 0.5), (0, 2), (0, 10), (0, 30), (0, 600))
_STORMS = (
    CALM,
    Chances(slow=0.02, twice=0.1),
    Chances(slow=0.15),
    Chances(slow=0.1, silent=0.1, tardy=0.4, refused=0.1),
    Chances(slow=0.05, silent=0.1, tardy=0.4, broken=0.1),
    Chances(slow=0.3, silent=0.4, tardy=0.4),
    Chances(
        crash=0.01,
        slow=0.01,
        repeated=0.01,
        silent=0.03,
        tardy=0.4,
        refused=0.03,
        unsent=0.05,
        twice=0.1,
    ),
    Chances(
        crash=0.04,
        slow=0.03,
        repeated=0.03,
        silent=0.15,
        tardy=0.4,
        refused=0.1,
        unsent=0.2,
        twice=0.2,
    ),
    Chances(silent=0.5, tardy=0.4, twice=0.2),
    Chances(silent=0.5, tardy=0.5),
    Chances(silent=0.3, tardy=0.5, twice=0.2),
    Chances(crash=0.08, slow=0.05, twice=0.2),
    Chances(anything=0.02, slow=0.01),
    Chances(anything=0.05, twice=0.1),
    Chances(anything=0.15),
)
_OUTAGES = (0, 0, -1, 45009, 61004, 61006)
_TARGETS = 4


class Story(Town):
    """One schedule: everything in it follows from its seed."""

    def __init__(self, seed: int, *, trace: bool = False) -> None:
        # For some the clock runs twelve times as fast.
        life, overlap = (600, 120.0) if seed % 10 < 3 else (7200, 300.0)
        super().__init__(seed, trace=trace, life=life, overlap=overlap)
        dice = self.stage.random
        self.wechat_is(rotates=dice.random() < 0.5, second=dice.choice(SECOND_EXCHANGES))
        self.cold = dice.choice((0.0, 0.3, 1.0))
        # Seeds take turns at the matrix, so that no cell is left to luck.
        if seed % 4:
            for number in range(_TARGETS):
                step, kind = CELLS[(seed * _TARGETS + number * 89) % len(CELLS)]
                self.wanted.setdefault(step, []).append(kind)
        self._appids = APPIDS[: dice.choice((1, 1, 1, 1, 2, 2, 3))]
        self._last_arrival = 0.0

    def play(self) -> list[str]:
        """Let it happen: a beginning, trouble, calm; return what was not as it must be."""
        dice, stage = self.stage.random, self.stage
        self.push_ticket()
        self.component_keeper.renew()
        for appid in self._appids:
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
            stage.after(
                dice.uniform(0, end + 300), lambda: self._look_up(dice.choice(self._appids))
            )
        # What is under way when it ends may still meet a fault.
        stage.run(stage.time + end + dice.choice((0.0, 30.0)))
        return self.settle_down(max(stage.time, self._last_arrival))

    def _round(self, start: float) -> float:
        """Have things happen at nearly the same time, in some weather; return when it is over."""
        dice, stage = self.stage.random, self.stage
        width, storm = dice.choice((2.0, 8.0, 30.0, 120.0)), dice.choice(_STORMS)
        stage.after(start, lambda: setattr(self, "chances", storm))
        for _ in range(dice.randint(1, 4)):
            stage.after(start + dice.uniform(0, width), self._scene(dice.choice(self._appids)))
        if dice.random() < 0.3:
            stage.after(start + dice.uniform(0, width), self._aside)
        if dice.random() < 0.1:
            # WeChat is down for longer than it honours a superseded token.
            begins, lasts = start + dice.uniform(0, width), dice.uniform(301, 900)
            stage.after(begins, self._outage(dice.choice(_OUTAGES)))
            stage.after(begins + lasts, self._outage(None))
            return begins + lasts + 10.0
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

    def _outage(self, code: int | None) -> Callable[[], None]:
        def change() -> None:
            self.outage = code
            self.count("outage")
            self.say("WeChat is", "up" if code is None else f"down with {code}")

        return change

    def at_its_latest(self, call: Call) -> None:
        """Have others come as soon as the lease ends under which that call was sent."""
        item = self.table.items.get(authorizer_key(COMPONENT, call.subject), {})
        until = item.get("lease_until")
        if isinstance(until, float):
            job = {"job": "authorizer", "authorizer_appid": call.subject}
            for _ in range(self.stage.random.choice((2, 4))):
                delay = until - self.stage.time + self.stage.random.uniform(-1.2, 0.6)
                self.stage.after(delay, lambda: self.deliver(job))

    def _aside(self) -> None:
        """Something happens that no merchant has done: a ticket, a link, another push, a resync."""
        stage, now = self.stage, int(self.stage.time)
        kind = stage.random.choice(
            ("ticket", "launch", "launch", "unknown", "registration", "resync", "resync")
        )
        self.say("aside", kind)
        if kind == "ticket":
            ticket = f"ticket@@@{now:086d}"
            self.wechat.tickets.add(ticket)
            self.push(Ticket(COMPONENT, now, ticket), 0)
        elif kind == "launch":
            self.launch()
        elif kind == "resync":
            for appid in self._appids:
                if stage.random.random() < 0.3:
                    self.wipe(appid)
            self.start_resync()
        elif kind == "unknown":
            self.push(Unknown(COMPONENT, now, "something_new", {"n": "1"}), 0)
        else:
            self.push(_failed_registration(now), 0)

    def _confirm(self, appid: str) -> None:
        """A merchant confirms; the push and the browser come in any order, late, or not at all."""
        dice = self.stage.random
        code = self.wechat.confirm(appid)
        when = self.create_time(appid)
        self.say("confirms", appid[-2:], when)
        tenant_id = dice.choice(("tenant", "tenant", "tenant", "another"))
        session, pre_auth_code, cookie = self.session_for(code, tenant_id)
        way = dice.choice(("push", "both", "both", "both", "redirect", "late push"))
        if way != "redirect":
            delay = self._delay((5, 900)) if way == "late push" else self._delay()
            self.push_later(code, delay=delay, when=when, pre_auth_code=pre_auth_code)
        cookies = [cookie] if way != "push" and dice.random() < 0.8 else []
        if way != "push":
            for _ in range(dice.choice((1, 1, 2))):
                self.redirect(session, code, cookies, self._delay((0, 0.5), (0, 2), (0, 60)))
        pushed = way != "redirect"
        self.confirmed(code, appid, pushed=pushed, whose=tenant_id if pushed or cookies else None)
        self.stage.after(dice.uniform(0.5, 20), lambda: self._look_up(appid))

    def _cancel(self, appid: str) -> None:
        if self.wechat.accounts[appid].authorized:
            self.cancel(appid, self._delay())

    def _delay(self, *choices: tuple[float, float]) -> float:
        """Return how long a push or browser takes: mostly moments, sometimes minutes."""
        delay = self.stage.random.uniform(*self.stage.random.choice(choices or _DELAYS))
        self._last_arrival = max(self._last_arrival, self.stage.time + delay)
        return delay

    def _look_up(self, appid: str, *, forced: bool = False) -> None:
        self.look_up(appid, forced=forced, min_ttl=self.stage.random.choice((0, 0, 1200)))


def _failed_registration(now: int) -> FastRegistration:
    return FastRegistration(
        COMPONENT, now, "notify_third_fasteregister", None, 100001, None, "not this time", {}
    )
