"""The pages on which persons confirm registrations: the account's administrator, and applicants."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

from sandbox.wechat.authorise_html import refusal_page
from sandbox.wechat.register_html import applicant_page, ended_page, reuse_page
from sandbox.wechat.register_links import (
    REUSE_PATH,
    ReuseRequest,
    check_reuse_link,
    with_ticket,
)
from sandbox.wechat.registration_api import CONFIRM_PATH
from sandbox.wechat.replies import Reply, WebRequest
from sandbox.wechat.state import RefusalError

if TYPE_CHECKING:
    from sandbox.wechat.desk import Desk
    from sandbox.wechat.registrations import Application

REGISTER_PATHS: Final = frozenset({REUSE_PATH, CONFIRM_PATH})
_VISITS_KEPT: Final = 1000
_REFUSED: Final = 100003


class RegisterPages:
    """The visits to these pages and what they end in."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = Lock()
        self._visits: dict[str, ReuseRequest] = {}

    def handle(self, request: WebRequest) -> Reply:
        """Answer a browser at one of the addresses."""
        nonce = self._desk.minter.visit()
        if request.method not in {"GET", "POST"}:
            return Reply.text(405, "GET or POST\n")
        answer = self._reuse if request.path == REUSE_PATH else self._applicant
        try:
            reply = answer(request, nonce)
        except RefusalError as error:
            self._log(request, error.code)
            return Reply.html(200, refusal_page(error.code, error.message, nonce), nonce)
        self._log(request, "shown" if request.method == "GET" else "confirmed")
        return reply

    def _log(self, request: WebRequest, outcome: str) -> None:
        self._desk.log.add("page", method=request.method, path=request.path, outcome=outcome)

    def _reuse(self, request: WebRequest, nonce: str) -> Reply:
        desk = self._desk
        if request.method == "GET":
            asked = check_reuse_link(desk, request.query, request.headers.get("referer", ""))
            visit = desk.minter.visit()
            with self._lock:
                self._visits[visit] = asked
                while len(self._visits) > _VISITS_KEPT:
                    self._visits.pop(next(iter(self._visits)))
            return Reply.html(200, reuse_page(asked, visit, desk.settings, nonce), nonce)
        with self._lock:
            asked_before = self._visits.pop("".join(request.form().get("visit", [])), None)
        if asked_before is None:
            raise RefusalError("unknown_visit", "页面已过期 (this page has expired, start again)")
        return Reply.redirect(with_ticket(asked_before.redirect_uri, desk.reuse(asked_before)))

    def _applicant(self, request: WebRequest, nonce: str) -> Reply:
        desk = self._desk
        form = request.form() if request.method == "POST" else {}
        token = "".join(form.get("create_token", [])) or request.query.get("create_token", "")
        application = self._application(token)
        if request.method == "GET":
            return Reply.html(200, applicant_page(application, desk.settings, nonce), nonce)
        agreed = "refuse" not in form
        desk.finish_registration(
            application,
            status=0 if agreed else _REFUSED,
            message="OK" if agreed else "not confirmed",
        )
        return Reply.html(200, ended_page(nonce, agreed=agreed), nonce)

    def _application(self, token: str) -> Application:
        with self._desk.lock:
            application = self._desk.state.registrations.get(token)
        if application is None or not application.is_open:
            raise RefusalError(
                "unknown_application", "链接已失效 (this link is not valid any more)"
            )
        return application
