"""What WeChat remembers of a call that it refused (openapi/rid/get), without its secrets. Pure.

It repeats the call as it came. The AppSecret in it has no shape of its own, and a code that was not
taken may still be good: so here the *name* of a field decides, whatever the texts are written in.
What cannot be read is left out whole.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote_plus

from wxvault.wechat.secret_shapes import MASK, mask

if TYPE_CHECKING:
    from collections.abc import Mapping

RID_GET: Final = "/cgi-bin/openapi/rid/get"

# A field is a secret if its name has one of these in it, in any case and with any punctuation:
# component_appsecret, ComponentVerifyTicket, authorizer_refresh_token, pre_auth_code, js_code …
SECRET_WORDS: Final = (
    "secret",
    "ticket",
    "token",
    "code",
    "sessionkey",
    "aeskey",
    "password",
)
# … but for this one, which is what people look for.
NOT_SECRET: Final = "errcode"

_PLAIN_FIELDS: Final = frozenset({"client_ip"})
_URL: Final = "request_url"
_DEEPEST: Final = 20
_FORM: Final = re.compile(r"[\w.\[\]-]{1,128}=[^&\s]*(?:&[\w.\[\]-]{1,128}=[^&\s]*)*", re.ASCII)
_PLACE: Final = re.compile(r"(?:https?://[\w.:-]{1,255})?[\w./-]*", re.ASCII)
# An AppSecret, wherever it may stand.
_APP_SECRET: Final = re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{32}(?![0-9A-Za-z])")

# What stands in data and hardly in what WeChat says in words.
_BROKEN: Final = re.compile(r"[{<%?=\\\"]")

# `name=value` and `name: value` in the middle of a sentence.
_NAMED: Final = re.compile(r"(?<![\w.-])([\w.-]{1,128}+)(\s{0,4}[=:]\s{0,4})([^\s&]+)", re.ASCII)


def without_secrets(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer of ``rid/get`` without the secrets of the call that it tells of."""
    return {name: _top(name, value) for name, value in answer.items()}


def _top(name: str, value: object) -> object:
    if isinstance(value, dict):
        return {part: _part(part, told) for part, told in value.items()}
    return _value(name, value, 0)


def _part(name: str, value: object) -> object:
    """Return a field of ``request``; a text is a URL, a body that can be read, or left out."""
    if _is_secret(name):
        return MASK
    if not isinstance(value, str) or not value or name in _PLAIN_FIELDS:
        return _value(name, value, 0)
    read = _url(value, 0) if name == _URL else _structured(value, 0)
    return MASK if read is None else read


def _value(name: str, value: object, depth: int) -> object:
    if _is_secret(name):
        return MASK
    if depth >= _DEEPEST:
        return MASK
    if isinstance(value, dict):
        return {_plain(key): _value(key, one, depth + 1) for key, one in value.items()}
    if isinstance(value, list):
        return [_value("", one, depth + 1) for one in value]
    if isinstance(value, str):
        return _text(value, depth + 1)
    return value


def _text(text: str, depth: int) -> str:
    """Return a text within what could be read; it may be JSON, a form or a URL itself."""
    if depth >= _DEEPEST:
        return MASK
    read = _structured(text, depth)
    if read is None and "?" in text:
        read = _url(text, depth)
    if read is None and _BROKEN.search(text) and _is_secret(unquote_plus(text)):
        # Something other than a sentence, and nobody can say where its secret is.
        return MASK
    return _plain(text) if read is None else read


def _structured(text: str, depth: int) -> str | None:
    """Return JSON or a form without its secrets; None: it is neither."""
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return _form(text, depth) if _FORM.fullmatch(text) else None
    if not isinstance(value, dict | list):
        return None
    return json.dumps(_value("", value, depth), ensure_ascii=False)


def _form(text: str, depth: int) -> str:
    return "&".join(_pair(*pair.partition("=")[::2], depth) for pair in text.split("&"))


def _pair(name: str, raw: str, depth: int) -> str:
    value = unquote_plus(raw)
    if _is_secret(name) or "%" in value:
        # Written as a URL more than once: nobody has looked into it.
        return f"{name}={MASK}"
    shown = _text(value, depth + 1)
    return f"{_plain(name)}={raw if shown == value else quote(shown, safe='*')}"


def _url(text: str, depth: int) -> str | None:
    """Return a URL, or a path, whose query has no secrets; None: it cannot be read."""
    place, has_query, query = text.partition("?")
    if not _PLACE.fullmatch(place):
        return None
    if not query:
        return _plain(place) + has_query
    return f"{_plain(place)}?{_form(query, depth)}" if _FORM.fullmatch(query) else None


def _plain(text: str) -> str:
    return _NAMED.sub(_unless_secret, _APP_SECRET.sub(MASK, mask(text)))


def _unless_secret(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}{MASK}" if _is_secret(found[1]) else found[0]


def _is_secret(name: str) -> bool:
    letters = re.sub(r"[^a-z]", "", name.lower())
    return letters != NOT_SECRET and any(word in letters for word in SECRET_WORDS)
