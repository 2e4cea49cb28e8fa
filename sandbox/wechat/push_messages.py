"""The plain XML of what WeChat pushes to the authorisation event URL."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.wechat.state import Confirmation


Shape = Literal["old", "new"]


def _cdata(value: object) -> str:
    text = str(value).replace("]]>", "]]]]><![CDATA[>")
    return f"<![CDATA[{text}]]>"


def _document(appid: str, created_at: float, info_type: str, lines: Iterable[str]) -> str:
    head = [
        "<xml>",
        f"<AppId>{_cdata(appid)}</AppId>",
        f"<CreateTime>{int(created_at)}</CreateTime>",
        f"<InfoType>{_cdata(info_type)}</InfoType>",
    ]
    return "\n".join([*head, *lines, "</xml>", ""])


def ticket_xml(appid: str, created_at: float, ticket: str) -> str:
    """Return a ``component_verify_ticket`` push."""
    line = f"<ComponentVerifyTicket>{_cdata(ticket)}</ComponentVerifyTicket>"
    return _document(appid, created_at, "component_verify_ticket", [line])


def confirmation_xml(appid: str, confirmation: Confirmation) -> str:
    """Return an ``authorized`` or ``updateauthorized`` push; ``PreAuthCode`` only from a link."""
    expires = int(confirmation.code.expires_at)
    lines = [
        f"<AuthorizerAppid>{_cdata(confirmation.authorizer_appid)}</AuthorizerAppid>",
        f"<AuthorizationCode>{_cdata(confirmation.code.value)}</AuthorizationCode>",
        f"<AuthorizationCodeExpiredTime>{expires}</AuthorizationCodeExpiredTime>",
    ]
    if confirmation.pre_auth_code:
        lines.append(f"<PreAuthCode>{_cdata(confirmation.pre_auth_code)}</PreAuthCode>")
    return _document(appid, confirmation.created_at, confirmation.change, lines)


def cancellation_xml(appid: str, created_at: float, authorizer_appid: str) -> str:
    """Return an ``unauthorized`` push."""
    line = f"<AuthorizerAppid>{_cdata(authorizer_appid)}</AuthorizerAppid>"
    return _document(appid, created_at, "unauthorized", [line])


def registration_xml(  # noqa: PLR0913 - the fields of the message
    appid: str,
    created_at: float,
    *,
    info_type: str,
    status: int,
    message: str,
    registered_appid: str,
    auth_code: str,
    info: Mapping[str, Any],
    shape: Shape = "old",
) -> str:
    """Return the result of a fast registration; a failed one has neither appid nor code.

    ``shape``: "old" as in the documents; "new" as it was seen in 2024, everything in CDATA and in
    another order.
    """
    old = shape == "old"
    plain = {"appid", "status", "auth_code", "msg", "code_type"} if old else set[str]()

    def line(name: str, value: object) -> str:
        return f"<{name}>{escape(str(value)) if name in plain else _cdata(value)}</{name}>"

    told = {"status": str(status), "msg": message}
    if registered_appid:
        told["appid"] = registered_appid
    if auth_code:
        told["auth_code"] = auth_code
    order = (
        ("appid", "status", "auth_code", "msg") if old else ("status", "msg", "appid", "auth_code")
    )
    lines = [line(name, told[name]) for name in order if name in told]
    lines += ["<info>", *(line(name, value) for name, value in info.items()), "</info>"]
    return _document(appid, created_at, info_type, lines)
