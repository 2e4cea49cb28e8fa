"""WeChat's OAuth page, without a page: a user who opens it agrees at once, and is sent back.

Whoever wants a user to refuse adds ``&sandbox_refuse=1`` to the link: then ``state`` alone comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from sandbox.wechat.logins import SCOPES
from sandbox.wechat.replies import Reply, WebRequest
from sandbox.wechat.return_codes import WeChatError

if TYPE_CHECKING:
    from sandbox.wechat.desk import Desk

OAUTH_PAGE: Final = "/connect/oauth2/authorize"
_LONGEST_STATE: Final = 128
_SETS: Final = frozenset({4})


def open_oauth_page(desk: Desk, request: WebRequest) -> Reply:
    """Send the browser back with a code; a link that is wrong gets an error page."""
    query = request.query
    target = urlsplit(query.get("redirect_uri", ""))
    problem = ""
    if target.scheme not in {"http", "https"} or not target.netloc:
        problem = "redirect_uri 参数错误 (10003)"
    elif query.get("scope") not in SCOPES:
        problem = "Scope 参数错误 (10005)"
    elif query.get("response_type") != "code":
        problem = "response_type 参数错误"
    elif len(query.get("state", "").encode()) > _LONGEST_STATE:
        problem = "state 参数过长"
    elif query.get("component_appid") != desk.settings.component_appid:
        problem = "component_appid 参数错误 (10012)"
    if problem:
        return Reply.text(400, f"{problem}\n")
    appid = query.get("appid", "")
    with desk.lock:
        try:
            link = desk.state.authorised_link(appid)
        except WeChatError:
            return Reply.text(400, "该公众号未授权第三方平台\n")
        if not _SETS & set(link.func_ids):
            return Reply.text(400, "该公众号没有授予网页服务权限集 (4)\n")
        back = {"state": query.get("state", "")}
        if not query.get("sandbox_refuse"):
            code = desk.logins.issue_code(appid, desk.clock.now(), scope=query["scope"])
            back = {"code": code, **back, "appid": appid}
    own = "&".join(filter(None, (target.query, urlencode(back))))
    return Reply.redirect(
        urlunsplit((target.scheme, target.netloc, target.path, own, target.fragment))
    )
