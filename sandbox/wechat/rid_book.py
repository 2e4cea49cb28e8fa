"""What WeChat remembers of a call that it refused, under the request id behind the text.

The call as it came, secrets included: whether WeChat hides any is not known, and whoever passes
this on must not rely on it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from sandbox.wechat.return_codes import WeChatError

if TYPE_CHECKING:
    from sandbox.wechat.calls import Call

KEPT_SECONDS: Final = 7 * 86_400
_KEPT: Final = 10_000
_SHOWN: Final = 64 * 1024
_FORM: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """One call. ``owner``: the account whose token it had; None is the component."""

    owner: str | None
    invoke_time: int
    cost_in_ms: int
    request_url: str = field(repr=False)
    request_body: str = field(repr=False)
    response_body: str = field(repr=False)
    client_ip: str


class RidBook:
    """Refused calls by their rid; the oldest are forgotten when there are too many."""

    def __init__(self) -> None:
        self._calls: dict[str, RefusedCall] = {}

    def remember(  # noqa: PLR0913 - the fields of what is told
        self, rid: str, call: Call, *, owner: str | None, now: float, ms: int, answer: bytes
    ) -> None:
        """Write a call down."""
        self._calls[rid] = RefusedCall(
            owner,
            int(now),
            ms,
            f"{call.path}?{urlencode(call.query)}".rstrip("?"),
            call.body[:_SHOWN].decode("utf-8", "replace"),
            answer.decode("utf-8", "replace"),
            call.client_ip,
        )
        while len(self._calls) > _KEPT:
            del self._calls[next(iter(self._calls))]

    def find(self, rid: object, *, owner: str | None, now: float) -> RefusedCall:
        """Return a call. Raises 76001 to 76004."""
        if not isinstance(rid, str) or not _FORM.fullmatch(rid):
            raise WeChatError(76002)
        call = self._calls.get(rid)
        if call is None:
            raise WeChatError(76001)
        if call.owner != owner:
            raise WeChatError(76003)
        if now >= call.invoke_time + KEPT_SECONDS:
            raise WeChatError(76004)
        return call
