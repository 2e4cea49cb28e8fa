"""What exchanging codes needs of the vault, as small protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wxvault.services.onboarding_state import Code, PreAuthCode, Session
    from wxvault.services.registration_state import Applicant


class CodeItems[W](Protocol):
    """The codes that were written down; ``W`` is a write that has not been done yet."""

    def get(self, code_sha256: str) -> Code | None:
        """Read one, strongly consistent."""

    def authorization_code(self, code: Code) -> str | None:
        """Open the code itself."""

    def claim(
        self, code_sha256: str, claim_id: str, *, now: float, blind: bool = False
    ) -> Code | None:
        """Claim a code for one call; ``blind``: without its authorizer's lease."""

    def give_back(
        self,
        code: Code,
        claim_id: str,
        *,
        due_at: float | None,
        unanswered: int,
    ) -> None:
        """Let a claimed code go; without ``due_at`` until something more is known of it."""

    def postpone(self, code_sha256: str, *, due_at: float) -> None:
        """Have it picked up again later."""

    def done(
        self,
        code_sha256: str,
        claim_id: str,
        authorizer_appid: str,
        *,
        tenant_id: str | None = None,
    ) -> W:
        """Return the write that ends it well; ``tenant_id``: who was named as its tenant."""

    def named(self, code: Code, tenant_id: str) -> W:
        """Return the write by which it remembers who was named as its tenant after it had ended."""

    def fail(self, code_sha256: str, claim_id: str, wechat_errcode: int | None) -> None:
        """End it badly."""

    def settle(self, code: Code, *, tenant_id: str | None = None) -> None:
        """Take one that has ended out of the index, if nothing more became known of it."""


class SessionItems(Protocol):
    """Who asked for which link."""

    def get(self, session_sha256: str) -> Session | None:
        """Read a session."""

    def minted_by(self, pre_auth_sha256: str, *, now: float) -> PreAuthCode | None:
        """Tell who minted a pre-auth code."""

    def applied_by(self, registration_sha256: str, *, now: float) -> Applicant | None:
        """Tell whose a registration is."""

    def add_authorizer(self, session_sha256: str, authorizer_appid: str) -> None:
        """Note that a session brought an authorizer."""

    def drop_authorizer(self, session_sha256: str, authorizer_appid: str) -> None:
        """Note that it did not."""


class Profiles(Protocol):
    """Where an authorizer's permission sets are kept."""

    def save_permission_sets(
        self, authorizer_appid: str, permission_sets: Sequence[int], *, now: float
    ) -> None:
        """Write what the merchant granted."""
