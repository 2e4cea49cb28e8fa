"""Functions that WeChat pushes to: what is behind the signature is mutated, then sealed and signed.

An input is a row of choices and a plaintext. The choices say how it is sealed; by default it is
done honestly, so that mutations reach the parser and the use cases and not only the door.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.fakes.house import COMPONENT
from tests.fuzz.desk import AES_KEYS, NOW, TOKENS, Desk, http_event, require_http_error
from tests.fuzz.target import Feed, Target, require, stretched
from tests.unit.protocol.pushkit import envelope, pad, raw_encrypt
from wxvault.errors import WxvaultError
from wxvault.protocol.message_crypto import message_signature
from wxvault.protocol.pushes import Authorized, FastRegistration, Ticket, parse_push

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.runtime.wiring import Wiring

NONCE = "415670741"
RANDOM = b"0123456789abcdef"
STRANGER = "wx00000000000000ff"

# Ways to choose from, the honest one first.
_TIMES = (str(int(NOW)), str(int(NOW) - 3599), str(int(NOW) - 4000), "", "9" * 30, "9" * 5000, "٣٣")
_MAX_AGE = 3600
# In base64, with its envelope, it just fits into the largest body.
_LONGEST_PLAINTEXT = 190_000

WORDS = (
    b"<xml>",
    b"</xml>",
    b"<![CDATA[",
    b"]]>",
    b"<AppId>",
    COMPONENT.encode(),
    STRANGER.encode(),
    b"<CreateTime>",
    b"<InfoType>",
    b"component_verify_ticket",
    b"ComponentVerifyTicket",
    b"authorized",
    b"updateauthorized",
    b"unauthorized",
    b"AuthorizerAppid",
    b"AuthorizationCode",
    b"AuthorizationCodeExpiredTime",
    b"PreAuthCode",
    b"notify_third_fasteregister",
    b"notify_third_fastregisterbetaapp",
    b"<status>0</status>",
    b"<appid>",
    b"<auth_code>",
    b"<info>",
    b"<msg>",
    b"queryauthcode@@@",
    b"<!DOCTYPE",
    b"<!ENTITY",
    b"&#0;",
    b"&amp;",
    b"9999999999",
    b"-1",
    b"\xef\xbb\xbf",
    b"<ToUserName>gh_3c884a361561</ToUserName>",
    b"<FromUserName>o-user</FromUserName>",
    b"<MsgType>text</MsgType>",
    b"<MsgType>event</MsgType>",
    b"<Event>LOCATION</Event>",
    b"<MsgId>6427251175451672521</MsgId>",
    b"<Content>TESTCOMPONENT_MSG_TYPE_TEXT</Content>",
    b"<Content>QUERY_AUTH_CODE:",
    b'{"MsgType": "text", "Content": "',
)


@dataclass(frozen=True, slots=True)
class SignedDoor:
    """One function behind a signature: how it is wired, where it stands, how it may answer."""

    name: str
    wire: Callable[[Wiring], Callable[[Mapping[str, Any], Any], Any]]
    path: str
    good_answer: Callable[[Mapping[str, Any]], bool]
    refusals: tuple[int, ...]
    parameters: Mapping[str, str] | None = None

    def target(self) -> Target:
        """Return the target; its desk is made with the first input."""
        desks: list[Desk] = []

        def play(data: bytes) -> None:
            if not desks:
                desks.append(Desk(self.wire, push_max_age=_MAX_AGE))
            self._play(desks[0], data)

        return Target(
            self.name, f"POST {self.path}: signed, whatever is in it", play, WORDS, 8 * 1024
        )

    def _play(self, desk: Desk, data: bytes) -> None:
        whole = stretched(data, _LONGEST_PLAINTEXT)
        event, plaintext = sealed_event(self.path, whole)
        event["pathParameters"] = dict(self.parameters or {})
        desk.reset()
        before = desk.state()
        answer = desk.handle(event)
        desk.require_silence_about(secrets_in(plaintext), answer)
        if answer["statusCode"] != 200:
            require_http_error(answer, *self.refusals)
            require(desk.state() == before, "a refused push changed the table")
            require(not desk.events and not desk.jobs, "a refused push had consequences")
            return
        require(self.good_answer(answer), "not WeChat's answer")
        if whole is data:  # a large one is about the time it takes, once
            self._again(desk, event)

    def _again(self, desk: Desk, event: Mapping[str, Any]) -> None:
        """The very same request comes twice more, at once and ten minutes later."""
        after, events = desk.state(), desk.events
        for seconds in (0, 600):
            desk.later(seconds)
            again = desk.handle(event)
            too_old = seconds and again["statusCode"] == 403
            require(too_old or self.good_answer(again), "a repeated push is answered otherwise")
            require(desk.state() == after, "a repeated push changed the table")
            require(desk.events == events, "a repeated push was told twice")
        require(not desk.house.wechat.calls, "a push had WeChat asked")


def sealed_event(path: str, data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the request that an input stands for, and the plaintext in it."""
    feed = Feed(data)
    token = feed.pick(TOKENS[1], TOKENS[0], "no Token of ours")
    key = feed.pick(AES_KEYS[1], AES_KEYS[0])
    trailer = feed.pick(COMPONENT, STRANGER, "", "gh_eb5e3a772040")
    timestamp = feed.pick(*_TIMES)
    length = feed.pick(None, 0, 1, 2**31, 2**32 - 1)
    wrapped = feed.pick(envelope, _bare, _as_json)
    is_base64 = feed.pick(False, True)
    plaintext = feed.rest()
    count = len(plaintext) if length is None else length
    inside = RANDOM + count.to_bytes(4, "big") + plaintext + trailer.encode()
    encrypted = raw_encrypt(pad(inside), key)
    body = wrapped(encrypted)
    query = "&".join(
        (
            f"timestamp={timestamp}",
            f"nonce={NONCE}",
            "encrypt_type=aes",
            f"msg_signature={message_signature(token, timestamp, NONCE, encrypted)}",
        )
    )
    event = http_event(
        "POST",
        path,
        query=query,
        headers={"content-type": "text/xml"},
        body=base64.b64encode(body).decode() if is_base64 else body.decode(),
        is_base64=is_base64,
    )
    return event, plaintext


def secrets_in(plaintext: bytes) -> tuple[str, ...]:
    """Return the secrets that a plaintext carries where a push carries them, if it is one."""
    try:
        push = parse_push(plaintext)
    except WxvaultError:
        return ()
    match push:
        case Ticket():
            found = [push.component_verify_ticket]
        case Authorized():
            found = [push.authorization_code, push.pre_auth_code or ""]
        case FastRegistration():
            found = [push.auth_code or ""]
        case _:
            found = []
    # What is shorter than any of WeChat's secrets stands in other words as well.
    return tuple(secret for secret in found if len(secret) >= 40)


def _bare(encrypted: str) -> bytes:
    return f"<xml><Encrypt>{encrypted}</Encrypt></xml>".encode()


def _as_json(encrypted: str) -> bytes:
    return f'{{"ToUserName":"","Encrypt":"{encrypted}"}}'.encode()
