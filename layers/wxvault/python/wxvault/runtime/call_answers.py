"""What WeChat answered a caller's call, on its way back: through the gateway, or to an invoke."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from wxvault.runtime.http_answers import Answer, binary_answer, text_answer
from wxvault.wechat.answers import presentable

if TYPE_CHECKING:
    from wxvault.services.calling import ApiAnswer

# An answer of Lambda's has 6 MB. As text, JSON within JSON may become twice as long; as base64,
# anything becomes a third longer.
_TEXT_LIMIT: Final = 1024 * 1024
_PLAIN_TYPES: Final = ("text/", "application/json")


def http_answer(answer: ApiAnswer) -> Answer:
    """Return an answer for API Gateway: byte by byte what WeChat sent, its content type kept."""
    if answer.content_type.startswith(_PLAIN_TYPES) and len(answer.content) <= _TEXT_LIMIT:
        try:
            return text_answer(answer.content.decode("utf-8"), answer.content_type)
        except UnicodeDecodeError:
            pass
    return binary_answer(answer.content, answer.content_type)


def invoke_answer(answer: ApiAnswer) -> dict[str, Any]:
    """Return an answer for an invoke: ``json`` for an object, else ``body_base64``."""
    told: dict[str, Any] = {"content_type": answer.content_type}
    if answer.value is not None and len(answer.content) <= _TEXT_LIMIT:
        value = presentable(answer.value)
        if value is not None:
            return {**told, "json": value}
    return {**told, "body_base64": base64.b64encode(answer.content).decode("ascii")}
