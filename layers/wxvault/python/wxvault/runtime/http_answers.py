"""What goes back through the HTTP API (payload format 2.0): JSON, pages, redirects, `success`."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any, Final, NotRequired, TypedDict

from wxvault import errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Answer(TypedDict):
    """An answer of a function to API Gateway."""

    statusCode: int
    headers: dict[str, str]
    body: str
    cookies: NotRequired[list[str]]
    isBase64Encoded: NotRequired[bool]


# The one table from error to status; a class that is not listed answers like its nearest parent.
STATUS_OF: Final[dict[type[errors.WxvaultError], int]] = {
    errors.WxvaultError: 500,
    errors.ConfigurationError: 500,
    errors.InvalidRequestError: 400,
    errors.RequestTooLargeError: 413,
    errors.UnknownSessionError: 404,
    errors.SessionExpiredError: 410,
    errors.MintLimitError: 429,
    errors.LandingLimitError: 429,
    errors.LaunchCookieMissingError: 403,
    errors.RegistrationRunningError: 409,
    errors.MessageError: 400,
    errors.BadSignatureError: 403,
    errors.AppidMismatchError: 403,
    errors.PushTooOldError: 403,
    errors.UnknownAuthorizerError: 404,
    errors.AuthorizerPendingError: 409,
    errors.AuthorizerRevokedError: 410,
    errors.AuthorizerLostError: 409,
    errors.NoApiAbilityError: 409,
    errors.NotForgettableError: 409,
    errors.RenewalInProgressError: 503,
    errors.RenewalFailingError: 503,
    errors.NoTicketError: 503,
    errors.SealBrokenError: 503,
    errors.BusyError: 503,
    errors.SealingKeyError: 503,
    errors.TableUnavailableError: 503,
    errors.EventNotSentError: 503,
    errors.WeChatError: 502,
    errors.MinuteQuotaError: 429,
    errors.DailyQuotaError: 429,
    # Not 403: that is what the gateway answers whom it does not let through.
    errors.PermissionMissingError: 409,
    errors.WeChatUnknownError: 504,
    errors.AnswerTooLargeError: 502,
}

# Seconds after which asking again makes sense. Not after a WeChatUnknownError: there are libraries
# that obey this by themselves, and what WeChat may have executed would be executed twice.
_RETRY_AFTER: Final[dict[type[errors.WxvaultError], int]] = {
    errors.MintLimitError: 3,
    errors.AuthorizerPendingError: 3,
    errors.RenewalInProgressError: 2,
    errors.RenewalFailingError: 10,
    errors.NoTicketError: 60,
    errors.SealBrokenError: 10,
    errors.BusyError: 1,
    errors.SealingKeyError: 60,
    errors.TableUnavailableError: 2,
    errors.EventNotSentError: 5,
    errors.MinuteQuotaError: 60,
}

_ALWAYS: Final = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    # Whatever a browser makes of an answer that is no page: it loads nothing and nobody frames it.
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}


def status_of(error: errors.WxvaultError) -> int:
    """Return the HTTP status for an error."""
    return next(STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)


def json_answer(
    body: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    """Answer ``body`` as JSON; it is never cached."""
    return {
        "statusCode": status,
        "headers": {
            **_ALWAYS,
            "content-type": "application/json; charset=utf-8",
            **(headers or {}),
        },
        "body": json.dumps(body, ensure_ascii=False),
    }


def text_answer(text: str, content_type: str) -> Answer:
    """Answer a text that somebody else has written; no browser takes it for a page of ours."""
    return {
        "statusCode": 200,
        "headers": {**_ALWAYS, "content-type": content_type},
        "body": text,
    }


def binary_answer(content: bytes, content_type: str) -> Answer:
    """Answer bytes as they are; the gateway decodes them before it passes them on."""
    return {
        "statusCode": 200,
        "headers": {**_ALWAYS, "content-type": content_type},
        "body": base64.b64encode(content).decode("ascii"),
        "isBase64Encoded": True,
    }


def error_body(error: errors.WxvaultError, request_id: str) -> dict[str, Any]:
    """Return ``{"error": {…}}``, also what direct invokes are answered.

    Beside it stands ``answer``, what WeChat itself has said, where it was called for the caller.
    """
    described: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "remedy": error.remedy,
        "request_id": request_id,
    }
    if error.wechat_errcode is not None:
        described["wechat_errcode"] = error.wechat_errcode
    answer = getattr(error, "answer", None)
    return {"error": described} if answer is None else {"error": described, "answer": answer}


def unexpected_body(request_id: str) -> dict[str, Any]:
    """Return the error object for an exception nobody expected: its text stays in the log."""
    return error_body(
        errors.WxvaultError(
            "Something unexpected happened.",
            remedy="Look at the function's log, by this request id.",
        ),
        request_id,
    )


def error_answer(error: BaseException, request_id: str) -> Answer:
    """Answer any exception; only WxvaultErrors may say something of themselves."""
    if not isinstance(error, errors.WxvaultError):
        return json_answer(unexpected_body(request_id), status=500)
    retry = _RETRY_AFTER.get(type(error))
    return json_answer(
        error_body(error, request_id),
        status=status_of(error),
        headers=None if retry is None else {"retry-after": str(retry)},
    )


def html_answer(page: str, *, nonce: str, status: int = 200, cookies: Sequence[str] = ()) -> Answer:
    """Answer a page whose style and script elements carry ``nonce`` (fresh for each answer).

    ``Referrer-Policy: origin`` is not a courtesy: WeChat shows its authorisation page only to
    visitors whose Referer names the platform's domain (文档: 授权技术流程说明, 授权发起页域名).
    """
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src 'nonce-{nonce}'",
            f"script-src 'nonce-{nonce}'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
    answer: Answer = {
        "statusCode": status,
        "headers": {
            **_ALWAYS,
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": policy,
            "referrer-policy": "origin",
            "x-robots-tag": "noindex, nofollow",
        },
        "body": page,
    }
    if cookies:
        answer["cookies"] = list(cookies)
    return answer


def redirect_answer(location: str) -> Answer:
    """Answer 303 to ``location``: whatever was sent here, it is fetched with GET."""
    if not re.fullmatch(r"[!-~]*", location):
        raise errors.ConfigurationError("location", "is not plain, percent-encoded ASCII")
    return {
        "statusCode": 303,
        "headers": {**_ALWAYS, "location": location, "referrer-policy": "origin"},
        "body": "",
    }


def wechat_answer(body: str = "success", *, content_type: str = "text/plain") -> Answer:
    """Answer WeChat: the seven bytes ``success``, or on the message URL also something else."""
    return {
        "statusCode": 200,
        "headers": {**_ALWAYS, "content-type": f"{content_type}; charset=utf-8"},
        "body": body,
    }


def cookie(name: str, value: str, *, secure: bool, max_age: int, path: str = "/") -> str:
    """Return a ``Set-Cookie`` value that scripts cannot read; ``max_age`` in seconds.

    ``SameSite=Lax`` lets it through when WeChat's page sends the browser back (a top-level GET).
    """
    parts = [f"{name}={value}", f"Path={path}", f"Max-Age={max_age}", "HttpOnly", "SameSite=Lax"]
    if secure:
        parts.append("Secure")
    return "; ".join(parts)
