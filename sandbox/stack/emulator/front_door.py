"""The platform's address: what an HTTP API of AWS does at its edge and the emulator does not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.stack.emulator.corrections import Correction, module, original, replace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Message = dict[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]
    Answer = tuple[int, dict[str, str], bytes]

PLATFORM_HOST = "localhost"
MAX_BODY_BYTES = 10 * 1024 * 1024
_JSON = {"Content-Type": "application/json"}


def _message(text: str) -> bytes:
    return json.dumps({"message": text}, separators=(",", ":")).encode()


def is_platform(host_header: str) -> bool:
    """Whether a ``Host`` header names the platform rather than the AWS endpoint."""
    return host_header.rpartition(":")[0].lower() == PLATFORM_HOST


# ---- one address --------------------------------------------------------------------------------


def _serve_localhost_as_a_custom_domain() -> None:
    app = module("ministack.app")
    rest = module("ministack.services.apigateway_v1")
    resolve = original(app, "_resolve_custom_domain_request")
    mapped = original(rest, "resolve_base_path_mapping")

    def resolve_also_localhost(host: str, path: str) -> Any:
        return mapped(PLATFORM_HOST, path) if is_platform(host) else resolve(host, path)

    replace(app, "_resolve_custom_domain_request", resolve_also_localhost)


# ---- the event of payload format 2.0 ------------------------------------------------------------


def as_payload_2(event: dict[str, Any]) -> dict[str, Any]:
    """The event as AWS builds it: cookies in their own list, the headers that the edge adds."""
    headers = dict(event["headers"])
    cookies = [part.strip() for part in headers.pop("cookie", "").split(";") if part.strip()]
    host, _, port = headers.get("host", "").rpartition(":")
    context = event["requestContext"]
    source = context["http"]["sourceIp"]
    forwarded = headers.get("x-forwarded-for")
    headers["x-forwarded-for"] = f"{forwarded}, {source}" if forwarded else source
    headers["x-forwarded-port"] = port
    headers["x-forwarded-proto"] = "http"
    corrected = event | {
        "headers": headers,
        "requestContext": context | {"domainName": host, "domainPrefix": host.partition(".")[0]},
    }
    if cookies:
        corrected["cookies"] = cookies
    if not corrected.get("pathParameters"):
        corrected.pop("pathParameters", None)
    return corrected


def generic_failure(result: dict[str, Any]) -> dict[str, Any]:
    """A failed invocation as AWS shows it to the outside: no text of the exception."""
    if result.get("throttle"):
        status, text = 503, "Service Unavailable"
    elif result.get("error"):
        status, text = 500, "Internal Server Error"
    else:
        return result
    body = {"statusCode": status, "headers": dict(_JSON), "body": _message(text).decode()}
    return {"error": True, "body": body}


def _invoke_as_an_http_api_does() -> None:
    api = module("ministack.services.apigateway")
    functions = module("ministack.services.lambda_svc")
    run = original(api, "run_reentrant")
    execute = original(functions, "_execute_function_with_config_scope")

    async def run_corrected(call: Any, *arguments: Any, **options: Any) -> Any:
        if call is not execute or arguments[-1].get("version") != "2.0":
            return await run(call, *arguments, **options)
        event = as_payload_2(arguments[-1])
        return generic_failure(await run(call, *arguments[:-1], event, **options))

    replace(api, "run_reentrant", run_corrected)


# ---- signatures ---------------------------------------------------------------------------------


def is_plausible_signature(authorization: str) -> bool:
    """Whether a header can be a SigV4 signature for ``execute-api`` by a key that AWS issues."""
    if not authorization.startswith("AWS4-HMAC-SHA256 "):
        return False
    _, _, rest = authorization.partition("Credential=")
    scope = rest.partition(",")[0].strip().split("/")
    key, service = scope[0], scope[3] if len(scope) == 5 else ""  # noqa: PLR2004 (key/day/region/service/end)
    return key.startswith(("ASIA", "AKIA")) and service == "execute-api"


def _refuse_what_is_no_signature() -> None:
    app = module("ministack.app")
    enforce = original(app, "_enforce_execute_api")
    kind_of = original(app, "_execute_api_authorization_type")
    forbidden: Answer = (403, dict(_JSON), _message("Forbidden"))

    def enforce_strictly(  # noqa: PLR0913, PLR0917 (the signature of the function it wraps)
        api_id: str,
        stage: str,
        method: str,
        path: str,
        headers: dict[str, str],
        query: dict[str, list[str]],
        **options: Any,
    ) -> Any:
        iam = kind_of(api_id, stage, method, path) == "AWS_IAM"
        if iam and not is_plausible_signature(headers.get("authorization", "")):
            return forbidden
        denied = enforce(api_id, stage, method, path, headers, query, **options)
        return forbidden if iam and denied else denied

    replace(app, "_enforce_execute_api", enforce_strictly)


# ---- size ---------------------------------------------------------------------------------------


def limit_body(application: Application, limit: int = MAX_BODY_BYTES) -> Application:
    """Wrap an ASGI application: the platform's answer to a larger body is 413."""

    async def limited(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        headers = {name.lower(): value for name, value in scope.get("headers", ())}
        host = headers.get(b"host", b"").decode("latin-1")
        if scope["type"] != "http" or not is_platform(host):
            await application(scope, receive, send)
            return
        received: list[Message] = []
        size = 0
        more = True
        while more:
            message = await receive()
            received.append(message)
            size += len(message.get("body", b""))
            more = message["type"] == "http.request" and message.get("more_body", False)
            if size > limit:
                await _answer(send, 413, _message("Request Entity Too Large"))
                return
        waiting = iter(received)

        async def replay() -> Message:
            return next(waiting, None) or await receive()

        await application(scope, replay, send)

    return limited


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _limit_the_body() -> None:
    app = module("ministack.app")
    replace(app, "app", limit_body(original(app, "app")))


CORRECTIONS = (
    Correction(
        "platform-address",
        "The emulator takes no undotted name as a custom domain; the platform is http://localhost, "
        "for browsers and for signed requests alike.",
        _serve_localhost_as_a_custom_domain,
    ),
    Correction(
        "payload-2.0",
        "Cookies arrive in their own list, with the headers that the edge adds; a failed function "
        "answers a generic 5xx, never the text of its exception.",
        _invoke_as_an_http_api_does,
    ),
    Correction(
        "signatures",
        "On routes with AWS_IAM the emulator takes a foreign Authorization header or another "
        "service's signature for the root user; AWS answers 403.",
        _refuse_what_is_no_signature,
    ),
    Correction("body-limit", "An HTTP API refuses bodies over 10 MB with 413.", _limit_the_body),
)

__all__ = ["CORRECTIONS", "as_payload_2", "generic_failure", "is_plausible_signature", "limit_body"]
