"""Calls for somebody else: what goes out, what comes back, and what never leaves."""

from __future__ import annotations

import json
import logging
import time
import traceback
from typing import TYPE_CHECKING

import pytest

from tests.unit.wechat.conftest import LoopbackWeChat, http_answer, json_answer
from tests.unit.wechat.test_http import FAILURES, MIB, send
from wxvault.errors import AnswerTooLargeError, WeChatRefusedError, WeChatUnknownError
from wxvault.services.calling import ApiAnswer, ApiCall
from wxvault.wechat.account_api import ANSWER_LIMIT, AccountApi

if TYPE_CHECKING:
    import socket

pytestmark = pytest.mark.loopback

PATH = "/cgi-bin/menu/create"
TOKEN = "61_" + "Qx7-fake_Token" * 11
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
GET = ApiCall("GET", PATH, {"type": "a b/&="})
POST = ApiCall("POST", PATH, {}, b'{"name":"\xe7\xa4\xba\xe4\xbe\x8b"}', "application/json")


def ask(wechat: LoopbackWeChat, call: ApiCall = POST, *, seconds: float = 5) -> ApiAnswer:
    """Send a call."""
    return AccountApi(wechat.base_url).call(call, TOKEN, seconds=seconds)


def answering(body: bytes, content_type: str) -> bytes:
    """Return an answer with a content type."""
    return http_answer(body, headers=(f"Content-Type: {content_type}",))


def test_a_call_goes_out_as_the_caller_wants_it(wechat: LoopbackWeChat) -> None:
    """Method, path, query, body and content type; the token beside the caller's parameters."""
    wechat.behaviour = json_answer({"errcode": 0, "errmsg": "ok"})
    ask(wechat, GET)
    ask(wechat, POST)
    got, posted = wechat.seen
    assert (got.method, got.path, got.body) == ("GET", PATH, b"")
    assert got.query == {"type": ["a b/&="], "access_token": [TOKEN]}
    assert "content-type" not in got.headers
    assert (posted.method, posted.body) == ("POST", POST.body)
    assert posted.headers["content-type"] == "application/json"
    assert posted.headers["accept"] == "*/*"


def test_a_multipart_body_arrives_byte_by_byte(wechat: LoopbackWeChat) -> None:
    """4 MiB of upload with the caller's own boundary."""
    wechat.behaviour = json_answer({"type": "image", "media_id": "M1"})
    body = b"--x\r\n\r\n" + PNG * (4 * MIB // len(PNG)) + b"\r\n--x--\r\n"
    call = ApiCall("POST", "/cgi-bin/media/upload", {}, body, "multipart/form-data; boundary=x")
    assert ask(wechat, call).value == {"type": "image", "media_id": "M1"}
    assert wechat.seen[0].body == body
    assert wechat.seen[0].headers["content-type"] == "multipart/form-data; boundary=x"


def test_component_paths_take_the_token_under_its_other_name(wechat: LoopbackWeChat) -> None:
    """WeChat's own trees want ``component_access_token``."""
    wechat.behaviour = json_answer({"errcode": 0})
    ask(wechat, ApiCall("POST", "/cgi-bin/component/fastregisterweapp", {}, b"{}"))
    assert wechat.seen[0].query == {"component_access_token": [TOKEN]}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"errcode":0,"errmsg":"ok"}', "application/json; encoding=utf-8"),
        (b'\xef\xbb\xbf{ "a" : 1.50, "name":"\xff" }', "text/plain"),
        (PNG, "image/png"),
        (b"date,count\n2026-01-01,3\n", "text/csv"),
        (b"--{ not json, and no text", "video/mp4"),
        (b"{} in a picture", "image/jpeg"),
        (b"[1, 2]", "application/json"),
        (b'\xef\xbb\xbf [{"a":"\xff"}]', "application/json; encoding=utf-8"),
        (b'"a text"', "text/json"),
        (b"17", "application/json"),
        (b"null", "application/json"),
        (b"[]", "text/plain"),
    ],
)
def test_a_good_answer_comes_back_as_it_is(
    wechat: LoopbackWeChat, body: bytes, content_type: str
) -> None:
    """Not one byte is changed, JSON or file, and the content type is kept."""
    wechat.behaviour = send(answering(body, content_type))
    answer = ask(wechat, GET)
    assert (answer.content, answer.content_type) == (body, content_type)


def test_an_answer_without_content_type_is_bytes(wechat: LoopbackWeChat) -> None:
    """What it is, the caller has to know."""
    wechat.behaviour = send(http_answer(PNG))
    assert ask(wechat).content_type == "application/octet-stream"


@pytest.mark.parametrize("form", ["{0}", "https://a/?access_token={0}&x=1", "{0} {0}"])
def test_the_token_does_not_come_back(wechat: LoopbackWeChat, form: str) -> None:
    """An answer that repeats the token in use, or any other secret, has it masked."""
    other = "refreshtoken@@@" + "Other_" * 8
    body = json.dumps({"errcode": 0, "echo": form.format(TOKEN), "other": other, "nick": "示例"})
    wechat.behaviour = send(answering(body.encode(), "application/json"))
    answer = ask(wechat)
    assert TOKEN.encode() not in answer.content
    assert json.loads(answer.content) == answer.value
    assert answer.value == {
        "errcode": 0,
        "echo": form.format("***"),
        "other": "***",
        "nick": "示例",
    }


def test_the_token_does_not_come_back_in_a_list(wechat: LoopbackWeChat) -> None:
    """What is JSON and no object is masked as well."""
    wechat.behaviour = send(answering(json.dumps([TOKEN, 1]).encode(), "application/json"))
    assert ask(wechat).content == b'["***", 1]'


def test_a_media_id_that_begins_like_a_token_is_left_alone(wechat: LoopbackWeChat) -> None:
    """64 characters of the same alphabet are data."""
    media = {"media_id": "1_" + "aB3-" * 15 + "xy"}
    wechat.behaviour = json_answer(media)
    assert ask(wechat).value == media


def test_a_refusal_keeps_what_wechat_said(wechat: LoopbackWeChat) -> None:
    """Errcode, a remedy, and the whole answer beside it without the token."""
    said = {
        "errcode": "85009",
        "errmsg": f"in audit {TOKEN} rid: 0-0-0",
        "data": {"auditid": 7, "t": TOKEN},
    }
    wechat.behaviour = json_answer(said)
    with pytest.raises(WeChatRefusedError) as refused:
        ask(wechat)
    error = refused.value
    assert error.wechat_errcode == 85009
    assert error.answer == {
        "errcode": "85009",
        "errmsg": "in audit *** rid: 0-0-0",
        "data": {"auditid": 7, "t": "***"},
    }
    assert error.message == f"POST {PATH}: WeChat answered 85009 in audit *** rid: 0-0-0"
    assert error.remedy


def test_a_refusal_of_many_kilobytes_stays_readable(wechat: LoopbackWeChat) -> None:
    """Its answer is left out."""
    wechat.behaviour = json_answer({"errcode": 1, "list": ["x" * 70_000]})
    with pytest.raises(WeChatRefusedError) as refused:
        ask(wechat)
    assert refused.value.answer is None


def test_four_mib_pass_and_one_byte_more_does_not(wechat: LoopbackWeChat) -> None:
    """The limit is exact; what is larger is an error with a way out."""
    wechat.behaviour = send(answering(b"x" * ANSWER_LIMIT, "image/png"))
    assert len(ask(wechat).content) == ANSWER_LIMIT
    wechat.behaviour = send(answering(b"x" * (ANSWER_LIMIT + 1), "image/png"))
    with pytest.raises(AnswerTooLargeError) as refused:
        ask(wechat)
    assert str(ANSWER_LIMIT) in refused.value.message
    assert "token" in refused.value.remedy


def test_eleven_mib_are_cut_off_while_streaming(wechat: LoopbackWeChat) -> None:
    """What is too large is not read to its end."""
    sent = 0

    def endless(connection: socket.socket) -> None:
        nonlocal sent
        head = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n"
        connection.sendall(head)
        for _ in range(11 * 16):
            connection.sendall(b"x" * (MIB // 16))
            sent += MIB // 16

    wechat.behaviour = endless
    with pytest.raises(AnswerTooLargeError):
        ask(wechat)
    time.sleep(0.1)
    assert sent < 11 * MIB, "the connection was closed before all of it had come"


NO_ANSWERS = {
    "an error page": answering(b"<html>502</html>", "text/html"),
    "a page that says it is text": answering(b"\n<!doctype html><p>busy", "text/plain"),
    "JSON that is cut": answering(b'{"errcode":0,"list":[1,', "text/plain"),
    "a list that is cut": answering(b'[{"a":1},', "application/json"),
    "a text that is cut": answering(b'"abc', "application/json"),
    "a list that says it is a page": answering(b"[]", "text/html"),
    "JSON that is none": answering(b"\x1f\x8b garbage", "application/json"),
    "an errcode that is no number": answering(b'{"errcode":{}}', "text/plain"),
    "nothing": answering(b"", "image/png"),
}


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_what_is_neither_json_nor_a_file_is_no_answer(wechat: LoopbackWeChat, name: str) -> None:
    """Nobody knows whether WeChat executed the call, and the error says so."""
    wechat.behaviour = send(NO_ANSWERS[name])
    with pytest.raises(WeChatUnknownError) as unknown:
        ask(wechat)
    assert unknown.value.path == PATH


# Good answers to a call that may bring a file.
GOOD_HERE = {"a number", "a list", "a little over 1 MiB"}


@pytest.mark.parametrize("name", [name for name in FAILURES if name not in GOOD_HERE])
def test_every_failure_is_silent_about_the_token(
    wechat: LoopbackWeChat, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """Each kind of exception of the HTTP library is forced: none of their words gets out."""
    wechat.behaviour = FAILURES[name]
    started = time.monotonic()
    with caplog.at_level(logging.DEBUG), pytest.raises(WeChatUnknownError) as caught:
        ask(wechat, POST, seconds=0.4)
    error = caught.value
    assert error.path == PATH
    assert error.__context__ is None
    told = "".join(traceback.format_exception(error)) + error.remedy
    assert time.monotonic() - started < 2
    told += "".join(record.getMessage() for record in caplog.records)
    assert TOKEN[:20] not in told
    assert wechat.accepted <= 1, "nothing is tried twice"


def test_a_redirect_is_not_followed(wechat: LoopbackWeChat) -> None:
    """It would carry the token to somebody else."""
    wechat.behaviour = send(
        http_answer(b"", status="302 Found", headers=(f"Location: {wechat.base_url}/other",))
    )
    with pytest.raises(WeChatUnknownError, match="302, a redirect, which is not followed"):
        ask(wechat)
    assert len(wechat.seen) == 1
