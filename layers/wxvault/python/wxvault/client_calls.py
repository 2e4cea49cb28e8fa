"""WeChat called for a merchant, without ever holding a token: for other Lambdas and services.

    from wxvault.client_calls import AuthorizerClient

    shop = AuthorizerClient.from_env("wx0123456789abcdef")
    shop.post("/cgi-bin/message/custom/send", json={"touser": openid, ...})
    picture = shop.get("/cgi-bin/media/get", media_id=media_id).content

wxvault chooses the token, renews one that WeChat refuses, and calls from its own fixed address.
It imports ``wxvault.errors``, boto3 and the standard library only: any function can have it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json as json_module
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, Self
from urllib.parse import urlencode

from wxvault import errors
from wxvault.client import RemoteError
from wxvault.client_transports import (
    AccessDeniedError,
    InvokeTransport,
    SignedHttp,
    TokenServiceError,
    read_json,
    written_json,
)
from wxvault.errors import ConfigurationError, InvalidRequestError, WxvaultError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AccessDeniedError", "AuthorizerClient", "ComponentClient", "File", "Reply"]

CALL_SECONDS: Final = 31
"""A call may take 29 s at wxvault, and the gateway waits 30."""

_NOBODY_KNOWS: Final = (
    "Look whether WeChat has executed it before you send it again; if it stays, look at the log of "
    "the function call."
)
_ANSWER_LIMIT: Final = 8 * 1024 * 1024
_APPID: Final = re.compile(r"wx[0-9a-f]{16}", re.ASCII)
_PATH: Final = re.compile(r"/[A-Za-z0-9_/-]+", re.ASCII)
_PLAIN_NAME: Final = re.compile(r"[^\"\r\n\\]{1,200}")
_OK: Final = 200
_FORBIDDEN: Final = frozenset({401, 403})
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """What WeChat answered well: ``json`` if it is an object, and always its bytes."""

    content: bytes = field(repr=False)
    content_type: str
    json: dict[str, Any] | None = field(default=None, repr=False)

    def value(self) -> dict[str, Any]:
        """Return the JSON object; TokenServiceError when the answer is something else."""
        if self.json is None:
            raise TokenServiceError(
                f"the answer is {self.content_type} and no JSON object",
                remedy="WeChat has answered well: read `content`.",
            )
        return self.json


@dataclass(frozen=True, slots=True)
class File:
    """A file to be uploaded."""

    name: str
    content: bytes = field(repr=False)
    content_type: str = "application/octet-stream"


class CallTransport(Protocol):
    """The way to the call function; questions have the form of its invokes."""

    def ask(self, question: Mapping[str, Any]) -> Reply:
        """Send a question. Raises the errors of ``wxvault.errors``, typed."""


class CallByInvoke:
    """Asks by invoking the call function, once. Its callers may call for every authorizer."""

    def __init__(self, function: str, client: Any = None) -> None:
        """Take the function's name or ARN, and a boto3 ``lambda`` client if there is one."""
        # Not sent again by itself: WeChat would execute it twice.
        self._transport = InvokeTransport(
            function, client, seconds=CALL_SECONDS, attempts=1, answer_limit=_ANSWER_LIMIT
        )

    def ask(self, question: Mapping[str, Any]) -> Reply:
        """Invoke the function and wait for what it returns."""
        answer = self._transport.ask(question)
        if not isinstance(answer, dict):
            raise TokenServiceError("the answer is not an object")
        _raise_if_error(answer)
        if "login" in question:
            return Reply(json_module.dumps(answer).encode(), _JSON, answer)
        kind = str(answer.get("content_type", ""))
        if isinstance(value := answer.get("json"), dict):
            return Reply(json_module.dumps(value, ensure_ascii=False).encode(), kind, value)
        try:
            content = base64.b64decode(answer["body_base64"], validate=True)
        except (KeyError, TypeError, ValueError, binascii.Error):
            raise TokenServiceError("the answer has no body") from None
        return Reply(content, kind, _object(content))


class CallByHttp:
    """Asks ``/call/…``, ``/component-call/…`` and ``/login/…``, signed: limited by IAM."""

    def __init__(self, http: SignedHttp) -> None:
        """Take what signs and sends."""
        self._http = http

    def ask(self, question: Mapping[str, Any]) -> Reply:
        """Send the signed request; redirects are not followed and no proxy is asked."""
        method, path, body, content_type = _as_http(question)
        status, kind, content = self._http.send(
            method,
            path,
            body=body,
            headers={"Content-Type": content_type} if content_type else {},
            seconds=CALL_SECONDS,
            limit=_ANSWER_LIMIT,
        )
        value = _object(content)
        if status != _OK:
            if value is not None:
                _raise_if_error(value)
            where = f"{method} {path.partition('?')[0]}"
            if status in _FORBIDDEN:
                raise AccessDeniedError(f"{where} is not allowed for this caller")
            raise TokenServiceError(f"{where} answered HTTP {status}")
        return Reply(content, kind, value)


class _Caller:
    """What both clients share."""

    _kind = ""

    def __init__(self, transport: CallTransport | None, whose: Mapping[str, str]) -> None:
        self._transport = _from_env(os.environ) if transport is None else transport
        self._whose = whose

    def get(self, path: str, **query: str | float) -> Reply:
        """Send a GET with these query parameters; an answer may be a file."""
        return self._call({"method": "GET", "path": _path(path), "query": query})

    def post(self, path: str, *, json: object = None, **query: str | float) -> Reply:
        """Send a POST of ``json`` (by default an empty object)."""
        body = {} if json is None else json
        return self._call({"method": "POST", "path": _path(path), "query": query, "json": body})

    def upload(self, path: str, files: Mapping[str, File], **query: str | float) -> Reply:
        """Send files as a form (multipart), by the names of their fields, such as ``media``."""
        content, content_type = _multipart(files)
        return self._call(
            {
                "method": "POST",
                "path": _path(path),
                "query": query,
                "content_type": content_type,
                "body_base64": base64.b64encode(content).decode("ascii"),
            }
        )

    def quota_read(self, cgi_path: str) -> dict[str, Any]:
        """Read what is left today of an API's calls (openapi/quota/get)."""
        return self.post("/cgi-bin/openapi/quota/get", json={"cgi_path": cgi_path}).value()

    def quota_clear(self, cgi_path: str) -> dict[str, Any]:
        """Reset an API's calls of today (openapi/quota/clear): 50 times a month."""
        return self.post("/cgi-bin/openapi/quota/clear", json={"cgi_path": cgi_path}).value()

    def rid(self, rid: str) -> dict[str, Any]:
        """Look a failed request up by the ``rid`` of its errmsg, for seven days."""
        return self.post("/cgi-bin/openapi/rid/get", json={"rid": rid}).value()

    def _call(self, wanted: dict[str, Any]) -> Reply:
        # Checked here, so that both ways refuse the same and send the same.
        if "json" in wanted:
            written_json(wanted["json"], "json")
        checked = {**wanted, "query": _texts(wanted["query"])}
        return self._ask({self._kind: {**self._whose, **checked}})

    def _ask(self, question: Mapping[str, Any]) -> Reply:
        try:
            return self._transport.ask(question)
        except TokenServiceError as error:
            error.remedy = _NOBODY_KNOWS
            raise


class AuthorizerClient(_Caller):
    """Calls WeChat for one authorizer; safe to share between threads."""

    _kind = "call"

    def __init__(self, authorizer_appid: str, transport: CallTransport | None = None) -> None:
        """Take the appid, and the way to wxvault if it is not the environment's."""
        if not _APPID.fullmatch(authorizer_appid):
            raise InvalidRequestError(
                "authorizer_appid", "must be 'wx' and 16 hexadecimal digits in lower case"
            )
        super().__init__(transport, {"authorizer_appid": authorizer_appid})
        self._appid = authorizer_appid

    @classmethod
    def from_env(cls, authorizer_appid: str, environ: Mapping[str, str] | None = None) -> Self:
        """Make a client from the environment.

        ``WXVAULT_CALL_FUNCTION`` (name or ARN of the call function's alias) asks by direct invoke;
        else ``WXVAULT_API_URL`` (``https://…``) asks by signed HTTP.
        """
        return cls(authorizer_appid, _from_env(os.environ if environ is None else environ))

    # --- the open-platform account (UnionID) -----------------------------------------------------

    def open_create(self) -> str:
        """Make an open-platform account and bind this account to it; return its open_appid."""
        return str(self.post("/cgi-bin/open/create", json=self._own()).value()["open_appid"])

    def open_bind(self, open_appid: str) -> None:
        """Bind this account to an open-platform account of the same legal entity."""
        self.post("/cgi-bin/open/bind", json={**self._own(), "open_appid": open_appid})

    def open_unbind(self, open_appid: str) -> None:
        """Take this account from its open-platform account."""
        self.post("/cgi-bin/open/unbind", json={**self._own(), "open_appid": open_appid})

    def open_get(self) -> str:
        """Return the open_appid that this account is bound to (89002: to none)."""
        return str(self.post("/cgi-bin/open/get", json=self._own()).value()["open_appid"])

    def open_have(self) -> bool:
        """Say whether this account is bound to an open-platform account."""
        return bool(self.get("/cgi-bin/open/have").value().get("have_open"))

    def clear_quota(self) -> dict[str, Any]:
        """Reset all calls of today of this account: ten times a month."""
        return self.post("/cgi-bin/clear_quota", json=self._own()).value()

    def _own(self) -> dict[str, str]:
        return {"appid": self._appid}

    # --- logins of its users ---------------------------------------------------------------------

    def login(self, js_code: str) -> dict[str, Any]:
        """Exchange what ``wx.login`` gave: openid, session_key, perhaps unionid."""
        return self._log_in("mp", js_code=js_code)

    def oauth_link(self, redirect_uri: str, *, scope: str = "snsapi_base", state: str = "") -> str:
        """Return the link that logs a follower in, to be opened inside WeChat."""
        link = self._log_in("oauth-link", redirect_uri=redirect_uri, scope=scope, state=state)
        return str(link["url"])

    def oauth(self, code: str) -> dict[str, Any]:
        """Exchange what the redirect brought: access_token, refresh_token, openid, scope."""
        return self._log_in("oauth", code=code)

    def oauth_refresh(self, refresh_token: str) -> dict[str, Any]:
        """Renew a user's OAuth token."""
        return self._log_in("oauth-refresh", refresh_token=refresh_token)

    def user_info(self, access_token: str, openid: str, *, lang: str = "zh_CN") -> dict[str, Any]:
        """Read the profile of a user, with the user's OAuth token (scope snsapi_userinfo)."""
        return self._log_in("userinfo", access_token=access_token, openid=openid, lang=lang)

    def _log_in(self, kind: str, **fields: str) -> dict[str, Any]:
        return self._ask({"login": {**self._whose, "kind": kind, **fields}}).value()


class ComponentClient(_Caller):
    """Calls WeChat with the component's own token, a closed list of paths."""

    _kind = "component_call"

    def __init__(self, transport: CallTransport | None = None) -> None:
        """Take the way to wxvault if it is not the environment's."""
        super().__init__(transport, {})

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Make a client from the environment, as :meth:`AuthorizerClient.from_env`."""
        return cls(_from_env(os.environ if environ is None else environ))

    def clear_quota(self, component_appid: str) -> dict[str, Any]:
        """Reset all calls of today of the platform itself: ten times a month."""
        return self.post("/cgi-bin/clear_quota", json={"appid": component_appid}).value()

    def drafts(self) -> list[dict[str, Any]]:
        """Return the code drafts of the platform's template mini programs."""
        return list(self.get("/wxa/gettemplatedraftlist").value().get("draft_list") or [])

    def templates(self) -> list[dict[str, Any]]:
        """Return the code templates."""
        return list(self.get("/wxa/gettemplatelist").value().get("template_list") or [])

    def add_template(self, draft_id: int) -> None:
        """Make a template of a draft."""
        self.post("/wxa/addtotemplate", json={"draft_id": draft_id})

    def delete_template(self, template_id: int) -> None:
        """Delete a template."""
        self.post("/wxa/deletetemplate", json={"template_id": template_id})


def _from_env(env: Mapping[str, str]) -> CallTransport:
    function = env.get("WXVAULT_CALL_FUNCTION", "").strip()
    api_url = env.get("WXVAULT_API_URL", "").strip()
    if function:
        return CallByInvoke(function)
    if api_url:
        return CallByHttp(SignedHttp(api_url))
    raise ConfigurationError("WXVAULT_CALL_FUNCTION", "neither it nor WXVAULT_API_URL is set")


def _as_http(question: Mapping[str, Any]) -> tuple[str, str, bytes, str]:
    """Return method, path with query, body and content type of a question."""
    ((kind, wanted),) = question.items()
    appid = wanted.get("authorizer_appid", "")
    if kind == "login":
        fields = {k: v for k, v in wanted.items() if k not in {"authorizer_appid", "kind"}}
        return "POST", f"/login/{appid}/{wanted['kind']}", written_json(fields), _JSON
    path = (
        f"/call/{appid}{wanted['path']}" if kind == "call" else f"/component-call{wanted['path']}"
    )
    if wanted.get("query"):
        path += f"?{urlencode(wanted['query'])}"
    if "json" in wanted:
        return wanted["method"], path, written_json(wanted["json"], "json"), _JSON
    body = base64.b64decode(wanted.get("body_base64", ""))
    return wanted["method"], path, body, wanted.get("content_type", "")


def _texts(query: Mapping[str, object]) -> dict[str, str]:
    """Return query parameters as texts; numbers and truth values as JSON writes them."""
    texts = {}
    for name, value in query.items():
        if not isinstance(value, str | int | float):
            raise InvalidRequestError("query", f"{name} must be a text, a number or a truth value")
        written = written_json(value, "query")
        # What is a text may be a class of its own (an Enum), which writes itself otherwise.
        texts[name] = str(read_json(written)) if isinstance(value, str) else written.decode()
    return texts


def _path(path: str) -> str:
    if not _PATH.fullmatch(path) or "//" in path:
        raise InvalidRequestError(
            "path", "must be the plain path of one of WeChat's APIs, such as /cgi-bin/menu/get"
        )
    return path


def _multipart(files: Mapping[str, File]) -> tuple[bytes, str]:
    """Return a form of files and its content type; the boundary cannot be in them."""
    if not files:
        raise InvalidRequestError("files", "is empty")
    digest = hashlib.sha256()
    for one in files.values():
        digest.update(one.content)
    boundary = f"wxvault-{digest.hexdigest()}".encode()
    parts = []
    for name, one in files.items():
        for text in (name, one.name, one.content_type):
            if not _PLAIN_NAME.fullmatch(text):
                raise InvalidRequestError("files", "a name has a quote, backslash or line break")
        parts.append(
            b'--%b\r\nContent-Disposition: form-data; name="%b"; filename="%b"\r\n'
            b"Content-Type: %b\r\n\r\n%b\r\n"
            % (boundary, name.encode(), one.name.encode(), one.content_type.encode(), one.content)
        )
    content_type = f"multipart/form-data; boundary={boundary.decode()}"
    return b"".join(parts) + b"--%b--\r\n" % boundary, content_type


def _object(content: bytes) -> dict[str, Any] | None:
    """Return the JSON object that an answer is, if it is one."""
    if not content[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return None
    try:
        value = read_json(content)
    except TokenServiceError:
        return None
    return value if isinstance(value, dict) else None


def _raise_if_error(answer: Mapping[str, Any]) -> None:
    described = answer.get("error")
    if not isinstance(described, dict):
        return
    error: WxvaultError = errors.from_answer(described)
    if error.code != described.get("code"):
        error = RemoteError(str(described.get("code")), error)
    if isinstance(error, errors.WeChatRefusedError) and isinstance(answer.get("answer"), dict):
        error.answer = answer["answer"]
    raise error
