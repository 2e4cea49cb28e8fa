"""A refresh token that WeChat refuses, that cannot be opened, or whose merchant is gone."""

from __future__ import annotations

import pytest

from tests.fakes.house import MERCHANT, House
from tests.unit.services.kit import (
    BusyWeChat,
    afterwards,
    asked,
    authorized,
    edit,
    find,
    keep,
    later,
    meanwhile,
    new_house,
    refuse,
    secrets_of,
    stored,
    takes_lease,
    told,
    until_due,
)
from tests.unit.services.kit import hooked as hooked_house
from wxvault.errors import AuthorizerLostError, AuthorizerRevokedError
from wxvault.services.outcome import Outcome
from wxvault.services.state import Status


def due_house(house: House | None = None) -> House:
    """Return a house whose merchant's token is due."""
    house = authorized(house)
    until_due(house)
    house.component.get()
    asked(house)
    return house


def rotate(house: House) -> str:
    """Have WeChat know another refresh token than the vault."""
    account = house.wechat.accounts[MERCHANT]
    house.wechat._new_refresh_token(MERCHANT, account)
    return account.refresh_token


def test_the_same_refused_token_is_lost() -> None:
    """61023, and WeChat knows only that very token: lost, told, out of the index, tokens kept."""
    house = due_house()
    refresh_token = secrets_of(house)[1]
    refuse(house, "refresh", 61023)
    assert keep(house) is Outcome.LOST
    assert asked(house) == ["refresh", "authorizer_info"]
    lost = stored(house)
    assert (lost.status, lost.due_at, lost.lease_id) == (Status.LOST, None, None)
    assert lost.unresolved_mark is None
    assert secrets_of(house) == (None, refresh_token)
    kind, detail = house.bus.sent[-1]
    assert (kind, detail["wechat_errcode"]) == ("authorizer.lost", 61023)
    with pytest.raises(AuthorizerLostError) as raised:
        find(house)
    assert raised.value.wechat_errcode == 61023
    assert keep(house) is Outcome.ABSENT
    assert asked(house) == []


def test_another_token_is_used_once_more() -> None:
    """61023, and WeChat knows another one: with that the renewal works, and it is stored."""
    house = due_house()
    other = rotate(house)
    assert keep(house) is Outcome.RENEWED
    assert asked(house) == ["refresh", "authorizer_info", "refresh"]
    assert secrets_of(house)[1] == other
    assert house.wechat.honours(MERCHANT, secrets_of(house)[0] or "")
    assert told(house) == []


def test_another_token_is_used_no_third_time() -> None:
    """When the other one is refused too, it is failing, and tried again later: never lost."""
    house = due_house()
    rotate(house)
    refuse(house, "refresh", 61023, 61023)
    assert keep(house) is Outcome.FAILING
    assert asked(house) == ["refresh", "authorizer_info", "refresh"]
    failing = stored(house)
    assert failing.status is Status.FAILING
    assert failing.due_at is not None
    assert failing.due_at > house.clock.now()
    assert told(house) == ["authorizer.failing"]


def test_an_empty_answer_is_failing() -> None:
    """61023, and WeChat names no refresh token at all: failing with back-off, ours is kept."""
    house = due_house()
    refresh_token = secrets_of(house)[1]
    account = house.wechat.accounts[MERCHANT]
    account.refresh_token, known = "", account.refresh_token
    assert keep(house) is Outcome.FAILING
    failing = stored(house)
    assert (failing.status, failing.last_errcode, failing.attempts) == (Status.FAILING, 61023, 1)
    assert secrets_of(house)[1] == refresh_token
    account.refresh_token = known
    until_due(house)
    assert keep(house) is Outcome.RENEWED
    assert told(house) == ["authorizer.failing", "authorizer.recovered"]


def test_a_cancelled_merchant_is_revoked() -> None:
    """61003 twice: revoked for good, tokens gone, told, deleted after the retention."""
    house = due_house()
    house.wechat.cancel(MERCHANT)
    assert keep(house) is Outcome.REVOKED
    assert asked(house) == ["refresh", "authorizer_info"]
    gone = stored(house)
    assert (gone.status, gone.due_at, gone.verifying) == (Status.REVOKED, None, False)
    assert secrets_of(house) == (None, None)
    assert gone.item["delete_after"] == int(house.clock.now() + 30 * 86400)
    assert told(house) == ["authorizer.revoked"]
    with pytest.raises(AuthorizerRevokedError):
        find(house)


def test_one_61003_is_not_believed() -> None:
    """61003 for the refresh token, while WeChat still shows the account: lost, not revoked."""
    house = due_house()
    refuse(house, "refresh", 61003)
    assert keep(house) is Outcome.LOST
    assert stored(house).last_errcode == 61003


def test_61003_with_another_token_is_no_end() -> None:
    """61003 for an outdated refresh token: the one WeChat names is tried."""
    house = due_house()
    other = rotate(house)
    refuse(house, "refresh", 61003)
    assert keep(house) is Outcome.RENEWED
    assert secrets_of(house)[1] == other


@pytest.mark.parametrize("errcode", [-1, 45009, 48001, 61004])
def test_no_answer_about_it_is_a_refusal(errcode: int) -> None:
    """61023, and WeChat will not tell: an ordinary refusal with back-off, active still."""
    house = due_house()
    refuse(house, "refresh", 61023)
    refuse(house, "authorizer_info", errcode)
    assert keep(house) is Outcome.REFUSED
    refused = stored(house)
    assert (refused.status, refused.last_errcode) == (Status.ACTIVE, errcode)
    assert refused.due_at is not None
    assert refused.due_at > house.clock.now()


def test_silence_about_it_leaves_all_open() -> None:
    """61023, then silence: nothing is written, the item stays due and marked."""
    house = due_house()
    refuse(house, "refresh", 61023)
    refuse(house, "authorizer_info", "silent_after")
    assert keep(house) is Outcome.UNKNOWN
    assert stored(house).status is Status.ACTIVE
    assert stored(house).unresolved_mark is not None


def test_a_broken_seal_heals() -> None:
    """A refresh token that cannot be opened is read again from WeChat, as if it had been lost."""
    house = due_house()
    refresh_token = house.wechat.accounts[MERCHANT].refresh_token
    house.keys.unusable.add("k1")
    house.keys.name = "k2"
    later(house, 61)
    house.push_ticket()
    assert keep(house) is Outcome.RENEWED
    assert asked(house)[-2:] == ["authorizer_info", "refresh"]
    assert secrets_of(house)[1] == refresh_token


def test_a_moved_value_is_never_used() -> None:
    """A sealed value of another generation does not open, and is healed without being sent."""
    house = due_house()
    edit(house, generation=stored(house).generation + 1)
    assert keep(house) is Outcome.RENEWED
    assert asked(house) == ["authorizer_info", "refresh"]
    assert house.wechat.honours(MERCHANT, secrets_of(house)[0] or "")


def test_a_broken_seal_without_an_answer_is_failing() -> None:
    """When WeChat has no refresh token either, it is failing, but WeChat has not refused one."""
    house = due_house()
    house.wechat.accounts[MERCHANT].refresh_token = ""
    edit(house, refresh_token=b"rubbish")
    assert keep(house) is Outcome.FAILING
    assert stored(house).last_errcode is None


def test_each_further_question_extends_the_lease() -> None:
    """Every question has its whole lease before it, and is not asked once the lease is lost."""
    house = due_house()
    rotate(house)
    leases: list[float | None] = []

    def note() -> None:
        later(house, 20)
        leases.append(stored(house).lease_until)

    started = house.clock.now()
    meanwhile(house, "authorizer_info", note)
    meanwhile(house, "refresh", note)
    refuse(house, "refresh", 61023)
    assert keep(house) is Outcome.RENEWED
    assert leases == [started + 24, started + 44]


def test_a_revocation_stops_the_further_questions() -> None:
    """A cancellation that is pushed between two questions ends the renewal without writing."""
    house, table = hooked_house()
    authorized(house)
    until_due(house)
    rotate(house)
    house.component.get()
    asked(house)
    when = int(house.clock.now())

    def cancel() -> None:
        house.wechat.cancel(MERCHANT)
        house.push_unauthorized(create_time=when)

    table.hooks.append((takes_lease, cancel))
    assert keep(house) is Outcome.LEASED
    revoked = stored(house)
    assert revoked.status is Status.REVOKED
    assert revoked.lease_until is not None
    assert secrets_of(house) == (None, None)
    assert asked(house) == ["refresh"]


def test_a_grant_during_the_question_is_no_end() -> None:
    """A merchant who comes back while WeChat says 61003 of the old grant is asked for again."""
    house = due_house(new_house(BusyWeChat))
    house.wechat.cancel(MERCHANT)

    afterwards(
        house, "authorizer_info", lambda: house.push_authorized(house.wechat.confirm(MERCHANT))
    )
    assert keep(house) is Outcome.LEASED
    known = stored(house)
    assert known.status is Status.ACTIVE
    assert known.verifying
    house.work()
    house.settle()
    assert stored(house).status is Status.ACTIVE
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_a_grant_during_the_question_is_not_lost() -> None:
    """WeChat named the refused token once more, but a newer grant was pushed meanwhile."""
    house = due_house(new_house(BusyWeChat))
    later(house, 10)
    refuse(house, "refresh", 61023)
    afterwards(
        house, "authorizer_info", lambda: house.push_authorized(house.wechat.confirm(MERCHANT))
    )
    assert keep(house) is Outcome.LEASED
    assert (stored(house).status, stored(house).verifying) == (Status.ACTIVE, True)
    house.work()
    house.settle()
    assert house.wechat.honours(MERCHANT, find(house).access_token)


@pytest.mark.parametrize(("call", "faults"), [("refresh", [45009]), ("authorizer_info", [-1])])
def test_a_refusal_after_a_revocation_is_nobodys(call: str, faults: list[str | int]) -> None:
    """The cancellation was pushed while WeChat refused: the refusal is not written over it."""
    house = due_house(new_house(BusyWeChat))
    refuse(house, call, *faults)
    if call == "authorizer_info":
        refuse(house, "refresh", 61023)
    afterwards(house, call, house.push_unauthorized)
    assert keep(house) is Outcome.LEASED
    revoked = stored(house)
    assert (revoked.status, revoked.attempts, revoked.verifying) == (Status.REVOKED, 0, True)
