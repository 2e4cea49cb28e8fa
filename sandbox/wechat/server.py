"""The HTTP side: WeChat's API, the pages and the control API on one loopback port."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

from sandbox.wechat.calls import Call, refusal
from sandbox.wechat.control import CONTROL_PREFIX, Control
from sandbox.wechat.faults import Reaction
from sandbox.wechat.pages import Pages
from sandbox.wechat.replies import Reply, WebRequest
from sandbox.wechat.return_codes import WeChatError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from sandbox.wechat.desk import Desk

HOST: Final = "127.0.0.1"
BODY_LIMIT: Final = 6 * 1024 * 1024
_API_TREES: Final = ("/cgi-bin/", "/wxa/", "/sns/")
_GOODBYE_SECONDS: Final = 2
_LOCAL_NAMES: Final = frozenset({"127.0.0.1", "localhost"})


class _Handler(BaseHTTPRequestHandler):
    """One connection; keep-alive as WeChat's own."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet
    timeout = 60
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name
        """Say nothing: request lines carry tokens. The call log has what happened."""

    def version_string(self) -> str:
        """Return what goes into the Server header."""
        return "wechat-sandbox"

    def _serve(self) -> None:
        body = self._body()
        if body is None:
            return
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        desk = self.server.desk
        if desk.knows(parts.path) or (
            parts.path.startswith(_API_TREES) and parts.path not in self.server.pages.paths
        ):
            kind = self.headers.get("Content-Type", "")
            self._api(Call(self.command, parts.path, query, body, self.client_address[0], kind))
            return
        request = WebRequest(self.command, parts.path, query, body, self._headers())
        if not self._is_local(request):
            self._reply(Reply.text(421, "This sandbox answers to 127.0.0.1 and localhost only.\n"))
        elif parts.path.startswith(CONTROL_PREFIX):
            self._reply(self.server.control.handle(request))
        else:
            self._reply(self.server.pages.handle(request))

    def _body(self) -> bytes | None:
        """Return the request's body; None when it was refused and answered."""
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            self._reply(Reply.text(411, "Send Content-Length.\n"))
            return None
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= BODY_LIMIT:
            self.close_connection = True
            self._reply(Reply.text(413, "The body is too large.\n"))
            return None
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return None
        return body

    def _headers(self) -> Mapping[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _is_local(self, request: WebRequest) -> bool:
        """Refuse names that a foreign page has let point to this machine."""
        host = urlsplit("//" + request.headers.get("host", "")).hostname
        return host in _LOCAL_NAMES

    def _api(self, call: Call) -> None:
        desk = self.server.desk
        if not desk.knows(call.path):
            answer = refusal(WeChatError(40066), desk.state)
            reaction = Reaction(answer, executed=False, errcode=answer.errcode)
        else:
            reaction = desk.handle(call)
        if reaction.answer is None:
            self._hang_up(reset=reaction.reset)
            return
        answer = reaction.answer
        self._reply(Reply(answer.status, answer.body, {"Content-Type": answer.content_type}))

    def _hang_up(self, *, reset: bool) -> None:
        """End the connection without an answer; ``reset``: with RST instead of FIN."""
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _reply(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    allow_reuse_port = False  # a second sandbox on the same port is a mistake

    def __init__(self, desk: Desk, port: int) -> None:
        self.desk = desk
        self.control = Control(desk)
        self.pages = Pages(desk)
        self._open_lock = Lock()
        self._open: set[socket.socket] = set()
        super().__init__((HOST, port), _Handler)

    def server_bind(self) -> None:
        """Bind without looking up this machine's name, which can take seconds offline."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection: an idle one would outlive the server."""
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """End what is still open and wait until its threads have let go of it."""
        deadline = time.monotonic() + _GOODBYE_SECONDS
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        while self._open and time.monotonic() < deadline:
            time.sleep(0.005)

    def handle_error(self, request: object, client_address: object) -> None:
        """Callers that go away in the middle are no news here."""


class SandboxServer:
    """A running sandbox: ``with SandboxServer(desk) as server: ... server.base_url``.

    ``port`` 0 takes a free one. It binds to 127.0.0.1 only.
    """

    def __init__(self, desk: Desk, port: int = 0) -> None:
        self.desk = desk
        self._server = _Server(desk, port)
        self.port = int(self._server.server_address[1])
        self._thread: Thread | None = None
        desk.page_base = self.base_url

    @property
    def base_url(self) -> str:
        """The address, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Serve in the background, and let the ticket timer run."""
        self._thread = Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True, name="sandbox"
        )
        self._thread.start()
        self.desk.start()

    def stop(self) -> None:
        """Stop serving and let go of the port."""
        self.desk.close()
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()
        self._server.close_connections()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
