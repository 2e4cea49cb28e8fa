"""What comes in through the HTTP API (payload format 2.0), read once and leniently."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from wxvault.errors import InvalidRequestError, RequestTooLargeError

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPEN_THE_LINK = "Open the authorisation link itself and press the button there."
_MAX_PARAMETERS = 100
# More than API Gateway lets through; other front ends may let through anything.
_MAX_QUERY = 16 * 1024


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. ``query``, ``cookies`` and the body may hold secrets and are not in the repr."""

    method: str
    path: str
    path_parameters: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    cookies: Mapping[str, str] = field(repr=False)
    body_text: str = field(repr=False)
    body_is_base64: bool
    request_id: str
    route_key: str = ""
    """The route as the template names it: ``GET /tokens/{authorizer_appid}``."""
    raw_query: str = field(default="", repr=False)
    received_at: float | None = None
    """When the gateway was sent it, unix seconds; None where the event does not say so."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> HttpRequest:
        """Read a payload-2.0 event.

        ``query`` is decoded from the raw query string; of a repeated name the first value counts.
        """
        context = event.get("requestContext") or {}
        http = context.get("http") or {}
        headers = {str(k).lower(): str(v) for k, v in (event.get("headers") or {}).items()}
        return cls(
            method=str(http.get("method", "GET")).upper(),
            path=str(event.get("rawPath", "/")),
            path_parameters=dict(event.get("pathParameters") or {}),
            headers=headers,
            query=_query(str(event.get("rawQueryString") or "")),
            cookies=_cookies(event.get("cookies"), headers.get("cookie", "")),
            body_text=str(event.get("body") or ""),
            body_is_base64=bool(event.get("isBase64Encoded")),
            request_id=str(context.get("requestId", "")),
            route_key=str(event.get("routeKey", "")),
            raw_query=str(event.get("rawQueryString") or ""),
            received_at=_seconds(context.get("timeEpoch")),
        )

    def fields(self) -> dict[str, Any]:
        """Return what is asked for: the query, or the JSON body of a POST, below the path's own.

        Whatever stands in the path counts: that is what a caller's role is compared with.

        Raises:
            InvalidRequestError: the body is not a JSON object.
            RequestTooLargeError: it is larger than any such request.
        """
        sent = self.json_body() if self.method == "POST" else self.query
        return {**sent, **self.path_parameters}

    def whole_query(self) -> dict[str, str]:
        """Return the query where every parameter counts, unlike in ``query``.

        Raises:
            InvalidRequestError: a parameter comes twice, has no sound form, or there are too many.
        """
        try:
            pairs = parse_qsl(
                self.raw_query,
                keep_blank_values=True,
                errors="strict",
                max_num_fields=_MAX_PARAMETERS,
            )
        except ValueError:
            pairs = []
        found = dict(pairs)
        if len(self.raw_query) > _MAX_QUERY or len(found) != len(pairs) or self._lost(pairs):
            raise InvalidRequestError("query", "has a parameter twice, or one without sound form")
        return found

    def _lost(self, pairs: list[tuple[str, str]]) -> bool:
        return bool(self.raw_query.strip("&")) and not pairs

    def require_own_page(self, public_base_url: str) -> None:
        """Refuse what a browser says another site's page has sent.

        A browser that says nothing of it is believed: the session's id is needed in any case.

        Raises:
            InvalidRequestError: ``Sec-Fetch-Site`` or ``Origin`` names another site.
        """
        site, origin = self.headers.get("sec-fetch-site"), self.headers.get("origin")
        elsewhere = site not in {None, "same-origin", "none"}
        if elsewhere or origin not in {None, public_base_url}:
            raise InvalidRequestError("origin", "is not this page", remedy=_OPEN_THE_LINK)

    def body(self, limit: int) -> bytes:
        """Return the body's bytes; raises RequestTooLargeError above ``limit`` bytes.

        API Gateway hands a body over as text or base64 depending on its content type.
        """
        too_large = RequestTooLargeError(f"The body is larger than {limit} bytes.")
        if not self.body_is_base64:
            if len(self.body_text) > limit:
                raise too_large
            body = self.body_text.encode("utf-8", "surrogatepass")
        else:
            if len(self.body_text) > limit * 4 // 3 + 4:
                raise too_large
            try:
                body = base64.b64decode(self.body_text, validate=True)
            except (binascii.Error, ValueError):
                raise InvalidRequestError("body", "is not readable") from None
        if len(body) > limit:
            raise too_large
        return body

    def json_body(self, limit: int = 64 * 1024) -> dict[str, Any]:
        """Return the body's JSON object ({} for an empty body); InvalidRequestError otherwise."""
        body = self.body(limit)
        if not body.strip():
            return {}
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise InvalidRequestError("body", "is not a JSON object")
        return value


def _seconds(milliseconds: object) -> float | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int):
        return None
    return milliseconds / 1000


def _query(raw: str) -> dict[str, str]:
    """Decode a raw query string; what has no sound form is as if it were not there."""
    if len(raw) > _MAX_QUERY:
        return {}
    try:
        pairs = parse_qsl(
            raw, keep_blank_values=True, errors="replace", max_num_fields=_MAX_PARAMETERS
        )
    except ValueError:
        return {}
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def _cookies(listed: object, header: str) -> dict[str, str]:
    """Read cookies from the event's list, or from the header where there is none."""
    lines = [str(line) for line in listed] if isinstance(listed, list) else []
    lines += header.split(";")
    found: dict[str, str] = {}
    for line in lines:
        name, separator, value = line.strip().partition("=")
        if separator and name:
            found.setdefault(name.strip(), value.strip().strip('"'))
    return found
