"""WeChat's authorisation pages for PC and phone: choose an account, tick sets, confirm.

GET checks the link and shows the form; POST (of a visit, never of a code) confirms and redirects.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sandbox.wechat.authorise_html import Choice, ChoicePage, choice_page, refusal_page
from sandbox.wechat.authorise_links import AuthorisationRequest, check_link, redirect_url
from sandbox.wechat.replies import Reply, WebRequest
from sandbox.wechat.state import RefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.wechat.desk import Desk, PushMode
    from sandbox.wechat.merchants import Merchant
    from sandbox.wechat.settings import PushOrder

_VISITS_KEPT: Final = 1000
_MODES: Final[Mapping[PushOrder, PushMode]] = {
    "concurrent": "now",
    "push_first": "first",
    "redirect_first": "hold",
}


class AuthorisePages:
    """The visits to the authorisation pages and what they end in."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = Lock()
        self._visits: dict[str, AuthorisationRequest] = {}

    def handle(self, request: WebRequest) -> Reply:
        """Answer a browser at one of the three addresses."""
        nonce = self._desk.minter.visit()
        if request.method not in {"GET", "POST"}:
            return Reply.text(405, "GET or POST\n")
        try:
            shown = request.method == "GET"
            reply = self._show(request, nonce) if shown else self._confirm(request)
        except RefusalError as error:
            self._log(request, error.code)
            return Reply.html(200, refusal_page(error.code, error.message, nonce), nonce)
        self._log(request, "shown" if shown else "redirected")
        return reply

    def _log(self, request: WebRequest, outcome: str) -> None:
        self._desk.log.add("page", method=request.method, path=request.path, outcome=outcome)

    def _show(self, request: WebRequest, nonce: str) -> Reply:
        asked = check_link(self._desk, request.query, request.headers.get("referer", ""))
        if not asked.candidates:
            raise RefusalError("no_account", "没有可授权的账号 (no account is available)")
        visit = self._desk.minter.visit()
        with self._lock:
            self._visits[visit] = asked
            while len(self._visits) > _VISITS_KEPT:
                self._visits.pop(next(iter(self._visits)))
        with self._desk.lock:
            choices = tuple(self._choice(merchant, asked) for merchant in asked.candidates)
        parts = urlsplit(asked.redirect_uri)
        page = ChoicePage(
            visit=visit,
            action=request.path,
            component_appid=self._desk.settings.component_appid,
            returns_to=f"{parts.scheme}://{parts.netloc}",
            choices=choices,
        )
        return Reply.html(200, choice_page(page, nonce), nonce)

    def _choice(self, merchant: Merchant, asked: AuthorisationRequest) -> Choice:
        link = self._desk.state.link(merchant.appid)
        offered = self._desk.state.offered_sets(merchant, asked.categories)
        return Choice(merchant, offered, link.func_ids if link.authorised else None)

    def _confirm(self, request: WebRequest) -> Reply:
        form = request.form()
        with self._lock:
            asked = self._visits.get("".join(form.get("visit", [])))
        appid = "".join(form.get("authorizer_appid", []))
        if asked is None or all(merchant.appid != appid for merchant in asked.candidates):
            raise RefusalError("unknown_visit", "页面已过期 (this page has expired, start again)")
        with self._desk.lock:
            link = self._desk.state.link(appid)
            offered = self._desk.state.offered_sets(link.merchant, asked.categories)
        ticked = {int(text) for text in form.get(f"set-{appid}", []) if text.isdecimal()}
        func_ids = [number for number in offered if number in ticked]
        if not func_ids:
            raise RefusalError("nothing_ticked", "请至少选择一个权限集 (tick at least one)")
        done = self._desk.confirm(
            appid,
            func_ids,
            pre_auth_code=asked.pre_auth_code,
            mode=_MODES[self._desk.settings.push_order],
        )
        granted = done.confirmation.code
        expires_in = int(granted.expires_at - done.confirmation.created_at)
        return Reply.redirect(
            redirect_url(self._desk.settings, asked.redirect_uri, granted.value, expires_in)
        )
