"""What an operator gets wrong: secrets, tickets, addresses. The answer names what to correct."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.stack.observe import eventually
from tests.stack.refusals import (
    assert_clear,
    assert_clear_page,
    assert_no_secret,
    pushed_message,
    unchanged_table,
)
from tests.stack.test_bad_pushes import Sender
from tests.stack.truth import assert_truth, make_due, renew
from tests.stack.world import World
from tests.unit.protocol.pushkit import document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.stack.http_client import Answer
    from sandbox.stack.stack import LocalStack

PUSH, APP = "wxvault/push", "wxvault/app"
SECRET_OF = {PUSH: "callback", APP: "renew"}


@contextmanager
def secret_changed(stack: LocalStack, name: str, value: str | None) -> Iterator[None]:
    """Inside, a secret has another value (None: it is deleted), and no environment knows better."""
    client = stack.root.secrets
    before = client.get_secret_value(SecretId=name)["SecretString"]
    if value is None:
        client.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    else:
        client.put_secret_value(SecretId=name, SecretString=value)
    stack.kill_environments(SECRET_OF[name])
    try:
        yield
    finally:
        if value is None:
            client.restore_secret(SecretId=name)
        client.put_secret_value(SecretId=name, SecretString=before)
        stack.kill_environments(SECRET_OF[name])


def push(stack: LocalStack) -> Answer:
    """Send an honest push of a kind that has no effect on merchants."""
    sender = Sender.inside(stack)
    message = document(AppId=sender.appid, CreateTime=int(time.time()), InfoType="of_no_interest")
    return sender.send(sender.encrypted(message))


# ---- secrets ------------------------------------------------------------------------------------

SHORT_KEY = "k" * 42
SLASHED_KEY = "k" * 42 + "/"
TOKEN = "aVeryOwnTokenOfTheConsole"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, "PushSecret"),
        ("not JSON, but " + TOKEN, "PushSecret"),
        ("[]", "PushSecret"),
        (json.dumps({"tokens": [TOKEN]}), "encoding_aes_keys"),
        (json.dumps({"encoding_aes_keys": ["k" * 43]}), "tokens"),
        (json.dumps({"tokens": TOKEN, "encoding_aes_keys": ["k" * 43]}), "tokens"),
        (json.dumps({"tokens": [TOKEN], "encoding_aes_keys": []}), "encoding_aes_keys"),
        (json.dumps({"tokens": [TOKEN], "encoding_aes_keys": [SHORT_KEY]}), "encoding_aes_keys[0]"),
        (
            json.dumps({"tokens": [TOKEN], "encoding_aes_keys": ["k" * 43, SLASHED_KEY]}),
            "encoding_aes_keys[1]",
        ),
        (json.dumps({"tokens": [TOKEN] * 4, "encoding_aes_keys": ["k" * 43]}), "tokens"),
    ],
    ids=["missing", "no JSON", "no object", "no keys", "no tokens", "text", "none", "short key",
         "key with a slash", "four tokens"],
)  # fmt: skip
def test_a_broken_push_secret_is_named_and_never_quoted(
    stack: LocalStack, value: str | None, field: str
) -> None:
    """WeChat's push is answered with 500, so that it comes again; the field is named, no value."""
    since = time.time()
    with unchanged_table(stack), secret_changed(stack, PUSH, value):
        error = assert_clear(stack, push(stack), 500, "configuration")
        logged = pushed_message(stack, "callback", "push refused", since)
    assert error["message"].startswith(f"{field}: ")
    assert logged["error"] == error["message"]
    for part in (SHORT_KEY, TOKEN):
        assert part not in json.dumps([error, logged])
    assert push(stack).body == b"success"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, "AppSecret"),
        ("{}", "component_appsecret"),
        (json.dumps({"component_appsecret": TOKEN}), "component_appsecret"),
    ],
    ids=["missing", "empty", "malformed"],
)
def test_a_broken_app_secret_is_named_and_never_quoted(
    stack: LocalStack, value: str | None, field: str
) -> None:
    """Whoever has it renewed is told; what there is, is handed out; and then it heals."""
    with secret_changed(stack, APP, value):
        make_due(stack, None)
        error = stack.invoke("renew", {"job": "component"})["error"]
        token = stack.invoke("token", {"component": True})
    assert error["code"] == "configuration"
    assert error["message"].startswith(f"{field}: ")
    assert error["remedy"]
    assert TOKEN not in json.dumps(error)
    assert stack.wechat.check(token["access_token"]).honoured
    stack.kill_environments("renew")

    def renewed() -> bool:
        make_due(stack, None)
        return bool(stack.invoke("renew", {"job": "component"}).get("outcome") == "renewed")

    eventually(renewed, what="a renewal with the right AppSecret", seconds=60)


def test_a_rotated_push_secret_is_noticed_at_once(stack: LocalStack) -> None:
    """The console has a new Token and key, the secret knows both: no restart, no push lost."""
    own = stack.component
    token, key = "n" * 32, "N" * 43
    assert push(stack).body == b"success"
    client = stack.root.secrets
    before = client.get_secret_value(SecretId=PUSH)["SecretString"]
    both = {"tokens": [own.token, token], "encoding_aes_keys": [own.encoding_aes_key, key]}
    client.put_secret_value(SecretId=PUSH, SecretString=json.dumps(both))
    try:
        sender = Sender(stack, own.appid, token, key)
        message = document(AppId=own.appid, CreateTime=int(time.time()), InfoType="of_no_interest")
        encrypted = sender.encrypted(message)
        # An environment looks again at most once in 30 s: a bad push may have used that up.
        eventually(
            lambda: sender.send(encrypted).body == b"success",
            what="the new keys are known",
            seconds=32,
        )
        assert push(stack).body == b"success"
    finally:
        client.put_secret_value(SecretId=PUSH, SecretString=before)
        stack.kill_environments("callback")


# ---- WeChat's list of addresses -----------------------------------------------------------------


@contextmanager
def address_unknown(stack: LocalStack, address: str = "198.51.100.7") -> Iterator[str]:
    """Inside, WeChat sees the platform come from an address that is not on its list."""
    stack.wechat.configure(client_ip=address)
    try:
        yield address
    finally:
        stack.wechat.configure(client_ip="")


def test_an_address_that_is_not_on_wechats_list_is_named(world: World) -> None:
    """61004: page, plugin call and log name the address to whitelist; nothing is minted."""
    since, stack = time.time(), world.stack
    trip = world.visit(style="pc")
    with address_unknown(stack) as address:
        pressed = trip.browser.post(trip.launch_url)
        text = assert_clear_page(stack, pressed, 502, "wechat_refused")
        answer = world.backend.http(
            "POST", f"/tenants/{world.tenant_id}/auth-urls", body={"style": "plugin"}
        )
        error = assert_clear(stack, answer, 502, "wechat_refused")
    logged = pushed_message(stack, "launch", "page failed", since)
    for said in (text, error["remedy"], logged["remedy"]):
        assert f"Add {address} to the platform's IP list" in said
    assert error["wechat_errcode"] == logged["wechat_errcode"] == 61004


def test_a_renewal_from_an_unknown_address_is_put_off_and_named_in_the_log(world: World) -> None:
    """Nothing is lost: the old token is served, the log says what to do, then it is renewed."""
    since, stack = time.time(), world.stack
    confirmation = world.authorise()
    old = world.token()
    make_due(stack, world.appid)
    with address_unknown(stack) as address:
        assert renew(stack, world.appid) == "refused"
        assert world.token() == old
    logged = pushed_message(stack, "renew", "wechat refused", since)
    assert f"Add {address} to the platform's IP list" in logged["remedy"]
    make_due(stack, world.appid)
    assert_truth(world, codes=[confirmation.auth_code])


def test_a_look_up_that_fails_for_the_address_names_it(world: World) -> None:
    """Who has no token to hand out says why, and which address belongs on the list."""
    stack = world.stack
    stack.wechat.configure(access_token_life=1)
    try:
        world.authorise()
    finally:
        stack.wechat.configure(access_token_life=7200)
    make_due(stack, world.appid)
    with address_unknown(stack) as address:

        def refused() -> dict[str, Any] | None:
            error: dict[str, Any] | None = world.look_up().get("error")
            return error

        error = eventually(refused, what="no token can be had")
    assert error["code"] == "renewal_failing"
    assert error["wechat_errcode"] == 61004
    assert address in error["remedy"]


# ---- no ticket ----------------------------------------------------------------------------------


def test_without_a_ticket_everybody_is_told_where_to_look(stack: LocalStack) -> None:
    """As after a first deployment: pages and look-ups say what to enter where; a push heals it."""
    world = World.fresh(stack)
    trip = world.visit(style="pc")
    table, component = stack.outputs["TableName"], f"C#{stack.component.appid}"
    gone = [
        {"pk": item["pk"], "sk": item["sk"]}
        for item in stack.scan_table()
        if item["pk"].get("S") == component and item["sk"].get("S", "").startswith("T")
    ]
    # The platform's own items are taken out: a stack that never saw a ticket has none either.
    for key in gone:
        stack.root.dynamodb.delete_item(TableName=table, Key=key)
    stack.kill_environments("launch")
    try:
        with unchanged_table(stack, lambda key: key[1] == "SESSION"):
            asked = stack.invoke("token", {"component": True})["error"]
            role = stack.roles.caller_of_paths("component-caller", [("GET", "/component-token")])
            fetched = assert_clear(stack, role.http("GET", "/component-token"), 503, "no_ticket")
            page = trip.browser.post(trip.launch_url)
            text = assert_clear_page(stack, page, 503, "no_ticket")
            job = stack.invoke("renew", {"job": "component"})["error"]
    finally:
        stack.wechat.push_ticket()
    for said in (asked["remedy"], fetched["remedy"], text, job["remedy"]):
        assert "授权事件接收URL" in said
        assert "make status" in said
    assert (asked["code"], job["code"]) == ("no_ticket", "no_ticket")

    def healed() -> bool:
        return "access_token" in stack.invoke("token", {"component": True})

    eventually(healed, what="a component token bought with the new ticket")
    world.authorise()
    assert_truth(world)


def test_without_the_sealing_key_nothing_is_handed_out_and_nothing_is_lost(world: World) -> None:
    """It fails closed, and goes on as before once the key is enabled again."""
    stack, key = world.stack, world.stack.outputs["SealingKeyArn"]
    # Tickets cannot be opened either: the component is noted as failing.
    component = (f"C#{stack.component.appid}", "TOKEN")
    confirmation = world.authorise()
    stack.root.kms.disable_key(KeyId=key)
    try:
        for name in ("token", "renew"):
            stack.kill_environments(name)
        with unchanged_table(stack, lambda key: key == component):
            errors = [world.look_up()["error"], stack.invoke("token", {"component": True})["error"]]
            assert all(error["remedy"] for error in errors)
    finally:
        stack.root.kms.enable_key(KeyId=key)
    assert_truth(world, codes=[confirmation.auth_code])


def test_a_platforms_refusal_shows_no_secret(world: World) -> None:
    """WeChat refuses everything the platform says: what goes to callers holds none of it."""
    stack, since = world.stack, time.time()
    trip = world.visit(style="pc")
    stack.wechat.add_fault("errcode", "/cgi-bin/component/api_create_preauthcode", errcode=40013)
    pressed = trip.browser.post(trip.launch_url)
    assert_clear_page(stack, pressed, 502, "wechat_refused")
    assert_no_secret(stack, "\n".join(line.text for line in stack.logs(since=since)))
