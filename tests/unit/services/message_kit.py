"""What tests of messages share: a message function in memory, and WeChat pushing to it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import xmltodict
from wechatpy.crypto import WeChatCrypto

from tests.fakes.house import COMPONENT, MERCHANT, FakeSecret, House
from tests.unit.protocol.pushkit import AES_KEYS, NONCE, TOKENS, document, envelope, push
from wxvault.protocol.message_crypto import message_signature
from wxvault.protocol.message_keys import MessageKeys
from wxvault.services.messages import Answered, Messages
from wxvault.services.push_door import PushDoor
from wxvault.services.release_test import ReleaseTest
from wxvault.services.responding import NoReplyError, Responding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

USER = "ozy4qt5QUADNXORxCVipKMV9dss0"
SHOP = "gh_97417a04a28d"


@dataclass
class FakeResponder:
    """The platform's own function: says what it is told to say, and remembers the questions."""

    answer: object = None
    problem: str = ""
    asked: list[Mapping[str, Any]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def __call__(self, question: Mapping[str, Any], seconds: float) -> object:
        """Answer, or fail."""
        self.asked.append(question)
        self.seconds.append(seconds)
        if self.problem:
            raise NoReplyError(self.problem)
        return self.answer


class MessageDesk:
    """One environment of *message*; ``another`` gives more of them over the same table."""

    def __init__(self, house: House | None = None, responder: FakeResponder | None = None) -> None:
        self.house = House() if house is None else house
        self.responder = responder
        self.counted: Counter[str] = Counter()
        self.jobs = self.house.exchange_queue
        tools = self.house.tools
        keys = MessageKeys(COMPONENT, TOKENS, AES_KEYS)
        door = PushDoor(
            FakeSecret(keys),
            self.house.items.note_message,
            self.house.clock,
            max_age=3600,
            json_too=True,
            accepted_pause=30,
        )
        self.messages = Messages(
            tools,
            door,
            self.house.seen,
            self.house.profiles,
            self.house.renew_queue,
            ReleaseTest(tools, self.house.codes, self.house.release_answers, self.jobs.send),
            Responding(responder, self.house.clock, self._count),
            lambda count: bytes(range(count)),
            self._count,
        )

    def _count(self, name: str) -> None:
        self.counted[name] += 1

    def another(self) -> MessageDesk:
        """Return another environment."""
        return MessageDesk(self.house, self.responder)

    @property
    def published(self) -> list[Mapping[str, Any]]:
        """Every ``message.received``."""
        return [detail for kind, detail in self.house.bus.sent if kind == "message.received"]

    @property
    def steps(self) -> list[str]:
        """Every step of the release test that was told."""
        return [
            detail["step"] for kind, detail in self.house.bus.sent if kind == "release_test.step"
        ]

    def text(self, content: str = "hello", number: int = 1, **changed: str | int) -> bytes:
        """Return the plain text of a user's message."""
        fields: dict[str, str | int] = {
            "ToUserName": SHOP,
            "FromUserName": USER,
            "CreateTime": int(self.house.clock.now()),
            "MsgType": "text",
            "Content": content,
            "MsgId": 6427251175451672000 + number,
        }
        return document(**fields | changed)

    def send(
        self,
        plaintext: bytes,
        appid: str = MERCHANT,
        *,
        key_index: int = 2,
        as_json: bool = False,
        received_at: float | None = None,
    ) -> Answered:
        """WeChat pushes a message: signed and encrypted with one of the keys that are known."""
        encrypted = push(plaintext, appid=COMPONENT, aes_key=AES_KEYS[key_index])
        timestamp = str(int(self.house.clock.now()))
        body = envelope(encrypted, "")
        if as_json:
            body = json.dumps({"ToUserName": SHOP, "Encrypt": encrypted}).encode()
        token = TOKENS[key_index]
        query = {
            "timestamp": timestamp,
            "nonce": NONCE,
            "openid": USER,
            "msg_signature": message_signature(token, timestamp, NONCE, encrypted),
        }
        return self.messages.receive(appid, body, query, received_at=received_at)


def opened(answer: Answered, key_index: int = 2) -> dict[str, Any]:
    """Open a passive reply as WeChat does, with the keys of the message it answers."""
    assert answer.is_reply, answer
    read = json.loads if answer.is_json else lambda text: xmltodict.parse(text)["xml"]
    signed = read(answer.body)
    crypto = WeChatCrypto(TOKENS[key_index], AES_KEYS[key_index], COMPONENT)
    plain = crypto.decrypt_message(
        {"Encrypt": signed["Encrypt"]},
        signed["MsgSignature"],
        str(signed["TimeStamp"]),
        signed["Nonce"],
    )
    found: dict[str, Any] = read(plain)
    return found


def failing(error: BaseException) -> Callable[..., Any]:
    """Return what raises an error, whatever it is given."""

    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail
