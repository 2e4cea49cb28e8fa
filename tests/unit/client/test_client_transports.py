"""The two ways to the token function, and what their failures become."""

from __future__ import annotations

import io
import json
import threading
import traceback
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, ReadTimeoutError

from wxvault.client import AccessDeniedError, TokenClient, TokenServiceError
from wxvault.client_transports import HttpTransport, InvokeTransport
from wxvault.errors import AuthorizerRevokedError, ConfigurationError, WxvaultError

if TYPE_CHECKING:
    from collections.abc import Iterator

APPID = "wxf8b4f85f3a794e77"
TOKEN = "51_" + "Ab9-fake_Token" * 11
ANSWER = {
    "authorizer_appid": APPID,
    "access_token": TOKEN,
    "expires_at": 4_000_000_000,
    "generation": 3,
}
REVOKED = {"error": {"code": "authorizer_revoked", "message": "gone", "remedy": "ask"}}


@dataclass(slots=True)
class FakeLambda:
    """boto3's ``lambda`` client."""

    payload: bytes = b""
    function_error: str | None = None
    problem: Exception | None = None
    invoked: list[tuple[str, Any]] = field(default_factory=list)

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        """Answer an invocation."""
        self.invoked.append((FunctionName, json.loads(Payload)))
        if self.problem is not None:
            raise self.problem
        answer: dict[str, Any] = {"Payload": io.BytesIO(self.payload)}
        return answer | ({"FunctionError": self.function_error} if self.function_error else {})


def test_a_direct_invoke_brings_a_token() -> None:
    """The question goes out as it is, to the function that was named."""
    client = FakeLambda(json.dumps(ANSWER).encode())
    token = TokenClient(InvokeTransport("token:live", client)).get(APPID)
    assert (token.access_token, token.generation) == (TOKEN, 3)
    assert client.invoked == [("token:live", {"authorizer_appid": APPID})]


@pytest.mark.parametrize(
    ("client", "kind"),
    [
        (FakeLambda(json.dumps(REVOKED).encode()), AuthorizerRevokedError),
        (FakeLambda(f'{{"access_token": "{TOKEN}"'.encode()), TokenServiceError),
        (FakeLambda(b'{"errorMessage": "x"}', "Unhandled"), TokenServiceError),
        (
            FakeLambda(problem=ClientError({"Error": {"Code": "AccessDeniedException"}}, "Invoke")),
            AccessDeniedError,
        ),
        (
            FakeLambda(problem=ClientError({"Error": {"Code": "TooManyRequests"}}, "Invoke")),
            TokenServiceError,
        ),
        (FakeLambda(problem=ReadTimeoutError(endpoint_url="https://x")), TokenServiceError),
    ],
    ids=["error answer", "cut answer", "function error", "denied", "throttled", "timeout"],
)
def test_every_failure_of_an_invoke_has_a_type(
    client: FakeLambda, kind: type[WxvaultError]
) -> None:
    """Nothing of botocore or json gets out, and no token with it."""
    with pytest.raises(kind) as caught:
        TokenClient(InvokeTransport("token:live", client)).get(APPID)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


@dataclass(slots=True)
class FakeApi:
    """An HTTP API on loopback."""

    server: HTTPServer
    status: int = 200
    content: bytes = json.dumps(ANSWER).encode()
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def transport(self) -> HttpTransport:
        """Return a transport to it."""
        return HttpTransport(
            f"http://127.0.0.1:{self.server.server_port}/",
            region="eu-west-1",
            credentials=lambda: Credentials("AKIDEXAMPLE", "secret", "session-token"),
        )


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """Return an HTTP API that answers what a test wants."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(found.content)))
            self.end_headers()
            self.wfile.write(found.content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    found = FakeApi(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.mark.loopback
def test_a_signed_request_brings_a_token(api: FakeApi) -> None:
    """The signature is for execute-api in the region, with the session's token."""
    client = TokenClient(api.transport())
    token = client.get(APPID, min_ttl=600)
    newer = client.report_rejected(token)
    client.component_token()
    assert newer.access_token == TOKEN
    paths = [path for path, _ in api.seen]
    assert paths == [
        f"/tokens/{APPID}?min_ttl=600",
        f"/tokens/{APPID}?rejected_token_sha256={token.sha256}",
        "/component-token",
    ]
    headers = api.seen[0][1]
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-west-1/execute-api/aws4_request" in headers["authorization"]
    assert headers["x-amz-security-token"] == "session-token"
    assert TOKEN not in "".join(paths)


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (410, json.dumps(REVOKED).encode(), AuthorizerRevokedError),
        (403, b'{"message":"Forbidden"}', AccessDeniedError),
        (401, b"", AccessDeniedError),
        (503, b'{"message":"Service Unavailable"}', TokenServiceError),
        (302, b"", TokenServiceError),
        (200, f'{{"access_token": "{TOKEN}"'.encode(), TokenServiceError),
        (200, b"x" * 200_000, TokenServiceError),
    ],
    ids=["revoked", "forbidden", "unauthorized", "503", "redirect", "cut", "large"],
)
def test_every_failure_over_http_has_a_type(
    api: FakeApi, status: int, content: bytes, kind: type[WxvaultError]
) -> None:
    """Ours by their code, API Gateway's own by their status; no redirect is followed."""
    api.status, api.content = status, content
    api.headers = {"Location": "/elsewhere"} if status == 302 else {}
    with pytest.raises(kind) as caught:
        TokenClient(api.transport()).get(APPID)
    assert len(api.seen) == 1
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


@pytest.mark.loopback
def test_a_server_that_is_not_there_has_a_type(api: FakeApi) -> None:
    """A refused connection is a TokenServiceError."""
    transport = HttpTransport(
        "http://127.0.0.1:1", region="x", credentials=lambda: Credentials("a", "b")
    )
    with pytest.raises(TokenServiceError):
        TokenClient(transport).get(APPID)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com",
        "api.example.com",
        "https://",
        "https://user@api.example.com",
        "https://api.example.com?x=1",
        "ftp://api.example.com",
    ],
)
def test_the_api_url_is_https(url: str) -> None:
    """Signed requests and tokens do not travel in clear, but on loopback."""
    with pytest.raises(ConfigurationError) as caught:
        HttpTransport(url, region="eu-west-1", credentials=lambda: None)
    assert caught.value.field == "WXVAULT_API_URL"


def test_without_credentials_or_region_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing on the machine is named."""
    transport = HttpTransport("https://api.example.com", region="x", credentials=lambda: None)
    with pytest.raises(ConfigurationError, match="AWS credentials"):
        TokenClient(transport).get(APPID)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_REGION", raising=False)
    with pytest.raises(ConfigurationError, match="AWS_REGION"):
        HttpTransport("https://api.example.com")
