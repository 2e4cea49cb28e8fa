"""Customer-service messages: what is sent, and what a refusal says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from wxvault.errors import WeChatRefusedError
from wxvault.wechat.http import WeChatHttp
from wxvault.wechat.message_api import MessageApi

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN = "51_" + "Ab9-fake_Token" * 11
CONTENT = "queryauthcode@@@" + "Cd-fake_" * 10 + "_from_api"


class FakeHttp(WeChatHttp):
    """Answers what it is told and remembers what was sent."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.sent: list[tuple[str, Mapping[str, str], Mapping[str, Any]]] = []

    def post(
        self, path: str, *, query: Mapping[str, str], body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the answer."""
        self.sent.append((path, query, body))
        return self.answer


def test_a_text_is_sent_with_the_merchants_token() -> None:
    """To one user, as WeChat's page has it."""
    http = FakeHttp({"errcode": 0, "errmsg": "ok"})
    MessageApi("https://api.weixin.qq.com", http=http).send_text(TOKEN, "o-user", CONTENT)
    assert http.sent == [
        (
            "/cgi-bin/message/custom/send",
            {"access_token": TOKEN},
            {"touser": "o-user", "msgtype": "text", "text": {"content": CONTENT}},
        )
    ]


@pytest.mark.parametrize("errcode", [-1, -1000, 40001, 45015])
def test_a_refusal_says_why_and_no_secret(errcode: int) -> None:
    """Neither token nor code gets into an error."""
    http = FakeHttp({"errcode": errcode, "errmsg": f"no {TOKEN} {CONTENT}"})
    with pytest.raises(WeChatRefusedError) as raised:
        MessageApi("https://api.weixin.qq.com", http=http).send_text(TOKEN, "o-user", CONTENT)
    assert raised.value.wechat_errcode == errcode
    assert TOKEN not in raised.value.message
    assert CONTENT not in raised.value.message
