"""HTTP/1.1 messages as bytes: read whole, passed on as they came, so that signatures stay true."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

HEAD_LIMIT: Final = 64 * 1024
_NO_BODY: Final = frozenset({204, 304})


class BrokenMessageError(Exception):
    """The other side ended in the middle of a message, or sent none."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer: ``raw`` is all of it, ``headers`` have names in lower case."""

    start: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    raw: bytes = field(repr=False)

    @property
    def method(self) -> str:
        """The method of a request."""
        return self.start.split(" ")[0]

    @property
    def target(self) -> str:
        """Path and query of a request."""
        return self.start.split(" ")[1]

    @property
    def keeps_open(self) -> bool:
        """Whether whoever sent it means to go on using the connection."""
        return self.headers.get("connection", "").lower() != "close"


async def read_message(reader: asyncio.StreamReader, *, answer: bool = False) -> Message | None:
    """Return the next message, or None when the other side has closed before it.

    Raises `BrokenMessageError` when it closes within one.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise BrokenMessageError("closed within a head") from None
        return None
    except (asyncio.LimitOverrunError, OSError) as error:
        raise BrokenMessageError(type(error).__name__) from None
    start, headers = _parsed(head)
    try:
        framed, body = await _read_body(reader, start, headers, answer=answer)
    except (asyncio.IncompleteReadError, OSError, ValueError) as error:
        raise BrokenMessageError(type(error).__name__) from None
    return Message(start, headers, body, head + framed)


def _parsed(head: bytes) -> tuple[str, dict[str, str]]:
    start, *lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, separator, value = line.partition(":")
        if separator:
            headers[name.strip().lower()] = value.strip()
    if len(start.split(" ")) < 2:  # noqa: PLR2004 (method and target, or version and status)
        raise BrokenMessageError("no start line")
    return start, headers


async def _read_body(
    reader: asyncio.StreamReader, start: str, headers: dict[str, str], *, answer: bool
) -> tuple[bytes, bytes]:
    """Return the body as it is framed, and without its frame."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _read_chunks(reader)
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
        return body, body
    if answer and int(start.split(" ")[1]) not in _NO_BODY:
        body = await reader.read()
        return body, body
    return b"", b""


async def _read_chunks(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    framed, body = bytearray(), bytearray()
    while True:
        line = await reader.readuntil(b"\r\n")
        framed += line
        size = int(line.split(b";")[0], 16)
        chunk = await reader.readexactly(size + 2) if size else b""
        framed += chunk
        body += chunk[:-2]
        if not size:
            break
    while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
        framed += line
    framed += line
    return bytes(framed), bytes(body)
