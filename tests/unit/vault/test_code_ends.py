"""The end of a code: done or failed, by whoever holds the claim, and then forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.vault.code_kit import PUSHED, REDIRECTED, SHA, claim, read, record, there
from tests.unit.vault.kit import MERCHANT, NOW
from wxvault.services.onboarding_state import CodeStatus
from wxvault.vault.expressions import TransactionFailedError

if TYPE_CHECKING:
    from tests.unit.vault.kit import Vault


def test_the_tenant_that_was_named_is_remembered(vault: Vault) -> None:
    """With its end or when it is settled; what is not named then is not forgotten."""
    record(vault)
    claim(vault)
    vault.table.transact([vault.codes.done(SHA, "mine", MERCHANT, tenant_id="acme")])
    assert read(vault).tenant_id == "acme"
    vault.codes.settle(read(vault))
    assert read(vault).tenant_id == "acme"
    record(vault, REDIRECTED)
    vault.codes.settle(read(vault), tenant_id="other")
    assert read(vault).tenant_id == "other"


def test_a_code_that_is_done_is_forgotten_but_for_its_fingerprint(vault: Vault) -> None:
    """The code's text goes with the claim; it stays due until what follows is done as well."""
    record(vault)
    claim(vault)
    vault.table.transact([vault.codes.done(SHA, "mine", MERCHANT)])
    code = read(vault)
    assert code.status is CodeStatus.DONE
    assert code.outcome_appid == MERCHANT
    assert not {"authorization_code", "sealed_key", "claim_until"} & set(there(vault))
    assert vault.codes.authorization_code(code) is None
    assert code.due_at == NOW + 15
    vault.codes.settle(code)
    assert not {"due_at", "due_shard"} & set(there(vault))
    assert there(vault)["delete_after"] == int(NOW) + 7 * 86400


@pytest.mark.parametrize(("errcode", "told"), [(61010, {"wechat_errcode": 61010}), (None, {})])
def test_a_code_that_failed_is_forgotten_at_once(
    vault: Vault, errcode: int | None, told: dict[str, int]
) -> None:
    """It leaves the index with its text; WeChat's code stays for whoever asks why."""
    record(vault)
    claim(vault)
    vault.codes.fail(SHA, "mine", errcode)
    code = read(vault)
    assert code.status is CodeStatus.FAILED
    assert code.wechat_errcode == errcode
    assert there(vault).items() >= told.items()
    assert vault.codes.authorization_code(code) is None
    assert not {"authorization_code", "sealed_key", "due_at", "due_shard"} & set(there(vault))


def test_somebody_elses_claim_is_not_ended(vault: Vault) -> None:
    """Neither well nor badly: a late answer does not decide for whoever took over."""
    record(vault)
    claim(vault)
    claim(vault, "theirs", now=NOW + 30)
    before = vault.snapshot()
    vault.codes.fail(SHA, "mine", 61009)
    with pytest.raises(TransactionFailedError):
        vault.table.transact([vault.codes.done(SHA, "mine", MERCHANT)])
    assert vault.snapshot() == before


def test_an_end_is_not_ended_again(vault: Vault) -> None:
    """Done stays done, with the same claim as well."""
    record(vault)
    claim(vault)
    vault.table.transact([vault.codes.done(SHA, "mine", MERCHANT)])
    before = vault.snapshot()
    vault.codes.fail(SHA, "mine", 61009)
    assert vault.snapshot() == before


def test_news_since_it_was_read_keep_an_ended_code_due(vault: Vault) -> None:
    """Settling an older reading does not lose what became known in between."""
    record(vault, REDIRECTED)
    claim(vault)
    vault.table.transact([vault.codes.done(SHA, "mine", MERCHANT)])
    code = read(vault)
    record(vault, PUSHED, now=NOW + 1)
    vault.codes.settle(code)
    assert there(vault).get("due_at") == NOW + 16


def test_an_open_code_is_not_settled(vault: Vault) -> None:
    """Received or claimed, it stays due."""
    vault.codes.settle(record(vault))
    assert "due_at" in there(vault)
    claim(vault)
    vault.codes.settle(read(vault))
    assert "due_at" in there(vault)
