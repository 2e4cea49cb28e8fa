"""A world with merchants who confirm and cancel, services that look up, and a judge of it all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tests.fakes.house import COMPONENT
from tests.simulation.chances import CALM
from tests.simulation.judge import Confirmation, Judge
from tests.simulation.world import World
from wxvault.errors import WxvaultError
from wxvault.protocol.pushes import FastRegistration, Unauthorized, Unknown
from wxvault.services.numbers import BACK_OFF_CAP
from wxvault.services.tools import token_sha256

if TYPE_CHECKING:
    from wxvault.protocol.pushes import Push
    from wxvault.services.onboarding_state import Session
    from wxvault.vault.expressions import Item, Key

SETTLED_WITHIN = BACK_OFF_CAP + 240 + 300
"""Seconds until everything must be well: the longest back-off, four minutes of silence, sweeps."""

SecondExchange = Literal["refused", "new", "same"]
SECOND_EXCHANGES: tuple[SecondExchange, ...] = ("refused", "new", "same")


class Town(World):
    """A world that is judged."""

    def __init__(
        self, seed: int, *, trace: bool = False, life: int = 7200, overlap: float = 300.0
    ) -> None:
        super().__init__(seed, trace=trace, life=life, overlap=overlap)
        self.judge = Judge(self)
        self._last_time: dict[str, int] = {}

    def wechat_is(self, *, rotates: bool, second: SecondExchange) -> None:
        """Answer what WeChat's documentation leaves open."""
        self.wechat.rotate_on_refresh = rotates
        self.wechat.second_exchange = second
        self.digest = hash((self.wechat.life, rotates, SECOND_EXCHANGES.index(second)))

    def written(self, key: Key, before: Item | None, after: Item | None) -> None:
        """Show a write to the judge."""
        self.judge.look_at(key, before, after)

    def note_accepted(self, push: Push) -> None:
        """Note that a push was accepted: what is no transition is owed as it is."""
        super().note_accepted(push)
        if isinstance(push, FastRegistration | Unknown):
            self.judge.announced.append((push.info_type, push.create_time))

    def settle_down(self, calm_since: float, within: float = SETTLED_WITHIN) -> list[str]:
        """Let it come to rest without further faults; return what was not as it must be.

        It has to be well ``within`` so many seconds, and from minute to minute it is looked whether
        it is.
        """
        stage = self.stage
        self.chances, self.wanted, self.outage = CALM, {}, None
        stage.run(calm_since)
        while not stage.failures:
            stage.run(stage.time + 60)
            problems = self.judge.problems()
            if not problems or stage.time >= calm_since + within:
                for problem in (*problems, *self.judge.excesses(), *self.judge.told_wrongly()):
                    stage.fail(problem)
                break
        stage.close()
        return stage.failures

    # --- what merchants do -----------------------------------------------------------------------

    def create_time(self, appid: str) -> int:
        """Return WeChat's time: nobody confirms and cancels within one second."""
        now = max(int(self.stage.time), self._last_time.get(appid, 0) + 1)
        self._last_time[appid] = now
        return now

    def session_for(self, code: str, tenant_id: str) -> tuple[Session, str, str]:
        """Have a session that minted a code for what became ``code``; its code and its cookie."""
        pre_auth_code, cookie = f"preauthcode@@@{code[-10:]}", f"cookie{code[-10:]}"
        return self.open_session(tenant_id, pre_auth_code, cookie), pre_auth_code, cookie

    def cancel(self, appid: str, delay: float | None, *, journey: str = "") -> None:
        """Have a merchant cancel; WeChat pushes that after ``delay`` (None: never)."""
        self.wechat.cancel(appid)
        when = self.create_time(appid)
        self.say("cancels", appid[-2:], when)
        self.judge.cancelled.append((appid, self.stage.time, when))
        if delay is not None:
            self.push(Unauthorized(COMPONENT, when, appid), delay, journey=journey)

    def confirmed(self, code: str, appid: str, *, pushed: bool, whose: str | None) -> None:
        """Tell the judge of a confirmation."""
        self.judge.confirmations.append(Confirmation(code, appid, pushed, whose))

    # --- what services do ------------------------------------------------------------------------

    def look_up(
        self, appid: str, *, forced: bool = False, min_ttl: float = 0, journey: str = ""
    ) -> None:
        """Somebody wants a token, or says that WeChat refused the one there is."""

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

        self.judge.forced[appid] += forced
        self.start("look-up", work, seconds=12, journey=journey, subject=appid)
