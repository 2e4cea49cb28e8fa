"""Applications, results and tickets: who was first stays first, and what was used stays used."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.unit.vault.every_item import REUSE_TICKET, SESSION
from tests.unit.vault.kit import NOW, OTHER
from wxvault.services.registration_state import (
    FAILED,
    SUCCEEDED,
    Applicant,
    Applied,
    Result,
    TicketStatus,
)
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


def applicant(session: Session) -> Applicant:
    """Return a session as who has applied."""
    return Applicant(session.tenant_id, session.session_sha256)


def owner(vault: Vault) -> Applicant | None:
    """Whose a result would be now."""
    return vault.sessions.applied_by(APPLICATION, now=NOW)


def answered(vault: Vault, session: Session, *, accepted: bool) -> None:
    """Note what WeChat said."""
    vault.sessions.application_answered(session, APPLICATION, accepted=accepted)


def run_by(vault: Vault, session: Session) -> None:
    """Have WeChat accept an application, and let a failure be told of it: the place is free."""
    vault.sessions.apply(session, APPLICATION)
    answered(vault, session, accepted=True)
    vault.sessions.application_failed(APPLICATION, applicant(session))


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
    assert vault.sessions.apply(FIRST, APPLICATION) is Applied.NEW
    answered(vault, FIRST, accepted=True)
    for other in (SECOND, FOREIGN):
        assert vault.sessions.apply(other, APPLICATION) is Applied.NOT
    assert owner(vault) == applicant(FIRST)


def test_what_was_not_answered_may_be_repeated_by_its_tenant(vault: Vault) -> None:
    """By nobody else, and known as a repetition."""
    vault.sessions.apply(FIRST, APPLICATION)
    assert vault.sessions.apply(FOREIGN, APPLICATION) is Applied.NOT
    # The answer may still be on its way to whoever asked.
    assert vault.sessions.apply(SECOND, APPLICATION) is Applied.NOT
    vault.sessions.application_unanswered(SECOND, APPLICATION)
    assert vault.sessions.apply(SECOND, APPLICATION) is Applied.NOT
    vault.sessions.application_unanswered(FIRST, APPLICATION)
    assert vault.sessions.apply(FOREIGN, APPLICATION) is Applied.NOT
    assert vault.sessions.apply(SECOND, APPLICATION) is Applied.AGAIN
    # The first one's answer comes late: it is not the first one's application any more.
    answered(vault, FIRST, accepted=False)
    answered(vault, SECOND, accepted=True)
    assert vault.sessions.apply(FOREIGN, APPLICATION) is Applied.NOT


def test_whoever_died_while_asking_is_not_waited_for_long(vault: Vault) -> None:
    """15 s are more than *sessions* has: nobody can hear the answer any more."""
    vault.sessions.apply(FIRST, APPLICATION)
    vault.clock.sleep(14.9)
    assert vault.sessions.apply(SECOND, APPLICATION) is Applied.NOT
    vault.clock.sleep(0.1)
    assert vault.sessions.apply(SECOND, APPLICATION) is Applied.AGAIN


def test_a_repeated_write_is_what_it_was(vault: Vault) -> None:
    """The client heard nothing and wrote again: a new application is no repetition by that."""
    vault.table.lose_answers = 1
    assert vault.sessions.apply(FIRST, APPLICATION) is Applied.NEW
    vault.sessions.application_failed(APPLICATION, applicant(FIRST))
    # The first of two writes is refused, so that only the second one loses its answer.
    vault.table.meanwhile = [lambda: None, lambda: setattr(vault.table, "lose_answers", 1)]
    assert vault.sessions.apply(SECOND, APPLICATION) is Applied.NEW
    vault.sessions.application_unanswered(SECOND, APPLICATION)
    third = replace(FIRST, session_sha256=fingerprint("fourth"))
    vault.table.meanwhile = [
        lambda: None,
        lambda: None,
        lambda: setattr(vault.table, "lose_answers", 1),
    ]
    assert vault.sessions.apply(third, APPLICATION) is Applied.AGAIN


def test_a_refused_application_owns_nothing(vault: Vault) -> None:
    """It leaves the registration with whom it was, or with nobody, and stands in nobody's way."""
    vault.sessions.apply(FIRST, APPLICATION)
    answered(vault, FIRST, accepted=False)
    assert owner(vault) is None
    run_by(vault, FIRST)
    assert vault.sessions.apply(FOREIGN, APPLICATION) is Applied.NEW
    answered(vault, FOREIGN, accepted=False)
    assert owner(vault) == applicant(FIRST)
    assert vault.sessions.apply(SECOND, APPLICATION) is Applied.NEW


def test_an_accepted_application_takes_over(vault: Vault) -> None:
    """WeChat accepts one at a time: what it had before is over."""
    run_by(vault, FIRST)
    vault.sessions.apply(FOREIGN, APPLICATION)
    answered(vault, FOREIGN, accepted=True)
    assert owner(vault) == applicant(FOREIGN)


def test_without_an_answer_a_registration_of_two_tenants_is_nobodys(vault: Vault) -> None:
    """Whoever noted no answer was refused or not; neither is guessed, and it is not made again."""
    run_by(vault, FIRST)
    vault.sessions.apply(FOREIGN, APPLICATION)
    assert owner(vault) is None
    again = replace(FOREIGN, session_sha256=fingerprint("fourth"))
    for other in (again, SECOND):
        assert vault.sessions.apply(other, APPLICATION) is Applied.NOT


def test_no_refusal_of_a_repetition_makes_room_for_others(vault: Vault) -> None:
    """What was applied for before it had no answer, and still has none."""
    vault.sessions.apply(FIRST, APPLICATION)
    vault.sessions.application_unanswered(FIRST, APPLICATION)
    assert vault.sessions.apply(SECOND, APPLICATION) is Applied.AGAIN
    answered(vault, SECOND, accepted=False)
    assert vault.sessions.apply(FOREIGN, APPLICATION) is Applied.NOT
    assert owner(vault) == applicant(SECOND)
    third = replace(FIRST, session_sha256=fingerprint("fourth"))
    assert vault.sessions.apply(third, APPLICATION) is Applied.AGAIN


def test_a_result_is_an_answer(vault: Vault) -> None:
    """Whose failure was told, WeChat had accepted; the next applicant's turn is left alone."""
    vault.sessions.apply(FIRST, APPLICATION)
    vault.sessions.application_failed(APPLICATION, applicant(FIRST))
    assert owner(vault) == applicant(FIRST)
    assert vault.sessions.apply(FOREIGN, APPLICATION) is Applied.NEW
    vault.sessions.application_failed(APPLICATION, applicant(FIRST))
    assert vault.sessions.apply(SECOND, APPLICATION) is Applied.NOT
    answered(vault, FOREIGN, accepted=True)
    assert owner(vault) == applicant(FOREIGN)


def test_an_application_is_forgotten_after_a_week(vault: Vault) -> None:
    """Long after WeChat has."""
    vault.sessions.apply(FIRST, APPLICATION)
    assert vault.sessions.applied_by(APPLICATION, now=NOW + 7 * 86400 - 1) is not None
    assert vault.sessions.applied_by(APPLICATION, now=NOW + 7 * 86400) is None


def test_the_week_begins_when_it_is_applied_for(vault: Vault) -> None:
    """A link to reuse a registration may be as old as a week before its ticket comes."""
    old = replace(FIRST, created_at=NOW - 7 * 86400, expires_at=NOW)
    assert vault.sessions.apply(old, APPLICATION) is Applied.NEW
    assert owner(vault) == applicant(old)
    assert vault.sessions.apply(old, APPLICATION) is Applied.NEW


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
