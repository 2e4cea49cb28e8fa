"""Taking messages: published once, answered ``success``, and nothing lost silently."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.house import MERCHANT
from tests.unit.protocol.pushkit import authorized_push, document, ticket_push
from tests.unit.services.message_kit import (
    SHOP,
    USER,
    MessageDesk,
    failing,
)
from wxvault.errors import (
    BadEnvelopeError,
    BadSignatureError,
    BusyError,
    EventNotSentError,
    RequestTooLargeError,
    TableUnavailableError,
)
from wxvault.runtime.http_answers import status_of
from wxvault.services.messages import LARGEST_MESSAGE, Answered, is_held
from wxvault.services.state import Status, TokenState

STRANGER = "wx00000000000000ff"
SUCCESS = Answered(b"success")


@pytest.fixture(name="desk")
def _desk() -> MessageDesk:
    """Return a desk with a merchant that has authorised, without a responder."""
    desk = MessageDesk()
    desk.house.authorize()
    desk.house.bus.sent.clear()
    return desk


def test_a_message_is_published(desk: MessageDesk) -> None:
    """With the merchant, the tenant, WeChat's own fields, and copies for rules."""
    assert desk.send(desk.text("hello 🍵")) == SUCCESS
    (detail,) = desk.published
    assert detail["authorizer_appid"] == MERCHANT
    assert detail["tenant_id"] is None
    assert (detail["msg_type"], detail["event"]) == ("text", None)
    assert detail["create_time"] == int(desk.house.clock.now())
    assert detail["message"]["Content"] == "hello 🍵"
    assert detail["message"]["FromUserName"] == USER
    assert (detail["withheld"], detail["omitted"]) == (None, [])


def test_the_tenant_is_told(desk: MessageDesk) -> None:
    """Whose merchant it is, where that is known."""
    key = next(key for key in desk.house.table.items if key.sk == "TOKEN" and MERCHANT in key.pk)  # type: ignore[attr-defined]
    desk.house.table.items[key]["tenant_id"] = "acme"  # type: ignore[attr-defined]
    desk.send(desk.text())
    assert desk.published[0]["tenant_id"] == "acme"


def test_json_is_taken_in_both_places(desk: MessageDesk) -> None:
    """Envelope and message may both be JSON, and it is the same message then."""
    fields: dict[str, str | int] = {
        "ToUserName": SHOP,
        "FromUserName": USER,
        "MsgType": "text",
        "MsgId": 5,
        "Content": "x",
    }
    assert desk.send(json.dumps(fields).encode(), as_json=True) == SUCCESS
    assert desk.send(document(**fields)) == SUCCESS
    assert [detail["message"]["MsgId"] for detail in desk.published] == ["5"]


@pytest.mark.parametrize("environments", [1, 3])
def test_a_repeated_message_is_published_once(desk: MessageDesk, environments: int) -> None:
    """By the same environment or by others."""
    desks = [desk, *(desk.another() for _ in range(environments - 1))]
    for one in desks * 2:
        assert one.send(desk.text()) == SUCCESS
    assert len(desk.published) == 1


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_any_order_and_any_repetition_publish_each_once(seed: int) -> None:
    """The set of published messages is the set of sent ones, each with one event id."""
    chance = random.Random(seed)
    desk = MessageDesk()
    sent = [desk.text(str(number), number) for number in range(8)]
    pushes = sent + chance.choices(sent, k=6)
    chance.shuffle(pushes)
    for plaintext in pushes:
        chance.choice([desk, desk.another()]).send(plaintext)
    contents = [detail["message"]["Content"] for detail in desk.published]
    assert sorted(contents) == sorted(str(number) for number in range(8))
    assert len({detail["event_id"] for detail in desk.published}) == 8


def test_who_comes_second_waits_for_the_first(desk: MessageDesk) -> None:
    """Several environments are given one message at once: one publishes, the other waits."""
    second = desk.another()
    answers: list[Answered] = []
    published: list[bool] = []
    put = desk.house.bus.put

    def put_meanwhile(kind: str, detail: dict[str, object]) -> bool:
        # The second one comes while the first is publishing, and sees it through.
        desk.house.bus.put = put  # type: ignore[method-assign]
        desk.house.time.while_sleeping.append(lambda: published.append(put(kind, detail)))
        desk.house.time.while_sleeping.append(
            lambda: desk.house.seen.mark_seen(identity(desk), now=desk.house.clock.now())
        )
        answers.append(second.send(plaintext))
        return True

    plaintext = desk.text()
    desk.house.bus.put = put_meanwhile  # type: ignore[method-assign, assignment]
    assert desk.send(plaintext) == SUCCESS
    assert answers == [SUCCESS]
    assert len(desk.published) == 1


def identity(desk: MessageDesk) -> str:
    """Return the one message that is known to the table."""
    (key,) = (key for key in desk.house.table.items if key.sk == "SEEN")  # type: ignore[attr-defined]
    return str(key.pk.rpartition("#")[2])


def test_who_waits_too_long_asks_wechat_to_come_again(desk: MessageDesk) -> None:
    """The first one died: its claim ends, and the repetition publishes."""
    plaintext = desk.text()
    desk.house.bus.put = failing(KeyboardInterrupt())  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        desk.send(plaintext)
    del desk.house.bus.put
    with pytest.raises(BusyError):
        desk.another().send(plaintext)
    desk.house.clock.sleep(3)
    assert desk.another().send(plaintext) == SUCCESS
    assert len(desk.published) == 1


def test_what_the_bus_does_not_take_is_kept(desk: MessageDesk) -> None:
    """It is durable, so WeChat gets its ``success``; the sweep sends it, under the same id."""
    desk.house.bus.put = lambda *_: False  # type: ignore[method-assign]
    for _ in range(2):
        assert desk.send(desk.text()) == SUCCESS
    del desk.house.bus.put
    assert desk.published == []
    desk.house.clock.sleep(60)
    desk.house.settle()
    assert len(desk.published) == 1


def test_what_nobody_keeps_comes_again(desk: MessageDesk) -> None:
    """It is no ``success``, and the repetition need not wait for anything."""
    plaintext = desk.text()
    desk.house.bus.put = lambda *_: False  # type: ignore[method-assign]
    desk.house.unsent.keep = failing(TableUnavailableError("none"))  # type: ignore[method-assign]
    before = desk.house.clock.now()
    for _ in range(2):
        with pytest.raises(EventNotSentError):
            desk.send(plaintext)
    assert desk.house.clock.now() == before
    del desk.house.bus.put, desk.house.unsent.keep
    assert desk.send(plaintext) == SUCCESS
    assert len(desk.published) == 1


def test_without_the_table_nothing_is_said(desk: MessageDesk) -> None:
    """WeChat sends again what could not be kept apart from its repetitions."""
    desk.house.seen.claim = failing(TableUnavailableError("DynamoDB: none"))  # type: ignore[method-assign]
    with pytest.raises(TableUnavailableError):
        desk.send(desk.text())
    assert desk.published == []


# --- what is odd ---------------------------------------------------------------------------------


def test_an_unknown_merchant(desk: MessageDesk) -> None:
    """The message is published without a tenant, and WeChat is asked about the merchant, once."""
    for number in range(3):
        assert desk.send(desk.text("x", number), STRANGER) == SUCCESS
    assert [detail["authorizer_appid"] for detail in desk.published] == [STRANGER] * 3
    assert desk.counted == {"MessageUnknownAuthorizer": 3}
    assert desk.house.renew_queue.jobs == [{"job": "authorizer", "authorizer_appid": STRANGER}]
    state = desk.house.tokens.get(STRANGER)
    assert state is not None
    assert (state.status, state.verifying, state.due_at) == (
        Status.PENDING,
        True,
        desk.house.clock.now(),
    )


def test_an_unknown_merchant_that_wechat_does_not_know_either(desk: MessageDesk) -> None:
    """It stays unknown: each of its messages is counted, and WeChat is not asked again."""
    desk.send(desk.text("x", 1), STRANGER)
    desk.house.work()
    desk.house.settle()
    state = desk.house.tokens.get(STRANGER)
    assert state is not None
    assert state.status is Status.REVOKED
    desk.send(desk.text("x", 2), STRANGER)
    assert desk.counted == {"MessageUnknownAuthorizer": 2}
    assert desk.house.renew_queue.jobs == []
    assert len(desk.published) == 2


@pytest.mark.parametrize(
    ("state", "held"),
    [
        (None, False),
        (TokenState(STRANGER, Status.PENDING, verifying=True), False),
        (TokenState(STRANGER, Status.PENDING, authorized_at=5), True),
        (TokenState(STRANGER, Status.PENDING, authorized_at=5, unauthorized_at=5), False),
        (TokenState(STRANGER, Status.ACTIVE), True),
        (TokenState(STRANGER, Status.FAILING), True),
        (TokenState(STRANGER, Status.LOST), True),
        (TokenState(STRANGER, Status.REVOKED, authorized_at=5), False),
        (TokenState(STRANGER, Status.REVOKED, authorized_at=5, verifying=True), True),
    ],
)
def test_who_is_held_here(state: TokenState | None, held: bool) -> None:
    """Neither who is only asked about, nor who is gone; but who was granted a moment ago."""
    assert is_held(state) is held


def test_an_unknown_merchant_that_wechat_knows_is_found(desk: MessageDesk) -> None:
    """Its refresh token comes from WeChat, and look-ups work."""
    desk.house.push_authorized(desk.house.wechat.confirm(STRANGER), STRANGER)
    desk.house.work()
    key = next(key for key in desk.house.table.items if key.sk == "TOKEN" and STRANGER in key.pk)  # type: ignore[attr-defined]
    del desk.house.table.items[key]  # type: ignore[attr-defined]
    desk.send(desk.text(), STRANGER)
    desk.house.work()
    desk.house.settle()
    assert desk.house.lookup.find(STRANGER).access_token


def test_a_queue_that_is_down_loses_no_merchant(desk: MessageDesk) -> None:
    """The merchant is due in the table all the same."""
    desk.house.renew_queue.send = failing(ValueError("down"))  # type: ignore[method-assign]
    assert desk.send(desk.text(), STRANGER) == SUCCESS
    state = desk.house.tokens.get(STRANGER)
    assert state is not None
    assert state.due_at is not None


@pytest.mark.parametrize("plaintext", [b"", b"garbage", b"{", b"<xml>", b"\xff", b"<xml></xml>"])
def test_garbage_gets_success_and_is_counted(desk: MessageDesk, plaintext: bytes) -> None:
    """It would not get better by repetition; log, metric and alarm say that it came."""
    assert desk.send(plaintext) == SUCCESS
    assert desk.counted == {"MessageUnreadable": 1}
    assert desk.published == []


def test_nothing_is_believed_only_if_it_is_signed(desk: MessageDesk) -> None:
    """WeChat may send an empty message, and gets ``success``; anybody can send an empty body."""
    assert desk.send(b"") == SUCCESS
    assert desk.counted == {"MessageUnreadable": 1}
    with pytest.raises(BadEnvelopeError) as raised:
        desk.messages.receive(MERCHANT, b"", {})
    assert status_of(raised.value) == 400
    assert desk.counted == {"MessageUnreadable": 1}


@pytest.mark.parametrize("plaintext", [ticket_push(), authorized_push()])
def test_what_is_for_the_other_url_is_not_published(desk: MessageDesk, plaintext: bytes) -> None:
    """With one address for both, tickets and codes would be on the bus."""
    assert desk.send(plaintext) == SUCCESS
    assert desk.counted == {"MessageUnreadable": 1}
    assert desk.published == []


@pytest.mark.parametrize("appid", ["$APPID$", "", "wx1", "gh_97417a04a28d", "wx00000000000000A1"])
def test_a_path_without_an_appid(desk: MessageDesk, appid: str) -> None:
    """Only WeChat can have sent it, so its console has a wrong address."""
    assert desk.send(desk.text(), appid) == SUCCESS
    assert desk.counted == {"MessageUnreadable": 1}


@pytest.mark.parametrize(
    "fields",
    [
        {"MsgType": "hologram", "Shape": "round"},
        {"MsgType": "event", "Event": "brand_new"},
        {"X": "1"},
        {"MsgType": "text", "Content": "a]]>b 🍵"},
    ],
)
def test_unknown_kinds_are_published_as_they_are(desk: MessageDesk, fields: dict[str, str]) -> None:
    """Nobody has a list of all kinds."""
    lines = "".join(
        f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items()
    ).encode()
    assert desk.send(b"<xml>" + lines + b"</xml>") == SUCCESS
    assert desk.published[0]["message"] == fields


def test_what_the_bus_cannot_take_is_cut_out_by_name(desk: MessageDesk) -> None:
    """The largest fields go, the others stay, and it says so."""
    large = '"' * 150_000  # twice as many bytes in JSON
    assert desk.send(desk.text(large, Also=large[:20_000])) == SUCCESS
    detail = desk.published[0]
    assert (detail["withheld"], detail["omitted"]) == ("too_large", ["Content"])
    assert set(detail["message"]) >= {"FromUserName", "MsgId", "Also"}
    assert len(json.dumps(detail, ensure_ascii=False).encode()) < LARGEST_MESSAGE + 4096


def test_a_code_is_nobodys_business(desk: MessageDesk) -> None:
    """A text that brings a code goes out without it, whoever has sent it."""
    code = "queryauthcode@@@" + "x" * 60
    assert desk.send(desk.text(f"QUERY_AUTH_CODE:{code}")) == SUCCESS
    detail = desk.published[0]
    assert detail["withheld"] == "secret"
    assert "Content" not in detail["message"]
    assert code not in repr(desk.house.bus.sent)


# --- who is refused ------------------------------------------------------------------------------


def test_a_wrong_signature_is_refused(desk: MessageDesk) -> None:
    """Nothing of it was believed, and the record says so."""
    with pytest.raises(BadSignatureError):
        desk.messages.receive(MERCHANT, b"<xml><Encrypt>AAAA</Encrypt></xml>", {})
    assert desk.published == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"{",
        b'{"ToUserName": "x"}',
        b'{"Encrypt": 5}',
        b'{"Encrypt": "A", "Encrypt": "B"}',
        b'{"Encrypt": {"a": "b"}}',
        b"[]",
        b"{" * 5000,
    ],
)
def test_a_broken_envelope_is_refused(desk: MessageDesk, body: bytes) -> None:
    """Neither XML nor JSON with one Encrypt."""
    with pytest.raises(BadEnvelopeError):
        desk.messages.receive(MERCHANT, body, {})


def test_too_large_a_body_is_refused(desk: MessageDesk) -> None:
    """256 KiB, as on the event URL."""
    with pytest.raises(RequestTooLargeError):
        desk.messages.receive(MERCHANT, b" " * (256 * 1024 + 1), {})


def test_the_record_of_messages_is_not_that_of_pushes(desk: MessageDesk) -> None:
    """Messages that arrive say nothing of tickets; and a flood does not write it every time."""
    before = records(desk)
    for number in range(5):
        desk.send(desk.text("x", number))
    after = records(desk)
    assert after["MESSAGE"]["accepted_verdict"] == "accepted"
    assert after["MESSAGE"]["accepted_at"] == desk.house.clock.now()
    assert after.get("PUSH") == before.get("PUSH")


def records(desk: MessageDesk) -> dict[str, dict[str, object]]:
    """Return the component's own items by their sort keys, as they stand."""
    items = desk.house.table.items  # type: ignore[attr-defined]
    return {key.sk: dict(item) for key, item in items.items() if key.pk.startswith("C#")}
