"""Customer-service messages (客服消息), sent with an authorizer's token.

Page: doc/offiaccount/Message_Management/Service_Center_messages.
"""

from __future__ import annotations

from typing import Final

from wxvault.wechat.asking import ask
from wxvault.wechat.http import WeChatHttp

CUSTOM_SEND: Final = "/cgi-bin/message/custom/send"


class MessageApi:
    """WeChat, asked once per call; it may refuse, or give no good answer in time."""

    def __init__(self, base_url: str, *, http: WeChatHttp | None = None) -> None:
        """Take WeChat's base URL as the settings have checked it."""
        self._http = http if http is not None else WeChatHttp(base_url)

    def send_text(self, access_token: str, touser: str, content: str) -> None:
        """Send a text to a user (``touser`` is the openid).

        Raises WeChatRefusedError and WeChatUnknownError.
        """
        ask(
            self._http,
            CUSTOM_SEND,
            {"touser": touser, "msgtype": "text", "text": {"content": content}},
            query={"access_token": access_token},
            secrets=(content,),
        )
