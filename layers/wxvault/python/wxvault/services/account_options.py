"""Reading and setting the three options of an account: by WeChat's current paths, else the old.

The current paths take the authorizer's token; what they are told beside it (both appids) makes the
answer the same whichever of WeChat's pages is right about them. Where they go on refusing that
token, or are not there, the old paths are asked with the component token.
Pages: openApi/authorization-management/api_getauthorizeroptioninfo, api_setauthorizeroptioninfo.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from wxvault.errors import WeChatRefusedError
from wxvault.protocol.account_options import OPTIONS, check_name, check_value
from wxvault.protocol.return_codes import AUTHORIZER_TOKEN_REFUSED, PATH_REFUSED
from wxvault.services.accounts import with_component_token
from wxvault.services.patience import InTime

if TYPE_CHECKING:
    from collections.abc import Callable

    from wxvault.services.component import ComponentToken
    from wxvault.services.lookup import Lookup
    from wxvault.services.tools import Tools


class OptionsWeChat(Protocol):
    """WeChat's paths for options: as :class:`wxvault.services.ports.WeChat`."""

    def option(
        self, component_appid: str, access_token: str, authorizer_appid: str, name: str, /
    ) -> str:
        """Read an option with the authorizer's token."""

    def set_option(
        self,
        component_appid: str,
        access_token: str,
        authorizer_appid: str,
        name: str,
        value: str,
        /,
    ) -> None:
        """Set an option with the authorizer's token."""

    def old_option(
        self, component_appid: str, component_token: str, authorizer_appid: str, name: str, /
    ) -> str:
        """Read an option with the component token."""

    def set_old_option(
        self,
        component_appid: str,
        component_token: str,
        authorizer_appid: str,
        name: str,
        value: str,
        /,
    ) -> None:
        """Set an option with the component token."""


class Way(StrEnum):
    """By which of WeChat's paths it went."""

    CURRENT = "current"
    OLD = "old"


@dataclass(frozen=True, slots=True)
class Option:
    """An option as it is now."""

    name: str
    value: str
    way: Way


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a component's authorizers."""

    tools: Tools
    lookup: Lookup
    wechat: OptionsWeChat
    component: ComponentToken

    def get(self, authorizer_appid: str, name: str | None = None) -> tuple[Option, ...]:
        """Read one option, or (None) all three.

        Raises:
            InvalidRequestError: there is no such option; WeChat was not asked.
            WeChatRefusedError, WeChatUnknownError: WeChat did not tell.
            UnknownAuthorizerError and whatever else :meth:`Lookup.find` raises: there is no token.
        """
        names = tuple(OPTIONS) if name is None else (check_name(name),)
        in_time = InTime.from_now(self.tools.clock)
        return tuple(self._get(authorizer_appid, one, in_time) for one in names)

    def set(self, authorizer_appid: str, name: object, value: object) -> Option:
        """Set an option; the merchant must have granted the permission set that covers it.

        Raises:
            InvalidRequestError: there is no such option, or it has no such value; WeChat was not
                asked.
            WeChatRefusedError: WeChat refused: nothing was changed.
            WeChatUnknownError: WeChat did not answer; set it again, that does no harm.
            UnknownAuthorizerError and whatever else :meth:`Lookup.find` raises: there is no token.
        """
        known = check_name(name)
        checked = check_value(known, value)
        ours = self.tools.component_appid

        def current(token: str) -> None:
            self.wechat.set_option(ours, token, authorizer_appid, known, checked)

        def old(token: str) -> None:
            self.wechat.set_old_option(ours, token, authorizer_appid, known, checked)

        _, way = self._either(authorizer_appid, current, old, InTime.from_now(self.tools.clock))
        return Option(known, checked, way)

    def _get(self, authorizer_appid: str, name: str, in_time: InTime) -> Option:
        ours = self.tools.component_appid
        value, way = self._either(
            authorizer_appid,
            lambda token: self.wechat.option(ours, token, authorizer_appid, name),
            lambda token: self.wechat.old_option(ours, token, authorizer_appid, name),
            in_time,
        )
        return Option(name, value, way)

    def _either[T](
        self,
        authorizer_appid: str,
        current: Callable[[str], T],
        old: Callable[[str], T],
        in_time: InTime,
    ) -> tuple[T, Way]:
        try:
            return self._with_own_token(authorizer_appid, current, in_time), Way.CURRENT
        except WeChatRefusedError as refusal:
            if refusal.wechat_errcode not in AUTHORIZER_TOKEN_REFUSED | PATH_REFUSED:
                raise
            self.tools.log_refusal(authorizer_appid, refusal)
        return with_component_token(self.component, old, in_time), Way.OLD

    def _with_own_token[T](
        self, authorizer_appid: str, call: Callable[[str], T], in_time: InTime
    ) -> T:
        """Call WeChat with the authorizer's token; once more if it was refused and is renewed."""
        find, until = self.lookup.find, in_time.last_start
        token = find(authorizer_appid, until=until).access_token
        in_time.require()
        try:
            return call(token)
        except WeChatRefusedError as refusal:
            if refusal.wechat_errcode not in AUTHORIZER_TOKEN_REFUSED:
                raise
            other = find(authorizer_appid, rejected_token=token, until=until).access_token
            if other == token:
                raise
        in_time.require()
        return call(other)
