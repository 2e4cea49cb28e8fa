"""Registering mini programs on the deployed stack: each kind, each shape, whose it becomes."""

from __future__ import annotations

import json
import re
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.stack.browser import Browser
from sandbox.stack.http_client import send
from sandbox.stack.journey.merchant import Visit
from sandbox.stack.observe import eventually
from tests.stack.truth import Vault, sha256
from tests.stack.world import QUERY_AUTH, World

if TYPE_CHECKING:
    from sandbox.stack.http_client import Answer
    from sandbox.stack.roles import Role
    from sandbox.stack.stack import LocalStack

FASTREGISTER = "/cgi-bin/account/fastregister"
KINDS = ("enterprise", "personal", "trial")


def application(kind: str) -> dict[str, Any]:
    """Return an application that nobody else makes."""
    one = secrets.token_hex(4)
    kinds: dict[str, dict[str, Any]] = {
        "enterprise": {
            "kind": kind,
            "name": f"示例茶馆（{one}）有限公司",
            "code": f"9131{one.upper():0>13}X",
            "code_type": 1,
            "legal_persona_wechat": f"wx_{one}",
            "legal_persona_name": "张三",
            "component_phone": "021-55550000",
        },
        "personal": {"kind": kind, "idname": "李四", "wxuser": f"wx_{one}"},
        "trial": {"kind": kind, "name": f"烤鸡{one}", "openid": f"oK8Yg5YaUM-axuE_vVZmV_{one}"},
    }
    return kinds[kind]


def register(world: World, wanted: dict[str, Any], *, role: Role | None = None) -> dict[str, Any]:
    """The tenant's backend applies, over HTTP with its own role."""
    path = f"/tenants/{world.tenant_id}/registrations"
    answer = (role or world.backend).http("POST", path, body=json.dumps(wanted).encode())
    assert answer.status == 201, answer.text
    return dict(answer.json())


def standing(world: World, started: dict[str, Any], query: str = "") -> dict[str, Any]:
    """The tenant's backend asks how it stands."""
    path = f"/tenants/{world.tenant_id}/registrations/{started['session_id']}{query}"
    answer = world.backend.http("GET", path)
    assert answer.status == 200, answer.text
    return dict(answer.json())


def task_of(stack: LocalStack, wanted: dict[str, Any]) -> str:
    """The application at WeChat."""
    return next(
        str(one["task_id"])
        for one in stack.wechat.registrations()
        if wanted.get("name", wanted.get("wxuser")) in one["info"].values()
    )


def becomes_the_tenants(world: World, started: dict[str, Any], appid: str) -> None:
    """The account is the tenant's, its code was exchanged once, and its token works."""
    stack = world.stack
    eventually(lambda: Vault(stack).state(appid).tenant_id == world.tenant_id, what="the tenant")
    token = stack.trusted_caller().invoke(
        stack.functions["token"].alias, {"authorizer_appid": appid}
    )
    check = stack.wechat.check(str(token["access_token"]))
    assert (check.honoured, check.authorizer_appid) == (True, appid)
    assert stack.wechat.count(QUERY_AUTH, authorizer_appid=appid) == 1
    stood = standing(world, started)
    assert (stood["status"], stood["authorizer_appid"]) == ("succeeded", appid)


@pytest.mark.parametrize("shape", ["old", "new"])
@pytest.mark.parametrize("beside", ["none", "before", "after"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_result_becomes_the_tenants(world: World, kind: str, beside: str, shape: str) -> None:
    """In the old and the new shape, with an ordinary push before, after or not at all."""
    wanted = application(kind)
    started = register(world, wanted)
    assert standing(world, started)["status"] == "waiting"
    _, appid = world.stack.wechat.finish_registration(
        task_of(world.stack, wanted), shape=shape, beside=beside
    )
    becomes_the_tenants(world, started, appid)
    (told,) = (
        event
        for event in world.stack.bus_events()
        if event.kind == "registration.succeeded" and event.detail["authorizer_appid"] == appid
    )
    assert told.detail["tenant_id"] == world.tenant_id
    assert told.detail["session_sha256"] == sha256(started["session_id"])


def test_a_repeated_result_changes_nothing(world: World) -> None:
    """WeChat pushes it three times more: one exchange, one event."""
    wanted = application("enterprise")
    started = register(world, wanted)
    push_id, appid = world.stack.wechat.finish_registration(task_of(world.stack, wanted))
    for _ in range(3):
        world.stack.wechat.resend_push(push_id)
    becomes_the_tenants(world, started, appid)
    told = [one for one in world.stack.bus_events() if appid in one.raw]
    assert [one.kind for one in told].count("registration.succeeded") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_is_told_in_words_and_another_may_apply(world: World, kind: str) -> None:
    """Status, message and remedy; the same data may be used again."""
    wanted = application(kind)
    started = register(world, wanted)
    world.stack.wechat.finish_registration(
        task_of(world.stack, wanted), status=100003, msg="not confirmed"
    )
    stood = standing(world, started)
    assert (stood["status"], stood["wechat_status"]) == ("failed", 100003)
    assert "24 hours" in stood["remedy"]
    register(world, wanted)


def test_tenants_are_kept_apart(world: World) -> None:
    """Another tenant's role is refused at the door, and its own path knows nothing of it."""
    other = World.fresh(world.stack)
    wanted = application("personal")
    started = register(world, wanted)
    path = f"/tenants/{world.tenant_id}/registrations"
    denied = other.backend.http("GET", f"{path}/{started['session_id']}")
    assert denied.status == 403
    assert other.backend.http("POST", path, body=b"{}").status == 403
    own = other.backend.http(
        "GET", f"/tenants/{other.tenant_id}/registrations/{started['session_id']}"
    )
    assert (own.status, own.json()["error"]["code"]) == (404, "unknown_session")
    again = other.backend.http(
        "POST",
        f"/tenants/{other.tenant_id}/registrations",
        body=json.dumps(wanted).encode(),
    )
    assert (again.status, again.json()["error"]["code"]) == (409, "registration_running")


def test_wechat_is_asked_when_the_caller_says_so(world: World) -> None:
    """By the data for an enterprise, by the task for a person."""
    started = register(world, application("personal"))
    query = f"?ask_wechat=true&task_id={started['task_id']}"
    assert standing(world, started, query)["wechat"]["status"] == 0
    wanted = application("enterprise")
    started = register(world, wanted)
    names = ("name", "legal_persona_wechat", "legal_persona_name")
    asked = {
        "action": "registration",
        "tenant_id": world.tenant_id,
        "session_id": started["session_id"],
        "ask_wechat": True,
        **{name: wanted[name] for name in names},
    }
    function = world.stack.functions["sessions"].alias
    told = world.stack.trusted_caller().invoke(function, asked)
    assert told["wechat"]["status"] == 89251


def test_a_refusal_of_wechat_is_told_with_its_code(world: World) -> None:
    """61028: the platform is not published. Nothing is in the way afterwards."""
    world.stack.wechat.add_fault("errcode", "/cgi-bin/component/fastregisterweapp", errcode=61028)
    wanted = application("enterprise")
    refused = world.backend.http(
        "POST", f"/tenants/{world.tenant_id}/registrations", body=json.dumps(wanted).encode()
    )
    error = refused.json()["error"]
    assert (refused.status, error["code"], error["wechat_errcode"]) == (
        502,
        "wechat_refused",
        61028,
    )
    register(world, wanted)


# --- reuse ---------------------------------------------------------------------------------------


class Reuse:
    """A tenant with an official account, and a browser that has launched its link."""

    def __init__(self, world: World, *, func_ids: tuple[int, ...] = (1, 27)) -> None:
        self.world = world
        world.authorise(func_ids=list(func_ids))
        self.started = register(
            world,
            {"kind": "reuse", "authorizer_appid": world.appid, "copy_wx_verify": True},
        )
        self.trip = Visit(world.stack, self.started["session_id"], self.started["launch_url"])
        self.trip.launch()

    def confirm_on_page(self) -> str:
        """The administrator agrees on WeChat's page; where the browser is sent."""
        trip = self.trip
        page = trip.browser.get(trip.onward_url, referer=trip.referer)
        visit = re.search(r'name="visit" value="([^"]+)"', page.text)
        assert visit is not None, page.text
        sent = trip.browser.post(trip.onward_url, {"visit": visit[1]}, referer=trip.onward_url)
        assert sent.status == 302, sent.text
        return sent.header("location")

    def land(self, url: str, browser: Browser | None = None) -> Answer:
        """The browser follows."""
        return (browser or self.trip.browser).get(url, follow=True)

    def registered(self) -> str:
        """The new mini program, by the status."""
        stood = eventually(
            lambda: (
                now
                if (now := standing(self.world, self.started))["status"] == "succeeded"
                else None
            ),
            what="it is registered",
        )
        return str(stood["authorizer_appid"])

    def calls(self) -> int:
        """How often WeChat was asked to register with this account."""
        return self.world.count(FASTREGISTER, what="calls")


@pytest.mark.parametrize("pushed", [False, True], ids=["no push", "pushed too"])
def test_an_administrator_reuses_the_accounts_registration(world: World, *, pushed: bool) -> None:
    """Launch, WeChat's page, landing, one call, one exchange; the browser sees the new account."""
    world.stack.wechat.configure(reuse_pushes=pushed)
    try:
        reuse = Reuse(world)
        page = reuse.land(reuse.confirm_on_page())
        assert page.status == 200
        appid = reuse.registered()
    finally:
        world.stack.wechat.configure(reuse_pushes=False)
    becomes_the_tenants(world, reuse.started, appid)
    assert reuse.calls() == 1
    again = reuse.trip.browser.get(
        f"{world.stack.platform_url}/authorized/{reuse.started['session_id']}/result"
    )
    assert appid in again.text


def test_a_landing_without_the_cookie_registers_nothing(world: World) -> None:
    """Another browser is told to stay in one; the first may still land."""
    reuse = Reuse(world)
    target = reuse.confirm_on_page()
    stranger = reuse.land(target, Browser())
    assert stranger.status == 403
    assert reuse.calls() == 0
    reuse.land(target)
    reuse.registered()
    assert reuse.calls() == 1


def test_a_reloaded_landing_registers_once(world: World) -> None:
    """The ticket is used once, however often it is shown."""
    reuse = Reuse(world)
    target = reuse.confirm_on_page()
    for _ in range(3):
        assert reuse.land(target).status == 200
    reuse.registered()
    assert reuse.calls() == 1


def test_silence_is_not_asked_again(world: World) -> None:
    """WeChat has registered and does not answer: one call, and the tenant is told to look."""
    reuse = Reuse(world)
    world.stack.wechat.add_fault("drop_after_execution", FASTREGISTER, authorizer_appid=world.appid)
    reuse.land(reuse.confirm_on_page())
    stood = eventually(
        lambda: now if (now := standing(world, reuse.started))["status"] == "failed" else None,
        what="it has failed",
    )
    assert "may have been registered" in stood["remedy"]
    world.stack.sweep()
    assert reuse.calls() == 1


def test_without_set_27_the_set_is_named(world: World) -> None:
    """61007, in words."""
    reuse = Reuse(world, func_ids=(1,))
    reuse.land(reuse.confirm_on_page())
    stood = eventually(
        lambda: now if (now := standing(world, reuse.started))["status"] == "failed" else None,
        what="it has failed",
    )
    assert stood["wechat_status"] == 61007
    assert "permission set 27" in stood["remedy"]


def test_another_tenants_account_cannot_be_reused(world: World) -> None:
    """It is unknown to this tenant."""
    other = World.fresh(world.stack)
    other.authorise()
    answer = world.backend.http(
        "POST",
        f"/tenants/{world.tenant_id}/registrations",
        body=json.dumps(
            {"kind": "reuse", "authorizer_appid": other.appid, "copy_wx_verify": False}
        ).encode(),
    )
    assert (answer.status, answer.json()["error"]["code"]) == (404, "unknown_authorizer")


def test_the_landing_is_no_open_door(world: World) -> None:
    """No ticket, a bad one, an unknown session: a page each, and nobody is sent elsewhere."""
    reuse = Reuse(world)
    base = f"{world.stack.platform_url}/registered"
    for path in (
        f"{reuse.started['session_id']}",
        f"{reuse.started['session_id']}?ticket=x",
        f"{'x' * 43}?ticket={'a' * 32}",
        f"{reuse.started['session_id']}?ticket=https://evil.example/",
    ):
        answer = send("GET", f"{base}/{path}", headers={})
        assert answer.status in {400, 403, 404}, path
        assert not answer.header("location")
    assert reuse.calls() == 0
