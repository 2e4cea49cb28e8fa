"""Requests and replies of the pages and the control API, apart from any socket."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class WebRequest:
    """One request; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    def form(self) -> dict[str, list[str]]:
        """Return the fields of a posted form."""
        return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def text(cls, status: int, text: str) -> Self:
        """Return a plain text."""
        return cls(status, text.encode(), {"Content-Type": "text/plain; charset=utf-8"})

    @classmethod
    def json(cls, status: int, value: Any) -> Self:
        """Return a value as JSON."""
        body = json.dumps(value, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"}
        return cls(status, body, headers)

    @classmethod
    def html(cls, status: int, page: str, nonce: str) -> Self:
        """Return a page that may use nothing but its own styles and script."""
        policy = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
            "img-src data:; "
            "frame-ancestors 'none'; base-uri 'none'"
        )
        headers = {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": policy,
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        return cls(status, page.encode(), headers)

    @classmethod
    def redirect(cls, location: str) -> Self:
        """Return a 302, as WeChat's pages answer."""
        headers = {"Location": location, "Cache-Control": "no-store"}
        return cls(302, b"", headers)

    @classmethod
    def see_other(cls, location: str) -> Self:
        """Return a 303 to a page of the sandbox itself."""
        return cls(303, b"", {"Location": location, "Cache-Control": "no-store"})
