"""What a caller asks of the token look-up, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from wxvault.errors import InvalidRequestError
from wxvault.protocol.appid import is_appid

if TYPE_CHECKING:
    from collections.abc import Mapping

MIN_TTL_MOST = 1200
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FIELDS = frozenset({"authorizer_appid", "component", "min_ttl", "rejected_token_sha256"})


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request for one token; ``authorizer_appid`` None means the component's own."""

    authorizer_appid: str | None
    min_ttl: int
    rejected_token_sha256: str | None

    @classmethod
    def read(cls, wanted: Mapping[str, Any]) -> Self:
        """Check what was sent, by invoke (JSON values) or as path and query (texts).

        Raises:
            InvalidRequestError: a field cannot be accepted; it is named.
        """
        for name in wanted:
            if name not in _FIELDS:
                raise InvalidRequestError(str(name)[:40], "is not a field of this request")
        appid = wanted.get("authorizer_appid")
        component = wanted.get("component") in (True, "true")
        if component == (appid is not None):
            raise InvalidRequestError(
                "authorizer_appid", "give either authorizer_appid or component: true"
            )
        if appid is not None and not is_appid(appid):
            raise InvalidRequestError(
                "authorizer_appid", "must be an appid: 'wx' and 16 hexadecimal digits in lower case"
            )
        rejected = wanted.get("rejected_token_sha256")
        if rejected is not None and not (isinstance(rejected, str) and _SHA256.fullmatch(rejected)):
            raise InvalidRequestError(
                "rejected_token_sha256",
                "must be the SHA-256 of the refused token, 64 hexadecimal digits in lower case",
            )
        return cls(appid, _min_ttl(wanted.get("min_ttl", 0)), rejected)


def _min_ttl(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,4}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MIN_TTL_MOST:
        raise InvalidRequestError("min_ttl", f"must be 0 to {MIN_TTL_MOST} seconds")
    return value
