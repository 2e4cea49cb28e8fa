"""What the control API shows of this WeChat's memory: hashes and times, never a secret."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.wechat.desk import Desk
    from sandbox.wechat.links import Link
    from sandbox.wechat.tokens import TokenLine


def sha256(value: str) -> str:
    """Return the hexadecimal SHA-256 of a text; of an empty one, an empty text."""
    return hashlib.sha256(value.encode()).hexdigest() if value else ""


def line_view(desk: Desk, line: TokenLine) -> dict[str, Any] | None:
    """Return the current token of a line: its hash, its end, whether it is honoured."""
    token = line.current
    if token is None:
        return None
    return {
        "sha256": sha256(token.value),
        "issued_at": token.issued_at,
        "expires_at": token.expires_at,
        "verdict": token.verdict(desk.clock.now(), desk.settings.overlap).value,
    }


def issued_view(desk: Desk) -> list[dict[str, Any]]:
    """Return every access token that was ever issued: its hash, whose it is, what became of it."""
    with desk.lock:
        lines: list[tuple[str | None, TokenLine]] = [(None, desk.state.component.tokens)]
        lines += [(appid, link.tokens) for appid, link in desk.state.links.items()]
        return [
            {
                "authorizer_appid": appid,
                "sha256": sha256(token.value),
                "issued_at": token.issued_at,
                "expires_at": token.expires_at,
                "superseded_at": token.superseded_at,
                "revoked_at": token.revoked_at,
            }
            for appid, line in lines
            for token in line.all()
        ]


def link_view(desk: Desk, link: Link) -> dict[str, Any]:
    """Return an account and its authorisation. The caller holds the lock."""
    return {
        **link.merchant.to_json(),
        "authorised": link.authorised,
        "func_ids": list(link.func_ids),
        "auth_time": link.auth_time,
        "access_token": line_view(desk, link.tokens),
        "refresh_token_sha256": sha256(link.current_refresh_token),
    }


def overview(desk: Desk) -> dict[str, Any]:
    """Return everything about the component and the accounts."""
    with desk.lock:
        return {
            "now": desk.clock.now(),
            "component_appid": desk.settings.component_appid,
            "component_token": line_view(desk, desk.state.component.tokens),
            "tickets_stopped": desk.tickets.stopped,
            "merchants": [link_view(desk, link) for link in desk.state.links.values()],
        }
