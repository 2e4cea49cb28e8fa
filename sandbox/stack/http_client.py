"""A plain HTTP client for what a test sends to the platform: nothing added, nothing followed."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.stack.aws import Credentials

_TIMEOUT_SECONDS = 40


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. Header names are in lower case; repeated headers stay apart."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.headers if key == name.lower()]

    def header(self, name: str) -> str:
        """The first value of a header, or an empty string."""
        return next(iter(self.all(name)), "")

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", errors="replace")

    def json(self) -> Any:
        """The body parsed as JSON."""
        return json.loads(self.body)


def encoded(
    body: bytes | Mapping[str, Any], headers: Mapping[str, str] | None
) -> tuple[bytes, dict[str, str]]:
    """Body and headers as they are sent: a mapping becomes JSON and says so."""
    if isinstance(body, bytes):
        return body, dict(headers or {})
    kind = {"Content-Type": "application/json"}
    return json.dumps(body).encode(), {**kind, **(headers or {})}


def send(
    method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Answer:
    """Send one request on a connection of its own; path and query go out as given."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS
    )
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, body=body or None, headers=dict(headers or {}))
        answer = connection.getresponse()
        received = tuple((name.lower(), value) for name, value in answer.getheaders())
        return Answer(answer.status, received, answer.read())
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs requests with SigV4 for ``execute-api``, as a service with IAM credentials does."""

    credentials: Credentials
    region: str

    def headers(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> dict[str, str]:
        """``headers`` and a signature over them, host, path, query and body included."""
        given = self.credentials
        request = AWSRequest(method, url, dict(headers or {}), data=body)
        keys = BotocoreCredentials(given.key, given.secret, given.token)
        SigV4Auth(keys, "execute-api", self.region).add_auth(request)
        return dict(request.headers.items())

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """Sign one request and send it."""
        signed = self.headers(method, url, headers=headers, body=body)
        return send(method, url, headers=signed, body=body)
