"""Requests of the HTTP API: bodies, cookies and parameters in every form they come in."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from wxvault.errors import InvalidRequestError, RequestTooLargeError
from wxvault.runtime.http_requests import HttpRequest


def event(**more: Any) -> dict[str, Any]:
    """Return a payload-2.0 event."""
    return {
        "version": "2.0",
        "rawPath": "/authorized/abc",
        "rawQueryString": "",
        "headers": {},
        "requestContext": {"requestId": "req-1", "http": {"method": "GET"}},
        **more,
    }


def request(**more: Any) -> HttpRequest:
    """Return the request of such an event."""
    return HttpRequest.from_event(event(**more))


def test_the_parts_of_a_request() -> None:
    """Method, path, parameters, headers in lower case, and id."""
    found = request(
        pathParameters={"session": "abc"},
        headers={"User-Agent": "x"},
        requestContext={
            "requestId": "req-1",
            "http": {"method": "post"},
        },
    )
    assert (found.method, found.path, found.request_id) == ("POST", "/authorized/abc", "req-1")
    assert found.path_parameters == {"session": "abc"}
    assert found.headers == {"user-agent": "x"}


def test_an_event_with_nothing_in_it_is_a_request() -> None:
    """Absent parts and null are the same; nothing raises."""
    found = HttpRequest.from_event({"headers": None, "pathParameters": None, "cookies": None})
    assert found.body(10) == b""
    assert found.json_body() == {}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("auth_code=queryauthcode@@@a_b-c&expires_in=3600", "queryauthcode@@@a_b-c"),
        ("auth_code=queryauthcode%40%40%40a_b-c", "queryauthcode@@@a_b-c"),
        ("auth_code=first&auth_code=second", "first"),
        ("auth_code=", ""),
        ("auth_code=%ff", "\ufffd"),
        ("&&&;auth_code", None),
        ("x=1&" * 101 + "auth_code=late", None),
    ],
)
def test_the_query_is_read_from_its_raw_form(raw: str, expected: str | None) -> None:
    """API Gateway joins repeated names with commas; the raw string is what was sent."""
    found = request(rawQueryString=raw, queryStringParameters={"auth_code": "joined,by,comma"})
    assert found.query.get("auth_code") == expected


@pytest.mark.parametrize(
    ("listed", "header"),
    [
        (["s=v1; other"], {}),
        (["s=v1"], {"cookie": "s=v2"}),
        (None, {"Cookie": "a=b; s=v1; c=d"}),
        (None, {"COOKIE": 's="v1"'}),
        ([], {"cookie": " s = v1 ;;=x; broken"}),
    ],
    ids=range(5),
)
def test_cookies_come_as_a_list_or_as_a_header(listed: Any, header: dict[str, str]) -> None:
    """API Gateway sends the list, other front ends the header, in any spelling."""
    found = request(cookies=listed, headers=header).cookies
    assert found["s"].split(";")[0] == "v1"


def test_a_body_comes_as_text_or_base64() -> None:
    """Both are the same bytes afterwards."""
    text = "<xml>示例</xml>"
    encoded = base64.b64encode(text.encode()).decode()
    assert request(body=text).body(100) == text.encode()
    assert request(body=encoded, isBase64Encoded=True).body(100) == text.encode()


@pytest.mark.parametrize(
    ("body", "encoded"),
    [("x" * 101, False), ("示" * 50, False), (base64.b64encode(b"x" * 101).decode(), True)],
    ids=["text", "characters of three bytes", "base64"],
)
def test_the_limit_counts_bytes(body: str, encoded: bool) -> None:
    """A body of 100 bytes passes, one of 101 does not, however it is written."""
    with pytest.raises(RequestTooLargeError):
        request(body=body, isBase64Encoded=encoded).body(100)
    assert len(request(body="x" * 100).body(100)) == 100
    exact = base64.b64encode(b"x" * 100).decode()
    assert len(request(body=exact, isBase64Encoded=True).body(100)) == 100


@pytest.mark.parametrize("body", ["abc", "****", "ab\ncd==", "é"])
def test_broken_base64_is_a_bad_request(body: str) -> None:
    """It is refused, not read half."""
    with pytest.raises(InvalidRequestError):
        request(body=body, isBase64Encoded=True).body(100)


@pytest.mark.parametrize("body", ["[]", "1", "{", "\ud800", "[" * 50_000, '{"a":'])
def test_a_json_body_is_an_object(body: str) -> None:
    """Anything else is a bad request that does not repeat what was sent."""
    with pytest.raises(InvalidRequestError):
        request(body=body).json_body()
    assert request(body='{"a": "示"}').json_body() == {"a": "示"}


def test_the_repr_shows_neither_query_nor_cookies_nor_body() -> None:
    """A request that gets logged by accident gives away no code and no cookie."""
    found = request(
        rawQueryString="auth_code=SECRET", headers={"cookie": "s=SECRET"}, body="SECRET"
    )
    assert "SECRET" not in repr(found)


def test_the_path_counts_before_query_and_body() -> None:
    """A role is allowed a path: nothing that stands elsewhere can say whom it is about."""
    mine, other = {"tenant_id": "mine"}, {"tenant_id": "other", "limit": "3"}
    asked = request(rawQueryString="tenant_id=other&limit=3", pathParameters=mine)
    assert asked.fields() == other | mine
    posted = request(
        requestContext={"http": {"method": "POST"}},
        rawQueryString="tenant_id=another",
        body='{"tenant_id": "other", "limit": "3"}',
        pathParameters=mine,
    )
    assert posted.fields() == other | mine
