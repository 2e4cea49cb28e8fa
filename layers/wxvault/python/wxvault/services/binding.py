"""Whose merchant: the push decides, else the browser that shows the launch page's cookie.

A push decides by its PreAuthCode, or, as the result of a registration, by the application it
repeats.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wxvault.services.state import Event, TokenChange, TokenState, unchanged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wxvault.services.exchange_ports import SessionItems
    from wxvault.services.onboarding_state import Code
    from wxvault.services.tools import Tools


@dataclass(frozen=True, slots=True)
class Binding:
    """To whom a code's authorizer belongs, and how sure that is."""

    tenant_id: str
    session_sha256: str
    by_redirect: bool
    """Only the browser said so; a push may say otherwise."""


class Bindings:
    """Finds out to whom authorizers belong."""

    def __init__(self, tools: Tools, sessions: SessionItems) -> None:
        self._tools = tools
        self._sessions = sessions

    def of(self, code: Code) -> Binding | None:
        """Tell whose merchant a code's authorizer is; None: nobody can tell, so nobody's."""
        now = self._tools.clock.now()
        if code.pre_auth_sha256 is not None:
            minted = self._sessions.minted_by(code.pre_auth_sha256, now=now)
            if minted is not None:
                return Binding(minted.tenant_id, minted.session_sha256, by_redirect=False)
        if code.registration_sha256 is not None:
            # As sure as a PreAuthCode: WeChat itself says which application brought this code.
            applied = self._sessions.applied_by(code.registration_sha256, now=now)
            if applied is not None:
                return Binding(applied.tenant_id, applied.session_sha256, by_redirect=False)
        if code.pre_auth_sha256 is not None or code.registration_sha256 is not None:
            return None
        if code.session_sha256 is None or code.create_time is not None:
            # A push without PreAuthCode came from no link of ours, whatever a browser says.
            return None
        session = self._sessions.get(code.session_sha256)
        if session is None:
            return None
        return Binding(session.tenant_id, code.session_sha256, by_redirect=True)

    def bind_late(self, code: Code, binding: Binding | None, also: Sequence[Any]) -> None:
        """Let what became known of a code after its exchange decide whose merchant this is.

        ``also``: the write by which the code remembers who was named. It stands or falls with the
        change of the authorizer, so that a crash afterwards does not have a conflict told twice.
        """
        appid = code.outcome_appid
        if appid is None:
            return
        wrong = self._disproved(code, binding)

        def decide(state: TokenState | None) -> TokenChange | None:
            if state is None:
                return None
            change = unchanged(state)
            if wrong is not None and state.tenant_by_redirect and state.tenant_id == wrong:
                change = replace(change, tenant_id=None, tenant_by_redirect=False)
            if binding is not None:
                change = bound(replace(state, tenant_id=change.tenant_id), change, binding)
            told = binding is not None and binding.tenant_id == code.tenant_id
            if told and change.events:
                # A conflict is told once for each code.
                change = replace(change, events=())
            return None if change == unchanged(state) else change

        self._tools.events.tell(self._tools.tokens.amend(appid, decide, also=also))
        if binding is not None:
            self.note(binding, appid)
        if wrong is not None and code.session_sha256 is not None:
            state = self._tools.tokens.get(appid)
            if state is None or state.tenant_id != wrong:
                self._sessions.drop_authorizer(code.session_sha256, appid)

    def _disproved(self, code: Code, binding: Binding | None) -> str | None:
        """Return the tenant whom only a browser named, where a push names another one or nobody."""
        if code.session_sha256 is None or code.create_time is None:
            return None
        if binding is not None and binding.session_sha256 == code.session_sha256:
            return None
        session = self._sessions.get(code.session_sha256)
        if session is None or (binding is not None and binding.tenant_id == session.tenant_id):
            return None
        return session.tenant_id

    def note(self, binding: Binding, appid: str) -> None:
        """Note in its session that an authorizer came, if it belongs to the session's tenant."""
        state = self._tools.tokens.get(appid)
        if state is not None and state.tenant_id == binding.tenant_id:
            self._sessions.add_authorizer(binding.session_sha256, appid)


def bound(state: TokenState, change: TokenChange, binding: Binding | None) -> TokenChange:
    """Add the tenant to a change: an authorizer that belongs to one never moves by itself."""
    if binding is None or state.tenant_id == binding.tenant_id:
        sure = binding is not None and not binding.by_redirect
        return replace(change, tenant_by_redirect=state.tenant_by_redirect and not sure)
    free = state.tenant_id is None or (state.tenant_by_redirect and not binding.by_redirect)
    if free:
        return replace(change, tenant_id=binding.tenant_id, tenant_by_redirect=binding.by_redirect)
    conflict = Event("tenant_conflict", {"claimed_by_tenant_id": binding.tenant_id})
    return replace(change, events=(*change.events, conflict))
