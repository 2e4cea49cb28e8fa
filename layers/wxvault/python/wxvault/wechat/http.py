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
from typing import TYPE_CHECKING, Any, Final, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager

from wxvault.errors import WeChatUnknownError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEADLINE_SECONDS: Final = 7.0
CONNECT_SECONDS: Final = 2.0
ANSWER_LIMIT: Final = 1024 * 1024

_OK = 200
_PIECE = 64 * 1024

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


class WeChatHttp:
    """Sends JSON to one base URL. Safe to share between threads."""

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
        answer: dict[str, Any] | None = None
        problem = ""
        with _Call(self._deadline, self._connect_timeout, time.monotonic) as call:
            mark = _current.set(call)
            try:
                answer = self._exchange(path, query, body)
            except _UnusableAnswerError as exc:
                problem = exc.problem
            except Exception as exc:  # noqa: BLE001 - each of them carries the URL with the token
                problem = _in_a_word(exc)
            finally:
                _current.reset(mark)
            if call.expired:
                problem = f"no complete answer within {self._deadline:g} s"
        # Raised outside of every except clause: not even __context__ remembers.
        if answer is None:
            raise WeChatUnknownError(f"POST {path}: {problem}", path=path)
        return answer

    def _exchange(
        self, path: str, query: Mapping[str, str], body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Send and read on a connection of its own.

        A kept one would be stale after an environment has slept, and a call that fails on a stale
        connection is one whose outcome nobody knows.
        """
        with requests.Session() as session:
            session.trust_env = False
            session.max_redirects = 0
            session.mount(self._base, _Adapter(max_retries=0))
            with session.post(
                self._base + path,
                params=dict(query),
                data=json.dumps(body, ensure_ascii=False).encode(),
                headers={
                    "Content-Type": "application/json; charset=utf-8",
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                    "Connection": "close",
                    "User-Agent": "wxvault",
                },
                timeout=(self._connect_timeout, self._deadline),
                allow_redirects=False,
                stream=True,
            ) as response:
                return self._read(response)

    def _read(self, response: requests.Response) -> dict[str, Any]:
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
                raise _UnusableAnswerError(f"answered with more than {self._answer_limit} bytes")
        return _json_object(bytes(content))


class _UnusableAnswerError(Exception):
    """WeChat answered something that is no answer; never leaves this module."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def _json_object(content: bytes) -> dict[str, Any]:
    """Parse as JSON whatever the Content-Type says.

    Lenient where only names suffer: control characters and broken UTF-8 occur in nick names.
    """
    try:
        value = json.loads(content.decode("utf-8-sig", "replace"), strict=False)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise _UnusableAnswerError("answered with something that is not a JSON object")
    return value


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
