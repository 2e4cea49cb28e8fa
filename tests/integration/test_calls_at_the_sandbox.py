"""The function *call* against the sandbox over real sockets, with the vault in memory."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from functions.call import app
from sandbox.wechat import Desk, SandboxControl, SandboxServer
from sandbox.wechat.logins import JSCODE
from tests.fakes import house as fakes
from tests.fakes.house import House
from tests.unit.sandbox.kit import made_settings
from wxvault.clock import SystemClock
from wxvault.protocol.pushes import Authorized, Ticket
from wxvault.runtime.settings import Settings
from wxvault.runtime.wiring import Wiring
from wxvault.wechat.component_api import ComponentApi
from wxvault.wechat.http import WeChatHttp

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.loopback

INFO = "/cgi-bin/account/getaccountbasicinfo"
SEND = "/cgi-bin/message/custom/send"
OVERLAP = 120
MIB = 1024 * 1024


class RealWeChat(ComponentApi):
    """The real adapter, with what the house in memory asks its own WeChat for."""

    overlap = OVERLAP
    secret = made_settings().component_appsecret


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda passes beside the event."""

    function_name: str = "call"
    aws_request_id: str = "r"


class World:
    """A merchant who has authorised, the function, and the sandbox they both talk to."""

    def __init__(self, server: SandboxServer) -> None:
        self.wechat = SandboxControl(server.base_url)
        self.base_url = server.base_url
        state, now = server.desk.state, int(time.time())
        component = state.settings.component_appid
        self.house = House(clock=SystemClock(), wechat=RealWeChat(server.base_url))  # type: ignore[arg-type]
        self.house.intake.take(Ticket(component, now, state.mint_ticket().value))
        self.house.work()
        self.appid = str(self.wechat.add_merchant()["appid"])
        offered = state.offered_sets(state.links[self.appid].merchant)
        code = server.desk.confirm(self.appid, offered, mode="none").confirmation.code.value
        grant = Authorized(component, now, self.appid, code, now + 3600, None, update=False)
        self.house.intake.take(grant)
        self.house.work()
        wiring = Wiring(
            Settings(
                component_appid=component,
                table_name="table",
                wechat_api_base=server.base_url,
                wechat_h5_page_base=server.base_url,
                overlap_seconds=OVERLAP,
            )
        )
        vars(wiring).update(
            table=self.house.table, sealing=self.house.sealing, renewer=self.house.renew
        )
        self._handler = app.wire(wiring)

    def call(self, path: str, **more: Any) -> Any:
        """Invoke a call for the merchant."""
        wanted = {"authorizer_appid": self.appid, "path": path, **more}
        return self._handler({"call": wanted}, Context())

    def component_call(self, path: str, **more: Any) -> Any:
        """Invoke a call with the component's token."""
        return self._handler({"component_call": {"path": path, **more}}, Context())

    def log_in(self, kind: str, **fields: str) -> Any:
        """Invoke a login."""
        wanted = {"authorizer_appid": self.appid, "kind": kind, **fields}
        return self._handler({"login": wanted}, Context())

    def fault(self, kind: str, path: str, **more: Any) -> None:
        """Let something go wrong with the merchant's next call."""
        self.wechat.add_fault(kind, path, authorizer_appid=self.appid, **more)

    def grow_old(self) -> None:
        """Let the token have been stored so long ago that a refusal of it is believed."""
        for item in self.house.table.items.values():  # type: ignore[attr-defined]
            for name in {"stored_at", "forced_at"} & item.keys():
                item[name] -= OVERLAP


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world of its own."""
    settings = made_settings(event_url="", overlap=OVERLAP)
    monkeypatch.setattr(fakes, "COMPONENT", settings.component_appid)
    with SandboxServer(Desk(settings)) as server:
        yield World(server)


def test_calls_and_files_go_through(world: World) -> None:
    """JSON, and a file of exactly 4 MiB; one byte more, and 11 MiB, are cut off and said."""
    assert world.call(INFO)["json"]["appid"] == world.appid
    for size, code in (
        (4 * MIB, ""),
        (4 * MIB + 1, "answer_too_large"),
        (11 * MIB, "answer_too_large"),
    ):
        media_id = world.wechat.add_media(size)
        answer = world.call("/cgi-bin/media/get", query={"media_id": media_id})
        assert answer.get("error", {}).get("code", "") == code
        if not code:
            assert len(answer["body_base64"]) == (size + 2) // 3 * 4


NO_ANSWERS: dict[str, dict[str, Any]] = {
    "html": {"status": 200},
    "garbage": {},
    "truncated": {},
    "reset": {},
    "drop_after_execution": {},
    "http_status": {"status": 302},
}


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_what_is_no_answer_is_said_and_not_repeated(world: World, name: str) -> None:
    """One call; the error has the path and no query."""
    world.fault(name, SEND, **NO_ANSWERS[name])
    since = world.wechat.last_seq()
    error = world.call(SEND, json={"touser": "o", "msgtype": "text"})["error"]
    assert error["code"] == "wechat_unreachable"
    assert world.wechat.count(SEND, since=since, what="calls") == 1
    assert not any(secret.value in str(error) for secret in world.wechat.secrets())


def test_a_revoked_token_is_replaced_and_a_stubborn_refusal_told(world: World) -> None:
    """Two calls and one renewal each time; the second time, that somebody else may be at it."""
    renewal = "/cgi-bin/component/api_authorizer_token"
    for faults, code in ((0, ""), (5, "token_refused")):
        world.grow_old()
        since = world.wechat.last_seq()
        if faults:
            world.fault("errcode", INFO, errcode=40001, count=faults)
        else:
            world.wechat.expire(world.appid, "revoke")
        answer = world.call(INFO)
        assert answer.get("error", {}).get("code", "") == code
        counted = world.wechat.counts(since)["authorizers"][world.appid]
        assert (counted[INFO]["calls"], counted[renewal]["calls"]) == (2, 1)


def test_quotas_permissions_and_patience(world: World) -> None:
    """45011, 45009 and 61007 by name, with WeChat's answer beside; -1 twice is not noticed."""
    codes = {45011: "minute_quota", 45009: "daily_quota", 61007: "permission_missing"}
    for errcode, code in codes.items():
        world.fault("errcode", SEND, errcode=errcode)
        answer = world.call(SEND, json={"touser": "o", "msgtype": "text"})
        assert (answer["error"]["code"], answer["answer"]["errcode"]) == (code, errcode)
    world.fault("errcode", INFO, errcode=-1, count=2)
    assert world.call(INFO)["json"]["errcode"] == 0


def test_a_users_code_counts_once(world: World) -> None:
    """The session key comes back and is in nothing that the vault keeps."""
    code = world.wechat.login_code(world.appid, openid="oUser")
    session = world.log_in("mp", js_code=code)
    assert session["openid"] == "oUser"
    assert session["session_key"] not in str(world.house.table.items)  # type: ignore[attr-defined]
    assert world.log_in("mp", js_code=code)["error"]["wechat_errcode"] == 40163
    assert world.wechat.count(JSCODE, what="calls") == 2


def test_what_a_rid_tells_has_no_secret(world: World) -> None:
    """Refused calls with the AppSecret, a code and tokens are told without them, to whomever."""
    settings, http = made_settings(), WeChatHttp(world.base_url)
    secret, code, wrong = settings.component_appsecret, "c0de-that-was-not-taken", "0f" * 16
    ours = {"component_appid": settings.component_appid}
    refused = [
        http.post(f"/cgi-bin/component/{path}", query={}, body=ours | body)
        for path, body in {
            "api_component_token": {
                "component_appsecret": secret,
                "component_verify_ticket": "ticket@@@wrong",
            },
            "api_start_push_ticket": {"component_secret": wrong},
            "clear_quota/v2": {"appsecret": secret, "appid": "wx9999999999999999"},
            "api_query_auth": {"authorization_code": code},
        }.items()
    ]
    world.fault("errcode", SEND, errcode=45011)
    mine = world.call(SEND, json={"touser": "o", "msgtype": "text", "session_key": code})
    for ask, said in (
        *((world.component_call, one) for one in refused),
        (world.call, mine["error"] | {"errmsg": mine["error"]["message"]}),
    ):
        rid = said["errmsg"].rpartition("rid: ")[2]
        for path in ("/cgi-bin/openapi/rid/get", "/cgi-bin/OpenAPI/rid/get"):
            answer = ask(path, json={"rid": rid})
            for hidden in (secret, wrong, code, "@wrong"):
                assert hidden not in str(answer)
            assert not any(known.value in str(answer) for known in world.wechat.secrets())
            if "json" in answer:
                assert "***" in answer["json"]["request"]["request_body"]
                assert answer["json"]["request"]["client_ip"] == "127.0.0.1"
            else:
                assert path != "/cgi-bin/openapi/rid/get"
