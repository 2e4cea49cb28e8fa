"""What is told: each transition once, numbered without a gap, named for ever, never a secret."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.house import COMPONENT, MERCHANT, House
from tests.unit.services.kit import (
    NOW,
    OTHER,
    Link,
    authorized,
    find,
    keep,
    land,
    later,
    link,
    pushed,
    refuse,
    secrets_of,
    state,
    stored,
    told,
    until_due,
    with_component,
)
from wxvault.services.bus_events import transitions
from wxvault.services.state import Event, Settled, Status, TokenState, unchanged

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRET_WORDS = ("ticket@@@", "preauthcode@@@", "queryauthcode@@@", "refreshtoken@@@", "49_")


def fail(house: House) -> None:
    """Have three renewals refused."""
    later(house, 6200)
    house.push_ticket()
    refuse(house, "refresh", -1, -1, -1)
    for _ in range(3):
        until_due(house)
        keep(house)


def live_a_life(house: House) -> list[Link]:
    """Take a merchant through everything that is told of one; return the links they used."""
    links = [link(house, "tenant-a"), link(house, "tenant-b"), link(house, "tenant-a")]
    pushed(house, pre_auth_code=links[0].pre_auth_code)
    house.work()
    later(house, 100)
    pushed(house, pre_auth_code=links[1].pre_auth_code)
    house.work()
    fail(house)
    until_due(house)
    keep(house)
    fail(house)
    pushed(house)
    house.work()
    for _ in range(4):
        later(house, 100)
        token = secrets_of(house)[0]
        assert token is not None
        find(house, rejected_token=token)
    until_due(house)
    refuse(house, "refresh", 61023)
    keep(house)
    later(house, 10)
    pushed(house)
    house.settle()
    later(house, 10)
    house.wechat.cancel(MERCHANT)
    house.push_unauthorized()
    house.settle()
    later(house, 10)
    land(house, links[2], house.wechat.confirm(MERCHANT))
    house.settle()
    return links


def issued(house: House, links: list[Link]) -> list[str]:
    """Return every secret that there was."""
    secrets = [
        *house.wechat.tickets,
        *house.wechat.codes,
        *house.wechat.owners,
        *house.wechat.component.tokens,
        *house.wechat.accounts[MERCHANT].tokens,
        house.wechat.secret,
    ]
    for one in links:
        secrets += [one.session_id, one.pre_auth_code, one.cookie]
    assert len(secrets) > 30
    return secrets


def of(house: House, appid: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return what was told of an authorizer."""
    return [
        (kind, detail)
        for kind, detail in house.bus.sent
        if detail.get("authorizer_appid") == appid and kind.startswith("authorizer.")
    ]


def test_a_life_is_told_in_order() -> None:
    """Every transition is told once, and nothing else."""
    house = with_component()
    live_a_life(house)
    assert [kind.removeprefix("authorizer.") for kind, _ in of(house, MERCHANT)] == [
        "authorized",
        "updated",
        "tenant_conflict",
        "failing",
        "recovered",
        "failing",
        "updated",
        "recovered",
        "superseded_elsewhere",
        "lost",
        "authorized",
        "revoked",
        "authorized",
    ]


def test_a_life_is_numbered_without_a_gap() -> None:
    """The sequence of an authorizer goes up from its first event's time, by one each."""
    house = with_component()
    born = int(house.clock.now())
    house.authorize(OTHER)
    live_a_life(house)
    sequences = [detail["sequence"] for _, detail in of(house, MERCHANT)]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
    assert born < sequences[0] <= house.clock.now()
    assert stored(house).sequence == sequences[-1]
    assert [detail["sequence"] for _, detail in of(house, OTHER)] == [born + 1]


def test_no_secret_is_ever_told() -> None:
    """No token, ticket, code or cookie that was ever issued stands in anything that was sent."""
    house = with_component()
    links = live_a_life(house)
    everything = repr(house.bus.sent)
    assert [secret for secret in issued(house, links) if secret in everything] == []
    assert [word for word in SECRET_WORDS if word in everything] == []


def test_no_secret_stands_in_the_table() -> None:
    """Neither does any stand readable in the table or in a queue."""
    house = with_component()
    links = live_a_life(house)
    pushed(house)
    until_due(house)
    house.sweep.run()
    assert house.renew_queue.jobs
    assert house.exchange_queue.jobs
    everything = repr(house.table) + repr(house.renew_queue) + repr(house.exchange_queue)
    assert [secret for secret in issued(house, links) if secret in everything] == []


def test_every_event_says_whose_it_is() -> None:
    """Version, id, component, time, authorizer and tenant stand in each."""
    house = with_component()
    live_a_life(house)
    for _, detail in of(house, MERCHANT):
        assert detail["version"] == "1"
        assert detail["component_appid"] == COMPONENT
        assert detail["tenant_id"] == "tenant-a"
        assert NOW <= detail["occurred_at"] <= house.clock.now()
        assert len(detail["event_id"]) == 32
    ids = [detail["event_id"] for _, detail in house.bus.sent]
    assert len(set(ids)) == len(ids)


# --- by hand -------------------------------------------------------------------------------------


def tell(*settled: Settled | None, now: float = NOW) -> list[tuple[str, Mapping[str, Any]]]:
    """Return what is sent for these changes."""
    house = House()
    for one in settled:
        events = () if one is None else transitions(one.before, one.change, COMPONENT, now=now)
        house.tools.events.tell(None if one is None else replace(one, told=events))
    return house.bus.sent


def change(before: TokenState, *events: Event) -> Settled:
    """Return a change that was written, with these events."""
    settled = unchanged(before)
    return Settled(before, type(settled)(**{**_fields(settled), "events": events}))


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def test_what_was_not_written_is_not_told() -> None:
    """A change that was lost, and one that is no transition, tell nothing."""
    assert tell(None, change(state())) == []


def test_a_repeated_event_has_the_same_id() -> None:
    """Told later again, by whomever: the same id, so that receivers can tell."""
    settled = change(state(), Event("updated"), Event("recovered"))
    first, again = tell(settled), tell(settled, now=NOW + 1000)
    ids = [detail["event_id"] for _, detail in first]
    assert ids == [detail["event_id"] for _, detail in again]
    assert ids[0] != ids[1]
    assert [detail["sequence"] for _, detail in first] == [3, 4]


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("tenant", ["tenant-b", None])
def test_an_event_has_the_state_after_it(status: Status, tenant: str | None) -> None:
    """Not that before it; each of several events of one change has the same."""
    before = state(tenant_id="tenant-a")
    after = replace(
        unchanged(before),
        status=status,
        tenant_id=tenant,
        events=(Event("assigned"), Event("tenant_conflict")),
    )
    told = transitions(before, after, COMPONENT, now=NOW)
    assert [(one.detail["status"], one.detail["tenant_id"]) for one in told] == [
        (status, tenant)
    ] * 2


@pytest.mark.parametrize("since", [None, NOW])
def test_an_event_of_the_component_says_whether_tickets_stay_away(since: float | None) -> None:
    """It has its status and that, and no tenant."""
    before = TokenState(None, Status.ACTIVE)
    after = replace(
        unchanged(before), status=Status.FAILING, ticket_stale_at=since, events=(Event("failing"),)
    )
    (told,) = transitions(before, after, COMPONENT, now=NOW)
    assert (told.detail["status"], told.detail["ticket_stale"]) == ("failing", since is not None)
    assert "tenant_id" not in told.detail


def test_ids_differ_by_kind_subject_and_number() -> None:
    """No two events share an id."""
    settled = [
        change(state(), Event("updated")),
        change(state(Status.FAILING), Event("failing")),
        change(state(sequence=3), Event("updated")),
        change(state(authorizer_appid=OTHER), Event("updated")),
        change(state(Status.FAILING, authorizer_appid=None), Event("failing")),
    ]
    assert len({detail["event_id"] for _, detail in tell(*settled)}) == len(settled)


def test_a_transition_cannot_overwrite_who_it_is_about() -> None:
    """Data of an event never stands in for its sequence, its authorizer or the state after it."""
    lie = {"sequence": 99, "authorizer_appid": OTHER, "tenant_id": "another", "status": "lost"}
    ((_, detail),) = tell(change(state(Status.FAILING), Event("failing", lie)))
    assert detail["sequence"] == 3
    assert detail["authorizer_appid"] == MERCHANT
    assert (detail["tenant_id"], detail["status"]) == (state().tenant_id, "failing")


def test_the_component_is_told_of_as_component() -> None:
    """Its events name no authorizer and no tenant."""
    ((kind, detail),) = tell(change(TokenState(None, Status.FAILING), Event("failing")))
    assert kind == "component.failing"
    assert detail["sequence"] == 1
    assert not {"authorizer_appid", "tenant_id"} & detail.keys()


def test_a_bus_that_is_down_does_not_matter() -> None:
    """What is written is written: a lost event fails no exchange."""
    house = authorized()
    first = stored(house).sequence
    house.bus.put = lambda *_: False  # type: ignore[method-assign]
    later(house, 10)
    pushed(house)
    house.work()
    assert house.wechat.honours(MERCHANT, find(house).access_token)
    assert stored(house).sequence == first + 1


@pytest.mark.parametrize("pushed_later", [True, False])
def test_a_redirect_that_overtakes_its_push_is_told_once(*, pushed_later: bool) -> None:
    """A known merchant has authorised again: told when the code is exchanged, and never again."""
    house = authorized()
    later(house, 10)
    via = link(house)
    told(house)
    code = house.wechat.confirm(MERCHANT)
    land(house, via, code)
    house.work()
    if pushed_later:
        later(house, 5)
        house.push_authorized(code, pre_auth_code=via.pre_auth_code)
    house.settle()
    assert told(house) == ["authorizer.updated"]
    assert house.wechat.honours(MERCHANT, find(house).access_token)
