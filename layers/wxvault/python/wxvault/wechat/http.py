"""One call to WeChat over HTTP: a deadline for all of it, no trace of a secret when it fails.

``requests`` limits the wait for each packet, not the call, and its exceptions carry the URL with
the token in it. Hence a watchdog that cuts the call's socket, and no exception gets out as it is.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager

from wxvault.errors import AnswerTooLargeError, WeChatUnknownError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEADLINE_SECONDS: Final = 7.0
CONNECT_SECONDS: Final = 2.0
ANSWER_LIMIT: Final = 1024 * 1024

_OK = 200
# What requests waits for a packet; the call's own watchdog ends it before.
_PATIENCE = 30
_REDIRECTS = range(300, 400)
_PIECE = 64 * 1024
_JSON_TYPE = "application/json; charset=utf-8"
_ACCEPTED = "application/json"

# At DEBUG, and in one WARNING about odd headers, urllib3 logs the URL: that is where the token is.
logging.getLogger("urllib3").setLevel(logging.ERROR)


class _DeadlineError(OSError):
    """The call's time is over; never leaves this module."""


class _Call:
    """The time and the socket of one call."""

    def __init__(self, seconds: float, connect_seconds: float, now: Callable[[], float]) -> None:
        self._now = now
        self._ends = now() + seconds
        self._connect_seconds = connect_seconds
        self._lock = threading.Lock()
        self._twin: socket.socket | None = None
        self._watchdog = threading.Timer(seconds, self._cut)
        self._watchdog.daemon = True
        self.expired = False

    def __enter__(self) -> Self:
        self._watchdog.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watchdog.cancel()
        with self._lock:
            twin, self._twin = self._twin, None
        if twin is not None:
            twin.close()

    def connect(self, host: str, port: int) -> socket.socket:
        """Open the one socket of this call, all addresses within the time to connect."""
        ends = min(self._now() + self._connect_seconds, self._ends)
        problem: OSError = _DeadlineError()
        for family, kind, protocol, _, address in self._resolve(host, port, ends):
            left = ends - self._now()
            if left <= 0:
                break
            candidate = socket.socket(family, kind, protocol)
            try:
                candidate.settimeout(left)
                candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                candidate.connect(address)
                self._watch(candidate)
            except OSError as exc:
                candidate.close()
                problem = exc
                continue
            candidate.settimeout(max(self._ends - self._now(), 0.001))
            return candidate
        raise problem

    def _resolve(self, host: str, port: int, ends: float) -> list[Any]:
        """Look the name up; the C library knows no time-out, so a thread of its own waits for it.

        Left alone, that thread does no harm: it sends nothing.
        """
        found: list[Any] = []

        def look_up() -> None:
            try:
                found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except OSError:
                return

        thread = threading.Thread(target=look_up, name="wechat-dns", daemon=True)
        thread.start()
        thread.join(max(ends - self._now(), 0))
        if not found:
            raise _DeadlineError
        # The platform's list at WeChat holds IPv4 addresses: from any other it answers 61004.
        return sorted(found, key=lambda entry: entry[0] != socket.AF_INET)

    def _watch(self, opened: socket.socket) -> None:
        # TLS takes the socket object over; a second descriptor of the same connection stays ours.
        twin = socket.socket(opened.family, opened.type, opened.proto, os.dup(opened.fileno()))
        with self._lock:
            self._twin = twin
            expired = self.expired
        if expired:
            raise _DeadlineError

    def _cut(self) -> None:
        with self._lock:
            self.expired = True
            if self._twin is None:
                return
            try:
                self._twin.shutdown(socket.SHUT_RDWR)
            except OSError:
                return


_current: ContextVar[_Call] = ContextVar("wechat_call")


class _PlainConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _current.get().connect(self._dns_host, self.port)


class _TlsConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _current.get().connect(self._dns_host, self.port or 443)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """requests' adapter with connections that belong to a call."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        del args
        manager = PoolManager(num_pools=1, maxsize=1, **kwargs)
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
        self.poolmanager = manager


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer of status 200 as it came, whole; ``content_type`` is empty if it had none."""

    content: bytes = field(repr=False)
    content_type: str


class _Session(requests.Session):
    """requests' session, to which no answer is a redirect: it would read one whole, unbounded."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        del resp
        return None


class WeChatHttp:
    """Sends to one base URL. Safe to share between threads."""

    def __init__(
        self,
        base_url: str,
        *,
        deadline: float = DEADLINE_SECONDS,
        connect_timeout: float = CONNECT_SECONDS,
        answer_limit: int = ANSWER_LIMIT,
    ) -> None:
        """Take the base URL (checked in the settings), seconds for a call, bytes of an answer."""
        self._base = base_url.rstrip("/")
        self._deadline = deadline
        self._connect_timeout = connect_timeout
        self._answer_limit = answer_limit

    def post(
        self, path: str, *, query: Mapping[str, str], body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """POST ``body`` as JSON once and return the JSON object WeChat answers.

        Raises WeChatUnknownError when no such answer came in time: method, path and a word on the
        reason are all it says. Whether WeChat executed the call is then unknown.
        """
        content = json.dumps(body, ensure_ascii=False).encode()
        raw = self.send(
            "POST", path, query=query, body=content, content_type=_JSON_TYPE, accept=_ACCEPTED
        )
        answer = json_object(raw.content)
        if answer is None:
            raise WeChatUnknownError(
                f"POST {path}: answered with something that is not a JSON object", path=path
            )
        return answer

    def send(  # noqa: PLR0913 -- one request, every part of it named
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        body: bytes | None = None,
        content_type: str = "",
        accept: str = "*/*",
        seconds: float | None = None,
    ) -> RawAnswer:
        """Send one request and return what is answered with status 200.

        ``seconds`` (by default the adapter's deadline) are for all of it, from the name look-up to
        the last byte. Redirects are not followed.

        Raises:
            WeChatUnknownError: there is no such answer, see :meth:`post`.
            AnswerTooLargeError: it was cut off at the adapter's limit.
        """
        deadline = self._deadline if seconds is None else seconds
        answer: RawAnswer | None = None
        problem, too_large = "", False
        with _Call(deadline, self._connect_timeout, time.monotonic) as call:
            mark = _current.set(call)
            try:
                answer = self._exchange(
                    method, path, query, body, {"Content-Type": content_type, "Accept": accept}
                )
            except _UnusableAnswerError as exc:
                problem, too_large = exc.problem, exc.too_large
            except Exception as exc:  # noqa: BLE001 - each of them carries the URL with the token
                problem = _in_a_word(exc)
            finally:
                _current.reset(mark)
            if call.expired and not too_large:
                # A body of unsaid length ends where the connection is cut: it only looks whole.
                problem, answer = f"no complete answer within {deadline:g} s", None
        # Raised outside of every except clause: not even __context__ remembers.
        if answer is None:
            kind = AnswerTooLargeError if too_large else WeChatUnknownError
            raise kind(f"{method} {path}: {problem}", path=path)
        return answer

    def _exchange(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> RawAnswer:
        """Send and read on a connection of its own.

        A kept one would be stale after an environment has slept, and a call that fails on a stale
        connection is one whose outcome nobody knows.
        """
        with _Session() as session:
            session.trust_env = False
            session.mount(self._base, _Adapter(max_retries=0))
            with session.request(
                method,
                self._base + path,
                params=dict(query),
                data=body,
                headers={
                    **{name: value for name, value in headers.items() if value},
                    "Accept-Encoding": "identity",
                    "Connection": "close",
                    "User-Agent": "wxvault",
                },
                timeout=(self._connect_timeout, _PATIENCE),
                allow_redirects=False,
                stream=True,
            ) as response:
                return self._read(response)

    def _read(self, response: requests.Response) -> RawAnswer:
        if response.status_code in _REDIRECTS:
            raise _UnusableAnswerError(
                f"answered with HTTP {response.status_code}, a redirect, which is not followed"
            )
        if response.status_code != _OK:
            raise _UnusableAnswerError(f"answered with HTTP {response.status_code}")
        # Nobody asked for compression, and unpacking is how a small answer becomes a large one.
        if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise _UnusableAnswerError("answered in an encoding nobody asked for")
        content = bytearray()
        # To the very end: only the read that finds nothing notices that bytes are missing.
        while piece := response.raw.read(_PIECE, decode_content=False):
            content += piece
            if len(content) > self._answer_limit:
                raise _UnusableAnswerError(
                    f"answered with more than {self._answer_limit} bytes", too_large=True
                )
        return RawAnswer(bytes(content), response.headers.get("Content-Type", ""))


class _UnusableAnswerError(Exception):
    """WeChat answered something that is no answer; never leaves this module."""

    def __init__(self, problem: str, *, too_large: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.too_large = too_large


def json_object(content: bytes) -> dict[str, Any] | None:
    """Parse as JSON whatever the Content-Type says; None: it is no JSON object.

    Lenient where only names suffer: control characters and broken UTF-8 occur in nick names.
    """
    try:
        value = json.loads(content.decode("utf-8-sig", "replace"), strict=False)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else None


def _in_a_word(exc: BaseException) -> str:
    """Describe an exception without any of its text, by its class alone."""
    if isinstance(exc, requests.exceptions.SSLError):
        return "the TLS connection could not be made"
    if isinstance(exc, requests.exceptions.ConnectTimeout):
        return "no connection in time"
    if isinstance(exc, requests.exceptions.Timeout | TimeoutError):
        return "no answer in time"
    if isinstance(exc, requests.exceptions.ConnectionError | OSError):
        return "the connection could not be made or broke"
    return f"the call failed ({type(exc).__name__})"
