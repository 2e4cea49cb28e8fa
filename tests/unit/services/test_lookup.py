"""Looking a token up: what is handed out at once, and what is refused at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.house import MERCHANT, House
from tests.unit.services.kit import (
    OTHER,
    asked,
    authorized,
    edit,
    find,
    hooked,
    later,
    new_house,
    refuse,
    secrets_of,
    stored,
    with_component,
)
from wxvault.errors import (
    AuthorizerLostError,
    AuthorizerPendingError,
    AuthorizerRevokedError,
    NoApiAbilityError,
    NoTicketError,
    RenewalFailingError,
    UnknownAuthorizerError,
    WxvaultError,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_fresh_token_costs_one_read() -> None:
    """A servable token is read once, opened, and handed out with its end and generation."""
    house, table = hooked()
    authorized(house)
    table.reads = 0
    before = house.clock.now()
    found = find(house)
    assert table.reads == 1
    assert asked(house) == []
    assert house.clock.now() == before
    known = stored(house)
    assert found.authorizer_appid == MERCHANT
    assert found.access_token == secrets_of(house)[0]
    assert house.wechat.honours(MERCHANT, found.access_token)
    assert found.expires_at == known.access_expires_at
    assert found.generation == known.generation
    assert not found.renewed


def test_a_due_token_is_still_handed_out_at_once() -> None:
    """Being due is the sweep's business: until its margin a token costs one read."""
    house = authorized()
    later(house, 7200 - 60.001)
    token = secrets_of(house)[0]
    assert find(house).access_token == token
    assert asked(house) == []


def test_from_its_margin_on_a_token_is_renewed() -> None:
    """In its last minute a token is no longer handed out."""
    house = authorized()
    later(house, 7200 - 60)
    old = secrets_of(house)[0]
    found = find(house)
    assert found.renewed
    assert found.access_token != old
    assert house.wechat.honours(MERCHANT, found.access_token)


def test_a_wanted_rest_is_found() -> None:
    """Who wants more to be left than there is gets a renewed token."""
    house = authorized()
    later(house, 7200 - 1100)
    assert not find(house, min_ttl=1000).renewed
    found = find(house, min_ttl=1200)
    assert found.renewed
    assert found.expires_at - house.clock.now() == 7200


# --- refusals ------------------------------------------------------------------------------------


def become(**attributes: Any) -> Callable[[House], None]:
    """Return what makes a merchant's item another one."""
    return lambda house: edit(house, **attributes)


@pytest.mark.parametrize(
    ("happened", "error", "code"),
    [
        (become(status="revoked"), AuthorizerRevokedError, "authorizer_revoked"),
        (become(status="lost", last_errcode=61023), AuthorizerLostError, "authorizer_lost"),
        (become(api_ability=False), NoApiAbilityError, "no_api_ability"),
        (
            become(status="revoked", verifying=True, unauthorized_at=2_000_000_000),
            AuthorizerRevokedError,
            "authorizer_revoked",
        ),
        (
            become(status="revoked", verifying=True, authorized_at=None, unauthorized_at=1),
            AuthorizerRevokedError,
            "authorizer_revoked",
        ),
    ],
    ids=["revoked", "lost", "no API ability", "revoked, unverified", "tombstone, unverified"],
)
def test_who_has_none_is_told_at_once(
    happened: Callable[[House], None], error: type[WxvaultError], code: str
) -> None:
    """What no waiting helps against is said without waiting and without asking anybody."""
    house = authorized()
    happened(house)
    before = house.clock.now()
    with pytest.raises(error, match=MERCHANT) as raised:
        find(house)
    assert raised.value.code == code
    assert raised.value.remedy
    assert house.clock.now() == before
    assert asked(house) == []


def test_a_stranger_is_unknown() -> None:
    """An appid that the table does not hold is told so at once."""
    house = authorized()
    with pytest.raises(UnknownAuthorizerError, match=OTHER):
        find(house, OTHER)
    assert asked(house) == []


def test_lost_says_why() -> None:
    """WeChat's code is handed on."""
    house = authorized()
    edit(house, status="lost", last_errcode=61023)
    with pytest.raises(AuthorizerLostError) as raised:
        find(house)
    assert raised.value.wechat_errcode == 61023


def test_no_ticket_no_component_token() -> None:
    """Before the first ticket there is no component token, and a person is told what to do."""
    house = new_house()
    with pytest.raises(NoTicketError) as raised:
        find(house, None)
    assert "授权事件接收URL" in raised.value.remedy


def test_pending_is_waited_for() -> None:
    """A merchant whose code is not exchanged yet is waited for, eight seconds at most."""
    house = with_component()
    house.push_authorized(house.wechat.confirm(MERCHANT))
    before = house.clock.now()
    with pytest.raises(AuthorizerPendingError):
        find(house)
    assert house.clock.now() - before == pytest.approx(8, abs=0.2)
    assert asked(house) == []


def test_pending_may_become_a_token() -> None:
    """When the exchange worker is done meanwhile, its token is handed out."""
    house = with_component()
    house.push_authorized(house.wechat.confirm(MERCHANT))
    house.time.while_sleeping += [lambda: None, lambda: None, house.work]
    before = house.clock.now()
    assert house.wechat.honours(MERCHANT, find(house).access_token)
    assert house.clock.now() - before < 1


def test_a_failing_authorizer_is_served_while_its_token_lives() -> None:
    """Failing says nothing of the token that is there."""
    house = authorized()
    edit(house, status="failing", attempts=5, due_at=house.clock.now() + 500)
    assert find(house).access_token == secrets_of(house)[0]


def test_failing_without_a_token_fails_at_once() -> None:
    """In the back-off nobody is asked; the caller learns WeChat's code and a remedy, at once."""
    house = authorized()
    later(house, 7300)
    edit(house, status="failing", attempts=5, last_errcode=45009, due_at=house.clock.now() + 500)
    before = house.clock.now()
    with pytest.raises(RenewalFailingError) as raised:
        find(house)
    assert raised.value.wechat_errcode == 45009
    assert raised.value.remedy
    assert house.clock.now() - before < 1
    assert asked(house) == []


def test_a_refused_address_is_named() -> None:
    """61004: the caller learns which address belongs on the platform's list."""
    house = authorized()
    later(house, 7300)
    due_at = house.clock.now() + 500
    edit(house, status="failing", attempts=5, last_errcode=61004, due_at=due_at)
    edit(house, refused_address="203.0.113.7")
    with pytest.raises(RenewalFailingError, match="61004") as raised:
        find(house)
    assert "203.0.113.7" in raised.value.remedy


def test_failing_without_an_answer_has_no_code() -> None:
    """After long silence there is no code to tell."""
    house = authorized()
    later(house, 7300)
    edit(house, status="failing", attempts=3, due_at=house.clock.now() + 500)
    with pytest.raises(RenewalFailingError) as raised:
        find(house)
    assert raised.value.wechat_errcode is None


def test_the_component_token_fails_with_its_own_code() -> None:
    """What WeChat refuses the component is told as such."""
    house = with_component()
    later(house, 7300)
    refuse(house, "component_token", 61004)
    with pytest.raises(RenewalFailingError, match="component token") as raised:
        find(house, None)
    assert raised.value.wechat_errcode == 61004
