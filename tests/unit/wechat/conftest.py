"""A WeChat on loopback that answers whatever a test wants, byte by byte if it must."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest

type Behaviour = Callable[[socket.socket], None]


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class LoopbackWeChat:
    """Answers each connection with ``behaviour``; remembers what was asked."""

    listener: socket.socket
    behaviour: Behaviour = lambda _: None
    seen: list[Seen] = field(default_factory=list)
    accepted: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def base_url(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(5)
            try:
                self.seen.append(read_request(connection))
                self.behaviour(connection)
            except OSError:
                return


def read_request(connection: socket.socket) -> Seen:
    """Read one whole request: closing with bytes unread would reset the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += _some(connection)
    parts = urlsplit(target)
    return Seen(method, parts.path, parse_qs(parts.query), headers, body)


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionResetError
    return data


def http_answer(
    body: bytes,
    *,
    status: str = "200 OK",
    headers: tuple[str, ...] = (),
    length: int | None = None,
) -> bytes:
    """Return a whole HTTP answer; ``length`` may lie."""
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body


def json_answer(value: object) -> Behaviour:
    """Answer JSON as WeChat does: with a content type that says otherwise."""
    body = json.dumps(value, ensure_ascii=False).encode()
    return lambda connection: connection.sendall(
        http_answer(body, headers=("Content-Type: text/plain",))
    )


@pytest.fixture
def wechat() -> Iterator[LoopbackWeChat]:
    """Return a server on loopback whose behaviour a test sets."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = LoopbackWeChat(listener)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield server
    server.stop.set()
    # close() alone does not wake a thread that waits in accept().
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)
