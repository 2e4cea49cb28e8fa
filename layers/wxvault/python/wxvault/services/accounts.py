"""Knowing the merchants: lists, one account with its profile, and whose merchant it is.

Source: WeChat's page openApi/authorization-management/api_getauthorizerinfo.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wxvault.errors import (
    SealBrokenError,
    UnknownAuthorizerError,
    WeChatRefusedError,
    WxvaultError,
)
from wxvault.protocol.profiles import from_wechat
from wxvault.protocol.return_codes import COMPONENT_TOKEN_REFUSED, NOT_AUTHORIZED
from wxvault.services import account_rules
from wxvault.services.account_values import Assigned
from wxvault.services.patience import InTime
from wxvault.services.state import RENEWABLE, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from wxvault.services.account_ports import (
        Described,
        DescribingWeChat,
        Directory,
        Profiles,
    )
    from wxvault.services.account_values import Known
    from wxvault.services.component import ComponentToken
    from wxvault.services.selection import Selection
    from wxvault.services.state import TokenChange, TokenState
    from wxvault.services.tools import Tools

_log = logging.getLogger(__name__)

_TOLD_OF = (*RENEWABLE, Status.LOST)
"""WeChat may still tell of these; it has said 61003 of the others, or does not know them yet."""


@dataclass(frozen=True, slots=True)
class Account:
    """An authorizer, and what is known of it beside its tokens."""

    state: TokenState
    known: Known
    problem: WxvaultError | None = None
    """Why there is no profile, where WeChat was asked for one."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of one component's merchants."""

    tools: Tools
    directory: Directory
    profiles: Profiles
    wechat: DescribingWeChat
    component: ComponentToken

    def page(
        self, selection: Selection, *, limit: int, after: str | None
    ) -> tuple[tuple[Account, ...], str | None]:
        """Return a page of a list, and the appid after which it goes on (None: that was all)."""
        page = self.directory.page(selection, limit=limit, after=after)
        accounts = tuple(
            Account(state, self.profiles.get(state.authorizer_appid or "")) for state in page.states
        )
        return accounts, page.last

    def describe(self, authorizer_appid: str) -> Account:
        """Return one authorizer; its profile is asked of WeChat where none was ever told.

        What WeChat does not tell then is missing, and the answer says why: all else is known here.

        Raises:
            UnknownAuthorizerError: nobody knows it.
        """
        state = self._state(authorizer_appid)
        known = self.profiles.get(authorizer_appid)
        if known.profile is not None or state.status not in _TOLD_OF:
            return Account(state, known)
        try:
            return self.refresh(authorizer_appid)
        except WxvaultError as error:
            _log.warning(
                "profile not read",
                extra={"authorizer_appid": authorizer_appid, "error": error.message},
            )
            return Account(self._state(authorizer_appid), known, error)

    def refresh(self, authorizer_appid: str) -> Account:
        """Ask WeChat for the profile and the permission sets, and keep both.

        Tokens are never written here. Where WeChat says that it is not authorised, or knows another
        refresh token than the one that stands here, it is asked again under the lease.

        Raises:
            UnknownAuthorizerError: nobody knows it.
            WeChatRefusedError, WeChatUnknownError: WeChat told nothing; nothing was changed, but
                that 61003 is looked into.
            NoTicketError, RenewalInProgressError, RenewalFailingError, SealBrokenError: there is no
                component token, or there was none in time.
        """
        before = self._state(authorizer_appid)
        try:
            told = self._ask(authorizer_appid)
        except WeChatRefusedError as refusal:
            self.tools.log_refusal(authorizer_appid, refusal)
            if refusal.wechat_errcode in NOT_AUTHORIZED:
                self._suspect(authorizer_appid, generation=None)
            raise
        now = self.tools.clock.now()
        self.profiles.save(authorizer_appid, from_wechat(told.profile), told.func_info, now=now)
        self._compare(before, told.refresh_token)
        state = self.tools.tokens.get(authorizer_appid)
        if state is None:
            # Forgotten meanwhile: then nothing of it stays.
            self.profiles.forget(authorizer_appid)
            raise _unknown(authorizer_appid)
        return Account(state, self.profiles.get(authorizer_appid))

    def assign(self, authorizer_appid: str, tenant_id: str | None) -> Assigned:
        """Give an authorizer to a tenant, or (None) to nobody; the same again changes nothing.

        Raises:
            UnknownAuthorizerError: nobody knows it.
            BusyError: it changed again and again; nothing was written.
        """
        seen: list[str | None] = []

        def decide(state: TokenState | None) -> TokenChange | None:
            if state is None:
                raise _unknown(authorizer_appid)
            seen.append(state.tenant_id)
            return account_rules.assigned(state, tenant_id)

        settled = self.tools.tokens.amend(authorizer_appid, decide)
        self.tools.events.tell(settled)
        before = seen[-1]
        return Assigned(authorizer_appid, tenant_id, before, changed=before != tenant_id)

    def leave(self, authorizer_appid: str, tenant_id: str) -> bool:
        """Take an authorizer from this tenant, if it has it still; it belongs to nobody then.

        Raises:
            BusyError: it changed again and again; nothing was written.
        """

        def decide(state: TokenState | None) -> TokenChange | None:
            if state is None or state.tenant_id != tenant_id:
                return None
            return account_rules.assigned(state, None)

        settled = self.tools.tokens.amend(authorizer_appid, decide)
        self.tools.events.tell(settled)
        return settled is not None

    # --- inside ----------------------------------------------------------------------------------

    def _state(self, authorizer_appid: str) -> TokenState:
        state = self.tools.tokens.get(authorizer_appid)
        if state is None:
            raise _unknown(authorizer_appid)
        return state

    def _ask(self, authorizer_appid: str) -> Described:
        def ask(token: str) -> Described:
            return self.wechat.authorizer_info(self.tools.component_appid, token, authorizer_appid)

        return with_component_token(self.component, ask, InTime.from_now(self.tools.clock))

    def _compare(self, before: TokenState, told: str | None) -> None:
        """Have WeChat asked under the lease if it knows another refresh token than we do."""
        if told is None or before.authorizer_appid is None:
            return
        try:
            ours = self.tools.tokens.refresh_token(before)
        except SealBrokenError:
            ours = None
        if told != ours:
            self._suspect(before.authorizer_appid, generation=before.generation)

    def _suspect(self, authorizer_appid: str, *, generation: int | None) -> None:
        now = self.tools.clock.now()
        self.tools.tokens.amend(
            authorizer_appid,
            lambda state: account_rules.suspected(state, now, generation=generation),
        )


def with_component_token[T](
    component: ComponentToken, call: Callable[[str], T], in_time: InTime
) -> T:
    """Call WeChat with the component token; once more with another one if that was refused."""
    token = component.get(until=in_time.last_start)
    in_time.require()
    try:
        return call(token)
    except WeChatRefusedError as refusal:
        if refusal.wechat_errcode not in COMPONENT_TOKEN_REFUSED:
            raise
        other = component.after_refusal(token, until=in_time.last_start)
        if other == token:
            raise
    in_time.require()
    return call(other)


def _unknown(authorizer_appid: str) -> UnknownAuthorizerError:
    return UnknownAuthorizerError(f"{authorizer_appid} is not known here")
