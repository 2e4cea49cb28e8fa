"""What every use case about tokens works with, and the few steps they share."""

from __future__ import annotations

import hashlib
import hmac
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wxvault.errors import SealBrokenError
from wxvault.protocol.return_codes import ADDRESS_REFUSED, address_to_whitelist
from wxvault.services import decisions
from wxvault.services.numbers import CACHED, FORCED_LIMIT, FORCED_WINDOW_SECONDS
from wxvault.services.outcome import Outcome
from wxvault.services.policy import is_due
from wxvault.services.state import Event, Settled, TokenChange

if TYPE_CHECKING:
    from collections.abc import Callable

    from wxvault.clock import Clock
    from wxvault.errors import WeChatError
    from wxvault.services.events import Events
    from wxvault.services.policy import Uniform
    from wxvault.services.ports import Tokens
    from wxvault.services.state import Access, Lease, NotAcquired, Purpose, TokenState

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tools:
    """Adapters and numbers of one deployment."""

    component_appid: str
    overlap: float
    """Seconds for which WeChat honours a superseded token."""
    retention: float
    """Seconds for which a revoked authorizer is kept."""
    tokens: Tokens
    events: Events
    clock: Clock
    uniform: Uniform
    new_id: Callable[[], str]
    """Returns a random id that nobody else has."""

    def acquire(
        self, authorizer_appid: str | None, purpose: Purpose, *, generation: int | None = None
    ) -> Lease | NotAcquired:
        """Take the lease now."""
        return self.tokens.acquire(
            authorizer_appid,
            purpose,
            now=self.clock.now(),
            lease_id=self.new_id(),
            mark=self.new_id(),
            generation=generation,
        )

    def settle(self, lease: Lease, decide: Callable[[TokenState], TokenChange]) -> Settled | None:
        """Write what came of a question and tell it; None: the lease was lost."""
        settled = self.tokens.settle(lease, decide)
        self.events.tell(settled)
        return settled

    def settle_renewed(
        self, lease: Lease, access: Access, refresh_token: str | None, *, forced: bool = False
    ) -> Outcome:
        """Store a renewed token, or, when the lease was lost, see to it that a renewal follows."""

        def decide(state: TokenState) -> TokenChange:
            change = decisions.renewed(state, lease, access, refresh_token, self.uniform)
            return self._count_forced(state, change) if forced else change

        if self.settle(lease, decide) is not None:
            return Outcome.RENEWED
        self.supersede(lease)
        return Outcome.LEASED

    def supersede(self, lease: Lease) -> None:
        """Mark an item whose lease was lost with a good answer in hand."""
        now, mark = self.clock.now(), self.new_id()
        self.tokens.amend(
            lease.state.authorizer_appid,
            lambda state: decisions.superseded(state, now, mark, since=lease.taken_at),
        )

    def is_refused_now(self, state: TokenState, rejected_token_sha256: str | None) -> bool:
        """Say whether the current token was proved refused, so that it must be renewed.

        A token that is not the current one, or that is younger than 0.2 of the overlap (the news of
        it may still be under way), is not; nor is more than one forced in that time. While WeChat
        refuses, the back-off counts, whatever anybody reports.
        """
        if rejected_token_sha256 is None:
            return False
        now, pause = self.clock.now(), CACHED * self.overlap
        if state.attempts and not is_due(state, now):
            return False
        if state.stored_at is None or now - state.stored_at < pause:
            return False
        if state.forced_at is not None and now - state.forced_at < pause:
            return False
        try:
            current = self.tokens.access_token(state)
        except SealBrokenError:
            # It is no token of ours any more, and is replaced for that: see `is_damaged`.
            return False
        return current is not None and hmac.compare_digest(
            token_sha256(current), rejected_token_sha256
        )

    def is_damaged(self, state: TokenState) -> bool:
        """Say whether the access token that stands there cannot be opened, so is to be replaced.

        While WeChat refuses, the back-off counts: damage is no reason to ask it more often.
        """
        if not state.has_access or state.attempts:
            return False
        try:
            self.tokens.access_token(state)
        except SealBrokenError:
            return True
        return False

    def _count_forced(self, state: TokenState, change: TokenChange) -> TokenChange:
        now = self.clock.now()
        recent = [time for time in state.forced_times if now - time <= FORCED_WINDOW_SECONDS]
        times = (*recent, now)
        change = replace(change, forced_at=now, forced_times=times)
        if len(times) <= FORCED_LIMIT:
            return change
        fight = Event("superseded_elsewhere", {"forced_renewals": len(times)})
        # Told once; counted anew from here, so that it is told again if it goes on.
        return replace(change, forced_times=(), events=(*change.events, fight))

    def log_refusal(self, authorizer_appid: str | None, error: WeChatError) -> None:
        """Write why WeChat refused; the message has no secret."""
        _log.warning(
            "wechat refused",
            extra={
                "authorizer_appid": authorizer_appid,
                "path": error.path,
                "wechat_errcode": error.wechat_errcode,
                "error": error.message,
                "remedy": error.remedy,
            },
        )


def refused_address(refusal: WeChatError) -> str | None:
    """Return the address that WeChat wants on the platform's list, if that was its reason."""
    if refusal.wechat_errcode not in ADDRESS_REFUSED:
        return None
    return address_to_whitelist(refusal.message)


def token_sha256(token: str) -> str:
    """Return the fingerprint by which a caller says which token WeChat refused."""
    return hashlib.sha256(token.encode()).hexdigest()
