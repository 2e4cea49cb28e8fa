"""The component token: bought with ticket and AppSecret under its own lease, kept for a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.services.kit import (
    after_lease,
    asked,
    find,
    hooked,
    later,
    new_house,
    refuse,
    secrets_of,
    stored,
    takes_lease,
    told,
    until_due,
    with_component,
)
from wxvault.errors import ConfigurationError, NoTicketError, RenewalFailingError, SealBrokenError
from wxvault.services.component import ComponentKeeper
from wxvault.services.onboarding_state import Ticket
from wxvault.services.outcome import Outcome
from wxvault.services.state import Purpose, Status
from wxvault.services.tools import token_sha256

if TYPE_CHECKING:
    from tests.fakes.house import House


def due_house(house: House | None = None) -> House:
    """Return a house whose component token is due, with a fresh ticket."""
    house = with_component(house)
    until_due(house, None)
    house.push_ticket()
    return house


class Tickets:
    """A drawer with tickets, newest first."""

    def __init__(self, *tickets: str, received_at: float) -> None:
        self._tickets = [Ticket(text, 1, received_at) for text in tickets]

    def newest_tickets(self, limit: int) -> list[Ticket]:
        """Read the newest."""
        return self._tickets[:limit]


def keeper_with(house: House, *tickets: str, age: float = 0) -> ComponentKeeper:
    """Return a keeper of the component token with other tickets."""
    drawer = Tickets(*tickets, received_at=house.clock.now() - age)
    return ComponentKeeper(house.tools, house.wechat, drawer, house.app_secret)


class NoSecret:
    """A secret that somebody has forgotten to enter."""

    def get(self) -> str:
        """Fail."""
        raise ConfigurationError("AppSecret", "the secret cannot be read")

    def changed(self) -> bool:
        """Say that it is not."""
        return False


def test_without_an_app_secret_it_is_failing_and_told_once() -> None:
    """Nobody can buy one: that is heard of, nothing is leased for it, and it stays due."""
    house = due_house()
    told(house)
    keeper = ComponentKeeper(house.tools, house.wechat, house.items, NoSecret())
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="AppSecret"):
            keeper.renew()
    ((kind, detail),) = house.bus.sent
    assert (kind, detail["reason"]) == ("component.failing", "no_app_secret")
    assert stored(house, None).lease_until is None
    assert house.component_keeper.renew() is Outcome.RENEWED
    assert told(house)[-1] == "component.recovered"


def test_what_is_not_due_needs_no_app_secret() -> None:
    """A fresh component token is not lost sight of because of a secret."""
    house = with_component()
    keeper = ComponentKeeper(house.tools, house.wechat, house.items, NoSecret())
    assert keeper.renew() is Outcome.NOT_DUE


# --- the first one, and its renewal --------------------------------------------------------------


def test_the_first_ticket_brings_the_first_token() -> None:
    """The first ticket that is ever pushed has a component token bought at once."""
    house = new_house()
    house.push_ticket()
    assert house.renew_queue.jobs == [{"job": "component"}]
    house.work()
    known = stored(house, None)
    assert known.status is Status.ACTIVE
    assert known.access_expires_at == house.clock.now() + 7200
    assert house.component.get() == secrets_of(house, None)[0]
    assert "tenant_key" not in known.item


def test_further_tickets_call_nobody() -> None:
    """When there is a component token, a ticket is only written down."""
    house = with_component()
    later(house, 600)
    house.push_ticket()
    assert house.renew_queue.jobs == []


def test_a_due_component_token_is_renewed_once() -> None:
    """It is renewed by the newest ticket when it is due, and not before."""
    house = with_component()
    assert house.component_keeper.renew() is Outcome.NOT_DUE
    until_due(house, None)
    house.push_ticket()
    old = secrets_of(house, None)[0]
    assert house.component_keeper.renew() is Outcome.RENEWED
    assert house.component_keeper.renew() is Outcome.NOT_DUE
    assert asked(house) == ["component_token"]
    assert secrets_of(house, None)[0] != old


def test_one_at_a_time() -> None:
    """While somebody has its lease, nobody else buys one."""
    house = due_house()
    house.tools.acquire(None, Purpose.RENEWAL)
    assert house.component_keeper.renew() is Outcome.LEASED
    assert asked(house) == []


# --- tickets -------------------------------------------------------------------------------------


def test_without_a_ticket_nothing_is_asked() -> None:
    """No ticket at all: a person has to enter the event URL, and no lease is taken."""
    house = new_house()
    with pytest.raises(NoTicketError):
        house.component_keeper.renew()
    assert asked(house) == []


@pytest.mark.parametrize(("age", "good"), [(12 * 3600 - 1, True), (12 * 3600, False)])
def test_a_ticket_lives_twelve_hours(age: float, good: bool) -> None:
    """A ticket older than twelve hours is not tried: WeChat would refuse it."""
    house = with_component()
    until_due(house, None)
    house.wechat.tickets.add("ticket@@@old")
    keeper = keeper_with(house, "ticket@@@old", age=age)
    if good:
        assert keeper.renew() is Outcome.RENEWED
        return
    with pytest.raises(NoTicketError):
        keeper.renew()
    assert stored(house, None).lease_id is None


def test_missing_tickets_are_told_once() -> None:
    """Twelve hours without a ticket: component.failing says why, once; then it recovers."""
    house = with_component()
    later(house, 13 * 3600)
    for _ in range(2):
        with pytest.raises(NoTicketError):
            house.component_keeper.renew()
    [(kind, detail)] = house.bus.sent
    assert (kind, detail["reason"]) == ("component.failing", "no_ticket")
    house.push_ticket()
    assert house.component_keeper.renew() is Outcome.RENEWED
    assert house.bus.kinds() == ["component.failing", "component.recovered"]


def test_a_refused_ticket_gives_way_to_the_next() -> None:
    """61006 or 61005: the next newest ticket is tried, under an extended lease."""
    house = with_component()
    until_due(house, None)
    house.wechat.tickets.add("good")
    assert keeper_with(house, "bad", "worse", "good").renew() is Outcome.RENEWED
    assert asked(house) == ["component_token"] * 3


def test_three_tickets_are_enough() -> None:
    """After the three newest it is a refusal: with back-off, like any other."""
    house = with_component()
    until_due(house, None)
    house.wechat.tickets.add("good")
    keeper = keeper_with(house, "bad", "worse", "worst", "good")
    assert keeper.renew() is Outcome.REFUSED
    assert asked(house) == ["component_token"] * 3
    refused = stored(house, None)
    assert (refused.attempts, refused.last_errcode) == (1, 61006)
    assert (refused.lease_id, refused.unresolved_mark) == (None, None)
    assert keeper.renew() is Outcome.NOT_DUE


def test_a_ticket_that_cannot_be_opened_is_left_out() -> None:
    """Nobody says that there was no ticket when there is one; ten minutes later another comes."""
    house = due_house()
    house.keys.unusable.add("k1")
    house.keys.name = "k2"
    with pytest.raises(SealBrokenError) as caught:
        house.component_keeper.renew()
    assert "within ten minutes" in caught.value.remedy
    assert house.bus.sent[-1][0] == "component.failing"
    assert house.bus.sent[-1][1]["reason"] == "seal_broken"
    later(house, 600)
    house.push_ticket()
    assert house.component_keeper.renew() is Outcome.RENEWED


# --- the AppSecret -------------------------------------------------------------------------------


@pytest.mark.parametrize("errcode", [40125, 40001])
def test_a_changed_secret_is_tried_once_more(errcode: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody reset the AppSecret: it is read again, and the call repeated with the new one."""
    house = due_house()
    house.wechat.secret = "1" * 32
    refuse(house, "component_token", errcode)

    def read_again() -> bool:
        house.app_secret.value = house.wechat.secret
        return True

    monkeypatch.setattr(house.app_secret, "changed", read_again)
    assert house.component_keeper.renew() is Outcome.RENEWED
    assert asked(house) == ["component_token"] * 2


def test_a_wrong_secret_that_did_not_change_is_refused() -> None:
    """40125, and the secret is still the same one: a refusal, and no second call."""
    house = due_house()
    house.wechat.secret = "1" * 32
    assert house.component_keeper.renew() is Outcome.REFUSED
    assert asked(house) == ["component_token"]
    assert stored(house, None).last_errcode == 40125


def test_a_changed_secret_that_is_wrong_too_is_refused() -> None:
    """The new secret is wrong as well: one more call, not an endless number."""
    house = due_house()
    house.wechat.secret = "1" * 32
    house.app_secret.news = True
    assert house.component_keeper.renew() is Outcome.REFUSED
    assert asked(house) == ["component_token"] * 2


# --- refusals and silence ------------------------------------------------------------------------


def test_failing_and_recovered_are_told_of_the_component() -> None:
    """At the third refusal in a row it says ``component.failing``, then ``component.recovered``."""
    house = due_house()
    told(house)
    refuse(house, "component_token", *[-1] * 4)
    for _ in range(4):
        assert house.component_keeper.renew() is Outcome.REFUSED
        until_due(house, None)
    assert house.component_keeper.renew() is Outcome.RENEWED
    (failing, first), (recovered, second) = house.bus.sent
    assert (failing, recovered) == ("component.failing", "component.recovered")
    assert first["wechat_errcode"] == -1
    assert [first["sequence"], second["sequence"]] == [1, 2]
    for detail in (first, second):
        assert "authorizer_appid" not in detail
        assert "tenant_id" not in detail


def test_silence_leaves_lease_and_mark() -> None:
    """No answer: due still, marked, and taken again when the lease has run out."""
    house = due_house()
    refuse(house, "component_token", "silent_after")
    assert house.component_keeper.renew() is Outcome.UNKNOWN
    silent = stored(house, None)
    assert silent.unresolved_mark is not None
    assert silent.attempts == 0
    assert house.component_keeper.renew() is Outcome.LEASED
    after_lease(house, None)
    assert house.component_keeper.renew() is Outcome.RENEWED
    assert stored(house, None).unresolved_mark is None


@pytest.mark.parametrize(("seconds", "asks"), [(2.0, True), (2.001, False)])
def test_too_late_to_start(seconds: float, asks: bool) -> None:
    """A call starts within two seconds of the lease, or not at all: then nothing has changed."""
    house, table = hooked()
    due_house(house)
    before = stored(house, None)
    table.hooks.append((takes_lease, lambda: later(house, seconds)))
    assert house.component_keeper.renew() is (Outcome.RENEWED if asks else Outcome.UNKNOWN)
    assert asked(house).count("component_token") == asks
    after = stored(house, None)
    if not asks:
        assert (after.lease_id, after.unresolved_mark) == (None, None)
        assert (after.due_at, after.attempts) == (before.due_at, 0)


def test_a_lost_lease_stores_nothing() -> None:
    """Somebody took over meanwhile: the answer is not stored, the item is marked and due."""
    house = due_house()
    before = secrets_of(house, None)

    def take_over() -> None:
        later(house, 25)
        house.tools.acquire(None, Purpose.RENEWAL)

    house.wechat.during["component_token"] = [take_over]
    assert house.component_keeper.renew() is Outcome.LEASED
    assert secrets_of(house, None) == before
    assert stored(house, None).unresolved_mark is not None


def test_who_lost_the_lease_tries_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the AppSecret was read again somebody took over: the new one is not tried."""
    house = due_house()
    refuse(house, "component_token", 40125)

    def read_again() -> bool:
        later(house, 25)
        house.tools.acquire(None, Purpose.RENEWAL)
        return True

    monkeypatch.setattr(house.app_secret, "changed", read_again)
    assert house.component_keeper.renew() is Outcome.LEASED
    assert asked(house) == ["component_token"]


# --- as environments keep it ---------------------------------------------------------------------


def test_it_is_kept_for_a_fifth_of_the_overlap() -> None:
    """An environment reads it again after 60 s, so that nobody keeps a superseded one too long."""
    house, table = hooked()
    with_component(house)
    component = house.new_component_token()
    first = component.get()
    reads = table.reads
    later(house, 59.9)
    assert component.get() == first
    assert table.reads == reads
    later(house, 0.1)
    assert component.get() == first
    assert table.reads > reads


def test_it_is_not_kept_beyond_its_end() -> None:
    """A token that ends within the minute is kept until then only."""
    house = with_component()
    later(house, 7200 - 61)
    component = house.new_component_token()
    first = component.get()
    house.push_ticket()
    later(house, 60)
    assert component.get() != first


def test_a_superseded_one_is_given_up_within_the_overlap() -> None:
    """Another environment renewed: for 60 s the old one is used, which WeChat honours for 300."""
    house = with_component()
    first, second = house.new_component_token(), house.new_component_token()
    old = first.get()
    until_due(house, None)
    assert first.get() == second.get() == old
    house.component_keeper.renew()
    later(house, 60)
    assert first.get() == second.get() != old


def test_a_refused_one_is_replaced_by_the_newer_that_is_there() -> None:
    """WeChat refused what an environment kept: the table has a newer one, nobody asks WeChat."""
    house = with_component()
    mine = house.new_component_token()
    old = mine.get()
    until_due(house, None)
    mine.get()
    house.component_keeper.renew()
    asked(house)
    other = mine.after_refusal(old)
    assert other == secrets_of(house, None)[0] != old
    assert mine.get() == other
    assert asked(house) == []


def test_a_refused_current_one_is_renewed_once() -> None:
    """WeChat refused the current one: it is renewed by force, once for all who ask."""
    house = with_component()
    later(house, 60)
    mine, theirs = house.new_component_token(), house.new_component_token()
    old = mine.get()
    theirs.get()
    other = mine.after_refusal(old)
    assert other != old
    assert theirs.after_refusal(old) == other
    assert asked(house) == ["component_token"]
    assert len(stored(house, None).forced_times) == 1


def test_a_young_one_was_not_refused() -> None:
    """A component token younger than a fifth of the overlap is handed out again."""
    house = with_component()
    old = house.component.get()
    assert house.component.after_refusal(old) == old
    assert asked(house) == []


def test_a_forced_renewal_needs_the_current_token() -> None:
    """The fingerprint of an older one renews nothing."""
    house = with_component()
    later(house, 100)
    digest = token_sha256("older")
    assert house.component_keeper.renew(rejected_token_sha256=digest) is Outcome.NOT_DUE


def test_a_look_up_waits_for_the_component_too() -> None:
    """An expired component token is renewed by whoever asks for it; in its back-off it fails."""
    house = with_component()
    later(house, 7300)
    refuse(house, "component_token", -1)
    with pytest.raises(RenewalFailingError):
        find(house, None)
    until_due(house, None)
    assert find(house, None).renewed
