"""A push during a call that nobody knew the appid of: the merchant is leased to that call."""

from __future__ import annotations

import pytest

from tests.fakes.house import MERCHANT, House
from tests.unit.services.kit import (
    NOW,
    BusyWeChat,
    after_lease,
    afterwards,
    asked,
    authorized,
    bare,
    code_of,
    edit,
    exchange,
    find,
    keep,
    land,
    later,
    link,
    meanwhile,
    new_house,
    refuse,
    secrets_of,
    state,
    stored,
    with_component,
)
from wxvault.services import grants
from wxvault.services.onboarding_state import CodeStatus
from wxvault.services.outcome import Outcome
from wxvault.services.state import OpenCall, Status, TokenChange, TokenState

OPEN = OpenCall("call", NOW + 20)
OVER = OpenCall("call", NOW - 1)
UNCLAIMED = OpenCall(None, None)


def granted(known: TokenState | None, call: OpenCall | None, when: int = 1001) -> TokenChange:
    """Decide on the push of a code with which a call is open."""
    change = grants.granted(known, when, NOW, code_open=True, blind_call=call)
    assert change is not None
    return change


# --- as a decision -------------------------------------------------------------------------------


@pytest.mark.parametrize("until", [NOW, NOW + 20])
@pytest.mark.parametrize("known", [None, state(), bare(Status.REVOKED)])
def test_the_push_leases_the_merchant_to_the_call(known: TokenState | None, until: float) -> None:
    """Until the call is over, nobody else asks WeChat about the merchant."""
    change = granted(known, OpenCall("call", until))
    assert (change.lease_id, change.lease_until) == ("call", until)
    assert change.raise_fence
    assert change.authorized_at == 1001


@pytest.mark.parametrize(("theirs", "until"), [(NOW + 22, NOW + 22), (NOW + 3, NOW + 20)])
def test_a_live_lease_is_neither_taken_nor_shortened(theirs: float, until: float) -> None:
    """A question of somebody else is open as well: their lease stays theirs, to the later end."""
    change = granted(state(lease_id="theirs", lease_until=theirs), OPEN)
    assert (change.lease_id, change.lease_until) == ("theirs", until)
    assert change.raise_fence
    over = granted(state(lease_id="theirs", lease_until=NOW - 1), OPEN)
    assert (over.lease_id, over.lease_until) == ("call", NOW + 20)


@pytest.mark.parametrize("call", [None, OVER, UNCLAIMED])
def test_no_open_call_no_lease(call: OpenCall | None) -> None:
    """A call that is over by its time is answered by whoever takes the code again."""
    change = granted(state(), call)
    assert change.lease_id is None
    assert not change.raise_fence


@pytest.mark.parametrize("call", [OPEN, OVER, UNCLAIMED])
def test_an_older_grants_open_call_is_doubt(call: OpenCall) -> None:
    """The call of an older grant may supersede the tokens of a newer: they are withheld."""
    change = granted(state(), call, when=999)
    assert change.verifying
    assert change.due_at == NOW
    assert change.authorized_at == 1000
    assert change.secrets == "keep"


def test_an_older_grants_open_call_wakes_nobody() -> None:
    """What is gone has no tokens that could be superseded."""
    change = granted(bare(Status.LOST, authorized_at=1000), OVER, when=999)
    assert not change.verifying
    assert change.due_at is None


def test_a_call_that_was_refused_gives_its_lease_back() -> None:
    """It superseded nothing; a lease that is not its own is not touched."""
    change = grants.blind_call_over(state(lease_id="call"), "call")
    assert change is not None
    assert change.release
    assert grants.blind_call_over(state(lease_id="another"), "call") is None
    assert grants.blind_call_over(None, "call") is None


# --- in a house ----------------------------------------------------------------------------------


def landed(house: House) -> str:
    """Have a merchant confirm, and the browser bring the code; nobody has worked on it yet."""
    via = link(house)
    code = house.wechat.confirm(MERCHANT)
    land(house, via, code)
    house.exchange_queue.jobs.clear()
    house.component.get()
    asked(house)
    return code


def is_well(house: House) -> bool:
    """Say whether what is handed out is the newest that WeChat issued."""
    found = find(house)
    issued = house.wechat.accounts[MERCHANT].tokens[found.access_token]
    return issued.superseded_by is None and not stored(house).verifying


def test_nobody_renews_during_the_call() -> None:
    """A renewal would be superseded by the call: it finds the merchant leased."""
    house = authorized()
    later(house, 100)
    code = landed(house)
    outcomes: list[Outcome] = []

    def come_in() -> None:
        house.push_authorized(code)
        outcomes.append(keep(house))

    meanwhile(house, "query_auth", come_in)
    assert exchange(house, code) is CodeStatus.DONE
    assert outcomes == [Outcome.LEASED]
    assert stored(house).lease_id is None
    house.settle()
    assert is_well(house)


def test_a_silent_call_keeps_its_lease() -> None:
    """The push comes when the call was silent: nobody asks until that must be over; it heals."""
    house = authorized()
    later(house, 100)
    code = landed(house)
    refuse(house, "query_auth", "silent_after")
    exchange(house, code)
    claim_until = code_of(house, code).claim_until
    later(house, 5)
    house.push_authorized(code)
    assert stored(house).lease_until == claim_until
    assert keep(house) is Outcome.LEASED
    after_lease(house)
    house.settle()
    assert code_of(house, code).status is CodeStatus.DONE
    assert is_well(house)


def test_a_refused_call_goes_on_at_once() -> None:
    """The push came during a call that WeChat refused: nothing stands in the way of the lease."""
    house = with_component(new_house(BusyWeChat))
    code = landed(house)
    refuse(house, "query_auth", 61009)
    house.wechat._new_refresh_token(MERCHANT, house.wechat.accounts[MERCHANT])
    afterwards(house, "query_auth", lambda: house.push_authorized(code))
    started = house.clock.now()
    assert exchange(house, code) is CodeStatus.DONE
    assert house.clock.now() == started
    house.settle()
    assert is_well(house)


@pytest.mark.parametrize("refused", [False, True], ids=["answered", "refused"])
def test_a_silent_renewal_beside_the_call_keeps_its_lease(refused: bool) -> None:
    """A renewal that got no answer may be executed until its lease has run out, not before."""
    house = authorized(new_house(BusyWeChat))
    later(house, 100)
    edit(house, due_at=house.clock.now())
    code = landed(house)
    leases: list[float | None] = []

    def come_in() -> None:
        refuse(house, "refresh", "silent_before")
        later(house, 1)
        assert keep(house) is Outcome.UNKNOWN
        leases.append(stored(house).lease_until)
        house.push_authorized(code)

    afterwards(house, "query_auth", come_in)
    if refused:
        house.wechat._new_refresh_token(MERCHANT, house.wechat.accounts[MERCHANT])
        refuse(house, "query_auth", 61009)
    exchange(house, code)
    keep(house)
    later(house, 10)
    # Only now WeChat executes the renewal that it never answered.
    token, known = house.component.get(), house.wechat.accounts[MERCHANT].refresh_token
    house.wechat.refresh("", token, MERCHANT, known)
    assert leases[0] is not None
    assert house.clock.now() < leases[0]
    later(house, 20)
    house.settle()
    later(house, 400)
    assert is_well(house)
    assert secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token
