"""Answers owed to WeChat's test accounts: sealed, due, given by one at a time, then gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.vault.kit import COMPONENT, NOW
from wxvault.errors import SealBrokenError
from wxvault.services.sweeping import Due
from wxvault.vault.keys import fingerprint, release_answer_key
from wxvault.vault.release_answers import CLAIM_SECONDS

if TYPE_CHECKING:
    from tests.unit.vault.kit import Vault

CODE = "queryauthcode@@@" + "rL3-sE4_" * 11
ACCOUNT = "wx570bc396a51b8ff8"
SHA = fingerprint(CODE)
KEY = release_answer_key(COMPONENT, SHA)


@pytest.fixture
def owed(vault: Vault) -> Vault:
    """Return a vault in which one answer is owed."""
    assert vault.answers.record(CODE, ACCOUNT, "o-user", now=NOW) == SHA
    return vault


def test_an_answer_is_due_until_it_is_given(owed: Vault) -> None:
    """The sweep finds what nobody has answered after fifteen seconds."""
    assert list(owed.due.due(now=NOW + 14)) == []
    assert list(owed.due.due(now=NOW + 15)) == [Due(NOW + 15, release_code_sha256=SHA)]


def test_only_one_gives_it(owed: Vault) -> None:
    """A queue delivers twice, and the sweep sends as well: a second one finds it taken."""
    answer = owed.answers.claim(SHA, now=NOW)
    assert answer is not None
    assert (answer.authorizer_appid, answer.touser, answer.received_at) == (ACCOUNT, "o-user", NOW)
    assert owed.answers.code(answer) == CODE
    assert owed.answers.claim(SHA, now=NOW + CLAIM_SECONDS) is None
    assert owed.answers.claim(SHA, now=NOW + CLAIM_SECONDS + 1) is not None


def test_what_was_given_is_gone(owed: Vault) -> None:
    """Neither a late job nor a late postponement brings it back."""
    answer = owed.answers.claim(SHA, now=NOW)
    assert answer is not None
    owed.answers.finish(answer)
    owed.answers.postpone(answer, due_at=NOW)
    assert owed.answers.claim(SHA, now=NOW + 99) is None
    assert KEY not in owed.table.items


def test_what_was_put_off_can_be_taken_again(owed: Vault) -> None:
    """It is due when it was put off to, and nobody has to wait for the claim's end."""
    answer = owed.answers.claim(SHA, now=NOW)
    assert answer is not None
    owed.answers.postpone(answer, due_at=NOW + 10)
    assert list(owed.due.due(now=NOW + 10)) == [Due(NOW + 10, release_code_sha256=SHA)]
    assert owed.answers.claim(SHA, now=NOW + 10) is not None


def test_a_repeated_code_changes_nothing(owed: Vault) -> None:
    """The first message says whom the answer goes to; repeating it takes no claim away."""
    owed.answers.claim(SHA, now=NOW)
    owed.answers.record(CODE, ACCOUNT, "o-other", now=NOW + 1)
    assert owed.answers.claim(SHA, now=NOW + 1) is None
    assert owed.table.items[KEY]["touser"] == "o-user"


def test_a_changed_code_does_not_open(owed: Vault) -> None:
    """Whoever writes to the table cannot have something else sent."""
    owed.table.items[KEY]["authorization_code"] = b"\x01" + bytes(60)
    answer = owed.answers.claim(SHA, now=NOW)
    assert answer is not None
    with pytest.raises(SealBrokenError):
        owed.answers.code(answer)
