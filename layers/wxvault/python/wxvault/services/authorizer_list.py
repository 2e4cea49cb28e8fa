"""Reading WeChat's list of all authorizers, 500 at a time.

Page: openApi/authorization-management/api_getauthorizerlist.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wxvault.errors import WeChatRefusedError, WeChatUnknownError
from wxvault.protocol.return_codes import COMPONENT_TOKEN_REFUSED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wxvault.clock import Clock
    from wxvault.services.component import ComponentToken
    from wxvault.services.ports import AuthorizerPage, WeChat

_log = logging.getLogger(__name__)

PAGE = 500
"""So many are asked for at a time, always: WeChat refuses to give more at once (40170)."""

TRIES = 3
"""A page is read so often: to read it again changes nothing."""

_PAUSE_SECONDS = 1.0
_BUSY = -1


@dataclass(frozen=True, slots=True)
class AuthorizerList:
    """WeChat's list, as far as it was read."""

    refresh_tokens: Mapping[str, str | None] = field(repr=False)
    """By appid; None for one whose code was never exchanged."""
    complete: bool
    strange: int
    """Entries that could not be read."""
    calls: int
    """How often WeChat was asked."""


class ListReader:
    """Reads the whole list.

    Whoever cancels while it is read makes the rest move up, so that one may be missed, and whoever
    authorises may be seen twice: what follows from the list must be harmless then.
    """

    def __init__(
        self, component_appid: str, wechat: WeChat, component: ComponentToken, clock: Clock
    ) -> None:
        self._component_appid = component_appid
        self._wechat = wechat
        self._component = component
        self._clock = clock

    def read(self, until: float) -> AuthorizerList:
        """Read page after page, and begin none but the first after ``until``.

        Raises:
            WeChatRefusedError, WeChatUnknownError: a page could not be read; nothing is known then.
            NoTicketError, RenewalInProgressError, …: there is no component token.
        """
        found: dict[str, str | None] = {}
        offset = strange = calls = 0
        while True:
            page, asked = self._page(offset)
            calls += asked
            offset += page.received
            strange += page.strange
            before = len(found)
            for one in page.listed:
                # Somebody who is seen twice may have been given one in between.
                found[one.authorizer_appid] = one.refresh_token or found.get(one.authorizer_appid)
            total = page.total_count
            ended = page.received < PAGE if total is None else offset >= total
            # The same ones again, or nobody though there are more: it would go on for ever.
            stuck = not page.strange and len(found) == before
            if ended or stuck or self._clock.now() >= until:
                complete = ended if total is None else len(found) + strange >= total
                if not complete:
                    about = {"received": offset, "total": total}
                    _log.warning("wechat's list was not read to its end", extra=about)
                return AuthorizerList(found, complete, strange, calls)

    def _page(self, offset: int) -> tuple[AuthorizerPage, int]:
        for tries in range(1, TRIES + 1):
            try:
                page, asked = self._ask(offset)
            except (WeChatRefusedError, WeChatUnknownError) as error:
                if error.wechat_errcode not in (None, _BUSY) or tries == TRIES:
                    raise
                _log.warning("page not read", extra={"error": error.message, "offset": offset})
                self._clock.sleep(_PAUSE_SECONDS * tries)
            else:
                return page, tries - 1 + asked
        raise AssertionError

    def _ask(self, offset: int) -> tuple[AuthorizerPage, int]:
        appid, token = self._component_appid, self._component.get()
        try:
            return self._wechat.authorizer_list(appid, token, offset, PAGE), 1
        except WeChatRefusedError as refusal:
            if refusal.wechat_errcode not in COMPONENT_TOKEN_REFUSED:
                raise
        token = self._component.after_refusal(token)
        return self._wechat.authorizer_list(appid, token, offset, PAGE), 2
