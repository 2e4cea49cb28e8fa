"""What callers may ask of *call*: by HTTP, where IAM has judged the path, and by invoke."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wxvault.errors import InvalidRequestError, RequestTooLargeError
from wxvault.runtime.call_answers import http_answer, invoke_answer
from wxvault.runtime.call_requests import (
    BODY_LIMIT,
    CallRequest,
    LoginRequest,
    from_http,
    from_invoke,
)
from wxvault.runtime.http_requests import HttpRequest
from wxvault.services.calling import ApiAnswer, ApiCall

APPID = "wxf8b4f85f3a794e77"
JSON = "application/json; charset=utf-8"


def over_http(
    path: str,
    *,
    method: str = "GET",
    query: str = "",
    body: str | bytes = "",
    content_type: str = "",
    **parameters: str,
) -> CallRequest | LoginRequest:
    """Read a request as the gateway hands it over."""
    event: dict[str, Any] = {
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"content-type": content_type} if content_type else {},
        "pathParameters": parameters,
        "requestContext": {"http": {"method": method}},
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": isinstance(body, bytes),
    }
    return from_http(HttpRequest.from_event(event))


def called(proxy: str = "cgi-bin/menu/get", **more: Any) -> CallRequest:
    """Read a call for the merchant."""
    wanted = over_http(f"/call/{APPID}/{proxy}", authorizer_appid=APPID, proxy=proxy, **more)
    assert isinstance(wanted, CallRequest)
    return wanted


def invoked(**fields: Any) -> CallRequest:
    """Read an invoke's call for the merchant."""
    wanted = from_invoke({"call": {"authorizer_appid": APPID, "path": "/a", **fields}})
    assert isinstance(wanted, CallRequest)
    return wanted


def test_a_call_by_http() -> None:
    """Everything of it is the caller's, but for the token."""
    wanted = called(query="media_id=a%2Bb%3D&x=%E5%80%BC&empty=")
    query = {"media_id": "a+b=", "x": "值", "empty": ""}
    assert wanted == CallRequest(APPID, ApiCall("GET", "/cgi-bin/menu/get", query))
    body = b"--x\r\n\xff\r\n--x--"
    posted = called(
        "cgi-bin/media/upload",
        method="POST",
        body=body,
        content_type="multipart/form-data; boundary=x",
    )
    assert (posted.call.body, posted.call.content_type) == (body, "multipart/form-data; boundary=x")


@pytest.mark.parametrize(
    "query",
    ["access_token=49_mine", "acce%73s_token=49_mine", "a=1&component_access_token=49_mine"],
)
def test_a_token_of_the_callers_own_is_refused(query: str) -> None:
    """However its name is written; the error names the field and nothing of its value."""
    with pytest.raises(InvalidRequestError, match="access_token") as refused:
        called(query=query)
    assert "49_mine" not in str(refused.value)


def test_a_component_call_and_a_login_by_http() -> None:
    """They are told apart by the route's own parameters."""
    path = "wxa/gettemplatelist"
    assert over_http(f"/component-call/{path}", proxy=path) == CallRequest(
        None, ApiCall("GET", f"/{path}", {})
    )
    login = over_http(
        f"/login/{APPID}/mp",
        method="POST",
        body='{"js_code": "c"}',
        authorizer_appid=APPID,
        kind="mp",
    )
    assert login == LoginRequest(APPID, "mp", {"js_code": "c"})
    assert "'c'" not in repr(login)


def test_an_invoke_says_the_same() -> None:
    """JSON goes out unescaped; numbers of a query become texts; a POST has a body."""
    assert invoked(json={"name": "示例"}).call == ApiCall(
        "POST", "/a", {}, '{"name": "示例"}'.encode(), JSON
    )
    assert invoked(query={"n": 3, "t": True}).call == ApiCall("GET", "/a", {"n": "3", "t": "true"})
    assert invoked(method="POST").call.body == b"{}"
    encoded = base64.b64encode(b"\xff").decode()
    kind = "application/octet-stream"
    assert invoked(body_base64=encoded, content_type=kind).call.body == b"\xff"
    component = from_invoke({"component_call": {"path": "/wxa/gettemplatelist"}})
    assert component == CallRequest(None, ApiCall("GET", "/wxa/gettemplatelist", {}))


def test_four_mib_pass_and_one_byte_more_does_not() -> None:
    """By both ways; nothing is called."""
    kind = "multipart/form-data; boundary=x"
    most = b"x" * BODY_LIMIT
    assert called(method="POST", body=most, content_type=kind).call.body == most
    text = base64.b64encode(most).decode()
    assert invoked(body_base64=text, content_type=kind).call.body == most
    with pytest.raises(RequestTooLargeError, match=str(BODY_LIMIT)):
        called(method="POST", body=most + b"x", content_type=kind)
    more = base64.b64encode(most + b"x").decode()
    with pytest.raises(RequestTooLargeError):
        invoked(body_base64=more, content_type=kind)
    assert len(invoked(json="x" * (BODY_LIMIT - 2)).call.body or b"") == BODY_LIMIT
    with pytest.raises(RequestTooLargeError):
        invoked(json="x" * (BODY_LIMIT - 1))


BAD_HTTP: dict[str, tuple[dict[str, Any], str]] = {
    "another method": ({"method": "DELETE"}, "method"),
    "a GET with a body": ({"body": "{}"}, "body"),
    "a form": ({"method": "POST", "body": "a", "content_type": "text/xml"}, "content_type"),
    "no content type": ({"method": "POST", "body": "a"}, "content_type"),
    "a broken header": (
        {"method": "POST", "body": "a", "content_type": "application/json;\r\nX: y"},
        "content_type",
    ),
    "base64 that is none": ({"method": "POST", "body": "\x00"}, "content_type"),
    "a token": ({"query": "access_token=49_mine"}, "query"),
    "a token in disguise": ({"query": "%61ccess_token=49_mine"}, "query"),
    "a parameter twice": ({"query": "a=1&a=2"}, "query"),
    "broken UTF-8": ({"query": "a=%ff"}, "query"),
    "too many": ({"query": "&".join(f"a{n}=1" for n in range(101))}, "query"),
    "no appid": ({"proxy": "x", "path": "/call/gh_1/x", "authorizer_appid": "gh_1"}, "appid"),
    "dots": ({"proxy": "cgi-bin/../x"}, "path"),
    "a host": ({"proxy": "https://evil.example/x"}, "path"),
    "a percent sign": ({"proxy": "cgi-bin%2fx"}, "path"),
    "doubled slashes": ({"proxy": "cgi-bin//x"}, "path"),
    "a component path": ({"proxy": "cgi-bin/component/api_query_auth"}, "path"),
}


@pytest.mark.parametrize("name", BAD_HTTP)
def test_bad_requests_are_refused_by_name(name: str) -> None:
    """The field is named, nothing of its value is repeated."""
    wanted, where = BAD_HTTP[name]
    wanted = {"authorizer_appid": APPID, "proxy": "cgi-bin/menu/get", **wanted}
    path = wanted.pop("path", f"/call/{wanted['authorizer_appid']}/{wanted['proxy']}")
    with pytest.raises(InvalidRequestError) as refused:
        over_http(path, **wanted)
    assert where in refused.value.field
    assert "49_mine" not in str(refused.value)


def test_the_path_that_iam_has_judged_is_the_one_that_is_called() -> None:
    """If the gateway's parameters say something else than its path, nothing is called."""
    for raw in (f"/call/{APPID}/cgi-bin/menu/delete", "/call/wx0000000000000000/cgi-bin/menu/get"):
        with pytest.raises(InvalidRequestError, match="plain"):
            over_http(raw, authorizer_appid=APPID, proxy="cgi-bin/menu/get")


BAD_INVOKES: list[dict[str, Any]] = [
    {},
    {"call": []},
    {"call": {}, "login": {}},
    {"call": {}, "x": 1},
    {"call": {"authorizer_appid": APPID}},
    {"call": {"authorizer_appid": APPID, "path": 7}},
    {"call": {"path": "/a"}},
    {"call": {"authorizer_appid": APPID, "path": "/a", "token": "x"}},
    {"call": {"authorizer_appid": APPID, "path": "/a", "json": {}, "body_base64": ""}},
    {"call": {"authorizer_appid": APPID, "path": "/a", "body_base64": "A"}},
    {"call": {"authorizer_appid": APPID, "path": "/a", "body_base64": "A", "content_type": "a/b"}},
    {"call": {"authorizer_appid": APPID, "path": "/a", "body_base64": 7, "content_type": "a/b"}},
    {"call": {"authorizer_appid": APPID, "path": "/a", "json": "\ud800"}},
    {"call": {"authorizer_appid": APPID, "path": "/a", "json": float("inf")}},
    {"call": {"authorizer_appid": APPID, "path": "/a", "query": "a=b"}},
    {"call": {"authorizer_appid": APPID, "path": "/a", "query": {"a": []}}},
    {"call": {"authorizer_appid": APPID, "path": "/a", "query": {"a": "\ud800"}}},
    {"call": {"authorizer_appid": APPID, "path": "/a", "method": ["GET"]}},
    {"component_call": {"path": "/cgi-bin/menu/get"}},
    {"component_call": {"authorizer_appid": APPID, "path": "/wxa/gettemplatelist"}},
    {"login": {"authorizer_appid": APPID, "kind": "wx"}},
    {"login": {"authorizer_appid": APPID, "kind": ["mp"]}},
    {"login": {"kind": "mp", "js_code": "a"}},
    {"login": {"authorizer_appid": APPID, "kind": "mp"}},
    {"login": {"authorizer_appid": APPID, "kind": "mp", "js_code": ""}},
    {"login": {"authorizer_appid": APPID, "kind": "mp", "js_code": "a b"}},
    {"login": {"authorizer_appid": APPID, "kind": "mp", "js_code": 7}},
    {"login": {"authorizer_appid": APPID, "kind": "mp", "js_code": "a", "code": "b"}},
    {
        "login": {
            "authorizer_appid": APPID,
            "kind": "userinfo",
            "access_token": "a",
            "openid": "o",
            "lang": "xx",
        }
    },
]


@pytest.mark.parametrize("event", BAD_INVOKES)
def test_bad_invokes_are_refused(event: dict[str, Any]) -> None:
    """Each with a field that is named."""
    with pytest.raises(InvalidRequestError) as refused:
        from_invoke(event)
    assert refused.value.field


FIELDS = (
    "authorizer_appid",
    "path",
    "method",
    "query",
    "json",
    "body_base64",
    "content_type",
    "kind",
    "code",
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=8,
)


@given(
    st.sampled_from(["call", "component_call", "login"]),
    st.dictionaries(
        st.sampled_from(
            [
                "authorizer_appid",
                "path",
                "method",
                "query",
                "json",
                "body_base64",
                "content_type",
                "kind",
                "code",
            ]
        ),
        _VALUES | st.sampled_from([APPID, "/cgi-bin/menu/get", "POST", "mp", "application/json"]),
    ),
)
def test_any_invoke_is_read_or_refused(kind: str, wanted: dict[str, Any]) -> None:
    """Law: nothing else is raised, and what is read can be sent."""
    try:
        read = from_invoke({kind: wanted})
    except InvalidRequestError:
        return
    if isinstance(read, CallRequest):
        assert read.call.method in {"GET", "POST"}
        assert (read.call.body is None) == (read.call.method == "GET")


def test_answers_keep_their_bytes() -> None:
    """Text as text, everything else as base64; a large text too, or it would not fit."""
    text = ApiAnswer('{"a":"示例"}'.encode(), "application/json; encoding=utf-8", {"a": "示例"})
    answer = http_answer(text)
    assert (answer["body"], answer["headers"]["content-type"]) == (
        '{"a":"示例"}',
        "application/json; encoding=utf-8",
    )
    assert answer["headers"]["cache-control"] == "no-store"
    for content, kind in (
        (b"\x89PNG\xff", "image/png"),
        (b"\xff broken", "text/plain"),
        (b'"' * (1024 * 1024 + 1), "text/plain"),
    ):
        answer = http_answer(ApiAnswer(content, kind))
        assert answer["isBase64Encoded"] is True
        assert base64.b64decode(answer["body"]) == content
        assert answer["headers"]["content-type"] == kind


def test_answers_of_an_invoke() -> None:
    """An object is an object, if it can be written as one; all else is bytes."""
    assert invoke_answer(ApiAnswer(b'{"a":1}', "text/plain", {"a": 1})) == {
        "content_type": "text/plain",
        "json": {"a": 1},
    }
    strange = b'{"a":1e999}'
    answer = invoke_answer(ApiAnswer(strange, "text/plain", {"a": float("inf")}))
    assert base64.b64decode(answer["body_base64"]) == strange
