"""Secrets that change while they are in use: how long the old one holds, and when the new is found.

Real readers, real door, real renewal of the component token; only clock and AWS are not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.house import COMPONENT, House
from tests.unit.protocol.pushkit import NONCE, TICKET, document, envelope, push
from tests.unit.services.kit import new_house, until_due
from wxvault.errors import BadEnvelopeError, BadSignatureError
from wxvault.protocol.message_crypto import message_signature
from wxvault.runtime.secrets import app_secret, push_secret
from wxvault.services.component import ComponentKeeper
from wxvault.services.event_door import EventDoor
from wxvault.services.outcome import Outcome

if TYPE_CHECKING:
    from wxvault.protocol.pushes import Push

TOKENS = ["token1", "token2", "token3", "token4"]
KEYS = [letter * 42 + "A" for letter in "abcd"]


@dataclass(slots=True)
class Manager:
    """Secrets Manager with one secret."""

    text: str = ""
    reads: int = 0

    def get_secret_value(self, *, SecretId: str, VersionStage: str) -> Any:  # noqa: N803
        """Return it."""
        self.reads += 1
        return {"SecretString": self.text}


class Callback:
    """One environment of *callback*, as WeChat and whoever changes the secret meet it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.manager = Manager()
        self.taken: list[Push] = []
        self.write(TOKENS[:1], KEYS[:1])
        secret = push_secret(self.manager, "arn", COMPONENT, self.clock)
        self.door = EventDoor(COMPONENT, secret, self, self.taken.append, self.clock, max_age=3600)

    def note_push(self, verdict: str, *, now: float, info_type: str | None = None) -> None:
        """Take the verdict."""

    def write(self, tokens: list[str], keys: list[str]) -> None:
        """Put a new value into the secret."""
        self.manager.text = json.dumps({"tokens": tokens, "encoding_aes_keys": keys})

    def push(self, token: str, key: str) -> bool:
        """WeChat pushes with these; say whether it was taken."""
        now = int(self.clock.now())
        message = document(
            AppId=COMPONENT,
            CreateTime=now,
            InfoType="component_verify_ticket",
            ComponentVerifyTicket=TICKET,
        )
        encrypted = push(message, appid=COMPONENT, aes_key=key)
        query = {
            "timestamp": str(now),
            "nonce": NONCE,
            "msg_signature": message_signature(token, str(now), NONCE, encrypted),
        }
        try:
            self.door.receive(envelope(encrypted, COMPONENT), query)
        except (BadSignatureError, BadEnvelopeError):
            return False
        return True


@pytest.mark.parametrize("what", ["token", "key", "both"])
def test_in_the_right_order_no_push_is_refused(what: str) -> None:
    """Secret first, console second: the first push that does not fit has the secret read again."""
    callback = Callback()
    assert callback.push(TOKENS[0], KEYS[0])
    tokens = TOKENS[:2] if what != "key" else TOKENS[:1]
    keys = KEYS[:2] if what != "token" else KEYS[:1]
    callback.write(tokens, keys)
    callback.clock.sleep(1)
    assert callback.push(tokens[-1], keys[-1]), "new at once"
    assert callback.push(TOKENS[0], KEYS[0]), "old ones that are still under way"
    assert callback.manager.reads == 2
    callback.write(tokens[-1:], keys[-1:])
    callback.clock.sleep(301)
    assert callback.push(tokens[-1], keys[-1])
    if what != "key":
        assert not callback.push(TOKENS[0], KEYS[-1])


def test_a_second_change_is_found_half_a_minute_after_the_first() -> None:
    """At most one forced read per 30 s: that is why the procedure waits between two changes."""
    callback = Callback()
    assert callback.push(TOKENS[0], KEYS[0])
    callback.write(TOKENS[:2], KEYS[:1])
    assert callback.push(TOKENS[1], KEYS[0])
    callback.write(TOKENS[:2], KEYS[:2])
    assert not callback.push(TOKENS[1], KEYS[1]), "too soon"
    callback.clock.sleep(29.9)
    assert not callback.push(TOKENS[1], KEYS[1])
    callback.clock.sleep(0.2)
    assert callback.push(TOKENS[1], KEYS[1])


def test_rubbish_uses_up_the_forced_read() -> None:
    """Anybody can send what does not fit; after five minutes the secret is known all the same."""
    callback = Callback()
    assert callback.push(TOKENS[0], KEYS[0])
    assert not callback.push("of a stranger", KEYS[0])
    callback.write(TOKENS[:2], KEYS[:1])
    callback.clock.sleep(10)
    assert not callback.push(TOKENS[1], KEYS[0])
    callback.clock.sleep(289.9)
    callback.push("of a stranger", KEYS[0])
    callback.clock.sleep(0.2)
    assert callback.push(TOKENS[1], KEYS[0])


def test_after_five_minutes_everybody_knows() -> None:
    """Who waits them out before changing WeChat's console needs no forced read at all."""
    callback = Callback()
    assert callback.push(TOKENS[0], KEYS[0])
    callback.write(TOKENS[:2], KEYS[:2])
    callback.clock.sleep(300)
    assert callback.push(TOKENS[0], KEYS[0])
    reads = callback.manager.reads
    assert callback.push(TOKENS[1], KEYS[1])
    assert callback.manager.reads == reads


def test_three_of_each_are_held() -> None:
    """Oldest to newest; whichever WeChat used, it is found."""
    callback = Callback()
    callback.write(TOKENS[:3], KEYS[:3])
    for token in TOKENS[:3]:
        for key in KEYS[:3]:
            assert callback.push(token, key)


def test_in_the_wrong_order_pushes_are_refused_until_the_secret_is_read() -> None:
    """Console first: up to five minutes for an environment that has just looked; nothing breaks."""
    callback = Callback()
    assert callback.push(TOKENS[0], KEYS[0])
    assert not callback.push(TOKENS[1], KEYS[0])
    callback.write(TOKENS[:2], KEYS[:1])
    callback.clock.sleep(30)
    assert callback.push(TOKENS[1], KEYS[0])


# --- the AppSecret -------------------------------------------------------------------------------


def with_manager() -> tuple[House, ComponentKeeper, Manager]:
    """Return a house whose AppSecret is read from Secrets Manager."""
    house = new_house()
    manager = Manager(json.dumps({"component_appsecret": house.wechat.secret}))
    reader = app_secret(manager, "arn", house.time)
    keeper = ComponentKeeper(house.tools, house.wechat, house.items, reader)
    house.push_ticket()
    assert keeper.renew() is Outcome.RENEWED
    return house, keeper, manager


def test_a_reset_appsecret_that_was_entered_is_found_within_the_renewal() -> None:
    """WeChat refuses the old one, the new one is read, and the same renewal succeeds."""
    house, keeper, manager = with_manager()
    house.wechat.secret = "1" * 32
    manager.text = json.dumps({"component_appsecret": "1" * 32})
    until_due(house, None)
    house.push_ticket()
    assert keeper.renew() is Outcome.RENEWED


def test_until_it_is_entered_the_component_token_serves_on() -> None:
    """A reset ends no token: the renewal backs off and succeeds when the secret is there."""
    house, keeper, manager = with_manager()
    house.authorize()
    house.wechat.secret = "1" * 32
    until_due(house, None)
    house.push_ticket()
    begun = house.clock.now()
    assert keeper.renew() is Outcome.REFUSED
    manager.text = json.dumps({"component_appsecret": "1" * 32})
    while keeper.renew() is not Outcome.RENEWED:
        assert house.lookup.find(None).access_token
        house.clock.sleep(1)
        assert house.clock.now() - begun < 120
    assert house.clock.now() - begun >= 30, "one forced read per 30 s"
