"""The chapters of the journey: each takes the deployed stack one step further and shows figures."""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from sandbox.stack.journey.merchant import (
    Visit,
    create_session,
    session_status,
    visit,
)
from sandbox.stack.leaks import search, table_texts, written
from sandbox.stack.observe import eventually
from wxvault.client import TokenClient
from wxvault.client_transports import InvokeTransport

if TYPE_CHECKING:
    from sandbox.stack.journey.facts import Facts
    from sandbox.stack.roles import Role
    from sandbox.stack.stack import LocalStack

QUERY_AUTH = "/cgi-bin/component/api_query_auth"
AUTHORIZER_TOKEN = "/cgi-bin/component/api_authorizer_token"

LOOK_UPS = 200
AT_A_TIME = 16
ENVIRONMENTS = 8

_ALL_OF_THEM = 20.0


@dataclass(slots=True)
class Journey:
    """The stack, what was shown, and who has been met on the way."""

    stack: LocalStack
    facts: Facts
    caller: Role = field(init=False)
    first: str = field(init=False, default="")
    token_at: float = field(init=False, default=0.0)
    backends: dict[str, Role] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.caller = self.stack.trusted_caller()

    def backend(self, tenant_id: str) -> Role:
        """The role of one tenant's backend, which may ask for that tenant's links only."""
        if tenant_id not in self.backends:
            self.backends[tenant_id] = self.stack.roles.caller_for_tenant(tenant_id)
        return self.backends[tenant_id]

    def look_up(self, authorizer_appid: str, **asked: Any) -> dict[str, Any]:
        """Invoke the look-up as another Lambda function would."""
        function = self.stack.functions["token"].alias
        answer = self.caller.invoke(function, {"authorizer_appid": authorizer_appid, **asked})
        return dict(answer)

    def item(self, authorizer_appid: str) -> dict[str, Any]:
        """The authorizer's hot item as it stands in the table."""
        key = {
            "pk": {"S": f"A#{self.stack.component.appid}#{authorizer_appid}"},
            "sk": {"S": "TOKEN"},
        }
        got = self.stack.root.dynamodb.get_item(
            TableName=self.stack.outputs["TableName"], Key=key, ConsistentRead=True
        )
        return dict(got.get("Item", {}))

    def tenant_of(self, authorizer_appid: str) -> str | None:
        """The tenant that the authorizer belongs to."""
        value = self.item(authorizer_appid).get("tenant_id", {}).get("S")
        return None if value is None else str(value)

    def merchant(self, nick_name: str) -> str:
        """A new account at WeChat; its appid."""
        return str(self.stack.wechat.add_merchant(nick_name=nick_name)["appid"])


def tickets(journey: Journey) -> None:
    """WeChat pushes a ticket, and the component token is bought with it."""
    facts, stack = journey.facts, journey.stack
    facts.title("1  WeChat pushes its ticket")
    report = stack.wechat.push_ticket()
    answered = report.attempts[-1]
    facts.show(
        f"a push encrypted by wechatpy {version('wechatpy')} was accepted",
        f"HTTP {answered['status']}, body {answered['body']!r}, {answered['ms']:.0f} ms",
        holds=report.state == "delivered",
    )
    function = stack.functions["token"].alias
    found = journey.caller.invoke(function, {"component": True})
    checked = stack.wechat.check(found.get("access_token", ""))
    facts.show(
        "the component token was bought with it and is honoured by WeChat",
        f"verdict {checked.verdict}",
        holds=checked.honoured,
    )


def onboarding(journey: Journey) -> None:
    """A merchant authorises on a computer; the code comes by push and by redirect."""
    facts, stack = journey.facts, journey.stack
    facts.title("2  A merchant authorises")
    backend = journey.backend("demo-shop")
    merchant = journey.first = journey.merchant("Demo Tea House")
    trip = visit(stack, backend, "demo-shop", tenant_name="Demo Shop", style="pc")
    facts.say("a backend with an IAM role for its tenant only asked for a link")
    trip.launch()
    facts.say("the merchant opened it and pressed the button; one pre-auth code was minted")
    before = stack.wechat.last_seq()
    trip.land(trip.confirm(merchant))
    stack.wechat.wait_idle()
    status = eventually(
        lambda: _done(session_status(backend, "demo-shop", trip.session_id)),
        what="the session is done",
        seconds=_ALL_OF_THEM,
    )
    facts.say(f"the session is {status['status']} and brought {len(status['authorizers'])} account")
    exchanged = stack.wechat.count(QUERY_AUTH, since=before, what="calls")
    facts.show(
        "one code that came by push and by redirect was exchanged once",
        f"{exchanged} api_query_auth",
        holds=exchanged == 1,
    )


def hand_out(journey: Journey) -> None:
    """Another Lambda function gets the token."""
    facts, stack = journey.facts, journey.stack
    facts.title("3  Another Lambda asks for the token")
    function = stack.functions["token"].alias
    client = TokenClient(InvokeTransport(function, journey.caller.clients.lambda_))
    token = client.get(journey.first)
    journey.token_at = time.monotonic()
    checked = stack.wechat.check(token.access_token)
    left = token.expires_at - time.time()
    facts.show(
        "wxvault.client handed out a token that WeChat honours",
        f"generation {token.generation}, {left:.0f} s left",
        holds=checked.honoured,
    )


def plugin(journey: Journey) -> None:
    """A merchant authorises in a mini program: there is no redirect, only the push."""
    facts, stack = journey.facts, journey.stack
    facts.title("4  A merchant authorises in the mini-program plugin")
    backend = journey.backend("plugin-shop")
    merchant = journey.merchant("Plugin Bakery")
    created = create_session(backend, "plugin-shop", style="plugin", auth_type=3)
    call = {
        name: created[name]
        for name in ("platformAppID", "preAuthCode", "authType", "bizAppid")
        if created.get(name) is not None
    }
    stack.wechat.plugin_authorize(merchant, call)
    tenant = eventually(
        lambda: journey.tenant_of(merchant), what="the push binds a tenant", seconds=_ALL_OF_THEM
    )
    facts.show(
        "the plugin's merchant (no redirect) was bound to the right tenant by the push",
        f"tenant {tenant}",
        holds=tenant == "plugin-shop",
    )


def stranger(journey: Journey) -> None:
    """A browser without the launch cookie comes back: it binds nobody until the push says whom."""
    facts, stack = journey.facts, journey.stack
    facts.title("5  A redirect from a browser that never saw the launch page")
    backend = journey.backend("third-shop")
    merchant = journey.merchant("Corner Kiosk")
    trip = visit(stack, backend, "third-shop", style="pc")
    trip.launch()
    confirmation = trip.confirm(merchant, push="hold")
    Visit(stack, trip.session_id, trip.launch_url).land(confirmation)
    eventually(lambda: journey.item(merchant), what="the code is exchanged", seconds=_ALL_OF_THEM)
    bound = journey.tenant_of(merchant)
    status = session_status(backend, "third-shop", trip.session_id)
    facts.show(
        "a redirect without the launch cookie bound nobody",
        f"tenant {bound}, session {status['status']} with {len(status['authorizers'])} accounts",
        holds=bound is None and not status["authorizers"],
    )
    stack.wechat.release_push(confirmation.push_id or "")
    tenant = eventually(
        lambda: journey.tenant_of(merchant), what="the push binds a tenant", seconds=_ALL_OF_THEM
    )
    facts.say(f"then its push came, and the merchant belongs to {tenant}")


def storm(journey: Journey, *, overlap: float) -> None:
    """The token is expired by hand, and everybody asks at once."""
    facts, stack = journey.facts, journey.stack
    facts.title(f"6  {LOOK_UPS} look-ups of a token that WeChat no longer honours")
    with facts.progress.step(f"warm {AT_A_TIME} environments of the look-up"):
        environments = stack.warm("token", AT_A_TIME)
    # A token may only be called refused once it is older than the news of it can be.
    pause = 0.2 * overlap + 1 - (time.monotonic() - journey.token_at)
    if pause > 0:
        with facts.progress.step("wait until the token is old enough to be called refused"):
            time.sleep(pause)
    old = journey.look_up(journey.first)["access_token"]
    stack.wechat.expire(journey.first)
    facts.say(f"the sandbox expired it: {stack.wechat.check(old).verdict}")
    before = stack.wechat.last_seq()
    refused = _sha256(old)
    started = time.monotonic()
    with ThreadPoolExecutor(AT_A_TIME) as callers:
        answers = list(
            callers.map(
                lambda _: journey.look_up(journey.first, rejected_token_sha256=refused),
                range(LOOK_UPS),
            )
        )
    took = time.monotonic() - started
    tokens = {answer.get("access_token") for answer in answers}
    good = sum(1 for answer in answers if answer.get("access_token") not in {None, old})
    honoured = all(token and stack.wechat.check(token).honoured for token in tokens)
    calls = stack.wechat.count(AUTHORIZER_TOKEN, since=before, what="calls")
    facts.show(
        f"{LOOK_UPS} look-ups, {AT_A_TIME} at a time, caused one renewal",
        f"{calls} api_authorizer_token, {good} good answers, {environments} environments, "
        f"{took:.1f} s",
        holds=calls == 1
        and good == LOOK_UPS
        and honoured
        and len(tokens) == 1
        and environments >= ENVIRONMENTS,
    )


def sealed(journey: Journey) -> None:
    """The table is read by somebody who may read all of it."""
    facts, stack = journey.facts, journey.stack
    facts.title("7  Somebody reads the whole table")
    items = stack.scan_table()
    secrets = stack.wechat.secrets()
    leaks = search(table_texts(items), secrets)
    facts.show(
        "a table scan found no secret in clear",
        f"{len(leaks)} of {len(secrets)} secrets in {len(items)} items",
        holds=not leaks,
    )
    places = written(stack)
    leaks = search(places, secrets)
    facts.show(
        "nor is there one in a log line, an event or a queue, in whatever encoding",
        f"{len(leaks)} of {len(secrets)} secrets in {len(places)} places",
        holds=not leaks,
    )


def cancelled(journey: Journey) -> None:
    """The merchant cancels."""
    facts, stack = journey.facts, journey.stack
    facts.title("8  The merchant cancels")
    push_id = stack.wechat.cancel(journey.first)
    stack.wechat.wait_push(push_id or "")
    answer = journey.look_up(journey.first)
    code = answer.get("error", {}).get("code")
    facts.show(
        "after the merchant's cancel the next look-up said revoked",
        f"{code}: {answer.get('error', {}).get('message')}",
        holds=code == "authorizer_revoked",
    )


def _done(status: dict[str, Any]) -> dict[str, Any] | None:
    return status if status["status"] == "done" else None


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
