"""Authorization codes: written down once, claimed by one, brought to one end, then forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.unit.vault.code_kit import KEY, PUSHED, REDIRECTED, SHA, TOLD, claim, read, record, there
from tests.unit.vault.kit import AUTHORIZATION_CODE, COMPONENT, MERCHANT, NOW, OTHER
from wxvault.errors import SealBrokenError, SealingKeyError
from wxvault.services.onboarding_state import Arrival, Code, CodeStatus
from wxvault.vault.keys import due_shard, fingerprint

if TYPE_CHECKING:
    from tests.unit.vault.kit import Vault

# --- writing down --------------------------------------------------------------------------------


def test_a_code_is_written_down_sealed(vault: Vault) -> None:
    """It is due in 15 seconds if nobody exchanges it, and kept for seven days."""
    code, news = vault.codes.record(AUTHORIZATION_CODE, PUSHED, now=NOW)
    assert news
    assert code == replace(read(vault), item=code.item)
    assert code.status is CodeStatus.RECEIVED
    item = dict(there(vault))
    assert isinstance(item.pop("authorization_code"), bytes)
    assert isinstance(item.pop("sealed_key"), bytes)
    assert item == TOLD | {
        "pk": KEY.pk,
        "sk": KEY.sk,
        "status": "received",
        "received_at": NOW,
        "due_at": NOW + 15,
        "due_shard": due_shard(COMPONENT, KEY.pk),
        "delete_after": int(NOW) + 7 * 86400,
    }
    assert vault.codes.authorization_code(code) == AUTHORIZATION_CODE


@pytest.mark.parametrize(
    ("first", "second"), [(PUSHED, REDIRECTED), (REDIRECTED, PUSHED)], ids=["push", "redirect"]
)
def test_push_and_redirect_come_together_in_either_order(
    vault: Vault, first: Arrival, second: Arrival
) -> None:
    """What each knows is kept; the second is news, and makes the code due once more."""
    record(vault, first)
    code, news = vault.codes.record(AUTHORIZATION_CODE, second, now=NOW + 5)
    assert news
    assert code.authorizer_appid == MERCHANT
    assert code.session_sha256 == fingerprint("session")
    assert there(vault).items() >= (TOLD | {"session_sha256": fingerprint("session")}).items()
    assert there(vault)["due_at"] == NOW + 20
    assert there(vault)["received_at"] == NOW


def test_the_second_way_heals_a_code_that_was_touched(vault: Vault) -> None:
    """Who brings something new brings the code as well, so nobody needs the touched one."""
    record(vault, PUSHED)
    there(vault)["authorization_code"] = b"rubbish"
    code, _ = vault.codes.record(AUTHORIZATION_CODE, REDIRECTED, now=NOW + 5)
    assert vault.codes.authorization_code(code) == AUTHORIZATION_CODE
    sealed = there(vault)["authorization_code"]
    vault.codes.record(AUTHORIZATION_CODE, REDIRECTED, now=NOW + 6)
    assert there(vault)["authorization_code"] == sealed, "a repetition changes nothing"


def test_the_same_again_is_no_news(vault: Vault) -> None:
    """A repeated push writes nothing and calls nobody."""
    record(vault)
    before = vault.snapshot()
    code, news = vault.codes.record(AUTHORIZATION_CODE, PUSHED, now=NOW + 300)
    assert not news
    assert code == read(vault)
    assert vault.snapshot() == before
    assert not vault.codes.record(AUTHORIZATION_CODE, Arrival(), now=NOW)[1], "nor does less"


def test_a_code_whose_answer_got_lost_is_news_still(vault: Vault) -> None:
    """Repeated by AWS's client, the first writing down is no less the first."""
    vault.table.lose_answers = 1
    code, news = vault.codes.record(AUTHORIZATION_CODE, PUSHED, now=NOW)
    assert news
    assert code == replace(read(vault), item=code.item)


def test_what_is_known_is_not_replaced(vault: Vault) -> None:
    """The first push decides whose code it is; a contradicting one adds only what was unknown."""
    record(vault, Arrival(MERCHANT, 5))
    code, news = vault.codes.record(
        AUTHORIZATION_CODE, Arrival(OTHER, 6, fingerprint("pre-auth")), now=NOW
    )
    assert news
    assert (code.authorizer_appid, code.create_time) == (MERCHANT, 5)
    assert read(vault).authorizer_appid == MERCHANT
    assert read(vault).create_time == 5
    assert read(vault).pre_auth_sha256 == fingerprint("pre-auth")


def test_two_at_once_do_not_overwrite_each_other(vault: Vault) -> None:
    """Between reading and adding somebody else added: theirs stays, the rest is added."""
    record(vault, REDIRECTED)
    vault.table.meanwhile = [
        lambda: None,
        lambda: there(vault).update({"authorizer_appid": OTHER}),
    ]
    record(vault, PUSHED)
    assert there(vault)["authorizer_appid"] == OTHER
    assert there(vault)["create_time"] == int(NOW)


def test_news_of_a_code_that_is_done_brings_it_back_into_the_index(vault: Vault) -> None:
    """Its tenant may only now be known; but what was spent is not written down again."""
    record(vault, REDIRECTED)
    claim(vault)
    vault.table.write(vault.codes.done(SHA, "mine", MERCHANT))
    vault.codes.settle(read(vault))
    code, news = vault.codes.record(AUTHORIZATION_CODE, PUSHED, now=NOW + 60)
    assert news
    assert code.status is CodeStatus.DONE
    assert there(vault)["due_at"] == NOW + 75
    assert there(vault)["due_shard"] == due_shard(COMPONENT, KEY.pk)
    assert not {"authorization_code", "sealed_key"} & set(there(vault))


def test_a_code_that_vanished_while_it_was_added_to_stays_away(vault: Vault) -> None:
    """No half item is made out of news about what was deleted."""
    record(vault, REDIRECTED)
    vault.table.meanwhile = [lambda: None, vault.table.items.clear]
    _, news = vault.codes.record(AUTHORIZATION_CODE, PUSHED, now=NOW)
    assert not news
    assert vault.table.items == {}


def test_without_a_data_key_no_code_is_written(vault: Vault) -> None:
    """The error goes to whoever took the push in, so that WeChat sends it again."""
    vault.keys.disabled = True
    with pytest.raises(SealingKeyError, match="DisabledException"):
        record(vault)
    assert vault.table.items == {}


def test_a_code_cannot_be_opened_in_another_codes_place(vault: Vault) -> None:
    """Its fingerprint is part of the seal."""
    record(vault)
    stolen = Code("0" * 64, CodeStatus.RECEIVED, NOW, item=there(vault))
    with pytest.raises(SealBrokenError):
        vault.codes.authorization_code(stolen)


# --- claiming ------------------------------------------------------------------------------------


def test_a_claim_shows_the_code_as_it_was(vault: Vault) -> None:
    """Nothing is unanswered before the first call; under the claim one call counts as open."""
    record(vault)
    code = claim(vault)
    assert code.status is CodeStatus.RECEIVED
    assert code.unanswered == 0
    assert (
        there(vault).items()
        >= {
            "status": "claimed",
            "claim_id": "mine",
            "claim_until": NOW + 24,
            "unanswered": 1,
            "due_at": NOW + 15,
        }.items()
    )
    assert "blind" not in there(vault)
    assert vault.codes.authorization_code(code) == AUTHORIZATION_CODE


@pytest.mark.parametrize(("later", "free"), [(0.0, False), (24.0, False), (24.001, True)])
def test_a_claim_lasts_as_long_as_a_lease(vault: Vault, later: float, *, free: bool) -> None:
    """One at a time; a claim that ran out is taken again, and shows that a call is open."""
    record(vault)
    claim(vault)
    again = vault.codes.claim(SHA, "theirs", now=NOW + later)
    assert (again is not None) is free
    if again is not None:
        assert again.unanswered == 1
        assert there(vault)["unanswered"] == 2
        assert there(vault)["claim_id"] == "theirs"


@pytest.mark.parametrize("status", ["done", "failed"])
def test_a_code_that_is_over_is_not_claimed(vault: Vault, status: str) -> None:
    """Nor one that never was."""
    record(vault)
    there(vault)["status"] = status
    before = vault.snapshot()
    assert vault.codes.claim(SHA, "mine", now=NOW) is None
    assert vault.codes.claim("0" * 64, "mine", now=NOW) is None
    assert vault.snapshot() == before


def test_a_claim_whose_answer_got_lost_is_had(vault: Vault) -> None:
    """Repeated by the client, it is still one claim with one open call."""
    record(vault)
    vault.table.lose_answers = 1
    assert claim(vault).unanswered == 0, "its own call is none that was open before"
    assert there(vault)["unanswered"] == 1


def test_a_blind_claim_leaves_its_trace(vault: Vault) -> None:
    """That nobody knew whose code was asked about is remembered; later claims do not undo it."""
    record(vault, REDIRECTED)
    assert not read(vault).blind
    assert vault.codes.claim(SHA, "mine", now=NOW, blind=True) is not None
    assert read(vault).blind
    claim(vault, "theirs", now=NOW + 30)
    assert read(vault).blind


# --- giving back ---------------------------------------------------------------------------------


def test_a_code_given_back_is_free_and_due_when_told(vault: Vault) -> None:
    """Nothing of the claim stays, and how many calls are open is what the holder says."""
    record(vault)
    code = claim(vault)
    vault.codes.give_back(code, "mine", due_at=NOW + 60, unanswered=code.unanswered)
    assert there(vault)["status"] == "received"
    assert there(vault)["due_at"] == NOW + 60
    assert there(vault)["unanswered"] == 0
    assert not {"claim_id", "claim_until"} & set(there(vault))
    again = claim(vault, "next")
    assert (again.unanswered, again.returns) == (0, 1)
    vault.codes.give_back(again, "next", due_at=NOW + 60, unanswered=1)
    assert (read(vault).unanswered, read(vault).returns) == (1, 2)


def test_only_ones_own_claim_is_given_back(vault: Vault) -> None:
    """Who comes too late changes nothing of somebody else's claim, nor of what is over."""
    record(vault)
    code = claim(vault)
    claim(vault, "theirs", now=NOW + 30)
    before = vault.snapshot()
    vault.codes.give_back(code, "mine", due_at=NOW, unanswered=0)
    assert vault.snapshot() == before


def test_a_parked_code_waits_outside_of_the_index(vault: Vault) -> None:
    """Without a time it is due only when more becomes known, and then it is."""
    record(vault, REDIRECTED)
    code = claim(vault)
    vault.codes.give_back(code, "mine", due_at=None, unanswered=1)
    assert there(vault)["status"] == "received"
    assert not {"due_at", "due_shard"} & set(there(vault))
    record(vault, PUSHED, now=NOW + 90)
    assert there(vault)["due_at"] == NOW + 105


def test_a_code_whose_push_has_come_meanwhile_is_not_parked(vault: Vault) -> None:
    """It would wait for ever for what is there already: it stays claimed and due instead."""
    record(vault, REDIRECTED)
    code = claim(vault)
    record(vault, PUSHED)
    vault.codes.give_back(code, "mine", due_at=None, unanswered=1)
    assert there(vault)["status"] == "claimed"
    assert there(vault)["due_at"] == NOW + 15


@pytest.mark.parametrize("claimed", [True, False])
def test_a_code_is_postponed_while_it_is_open(vault: Vault, *, claimed: bool) -> None:
    """Whoever found its merchant's lease taken leaves it to the sweep."""
    record(vault)
    if claimed:
        claim(vault)
    vault.codes.postpone(SHA, due_at=NOW + 8)
    assert there(vault)["due_at"] == NOW + 8


@pytest.mark.parametrize("status", ["done", "failed", None])
def test_a_code_that_is_over_is_not_postponed(vault: Vault, status: str | None) -> None:
    """What is settled stays out of the index, and what is gone is not made."""
    if status is not None:
        record(vault)
        there(vault)["status"] = status
    before = vault.snapshot()
    vault.codes.postpone(SHA, due_at=NOW + 8)
    assert vault.snapshot() == before
