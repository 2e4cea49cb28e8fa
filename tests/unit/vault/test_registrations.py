"""Applications, results and tickets: who was first stays first, and what was used stays used."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.unit.vault.every_item import REUSE_TICKET, SESSION
from tests.unit.vault.kit import NOW, OTHER
from wxvault.services.registration_state import FAILED, SUCCEEDED, Applied, Result, TicketStatus
from wxvault.vault.keys import fingerprint

if TYPE_CHECKING:
    from tests.unit.vault.kit import Vault
    from wxvault.services.onboarding_state import Session

APPLICATION = fingerprint("application")
FIRST = replace(SESSION, session_sha256=fingerprint("first"), registration="enterprise")
SECOND = replace(FIRST, session_sha256=fingerprint("second"))
FOREIGN = replace(FIRST, session_sha256=fingerprint("third"), tenant_id="globex")
SHA = FIRST.session_sha256


def session(vault: Vault) -> Session:
    """Return the first session as it stands."""
    found = vault.sessions.get(SHA)
    assert found is not None
    return found


def test_a_failure_never_replaces_a_success(vault: Vault) -> None:
    """Pushes come in any order; a success replaces a failure."""
    vault.sessions.create(FIRST)
    vault.sessions.note_result(SHA, Result(FAILED, 100003, "not confirmed"))
    assert session(vault).outcome_status == 100003
    vault.sessions.note_result(SHA, Result(SUCCEEDED, 0, authorizer_appid=OTHER))
    vault.sessions.note_result(SHA, Result(FAILED, 100003, "not confirmed"))
    stood = session(vault)
    assert (stood.outcome, stood.outcome_status, stood.outcome_msg) == (SUCCEEDED, 0, None)
    assert stood.registered_appid == OTHER


def test_nothing_is_noted_in_a_session_that_is_gone(vault: Vault) -> None:
    """A result makes no item."""
    vault.sessions.note_result(SHA, Result(SUCCEEDED, 0, authorizer_appid=OTHER))
    assert vault.snapshot() == {}


def test_the_first_application_stays_the_first(vault: Vault) -> None:
    """While it is under way nobody else takes its place, and neither does its repeated write."""
    assert vault.sessions.apply(FIRST, APPLICATION) is Applied.NEW
    vault.sessions.application_answered(FIRST, APPLICATION, accepted=True)
    for other in (SECOND, FOREIGN):
        assert vault.sessions.apply(other, APPLICATION) is Applied.NOT
    assert vault.sessions.apply(FIRST, APPLICATION) is Applied.NEW
    found = vault.sessions.applied_by(APPLICATION, now=NOW)
    assert found is not None
    assert (found.tenant_id, found.session_sha256) == (FIRST.tenant_id, SHA)


def test_what_was_not_answered_may_be_repeated_by_its_tenant(vault: Vault) -> None:
    """By nobody else, and known as a repetition."""
    vault.sessions.apply(FIRST, APPLICATION)
    assert vault.sessions.apply(FOREIGN, APPLICATION) is Applied.NOT
    assert vault.sessions.apply(SECOND, APPLICATION) is Applied.AGAIN
    # The first one's answer comes late: it is not the first one's application any more.
    vault.sessions.application_answered(FIRST, APPLICATION, accepted=False)
    vault.sessions.application_answered(SECOND, APPLICATION, accepted=True)
    assert vault.sessions.apply(FOREIGN, APPLICATION) is Applied.NOT


def test_an_application_is_forgotten_after_a_week(vault: Vault) -> None:
    """Long after WeChat has."""
    vault.sessions.apply(FIRST, APPLICATION)
    assert vault.sessions.applied_by(APPLICATION, now=NOW + 7 * 86400 - 1) is not None
    assert vault.sessions.applied_by(APPLICATION, now=NOW + 7 * 86400) is None


def test_a_ticket_is_claimed_once(vault: Vault) -> None:
    """Of two workers at once one gets it; a claim that ran out is nobody's to take."""
    ticket, _ = vault.tickets.record(REUSE_TICKET, SHA, now=NOW)
    assert vault.tickets.claim(ticket.ticket_sha256, "one", now=NOW)
    assert not vault.tickets.claim(ticket.ticket_sha256, "two", now=NOW)
    assert not vault.tickets.claim(ticket.ticket_sha256, "two", now=NOW + 3600)
    # Its own write, repeated by the client, is its own.
    assert vault.tickets.claim(ticket.ticket_sha256, "one", now=NOW)


def test_only_who_holds_a_ticket_ends_it(vault: Vault) -> None:
    """And what has ended is not opened any more, nor recorded anew."""
    ticket, _ = vault.tickets.record(REUSE_TICKET, SHA, now=NOW)
    assert vault.tickets.claim(ticket.ticket_sha256, "one", now=NOW)
    for claim_id in (None, "two"):
        vault.tickets.end(ticket, claim_id, TicketStatus.FAILED)
        vault.tickets.give_back(ticket, claim_id or "two", due_at=NOW)
    claimed = vault.tickets.get(ticket.ticket_sha256)
    assert claimed is not None
    assert claimed.status is TicketStatus.CLAIMED
    assert vault.tickets.open(claimed) == REUSE_TICKET
    vault.tickets.end(ticket, "one", TicketStatus.DONE)
    again, news = vault.tickets.record(REUSE_TICKET, fingerprint("second"), now=NOW)
    assert (again.status, again.session_sha256, news) == (TicketStatus.DONE, SHA, False)
    assert vault.tickets.open(again) is None
