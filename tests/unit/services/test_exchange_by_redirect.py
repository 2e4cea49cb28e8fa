"""Codes whose redirect came first: exchanged without a lease, and only stored beyond doubt."""

from __future__ import annotations

import contextlib

import pytest

from tests.fakes.house import MERCHANT, House
from tests.unit.services.kit import (
    asked,
    authorized,
    claims_code,
    code_of,
    edit,
    exchange,
    find,
    hooked,
    land,
    later,
    link,
    meanwhile,
    pushed,
    refuse,
    secrets_of,
    stored,
    told,
    with_component,
)
from wxvault.errors import AuthorizerRevokedError, NoTicketError, RenewalInProgressError
from wxvault.services.onboarding_state import CodeStatus
from wxvault.services.outcome import Outcome
from wxvault.services.state import Purpose, Status


def landed(house: House) -> str:
    """Have a merchant confirm, and the browser bring the code; nobody has worked on it yet."""
    via = link(house)
    code = house.wechat.confirm(MERCHANT)
    asked(house)
    land(house, via, code)
    return code


# --- nobody knew the merchant --------------------------------------------------------------------


def test_a_redirect_brings_a_merchant() -> None:
    """Where nothing stood the tokens are stored at once, without a date until the push comes."""
    house = with_component()
    code = landed(house)
    told(house)
    house.work()
    assert asked(house) == ["query_auth"]
    known = stored(house)
    assert known.status is Status.ACTIVE
    assert known.grant_undated
    assert known.authorized_at is None
    assert not known.verifying
    assert house.wechat.honours(MERCHANT, find(house).access_token)
    assert code_of(house, code).status is CodeStatus.DONE
    assert told(house) == ["authorizer.authorized"]


def test_its_push_dates_the_grant() -> None:
    """The push that comes later exchanges nothing; the grant has its date, the token is renewed."""
    house = with_component()
    code = landed(house)
    house.work()
    later(house, 3)
    asked(house)
    house.push_authorized(code, create_time=1_700_000_000)
    house.settle()
    known = stored(house)
    assert (known.authorized_at, known.grant_undated) == (1_700_000_000, False)
    assert "query_auth" not in asked(house)
    assert house.wechat.honours(MERCHANT, find(house).access_token)


@pytest.mark.parametrize("ways", ["push, redirect", "redirect, push"])
@pytest.mark.parametrize("worked", [0, 1, 2], ids=lambda times: f"worked {times} times between")
@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
def test_both_ways_are_one_exchange(ways: str, worked: int, twice: bool) -> None:
    """In both orders, each way once or twice, one query_auth brings one merchant."""
    house = with_component()
    via = link(house)
    code = house.wechat.confirm(MERCHANT)
    when = int(house.clock.now())
    told(house)
    for way in ways.split(", ") * (1 + twice):
        if way == "push":
            house.push_authorized(code, create_time=when, pre_auth_code=via.pre_auth_code)
        else:
            land(house, via, code)
        for _ in range(worked):
            house.work()
    house.work()
    later(house, 20)
    house.settle()
    assert asked(house).count("query_auth") == 1
    known = stored(house)
    assert (known.status, known.tenant_id) == (Status.ACTIVE, "tenant")
    assert (known.grant_undated, known.verifying, known.tenant_by_redirect) == (False, False, False)
    assert secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token
    assert house.wechat.honours(MERCHANT, find(house).access_token)
    assert told(house).count("authorizer.authorized") == 1
    assert house.onboarding.status("tenant", via.session_id).authorizers == (MERCHANT,)


def test_an_account_without_api_ability_has_nothing_due() -> None:
    """The redirect of an account without tokens is an end, too."""
    house = with_component()
    code = landed(house)
    house.wechat.accounts[MERCHANT].api_ability = False
    house.work()
    known = stored(house)
    assert (known.status, known.api_ability, known.due_at) == (Status.ACTIVE, False, None)
    assert code_of(house, code).status is CodeStatus.DONE


def test_a_push_while_wechat_is_asked_dates_it() -> None:
    """The push that came in while WeChat exchanged is taken into account when it is stored."""
    house = with_component()
    code = landed(house)
    meanwhile(house, "query_auth", lambda: house.push_authorized(code, create_time=1_700_000_000))
    house.work()
    house.settle()
    known = stored(house)
    assert (known.authorized_at, known.grant_undated) == (1_700_000_000, False)
    assert asked(house).count("query_auth") == 1
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_a_push_before_the_claim_leads_to_the_lease() -> None:
    """The push came in just before the call: nothing was asked yet, so the leased way it is."""
    house = with_component()
    code = landed(house)
    read = code_of(house, code)
    house.push_authorized(code, create_time=1_700_000_000)
    leases: list[float | None] = []
    meanwhile(house, "query_auth", lambda: leases.append(stored(house).lease_until))
    house.exchange._unleased(read)
    assert asked(house) == ["query_auth"]
    assert leases == [house.clock.now() + 24]
    assert code_of(house, code).status is CodeStatus.DONE
    assert not stored(house).grant_undated


# --- somebody stood there already ----------------------------------------------------------------


def test_where_tokens_stand_nothing_is_stored() -> None:
    """Nobody can tell whose tokens are newer: all are withheld, WeChat is asked, and renewed."""
    house = authorized()
    later(house, 100)
    before = secrets_of(house)
    code = landed(house)
    told(house)
    fence = stored(house).fence
    assert exchange(house, code) is CodeStatus.DONE
    doubtful = stored(house)
    assert secrets_of(house) == before
    assert doubtful.verifying
    assert doubtful.grant_undated
    assert doubtful.unresolved_mark is not None
    assert doubtful.due_at == house.clock.now()
    assert doubtful.fence == fence + 1
    found = find(house)
    assert found.renewed
    assert asked(house) == ["query_auth", "authorizer_info", "refresh"]
    assert house.wechat.honours(MERCHANT, found.access_token)
    assert secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token
    assert stored(house).unresolved_mark is None


def test_a_renewal_under_way_stores_nothing_then() -> None:
    """The exchange takes the lease from a renewal: neither stores a token that may be dead."""
    house = authorized()
    edit(house, due_at=house.clock.now())
    code = landed(house)
    assert house.exchange_queue.jobs

    def come_back() -> None:
        exchange(house, code)

    meanwhile(house, "refresh", come_back)
    assert house.keeper.keep(MERCHANT) is Outcome.LEASED
    house.exchange_queue.jobs.clear()
    known = stored(house)
    assert known.verifying
    assert known.lease_until is not None
    later(house, 25)
    house.settle()
    assert secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_a_redirect_after_a_cancellation_is_verified() -> None:
    """A merchant who was revoked comes back by redirect: withheld until WeChat said so."""
    house = authorized()
    house.wechat.cancel(MERCHANT)
    house.push_unauthorized()
    house.work()
    later(house, 100)
    code = landed(house)
    told(house)
    exchange(house, code)
    known = stored(house)
    assert (known.status, known.verifying, known.has_refresh) == (Status.REVOKED, True, False)
    assert house.wechat.honours(MERCHANT, find(house).access_token)
    assert told(house) == ["authorizer.authorized"]


def test_an_old_redirect_after_a_cancellation_changes_nothing() -> None:
    """The code of a grant that was cancelled since: WeChat refuses it, the tombstone stays."""
    house = with_component()
    code = landed(house)
    house.wechat.cancel(MERCHANT)
    house.push_unauthorized()
    house.settle()
    assert code_of(house, code).status is CodeStatus.FAILED
    with pytest.raises(AuthorizerRevokedError):
        find(house)


def test_under_a_live_lease_a_renewal_follows() -> None:
    """A first exchange is under way for the same merchant: it is stored, and renewed at once."""
    house = with_component()
    code = landed(house)
    house.tools.acquire(MERCHANT, Purpose.EXCHANGE)
    exchange(house, code)
    known = stored(house)
    assert known.due_at == house.clock.now()
    assert secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token
    later(house, 25)
    house.settle()
    assert house.wechat.honours(MERCHANT, find(house).access_token)


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("errcode", [61009, 61010])
def test_a_code_that_wechat_does_not_know_fails(errcode: int) -> None:
    """Anybody can call the landing with rubbish: the code fails, and no authorizer is touched."""
    house = with_component()
    code = landed(house)
    refuse(house, "query_auth", errcode)
    assert exchange(house, code) is CodeStatus.FAILED
    assert code_of(house, code).wechat_errcode == errcode
    assert house.tokens.get(MERCHANT) is None


def test_a_failed_code_and_its_push_are_verified() -> None:
    """The redirect's code failed, then its push says whose it was: WeChat is asked about them."""
    house = with_component()
    code = landed(house)
    refuse(house, "query_auth", 61009)
    exchange(house, code)
    house.wechat._new_refresh_token(MERCHANT, house.wechat.accounts[MERCHANT])
    house.exchange_queue.jobs.clear()
    house.push_authorized(code)
    assert stored(house).verifying
    assert house.exchange_queue.jobs == []
    assert house.renew_queue.jobs == [{"job": "authorizer", "authorizer_appid": MERCHANT}]
    house.settle()
    assert house.wechat.honours(MERCHANT, find(house).access_token)


@pytest.mark.parametrize("errcode", [-1, 45009])
def test_a_refused_exchange_is_tried_again(errcode: int) -> None:
    """Nothing was issued: the code goes back, and is exchanged after its back-off."""
    house = with_component()
    code = landed(house)
    refuse(house, "query_auth", errcode)
    assert exchange(house, code) is CodeStatus.RECEIVED
    assert code_of(house, code).unanswered == 0
    house.exchange_queue.jobs.clear()
    later(house, 15)
    house.settle()
    assert code_of(house, code).status is CodeStatus.DONE
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_a_refused_component_token_is_renewed_once() -> None:
    """40001 speaks of the component token: renewed, and the code exchanged under the same claim."""
    house = with_component()
    code = landed(house)
    later(house, 61)
    refuse(house, "query_auth", 40001)
    assert exchange(house, code) is CodeStatus.DONE
    assert asked(house) == ["query_auth", "component_token", "query_auth"]


def test_no_other_component_token_gives_the_code_back() -> None:
    """The component token stays refused: nothing was issued, so the code is exchanged later."""
    house = with_component()
    code = landed(house)
    refuse(house, "query_auth", 40001, 40001)
    assert exchange(house, code) is CodeStatus.RECEIVED
    assert code_of(house, code).unanswered == 0


def test_no_component_token_at_all_gives_the_code_back() -> None:
    """40001, and nobody can renew the component token: nothing was issued under this claim."""
    house = with_component()
    code = landed(house)
    later(house, 61)
    refuse(house, "query_auth", 40001)
    refuse(house, "component_token", "silent_before")
    with contextlib.suppress(RenewalInProgressError):
        exchange(house, code)
    record = code_of(house, code)
    assert (record.status, record.unanswered) == (CodeStatus.RECEIVED, 0)


def test_who_loses_the_claim_asks_nothing() -> None:
    """Between reading and claiming somebody else was faster."""
    house = with_component()
    code = landed(house)
    read = code_of(house, code)
    house.codes.claim(read.code_sha256, "somebody", now=house.clock.now())
    house.exchange._unleased(read)
    assert asked(house) == []


@pytest.mark.parametrize(
    ("seconds", "status"), [(2.0, CodeStatus.DONE), (2.001, CodeStatus.RECEIVED)]
)
def test_too_late_to_start_gives_the_code_back(seconds: float, status: CodeStatus) -> None:
    """A claim must outlive what its holder causes: after two seconds no call starts under it."""
    house, table = hooked()
    with_component(house)
    code = landed(house)
    table.hooks.append((claims_code, lambda: later(house, seconds)))
    assert exchange(house, code) is status
    assert asked(house).count("query_auth") == (status is CodeStatus.DONE)
    assert code_of(house, code).unanswered == (status is CodeStatus.DONE)


def test_without_a_component_token_the_code_is_not_claimed() -> None:
    """The code stays as it is and is due."""
    house = with_component()
    code = landed(house)
    later(house, 13 * 3600)
    with pytest.raises(NoTicketError):
        exchange(house, code)
    assert code_of(house, code).status is CodeStatus.RECEIVED
    assert code_of(house, code).due_at is not None


def test_a_code_that_cannot_be_opened_waits_for_its_push() -> None:
    """Nobody knows whose it is and what it says; when the push comes, WeChat is asked."""
    house = with_component()
    code = landed(house)
    house.keys.unusable.add("k1")
    house.keys.name = "k2"
    house.push_ticket()
    later(house, 7300)
    house.push_ticket()
    assert exchange(house, code) is CodeStatus.RECEIVED
    assert "query_auth" not in asked(house)
    house.wechat._new_refresh_token(MERCHANT, house.wechat.accounts[MERCHANT])
    house.push_authorized(code)
    house.settle()
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_two_merchants_do_not_get_into_each_others_way() -> None:
    """Codes of two merchants, one by redirect and one by push, end each with their own tokens."""
    house = with_component()
    landed(house)
    pushed(house, "wx00000000000000a2")
    house.work()
    for appid in (MERCHANT, "wx00000000000000a2"):
        assert house.wechat.honours(appid, find(house, appid).access_token)
        assert secrets_of(house, appid)[1] == house.wechat.accounts[appid].refresh_token
