"""What a merchant's user sends: the plain text of a message or event, as XML or JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PLACEHOLDER: Final = "$APPID$"
"""What stands in the message URL (消息与事件接收URL) for the account's appid."""

FIRST_MESSAGE: Final = 6_427_251_175_451_672_521
EVENT: Final = "event"


@dataclass(frozen=True, slots=True)
class UserMessage:
    """One message to an account. ``fields`` go in after the usual ones, or instead of them.

    ``as_json``: as some products push it, envelope and text both.
    """

    openid: str
    msg_type: str = "text"
    content: str = field(default="", repr=False)
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    as_json: bool = False

    def plaintext(self, user_name: str, created_at: float, number: int) -> str:
        """Return the text that is encrypted; ``number`` counts messages."""
        values: dict[str, Any] = {
            "ToUserName": user_name,
            "FromUserName": self.openid,
            "CreateTime": int(created_at),
            "MsgType": self.msg_type,
        }
        if self.content:
            values["Content"] = self.content
        if self.msg_type != EVENT:
            values["MsgId"] = FIRST_MESSAGE + number
        values |= self.fields
        if self.as_json:
            return json.dumps(values, ensure_ascii=False)
        return "\n".join(
            ["<xml>", *(_element(name, value) for name, value in values.items()), "</xml>"]
        )


def message_url(template: str, authorizer_appid: str) -> str:
    """Return where an account's messages go."""
    return template.replace(PLACEHOLDER, authorizer_appid)


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    if isinstance(value, dict):
        inner = "".join(_element(key, one) for key, one in value.items())
        return f"<{name}>{inner}</{name}>"
    if isinstance(value, int):
        return f"<{name}>{value}</{name}>"
    text = str(value).replace("]]>", "]]]]><![CDATA[>")
    return f"<{name}><![CDATA[{text}]]></{name}>"
