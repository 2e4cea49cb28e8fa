"""Writes every kind of item that the vault can write, each in every form it takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.unit.vault.kit import (
    ACCESS_TOKEN,
    AUTHORIZATION_CODE,
    COMPONENT,
    NOW,
    OTHER,
    REFRESH_TOKEN,
    TICKET,
    access,
    always,
)
from wxvault.protocol.permission_sets import AccountKind
from wxvault.protocol.profiles import Profile
from wxvault.services.bus_events import bus_event
from wxvault.services.onboarding_state import Arrival, Code, Session
from wxvault.services.registration_state import (
    FAILED,
    SUCCEEDED,
    Applicant,
    Result,
    TicketStatus,
)
from wxvault.services.state import Event, Purpose, Status, TokenChange
from wxvault.vault.keys import fingerprint

if TYPE_CHECKING:
    from tests.unit.vault.kit import Vault

PRE_AUTH_CODE = "preauthcode@@@" + "pX1-qY2_" * 11
COOKIE = "cookie-of-the-launch-page-0123456789abcdefg"
SESSION_ID = "session-id-0123456789abcdefghijklmnopqrstuv"
RELEASE_CODE = "queryauthcode@@@" + "rL3-sE4_" * 11
SECRETS = {ACCESS_TOKEN, REFRESH_TOKEN, AUTHORIZATION_CODE, TICKET, PRE_AUTH_CODE}
MESSAGE = "我的电话是 13800138000"
REUSE_TICKET = "b25519093b1e97239eff9d2bfc07e08e"
SECRETS |= {COOKIE, SESSION_ID, MESSAGE, REUSE_TICKET, RELEASE_CODE}

SESSION = Session(
    session_sha256=fingerprint(SESSION_ID),
    tenant_id="acme",
    created_at=NOW,
    expires_at=NOW + 3600,
    style="auto",
    auth_type=3,
    tenant_name="示例商家",
    biz_appid="wx00000000000000b1",
    category_id_list=(1, 49),
    return_url="https://shop.example.com/back",
    state="any",
)

WRITTEN = TokenChange(
    Status.ACTIVE,
    NOW + 5400,
    secrets="write",
    refresh_token=REFRESH_TOKEN,
    access=access(),
    release=True,
    clear_mark=True,
)
"""A renewal under a lease."""

CROWDED = replace(
    WRITTEN,
    status=Status.FAILING,
    attempts=3,
    last_errcode=-1,
    refused_address="203.0.113.7",
    verifying=True,
    release=False,
    clear_mark=False,
    new_mark="0123456789abcdef0123456789abcdef",
    marked_since=NOW,
    authorized_at=int(NOW) - 9,
    unauthorized_at=int(NOW) - 99,
    grant_undated=True,
    tenant_id="acme",
    tenant_by_redirect=True,
    forced_at=NOW,
    forced_times=(NOW - 1, NOW),
    raise_fence=True,
    events=(Event("failing"),),
)
"""Everything at once that an authorizer's item can have, so that its size can be told."""

AUTHORIZERS: dict[str, TokenChange] = {
    "wx00000000000000a1": WRITTEN,
    "wx00000000000000a2": CROWDED,
    "wx00000000000000a3": replace(WRITTEN, status=Status.LOST, due_at=None, secrets="drop_access"),
    "wx00000000000000a4": TokenChange(
        Status.REVOKED,
        NOW,
        secrets="remove",
        raise_fence=True,
        verifying=True,
        unauthorized_at=int(NOW),
        delete_after=int(NOW) + 30 * 86400,
        events=(Event("revoked"),),
    ),
    "wx00000000000000a5": TokenChange(
        Status.ACTIVE, None, secrets="write", api_ability=False, release=True, clear_mark=True
    ),
    "wx00000000000000a6": replace(WRITTEN, access=None, due_at=NOW),
    "wx00000000000000a7": TokenChange(
        Status.PENDING, None, secrets="remove", release=True, pending_reason="never_exchanged"
    ),
}


@dataclass(frozen=True)
class Codes:
    """One authorization code for every end that one can come to."""

    received: Code
    claimed: Code
    done: Code
    failed: Code
    parked: Code


PROFILE = Profile(
    AccountKind.MINI_PROGRAM,
    nick_name="晨光书店",
    user_name="gh_0123456789ab",
    service_type=0,
    verify_type=-1,
)


def write_every_item(vault: Vault) -> Codes:
    """Fill the vault's table by its own operations."""
    _component(vault)
    for number, (appid, change) in enumerate(AUTHORIZERS.items()):
        _change_under_lease(vault, appid, WRITTEN, f"lease-{number}")
        vault.tokens.amend(appid, always(change))
        vault.profiles.save_permission_sets(appid, (1, 18, 26), now=NOW)
        vault.profiles.save(appid, PROFILE, (1, 18), now=NOW + 1)
    # Leased, but not answered yet: this one is made as pending.
    vault.lease(appid="wx00000000000000a9")
    vault.sessions.create(SESSION)
    vault.sessions.create(
        Session(fingerprint("other"), "acme", NOW, NOW + 900, "plugin", 3),
    )
    assert vault.sessions.count_mint(SESSION.session_sha256, now=NOW, mint_id="press-1")
    vault.sessions.remember_mint(SESSION, PRE_AUTH_CODE, fingerprint(COOKIE), now=NOW)
    assert vault.sessions.count_landing(SESSION.session_sha256)
    vault.sessions.confirm(SESSION.session_sha256)
    for appid in ("wx00000000000000a1", "wx00000000000000a2"):
        vault.sessions.add_authorizer(SESSION.session_sha256, appid)
    vault.sessions.drop_authorizer(SESSION.session_sha256, "wx00000000000000a2")
    _unsent(vault)
    _registrations(vault)
    return _codes(vault)


def _unsent(vault: Vault) -> None:
    message = bus_event("message.received", "m1", {"text": MESSAGE}, COMPONENT, now=NOW)
    vault.unsent.keep(message)
    vault.unsent.put_off(message.unsent_key, 1, due_at=NOW + 900)
    # Without the sealing key a transition is kept as it is.
    vault.keys.disabled = True
    withheld = replace(
        WRITTEN, secrets="keep", refresh_token=None, access=None, events=(Event("failing"),)
    )
    vault.tokens.amend("wx00000000000000a1", always(withheld))
    vault.keys.disabled = False


def _registrations(vault: Vault) -> None:
    session = replace(
        SESSION,
        session_sha256=fingerprint("registration"),
        style="registration",
        registration="reuse",
        copy_wx_verify=True,
        subject_sha256=fingerprint("subject"),
    )
    vault.sessions.create(session)
    vault.sessions.note_launch(session.session_sha256, fingerprint(COOKIE))
    vault.sessions.apply(session, fingerprint("application without an answer"))
    vault.sessions.apply(session, fingerprint("application"))
    vault.sessions.application_answered(session, fingerprint("application"), accepted=True)
    vault.sessions.application_failed(
        fingerprint("application"), Applicant(session.tenant_id, session.session_sha256)
    )
    vault.sessions.note_result(session.session_sha256, Result(SUCCEEDED, authorizer_appid=OTHER))
    failed = replace(session, session_sha256=fingerprint("failed registration"))
    vault.sessions.create(failed)
    vault.sessions.note_result(
        failed.session_sha256, Result(FAILED, 61058, "invalid ticket", "unanswered")
    )
    for number in range(3):
        ticket, news = vault.tickets.record(
            f"{REUSE_TICKET}{number or ''}", session.session_sha256, now=NOW
        )
        assert news
        if number:
            assert vault.tickets.claim(ticket.ticket_sha256, "claim-1", now=NOW)
    vault.tickets.end(ticket, "claim-1", TicketStatus.FAILED)
    back, _ = vault.tickets.record(f"{REUSE_TICKET}3", session.session_sha256, now=NOW)
    assert vault.tickets.claim(back.ticket_sha256, "claim-2", now=NOW)
    vault.tickets.give_back(back, "claim-2", due_at=NOW + 60)


def _component(vault: Vault) -> None:
    assert vault.items.add_ticket(TICKET, int(NOW), now=NOW)
    assert not vault.items.add_ticket(TICKET, int(NOW) + 600, now=NOW)
    lease = vault.lease(Purpose.RENEWAL, appid=None)
    extended = vault.tokens.extend(lease, now=NOW)
    assert extended is not None
    bought = replace(WRITTEN, refresh_token=None, events=(Event("recovered"),))
    assert vault.tokens.settle(extended, always(bought))
    vault.items.note_push("accepted", now=NOW, info_type="component_verify_ticket")
    vault.items.note_push("bad_signature", now=NOW)
    assert vault.items.take_sweep("sweep-1", now=NOW, seconds=58)
    vault.items.end_sweep("sweep-1")
    assert vault.items.take_sweep("sweep-2", now=NOW, seconds=58)
    vault.items.leave_resync("wx00000000000000a4")
    taken = vault.starts.take_start(now=NOW, not_before=NOW + 600, at_once=False)
    assert taken is not None
    vault.starts.note_start(
        "refused", not_before=NOW + 600, attempts=1, errcode=61004, address="203.0.113.7"
    )
    stale = replace(
        bought, secrets="keep", failing_reason="no_ticket", ticket_stale_at=NOW, release=False
    )
    assert vault.tokens.amend(None, always(stale))
    vault.items.mark_seen(fingerprint("push"), now=NOW)
    vault.items.note_message("accepted", now=NOW, info_type="text")
    vault.items.note_message("bad_signature", now=NOW)
    vault.seen.claim(fingerprint("message"), "claim-1", now=NOW)
    vault.answers.record(RELEASE_CODE, "wx570bc396a51b8ff8", "o-openid", now=NOW)
    claimed = vault.answers.claim(fingerprint(RELEASE_CODE), now=NOW)
    assert claimed is not None


def _change_under_lease(vault: Vault, appid: str, change: TokenChange, lease_id: str) -> None:
    lease = vault.lease(appid=appid, lease_id=lease_id)
    assert vault.tokens.settle(lease, always(change))
    # The lease of the crowded item is held again, so that it has all there is.
    vault.lease(appid=appid, lease_id=f"0123456789abcdef-{lease_id}")


def _codes(vault: Vault) -> Codes:
    pushed = Arrival(
        "wx00000000000000a1",
        int(NOW),
        fingerprint(PRE_AUTH_CODE),
        registration_sha256=fingerprint("application"),
    )
    redirected = Arrival(session_sha256=SESSION.session_sha256)
    code, news = vault.codes.record(AUTHORIZATION_CODE, redirected, now=NOW)
    assert news
    vault.codes.record(AUTHORIZATION_CODE, pushed, now=NOW)
    found = []
    for number in range(4):
        other, _ = vault.codes.record(f"{AUTHORIZATION_CODE}{number}", pushed, now=NOW)
        claimed = vault.codes.claim(other.code_sha256, f"claim-{number}", now=NOW)
        assert claimed is not None
        found.append(claimed)
    claimed, done, failed, _ = found
    # Somebody else's claim ran out, and nobody knows whose code it is: it waits for its push.
    alone, _ = vault.codes.record(f"{AUTHORIZATION_CODE}x", redirected, now=NOW)
    parked = vault.codes.claim(alone.code_sha256, "claim-x", now=NOW)
    assert parked is not None
    vault.codes.postpone(parked.code_sha256, due_at=NOW)
    vault.codes.give_back(parked, "claim-x", due_at=None, unanswered=1)
    vault.codes.give_back(found[3], "claim-3", due_at=NOW + 60, unanswered=0)
    vault.table.transact(
        [vault.codes.done(done.code_sha256, "claim-1", "wx00000000000000a1", tenant_id="acme")]
    )
    vault.codes.fail(failed.code_sha256, "claim-2", 61010)
    ended = vault.codes.get(done.code_sha256)
    assert ended is not None
    vault.codes.settle(ended)
    return Codes(code, claimed, done, failed, parked)
