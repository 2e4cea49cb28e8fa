"""What may be asked of a session: the fields of a request for a link, each checked and named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from wxvault.errors import InvalidRequestError
from wxvault.protocol.links import LinkOptions
from wxvault.services.onboarding_state import Session
from wxvault.services.return_urls import check_return_url

if TYPE_CHECKING:
    from collections.abc import Mapping

STYLES = ("auto", "pc", "h5", "h5_old", "plugin")
TTL_DEFAULT = 24 * 3600
TTL_LEAST = 15 * 60
TTL_MOST = 7 * 24 * 3600

_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TEXT_LIMIT = 128
STATE_LIMIT = 512
_FIELDS = frozenset(
    {
        "return_url",
        "state",
        "auth_type",
        "biz_appid",
        "category_id_list",
        "style",
        "tenant_name",
        "ttl",
    }
)


def read_request(
    tenant_id: object,
    request: Mapping[str, Any],
    *,
    session_sha256: str,
    now: float,
    return_urls: tuple[str, ...],
) -> Session:
    """Check a request for a link and return the session it asks for.

    Raises:
        InvalidRequestError: a field cannot be accepted; it is named.
    """
    tenant_id = check_tenant_id(tenant_id)
    for name in request:
        if name not in _FIELDS:
            raise InvalidRequestError(str(name)[:40], "is not a field of this request")
    style = request.get("style", "auto")
    if style not in STYLES:
        raise InvalidRequestError("style", f"must be one of {', '.join(STYLES)}")
    categories = request.get("category_id_list", ())
    if not isinstance(categories, list | tuple):
        raise InvalidRequestError("category_id_list", "must be a list of numbers")
    options = LinkOptions(
        auth_type=request.get("auth_type", 3),
        biz_appid=request.get("biz_appid"),
        category_id_list=tuple(categories),
    )
    if style == "plugin":
        options.require_plugin()
    return_url = request.get("return_url")
    return Session(
        session_sha256=session_sha256,
        tenant_id=tenant_id,
        created_at=now,
        expires_at=now + read_ttl(request),
        style=style,
        auth_type=options.auth_type,
        tenant_name=short_text(request, "tenant_name", _TEXT_LIMIT),
        biz_appid=options.biz_appid,
        category_id_list=options.category_id_list,
        return_url=None if return_url is None else check_return_url(return_url, return_urls),
        state=short_text(request, "state", STATE_LIMIT),
    )


def check_tenant_id(tenant_id: object) -> str:
    """Return a tenant's id, which is the platform's own word.

    Raises:
        InvalidRequestError: it has another form.
    """
    if not isinstance(tenant_id, str) or not _TENANT.fullmatch(tenant_id):
        raise InvalidRequestError(
            "tenant_id", "must be 1 to 64 letters, digits, dots, dashes or underscores"
        )
    return tenant_id


def read_ttl(request: Mapping[str, Any]) -> int:
    """Return for how many seconds a link may be used."""
    ttl = request.get("ttl", TTL_DEFAULT)
    if isinstance(ttl, bool) or not isinstance(ttl, int) or not TTL_LEAST <= ttl <= TTL_MOST:
        raise InvalidRequestError("ttl", f"must be {TTL_LEAST} to {TTL_MOST} seconds")
    return ttl


def short_text(request: Mapping[str, Any], name: str, limit: int) -> str | None:
    """Return a text of a request, None when it is absent."""
    value = request.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > limit or not value.isprintable():
        raise InvalidRequestError(name, f"must be text of at most {limit} printable characters")
    return value
