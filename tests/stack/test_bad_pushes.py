"""Pushes that WeChat never sends: refused with a reason, believed in nothing, without effect."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from tests.stack.refusals import assert_clear, unchanged_table
from tests.unit.protocol.pushkit import document, envelope, layout, pad, raw_encrypt
from wxvault.protocol.message_crypto import PUSH_BODY_LIMIT, decode_key, encrypt, message_signature

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.stack.http_client import Answer
    from sandbox.stack.stack import LocalStack

STRANGER = "wx00000000000000ff"
MERCHANT = "wx00000000000000aa"
_NONCE = "1234567890"


@dataclass(frozen=True, slots=True)
class Sender:
    """Somebody who sends to the platform's event URL; by default with the platform's own keys."""

    stack: LocalStack
    appid: str
    token: str = field(repr=False)
    aes_key: str = field(repr=False)

    @classmethod
    def inside(cls, stack: LocalStack) -> Sender:
        """One who has the platform's keys, as only WeChat has: the signature is right."""
        own = stack.component
        return cls(stack, own.appid, own.token, own.encoding_aes_key)

    def unauthorized(self) -> bytes:
        """A message that would have an effect."""
        return document(
            AppId=self.appid,
            CreateTime=int(time.time()),
            InfoType="unauthorized",
            AuthorizerAppid=MERCHANT,
        )

    def encrypted(self, message: bytes) -> str:
        """The Encrypt text of an honest push."""
        return encrypt(decode_key(self.aes_key), self.appid, message, secrets.token_bytes(16))

    def padded(self, padded: bytes) -> str:
        """The Encrypt text of a layout exactly as it stands."""
        return raw_encrypt(padded, self.aes_key)

    def send(
        self, encrypted: str, *, body: bytes | None = None, at: float = 0, signature: str = ""
    ) -> Answer:
        """Sign and post; ``body`` and ``signature`` instead of the right ones."""
        timestamp = str(int(at or time.time()))
        signed = message_signature(self.token, timestamp, _NONCE, encrypted)
        query = {
            "timestamp": timestamp,
            "nonce": _NONCE,
            "encrypt_type": "aes",
            "msg_signature": signature or signed,
        }
        content = envelope(encrypted, self.appid) if body is None else body
        return self.stack.http(
            "POST",
            f"/wechat/events?{urlencode(query)}",
            headers={"Content-Type": "text/xml"},
            body=content,
        )


def wrong_signature(sender: Sender) -> Answer:
    """Right in everything but the signature."""
    return sender.send(sender.encrypted(sender.unauthorized()), signature="0" * 40)


def no_signature(sender: Sender) -> Answer:
    """The query has none at all."""
    body = envelope(sender.encrypted(sender.unauthorized()), sender.appid)
    return sender.stack.http("POST", "/wechat/events", body=body)


def wrong_appid(sender: Sender) -> Answer:
    """Signed and encrypted with our keys, for another component."""
    other = Sender(sender.stack, STRANGER, sender.token, sender.aes_key)
    return other.send(other.encrypted(other.unauthorized()))


def other_platforms_push(sender: Sender) -> Answer:
    """An honest push that WeChat has sent to the wrong URL: none of the keys is ours."""
    other = Sender(sender.stack, STRANGER, secrets.token_hex(16), "B" * 43)
    return other.send(other.encrypted(other.unauthorized()))


def plaintext_body(sender: Sender) -> Answer:
    """Not encrypted."""
    return sender.send("", body=sender.unauthorized())


def empty_body(sender: Sender) -> Answer:
    """Nothing."""
    return sender.send("", body=b"")


def truncated_base64(sender: Sender) -> Answer:
    """Cut off on its way, and signed all the same."""
    return sender.send(sender.encrypted(sender.unauthorized())[:-3])


def truncated_ciphertext(sender: Sender) -> Answer:
    """Base64 of something that is no whole number of blocks."""
    return sender.send(sender.encrypted(sender.unauthorized())[:-4] + "AAA=")


def length_too_long(sender: Sender) -> Answer:
    """The length field points behind the message's end."""
    lying = layout(sender.unauthorized(), appid=sender.appid, length=10_000)
    return sender.send(sender.padded(pad(lying)))


def length_of_everything(sender: Sender) -> Answer:
    """The length field is as large as it can be."""
    lying = layout(sender.unauthorized(), appid=sender.appid, length=2**32 - 1)
    return sender.send(sender.padded(pad(lying)))


def envelope_with_dtd(sender: Sender) -> Answer:
    """A document type around it, with an entity."""
    encrypted = sender.encrypted(sender.unauthorized())
    dtd = b'<!DOCTYPE xml [<!ENTITY e SYSTEM "file:///etc/hostname">]>\n'
    return sender.send(encrypted, body=dtd + envelope(encrypted, sender.appid))


def message_with_dtd(sender: Sender) -> Answer:
    """The same inside, encrypted and signed."""
    dtd = b'<!DOCTYPE xml [<!ENTITY e "x">]>\n'
    return sender.send(sender.encrypted(dtd + sender.unauthorized()))


def message_of_another_component(sender: Sender) -> Answer:
    """Encrypted for us, but its AppId element names another component."""
    message = document(
        AppId=STRANGER,
        CreateTime=int(time.time()),
        InfoType="unauthorized",
        AuthorizerAppid=MERCHANT,
    )
    return sender.send(sender.encrypted(message))


def too_old(sender: Sender) -> Answer:
    """Recorded over an hour ago."""
    encrypted = sender.encrypted(sender.unauthorized())
    return sender.send(encrypted, at=time.time() - 3700)


def too_large(sender: Sender) -> Answer:
    """One byte over the limit."""
    encrypted = sender.encrypted(sender.unauthorized())
    body = envelope(encrypted, sender.appid)
    return sender.send(encrypted, body=body + b" " * (PUSH_BODY_LIMIT + 1 - len(body)))


@pytest.mark.parametrize(
    ("attack", "status", "code", "says"),
    [
        (wrong_signature, 403, "bad_signature", "msg_signature fits none of the 1 Token(s)"),
        (no_signature, 403, "bad_signature", "no msg_signature"),
        (wrong_appid, 403, "appid_mismatch", STRANGER),
        (other_platforms_push, 403, "bad_signature", STRANGER),
        (message_of_another_component, 403, "appid_mismatch", STRANGER),
        (plaintext_body, 400, "bad_envelope", "not encrypted"),
        (empty_body, 400, "bad_envelope", "envelope: the body is empty"),
        (truncated_base64, 400, "bad_envelope", "base64"),
        (truncated_ciphertext, 400, "bad_envelope", "ciphertext"),
        (length_too_long, 400, "bad_envelope", "length field"),
        (length_of_everything, 400, "bad_envelope", "length field"),
        (envelope_with_dtd, 400, "bad_envelope", "envelope"),
        (message_with_dtd, 400, "bad_envelope", ""),
        (too_old, 403, "push_too_old", "timestamp"),
        (too_large, 413, "request_too_large", str(PUSH_BODY_LIMIT)),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)[:20]),
)
def test_a_bad_push_is_refused_and_changes_nothing(
    stack: LocalStack, attack: Callable[[Sender], Answer], status: int, code: str, says: str
) -> None:
    """The answer says what is wrong and what to do, the table stays as it is."""
    with unchanged_table(stack):
        error = assert_clear(stack, attack(Sender.inside(stack)), status, code)
    assert says in error["message"]


def test_every_padding_is_judged(stack: LocalStack) -> None:
    """Of all 256, only 1 to 32 are paddings; what those hide is read, and refused for its appid."""
    sender = Sender.inside(stack)

    def judged(count: int) -> tuple[str, str]:
        # For another component: a padding that is accepted has no effect either.
        head = layout(sender.unauthorized(), appid=STRANGER)
        filler = -(len(head) + max(count, 1)) % 32
        message = sender.unauthorized() + b" " * filler
        whole = layout(message, appid=STRANGER) + bytes([count]) * max(count, 1)
        assert len(whole) % 32 == 0
        answer = sender.send(sender.padded(whole))
        error = answer.json()["error"]
        return error["code"], error["message"].partition(":")[0]

    with unchanged_table(stack), ThreadPoolExecutor(8) as senders:
        verdicts = list(senders.map(judged, range(256)))
    accepted = [count for count, (code, _) in enumerate(verdicts) if code == "appid_mismatch"]
    assert accepted == list(range(1, 33))
    rest = {verdict for count, verdict in enumerate(verdicts) if count not in accepted}
    assert rest == {("bad_envelope", "padding")}


def test_a_good_push_is_still_accepted(stack: LocalStack) -> None:
    """The same sender, honest: seven bytes, and the last push's verdict says so."""
    sender = Sender.inside(stack)
    message = document(AppId=sender.appid, CreateTime=int(time.time()), InfoType="a_new_kind")
    answer = sender.send(sender.encrypted(message))
    assert (answer.status, answer.body) == (200, b"success")
    key = {"pk": {"S": f"C#{sender.appid}"}, "sk": {"S": "PUSH"}}
    noted = stack.root.dynamodb.get_item(TableName=stack.outputs["TableName"], Key=key)["Item"]
    assert noted["accepted_verdict"] == {"S": "accepted"}
    assert noted["info_type"] == {"S": "a_new_kind"}
    assert "refused_verdict" in noted
