"""Whose merchant: the push decides, else the browser that shows the launch page's cookie.

A push decides by its PreAuthCode, or, as the result of a registration, by the application it
repeats.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wxvault.services.state import Event, Status, TokenChange, TokenState, unchanged

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

        told = binding is not None and binding.tenant_id == code.tenant_id

        def decide(state: TokenState | None) -> TokenChange | None:
            return None if state is None else _late(state, binding, wrong=wrong, told=told)

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


def _late(
    state: TokenState, binding: Binding | None, *, wrong: str | None, told: bool
) -> TokenChange | None:
    """What became known after the exchange; None: it changes nothing.

    ``wrong``: the tenant whom only a browser named. ``told``: this code's conflict was told before.
    """
    change = unchanged(state)
    if wrong is not None and state.tenant_by_redirect and state.tenant_id == wrong:
        change = replace(change, tenant_id=None, tenant_by_redirect=False)
    if binding is not None:
        change = bound(replace(state, tenant_id=change.tenant_id), change, binding)
    # A conflict is told once for each code.
    conflicts = () if told else _named(change, "tenant_conflict")
    change = replace(change, events=(*_moved(state, change), *conflicts))
    return None if change == unchanged(state) else change


def bound(state: TokenState, change: TokenChange, binding: Binding | None) -> TokenChange:
    """Add the tenant to a change: an authorizer that belongs to one never moves by itself."""
    if binding is None or state.tenant_id == binding.tenant_id:
        sure = binding is not None and not binding.by_redirect
        return replace(change, tenant_by_redirect=state.tenant_by_redirect and not sure)
    free = state.tenant_id is None or (state.tenant_by_redirect and not binding.by_redirect)
    if free:
        change = replace(
            change, tenant_id=binding.tenant_id, tenant_by_redirect=binding.by_redirect
        )
        # Who was nobody's is told of as this tenant's by what else is told.
        told = () if state.tenant_id is None else _moved(state, change)
        return replace(change, events=(*told, *change.events))
    conflict = Event("tenant_conflict", {"claimed_by_tenant_id": binding.tenant_id})
    return replace(change, events=(*change.events, conflict))


def assignment(from_tenant_id: str | None, to_tenant_id: str | None) -> Event:
    """Return what is told when an authorizer belongs to somebody else than was told before."""
    return Event("assigned", {"from_tenant_id": from_tenant_id, "to_tenant_id": to_tenant_id})


def _named(change: TokenChange, detail_type: str) -> tuple[Event, ...]:
    return tuple(event for event in change.events if event.detail_type == detail_type)


def _moved(state: TokenState, change: TokenChange) -> tuple[Event, ...]:
    # Of who is pending nothing was told yet, so nobody has to be told otherwise.
    if change.tenant_id == state.tenant_id or state.status is Status.PENDING:
        return ()
    return (assignment(state.tenant_id, change.tenant_id),)
