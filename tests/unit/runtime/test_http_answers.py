"""Answers of the HTTP API: one table for errors, strict headers for pages."""

from __future__ import annotations

import inspect
import json

import pytest

from wxvault import errors
from wxvault.runtime import http_answers as answers

ALL_ERRORS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.WxvaultError)
]


def make(kind: type[errors.WxvaultError]) -> errors.WxvaultError:
    """Return an error of ``kind``, whatever its constructor asks for."""
    if issubclass(kind, errors.WeChatError):
        return kind("a sentence", path="/x", wechat_errcode=61004)
    arguments = [
        name
        for name, parameter in inspect.signature(kind).parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    return kind(*("a sentence" for _ in arguments))


@pytest.mark.parametrize("kind", ALL_ERRORS)
def test_every_error_has_a_status_and_says_what_to_do(kind: type[errors.WxvaultError]) -> None:
    """Whatever is in the tree becomes an answer with code, message, remedy and request id."""
    answer = answers.error_answer(make(kind), "req-1")
    assert 400 <= answer["statusCode"] <= 599
    body = json.loads(answer["body"])["error"]
    assert body["code"] == kind.code
    assert body["message"]
    assert body["remedy"]
    assert body["request_id"] == "req-1"
    assert ("wechat_errcode" in body) == issubclass(kind, errors.WeChatError)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.InvalidRequestError, 400),
        (errors.BadSignatureError, 403),
        (errors.UnknownSessionError, 404),
        (errors.SessionExpiredError, 410),
        (errors.AuthorizerRevokedError, 410),
        (errors.RequestTooLargeError, 413),
        (errors.MintLimitError, 429),
        (errors.WeChatRefusedError, 502),
        (errors.RenewalInProgressError, 503),
        (errors.WeChatUnknownError, 504),
    ],
)
def test_the_statuses_callers_build_upon(kind: type[errors.WxvaultError], status: int) -> None:
    """These numbers are a contract."""
    assert answers.status_of(make(kind)) == status


def test_waiting_makes_sense_for_some() -> None:
    """An error that passes says after how many seconds."""
    answer = answers.error_answer(errors.RenewalInProgressError("wait"), "r")
    assert answer["headers"]["retry-after"] == "2"


def test_nobody_is_told_to_repeat_what_wechat_may_have_executed() -> None:
    """HTTP libraries obey retry-after by themselves: a message would be sent twice."""
    for kind in (errors.WeChatUnknownError, errors.AnswerTooLargeError):
        assert "retry-after" not in answers.error_answer(make(kind), "r")["headers"]


def test_an_unexpected_exception_says_nothing_of_itself() -> None:
    """Its text may hold anything, so it stays in the log."""
    answer = answers.error_answer(RuntimeError("ticket@@@secret"), "req-2")
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"])["error"]["code"] == "internal"
    assert "secret" not in answer["body"]


def test_json_is_not_cached_and_keeps_chinese() -> None:
    """A token in an answer must not stay in any cache."""
    answer = answers.json_answer({"name": "示例"}, status=201, headers={"x-a": "b"})
    assert answer["statusCode"] == 201
    assert answer["headers"]["cache-control"] == "no-store"
    assert answer["headers"]["content-type"] == "application/json; charset=utf-8"
    assert answer["headers"]["x-a"] == "b"
    assert "示例" in answer["body"]


def test_a_page_has_strict_headers() -> None:
    """Only what carries the nonce runs; nobody frames it; WeChat gets the origin as Referer."""
    answer = answers.html_answer("<p>", nonce="Tm9uY2U", cookies=("a=b",))
    headers = answer["headers"]
    policy = headers["content-security-policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "script-src 'nonce-Tm9uY2U'" in policy
    assert "style-src 'nonce-Tm9uY2U'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "origin"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert answer["cookies"] == ["a=b"]
    assert "cookies" not in answers.html_answer("<p>", nonce="x")


def test_a_redirect_is_303() -> None:
    """The browser fetches the target with GET, whatever it sent before."""
    answer = answers.redirect_answer("https://shop.example/done?x=1")
    assert answer["statusCode"] == 303
    assert answer["headers"]["location"] == "https://shop.example/done?x=1"


@pytest.mark.parametrize("location", ["/a\r\nSet-Cookie: x=y", "/ü", "/a b", "/\x7f"])
def test_a_redirect_cannot_smuggle_a_header(location: str) -> None:
    """What is not plain ASCII is refused."""
    with pytest.raises(errors.ConfigurationError):
        answers.redirect_answer(location)


def test_an_error_can_be_written_whatever_it_names() -> None:
    """Half a surrogate pair in a caller's JSON must not keep the answer from being sent."""
    answer = answers.error_answer(errors.InvalidRequestError("\ud800", "is no field"), "req-1")
    answer["body"].encode("utf-8")
    assert json.loads(answer["body"])["error"]["message"] == "?: is no field"


def test_wechat_gets_seven_bytes() -> None:
    """Nothing but `success`, as plain text."""
    answer = answers.wechat_answer()
    assert answer["statusCode"] == 200
    assert answer["body"] == "success"
    assert answer["headers"]["content-type"].startswith("text/plain")


def test_a_cookie_is_out_of_reach_for_scripts() -> None:
    """HttpOnly and Lax always, Secure wherever there is https."""
    assert answers.cookie("s", "v", secure=True, max_age=60) == (
        "s=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
    )
    assert "Secure" not in answers.cookie("s", "v", secure=False, max_age=60)
