"""The one call to WeChat: bounded in time and size, and silent about secrets when it fails."""

from __future__ import annotations

import gzip
import logging
import os
import socket
import struct
import time
import traceback
from typing import TYPE_CHECKING

import pytest

from tests.unit.wechat.conftest import Behaviour, LoopbackWeChat, http_answer, json_answer
from wxvault.errors import WeChatUnknownError
from wxvault.wechat.http import WeChatHttp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.loopback

PATH = "/cgi-bin/component/api_authorizer_token"
TOKEN = "61_" + "Qx7-fake_Token" * 11
REFRESH_TOKEN = "refreshtoken@@@" + "fAkE-refresh_token-value" * 2
MIB = 1024 * 1024


def quick(base_url: str) -> WeChatHttp:
    """Return the adapter with a deadline that a test can wait for."""
    return WeChatHttp(base_url, deadline=0.4, connect_timeout=0.2)


def call(http: WeChatHttp) -> dict[str, object]:
    """Send a call with secrets in its query and its body."""
    return http.post(
        PATH,
        query={"component_access_token": TOKEN},
        body={"authorizer_refresh_token": REFRESH_TOKEN},
    )


def drip(head: bytes, piece: bytes) -> Behaviour:
    """Send ``head``, then ``piece`` for ever, often enough that no packet is ever late."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(200):
            connection.sendall(piece)
            time.sleep(0.02)

    return behave


def reset(connection: socket.socket) -> None:
    """Break the connection off with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def send(answer: bytes) -> Behaviour:
    """Send the bytes and close."""
    return lambda connection: connection.sendall(answer)


def chunked(*chunks: bytes, end: bytes = b"") -> bytes:
    """Return a chunked answer; without ``end`` it is cut off."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks) + end


HTML = b"<html><body>502 Bad Gateway</body></html>"

FAILURES: dict[str, Behaviour] = {
    "no answer": lambda _: time.sleep(1.5),
    "closed without an answer": lambda _: None,
    "reset": reset,
    "headers drip": drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "one header line drips": drip(b"HTTP/1.1 200 OK\r\nX-Long: ", b"z"),
    "body drips": drip(http_answer(b"", length=10_000), b" "),
    "body without length drips": drip(b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    "chunks drip": drip(chunked(b"{"), b"1\r\n \r\n"),
    "html": send(http_answer(HTML)),
    "html with status 502": send(http_answer(HTML, status="502 Bad Gateway")),
    "json with status 500": send(http_answer(b'{"errcode":0}', status="500 Oops")),
    "status 204": send(http_answer(b"", status="204 No Content")),
    "redirect": send(
        http_answer(b"", status="302 Found", headers=("Location: http://127.0.0.1:1/",))
    ),
    "redirect to a page that would answer": send(
        http_answer(b"", status="307 Temporary Redirect", headers=("Location: /other",))
    ),
    "body cut": send(http_answer(b'{"access_token":"abc', length=300)),
    "body cut although it parses": send(http_answer(b"{}", length=300)),
    "chunked body cut": send(chunked(b'{"access_token":"abc')),
    "chunked body cut although it parses": send(chunked(b"{}")),
    "body of unsaid length cut": send(b'HTTP/1.1 200 OK\r\n\r\n{"errcode":'),
    "11 MiB": send(http_answer(b'{"a":"' + b"x" * (11 * MIB) + b'"}')),
    "a little over 1 MiB": send(http_answer(b'{"a":"' + b"x" * MIB + b'"}')),
    "a length header that lies": send(http_answer(b"x" * (3 * MIB), length=10**12)),
    "gzip bomb": send(
        http_answer(gzip.compress(b" " * (50 * MIB)), headers=("Content-Encoding: gzip",))
    ),
    "empty": send(http_answer(b"")),
    "a list": send(http_answer(b"[]")),
    "a number": send(http_answer(b"0")),
    "nested 100,000 deep": send(http_answer(b'{"a":' * 100_000)),
    "not HTTP": send(b"SSH-2.0-something\r\n\r\n"),
    "endless status line": send(b"HTTP/1.1 200 " + b"x" * 200_000),
    "too many headers": send(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500 + b"\r\n{}"),
}


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Record everything that anybody logs, at every level."""
    with caplog.at_level(logging.DEBUG):
        yield caplog


@pytest.mark.parametrize("name", FAILURES)
def test_every_failure_is_an_unknown_outcome_without_secrets(
    wechat: LoopbackWeChat, logged: pytest.LogCaptureFixture, name: str
) -> None:
    """However WeChat fails: one error, in time, with method and path and nothing else."""
    wechat.behaviour = FAILURES[name]
    started = time.monotonic()
    with pytest.raises(WeChatUnknownError) as caught:
        call(quick(wechat.base_url))
    assert time.monotonic() - started < 1.2, "the deadline counts for the whole call"
    error = caught.value
    assert error.path == PATH
    assert error.message.startswith(f"POST {PATH}: ")
    assert error.__context__ is None
    assert error.__cause__ is None
    told = "".join(traceback.format_exception(error)) + repr(error) + str(error.args)
    told += "".join(record.getMessage() for record in logged.records)
    assert TOKEN[:20] not in told
    assert REFRESH_TOKEN[:30] not in told
    # None at all: the listener was too busy to take the call before its deadline.
    assert wechat.accepted <= 1, "nothing is tried twice"


def test_odd_headers_do_not_make_urllib3_log_the_url(
    wechat: LoopbackWeChat, logged: pytest.LogCaptureFixture
) -> None:
    """urllib3 warns of headers it cannot parse with the whole URL; here it does not."""
    odd = ("X-Good: 1", "this is no header", "X-After: 2")
    wechat.behaviour = send(http_answer(b"{}", headers=odd))
    assert call(quick(wechat.base_url)) == {}
    assert TOKEN[:20] not in "".join(record.getMessage() for record in logged.records)


def test_no_listener_is_an_unknown_outcome_too() -> None:
    """A refused connection is told apart from a refusal of WeChat, and says no secret."""
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    with pytest.raises(WeChatUnknownError) as caught:
        call(quick(f"http://127.0.0.1:{port}"))
    assert TOKEN[:20] not in "".join(traceback.format_exception(caught.value))


def test_connecting_has_a_limit_of_its_own() -> None:
    """A host that does not take the connection costs the time to connect, not the whole call."""
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    address = full.getsockname()
    fillers = []
    for _ in range(4):  # the backlog is full after these, and further SYNs are dropped
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(address)
        fillers.append(filler)
    started = time.monotonic()
    with pytest.raises(WeChatUnknownError):
        call(WeChatHttp(f"http://127.0.0.1:{address[1]}", deadline=5, connect_timeout=0.3))
    assert time.monotonic() - started < 2
    for filler in fillers:
        filler.close()
    full.close()


def test_a_name_that_resolves_too_slowly_sends_nothing(
    wechat: LoopbackWeChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that gave up during name resolution is never sent afterwards."""
    real = socket.getaddrinfo

    def slow(*args: object, **kwargs: object) -> object:
        time.sleep(0.5)
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    wechat.behaviour = json_answer({})
    with pytest.raises(WeChatUnknownError):
        call(quick(wechat.base_url))
    time.sleep(0.5)
    assert wechat.accepted == 0


def test_a_good_answer_arrives_and_the_request_is_plain(wechat: LoopbackWeChat) -> None:
    """Chinese goes out unescaped, nothing of the machine's environment goes along."""
    wechat.behaviour = json_answer({"errcode": 0, "name": "示例"})
    http = quick(wechat.base_url)
    answer = http.post("/x", query={"component_access_token": "a+b/c="}, body={"name": "示例"})
    assert answer == {"errcode": 0, "name": "示例"}
    [seen] = wechat.seen
    assert (seen.method, seen.path) == ("POST", "/x")
    assert seen.query == {"component_access_token": ["a+b/c="]}
    assert seen.body.decode() == '{"name": "示例"}'
    assert seen.headers["content-type"] == "application/json; charset=utf-8"
    assert seen.headers["accept-encoding"] == "identity"
    assert seen.headers["connection"] == "close"
    assert "authorization" not in seen.headers
    assert "cookie" not in seen.headers


def test_neither_proxies_nor_netrc_are_taken_from_the_environment(
    wechat: LoopbackWeChat,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """HTTP_PROXY and ~/.netrc would hand the token to somebody else, so they are not asked."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    monkeypatch.setenv("NETRC", os.fspath(netrc))
    wechat.behaviour = json_answer({"ok": 1})
    assert call(quick(wechat.base_url)) == {"ok": 1}
    assert "authorization" not in wechat.seen[0].headers


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        (b'{"a":"line\nbreak"}', {"a": "line\nbreak"}),
        (b'{"a":"\xff"}', {"a": "\ufffd"}),
        (b'{"u":"http:\\/\\/wx.qlogo.cn\\/0"}', {"u": "http://wx.qlogo.cn/0"}),
    ],
)
def test_json_of_real_life_is_accepted(
    wechat: LoopbackWeChat, raw: bytes, expected: dict[str, object]
) -> None:
    """A BOM, control characters, broken UTF-8 in a name, escaped slashes: still an answer."""
    wechat.behaviour = send(http_answer(raw, headers=("Content-Type: text/html",)))
    assert call(quick(wechat.base_url)) == expected


def test_many_threads_share_one_adapter(wechat: LoopbackWeChat) -> None:
    """Calls at the same time do not cut or mix one another."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    wechat.behaviour = json_answer({"ok": 1})
    http = WeChatHttp(wechat.base_url, deadline=5)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: call(http), range(40)))
    assert answers == [{"ok": 1}] * 40
    assert wechat.accepted == 40
