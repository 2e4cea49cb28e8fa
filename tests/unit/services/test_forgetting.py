"""Forgetting: only who is gone, never who comes back meanwhile, and a tenant's whole list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.house import COMPONENT, MERCHANT, House
from tests.unit.services.kit import items_of
from wxvault.errors import NotForgettableError, UnknownAuthorizerError
from wxvault.services.onboarding_state import Arrival
from wxvault.services.state import Status
from wxvault.vault.keys import authorizer_key, profile_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from wxvault.vault.expressions import Write

OTHER = "wx00000000000000a2"
THIRD = "wx00000000000000a3"
KEY = authorizer_key(COMPONENT, MERCHANT)


@pytest.fixture
def house() -> House:
    """Return a house with an active merchant of a tenant."""
    house = House()
    house.authorize()
    house.accounts.assign(MERCHANT, "acme")
    house.accounts.describe(MERCHANT)
    house.bus.sent.clear()
    return house


def gone(house: House, appid: str = MERCHANT) -> None:
    """Have a merchant cancel, and WeChat say so when asked."""
    house.wechat.cancel(appid)
    house.clock.sleep(60)
    house.push_unauthorized(appid)
    house.settle()
    state = house.tokens.get(appid)
    assert state is not None
    assert (state.status, state.verifying) == (Status.REVOKED, False)


def just_before_the_deletion(house: House, work: Callable[[], object]) -> None:
    """Have something happen between the look at an item and its deletion, once."""
    transact, waiting = house.table.transact, [work]

    def later(writes: list[Write]) -> None:
        if waiting:
            waiting.pop()()
        transact(writes)

    vars(house.table)["transact"] = later


@pytest.mark.parametrize("status", ["revoked", "lost", "pending"])
def test_who_is_gone_is_forgotten_with_the_profile(house: House, status: str) -> None:
    """Nothing of it is left, and a second time it is unknown."""
    gone(house)
    items_of(house)[KEY]["status"] = status
    state = house.forgetting.forget(MERCHANT)
    assert (state.status, state.tenant_id) == (Status(status), "acme")
    assert not [key for key in items_of(house) if MERCHANT in key.pk]
    with pytest.raises(UnknownAuthorizerError):
        house.forgetting.forget(MERCHANT)


@pytest.mark.parametrize(
    ("attributes", "passing"),
    [
        ({"status": "active"}, False),
        ({"status": "failing"}, False),
        ({"status": "revoked", "verifying": True}, True),
        ({"status": "lost", "lease_until": 1_900_000_000.0}, True),
    ],
    ids=repr,
)
def test_who_may_live_is_not_forgotten(
    house: House, attributes: dict[str, Any], *, passing: bool
) -> None:
    """Active, failing, or somebody is asking WeChat: a clear error, and everything stays."""
    items_of(house)[KEY] |= attributes
    before = {key: dict(item) for key, item in items_of(house).items()}
    with pytest.raises(NotForgettableError, match=MERCHANT) as caught:
        house.forgetting.forget(MERCHANT)
    assert caught.value.passing is passing
    assert items_of(house) == before


def test_a_pending_one_is_kept_by_its_code(house: House) -> None:
    """As long as a code of its own is to be exchanged; another's is none, nor one that is over."""
    gone(house)
    items_of(house)[KEY]["status"] = "pending"
    now = house.clock.now()
    house.codes.record("another's", Arrival(OTHER), now=now)
    code, _ = house.codes.record("its own", Arrival(MERCHANT), now=now)
    with pytest.raises(NotForgettableError, match="authorization code"):
        house.forgetting.forget(MERCHANT)
    claimed = house.codes.claim(code.code_sha256, "claim", now=now)
    assert claimed
    with pytest.raises(NotForgettableError):
        house.forgetting.forget(MERCHANT)
    house.codes.fail(code.code_sha256, "claim", wechat_errcode=61010)
    house.forgetting.forget(MERCHANT)
    assert KEY not in items_of(house)


def test_a_grant_that_arrives_meanwhile_wins(house: House) -> None:
    """Whoever comes back between the look and the deletion stays, with tenant and profile."""
    gone(house)
    house.clock.sleep(60)
    just_before_the_deletion(house, lambda: house.push_authorized(house.wechat.confirm(MERCHANT)))
    with pytest.raises(NotForgettableError):
        house.forgetting.forget(MERCHANT)
    assert profile_key(COMPONENT, MERCHANT) in items_of(house)
    house.settle()
    assert house.wechat.honours(MERCHANT, house.lookup.find(MERCHANT).access_token)


def test_a_grant_that_arrives_afterwards_begins_anew(house: House) -> None:
    """Who was forgotten may come back like anybody else, with greater numbers than before."""
    last = int(items_of(house)[KEY].get("sequence", 0))
    gone(house)
    house.forgetting.forget(MERCHANT)
    house.clock.sleep(60)
    house.authorize()
    assert house.bus.kinds()[-1] == "authorizer.authorized"
    assert int(str(house.bus.sent[-1][1]["sequence"])) > last
    assert house.wechat.honours(MERCHANT, house.lookup.find(MERCHANT).access_token)


# --- tenants -------------------------------------------------------------------------------------


def test_a_tenant_is_forgotten(house: House) -> None:
    """Who is gone is forgotten, who is active belongs to nobody, others are not touched."""
    for appid, tenant_id in ((OTHER, "acme"), (THIRD, "zoo")):
        house.authorize(appid)
        house.accounts.assign(appid, tenant_id)
    gone(house)
    house.bus.sent.clear()
    done = house.forgetting.forget_tenant("acme")
    assert (done.forgotten, done.unassigned, done.waiting) == ((MERCHANT,), (OTHER,), ())
    assert done.done
    assert [(kind, detail["from_tenant_id"]) for kind, detail in house.bus.sent] == [
        ("authorizer.assigned", "acme")
    ]
    other, third = house.tokens.get(OTHER), house.tokens.get(THIRD)
    assert other is not None
    assert third is not None
    assert (other.tenant_id, third.tenant_id) == (None, "zoo")
    again = house.forgetting.forget_tenant("acme")
    assert (again.forgotten, again.unassigned, again.done) == ((), (), True)


def test_who_waits_is_done_next_time(house: House) -> None:
    """WeChat is being asked: he stays with the tenant, and the answer says to come again."""
    gone(house)
    items_of(house)[KEY]["verifying"] = True
    done = house.forgetting.forget_tenant("acme")
    assert (done.waiting, done.forgotten, done.done) == ((MERCHANT,), (), False)
    del items_of(house)[KEY]["verifying"]
    done = house.forgetting.forget_tenant("acme")
    assert (done.waiting, done.forgotten, done.done) == ((), (MERCHANT,), True)


def test_what_takes_long_is_done_in_parts(house: House) -> None:
    """After fifteen seconds the answer says what was done, and the next request does the rest."""
    for appid in (OTHER, THIRD):
        house.authorize(appid)
        house.accounts.assign(appid, "acme")
    write = house.table.write

    def slowly(what: Write) -> object:
        house.time.sleep(8)
        return write(what)

    vars(house.table)["write"] = slowly
    first = house.forgetting.forget_tenant("acme")
    assert not first.done
    second = house.forgetting.forget_tenant("acme")
    assert second.done
    assert sorted(first.unassigned + second.unassigned) == [MERCHANT, OTHER, THIRD]


def test_who_belongs_to_another_tenant_by_now_is_left_alone(house: House) -> None:
    """The list lags behind: who was moved meanwhile is neither forgotten nor taken away."""
    house.authorize(OTHER)
    house.accounts.assign(OTHER, "acme")
    gone(house)
    read = house.directory.page

    def page(*args: Any, **kwargs: Any) -> Any:
        found = read(*args, **kwargs)
        for appid in (MERCHANT, OTHER):
            house.accounts.assign(appid, "zoo")
        return found

    object.__setattr__(house.forgetting, "directory", _Directory(page))
    done = house.forgetting.forget_tenant("acme")
    assert (done.forgotten, done.unassigned, done.waiting) == ((), (), ())
    for appid in (MERCHANT, OTHER):
        state = house.tokens.get(appid)
        assert state is not None
        assert state.tenant_id == "zoo"


class _Directory:
    def __init__(self, page: Callable[..., Any]) -> None:
        self.page = page
