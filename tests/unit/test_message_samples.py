"""The sample events of messages and of WeChat's full-release test, replayed like the others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from functions.message import app
from tests.unit.desk import RELEASE_CODE, TENANT, Desk, is_success, read

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "ozy4qt5QUADNXORxCVipKMV9dss0"


@pytest.fixture(name="desk")
def _desk() -> Iterator[Desk]:
    """Return a fresh desk."""
    with mock_aws():
        yield Desk()


@pytest.mark.parametrize(
    ("name", "msg_type", "content"),
    [
        ("message-text", "text", "你好 🍵"),
        ("message-event", "event", None),
        ("message-json", "text", "hello"),
    ],
)
def test_message(desk: Desk, name: str, msg_type: str, content: str | None) -> None:
    """A message is published once, with the tenant of the merchant it was sent to."""
    desk.with_merchant()
    desk.bus.sent.clear()
    for _ in range(2):
        assert is_success(desk.replay(name))
    ((kind, detail),) = desk.bus.sent
    assert (kind, detail["tenant_id"], detail["msg_type"]) == (
        "message.received",
        TENANT,
        msg_type,
    )
    assert detail["message"].get("Content") == content


@pytest.mark.parametrize(
    ("name", "kind", "begin"),
    [("message-text", "text/xml", "<xml>"), ("message-json", "application/json", '{"Encrypt": ')],
)
def test_a_reply_has_the_format_of_its_message(
    desk: Desk, name: str, kind: str, begin: str
) -> None:
    """XML is answered with XML, JSON with JSON, and the content type says so."""
    desk.with_merchant()
    vars(desk.wiring).update(responder=lambda *_: {"type": "text", "content": "Welcome!"})
    event = read(name)
    event["requestContext"]["timeEpoch"] = int(desk.clock.now() * 1000)
    answer = desk.handle(app, event)
    assert answer["headers"]["content-type"] == f"{kind}; charset=utf-8"
    assert answer["body"].startswith(begin)


def test_release_test(desk: Desk) -> None:
    """WeChat's check: the text is answered, the code with nothing and then by customer service."""
    desk.with_ticket()
    answered = desk.replay("message-release-text")
    assert answered["headers"]["content-type"] == "text/xml; charset=utf-8"
    assert answered["body"].startswith("<xml>\n<Encrypt>")
    empty = desk.replay("message-release-code")
    assert (empty["statusCode"], empty["body"]) == (200, "")
    job = json.loads(read("exchange-release-code")["Records"][0]["body"])
    assert desk.sent("exchange") == [job]
    assert desk.replay("exchange-release-code") == {"batchItemFailures": []}
    assert desk.wechat.texts == [(USER, f"{RELEASE_CODE}_from_api")]
