"""Forgetting merchants who are gone: one authorizer, or all that a tenant has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wxvault.errors import NotForgettableError, UnknownAuthorizerError
from wxvault.services import account_rules
from wxvault.services.account_values import TenantForgotten
from wxvault.services.selection import Selection
from wxvault.services.state import RENEWABLE, Status

if TYPE_CHECKING:
    from wxvault.services.account_ports import (
        Directory,
        ForgettingTokens,
        OpenCodes,
        Profiles,
    )
    from wxvault.services.accounts import Accounts
    from wxvault.services.state import TokenState
    from wxvault.services.tools import Tools

_WORK_SECONDS = 15.0
"""After so long a tenant's rest is left to the next request; an answer has to be given in time."""
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Forgets authorizers that are not active any more."""

    tools: Tools
    tokens: ForgettingTokens
    directory: Directory
    profiles: Profiles
    codes: OpenCodes
    accounts: Accounts

    def forget(self, authorizer_appid: str, *, tenant_id: str | None = None) -> TokenState:
        """Delete all that is known of an authorizer; a grant that arrives meanwhile wins.

        ``tenant_id``: only while it belongs to this one. Returns it as it was.

        Raises:
            UnknownAuthorizerError: nobody knows it.
            NotForgettableError: it is active, or may become so; nothing was changed.
            BusyError: it changed again and again; nothing was written.
        """

        def agree(state: TokenState) -> None:
            if tenant_id is not None and state.tenant_id != tenant_id:
                message = f"{authorizer_appid} belongs to another tenant by now"
                raise UnknownAuthorizerError(message)
            # Only a pending one is kept by its code: whoever is gone comes back by any new one.
            pending = state.status is Status.PENDING
            code_open = pending and self.codes.has_open(authorizer_appid)
            account_rules.agree_to_forget(state, self.tools.clock.now(), code_open=code_open)

        also = [self.profiles.deletion(authorizer_appid)]
        state = self.tokens.forget(authorizer_appid, agree, also=also)
        if state is None:
            message = f"{authorizer_appid} is not known here"
            raise UnknownAuthorizerError(message)
        return state

    def forget_tenant(self, tenant_id: str) -> TenantForgotten:
        """Forget a tenant's authorizers; active ones are kept, and belong to nobody afterwards.

        Whatever is not done when the time is over, or cannot be done yet, is done when it is asked
        for again: what was done already is simply not there any more.
        """
        ends = self.tools.clock.now() + _WORK_SECONDS
        done = _Done()
        after: str | None = None
        while True:
            page = self.directory.page(Selection(tenant_id=tenant_id), limit=_AT_ONCE, after=after)
            for state in page.states:
                if self.tools.clock.now() >= ends:
                    return done.so_far(tenant_id, all_seen=False)
                self._let_go(state, tenant_id, done)
            after = page.last
            if after is None:
                return done.so_far(tenant_id, all_seen=True)

    def _let_go(self, state: TokenState, tenant_id: str, done: _Done) -> None:
        appid = state.authorizer_appid or ""
        if state.status not in RENEWABLE:
            try:
                self.forget(appid, tenant_id=tenant_id)
            except UnknownAuthorizerError:
                # Gone, or somebody else's: no business of this tenant's any more.
                return
            except NotForgettableError as refusal:
                if refusal.passing:
                    done.waiting.append(appid)
                    return
                # It has become active since the page was read.
            else:
                done.forgotten.append(appid)
                return
        if self.accounts.leave(appid, tenant_id):
            done.unassigned.append(appid)


class _Done:
    """What has become of a tenant's authorizers up to now."""

    def __init__(self) -> None:
        self.forgotten: list[str] = []
        self.unassigned: list[str] = []
        self.waiting: list[str] = []

    def so_far(self, tenant_id: str, *, all_seen: bool) -> TenantForgotten:
        return TenantForgotten(
            tenant_id,
            tuple(self.forgotten),
            tuple(self.unassigned),
            tuple(self.waiting),
            done=all_seen and not self.waiting,
        )
