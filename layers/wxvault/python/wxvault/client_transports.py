"""The two ways from a client to a function of wxvault's: direct invoke, and signed HTTP.

Like ``client.py`` it imports ``wxvault.errors``, boto3 and the standard library only.
"""

from __future__ import annotations

import http.client
import json
import ssl
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlencode, urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from wxvault.errors import (
    ConfigurationError,
    InvalidRequestError,
    RequestTooLargeError,
    WxvaultError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.credentials import Credentials

READ_TIMEOUT_SECONDS: Final = 12
CONNECT_TIMEOUT_SECONDS: Final = 2
_ANSWER_LIMIT: Final = 64 * 1024
# AWS takes no more of a synchronous invoke.
_PAYLOAD_LIMIT: Final = 6 * 1024 * 1024
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnrecognizedClientException"})
_FORBIDDEN: Final = frozenset({401, 403})
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class AccessDeniedError(WxvaultError):
    """AWS did not let this caller ask; the message names the function or the path."""

    code = "access_denied"
    default_remedy = (
        "Allow the caller's role to invoke the named function, or to call the named path of the "
        "API; the stack's outputs name a policy for each."
    )


class TokenServiceError(WxvaultError):
    """What was asked could not be reached, or answered something that is no answer."""

    code = "token_service"
    default_remedy = "Try again; if it stays, look at the log of the function that was asked."


class Transport(Protocol):
    """The way to a function of wxvault's."""

    def ask(self, question: Mapping[str, Any]) -> object:
        """Send a question and return the JSON value of the answer, an error object included."""


class InvokeTransport:
    """Asks by invoking a function of wxvault's. Its callers may ask for every authorizer."""

    def __init__(
        self,
        function: str,
        client: Any = None,
        *,
        seconds: float = READ_TIMEOUT_SECONDS,
        attempts: int = 2,
        answer_limit: int = _ANSWER_LIMIT,
    ) -> None:
        """Take the function's name or ARN, and a boto3 ``lambda`` client if there is one.

        Without one: ``seconds`` to wait for an answer, ``attempts`` to get one.
        """
        self._function = function
        self._client = client if client is not None else _lambda_client(seconds, attempts)
        self._answer_limit = answer_limit

    def ask(self, question: Mapping[str, Any]) -> object:
        """Invoke the function and wait for what it returns."""
        asked = written_json(question)
        if len(asked) > _PAYLOAD_LIMIT:
            raise RequestTooLargeError(
                f"The request has {len(asked)} bytes; an invoke takes at most {_PAYLOAD_LIMIT}."
            )
        try:
            answer = self._client.invoke(FunctionName=self._function, Payload=asked)
            payload = answer["Payload"].read(self._answer_limit)
        except ClientError as exc:
            code = str(exc.response.get("Error", {}).get("Code", ""))
            raise _refusal(self._function, code) from None
        except (BotoCoreError, OSError) as exc:
            raise TokenServiceError(
                f"{self._function}: not reached ({type(exc).__name__})"
            ) from None
        if answer.get("FunctionError"):
            raise TokenServiceError(f"{self._function}: the function failed")
        return read_json(payload)


class SignedHttp:
    """Sends requests to the platform's API, signed (SigV4): IAM decides about each path."""

    def __init__(
        self,
        api_url: str,
        *,
        region: str | None = None,
        credentials: Callable[[], Credentials | None] | None = None,
    ) -> None:
        """Take the API's base URL; region and credentials are boto3's unless given."""
        parts = urlsplit(api_url)
        secure = parts.scheme == "https"
        if not parts.hostname or not (secure or parts.hostname in _LOOPBACK):
            raise ConfigurationError("WXVAULT_API_URL", "must be https://host (http on loopback)")
        if parts.query or parts.fragment or "@" in parts.netloc:
            raise ConfigurationError("WXVAULT_API_URL", "must have no query, fragment or user")
        session = None if region and credentials else boto3.Session()
        found = region or (session.region_name if session else None)
        if found is None:
            raise ConfigurationError("AWS_REGION", "is not set")
        self._base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._host, self._port = parts.hostname, parts.port
        self._tls = ssl.create_default_context() if secure else None
        self._region = found
        self._credentials = credentials or (session.get_credentials if session else lambda: None)

    def send(  # noqa: PLR0913 -- one request, every part of it named
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        seconds: float = READ_TIMEOUT_SECONDS,
        limit: int = _ANSWER_LIMIT,
    ) -> tuple[int, str, bytes]:
        """Send a request; return status, content type and the whole body, ``limit`` bytes at most.

        Redirects are not followed and no proxy is asked.

        Raises:
            TokenServiceError: no answer, one that was cut off, or one that is larger.
        """
        url = self._base + path
        subject = f"{method} {path.partition('?')[0]}"
        signed = self._signed(method, url, body, headers or {})
        kind: type[http.client.HTTPConnection] = http.client.HTTPConnection
        more: dict[str, Any] = {}
        if self._tls is not None:
            kind, more = http.client.HTTPSConnection, {"context": self._tls}
        connection = kind(self._host, self._port, timeout=seconds, **more)
        try:
            target = url.partition("://")[2].partition("/")[2]
            connection.request(method, f"/{target}", body=body or None, headers=signed)
            with connection.getresponse() as response:
                status = response.status
                content_type = response.getheader("content-type") or ""
                content = response.read(limit + 1)
                # A limited read takes the end of the connection for the end of the body.
                missing = response.length if len(content) <= limit else 0
        except (OSError, http.client.HTTPException) as exc:
            raise TokenServiceError(f"{subject}: not reached ({type(exc).__name__})") from None
        finally:
            connection.close()
        if missing:
            raise TokenServiceError(
                f"{subject}: the answer was cut off, {missing} bytes are missing"
            )
        if len(content) > limit:
            raise TokenServiceError(f"{subject}: the answer is larger than {limit} bytes")
        return status, content_type, content

    def _signed(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str]
    ) -> dict[str, str]:
        try:
            credentials = self._credentials()
            if credentials is None:
                raise ConfigurationError("AWS credentials", "there are none")
            request = AWSRequest(
                method=method,
                url=url,
                data=body or None,
                headers={"Accept": "application/json", **headers},
            )
            frozen = credentials.get_frozen_credentials()
            SigV4Auth(frozen, "execute-api", self._region).add_auth(request)
        except BotoCoreError as exc:
            raise ConfigurationError(
                "AWS credentials", f"not found ({type(exc).__name__})"
            ) from None
        return dict(request.headers.items())


class HttpTransport(SignedHttp):
    """Asks ``GET /tokens/{appid}`` signed (SigV4): a role can be allowed single appids."""

    def ask(self, question: Mapping[str, Any]) -> object:
        """Send the signed request; redirects are not followed and no proxy is asked."""
        rest = {k: v for k, v in question.items() if k not in {"authorizer_appid", "component"}}
        appid = question.get("authorizer_appid")
        path = "/component-token" if appid is None else f"/tokens/{appid}"
        status, _, content = self.send("GET", path + (f"?{urlencode(rest)}" if rest else ""))
        try:
            answer = read_json(content)
        except TokenServiceError:
            answer = None
        if isinstance(answer, dict) and ("error" in answer or status == http.client.OK):
            return answer
        if status in _FORBIDDEN:
            raise AccessDeniedError("GET " + path + " is not allowed for this caller")
        raise TokenServiceError(f"GET {path} answered HTTP {status}")


def _lambda_client(seconds: float, attempts: int) -> Any:
    return boto3.client(
        "lambda",
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=seconds,
            retries={"mode": "standard", "total_max_attempts": attempts},
        ),
    )


def _refusal(function: str, code: str) -> WxvaultError:
    if code in _DENIED:
        return AccessDeniedError(f"lambda:InvokeFunction of {function} is not allowed")
    return TokenServiceError(f"{function}: AWS answered {code or 'an error'}")


def written_json(value: object, field: str = "request") -> bytes:
    """Write JSON in UTF-8: Chinese escaped is twice as long, and WeChat would show the escapes."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        pass
    raise InvalidRequestError(field, "cannot be written as JSON in UTF-8")


def read_json(content: bytes) -> object:
    """Parse an answer; json's own exception would carry the token in it."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        pass
    raise TokenServiceError("the answer is not JSON")
