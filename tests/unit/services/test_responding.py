"""Answering messages: what the responder is asked, what WeChat gets of it, and who is not asked."""

from __future__ import annotations

import json

import pytest

from tests.fakes.house import MERCHANT
from tests.unit.protocol.pushkit import document
from tests.unit.services.message_kit import (
    SHOP,
    USER,
    FakeResponder,
    MessageDesk,
    opened,
)
from wxvault.protocol.permission_sets import AccountKind
from wxvault.protocol.profiles import Profile
from wxvault.protocol.release_test import TEST_ACCOUNTS
from wxvault.services.messages import Answered

STRANGER = "wx00000000000000ff"
SUCCESS = Answered(b"success")


@pytest.fixture(name="answering")
def _answering() -> MessageDesk:
    """Return a desk with a responder."""
    desk = MessageDesk(responder=FakeResponder({"type": "text", "content": "Welcome!"}))
    desk.house.authorize()
    return desk


def responder(desk: MessageDesk) -> FakeResponder:
    """Return the desk's responder."""
    assert desk.responder is not None
    return desk.responder


@pytest.mark.parametrize("key_index", [0, 1, 2])
def test_a_reply_is_encrypted_with_the_key_that_opened_the_message(
    answering: MessageDesk, key_index: int
) -> None:
    """While WeChat still uses an older Token and key, it gets answers that it can open."""
    answer = answering.send(answering.text(), key_index=key_index)
    reply = opened(answer, key_index)
    assert (reply["MsgType"], reply["Content"]) == ("text", "Welcome!")
    assert (reply["ToUserName"], reply["FromUserName"]) == (USER, SHOP)


def test_a_message_in_json_is_answered_in_json(answering: MessageDesk) -> None:
    """WeChat's console has one format for both ways."""
    fields = {"ToUserName": SHOP, "FromUserName": USER, "MsgType": "text", "MsgId": 5}
    answer = answering.send(json.dumps(fields).encode(), as_json=True)
    assert answer.is_json
    now = int(answering.house.clock.now())
    assert opened(answer) == {
        "ToUserName": USER,
        "FromUserName": SHOP,
        "CreateTime": now,
        "MsgType": "text",
        "Content": "Welcome!",
    }
    assert not answering.send(answering.text()).is_json


def test_the_responder_is_told_all(answering: MessageDesk) -> None:
    """Merchant, tenant, and the message under WeChat's own names, after it was published."""
    answering.send(answering.text("hi"))
    (question,) = responder(answering).asked
    assert question["authorizer_appid"] == MERCHANT
    assert question["tenant_id"] is None
    assert question["message"]["Content"] == "hi"
    assert len(answering.published) == 1


def test_a_repetition_does_not_ask_again(answering: MessageDesk) -> None:
    """It is answered ``success``: the user gets one reply or none, never two."""
    plaintext = answering.text()
    assert answering.send(plaintext).is_reply
    assert answering.another().send(plaintext) == SUCCESS
    assert len(responder(answering).asked) == 1


@pytest.mark.parametrize("nothing", [None, {}, "", "success"])
def test_no_reply_is_no_failure(answering: MessageDesk, nothing: object) -> None:
    """A responder need not answer everything."""
    responder(answering).answer = nothing
    assert answering.send(answering.text()) == SUCCESS
    assert answering.counted == {}


@pytest.mark.parametrize(
    "nonsense",
    ["Welcome!", 5, ["x"], {"type": "hologram"}, {"type": "text"}, {"statusCode": 200}, True],
)
def test_nonsense_costs_the_reply_only(answering: MessageDesk, nonsense: object) -> None:
    """WeChat gets ``success``, and it is counted."""
    responder(answering).answer = nonsense
    assert answering.send(answering.text()) == SUCCESS
    assert answering.counted == {"ResponderFailed": 1}
    assert len(answering.published) == 1


def test_a_responder_that_fails_costs_the_reply_only(answering: MessageDesk) -> None:
    """Whether it hangs, throws, or cannot be invoked."""
    responder(answering).problem = "no answer within 3.5 s"
    assert answering.send(answering.text()) == SUCCESS
    assert answering.counted == {"ResponderFailed": 1}


def test_how_long_the_responder_has(answering: MessageDesk) -> None:
    """3.5 s; less where starting the environment has used some of it up; else it is not asked."""
    now = answering.house.clock.now()
    for number, gone in enumerate((0.0, 0.5, 2.0, 4.3, 61.0, -5.0)):
        answering.send(answering.text("x", number), received_at=now - gone)
    assert [round(seconds, 1) for seconds in responder(answering).seconds] == [
        3.5,
        3.5,
        2.4,
        3.5,
        3.5,
    ]
    assert answering.counted == {"ResponderFailed": 1}


def test_who_is_not_asked_about(answering: MessageDesk) -> None:
    """Neither strangers, nor test accounts, nor codes are the responder's business."""
    answering.send(answering.text("x", 1), STRANGER)
    answering.send(answering.text("QUERY_AUTH_CODE:abc", 2))
    answering.send(answering.text("x", 3), next(iter(TEST_ACCOUNTS)))
    assert responder(answering).asked == []


def called(desk: MessageDesk, user_name: str) -> None:
    """WeChat has said what the merchant's account is called in its messages."""
    profile = Profile(AccountKind.OFFICIAL_ACCOUNT, user_name=user_name)
    desk.house.profiles.save(MERCHANT, profile, (1,), now=desk.house.clock.now())


@pytest.mark.parametrize("user_name", [SHOP, ""])
def test_a_message_to_the_account_of_its_path(answering: MessageDesk, user_name: str) -> None:
    """Path and ToUserName agree, or nobody knows yet what the account is called."""
    called(answering, user_name)
    assert answering.send(answering.text()).is_reply
    assert answering.counted == {}
    assert answering.published[0]["addressed_elsewhere"] is False


def test_a_message_to_another_account_than_its_path(answering: MessageDesk) -> None:
    """The path is not signed: it is published with a warning, counted once, and not answered."""
    called(answering, "gh_another")
    plaintext = answering.text("hi")
    for _ in range(2):
        assert answering.send(plaintext) == SUCCESS
    assert answering.counted == {"MessageAddressedElsewhere": 1}
    (detail,) = answering.published
    assert (detail["addressed_elsewhere"], detail["message"]["Content"]) == (True, "hi")
    assert responder(answering).asked == []


@pytest.mark.parametrize("path", ["of the test account", "of a merchant"])
def test_a_test_accounts_messages_on_a_wrong_path(answering: MessageDesk, path: str) -> None:
    """Wherever path or ToUserName names one, nobody is told what was said, nor asked."""
    account = next(iter(TEST_ACCOUNTS.values()))
    if path == "of a merchant":
        answer = answering.send(answering.text("x", ToUserName=account.user_name))
    else:
        answering.house.authorize(account.appid)
        answer = answering.send(answering.text("x"), account.appid)
    assert answer == SUCCESS
    assert answering.counted == {"MessageAddressedElsewhere": 1}
    detail = answering.published[0]
    assert (detail["withheld"], detail["addressed_elsewhere"]) == ("secret", True)
    assert "Content" not in detail["message"]
    assert responder(answering).asked == []


def test_a_message_that_names_nobody_cannot_be_answered(answering: MessageDesk) -> None:
    """There is nobody to send a reply to."""
    assert answering.send(document(MsgType="text", Content="x", MsgId=9)) == SUCCESS
    assert answering.counted == {"ResponderFailed": 1}
