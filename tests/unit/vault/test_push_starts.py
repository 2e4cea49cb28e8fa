"""The record of the event URL: read as it was written, and one may ask WeChat at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.vault.kit import COMPONENT, NOW
from wxvault.services.last_push import LastPush
from wxvault.vault.keys import last_push_key

if TYPE_CHECKING:
    from tests.unit.vault.kit import Vault


def test_nothing_is_known_before_the_first_push(vault: Vault) -> None:
    """The record of a new platform is empty, and everything may be asked."""
    assert vault.starts.last_push() == LastPush()
    assert vault.starts.take_start(now=NOW, not_before=NOW + 600, at_once=False) == LastPush()


def test_verdicts_and_starts_stand_side_by_side(vault: Vault) -> None:
    """*callback* and *renew* write into one item, and neither takes anything from the other."""
    vault.items.note_push("accepted", now=NOW, info_type="component_verify_ticket")
    vault.starts.take_start(now=NOW + 1, not_before=NOW + 601, at_once=False)
    vault.starts.note_start(
        "refused", not_before=NOW + 1201, attempts=2, errcode=61004, address="203.0.113.7"
    )
    vault.items.note_push("bad_signature", now=NOW + 2)
    assert vault.starts.last_push() == LastPush(
        accepted_at=NOW,
        info_type="component_verify_ticket",
        ticket_at=NOW,
        refused_at=NOW + 2,
        refused_verdict="bad_signature",
        start_asked_at=NOW + 1,
        start_not_before=NOW + 1201,
        start_outcome="refused",
        start_attempts=2,
        start_errcode=61004,
        start_address="203.0.113.7",
    )


def test_one_may_ask_until_the_pause_is_over(vault: Vault) -> None:
    """Who comes second is told so; at the end of the pause the next one may."""
    assert vault.starts.take_start(now=NOW, not_before=NOW + 600, at_once=False) is not None
    assert vault.starts.take_start(now=NOW + 599, not_before=NOW + 1199, at_once=False) is None
    assert vault.starts.take_start(now=NOW + 600, not_before=NOW + 1200, at_once=False) is not None


def test_a_person_takes_it_whoever_has_it(vault: Vault) -> None:
    """And is told what stood there before."""
    vault.starts.take_start(now=NOW, not_before=NOW + 600, at_once=False)
    before = vault.starts.take_start(now=NOW + 1, not_before=NOW + 601, at_once=True)
    assert before is not None
    assert before.start_not_before == NOW + 600


def test_a_good_answer_clears_what_was_refused(vault: Vault) -> None:
    """No address is named that WeChat no longer refuses."""
    vault.starts.note_start("refused", not_before=NOW, attempts=1, errcode=61004, address="::1")
    vault.starts.note_start("started", not_before=NOW + 600)
    assert vault.starts.last_push() == LastPush(start_outcome="started", start_not_before=NOW + 600)


def test_what_somebody_else_has_written_does_no_harm(vault: Vault) -> None:
    """Values of another type count as absent."""
    key = last_push_key(COMPONENT)
    vault.table.items[key] = {
        "pk": key.pk,
        "sk": key.sk,
        "accepted_at": "soon",
        "refused_verdict": 7,
        "start_attempts": True,
    }
    assert vault.starts.last_push() == LastPush()
