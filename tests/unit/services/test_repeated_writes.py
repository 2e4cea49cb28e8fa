"""AWS's client repeats a write whose answer was lost: every journey must end as if it had not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.house import MERCHANT, House
from tests.unit.services.kit import (
    asked,
    authorized,
    edit,
    find,
    hooked,
    keep,
    land,
    later,
    link,
    pushed,
    refuse,
    secrets_of,
    stored,
    told,
    until_due,
    with_component,
)
from wxvault.services.state import Status

if TYPE_CHECKING:
    from collections.abc import Callable


def renew(house: House) -> None:
    """Renew."""
    until_due(house)
    keep(house)


def force(house: House) -> None:
    """Renew by force."""
    later(house, 100)
    find(house, rejected_token=secrets_of(house)[0])


def verify(house: House) -> None:
    """Verify."""
    edit(house, verifying=True, due_at=house.clock.now())
    keep(house)


def fail_and_recover(house: House) -> None:
    """Have three renewals refused, and a fourth."""
    refuse(house, "refresh", -1, -1, -1)
    for _ in range(4):
        renew(house)


def authorize_again(house: House) -> None:
    """Come again, told by push."""
    later(house, 100)
    pushed(house)
    house.settle()


def come_back(house: House) -> None:
    """Cancel and come back, told by push."""
    later(house, 100)
    house.wechat.cancel(MERCHANT)
    house.push_unauthorized()
    house.settle()
    authorize_again(house)


JOURNEYS = [renew, force, verify, fail_and_recover, authorize_again, come_back]


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)
def test_every_journey_ends_well(journey: Callable[[House], None]) -> None:
    """With every single write repeated, the merchant ends with what WeChat honours."""
    house, table = hooked()
    authorized(house)
    table.repeated = True
    journey(house)
    house.settle()
    known = stored(house)
    assert (known.status, known.verifying) == (Status.ACTIVE, False)
    assert (known.lease_id, known.unresolved_mark) == (None, None)
    token, refresh_token = secrets_of(house)
    assert house.wechat.honours(MERCHANT, token or "")
    assert refresh_token == house.wechat.accounts[MERCHANT].refresh_token


def test_a_first_redirect_ends_well() -> None:
    """So does a merchant whom nobody knew, by one exchange."""
    house, table = hooked()
    with_component(house)
    via = link(house)
    asked(house)
    table.repeated = True
    land(house, via, house.wechat.confirm(MERCHANT))
    later(house, 20)
    house.settle()
    assert asked(house).count("query_auth") == 1
    assert told(house)[-1] == "authorizer.authorized"
    assert stored(house).tenant_id == "tenant"
    assert house.wechat.honours(MERCHANT, find(house).access_token)


@pytest.mark.parametrize(
    ("journey", "events"),
    [
        (renew, []),
        (fail_and_recover, ["failing", "recovered"]),
        (authorize_again, ["updated"]),
        (come_back, ["revoked", "authorized"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_transition_is_told(journey: Callable[[House], None], events: list[str]) -> None:
    """What was written is told, whichever of the two writes was the one that counted."""
    house, table = hooked()
    authorized(house)
    table.repeated = True
    journey(house)
    house.settle()
    heard = [kind for kind in told(house) if kind.startswith("authorizer.")]
    assert heard == [f"authorizer.{event}" for event in events]


def test_a_session_is_created_once() -> None:
    """Its id is random, so what stands there already is itself."""
    house, table = hooked()
    table.repeated = True
    assert house.onboarding.create("tenant", {}).session_id


def test_a_press_is_counted_once() -> None:
    """The merchant pressed once, and gets on to WeChat."""
    house, table = hooked()
    with_component(house)
    session_id = house.onboarding.create("tenant", {}).session_id
    table.repeated = True
    assert house.onboarding.launch(session_id, "").onward_url


def test_one_claim_is_one_claim() -> None:
    """A code whose claim was written twice is exchanged by one call, under one lease."""
    house, table = hooked()
    with_component(house)
    pushed(house)
    asked(house)
    table.repeated = True
    house.work()
    house.settle()
    assert asked(house).count("query_auth") == 1
    assert house.wechat.honours(MERCHANT, find(house).access_token)
