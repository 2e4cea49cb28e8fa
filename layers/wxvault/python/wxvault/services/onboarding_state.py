"""What sessions, pre-authorisation codes, authorization codes and tickets say: plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from wxvault.services.state import OpenCall

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Session:
    """An authorisation session: one link, made for one tenant."""

    session_sha256: str
    tenant_id: str
    created_at: float
    expires_at: float
    style: str
    auth_type: int
    tenant_name: str | None = None
    biz_appid: str | None = None
    category_id_list: tuple[int, ...] = ()
    return_url: str | None = None
    state: str | None = None
    codes_minted: int = 0
    launch_cookies: frozenset[str] = frozenset()
    """Fingerprints of the cookies that its launch page has set."""
    confirmed: bool = False
    """A code of this session has arrived."""
    authorizers: frozenset[str] = frozenset()
    registration: str | None = None
    """Which kind of mini program is to be registered; None: an account is to be authorised."""
    copy_wx_verify: bool = False
    """Whether the official account's verification is taken over as well."""
    subject_sha256: str | None = None
    """Fingerprint of what WeChat has to be asked with about the application."""
    outcome: str | None = None
    """What came of the registration: succeeded or failed."""
    outcome_status: int | None = None
    outcome_msg: str | None = None
    outcome_reason: str | None = None
    registered_appid: str | None = None


class CodeStatus(StrEnum):
    """Where an authorization code stands."""

    RECEIVED = "received"
    CLAIMED = "claimed"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code, by its fingerprint."""

    code_sha256: str
    status: CodeStatus
    received_at: float
    authorizer_appid: str | None = None
    """From its push; None: only the redirect was seen."""
    create_time: int | None = None
    """CreateTime of its push."""
    pre_auth_sha256: str | None = None
    session_sha256: str | None = None
    """The session whose browser brought it, proved by the launch cookie."""
    registration_sha256: str | None = None
    """Fingerprint of the application whose result brought it."""
    claim_id: str | None = None
    claim_until: float | None = None
    due_at: float | None = None
    """When the sweep picks it up; also when it is done, until what follows from that is done."""
    unanswered: int = 0
    """Calls with this code that were begun and of which nothing is known."""
    returns: int = 0
    """How often it was given back, to be taken again later."""
    blind: bool = False
    """A call with this code was begun when nobody knew whose tokens it would supersede."""
    outcome_appid: str | None = None
    tenant_id: str | None = None
    """Who was named as its authorizer's tenant, be it that another one has it."""
    wechat_errcode: int | None = None
    item: Mapping[str, object] = field(default_factory=dict, repr=False)

    @property
    def blind_call(self) -> OpenCall | None:
        """A call with it that is open, and was begun when nobody knew whose code it is."""
        if not self.blind or not self.is_open:
            return None
        return OpenCall(self.claim_id, self.claim_until)

    @property
    def is_open(self) -> bool:
        """It has not come to an end."""
        return self.status in (CodeStatus.RECEIVED, CodeStatus.CLAIMED)

    def is_claimed(self, now: float) -> bool:
        """Say whether somebody may be asking WeChat about it right now."""
        if self.status is not CodeStatus.CLAIMED or self.claim_until is None:
            return False
        return self.claim_until >= now


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a push or a redirect says of a code beside the code itself."""

    authorizer_appid: str | None = None
    create_time: int | None = None
    pre_auth_sha256: str | None = None
    session_sha256: str | None = None
    registration_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class PreAuthCode:
    """Who minted a pre-authorisation code."""

    tenant_id: str
    session_sha256: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A component_verify_ticket."""

    component_verify_ticket: str = field(repr=False)
    create_time: int
    received_at: float
