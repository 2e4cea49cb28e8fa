"""The pages a person sees: WeChat's authorisation pages and the sandbox's own management page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.wechat.authorise_links import PAGE_PATHS
from sandbox.wechat.authorise_pages import AuthorisePages
from sandbox.wechat.manage_pages import ManagePages
from sandbox.wechat.oauth_page import OAUTH_PAGE, open_oauth_page
from sandbox.wechat.register_pages import REGISTER_PATHS, RegisterPages
from sandbox.wechat.replies import Reply, WebRequest

if TYPE_CHECKING:
    from sandbox.wechat.desk import Desk

MANAGE_PREFIX: Final = "/manage/"


class Pages:
    """Routes a browser's request to the page it is for."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._authorise = AuthorisePages(desk)
        self._register = RegisterPages(desk)
        self._manage = ManagePages(desk)
        self.paths = PAGE_PATHS | REGISTER_PATHS

    def handle(self, request: WebRequest) -> Reply:
        """Answer a browser."""
        if request.path in PAGE_PATHS:
            return self._authorise.handle(request)
        if request.path in REGISTER_PATHS:
            return self._register.handle(request)
        if request.path == OAUTH_PAGE:
            return open_oauth_page(self._desk, request)
        if request.path == "/" or request.path.startswith(MANAGE_PREFIX):
            return self._manage.handle(request)
        return Reply.text(404, "There is nothing here. The sandbox's page is at /\n")
