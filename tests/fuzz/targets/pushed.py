"""The functions that WeChat pushes to. Another one joins by one more door."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from functions.callback import app as callback
from functions.message import app as message
from tests.fuzz.signed_doors import SignedDoor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fuzz.target import Target


def _is_success(answer: Mapping[str, Any]) -> bool:
    return (answer["statusCode"], answer["body"]) == (200, "success")


def _is_taken(answer: Mapping[str, Any]) -> bool:
    kind, _, _ = answer["headers"]["content-type"].partition(";")
    body = answer["body"]
    if kind == "application/json":
        # A message in JSON is answered in JSON.
        return answer["statusCode"] == 200 and set(json.loads(body)) == _REPLY
    return answer["statusCode"] == 200 and (body in {"success", ""} or body.startswith("<xml>"))


_REPLY = {"Encrypt", "MsgSignature", "TimeStamp", "Nonce"}
_REFUSALS = (400, 403, 413)
# The first of WeChat's test accounts takes every way that a message can take.
_ACCOUNT = "wx570bc396a51b8ff8"
DOORS = (
    SignedDoor("callback", callback.wire, "/wechat/events", _is_success, _REFUSALS),
    SignedDoor(
        "message",
        message.wire,
        f"/wechat/{_ACCOUNT}/messages",
        _is_taken,
        _REFUSALS,
        {"authorizer_appid": _ACCOUNT},
    ),
)


def targets() -> tuple[Target, ...]:
    """Return one target for each door."""
    return tuple(door.target() for door in DOORS)
