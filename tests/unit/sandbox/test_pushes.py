"""Pushes: encryption that an independent implementation opens, attempts, options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import xmltodict
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidAppIdException, InvalidSignatureException
from wechatpy.utils import WeChatSigner

from sandbox.wechat.push_options import PushOptionError, PushOptions
from sandbox.wechat.pushes import Answered
from tests.unit.sandbox.kit import OA, Bench, bench

if TYPE_CHECKING:
    from sandbox.wechat.push_crypto import Envelope

OLD = {
    "previous_token": "previous_push_token",
    "previous_encoding_aes_key": "ZYXWVUTSRQPONMLKJIHGFEDCBA9876543210zyxwvut",
}


def opened(b: Bench, envelope: Envelope, **keys: str) -> dict[str, Any]:
    """Return a push as wechatpy decrypts it."""
    settings = b.desk.settings
    crypto = WeChatCrypto(
        keys.get("token", settings.token),
        keys.get("encoding_aes_key", settings.encoding_aes_key),
        settings.component_appid,
    )
    query = envelope.query
    plain = crypto.decrypt_message(
        envelope.body, query["msg_signature"], query["timestamp"], query["nonce"]
    )
    message: dict[str, Any] = xmltodict.parse(plain)["xml"]
    return message


def test_ticket_push_can_be_opened() -> None:
    """A ticket arrives encrypted, signed twice, with the sandbox's time."""
    b = bench()
    b.desk.push_ticket()
    [envelope] = b.platform.seen
    message = opened(b, envelope)
    assert message["InfoType"] == "component_verify_ticket"
    assert message["AppId"] == b.desk.settings.component_appid
    assert message["CreateTime"] == str(int(b.clock.now()))
    assert message["ComponentVerifyTicket"].startswith("ticket@@@")
    assert message["ComponentVerifyTicket"].encode() not in envelope.body
    assert list(envelope.query) == [
        "signature",
        "timestamp",
        "nonce",
        "encrypt_type",
        "msg_signature",
    ]
    signer = WeChatSigner()
    signer.add_data(b.desk.settings.token, envelope.query["timestamp"], envelope.query["nonce"])
    assert envelope.query["signature"] == signer.signature


def test_messages_of_a_link() -> None:
    """authorized, updateauthorized and unauthorized carry what WeChat sends."""
    b = bench()
    code = b.pre_auth_code(b.component_token())
    b.desk.confirm(OA.appid, (1,), pre_auth_code=code)
    b.desk.confirm(OA.appid, (1, 3))
    b.desk.cancel(OA.appid)
    first, second, third = (opened(b, envelope) for envelope in b.platform.seen)
    assert first["InfoType"] == "authorized"
    assert first["PreAuthCode"] == code
    assert first["AuthorizationCodeExpiredTime"] == str(int(b.clock.now()) + 3600)
    assert second["InfoType"] == "updateauthorized"
    assert "PreAuthCode" not in second
    assert list(third) == ["AppId", "CreateTime", "InfoType", "AuthorizerAppid"]


def test_registration_push() -> None:
    """A registration that worked brings an authorised account; one that failed brings none."""
    b = bench()
    _, appid = b.desk.register(info={"name": "Example Co", "code_type": "1"})
    done = opened(b, b.platform.seen[0])
    assert done["InfoType"] == "notify_third_fasteregister"
    assert done["appid"] == appid
    assert done["info"]["name"] == "Example Co"
    assert b.exchange(b.component_token(), done["auth_code"])["authorization_info"]
    _, nobody = b.desk.register(kind="trial", status=100001, message="no answer")
    failed = opened(b, b.platform.seen[1])
    assert nobody == ""
    assert failed["InfoType"] == "notify_third_fastregisterbetaapp"
    assert failed["status"] == "100001"
    assert "auth_code" not in failed


@pytest.mark.parametrize(
    "bad",
    [
        Answered(200, b""),
        Answered(200, b"SUCCESS"),
        Answered(200, b"success\n"),
        Answered(200, b"<xml>success</xml>"),
        Answered(204, b"success"),
        Answered(500, b"success"),
        Answered(0, b"", "ConnectTimeout"),
    ],
)
def test_only_seven_bytes_are_success(bad: Answered) -> None:
    """Anything but 200 with exactly ``success`` is tried again, three times in all."""
    b = bench()
    b.platform.answers = [bad, bad]
    push = b.desk.push_ticket()
    assert push.state == "delivered"
    assert [attempt["ok"] for attempt in push.attempts] == [False, False, True]
    b.platform.answers = [bad, bad, bad, bad]
    push = b.desk.push_ticket()
    assert push.state == "failed"
    assert len(push.attempts) == 3


@pytest.mark.parametrize("resigns", [True, False])
def test_attempts_are_signed_anew(resigns: bool) -> None:
    """Each attempt has a nonce of its own, unless the switch says otherwise."""
    b = bench(push_resign=resigns)
    b.platform.answers = [Answered(500, b"")]
    b.desk.push_ticket()
    first, second = b.platform.seen
    assert (first.query["nonce"] != second.query["nonce"]) is resigns
    assert opened(b, first) == opened(b, second)


def test_without_event_url() -> None:
    """Without an event URL a push fails in plain words."""
    b = bench(event_url="")
    push = b.desk.push_ticket()
    assert push.state == "failed"
    assert push.attempts[0]["error"] == "no event_url is configured"


def test_held_push_waits_for_its_release() -> None:
    """A held push is delivered once, when it is released."""
    b = bench()
    push = b.desk.push_ticket(PushOptions(hold=True))
    assert (push.state, b.platform.seen) == ("held", [])
    assert b.desk.pushes.release(push.push_id) == [push]
    assert b.desk.pushes.release(push.push_id) == []
    assert push.state == "delivered"
    assert len(b.platform.seen) == 1


def test_duplicates_and_resending_repeat_the_content() -> None:
    """A duplicated push and one sent again say the same, signed anew."""
    b = bench()
    push = b.desk.push_ticket(PushOptions(duplicate=2))
    b.desk.pushes.resend(push.push_id)
    assert len(b.platform.seen) == 4
    assert len({envelope.query["nonce"] for envelope in b.platform.seen}) == 4
    assert len({str(opened(b, envelope)) for envelope in b.platform.seen}) == 1


def test_planned_options_are_used_once() -> None:
    """Options planned for a kind of push hit the next one of that kind only."""
    b = bench()
    b.desk.plan_push("unauthorized", PushOptions(hold=True))
    b.confirm()
    push = b.desk.cancel(OA.appid)
    assert push is not None
    assert push.state == "held"
    b.confirm()
    again = b.desk.cancel(OA.appid)
    assert again is not None
    assert again.state == "delivered"


def test_wrong_signature() -> None:
    """A push with a wrong signature is refused by an honest receiver."""
    b = bench()
    b.desk.push_ticket(PushOptions(wrong_signature=True))
    with pytest.raises(InvalidSignatureException):
        opened(b, b.platform.seen[0])


def test_old_key_and_old_token() -> None:
    """Pushes under the previous key or Token open with those."""
    b = bench(**OLD)
    b.desk.push_ticket(PushOptions(old_key=True))
    b.desk.push_ticket(PushOptions(old_token=True))
    key = OLD["previous_encoding_aes_key"]
    assert opened(b, b.platform.seen[0], encoding_aes_key=key)
    assert opened(b, b.platform.seen[1], token=OLD["previous_token"])


def test_old_key_has_to_exist() -> None:
    """A push under a previous key that was never configured is refused."""
    with pytest.raises(PushOptionError, match="old_key"):
        bench().desk.push_ticket(PushOptions(old_key=True))


def test_another_components_push() -> None:
    """With wrong_appid the appid inside is another component's."""
    b = bench()
    b.desk.push_ticket(PushOptions(wrong_appid=True))
    [envelope] = b.platform.seen
    assert b.desk.settings.component_appid.encode() not in envelope.body
    with pytest.raises(InvalidAppIdException):
        opened(b, envelope)


def test_plaintext_push() -> None:
    """With plaintext the body is the message itself, under the signature that covers no body."""
    b = bench()
    b.desk.push_ticket(PushOptions(plaintext=True))
    [envelope] = b.platform.seen
    assert b"<ComponentVerifyTicket>" in envelope.body
    assert "msg_signature" not in envelope.query


def test_tickets_stop_after_failures() -> None:
    """After so many failed tickets in a row none is due, until the platform starts them again."""
    b = bench(ticket_stop_after=2, push_attempts=1)
    b.platform.answers = [Answered(500, b"")] * 2
    b.desk.push_ticket()
    assert not b.desk.tickets.stopped
    b.desk.push_ticket()
    assert b.desk.tickets.stopped
    b.clock.move(10_000)
    assert not b.desk.tickets.due()
    body = b.component(component_secret=b.desk.settings.component_appsecret)
    assert b.call("api_start_push_ticket", body)["errmsg"] == "ok"
    b.clock.move(600)
    assert b.desk.tickets.due()


def test_tickets_are_due_every_interval() -> None:
    """A ticket is due once per interval, also after a longer pause and a shorter interval."""
    b = bench(ticket_interval=600)
    b.desk.tickets.restart()
    b.clock.move(599)
    assert not b.desk.tickets.due()
    b.clock.move(1)
    assert [b.desk.tickets.due() for _ in range(2)] == [True, False]
    b.clock.move(5000)
    assert [b.desk.tickets.due() for _ in range(2)] == [True, False]
    b.desk.configure({"ticket_interval": 10})
    assert not b.desk.tickets.due()
    b.clock.move(10)
    assert b.desk.tickets.due()


@pytest.mark.parametrize(
    "values", [{"hold": 1}, {"delay": "1"}, {"duplicate": -1}, {"unknown": True}, 5]
)
def test_malformed_options(values: object) -> None:
    """An option that does not exist or has the wrong kind is named."""
    with pytest.raises(PushOptionError):
        PushOptions.from_json(values)
