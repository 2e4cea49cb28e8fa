"""What the tests of the sandbox share: a clock to move, a platform to push to, a way to call."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sandbox.wechat import Desk, Settings
from sandbox.wechat.calls import Call
from sandbox.wechat.merchants import Merchant
from sandbox.wechat.pushes import Answered
from sandbox.wechat.values import Minter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.wechat.push_crypto import Envelope

START: Final = 1_800_000_000.0
API: Final = "/cgi-bin/component/"
OA: Final = Merchant("wx00000000000000a1", "gh_0000000000a1", "Book Shop")
MP: Final = Merchant("wx00000000000000b2", "gh_0000000000b2", "Fruit", kind="mp", service_type=0)
MUTE: Final = Merchant("wx00000000000000c3", "gh_0000000000c3", "Tea House", api_ability=False)
CHANNELS: Final = Merchant("wx00000000000000d4", "gh_0000000000d4", "Films", kind="channels")
FROZEN: Final = Merchant("wx00000000000000e5", "gh_0000000000e5", "Ice", account_status=19)
MERCHANTS: Final = (OA, MP, MUTE, CHANNELS, FROZEN)


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self._now = START

    def now(self) -> float:
        """Return unix time in seconds."""
        return self._now

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds


@dataclass(slots=True)
class Platform:
    """The platform's event URL without a network: answers from a list, then ``success``."""

    answers: list[Answered] = field(default_factory=list)
    seen: list[Envelope] = field(default_factory=list)

    def __call__(self, url: str, envelope: Envelope, timeout: float) -> Answered:
        """Take a push."""
        self.seen.append(envelope)
        return self.answers.pop(0) if self.answers else Answered(200, b"success")


@dataclass(slots=True)
class Bench:
    """A desk without threads and sockets, and what is needed to talk to it."""

    desk: Desk
    clock: ManualClock
    platform: Platform

    def call(
        self,
        name: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        token: str = "",
        method: str = "POST",
        client_ip: str = "127.0.0.1",
        token_name: str = "component_access_token",
    ) -> dict[str, Any]:
        """Call an endpoint and return its JSON. ``name`` without a slash is a component API."""
        path = name if name.startswith("/") else API + name
        raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        query = {token_name: token} if token else {}
        reaction = self.desk.handle(Call(method, path, query, raw, client_ip))
        assert reaction.answer is not None
        answer: dict[str, Any] = json.loads(reaction.answer.body)
        return answer

    def component(self, **more: Any) -> dict[str, Any]:
        """Return a body with the component's appid."""
        return {"component_appid": self.desk.settings.component_appid, **more}

    def component_token(self) -> str:
        """Return a new component token."""
        ticket = self.desk.state.mint_ticket()
        body = self.component(
            component_appsecret=self.desk.settings.component_appsecret,
            component_verify_ticket=ticket.value,
        )
        return str(self.call("api_component_token", body)["component_access_token"])

    def component_token_offline(self) -> str:
        """Return a new component token without a call, so past every check and quota."""
        state = self.desk.state
        return state.component.issue_token(state.settings, self.clock.now()).value

    def pre_auth_code(self, token: str) -> str:
        """Return a new pre-authorisation code."""
        answer = self.call("api_create_preauthcode", self.component(), token=token)
        return str(answer["pre_auth_code"])

    def confirm(self, appid: str = OA.appid, func_ids: tuple[int, ...] = (1, 3)) -> str:
        """Let a merchant confirm without a link. Returns the code."""
        return self.desk.confirm(appid, func_ids).confirmation.code.value

    def exchange(self, token: str, code: str) -> dict[str, Any]:
        """Return the answer to the exchange of a code."""
        return self.call("api_query_auth", self.component(authorization_code=code), token=token)

    def authorised(self, token: str, appid: str = OA.appid) -> dict[str, Any]:
        """Let a merchant authorise and exchange the code. Returns ``authorization_info``."""
        info: dict[str, Any] = self.exchange(token, self.confirm(appid))["authorization_info"]
        return info

    def refresh(self, token: str, refresh_token: object, appid: str = OA.appid) -> dict[str, Any]:
        """Return the answer to a renewal."""
        body = self.component(authorizer_appid=appid, authorizer_refresh_token=refresh_token)
        return self.call("api_authorizer_token", body, token=token)

    def basic_info(self, access_token: str) -> int:
        """Use an account's token. Returns the errcode."""
        answer = self.call(
            "/cgi-bin/account/getaccountbasicinfo",
            token=access_token,
            token_name="access_token",
            method="GET",
        )
        return int(answer["errcode"])


def made_settings(**changes: Any) -> Settings:
    """Return settings of a made-up component."""
    plain = Settings(
        component_appid="wx0123456789abcdef",
        component_appsecret="0123456789abcdef0123456789abcdef",
        token="sandbox_push_token",
        encoding_aes_key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
        event_url="http://localhost:9/wechat/events",
    )
    return plain.changed(changes)


def bench(**changes: Any) -> Bench:
    """Return a desk whose pushes are delivered at once, in the caller's thread."""
    clock, platform = ManualClock(), Platform()
    desk = Desk(
        made_settings(**{"push_retry_gap": 0} | changes),
        clock=clock,
        minter=Minter(random.Random(7)),  # the same values in every run
        merchants=MERCHANTS,
        transport=platform,
        start_push=lambda work: work(),
    )
    return Bench(desk, clock, platform)
