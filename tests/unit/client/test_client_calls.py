"""The client that calls WeChat through wxvault: by invoke, by signed HTTP, with typed errors."""

from __future__ import annotations

import base64
import contextlib
import email.parser
import email.policy
import json
import socket
import threading
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, ReadTimeoutError

from wxvault import errors
from wxvault.client import RemoteError
from wxvault.client_calls import (
    AuthorizerClient,
    CallByHttp,
    CallByInvoke,
    ComponentClient,
    File,
    Reply,
)
from wxvault.client_transports import AccessDeniedError, SignedHttp, TokenServiceError
from wxvault.errors import (
    ConfigurationError,
    InvalidRequestError,
    PermissionMissingError,
    RequestTooLargeError,
    WeChatRefusedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

APPID = "wxf8b4f85f3a794e77"
PNG = b"\x89PNG\r\n\xff"
MIB = 1024 * 1024


@dataclass
class FakeLambda:
    """boto3's client: answers from a list, remembers what it was asked."""

    answers: list[Any]
    asked: list[Any] = field(default_factory=list)

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        """Answer."""
        assert FunctionName == "call"
        self.asked.append(json.loads(Payload))
        return {"Payload": BytesIO(json.dumps(self.answers.pop(0)).encode())}


class FakeHttp(SignedHttp):
    """Signed HTTP that answers from a list."""

    def __init__(self, *answers: tuple[int, str, bytes]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, bytes, Mapping[str, str]]] = []

    def send(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        seconds: float = 0,
        limit: int = 0,
    ) -> tuple[int, str, bytes]:
        """Answer."""
        assert (seconds > 29, limit > 6 * 1024 * 1024) == (True, True)
        self.asked.append((method, path, body, headers or {}))
        return self.answers.pop(0)


def by_invoke(*answers: Any) -> tuple[AuthorizerClient, FakeLambda]:
    """Return a client over a fake function."""
    function = FakeLambda(list(answers))
    return AuthorizerClient(APPID, CallByInvoke("call", function)), function


def by_http(*answers: tuple[int, str, bytes]) -> tuple[AuthorizerClient, FakeHttp]:
    """Return a client over a fake API."""
    http = FakeHttp(*answers)
    return AuthorizerClient(APPID, CallByHttp(http)), http


OK = {"content_type": "application/json", "json": {"errcode": 0, "a": "示例"}}


def test_calls_by_invoke() -> None:
    """The question has the form that the function takes; JSON and files come back."""
    picture = {"content_type": "image/png", "body_base64": base64.b64encode(PNG).decode()}
    client, function = by_invoke(OK, OK, picture)
    assert client.get("/cgi-bin/menu/get", n=3).value() == OK["json"]
    client.post("/cgi-bin/menu/create", json={"button": []}, x="y")
    reply = client.get("/cgi-bin/media/get", media_id="M")
    assert (reply.content, reply.content_type, reply.json) == (PNG, "image/png", None)
    with pytest.raises(TokenServiceError, match="image/png"):
        reply.value()
    assert function.asked[:2] == [
        {
            "call": {
                "authorizer_appid": APPID,
                "method": "GET",
                "path": "/cgi-bin/menu/get",
                "query": {"n": "3"},
            }
        },
        {
            "call": {
                "authorizer_appid": APPID,
                "method": "POST",
                "path": "/cgi-bin/menu/create",
                "query": {"x": "y"},
                "json": {"button": []},
            }
        },
    ]


def test_calls_by_http() -> None:
    """Path, query and body are where the gateway wants them."""
    answer = (200, "application/json", '{"errcode":0,"a":"示例"}'.encode())
    client, http = by_http(answer, answer, (200, "image/png", PNG))
    assert client.get("/cgi-bin/menu/get", n=3, s="a b&").value() == OK["json"]
    client.post("/cgi-bin/menu/create", json={"name": "示例"})
    assert client.get("/cgi-bin/media/get").content == PNG
    assert http.asked[:2] == [
        ("GET", f"/call/{APPID}/cgi-bin/menu/get?n=3&s=a+b%26", b"", {}),
        (
            "POST",
            f"/call/{APPID}/cgi-bin/menu/create",
            '{"name": "示例"}'.encode(),
            {"Content-Type": "application/json"},
        ),
    ]


@pytest.mark.parametrize("over", ["invoke", "http"])
def test_an_upload_is_a_form(over: str) -> None:
    """Any reader of forms finds the files as they were, whichever way they went."""
    files = {"media": File("a.png", PNG * 100, "image/png"), "b": File("b", b"--wxvault-")}
    if over == "http":
        client, http = by_http((200, "application/json", b"{}"))
        client.upload("/cgi-bin/media/upload", files, type="image")
        _, path, body, headers = http.asked[0]
        assert path.endswith("/cgi-bin/media/upload?type=image")
        content_type = headers["Content-Type"]
    else:
        client, function = by_invoke(OK)
        client.upload("/cgi-bin/media/upload", files, type="image")
        call = function.asked[0]["call"]
        body, content_type = base64.b64decode(call["body_base64"]), call["content_type"]
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    parts = {
        part.get_param("name", header="content-disposition"): (
            part.get_filename(),
            part.get_payload(decode=True),
        )
        for part in form.iter_parts()
    }
    assert parts == {"media": ("a.png", PNG * 100), "b": ("b", b"--wxvault-")}


@pytest.mark.parametrize("over", ["invoke", "http"])
def test_errors_keep_their_type_and_wechats_answer(over: str) -> None:
    """Code, errcode, remedy, and what WeChat said beside it."""
    told = {
        "error": {
            "code": "permission_missing",
            "message": "m",
            "remedy": "grant it",
            "wechat_errcode": 61007,
        },
        "answer": {"errcode": 61007, "data": 1},
    }
    if over == "http":
        client, _ = by_http((409, "application/json", json.dumps(told).encode()))
    else:
        client, _ = by_invoke(told)
    with pytest.raises(PermissionMissingError) as refused:
        client.get("/cgi-bin/menu/get")
    error = refused.value
    assert (error.wechat_errcode, error.remedy) == (61007, "grant it")
    assert error.answer == {"errcode": 61007, "data": 1}
    assert isinstance(error, WeChatRefusedError)


def test_other_answers_are_told_apart() -> None:
    """IAM's refusal, a gateway's, and a code that is not known here."""
    client, _ = by_http(
        (403, "application/json", b'{"message":"Forbidden"}'),
        (503, "text/html", b"<html>"),
        (400, "application/json", b'{"error":{"code":"news","message":"m"}}'),
    )
    with pytest.raises(AccessDeniedError, match=f"GET /call/{APPID}/a is not"):
        client.get("/a", secret="x")
    with pytest.raises(TokenServiceError, match="503"):
        client.get("/a")
    with pytest.raises(RemoteError) as news:
        client.get("/a")
    assert news.value.code == "news"
    other, _ = by_invoke([], {"content_type": "x"}, {"content_type": "x", "body_base64": "?"})
    for _ in range(3):
        with pytest.raises(TokenServiceError):
            other.get("/a")


class FailingLambda:
    """boto3's client when AWS, the network or the function fails."""

    def __init__(self, problem: Exception | str) -> None:
        self.problem = problem

    def invoke(self, **_: object) -> dict[str, Any]:
        """Fail."""
        if isinstance(self.problem, Exception):
            raise self.problem
        return {"Payload": BytesIO(b"{}"), "FunctionError": self.problem}


@pytest.mark.parametrize(
    ("problem", "kind", "said"),
    [
        (
            ClientError({"Error": {"Code": "AccessDeniedException"}}, "Invoke"),
            AccessDeniedError,
            "lambda:InvokeFunction of call:live is not allowed",
        ),
        (
            ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke"),
            TokenServiceError,
            "call:live: AWS answered TooManyRequestsException",
        ),
        (
            ReadTimeoutError(endpoint_url="https://x"),
            TokenServiceError,
            r"call:live: not reached \(ReadTimeoutError\)",
        ),
        ("Unhandled", TokenServiceError, "call:live: the function failed"),
    ],
    ids=["denied", "throttled", "timeout", "function error"],
)
def test_a_failure_names_what_was_asked(
    problem: Exception | str, kind: type[errors.WxvaultError], said: str
) -> None:
    """Not the token function; and a call or login is not to be repeated without a look."""
    client = AuthorizerClient(APPID, CallByInvoke("call:live", FailingLambda(problem)))
    for ask in (lambda: client.get("/a"), lambda: client.login("c")):
        with pytest.raises(kind, match=said) as failed:
            ask()
        assert "token function" not in f"{failed.value.message}{failed.value.remedy}"
        assert kind is AccessDeniedError or "executed" in failed.value.remedy


METHODS: list[tuple[Callable[[AuthorizerClient], object], str, Any, Any]] = [
    (lambda c: c.open_create(), "/cgi-bin/open/create", {"appid": APPID}, "wxo"),
    (
        lambda c: c.open_bind("wxo"),
        "/cgi-bin/open/bind",
        {"appid": APPID, "open_appid": "wxo"},
        None,
    ),
    (
        lambda c: c.open_unbind("wxo"),
        "/cgi-bin/open/unbind",
        {"appid": APPID, "open_appid": "wxo"},
        None,
    ),
    (lambda c: c.open_get(), "/cgi-bin/open/get", {"appid": APPID}, "wxo"),
    (lambda c: c.open_have(), "/cgi-bin/open/have", None, True),
    (lambda c: c.quota_read("/a"), "/cgi-bin/openapi/quota/get", {"cgi_path": "/a"}, ...),
    (lambda c: c.quota_clear("/a"), "/cgi-bin/openapi/quota/clear", {"cgi_path": "/a"}, ...),
    (lambda c: c.clear_quota(), "/cgi-bin/clear_quota", {"appid": APPID}, ...),
    (lambda c: c.rid("r"), "/cgi-bin/openapi/rid/get", {"rid": "r"}, ...),
]


@pytest.mark.parametrize(("method", "path", "body", "result"), METHODS)
def test_thin_methods(
    method: Callable[[AuthorizerClient], object], path: str, body: Any, result: Any
) -> None:
    """Each is one call of its path."""
    value = {"errcode": 0, "open_appid": "wxo", "have_open": True}
    client, function = by_invoke({"content_type": "application/json", "json": value})
    assert method(client) == (value if result is ... else result)
    call = function.asked[0]["call"]
    assert (call["path"], call.get("json")) == (path, body)


@pytest.mark.parametrize("over", ["invoke", "http"])
def test_logins(over: str) -> None:
    """Each kind with its fields; what WeChat answered is returned whole."""
    session = {"openid": "o", "session_key": "k"}
    answers: list[Any] = [session, {"url": "https://u"}, session, session, session]
    if over == "http":
        client, http = by_http(
            *((200, "application/json", json.dumps(a).encode()) for a in answers)
        )
    else:
        client, function = by_invoke(*answers)
    assert client.login("c") == session
    assert client.oauth_link("https://r", scope="snsapi_userinfo", state="s") == "https://u"
    assert client.oauth("c") == session
    assert client.oauth_refresh("r") == session
    assert client.user_info("t", "o", lang="en") == session
    kinds = ["mp", "oauth-link", "oauth", "oauth-refresh", "userinfo"]
    if over == "http":
        assert [path for _, path, _, _ in http.asked] == [f"/login/{APPID}/{k}" for k in kinds]
        assert json.loads(http.asked[0][2]) == {"js_code": "c"}
    else:
        assert [one["login"]["kind"] for one in function.asked] == kinds
        assert function.asked[0]["login"]["js_code"] == "c"


def test_the_components_client() -> None:
    """Templates, and the same quota and rid, with the platform's own token."""
    value = {"draft_list": [{"draft_id": 1}], "template_list": [{"template_id": 2}]}
    http = FakeHttp(*[(200, "application/json", json.dumps(value).encode())] * 6)
    client = ComponentClient(CallByHttp(http))
    assert client.drafts() == [{"draft_id": 1}]
    assert client.templates() == [{"template_id": 2}]
    client.add_template(1)
    client.delete_template(2)
    client.clear_quota("wx0123456789abcdef")
    client.quota_read("/cgi-bin/component/api_create_preauthcode")
    assert [path for _, path, _, _ in http.asked] == [
        f"/component-call{path}"
        for path in (
            "/wxa/gettemplatedraftlist",
            "/wxa/gettemplatelist",
            "/wxa/addtotemplate",
            "/wxa/deletetemplate",
            "/cgi-bin/clear_quota",
            "/cgi-bin/openapi/quota/get",
        )
    ]
    assert json.loads(http.asked[2][2]) == {"draft_id": 1}


@pytest.mark.parametrize(
    "path", ["cgi-bin/menu", "//evil.example/x", "/a?b=c", "https://x/", "/a.b"]
)
def test_a_path_that_is_none_is_refused_at_once(path: str) -> None:
    """Before anything is asked or signed."""
    client, function = by_invoke()
    with pytest.raises(InvalidRequestError):
        client.get(path)
    assert function.asked == []


def test_mistakes_of_the_caller_are_named() -> None:
    """Appid, files, JSON, environment."""
    with pytest.raises(InvalidRequestError, match="authorizer_appid"):
        AuthorizerClient("gh_1", CallByInvoke("call", FakeLambda([])))
    client, _ = by_http()
    for files in ({}, {"a": File('"', b"")}, {"a\r\nb": File("x", b"")}):
        with pytest.raises(InvalidRequestError, match="files"):
            client.upload("/a", files)
    with pytest.raises(ConfigurationError, match="WXVAULT_CALL_FUNCTION"):
        AuthorizerClient.from_env(APPID, {})
    with pytest.raises(ConfigurationError, match="https"):
        ComponentClient.from_env({"WXVAULT_API_URL": "http://example.com"})


def test_four_mib_of_chinese_fit_into_an_invoke() -> None:
    """They are written as they are: escaped, they would be longer than AWS takes."""
    function = FakeLambda([OK])
    sent: list[bytes] = []
    real = function.invoke

    def invoke(*, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        sent.append(Payload)
        return real(FunctionName=FunctionName, Payload=Payload)

    function.invoke = invoke  # type: ignore[method-assign]
    text = "示" * (4 * MIB // 3)
    AuthorizerClient(APPID, CallByInvoke("call", function)).post("/a", json={"text": text})
    assert len(sent[0]) < 4 * MIB + 500
    assert function.asked[0]["call"]["json"] == {"text": text}


def test_what_no_invoke_takes_is_refused_before_it_is_sent() -> None:
    """AWS would answer with an error of its own that names no remedy."""
    client, function = by_invoke()
    with pytest.raises(RequestTooLargeError, match="at most 6291456"):
        client.post("/a", json="x" * (6 * MIB))
    assert function.asked == []


def raw_answer(length: int, sent: int, *, chunked: bool = False) -> bytes:
    """Return an answer of ``length`` bytes of which ``sent`` arrive before the line is cut."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n"
    if chunked:
        return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % length + b"x" * sent
    return head + b"Content-Length: %d\r\n\r\n" % length + b"x" * sent


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (raw_answer(300_000, 300_000), ""),
        (raw_answer(300_000, 1000), "cut off, 299000 bytes"),
        (raw_answer(300_000, 0), "cut off, 300000 bytes"),
        (raw_answer(300_000, 1000, chunked=True), "IncompleteRead"),
        (raw_answer(8 * MIB, 8 * MIB), ""),
        (raw_answer(8 * MIB + 1, 8 * MIB + 1), "larger than 8388608 bytes"),
    ],
    ids=["whole", "cut", "cut at once", "a cut chunk", "8 MiB", "a byte more"],
)
def test_an_answer_is_whole_or_an_error(answer: bytes, problem: str) -> None:
    """A file that lost its end, or is larger than may be, is never taken for a whole one."""

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65_536)
            # The client may have gone before all of it was sent.
            with contextlib.suppress(OSError):
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        http = SignedHttp(
            f"http://127.0.0.1:{server.getsockname()[1]}",
            region="eu-west-1",
            credentials=lambda: Credentials("AKIDEXAMPLE", "secret"),
        )
        client = AuthorizerClient(APPID, CallByHttp(http))
        if problem:
            with pytest.raises(TokenServiceError, match=problem):
                client.get("/cgi-bin/media/get")
        else:
            content = client.get("/cgi-bin/media/get").content
            assert content == answer.partition(b"\r\n\r\n")[2]
        thread.join(5)


def test_what_came_back_is_not_shown() -> None:
    """Neither a session key nor a file is in a repr."""
    assert "k3y" not in repr(Reply(b"k3y", "x", {"session_key": "k3y"}))
    assert "k3y" not in repr(File("a", b"k3y"))
    assert errors.WeChatRefusedError("m", path="/a").answer is None
