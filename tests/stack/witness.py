"""A whole journey, failures and refusals included, and a witness who remembers what was shown."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sandbox.stack.browser import Browser
from sandbox.stack.http_client import Answer, send
from sandbox.stack.journey.merchant import Visit
from sandbox.stack.leaks import Known
from sandbox.stack.observe import eventually
from tests.stack.pages import confirm_on_page
from tests.stack.test_bad_pushes import (
    Sender,
    length_too_long,
    message_with_dtd,
    other_platforms_push,
    plaintext_body,
    too_large,
    too_old,
    truncated_base64,
    wrong_appid,
    wrong_signature,
)
from tests.stack.truth import at_rest, make_due, renew, sha256
from tests.stack.world import AUTHORIZER_INFO, AUTHORIZER_TOKEN, PRE_AUTH_CODE, QUERY_AUTH, World

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.stack.stack import LocalStack

_HANDED_OUT = ("access_token", "session_id", "launch_url", "preAuthCode")
"""What a caller asked for; everything else in an answer must be innocent."""


@dataclass(slots=True)
class Witness:
    """Remembers what callers were answered and what browsers saw, and secrets made on the way."""

    stack: LocalStack
    places: dict[str, str] = field(default_factory=dict)
    secrets: list[Known] = field(default_factory=list)

    def saw(self, place: str, text: str) -> None:
        """Remember what stood somewhere."""
        self.places[f"{place} ({len(self.places)})"] = text

    def browser(self) -> Browser:
        """A browser that is looked over the shoulder."""

        def transport(
            method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
        ) -> Answer:
            answer = send(method, url, headers=headers, body=body)
            if url.startswith(self.stack.platform_url):
                self._saw_page(method, url, answer)
            return answer

        return Browser(transport)

    def answered(self, place: str, answer: Any) -> dict[str, Any]:
        """Remember an answer of a function but for what it was asked to hand out."""
        found = dict(answer.json() if isinstance(answer, Answer) else answer)
        if "session_id" in found:
            self.secrets.append(Known("session id", found["session_id"]))
        kept = {name: value for name, value in found.items() if name not in _HANDED_OUT}
        self.saw(place, json.dumps(kept))
        return found

    def _saw_page(self, method: str, url: str, answer: Answer) -> None:
        place = f"{method} {urlsplit(url).path.split('/')[1]}"
        for line in answer.all("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            assert name.startswith("wxvault_launch_")
            self.secrets.append(Known("launch cookie", value))
        headers = [f"{name}: {value}" for name, value in answer.headers if name != "set-cookie"]
        self.saw(place, self._allowed_taken_out("\n".join([*headers, answer.text])))

    def _allowed_taken_out(self, text: str) -> str:
        """Take out what the protocol puts into a page or redirect, exactly where it belongs."""
        wechat, platform = re.escape(self.stack.wechat_url), re.escape(self.stack.platform_url)
        landing = re.escape("%3A%2F%2Flocalhost%3A") + r"[0-9]+%2Fauthorized%2F"
        # The link to WeChat carries the pre-auth code, and our landing URL with the session's id.
        link = rf"({wechat}/[A-Za-z/-]+\?[^\"\s]*?pre_auth_code=)[A-Za-z0-9@%_-]+"
        text = re.sub(link, r"\1", text)
        text = re.sub(rf"({landing})[A-Za-z0-9_-]{{43}}", r"\1", text)
        # Our own redirect to the clean result page.
        return re.sub(rf"(location: (?:{platform})?/authorized/)[A-Za-z0-9_-]{{43}}", r"\1", text)


# ---- the journey --------------------------------------------------------------------------------


def travel(witness: Witness) -> None:
    """Everything a platform goes through, failures and refusals included."""
    stack = witness.stack
    stack.wechat.push_ticket()
    world = World.fresh(stack)
    first = onboard(witness, world, style="pc", return_url=f"{stack.wechat_url}/returned")
    onboard(witness, World.fresh(stack), style="h5", state="the tenant's own")
    plugin(witness, World.fresh(stack))
    hand_out(witness, world)
    refused_pushes(witness)
    refused_requests(witness, world, first)
    failures_of_wechat(witness, world)
    stack.wechat.push_registration(merchant={"kind": "mp"})
    stack.wechat.push_registration(status=89249, msg="no")
    stack.wechat.push_xml(_unknown_push(stack))
    stack.wechat.cancel(world.appid, push="first")
    witness.answered("look-up of a cancelled one", world.look_up())
    stack.wechat.wait_idle()


def onboard(witness: Witness, world: World, **wanted: Any) -> Visit:
    """A merchant comes through WeChat's own page."""
    created = witness.answered("created session", world.create_session(**wanted))
    trip = Visit(witness.stack, created["session_id"], created["launch_url"], witness.browser())
    trip.launch()
    confirm_on_page(trip, world.appid)
    world.wait_done(trip)
    witness.answered("session's status", world.session(trip))
    return trip


def plugin(witness: Witness, world: World) -> None:
    """A merchant comes through the mini program."""
    created = witness.answered("plugin's session", world.create_session(style="plugin"))
    names = ("platformAppID", "preAuthCode", "authType")
    witness.stack.wechat.plugin_authorize(world.appid, {name: created[name] for name in names})
    at_rest_soon(world)


def at_rest_soon(world: World) -> None:
    """Wait until the merchant is known, then until nothing is under way."""
    eventually(lambda: "access_token" in world.look_up(), what="the merchant has a token")
    at_rest(world)


def hand_out(witness: Witness, world: World) -> None:
    """Tokens by both ways, one renewal, one forced that is not believed."""
    token = witness.answered("look-up", world.look_up())["access_token"]
    witness.answered("look-up over HTTP", world.caller.http("GET", f"/tokens/{world.appid}"))
    witness.answered("rejected", world.look_up(rejected_token_sha256=sha256(token)))
    make_due(witness.stack, world.appid)
    witness.stack.sweep()
    at_rest(world)


def refused_pushes(witness: Witness) -> None:
    """Pushes that are refused, some of them with real secrets inside."""
    sender = Sender.inside(witness.stack)
    for attack in (
        wrong_signature,
        wrong_appid,
        other_platforms_push,
        plaintext_body,
        truncated_base64,
        length_too_long,
        message_with_dtd,
        too_old,
        too_large,
    ):
        witness.answered(attack.__name__, attack(sender))
    for option in ("plaintext", "wrong_key", "wrong_appid", "wrong_signature"):
        witness.stack.wechat.push_ticket(options={option: True, "attempts": 1})


def refused_requests(witness: Witness, world: World, trip: Visit) -> None:
    """Requests that are refused, with secrets where they do not belong."""
    stack, token = witness.stack, world.token()
    for path in (f"/tokens/{world.appid}?access_token={token}", f"/tokens/{token}"):
        witness.saw("refused look-up", stack.roles.nobody().http("GET", path).text)
    for question in (
        {"authorizer_appid": token, "rejected_token_sha256": token},
        {"authorizer_appid": world.appid, token: 1},
    ):
        asked = stack.trusted_caller().invoke(stack.outputs["TokenFunction"], question)
        witness.answered("odd look-up", asked)
    wanted = {"return_url": f"http://evil.example/?{token}", token: 1}
    tenant = f"/tenants/{world.tenant_id}/auth-urls"
    witness.answered("odd session", world.backend.http("POST", tenant, body=wanted))
    browser = witness.browser()
    url = f"{stack.platform_url}/authorized/{trip.session_id}"
    for code in (token, "short", f"{token}@@@" * 4):
        browser.get(f"{url}?auth_code={code}", follow=False)
    browser.get(f"{stack.platform_url}/authorized/{token}/result")
    browser.get(f"{stack.platform_url}/authorize/{token}")


def failures_of_wechat(witness: Witness, world: World) -> None:
    """WeChat refuses, says rubbish, repeats our secrets, breaks off."""
    stack = witness.stack
    for kind in ("errcode", "html", "garbage", "truncated", "reset", "http_status"):
        trip = Visit(stack, "", "", witness.browser())
        created = witness.answered("session", world.create_session(style="pc"))
        trip.session_id, trip.launch_url = created["session_id"], created["launch_url"]
        stack.wechat.add_fault(kind, PRE_AUTH_CODE)
        trip.browser.post(trip.launch_url)
    other = World.fresh(stack)
    other.authorise()
    for kind in ("errcode", "garbage"):
        stack.wechat.add_fault(kind, AUTHORIZER_TOKEN, authorizer_appid=other.appid)
        make_due(stack, other.appid)
        witness.saw("renewal", renew(stack, other.appid))
    third = World.fresh(stack)
    stack.wechat.add_fault("errcode", QUERY_AUTH, authorizer_appid=third.appid, errcode=-1)
    stack.wechat.add_fault("errcode", AUTHORIZER_INFO, authorizer_appid=third.appid, errcode=-1)
    stack.wechat.confirm(third.appid, push="first")
    witness.answered("look-up of one pending", third.look_up())
    lost = World.fresh(stack)
    lost.authorise()
    stack.wechat.expire(lost.appid, "refresh")
    make_due(stack, lost.appid)
    witness.saw("renewal of one lost", renew(stack, lost.appid))
    witness.answered("look-up of one lost", lost.look_up())
    stack.wechat.clear_faults()


def _unknown_push(stack: LocalStack) -> str:
    """A push of a kind that is not known, with the newest ticket and code in odd fields."""
    newest = {secret.kind: secret.value for secret in stack.wechat.secrets()}
    fields = "".join(f"<{kind}>{value}</{kind}>" for kind, value in newest.items() if "_" in kind)
    head = f"<AppId>{stack.component.appid}</AppId><CreateTime>{int(time.time())}</CreateTime>"
    note = f"<Note>see {newest['pre_auth_code']}</Note>"
    return f"<xml>{head}<InfoType>something_new</InfoType>{fields}{note}</xml>"
