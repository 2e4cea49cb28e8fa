"""The functions that WeChat pushes to. Another one joins by one more door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functions.callback import app as callback
from tests.fuzz.signed_doors import SignedDoor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fuzz.target import Target


def _is_success(answer: Mapping[str, Any]) -> bool:
    return (answer["statusCode"], answer["body"]) == (200, "success")


DOORS = (SignedDoor("callback", callback.wire, "/wechat/events", _is_success, (400, 403, 413)),)


def targets() -> tuple[Target, ...]:
    """Return one target for each door."""
    return tuple(door.target() for door in DOORS)
