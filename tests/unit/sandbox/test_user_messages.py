"""The sandbox's users: what they send, and what WeChat makes of the platform's answers."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
import xmltodict
from wechatpy.crypto import WeChatCrypto

from sandbox.wechat.control import Control
from sandbox.wechat.pushes import Answered
from sandbox.wechat.release_test import PAIRS, every_case
from sandbox.wechat.replies import WebRequest
from sandbox.wechat.user_messages import UserMessage
from tests.unit.sandbox.kit import OA, Bench, bench
from wxvault.protocol.release_test import TEST_ACCOUNTS

if TYPE_CHECKING:
    from sandbox.wechat.push_crypto import Envelope

URL = "http://platform.test/wechat/$APPID$/messages"
REPLY = "<xml><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hi]]></Content></xml>"


@pytest.fixture(name="b")
def _b() -> Bench:
    """Return a bench with a message URL."""
    made = bench()
    made.desk.configure({"message_url": URL})
    return made


def post(b: Bench, **values: Any) -> dict[str, Any]:
    """Let a user send something through the control API."""
    request = WebRequest(
        "POST",
        "/_sandbox/message",
        {},
        json.dumps({"authorizer_appid": OA.appid, "wait": True, **values}).encode(),
        {"content-type": "application/json"},
    )
    answer: dict[str, Any] = json.loads(Control(b.desk).handle(request).body)
    return answer


def crypto_of(b: Bench) -> WeChatCrypto:
    """Return what encrypts and decrypts for the bench's component."""
    settings = b.desk.settings
    return WeChatCrypto(settings.token, settings.encoding_aes_key, settings.component_appid)


def opened(b: Bench, envelope: Envelope) -> str:
    """Decrypt what was pushed, as a platform does."""
    text = envelope.body.decode()
    sealed = json.loads(text) if text.startswith("{") else xmltodict.parse(text)["xml"]
    crypto = crypto_of(b)
    around = f"<xml><Encrypt>{sealed['Encrypt']}</Encrypt></xml>"
    query = envelope.query
    plain: str = crypto.decrypt_message(
        around, query["msg_signature"], query["timestamp"], query["nonce"]
    )
    assert sealed["ToUserName"] == OA.user_name
    return plain


@pytest.mark.parametrize("as_json", [False, True])
def test_a_text(b: Bench, as_json: bool) -> None:
    """To the account's URL, with the user's openid in the query, encrypted for the component."""
    report = post(b, content="a]]>b 🍵", openid="o-user", as_json=as_json)
    assert report["state"] == "delivered"
    (envelope,) = b.platform.seen
    assert envelope.query["openid"] == "o-user"
    plain = opened(b, envelope)
    fields = json.loads(plain) if as_json else xmltodict.parse(plain)["xml"]
    assert (fields["Content"], fields["FromUserName"]) == ("a]]>b 🍵", "o-user")
    assert fields["ToUserName"] == OA.user_name
    assert fields["MsgId"]


def test_messages_are_numbered(b: Bench) -> None:
    """No two have the same MsgId, and a repeated one keeps its own."""
    first = post(b, content="a")
    post(b, content="a")
    b.desk.pushes.resend(first["push_id"])
    numbers = [xmltodict.parse(opened(b, one))["xml"]["MsgId"] for one in b.platform.seen]
    assert numbers[0] == numbers[2] != numbers[1]


def test_events_groups_and_repeated_elements() -> None:
    """An event has no MsgId; lists and groups become elements."""
    message = UserMessage("o", "event", fields={"Event": "X", "Item": ["1", "2"], "Info": {"N": 1}})
    found = xmltodict.parse(message.plaintext("gh", 1.5, 1))["xml"]
    assert found["Item"] == ["1", "2"]
    assert found["Info"] == {"N": "1"}
    assert found["CreateTime"] == "1"
    assert "MsgId" not in found


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (Answered(200, b"success"), True),
        (Answered(200, b""), True),
        (Answered(200, b"ok"), False),
        (Answered(200, b"<xml><Content>hi</Content></xml>"), False),
        (Answered(500, b""), False),
        (Answered(0, b"", "Timeout"), False),
    ],
)
def test_which_answers_are_right(b: Bench, answer: Answered, right: bool) -> None:
    """``success``, nothing, or a reply that opens; anything else is sent again, three times."""
    b.platform.answers = [answer] * 3
    report = post(b, content="a")
    assert (report["state"] == "delivered") is right
    assert len(report["attempts"]) == (1 if right else 3)


def test_a_reply_is_opened(b: Bench) -> None:
    """And shown to whoever tests the platform."""
    crypto = crypto_of(b)
    b.platform.answers = [Answered(200, crypto.encrypt_message(REPLY, "1", "1700000000").encode())]
    assert post(b, content="a")["reply"] == {"MsgType": "text", "Content": "hi"}


def json_reply(b: Bench, text: str, *, timestamp: object) -> Answered:
    """Answer with a text, encrypted, in a JSON envelope."""
    crypto = crypto_of(b)
    told = xmltodict.parse(crypto.encrypt_message(text, "1", "1700000000"))["xml"]
    return Answered(200, json.dumps({**told, "TimeStamp": timestamp}).encode())


def test_a_message_in_json_wants_a_reply_in_json(b: Bench) -> None:
    """Outside and inside, with the time as a number; and a message in XML wants none of it."""
    text = '{"MsgType": "text", "Content": "hi"}'
    good = json_reply(b, text, timestamp=1700000000)
    b.platform.answers = [good]
    assert post(b, content="a", as_json=True)["reply"] == {"MsgType": "text", "Content": "hi"}
    as_xml = Answered(200, crypto_of(b).encrypt_message(REPLY, "1", "1700000000").encode())
    for answer, as_json in (
        (as_xml, True),
        (json_reply(b, REPLY, timestamp=1700000000), True),
        (json_reply(b, text, timestamp="1700000000"), True),
        (good, False),
    ):
        b.platform.answers = [answer] * 3
        assert post(b, content="a", as_json=as_json)["state"] == "failed"


def test_without_a_message_url_nobody_can_write() -> None:
    """The control API says what is missing."""
    assert post(bench(), content="a")["error"]["code"] == "no_message_url"


def test_the_check_knows_the_same_accounts_as_the_vault() -> None:
    """Two tables, written apart, of the same page."""
    ours = {(oa, oa_name) for oa, oa_name, _, _ in PAIRS} | {(mp, name) for _, _, mp, name in PAIRS}
    assert ours == {(one.appid, one.user_name) for one in TEST_ACCOUNTS.values()}


def test_every_case_of_the_check() -> None:
    """Five groups, with and without each permission set, in both orders; no pair twice in a row."""
    cases = list(every_case())
    assert len(set(cases)) == len(cases) == 5 * 4 * 2
    assert all(a.group != b.group for a, b in itertools.pairwise(cases))
