"""The component's own items: tickets, the last push, the sweep's lease, and seen pushes."""

from __future__ import annotations

import itertools

import pytest

from tests.unit.vault.kit import COMPONENT, NOW, TICKET, Vault, token_key
from wxvault.errors import SealBrokenError
from wxvault.services.onboarding_state import Ticket
from wxvault.vault.component_items import ComponentItems, seen_seconds
from wxvault.vault.keys import (
    due_shard,
    fingerprint,
    last_push_key,
    seen_push_key,
    sweep_key,
    ticket_key,
)

PUSH = fingerprint("identity of a push")


# --- tickets -------------------------------------------------------------------------------------


def test_the_first_ticket_makes_the_component_token_due(vault: Vault) -> None:
    """Its item is active and due, so that the sweep finds it even if no job could be sent."""
    assert vault.items.add_ticket(TICKET, int(NOW), now=NOW)
    key = token_key(None)
    assert vault.table.items[key] == {
        "pk": key.pk,
        "sk": "TOKEN",
        "status": "active",
        "due_at": NOW,
        "due_shard": due_shard(COMPONENT, key.pk),
    }


def test_later_tickets_leave_the_component_token_alone(vault: Vault) -> None:
    """A ticket every ten minutes is no reason to renew."""
    vault.items.add_ticket(TICKET, int(NOW), now=NOW)
    lease = vault.lease(appid=None)
    before = dict(vault.table.items[token_key(None)])
    assert not vault.items.add_ticket(TICKET, int(NOW) + 600, now=NOW + 600)
    assert vault.table.items[token_key(None)] == before
    assert vault.tokens.extend(lease, now=NOW) is not None


def test_a_ticket_is_kept_for_thirteen_hours(vault: Vault) -> None:
    """WeChat honours it for twelve; sealed, with both of its times."""
    vault.items.add_ticket(TICKET, int(NOW) - 7, now=NOW)
    item = vault.table.items[ticket_key(COMPONENT, int(NOW) - 7, TICKET)]
    assert item["delete_after"] == int(NOW) + 13 * 3600
    assert (item["create_time"], item["received_at"]) == (int(NOW) - 7, NOW)
    assert isinstance(item["component_verify_ticket"], bytes)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_newest_ticket_is_wechats_newest(vault: Vault, order: tuple[int, ...]) -> None:
    """In whatever order pushes arrive, late ones too, CreateTime decides: nothing is replaced."""
    for arrival, number in enumerate(order):
        vault.items.add_ticket(f"ticket-{number}", 1000 + number, now=NOW + arrival)
    found = vault.items.newest_tickets(3)
    assert [ticket.component_verify_ticket for ticket in found] == [
        "ticket-2",
        "ticket-1",
        "ticket-0",
    ]
    assert vault.items.newest_tickets(1) == found[:1]
    assert found[0] == Ticket("ticket-2", 1002, NOW + order.index(2))


def test_the_same_ticket_twice_is_one(vault: Vault) -> None:
    """A repeated push writes the same item again."""
    for _ in range(2):
        vault.items.add_ticket(TICKET, 1000, now=NOW)
    assert len(vault.items.newest_tickets(3)) == 1


def test_when_the_newest_ticket_came(vault: Vault) -> None:
    """By our clock, whatever WeChat's says, and though it cannot be opened."""
    assert vault.items.newest_ticket_at() is None
    vault.items.add_ticket("late", 1000, now=NOW + 9)
    vault.items.add_ticket("early", 1001, now=NOW + 5)
    vault.keys.unusable.add(vault.keys.name)
    assert vault.items.newest_ticket_at() == NOW + 9


def test_two_tickets_of_one_second_are_two(vault: Vault) -> None:
    """CreateTime has no finer unit: neither replaces the other, and both can be tried."""
    vault.items.add_ticket("one", 1000, now=NOW)
    vault.items.add_ticket("two", 1000, now=NOW)
    vault.items.add_ticket("older", 999, now=NOW)
    found = [ticket.component_verify_ticket for ticket in vault.items.newest_tickets(3)]
    assert sorted(found[:2]) == ["one", "two"]
    assert found[2] == "older"


def test_a_ticket_that_cannot_be_opened_is_left_out(vault: Vault) -> None:
    """The next one serves: a broken item must not keep the component from its token."""
    for number in range(3):
        vault.keys.name = f"k{number}"
        vault.items.add_ticket(f"ticket-{number}", 1000 + number, now=NOW)
    vault.keys.unusable.add("k2")
    found = [ticket.component_verify_ticket for ticket in vault.items.newest_tickets(3)]
    assert found == ["ticket-1", "ticket-0"]


def test_a_ticket_in_another_ones_place_is_left_out(vault: Vault) -> None:
    """An older ticket copied over the newest one does not open there."""
    vault.items.add_ticket("old", 1000, now=NOW)
    vault.items.add_ticket("new", 1001, now=NOW)
    old = vault.table.items[ticket_key(COMPONENT, 1000, "old")]
    new = vault.table.items[ticket_key(COMPONENT, 1001, "new")]
    new |= {name: old[name] for name in ("component_verify_ticket", "sealed_key")}
    assert [ticket.create_time for ticket in vault.items.newest_tickets(3)] == [1000]


@pytest.mark.parametrize(
    "broken",
    [{"create_time": "1001"}, {"create_time": None}, {"received_at": "now"}, {"received_at": None}],
    ids=repr,
)
def test_a_ticket_without_its_times_is_left_out(vault: Vault, broken: dict[str, object]) -> None:
    """Whoever wrote it, it cannot be told how old it is."""
    vault.items.add_ticket("old", 1000, now=NOW)
    vault.items.add_ticket("new", 1001, now=NOW)
    vault.table.items[ticket_key(COMPONENT, 1001, "new")] |= broken
    assert [ticket.create_time for ticket in vault.items.newest_tickets(3)] == [1000]


def test_rubbish_in_front_hides_no_ticket(vault: Vault) -> None:
    """Whoever writes items of the far future before the tickets does not stop the component."""
    vault.items.add_ticket(TICKET, 1000, now=NOW)
    known = vault.table.items[ticket_key(COMPONENT, 1000, TICKET)]
    for number in range(5):
        key = ticket_key(COMPONENT, 9_999_999_990 + number, "false")
        vault.table.items[key] = {**known, "pk": key.pk, "sk": key.sk}
    assert [ticket.create_time for ticket in vault.items.newest_tickets(3)] == [1000]


def test_only_rubbish_is_said(vault: Vault) -> None:
    """That there is no ticket would not be true: there is one, and nobody can read it."""
    vault.items.add_ticket(TICKET, 1000, now=NOW)
    vault.table.items[ticket_key(COMPONENT, 1000, TICKET)]["component_verify_ticket"] = b"x"
    with pytest.raises(SealBrokenError, match="no ticket can be opened") as caught:
        vault.items.newest_tickets(3)
    assert "within ten minutes" in caught.value.remedy


def test_no_tickets(vault: Vault) -> None:
    """The component's other items are no tickets."""
    vault.items.note_push("accepted", now=NOW)
    assert vault.items.newest_tickets(3) == []


def test_a_ticket_is_not_shown(vault: Vault) -> None:
    """What was read prints without the ticket."""
    vault.items.add_ticket(TICKET, 1000, now=NOW)
    assert TICKET not in repr(vault.items.newest_tickets(3))


# --- the sweep's lease ---------------------------------------------------------------------------


@pytest.mark.parametrize(("later", "free"), [(0.0, False), (58.0, False), (58.001, True)])
def test_one_sweep_at_a_time(vault: Vault, later: float, *, free: bool) -> None:
    """A second one is sent home until the first has come back or its time is over."""
    assert vault.due.take_sweep("one", now=NOW, seconds=58)
    assert vault.due.take_sweep("two", now=NOW + later, seconds=58) is free


def test_a_sweep_that_came_back_frees_the_next(vault: Vault) -> None:
    """Given back, it is free at once."""
    assert vault.due.take_sweep("one", now=NOW, seconds=58)
    vault.due.end_sweep("one")
    assert not {"lease_id", "lease_until"} & set(vault.table.items[sweep_key(COMPONENT)])
    assert vault.due.take_sweep("two", now=NOW, seconds=58)


def test_a_late_sweep_does_not_end_the_next_one(vault: Vault) -> None:
    """Only one's own lease is given back; without any, nothing is made."""
    vault.due.end_sweep("one")
    assert vault.table.items == {}
    vault.due.take_sweep("one", now=NOW, seconds=58)
    vault.due.take_sweep("two", now=NOW + 59, seconds=58)
    vault.due.end_sweep("one")
    assert vault.table.items[sweep_key(COMPONENT)]["lease_id"] == "two"


def test_a_sweep_whose_answer_got_lost_runs(vault: Vault) -> None:
    """Repeated by the client, the lease is still its own: or nobody would sweep for a minute."""
    vault.table.lose_answers = 1
    assert vault.due.take_sweep("one", now=NOW, seconds=58)


# --- seen pushes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "seen"), [(0.0, True), (23.99, True), (24.0, False)])
def test_a_push_counts_as_seen_for_a_day(vault: Vault, hours: float, *, seen: bool) -> None:
    """Its end is checked in code: DynamoDB deletes late."""
    assert not vault.items.was_seen(PUSH, now=NOW)
    vault.items.mark_seen(PUSH, now=NOW)
    assert vault.items.was_seen(PUSH, now=NOW + hours * 3600) is seen
    assert not vault.items.was_seen(fingerprint("another"), now=NOW)


def test_seen_again_it_is_kept_on(vault: Vault) -> None:
    """A push that comes after a day is marked anew."""
    vault.items.mark_seen(PUSH, now=NOW)
    vault.items.mark_seen(PUSH, now=NOW + 86400)
    assert vault.table.items[seen_push_key(COMPONENT, PUSH)]["delete_after"] == int(NOW) + 172800


# --- the last push -------------------------------------------------------------------------------


def test_the_last_push_and_the_last_refusal_stand_side_by_side(vault: Vault) -> None:
    """A refused push, which anybody can send, does not hide when the last good one came."""
    vault.items.note_push("accepted", now=NOW, info_type="component_verify_ticket")
    vault.items.note_push("bad_signature", now=NOW + 5)
    key = last_push_key(COMPONENT)
    assert vault.table.items[key] == {
        "pk": key.pk,
        "sk": "PUSH",
        "accepted_at": NOW,
        "accepted_verdict": "accepted",
        "info_type": "component_verify_ticket",
        "ticket_at": NOW,
        "refused_at": NOW + 5,
        "refused_verdict": "bad_signature",
    }
    vault.items.note_push("accepted", now=NOW + 9, info_type="authorized")
    assert vault.table.items[key]["accepted_at"] == NOW + 9
    assert vault.table.items[key]["info_type"] == "authorized"
    assert vault.table.items[key]["ticket_at"] == NOW


@pytest.mark.parametrize("push_max_age", [1, 3600, 43200, 86400, 604800])
def test_a_push_is_known_for_as_long_as_it_could_be_taken_again(push_max_age: int) -> None:
    """Seen with a timestamp that was ahead as far as is allowed, it is taken for twice the age."""
    vault = Vault()
    kept = seen_seconds(push_max_age)
    items = ComponentItems(vault.table, vault.sealing, COMPONENT, seen_kept=kept)
    signed_at = NOW + push_max_age
    items.mark_seen(PUSH, now=NOW)
    assert items.was_seen(PUSH, now=signed_at + push_max_age - 1)
    assert items.was_seen(PUSH, now=NOW + 86399)


def test_where_pushes_are_taken_at_any_age_memory_lasts_two_weeks() -> None:
    """Nothing is kept for ever, and the README says so."""
    assert seen_seconds(0) == seen_seconds(604800) == 14 * 86400
