"""The sandbox's own page at ``/``: look at this WeChat, and be its merchants, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sandbox.wechat.authorise_html import refusal_page
from sandbox.wechat.by_hand import expire
from sandbox.wechat.manage_html import manage_page
from sandbox.wechat.replies import Reply, WebRequest
from sandbox.wechat.state import RefusalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.wechat.desk import Desk

_NOT_CONFIRMED: Final = 100003
_SAME_SITE: Final = frozenset({"same-origin", "none"})


class ManagePages:
    """Shows the page and does what its buttons say."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._actions: Mapping[str, Callable[[dict[str, list[str]]], object]] = {
            "/manage/authorise": self._authorise,
            "/manage/cancel": lambda form: desk.cancel(_one(form, "authorizer_appid")),
            "/manage/expire": self._expire,
            "/manage/ticket": lambda _: desk.push_ticket(),
            "/manage/release": lambda form: desk.pushes.release(_one(form, "push_id")),
            "/manage/resend": lambda form: desk.pushes.resend(_one(form, "push_id")),
            "/manage/register": self._register,
        }

    def handle(self, request: WebRequest) -> Reply:
        """Answer a browser."""
        nonce = self._desk.minter.visit()
        if request.path == "/":
            return Reply.html(200, manage_page(self._desk, nonce), nonce)
        action = self._actions.get(request.path)
        if action is None:
            return Reply.text(404, "There is nothing here. The sandbox's page is at /\n")
        if request.method != "POST":
            return Reply.see_other("/")
        if not _from_here(request):
            return Reply.text(403, "This form was sent from another site.\n")
        form = request.form()
        try:
            action(form)
        except RefusalError as error:
            return Reply.html(409, refusal_page(error.code, error.message, nonce), nonce)
        anchor = _one(form, "authorizer_appid")
        return Reply.see_other(f"/#{anchor}" if anchor.isalnum() else "/")

    def _authorise(self, form: dict[str, list[str]]) -> None:
        """Authorise or change the sets: from WeChat's console, so to say, without a link."""
        ticked = [int(text) for text in form.get("set", []) if text.isdecimal()]
        if not ticked:
            raise RefusalError("nothing_ticked", "请至少选择一个权限集 (tick at least one)")
        self._desk.confirm(_one(form, "authorizer_appid"), ticked)

    def _register(self, form: dict[str, list[str]]) -> None:
        """Confirm or fail an application."""
        with self._desk.lock:
            application = self._desk.state.registrations.get(_one(form, "task_id"))
        if application is None or not application.is_open:
            raise RefusalError("unknown_application", "已处理 (this has been dealt with)")
        failed = bool(_one(form, "refuse"))
        self._desk.finish_registration(
            application,
            status=_NOT_CONFIRMED if failed else 0,
            message="not confirmed" if failed else "OK",
        )

    def _expire(self, form: dict[str, list[str]]) -> None:
        with self._desk.lock:
            expire(self._desk.state, _one(form, "authorizer_appid"), _one(form, "kind"))


def _one(form: dict[str, list[str]], name: str) -> str:
    return "".join(form.get(name, [])[:1])


def _from_here(request: WebRequest) -> bool:
    """Return whether a form was sent by the sandbox's own page, as far as a browser says."""
    if request.headers.get("sec-fetch-site", "none") not in _SAME_SITE:
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")
