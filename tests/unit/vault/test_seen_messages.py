"""Claims on messages: one environment at a time, none for ever, and nobody twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.vault.kit import NOW
from wxvault.services.message_ports import Claim
from wxvault.vault.keys import fingerprint
from wxvault.vault.seen_messages import CLAIM_SECONDS

if TYPE_CHECKING:
    from tests.unit.vault.kit import Vault

MESSAGE = fingerprint("message")
DAY = 24 * 3600


def test_the_first_one_has_it_until_it_is_marked(vault: Vault) -> None:
    """Whoever comes meanwhile is told that somebody is at it, and later that it is done."""
    assert vault.seen.claim(MESSAGE, "first", now=NOW) is Claim.OURS
    assert vault.seen.claim(MESSAGE, "second", now=NOW + 1) is Claim.BUSY
    vault.seen.mark_seen(MESSAGE, now=NOW + 1)
    assert vault.seen.claim(MESSAGE, "second", now=NOW + 1) is Claim.SEEN
    assert vault.seen.claim(MESSAGE, "second", now=NOW + CLAIM_SECONDS + 9) is Claim.SEEN


def test_a_claim_whose_holder_died_is_anybodys(vault: Vault) -> None:
    """A message is not lost with the environment that was at it."""
    vault.seen.claim(MESSAGE, "dead", now=NOW)
    assert vault.seen.claim(MESSAGE, "next", now=NOW + CLAIM_SECONDS) is Claim.BUSY
    assert vault.seen.claim(MESSAGE, "next", now=NOW + CLAIM_SECONDS + 0.1) is Claim.OURS


def test_a_claim_recognises_itself(vault: Vault) -> None:
    """The client repeats a write whose answer was lost; the second finds the first."""
    vault.table.lose_answers = 1
    assert vault.seen.claim(MESSAGE, "first", now=NOW) is Claim.OURS


def test_what_was_given_back_can_be_taken_at_once(vault: Vault) -> None:
    """Only its holder gives a claim back, and not what is marked."""
    vault.seen.claim(MESSAGE, "first", now=NOW)
    vault.seen.give_back(MESSAGE, "stranger")
    assert vault.seen.claim(MESSAGE, "second", now=NOW) is Claim.BUSY
    vault.seen.give_back(MESSAGE, "first")
    assert vault.seen.claim(MESSAGE, "second", now=NOW) is Claim.OURS
    vault.seen.mark_seen(MESSAGE, now=NOW)
    vault.seen.give_back(MESSAGE, "second")
    assert vault.seen.claim(MESSAGE, "third", now=NOW) is Claim.SEEN


def test_what_was_seen_is_forgotten_after_a_day(vault: Vault) -> None:
    """DynamoDB deletes late: what is past its end counts as gone."""
    vault.seen.mark_seen(MESSAGE, now=NOW)
    assert vault.seen.claim(MESSAGE, "again", now=NOW + DAY - 1) is Claim.SEEN
    assert vault.seen.claim(MESSAGE, "again", now=NOW + DAY + 1) is Claim.OURS
