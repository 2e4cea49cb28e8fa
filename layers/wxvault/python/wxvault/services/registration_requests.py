"""What may be asked of a registration: the fields of each kind, each checked and named."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wxvault.errors import InvalidRequestError
from wxvault.protocol.appid import is_appid
from wxvault.protocol.registrations import KINDS
from wxvault.services.return_urls import check_return_url
from wxvault.services.session_requests import check_tenant_id, read_ttl, short_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

STATE_LIMIT: Final = 512
_TEXT_LIMIT: Final = 128
_PHONE: Final = re.compile(r"\+?[0-9][0-9 -]{4,31}", re.ASCII)
_WECHAT_ID: Final = re.compile(r"[A-Za-z0-9_-]{2,64}", re.ASCII)
_OPENID: Final = re.compile(r"[A-Za-z0-9_-]{20,64}", re.ASCII)
_TASK_ID: Final = re.compile(r"[!-~]{1,256}", re.ASCII)
_TRIAL_NAME_LEAST, _TRIAL_NAME_MOST = 4, 30

_CODES: Final = {
    1: (re.compile(r"[0-9A-Z]{18}", re.ASCII), "a unified social credit code has 18 characters"),
    2: (re.compile(r"[0-9A-Z]{8}-[0-9A-Z]", re.ASCII), "an organisation code is xxxxxxxx-x"),
    3: (re.compile(r"[0-9A-Z]{15}", re.ASCII), "a licence number has 15 characters"),
}


@dataclass(frozen=True, slots=True)
class Application:
    """A checked application. ``fields`` is what WeChat is sent: data of persons, never shown."""

    kind: str
    fields: Mapping[str, Any] = field(repr=False)
    ttl: int | None = None
    """How long a link may be used; None: as long as WeChat waits for a confirmation."""
    return_url: str | None = None
    state: str | None = field(default=None, repr=False)
    tenant_name: str | None = None


def read_application(
    tenant_id: object, request: Mapping[str, Any], *, return_urls: tuple[str, ...]
) -> Application:
    """Check a request for a registration.

    Raises:
        InvalidRequestError: a field cannot be accepted; it is named, and nothing was asked for.
    """
    check_tenant_id(tenant_id)
    kind = request.get("kind")
    if not isinstance(kind, str) or kind not in _READERS:
        raise InvalidRequestError("kind", f"must be one of {', '.join(KINDS)}")
    allowed, read = _READERS[kind]
    for name in request:
        if name != "kind" and name not in allowed:
            raise InvalidRequestError(str(name)[:40], f"is not a field of kind {kind}")
    if kind != "reuse":
        return Application(kind, read(request))
    return_url = request.get("return_url")
    return Application(
        kind,
        read(request),
        ttl=read_ttl(request),
        return_url=None if return_url is None else check_return_url(return_url, return_urls),
        state=short_text(request, "state", STATE_LIMIT),
        tenant_name=short_text(request, "tenant_name", _TEXT_LIMIT),
    )


def read_question(kind: str | None, asked: Mapping[str, Any]) -> dict[str, str]:
    """Check with what WeChat is to be asked about an application of ``kind``.

    Raises:
        InvalidRequestError: a field cannot be accepted, or WeChat cannot be asked about this kind.
    """
    if kind == "enterprise":
        return {
            "name": _text(asked, "name"),
            "legal_persona_wechat": _matching(
                asked, "legal_persona_wechat", _WECHAT_ID, "must be a WeChat id"
            ),
            "legal_persona_name": _text(asked, "legal_persona_name"),
        }
    if kind == "personal":
        return {"task_id": _matching(asked, "task_id", _TASK_ID, "must be the task's id")}
    raise InvalidRequestError("ask_wechat", "WeChat answers about enterprise and personal only")


def _enterprise(request: Mapping[str, Any]) -> dict[str, Any]:
    code_type = request.get("code_type")
    if isinstance(code_type, bool) or not isinstance(code_type, int) or code_type not in _CODES:
        raise InvalidRequestError("code_type", "must be 1, 2 or 3")
    shape, problem = _CODES[code_type]
    return {
        "name": _text(request, "name"),
        "code": _matching(request, "code", shape, f"does not fit code_type: {problem}"),
        "code_type": code_type,
        "legal_persona_wechat": _matching(
            request, "legal_persona_wechat", _WECHAT_ID, "must be a WeChat id"
        ),
        "legal_persona_name": _text(request, "legal_persona_name"),
        **_phone(request),
    }


def _personal(request: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "idname": _text(request, "idname"),
        "wxuser": _matching(request, "wxuser", _WECHAT_ID, "must be a WeChat id"),
        **_phone(request),
    }


def _trial(request: Mapping[str, Any]) -> dict[str, Any]:
    name = _text(request, "name")
    if not _TRIAL_NAME_LEAST <= len(name) <= _TRIAL_NAME_MOST:
        raise InvalidRequestError(
            "name", f"must have {_TRIAL_NAME_LEAST} to {_TRIAL_NAME_MOST} characters"
        )
    openid = _matching(
        request, "openid", _OPENID, "must be the openid of the person, not a WeChat id"
    )
    return {"name": name, "openid": openid}


def _reuse(request: Mapping[str, Any]) -> dict[str, Any]:
    appid, copy = request.get("authorizer_appid"), request.get("copy_wx_verify")
    if not isinstance(appid, str) or not is_appid(appid):
        raise InvalidRequestError(
            "authorizer_appid", "must be an appid: 'wx' and 16 hexadecimal digits in lower case"
        )
    if not isinstance(copy, bool):
        raise InvalidRequestError("copy_wx_verify", "must be true or false")
    return {"authorizer_appid": appid, "copy_wx_verify": copy}


_READERS: Final[
    Mapping[str, tuple[frozenset[str], Callable[[Mapping[str, Any]], dict[str, Any]]]]
] = {
    "enterprise": (
        frozenset(
            {
                "name",
                "code",
                "code_type",
                "legal_persona_wechat",
                "legal_persona_name",
                "component_phone",
            }
        ),
        _enterprise,
    ),
    "personal": (frozenset({"idname", "wxuser", "component_phone"}), _personal),
    "trial": (frozenset({"name", "openid"}), _trial),
    "reuse": (
        frozenset(
            {"authorizer_appid", "copy_wx_verify", "return_url", "state", "ttl", "tenant_name"}
        ),
        _reuse,
    ),
}


def _text(request: Mapping[str, Any], name: str) -> str:
    value = short_text(request, name, _TEXT_LIMIT)
    if value is None or not value.strip():
        raise InvalidRequestError(name, "is missing")
    return value.strip()


def _matching(request: Mapping[str, Any], name: str, shape: re.Pattern[str], problem: str) -> str:
    value = request.get(name)
    if value is None:
        raise InvalidRequestError(name, "is missing")
    if not isinstance(value, str) or not shape.fullmatch(value):
        raise InvalidRequestError(name, problem)
    return value


def _phone(request: Mapping[str, Any]) -> dict[str, str]:
    if request.get("component_phone") is None:
        return {}
    phone = _matching(request, "component_phone", _PHONE, "must be a telephone number")
    return {"component_phone": phone}
