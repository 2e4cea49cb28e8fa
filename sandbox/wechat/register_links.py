"""The link to the page on which an official account's administrator reuses its registration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from sandbox.wechat.authorise_links import check_places
from sandbox.wechat.merchants import LISTED_STATUSES, Merchant
from sandbox.wechat.state import RefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.wechat.desk import Desk

REUSE_PATH: Final = "/cgi-bin/fastregisterauth"


@dataclass(frozen=True, slots=True)
class ReuseRequest:
    """What the link asks for, after the checks."""

    account: Merchant
    copy_wx_verify: bool
    redirect_uri: str = field(repr=False)


def check_reuse_link(desk: Desk, query: Mapping[str, str], referer: str) -> ReuseRequest:
    """Check a link as the page does. Raises RefusalError with the text of the error page."""
    redirect_uri = check_places(desk.settings, query, referer)
    if query.get("copy_wx_verify") not in {"0", "1"}:
        raise RefusalError("invalid_copy_wx_verify", "copy_wx_verify 无效 (it is 0 or 1)")
    with desk.lock:
        link = desk.state.links.get(query.get("appid", ""))
    if link is None or link.merchant.kind != "oa":
        raise RefusalError("no_official_account", "appid 不是公众号 (appid is no official account)")
    if link.merchant.account_status not in LISTED_STATUSES:
        raise RefusalError("account_not_listed", "This account is closed, banned or frozen")
    return ReuseRequest(link.merchant, query["copy_wx_verify"] == "1", redirect_uri)


def with_ticket(redirect_uri: str, ticket: str) -> str:
    """Return where the browser is sent: ``ticket`` appended."""
    parts = urlsplit(redirect_uri)
    added = f"ticket={ticket}"
    query = f"{parts.query}&{added}" if parts.query else added
    return urlunsplit(parts._replace(query=query))


def reuse_query(link: str) -> dict[str, str]:
    """Return the query of such a link. Raises RefusalError for any other address."""
    parts = urlsplit(link)
    if parts.path != REUSE_PATH:
        raise RefusalError("not_a_link", "This is no address of the registration page")
    return dict(parse_qsl(parts.query, keep_blank_values=True))
