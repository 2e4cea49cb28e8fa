"""A host on loopback that answers what a test says."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from wxvault.runtime.http_answers import Answer, html_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(slots=True)
class Site:
    """A host on loopback; remembers what it was asked for, and with which Referer."""

    routes: dict[str, Callable[[], Answer]] = field(default_factory=dict)
    seen: list[tuple[str, str, str | None]] = field(default_factory=list)
    port: int = 0

    def url(self, host: str, path: str) -> str:
        """Return an address of this site."""
        return f"http://{host}:{self.port}{path}"


@contextmanager
def serving() -> Iterator[Site]:
    """Return a site that is the platform as ``localhost`` and WeChat as ``127.0.0.1``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            length = int(self.headers.get("Content-Length") or 0)
            self.rfile.read(length)
            found.seen.append((self.command, path, self.headers.get("Referer")))
            route = found.routes.get(f"{self.command} {path}")
            answer = route() if route is not None else html_answer("<h1>404", nonce="x", status=404)
            self.send_response(answer["statusCode"])
            for name, value in answer["headers"].items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer["body"].encode())

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Site(port=server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    server.shutdown()
    thread.join(5)
    server.server_close()
