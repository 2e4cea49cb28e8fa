"""Codes whose first call was never answered: no token of a later call is believed."""

from __future__ import annotations

from typing import Literal

import pytest

from tests.fakes.house import MERCHANT, House
from tests.unit.services.kit import (
    after_lease,
    asked,
    authorized,
    claims_code,
    code_of,
    exchange,
    find,
    hooked,
    land,
    later,
    link,
    pushed,
    refuse,
    secrets_of,
    stored,
    told,
    with_component,
)
from wxvault.errors import SealingKeyError
from wxvault.services.onboarding_state import CodeStatus
from wxvault.services.state import Status

SECONDS: list[Literal["refused", "new", "same"]] = ["refused", "new", "same"]
"""What WeChat may answer to a code that was spent: nobody knows."""
BEFORE_AND_AFTER = ["silent_before", "silent_after"]
"""The call never arrived, or it was executed and its answer was lost."""


def end(house: House, code: str) -> None:
    """Let the claim run out and everything come to its end."""
    house.exchange_queue.jobs.clear()
    later(house, 25)
    house.settle()
    assert code_of(house, code).status is CodeStatus.DONE


def is_well(house: House) -> bool:
    """Say whether a merchant has what WeChat honours, and nothing is doubtful."""
    known = stored(house)
    return (
        house.wechat.honours(MERCHANT, find(house).access_token)
        and secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token
        and known.unresolved_mark is None
        and not known.verifying
        and known.status is Status.ACTIVE
    )


# --- by push -------------------------------------------------------------------------------------


def test_silence_leaves_claim_and_lease() -> None:
    """Nothing is written: the claim and the lease run out by themselves, and nobody asks before."""
    house = with_component()
    code = pushed(house)
    refuse(house, "query_auth", "silent_after")
    assert exchange(house, code) is CodeStatus.CLAIMED
    record = code_of(house, code)
    assert record.unanswered == 1
    assert record.claim_until == house.clock.now() + 24
    known = stored(house)
    assert known.lease_until == house.clock.now() + 24
    assert known.unresolved_mark is not None
    asked(house)
    assert exchange(house, code) is CodeStatus.CLAIMED
    assert asked(house) == []


@pytest.mark.parametrize("second", SECONDS)
@pytest.mark.parametrize("silence", BEFORE_AND_AFTER)
@pytest.mark.parametrize("known_before", [False, True], ids=["new", "known"])
def test_a_claim_that_ran_out_ends_well(
    second: Literal["refused", "new", "same"], silence: str, known_before: bool
) -> None:
    """Whatever WeChat did and does with the code, the merchant ends with tokens it honours."""
    house = authorized() if known_before else with_component()
    house.wechat.second_exchange = second
    later(house, 100)
    code = pushed(house)
    refuse(house, "query_auth", silence)
    exchange(house, code)
    end(house, code)
    assert is_well(house)


@pytest.mark.parametrize("second", SECONDS)
def test_no_token_of_a_retaken_code_is_stored(
    second: Literal["refused", "new", "same"],
) -> None:
    """Only the refresh token that WeChat names when asked is stored; a renewal follows at once."""
    house = with_component()
    house.wechat.second_exchange = second
    code = pushed(house)
    refuse(house, "query_auth", "silent_after")
    exchange(house, code)
    after_lease(house)
    asked(house)
    assert exchange(house, code) is CodeStatus.DONE
    assert asked(house) == ["query_auth", "authorizer_info"]
    assert secrets_of(house) == (None, house.wechat.accounts[MERCHANT].refresh_token)
    assert stored(house).due_at == house.clock.now()


def test_a_retaken_code_of_an_account_without_api_ability_is_done() -> None:
    """An answer without tokens cannot be the wrong one."""
    house = with_component()
    house.wechat.second_exchange = "same"
    code = pushed(house)
    house.wechat.accounts[MERCHANT].api_ability = False
    refuse(house, "query_auth", "silent_after")
    exchange(house, code)
    after_lease(house)
    assert exchange(house, code) is CodeStatus.DONE
    assert not stored(house).api_ability


def test_a_refusal_does_not_close_the_earlier_call() -> None:
    """-1 to the second call says nothing of the first: the mark and the count of it stay."""
    house = with_component()
    code = pushed(house)
    refuse(house, "query_auth", "silent_after", -1)
    exchange(house, code)
    since = stored(house).unresolved_since
    after_lease(house)
    assert exchange(house, code) is CodeStatus.RECEIVED
    assert code_of(house, code).unanswered == 1
    assert stored(house).unresolved_since == since
    end(house, code)
    assert is_well(house)


def test_silence_upon_silence_is_no_end() -> None:
    """However often WeChat is silent, the code is taken again, and ends well when it is over."""
    house = with_component()
    code = pushed(house)
    refuse(house, "query_auth", *["silent_before"] * 4)
    for _ in range(4):
        assert exchange(house, code) is CodeStatus.CLAIMED
        after_lease(house)
    assert code_of(house, code).unanswered == 4
    end(house, code)
    assert is_well(house)


def test_a_retaken_update_is_told() -> None:
    """A merchant who authorised again was updated, whether or not the first call was answered."""
    house = authorized()
    later(house, 100)
    code = pushed(house)
    refuse(house, "query_auth", "silent_after")
    exchange(house, code)
    end(house, code)
    assert told(house) == ["authorizer.updated"]


def test_a_lease_that_is_lost_while_healing_leaves_its_mark() -> None:
    """WeChat issued tokens to the second call, and there was no time to ask: it stays marked."""
    house = with_component()
    house.wechat.second_exchange = "new"
    code = pushed(house)
    refuse(house, "query_auth", "silent_after")
    exchange(house, code)
    after_lease(house)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(house.tokens, "extend", lambda *_, **__: None)
        assert exchange(house, code) is CodeStatus.RECEIVED
    assert stored(house).unresolved_mark is not None
    assert code_of(house, code).unanswered == 1
    end(house, code)
    assert is_well(house)


def test_silence_while_healing_is_taken_again() -> None:
    """The first call was silent, and so is the question about it: nothing is lost."""
    house = with_component()
    code = pushed(house)
    refuse(house, "query_auth", "silent_after")
    refuse(house, "authorizer_info", "silent_before")
    exchange(house, code)
    after_lease(house)
    assert exchange(house, code) is CodeStatus.CLAIMED
    end(house, code)
    assert is_well(house)


# --- by redirect ---------------------------------------------------------------------------------


def landed(house: House) -> tuple[str, str]:
    """Have a browser bring a code; return it and the pre-auth code of its link."""
    via = link(house)
    code = house.wechat.confirm(MERCHANT)
    land(house, via, code)
    asked(house)
    return code, via.pre_auth_code


@pytest.mark.parametrize("second", SECONDS)
@pytest.mark.parametrize("silence", BEFORE_AND_AFTER)
@pytest.mark.parametrize("pushed_before", [False, True], ids=["push later", "push before"])
def test_a_redirect_without_answer_ends_well_by_its_push(
    second: Literal["refused", "new", "same"], silence: str, pushed_before: bool
) -> None:
    """The redirect's exchange got no answer; when the push comes, WeChat is asked what is true."""
    house = with_component()
    house.wechat.second_exchange = second
    code, pre_auth_code = landed(house)
    refuse(house, "query_auth", silence)
    exchange(house, code)
    if not pushed_before:
        later(house, 25)
        exchange(house, code)
        assert code_of(house, code).status in (CodeStatus.RECEIVED, CodeStatus.DONE)
    house.push_authorized(code, pre_auth_code=pre_auth_code)
    end(house, code)
    assert is_well(house)
    assert stored(house).tenant_id == "tenant"


def test_a_retaken_redirect_stores_nothing() -> None:
    """Tokens of the second answer may not be the live ones: withheld, and WeChat is asked."""
    house = with_component()
    house.wechat.second_exchange = "new"
    code, _ = landed(house)
    refuse(house, "query_auth", "silent_after")
    exchange(house, code)
    later(house, 25)
    assert exchange(house, code) is CodeStatus.DONE
    known = stored(house)
    assert (known.status, known.verifying, known.has_refresh) == (Status.PENDING, True, False)
    house.settle()
    assert is_well(house)


def test_a_spent_redirect_whose_push_stays_away_is_found_on_the_list() -> None:
    """The search that it sets off finds the merchant, who is nobody's: whose cannot be known."""
    house = with_component()
    code, _ = landed(house)
    refuse(house, "query_auth", "silent_after")
    exchange(house, code)
    later(house, 25)
    exchange(house, code)
    assert house.searches == 1
    house.resync.run(dry_run=False, until=house.clock.now() + 900)
    house.work()
    assert is_well(house)
    assert stored(house).tenant_id is None


def test_a_code_that_nobody_has_issued_sets_off_no_search() -> None:
    """Anybody can show a landing something: refused at the first call, it is over."""
    house = with_component()
    code, _ = landed(house)
    refuse(house, "query_auth", 61009)
    assert exchange(house, code) is CodeStatus.FAILED
    assert house.searches == 0


def test_a_spent_redirect_waits_for_its_push() -> None:
    """61009 after silence: the first call got through, but for whom? Nothing is due until told."""
    house = with_component()
    code, _ = landed(house)
    refuse(house, "query_auth", "silent_after")
    exchange(house, code)
    later(house, 25)
    assert exchange(house, code) is CodeStatus.RECEIVED
    record = code_of(house, code)
    assert (record.due_at, record.claim_id, record.unanswered) == (None, None, 1)
    assert house.searches == 1
    asked(house)
    house.exchange_queue.jobs.clear()
    later(house, 600)
    house.settle()
    assert "query_auth" not in asked(house)
    house.push_authorized(code)
    house.settle()
    assert is_well(house)


def test_a_push_during_the_refusal_goes_on_at_once() -> None:
    """61009 after silence, but the push came in meanwhile: under the lease WeChat is asked."""
    house, table = hooked()
    with_component(house)
    code, _ = landed(house)
    refuse(house, "query_auth", "silent_after")
    exchange(house, code)
    later(house, 25)
    table.hooks.append((claims_code, lambda: house.push_authorized(code)))
    assert exchange(house, code) is CodeStatus.DONE
    assert asked(house)[-1] == "authorizer_info"
    house.settle()
    assert is_well(house)


@pytest.mark.parametrize("second", SECONDS)
def test_an_answer_that_could_not_be_kept_counts_as_unheard(
    second: Literal["refused", "new", "same"],
) -> None:
    """The sealing key fails after WeChat answered: a newer grant is not undone by that code."""
    house = authorized()
    house.wechat.second_exchange = second
    later(house, 10)
    code = pushed(house)
    house.wechat.during["query_auth"] = [lambda: setattr(house.keys, "disabled", True)]
    with pytest.raises(SealingKeyError):
        exchange(house, code)
    assert (code_of(house, code).status, code_of(house, code).unanswered) == (
        CodeStatus.RECEIVED,
        1,
    )
    house.keys.disabled = False
    later(house, 10)
    exchange(house, pushed(house))
    later(house, 60)
    house.settle()
    assert code_of(house, code).status is CodeStatus.DONE
    assert secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token
    assert house.wechat.honours(MERCHANT, house.lookup.find(MERCHANT).access_token)
