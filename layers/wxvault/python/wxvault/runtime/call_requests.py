"""What callers want of WeChat, checked: a call for an authorizer or the component, or a login.

By HTTP the path says what is wanted; an invoke says ``{"call": …}``, ``{"component_call": …}`` or
``{"login": …}``.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wxvault.errors import InvalidRequestError, RequestTooLargeError
from wxvault.protocol.appid import is_appid
from wxvault.services.calling import ApiCall
from wxvault.wechat.call_paths import account_path, checked_query, component_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wxvault.runtime.http_requests import HttpRequest

BODY_LIMIT: Final = 4 * 1024 * 1024

_JSON_TYPE: Final = "application/json; charset=utf-8"
_METHODS: Final = ("GET", "POST")
# What WeChat's APIs take. Parameters (a boundary) are the caller's; no line can be broken in them.
_CONTENT_TYPE: Final = re.compile(
    r"(application/json|multipart/form-data|application/octet-stream)(\s*;[ -~]{0,180})?",
    re.ASCII | re.IGNORECASE,
)
_CALL_FIELDS: Final = frozenset({"method", "path", "query", "json", "body_base64", "content_type"})

LOGIN_FIELDS: Final[Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]]] = {
    # kind: what it needs, and what it may have with its default
    "mp": (("js_code",), {}),
    "oauth-link": (("redirect_uri",), {"scope": "snsapi_base", "state": ""}),
    "oauth": (("code",), {}),
    "oauth-refresh": (("refresh_token",), {}),
    "userinfo": (("access_token", "openid"), {"lang": "zh_CN"}),
}
_SECRETS_OF_USERS: Final = re.compile(r"[!-~]{1,512}", re.ASCII)
_FREE: Final = frozenset({"redirect_uri", "scope", "state"})
"""Checked where the link is made."""
_LANGUAGES: Final = ("zh_CN", "zh_TW", "en")


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call; ``authorizer_appid`` None means with the component's token."""

    authorizer_appid: str | None
    call: ApiCall


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """A login of one of ``LOGIN_FIELDS``; ``fields`` has each of its fields."""

    authorizer_appid: str
    kind: str
    fields: Mapping[str, str] = field(repr=False)


def from_http(request: HttpRequest) -> CallRequest | LoginRequest:
    """Read ``/call/…``, ``/component-call/…`` or ``/login/…``.

    Raises:
        InvalidRequestError: a part of it cannot be accepted; it is named.
        RequestTooLargeError: the body is larger than 4 MiB.
    """
    given = request.path_parameters
    # `proxy` is the only name for the rest of a path for which SAM makes a permission that fits.
    appid, path, kind = given.get("authorizer_appid"), given.get("proxy", ""), given.get("kind")
    # IAM has judged the path as it came: what the gateway made of it must be the very same.
    if kind is not None:
        _same_path(request, f"/login/{appid}/{kind}")
        return _login(appid, kind, request.json_body())
    _same_path(request, f"/component-call/{path}" if appid is None else f"/call/{appid}/{path}")
    return _call(
        appid,
        component="authorizer_appid" not in given,
        method=request.method,
        path=path,
        query=request.whole_query(),
        body=request.body(BODY_LIMIT) or None,
        content_type=request.headers.get("content-type", ""),
    )


def from_invoke(event: Mapping[str, Any]) -> CallRequest | LoginRequest:
    """Read what was invoked with; raises what :func:`from_http` raises."""
    kinds = [kind for kind in ("call", "component_call", "login") if kind in event]
    if len(kinds) != 1 or len(event) != 1 or not isinstance(event[kinds[0]], dict):
        raise InvalidRequestError("call", "give one object: call, component_call or login")
    wanted: dict[str, Any] = dict(event[kinds[0]])
    if kinds == ["login"]:
        return _login(wanted.pop("authorizer_appid", None), wanted.pop("kind", None), wanted)
    component = kinds == ["component_call"]
    appid = None if component else wanted.pop("authorizer_appid", None)
    for name in wanted:
        if name not in _CALL_FIELDS:
            raise InvalidRequestError(str(name)[:40], "is not a field of this request")
    body, content_type = _body(wanted)
    path = wanted.get("path")
    if not isinstance(path, str):
        raise InvalidRequestError("path", "must be a text")
    return _call(
        appid,
        component=component,
        method=wanted.get("method", "GET" if body is None else "POST"),
        path=path,
        query=_texts(wanted.get("query") or {}),
        body=body,
        content_type=content_type,
    )


def _call(  # noqa: PLR0913 -- one request, every part of it named
    appid: object,
    *,
    component: bool,
    method: object,
    path: str,
    query: Mapping[str, str],
    body: bytes | None,
    content_type: str,
) -> CallRequest:
    if not component:
        _require_appid(appid)
    if method not in _METHODS:
        raise InvalidRequestError("method", "must be GET or POST")
    read = component_path if component else account_path
    plain, own = read(path), checked_query(query)
    if method == "GET":
        if body is not None:
            raise InvalidRequestError("body", "a GET has none")
        content_type = ""
    elif body is None:
        # WeChat answers 44002 to a POST without a body.
        body, content_type = b"{}", _JSON_TYPE
    elif not _CONTENT_TYPE.fullmatch(content_type):
        raise InvalidRequestError(
            "content_type",
            "must be application/json, multipart/form-data or application/octet-stream",
        )
    return CallRequest(
        None if component else str(appid), ApiCall(str(method), plain, own, body, content_type)
    )


def _body(wanted: Mapping[str, Any]) -> tuple[bytes | None, str]:
    """Return the body of an invoke and its content type."""
    if "json" in wanted:
        if "body_base64" in wanted:
            raise InvalidRequestError("json", "give either json or body_base64")
        try:
            text = json.dumps(wanted["json"], ensure_ascii=False, allow_nan=False)
            body = text.encode()
        except (ValueError, RecursionError):
            raise InvalidRequestError("json", "cannot be written as JSON in UTF-8") from None
        return _small(body), _JSON_TYPE
    if "body_base64" not in wanted:
        return None, ""
    encoded, content_type = wanted["body_base64"], wanted.get("content_type")
    if not isinstance(content_type, str):
        raise InvalidRequestError("content_type", "must be given with body_base64")
    try:
        body = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise InvalidRequestError("body_base64", "is not base64") from None
    return _small(body), content_type


def _small(body: bytes) -> bytes:
    if len(body) > BODY_LIMIT:
        raise RequestTooLargeError(f"The body is larger than {BODY_LIMIT} bytes.")
    return body


def _texts(query: object) -> dict[str, str]:
    """Return query parameters; numbers and truth values become texts as JSON writes them."""
    if not isinstance(query, dict):
        raise InvalidRequestError("query", "must be an object")
    found = {}
    for name, value in query.items():
        if not isinstance(value, str | int | float):
            raise InvalidRequestError("query", "must have texts or numbers only")
        text = value if isinstance(value, str) else json.dumps(value)
        try:
            f"{name}{text}".encode()
        except UnicodeEncodeError:
            raise InvalidRequestError("query", "cannot be written in UTF-8") from None
        found[name] = text
    return found


def _login(appid: object, kind: object, given: Mapping[str, Any]) -> LoginRequest:
    appid = _require_appid(appid)
    if not isinstance(kind, str) or kind not in LOGIN_FIELDS:
        raise InvalidRequestError("kind", f"must be one of {', '.join(LOGIN_FIELDS)}")
    needed, optional = LOGIN_FIELDS[kind]
    for name in given:
        if name not in needed and name not in optional:
            raise InvalidRequestError(str(name)[:40], "is not a field of this login")
    fields = {}
    for name in (*needed, *optional):
        value = given.get(name, optional.get(name))
        if not isinstance(value, str):
            raise InvalidRequestError(name, "is missing" if value is None else "must be a text")
        if name not in _FREE and not _SECRETS_OF_USERS.fullmatch(value):
            raise InvalidRequestError(name, "must be plain ASCII, 1 to 512 characters")
        fields[name] = value
    if "lang" in fields and fields["lang"] not in _LANGUAGES:
        raise InvalidRequestError("lang", f"must be one of {', '.join(_LANGUAGES)}")
    return LoginRequest(appid, kind, fields)


def _require_appid(appid: object) -> str:
    if not isinstance(appid, str) or not is_appid(appid):
        raise InvalidRequestError(
            "authorizer_appid", "must be an appid: 'wx' and 16 hexadecimal digits in lower case"
        )
    return appid


def _same_path(request: HttpRequest, path: str) -> None:
    if request.path != path:
        raise InvalidRequestError(
            "path",
            "is not plain: letters, digits, - and _ between single slashes, without % and dots",
        )
