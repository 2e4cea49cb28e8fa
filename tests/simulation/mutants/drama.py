"""A drama told by a seed: one merchant, much at once, everybody held up at the worst moments."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from tests.fakes.house import MERCHANT
from tests.simulation.mutants.directed import Directed
from tests.simulation.mutants.fates import DROPPED, LATEST, UNHEARD, Fate
from wxvault.services.tools import token_sha256
from wxvault.vault.expressions import ConditionFailedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wxvault.vault.expressions import Key

_MOMENTS = (0.0, 0.0, 0.05, 0.3, 1.0, 2.0, 5.0, 9.0, 20.5, 24.5, 26.0, 33.0)
_HOLDS = (0.4, 1.5, 5.0, 11.0, 18.0, 23.7)
_FATES = (
    LATEST,
    LATEST,
    UNHEARD,
    UNHEARD,
    DROPPED,
    Fate(executed=6.0, answered=6.5),
    Fate(refused=-1),
    Fate(executed=1.0, answered=6.9),
    Fate(refused=40001),
    Fate(empty=True),
)


class Drama(Directed):
    """One short schedule: everything in it follows from its seed."""

    def __init__(self, seed: int, *, trace: bool = False) -> None:
        super().__init__(seed, trace=trace)
        dice = self.stage.random
        self.wechat.rotate_on_refresh = dice.random() < 0.5
        self.wechat.second_exchange = dice.choice(("refused", "new", "same"))
        self._held_up = dice.choice((0.0, 0.03, 0.03, 0.1))
        self._fated = dice.choice((0.1, 0.3, 0.6))
        self._lost = dice.choice((0.0, 0.0, 0.0, 0.05))
        self._over = False

    def play(self) -> list[str]:
        """Let it happen; return what was not as it must be."""
        dice = self.stage.random
        start = dice.choice(("due", "due", "young", "unknown", "revoked", "undated"))
        self.begin(
            authorized=start != "unknown",
            age={"due": 0.86, "young": 0.4}.get(start, 0.5),
            dated=start != "undated",
        )
        if start == "revoked":
            self.act(0, "gone", lambda: self.cancel(push=0.0))
        for _ in range(dice.randint(2, 5)):
            self._scene(dice.choice(_MOMENTS))
        for when in (45.0, 90.0):
            self.at(when, lambda: self.deliver({"job": "authorizer", "authorizer_appid": MERCHANT}))
        return self.end(60.0)

    def end(self, seconds: float = 60.0, *, sweeps: bool = True) -> list[str]:
        """End."""
        self.at(seconds, lambda: setattr(self, "_over", True))
        return super().end(seconds, sweeps=sweeps)

    def _scene(self, when: float) -> None:
        dice = self.stage.random
        job = {"job": "authorizer", "authorizer_appid": MERCHANT}
        kind = dice.choice(
            ("keep", "keep", "confirm", "confirm", "cancel", "again", "forced", "jobs")
        )
        far = (*_MOMENTS, 60.0, 250.0)
        push, browser = dice.choice(far), dice.choice(far)
        way = dice.choice(("push", "both", "both", "browser"))

        def happen() -> None:
            if kind in {"again", "cancel"} and MERCHANT in self.wechat.accounts:
                self.cancel(push=dice.choice(far))
            if kind in {"again", "confirm"}:
                code = self.confirm(
                    push=push if way != "browser" else None,
                    browser=browser if way != "push" else None,
                    cookie=dice.random() < 0.8,
                    tenant=dice.choice(("tenant", "tenant", "another")),
                )
                if dice.random() < 0.3:
                    self.stage.after(
                        dice.choice(far), lambda: self.deliver({"code_sha256": token_sha256(code)})
                    )
            if kind == "jobs":
                for _ in range(3):
                    self.stage.after(dice.choice(_MOMENTS), lambda: self.deliver(job))

        if kind == "keep":
            self.keep(when, "renew", skew=dice.choice((-0.5, 0.0, 0.5)))
        elif kind == "forced":
            self.at(
                when,
                lambda: (
                    self.look_up(self.now, forced=True)
                    if MERCHANT in self.wechat.accounts
                    else None
                ),
            )
        else:
            self.at(when, happen)
        self.look_up(when + dice.choice(_MOMENTS))

    def call_fate(self, actor: str, name: str) -> Fate | None:
        """Return what becomes of an actor's call."""
        dice = self.stage.random
        if not self._over and name != "component_token" and dice.random() < self._fated:
            fate = dice.choice(_FATES)
            if fate.empty and (self.wechat.rotate_on_refresh or name != "refresh"):
                return None
            return fate
        return None

    def passing[T](
        self,
        what: str,
        key: Key | None,
        request: Callable[[], T],
        unheard: Callable[[], object] | None = None,
    ) -> T:
        """Have an actor make a request, held up before it, repeating it, or switched off at it."""
        dice = self.stage.random
        if self.stage.current is None or self._over:
            return request()
        if dice.random() < self._held_up:
            self.count("hold")
            self.stage.pause(dice.choice(_HOLDS))
        if dice.random() < self._lost / 2:
            self.count("crash")
            self.crash(f"before {what}")
        if what == "write" and unheard is not None and dice.random() < self._lost:
            self.count("repeated")
            with suppress(ConditionFailedError):
                unheard()
        answer = super().passing(what, key, request, unheard)
        if dice.random() < self._lost / 2:
            self.count("crash")
            self.crash(f"after {what}")
        return answer
