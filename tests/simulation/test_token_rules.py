"""The model of WeChat that schedules run against, and the sandbox, follow the same rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.house import COMPONENT
from tests.fakes.wechat import FakeWeChat
from tests.simulation.token_rules import LIFE, OVERLAP, RULES, SecondExchange, follow
from tests.unit.sandbox.kit import Bench, bench
from wxvault.errors import WeChatRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

_REUSE = {"refused": "fail", "new": "new_tokens", "same": "same"}


@dataclass
class Fake:
    """The fake that unit tests and the simulation use."""

    wechat: FakeWeChat
    clock: FakeClock

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.time += seconds

    def confirm(self, appid: str) -> str:
        """A merchant confirms."""
        return self.wechat.confirm(appid)

    def cancel(self, appid: str) -> None:
        """A merchant cancels."""
        self.wechat.cancel(appid)

    def component(self) -> dict[str, str] | int:
        """Buy a component token."""
        self.wechat.tickets.add("ticket")
        secret = self.wechat.secret
        return _answer(
            lambda: {"K": self.wechat.component_token(COMPONENT, secret, "ticket").access_token}
        )

    def exchange(self, component: str, code: str) -> dict[str, str] | int:
        """Exchange a code."""

        def ask() -> dict[str, str]:
            granted = self.wechat.query_auth(COMPONENT, component, code)
            return {"A": granted.access_token or "", "R": granted.refresh_token or ""}

        return _answer(ask)

    def refresh(self, component: str, appid: str, refresh_token: str) -> dict[str, str] | int:
        """Renew a token."""

        def ask() -> dict[str, str]:
            answer = self.wechat.refresh(COMPONENT, component, appid, refresh_token)
            return {"A": answer.access_token, "R": answer.refresh_token or ""}

        return _answer(ask)

    def info(self, component: str, appid: str) -> dict[str, str] | int:
        """Ask for the refresh token."""

        def ask() -> dict[str, str]:
            answer = self.wechat.authorizer_info(COMPONENT, component, appid)
            return {"R": answer.refresh_token or ""}

        return _answer(ask)

    def honours(self, appid: str, access_token: str) -> bool:
        """Say whether an access token is honoured."""
        return self.wechat.honours(appid, access_token)


def _answer(ask: Callable[[], dict[str, str]]) -> dict[str, str] | int:
    try:
        return ask()
    except WeChatRefusedError as refusal:
        return refusal.wechat_errcode or 0


@dataclass
class Sandbox:
    """The sandbox, in process, asked through its API."""

    bench: Bench

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.bench.clock.move(seconds)

    def confirm(self, appid: str) -> str:
        """A merchant confirms."""
        return self.bench.confirm(appid)

    def cancel(self, appid: str) -> None:
        """A merchant cancels."""
        self.bench.desk.cancel(appid)

    def component(self) -> dict[str, str] | int:
        """Buy a component token."""
        return {"K": self.bench.component_token()}

    def exchange(self, component: str, code: str) -> dict[str, str] | int:
        """Exchange a code."""
        answer = self.bench.exchange(component, code)
        return _tokens(answer, answer.get("authorization_info", {}))

    def refresh(self, component: str, appid: str, refresh_token: str) -> dict[str, str] | int:
        """Renew a token."""
        answer = self.bench.refresh(component, refresh_token, appid)
        return _tokens(answer, answer)

    def info(self, component: str, appid: str) -> dict[str, str] | int:
        """Ask for the refresh token."""
        body = self.bench.component(authorizer_appid=appid)
        answer = self.bench.call("api_get_authorizer_info", body, token=component)
        return _tokens(answer, answer.get("authorization_info", {}))

    def honours(self, appid: str, access_token: str) -> bool:
        """Say whether an access token is honoured, and as this account's."""
        owner = self.bench.desk.state.owner_of(access_token)
        if owner is None or owner.authorizer_appid != appid:
            return False
        return self.bench.basic_info(access_token) == 0


def _tokens(answer: dict[str, Any], told: dict[str, Any]) -> dict[str, str] | int:
    if answer.get("errcode"):
        return int(answer["errcode"])
    names = {"A": "authorizer_access_token", "R": "authorizer_refresh_token"}
    return {kind: str(told[name]) for kind, name in names.items() if told.get(name)}


MODES = [
    pytest.param(name, second, rotates, id=f"{name}, {second}, {'rotates' if rotates else 'keeps'}")
    for name, rule in RULES.items()
    for second in rule.second
    for rotates in rule.rotates
]


@pytest.mark.parametrize(("name", "second", "rotates"), MODES)
def test_both_follow_the_rule(name: str, second: SecondExchange, rotates: bool) -> None:
    """What a call brings, whom it supersedes and what is refused is the same in both."""
    clock = FakeClock()
    wechat = FakeWeChat(clock, COMPONENT, life=LIFE, overlap=OVERLAP)
    wechat.rotate_on_refresh, wechat.second_exchange = rotates, second
    settings = {
        "auth_code_reuse": _REUSE[second],
        "rotate_on_refresh": rotates,
        "old_refresh_grace_s": 0,
        "overlap": OVERLAP,
        "access_token_life": LIFE,
        "component_token_life": LIFE,
    }
    script = RULES[name].script
    assert follow(Sandbox(bench(**settings)), script) == script
    assert follow(Fake(wechat, clock), script) == script
