"""The table in the hands of an attacker, and the sealing key taken away: end to end."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.stack.observe import eventually
from tests.stack.refusals import assert_clear, assert_no_secret, pushed_message
from tests.stack.test_bad_pushes import Sender
from tests.stack.truth import Vault, assert_truth, make_due, renew, sha256
from tests.stack.world import AUTHORIZER_INFO, COMPONENT_TOKEN, QUERY_AUTH, World
from tests.unit.protocol.pushkit import document
from tests.unit.vault.seal_attacks import ATTACKS, MINE, Attack, Items
from wxvault.clock import SystemClock
from wxvault.vault.expressions import Item, Key, Put
from wxvault.vault.keys import authorizer_key, code_key, component_key, fingerprint
from wxvault.vault.table import DynamoTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.stack.http_client import Answer
    from sandbox.stack.stack import LocalStack

WORDS_FOR_OTHERS = {"renewal_failing", "no_ticket", "renewal_in_progress", "internal"}
"""What callers are told when something else is wrong."""


def table_of(stack: LocalStack) -> DynamoTable:
    """The table, with the root user's rights."""
    clock = SystemClock()
    return DynamoTable(stack.root.dynamodb, stack.outputs["TableName"], clock, lambda: 0.5)


def there(stack: LocalStack, key: Key) -> Item:
    """An item that must be there, without its key."""
    found = table_of(stack).get(key)
    assert found is not None, key
    return {name: value for name, value in found.items() if name not in {"pk", "sk"}}


def put(stack: LocalStack, key: Key, item: Item) -> None:
    """Write an item as an attacker does: over whatever stands there."""
    kept = {name: value for name, value in item.items() if value is not None}
    table_of(stack).write(Put(key, {n: v for n, v in kept.items() if n not in {"pk", "sk"}}))


def key_of(world: World) -> Key:
    """The key of a merchant's tokens."""
    return authorizer_key(world.stack.component.appid, world.appid)


def told(stack: LocalStack, since: float) -> set[str]:
    """Every error code that the functions have logged, but of jobs that could never be done.

    Other tests have sent such, and a queue delivers them again for minutes.
    """
    lines = (line.fields() for line in stack.logs(since=since))
    codes = {(line.get("message"), line.get("error_code")) for line in lines}
    return {
        str(code) for _, code in codes - {("job failed", "invalid_request")} if code is not None
    }


def counted(stack: LocalStack, name: str, since: float) -> float:
    """How often the functions have counted something."""
    return sum(metric.value for metric in stack.metrics(since=since) if metric.name == name)


# ---- a merchant's tokens ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def loot(stack: LocalStack) -> tuple[World, Item, Item]:
    """A merchant, an older item of it, and the item of another one."""
    world, other = World.fresh(stack), World.fresh(stack)
    world.authorise()
    other.authorise()
    older = there(stack, key_of(world))
    # Another environment seals the newer one, so it has another data key.
    stack.kill_environments("renew")
    make_due(stack, world.appid)
    assert renew(stack, world.appid) == "renewed"
    return world, older, there(stack, key_of(other))


@pytest.mark.parametrize(
    "attack",
    [
        attack
        for attack in ATTACKS
        if not attack.name.startswith("put under") and not attack.name.endswith("as text")
    ],
    ids=lambda attack: attack.name,
)
def test_a_touched_item_heals(loot: tuple[World, Item, Item], attack: Attack) -> None:
    """The look-up that finds it hands out a token that WeChat honours; the seal is named."""
    world, older, others = loot
    stack, since = world.stack, time.time()
    calls = stack.wechat.last_seq()
    items = Items(dict(there(stack, key_of(world))), dict(older), dict(others))
    key, item, attribute = attack.make(items)
    assert key == MINE
    put(stack, key_of(world), item)
    answer = world.look_up()
    assert stack.wechat.check(answer["access_token"]).authorizer_appid == world.appid
    assert stack.wechat.check(answer["access_token"]).honoured
    if attribute == "access_token":
        assert answer["renewed"]
    else:
        make_due(stack, world.appid)
        assert renew(stack, world.appid) == "renewed"
    vault = Vault(stack)
    refresh_token = vault.tokens.refresh_token(vault.state(world.appid)) or ""
    assert sha256(refresh_token) == stack.wechat.merchant(world.appid)["refresh_token_sha256"]
    assert told(stack, since) == {"seal_broken"}
    assert counted(stack, "SealBroken", since) >= 1
    assert (
        stack.wechat.count(QUERY_AUTH, authorizer_appid=world.appid, since=calls, what="calls") == 0
    )


def test_what_happened_is_logged_with_the_item_and_no_secret(world: World) -> None:
    """Code, item, attribute and what to do stand in one line; nothing else is called failing."""
    stack = world.stack
    confirmation = world.authorise()
    since = time.time()
    put(stack, key_of(world), {**there(stack, key_of(world)), "access_token": b"\x01" * 60})
    assert stack.wechat.check(world.token()).honoured
    line = pushed_message(stack, "token", "seal broken", since)
    assert line["error_code"] == "seal_broken"
    assert line["item"] == f"{key_of(world).pk} TOKEN"
    assert line["attribute"] == "access_token"
    assert "who has written to the table" in line["remedy"]
    assert_no_secret(stack, "\n".join(line.text for line in stack.logs(since=since)))
    assert_truth(world, codes=[confirmation.auth_code])
    kinds = {event.kind for event in world.events()}
    assert not {"authorizer.failing", "authorizer.lost"} & kinds


def test_while_wechat_refuses_the_seal_is_named_beside_wechats_reason(world: World) -> None:
    """A look-up that cannot be answered says both, and it heals when WeChat is back."""
    stack = world.stack
    confirmation = world.authorise()
    put(stack, key_of(world), {**there(stack, key_of(world)), "access_token": b"\x01" * 60})
    stack.wechat.add_fault(
        "errcode",
        "/cgi-bin/component/api_authorizer_token",
        authorizer_appid=world.appid,
        errcode=45009,
    )
    error = world.look_up()["error"]
    assert (error["code"], error["wechat_errcode"]) == ("seal_broken", 45009)
    make_due(stack, world.appid)
    assert_truth(world, codes=[confirmation.auth_code])


def test_a_whole_older_item_is_accepted_and_heals(world: World) -> None:
    """As a restore makes it: the next renewal finds WeChat's own refresh token and goes on."""
    stack = world.stack
    confirmation = world.authorise()
    older = there(stack, key_of(world))
    for _ in range(2):
        stack.wechat.expire(world.appid, "refresh_replaced")
        make_due(stack, world.appid)
        assert renew(stack, world.appid) == "renewed"
    asked = world.count(AUTHORIZER_INFO)
    # But for the number of the last event, which is not to be told twice in this test.
    sequence = there(stack, key_of(world)).get("sequence")
    put(stack, key_of(world), {**older, "sequence": sequence})
    make_due(stack, world.appid)
    assert renew(stack, world.appid) == "renewed"
    assert world.count(AUTHORIZER_INFO) == asked + 1
    assert_truth(world, codes=[confirmation.auth_code])


# ---- the component token and tickets ------------------------------------------------------------


@pytest.mark.parametrize(
    "touch",
    [{"access_token": b"\x01" * 80}, {"sealed_key": b"rubbish"}, {"generation": 4711}],
    ids=["token", "wrapped key", "generation"],
)
def test_a_touched_component_token_heals(stack: LocalStack, touch: dict[str, Any]) -> None:
    """Ticket and AppSecret buy another one, at once."""
    since, calls = time.time(), stack.wechat.last_seq()
    key = component_key(stack.component.appid)
    put(stack, key, {**there(stack, key), **touch})
    answer = stack.invoke("token", {"component": True})
    assert answer["renewed"]
    assert stack.wechat.check(answer["access_token"]).honoured
    assert stack.wechat.count(COMPONENT_TOKEN, since=calls, what="calls") == 1
    assert told(stack, since) == {"seal_broken"}


def test_without_a_ticket_that_opens_the_seal_is_named(stack: LocalStack) -> None:
    """Nobody is told to look at WeChat's console; the next push heals it."""
    component = f"C#{stack.component.appid}"
    for item in stack.scan_table():
        place = Key(str(item["pk"].get("S")), str(item["sk"].get("S")))
        if place.pk == component and place.sk.startswith("T"):
            name = "access_token" if place.sk == "TOKEN" else "component_verify_ticket"
            put(stack, place, {**there(stack, place), name: b"\x01" * 60})
    error = stack.invoke("token", {"component": True})["error"]
    assert error["code"] == "seal_broken"
    assert "no ticket can be opened" in error["message"]
    assert "within ten minutes" in error["remedy"]
    stack.wechat.push_ticket()

    def healed() -> bool:
        return "access_token" in stack.invoke("token", {"component": True})

    eventually(healed, what="a component token bought with the new ticket")


# ---- the key ------------------------------------------------------------------------------------


@contextmanager
def key_taken_away(stack: LocalStack, *, for_ever: bool = False) -> Iterator[None]:
    """Inside, the sealing key is disabled, or even waits for its deletion."""
    key, kms = stack.outputs["SealingKeyArn"], stack.root.kms
    if for_ever:
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    else:
        kms.disable_key(KeyId=key)
    try:
        yield
    finally:
        if for_ever:
            kms.cancel_key_deletion(KeyId=key)
        kms.enable_key(KeyId=key)


def push(stack: LocalStack, **content: str) -> Answer:
    """Send an honest push."""
    sender = Sender.inside(stack)
    message = document(AppId=sender.appid, CreateTime=int(time.time()), **content)
    return sender.send(sender.encrypted(message))


def ticket(stack: LocalStack) -> Answer:
    """Send a push of a ticket: the same one again, so that WeChat honours it."""
    values = [one.value for one in stack.wechat.secrets() if one.kind == "component_verify_ticket"]
    kind = {"InfoType": "component_verify_ticket"}
    return push(stack, **kind, ComponentVerifyTicket=values[-1])


@pytest.mark.parametrize("for_ever", [False, True], ids=["disabled", "to be deleted"])
def test_a_key_taken_away_is_named_everywhere(world: World, *, for_ever: bool) -> None:
    """Look-ups, renewals, pushes: refused in its name; WeChat is not asked, nothing changes."""
    stack = world.stack
    confirmation = world.authorise()
    make_due(stack, world.appid)
    calls, since = stack.wechat.last_seq(), time.time()
    remedy = "cancel-key-deletion" if for_ever else "enable-key"
    with key_taken_away(stack, for_ever=for_ever):
        # Others may have keys in hand: for them see the next test.
        for name in ("token", "renew", "callback"):
            stack.kill_environments(name)
        before = there(stack, key_of(world))
        errors = [
            world.look_up()["error"],
            stack.invoke("token", {"component": True})["error"],
            stack.invoke("renew", {"job": "authorizer", "authorizer_appid": world.appid})["error"],
            assert_clear(
                stack,
                world.caller.http("GET", f"/tokens/{world.appid}"),
                503,
                "sealing_key_unusable",
            ),
        ]
        refused = ticket(stack)
        assert there(stack, key_of(world)) == before
    assert {error["code"] for error in errors} == {"sealing_key_unusable"}
    assert all(remedy in error["remedy"] for error in errors)
    assert remedy in assert_clear(stack, refused, 503, "sealing_key_unusable")["remedy"]
    assert pushed_message(stack, "callback", "push not stored", since)["error_code"] == (
        "sealing_key_unusable"
    )
    assert counted(stack, "SealingKeyUnusable", since) >= 4
    assert counted(stack, "PushRefused", since) == 0
    assert told(stack, since) == {"sealing_key_unusable"}
    assert stack.wechat.counts(calls)["paths"] == {}
    assert ticket(stack).body == b"success"
    assert_truth(world, codes=[confirmation.auth_code])


def test_what_is_in_hand_serves_on_while_the_key_is_disabled(world: World) -> None:
    """Readers keep a data key for 300 s and writers one for an hour: nobody notices at first."""
    stack = world.stack
    confirmation = world.authorise()
    for name in ("token", "callback"):
        stack.kill_environments(name)
    assert stack.wechat.check(world.token()).honoured
    assert ticket(stack).body == b"success"
    with key_taken_away(stack):
        assert stack.wechat.check(world.token()).honoured
        # What callback seals meanwhile opens when the key is back.
        assert stack.wechat.push_ticket().state == "delivered"
    assert_truth(world, codes=[confirmation.auth_code])


@pytest.mark.parametrize("touched", [False, True], ids=["as it is", "touched meanwhile"])
@pytest.mark.parametrize("known", [False, True], ids=["new merchant", "known merchant"])
def test_a_code_waits_for_the_key(world: World, *, touched: bool, known: bool) -> None:
    """It is not spent while its tokens could not be kept.

    A touched one is not needed of a merchant whom WeChat has issued tokens for; of another one it
    comes a second time, with the browser.
    """
    stack = world.stack
    if known:
        world.authorise()
    trip = world.launched(style="pc")
    assert ticket(stack).body == b"success"
    exchanged = world.count(QUERY_AUTH, what="calls")
    with key_taken_away(stack):
        for name in ("exchange-worker", "renew"):
            stack.kill_environments(name)
        since = time.time()
        options = {"func_ids": [1]} if known else {}
        confirmation = trip.confirm(world.appid, push="first", **options)
        eventually(
            lambda: "sealing_key_unusable" in told(stack, since), what="the worker finds no key"
        )
        assert world.count(QUERY_AUTH, what="calls") == exchanged
        if touched:
            key = code_key(stack.component.appid, fingerprint(confirmation.auth_code))
            put(stack, key, {**there(stack, key), "authorization_code": b"\x01" * 60})
    if touched and not known:
        trip.land(confirmation)
    assert_truth(world, codes=[confirmation.auth_code])
    assert world.count(QUERY_AUTH) == exchanged + (0 if touched and known else 1)
    assert not WORDS_FOR_OTHERS & told(stack, since)
