"""Codes whose push told the appid: exchanged once, under the authorizer's lease."""

from __future__ import annotations

import pytest

from tests.fakes.house import COMPONENT, MERCHANT, House
from tests.unit.services.kit import (
    after_lease,
    asked,
    authorized,
    claims_code,
    code_of,
    edit,
    exchange,
    find,
    hooked,
    later,
    meanwhile,
    pushed,
    secrets_of,
    snapshot,
    stored,
    takes_lease,
    told,
    with_component,
)
from wxvault.errors import NoTicketError
from wxvault.services.onboarding_state import CodeStatus
from wxvault.services.state import Purpose, Status
from wxvault.vault.keys import profile_key

# --- the plain way -------------------------------------------------------------------------------


def test_a_push_brings_a_merchant() -> None:
    """One code, one exchange: tokens, permission sets and one event; the code itself is gone."""
    house = with_component()
    told(house)
    code = pushed(house)
    record = code_of(house, code)
    assert record.status is CodeStatus.RECEIVED
    assert record.due_at == house.clock.now() + 15
    house.work()
    assert asked(house) == ["query_auth"]
    known = stored(house)
    assert known.status is Status.ACTIVE
    assert known.authorized_at == int(house.clock.now())
    assert (known.lease_id, known.unresolved_mark, known.verifying) == (None, None, False)
    assert not known.grant_undated
    assert known.due_at is not None
    assert secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token
    assert house.wechat.honours(MERCHANT, find(house).access_token)
    assert told(house) == ["authorizer.authorized"]
    record = code_of(house, code)
    assert (record.status, record.outcome_appid) == (CodeStatus.DONE, MERCHANT)
    assert record.due_at is None
    assert house.codes.authorization_code(record) is None
    profile = snapshot(house)[profile_key(COMPONENT, MERCHANT)]
    assert profile["permission_sets"] == [1, 18]


def test_a_code_is_exchanged_once() -> None:
    """The same job twice, and the same push twice, ask WeChat once."""
    house = with_component()
    code = pushed(house)
    house.work()
    assert exchange(house, code) is CodeStatus.DONE
    house.push_authorized(code, create_time=int(house.clock.now()))
    house.settle()
    assert asked(house).count("query_auth") == 1


def test_a_code_nobody_knows_is_nobodys() -> None:
    """A job for a code that is not there does nothing."""
    house = with_component()
    assert exchange(house, "unknown") is None
    assert asked(house) == []


def test_an_updated_grant_brings_new_tokens() -> None:
    """A merchant who authorises again has the new tokens, and is told as updated."""
    house = authorized()
    later(house, 100)
    old = secrets_of(house)
    pushed(house)
    assert secrets_of(house) == (None, old[1])
    house.work()
    assert secrets_of(house)[1] not in (None, old[1])
    assert house.wechat.honours(MERCHANT, find(house).access_token)
    assert told(house) == ["authorizer.updated"]


def test_an_account_without_api_ability_is_authorised_all_the_same() -> None:
    """WeChat issues no token for it: active, told, nothing due, and verified by nobody."""
    house = with_component()
    told(house)
    code = pushed(house)
    house.wechat.accounts[MERCHANT].api_ability = False
    house.work()
    known = stored(house)
    assert (known.status, known.api_ability, known.due_at) == (Status.ACTIVE, False, None)
    assert code_of(house, code).status is CodeStatus.DONE
    assert told(house) == ["authorizer.authorized"]
    house.settle()
    assert asked(house) == ["query_auth"]


def test_an_account_gains_its_api_ability_by_authorising_again() -> None:
    """The next grant brings tokens, and from then on it is kept fresh."""
    house = with_component()
    pushed(house)
    account = house.wechat.accounts[MERCHANT]
    account.api_ability = False
    house.work()
    account.api_ability = True
    later(house, 100)
    pushed(house)
    house.work()
    assert stored(house).api_ability
    assert stored(house).due_at is not None
    assert house.wechat.honours(MERCHANT, find(house).access_token)


# --- leases and claims ---------------------------------------------------------------------------


def test_a_busy_authorizer_is_waited_for() -> None:
    """While somebody renews, the exchange tries for eight seconds, then leaves it to the sweep."""
    house = authorized()
    later(house, 10)
    code = pushed(house)
    house.tools.acquire(MERCHANT, Purpose.RENEWAL)
    started = house.clock.now()
    asked(house)
    house.exchange_queue.jobs.clear()
    assert exchange(house, code) is CodeStatus.RECEIVED
    assert house.clock.now() - started == pytest.approx(8, abs=0.16)
    assert asked(house) == []
    record = code_of(house, code)
    assert record.claim_id is None
    assert record.due_at == house.clock.now()
    after_lease(house)
    house.settle()
    assert code_of(house, code).status is CodeStatus.DONE


def test_a_lease_that_comes_free_is_taken() -> None:
    """When the renewal ends within eight seconds, the exchange goes on."""
    house = authorized()
    later(house, 10)
    code = pushed(house)
    edit(house, lease_id="somebody", lease_until=house.clock.now() + 100)
    house.time.while_sleeping += [lambda: None, lambda: edit(house, lease_until=None)]
    assert exchange(house, code) is CodeStatus.DONE


def test_a_code_that_is_done_meanwhile_needs_no_lease() -> None:
    """While one waits for the lease another brings the code to its end."""
    house = with_component()
    code = pushed(house)
    sha256 = code_of(house, code).code_sha256
    house.codes.claim(sha256, "somebody", now=house.clock.now())
    house.time.while_sleeping += [lambda: house.codes.fail(sha256, "somebody", 61009)]
    started = house.clock.now()
    assert exchange(house, code) is CodeStatus.FAILED
    assert house.clock.now() - started < 1
    assert asked(house) == []
    assert stored(house).fence == 0


def test_a_claimed_code_is_left_to_who_claimed_it() -> None:
    """While somebody has a live claim, nobody else takes the lease for that code."""
    house = with_component()
    code = pushed(house)
    house.codes.claim(code_of(house, code).code_sha256, "somebody", now=house.clock.now())
    assert exchange(house, code) is CodeStatus.CLAIMED
    assert asked(house) == []
    assert stored(house).fence == 0


def test_a_code_that_was_taken_in_between_gives_the_lease_back() -> None:
    """Lease first, then claim: when somebody else was faster with the code, nothing was asked."""
    house, table = hooked()
    with_component(house)
    code = pushed(house)
    sha256 = code_of(house, code).code_sha256

    def take_over() -> None:
        house.codes.claim(sha256, "somebody", now=house.clock.now())

    table.hooks.append((takes_lease, take_over))
    assert exchange(house, code) is CodeStatus.CLAIMED
    assert asked(house) == []
    known = stored(house)
    assert (known.lease_id, known.unresolved_mark, known.due_at) == (None, None, None)


def test_too_late_to_start_gives_everything_back() -> None:
    """The claim took over two seconds: lease and code are given back, and it is tried again."""
    house, table = hooked()
    with_component(house)
    code = pushed(house)
    table.hooks.append((claims_code, lambda: later(house, 2.1)))
    assert exchange(house, code) is CodeStatus.RECEIVED
    assert asked(house) == []
    record = code_of(house, code)
    assert (record.claim_id, record.unanswered) == (None, 0)
    assert stored(house).lease_id is None
    house.settle()
    assert code_of(house, code).status is CodeStatus.DONE
    assert asked(house).count("query_auth") == 1


def test_without_a_component_token_the_code_stays() -> None:
    """Nothing is claimed; the code is still due, and exchanged when there is a token again."""
    house = House()
    code = pushed(house)
    with pytest.raises(NoTicketError):
        exchange(house, code)
    assert code_of(house, code).status is CodeStatus.RECEIVED
    house.push_ticket()
    house.work()
    later(house, 15)
    house.settle()
    assert code_of(house, code).status is CodeStatus.DONE


def test_a_repeated_write_is_still_one_exchange() -> None:
    """AWS's client may repeat writes whose answers were lost: the code is done, by one call."""
    house, table = hooked()
    with_component(house)
    code = pushed(house)
    table.repeated = True
    house.settle()
    assert code_of(house, code).status is CodeStatus.DONE
    assert asked(house).count("query_auth") == 1
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_done_and_tokens_are_one_transaction() -> None:
    """A claim that somebody took over in the last moment leaves neither tokens nor a done code."""
    house = with_component()
    code = pushed(house)
    sha256 = code_of(house, code).code_sha256

    def take_over() -> None:
        later(house, 25)
        house.codes.claim(sha256, "somebody", now=house.clock.now())

    meanwhile(house, "query_auth", take_over)
    assert exchange(house, code) is CodeStatus.CLAIMED
    assert secrets_of(house) == (None, None)
    assert code_of(house, code).outcome_appid is None
    later(house, 25)
    house.settle()
    assert code_of(house, code).status is CodeStatus.DONE
    assert house.wechat.honours(MERCHANT, find(house).access_token)
