"""The component's side of WeChat's memory: tickets, component tokens, pre-authorisation codes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.wechat.return_codes import WeChatError
from sandbox.wechat.tokens import IssuedToken, TokenLine

if TYPE_CHECKING:
    from sandbox.wechat.ledger import SecretLedger
    from sandbox.wechat.settings import Settings
    from sandbox.wechat.values import Minter


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ``component_verify_ticket``; several are valid at once."""

    value: str = field(repr=False)
    created_at: float


@dataclass(slots=True)
class PreAuthCode:
    """A pre-authorisation code: what a link carries. ``redirect_uri`` is known after a visit."""

    value: str = field(repr=False)
    component_appid: str
    expires_at: float
    used: bool = False
    redirect_uri: str = ""


class ComponentBook:
    """Issues and checks what belongs to the component itself. The caller holds the lock."""

    def __init__(self, minter: Minter, ledger: SecretLedger) -> None:
        self._minter = minter
        self._ledger = ledger
        self._tickets: dict[str, Ticket] = {}
        self._codes: dict[str, PreAuthCode] = {}
        self.tokens = TokenLine()

    def mint_ticket(self, now: float) -> Ticket:
        """Return a new ticket; earlier ones stay valid until their own end."""
        ticket = Ticket(self._minter.ticket(), now)
        self._tickets[ticket.value] = ticket
        self._ledger.record("component_verify_ticket", ticket.value, now=now)
        return ticket

    def check_credentials(self, settings: Settings, appid: str, secret: str) -> None:
        """Raise 40013 for another appid, 40125 for a wrong secret."""
        if appid != settings.component_appid:
            raise WeChatError(40013)
        if secret != settings.component_appsecret:
            raise WeChatError(40125)

    def check_ticket(self, settings: Settings, value: str, now: float) -> None:
        """Raise 61006 for an unknown ticket, 61005 for one past its life."""
        ticket = self._tickets.get(value)
        if ticket is None:
            raise WeChatError(61006)
        if now >= ticket.created_at + settings.ticket_life:
            raise WeChatError(61005)

    def issue_token(self, settings: Settings, now: float) -> IssuedToken:
        """Return a new component token, which supersedes the one before."""
        value = self._minter.component_token()
        self._ledger.record("component_access_token", value, now=now)
        return self.tokens.issue(value, now=now, life=settings.component_token_life)

    def issue_pre_auth_code(self, settings: Settings, now: float) -> PreAuthCode:
        """Return a new pre-authorisation code; earlier ones stay valid."""
        code = PreAuthCode(
            self._minter.pre_auth_code(),
            settings.component_appid,
            now + settings.pre_auth_code_life,
        )
        self._codes[code.value] = code
        self._ledger.record("pre_auth_code", code.value, now=now)
        return code

    def usable_pre_auth_code(
        self, settings: Settings, value: str, now: float
    ) -> PreAuthCode | None:
        """Return the code if it is known, of this component, unexpired and unused."""
        code = self._codes.get(value)
        if code is None or code.used or now >= code.expires_at:
            return None
        return code if code.component_appid == settings.component_appid else None

    def expire_tickets(self, now: float, settings: Settings) -> bool:
        """Let every ticket issued so far be past its life. Returns whether there was one."""
        for value in self._tickets:
            self._tickets[value] = Ticket(value, now - settings.ticket_life)
        return bool(self._tickets)

    def expire_pre_auth_codes(self, now: float) -> bool:
        """Let every outstanding pre-authorisation code be expired."""
        for code in self._codes.values():
            code.expires_at = min(code.expires_at, now)
        return bool(self._codes)
