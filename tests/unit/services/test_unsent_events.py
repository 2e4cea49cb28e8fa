"""No event is lost: whoever could not send it, or did not come to it, the sweep sends it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fakes.house import COMPONENT, MERCHANT, FakeBus, House
from tests.unit.services.kit import (
    NOW,
    OTHER,
    authorized,
    later,
    pushed,
    stored,
    told,
    with_component,
)
from wxvault.errors import TableUnavailableError
from wxvault.protocol.pushes import Unknown
from wxvault.services.bus_events import as_json, bus_event
from wxvault.services.numbers import LARGEST_DETAIL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wxvault.services.bus_events import UnsentKey

LIMIT = 256 * 1024
"""What EventBridge takes, in bytes."""


def kept(house: House) -> list[str]:
    """Return the names under which events are kept."""
    return sorted(key.sk for key in house.table.items if key.pk[0] == "O")  # type: ignore[attr-defined]


def numbers(house: House, appid: str = MERCHANT) -> list[int]:
    """Return the numbers that were told of an authorizer."""
    return [
        detail["sequence"]
        for _, detail in house.bus.sent
        if detail.get("authorizer_appid") == appid
    ]


def sweep(house: House) -> None:
    """Let a minute pass and sweep."""
    later(house, 60)
    house.sweep.run()


def test_in_the_usual_way_nothing_is_kept() -> None:
    """The writer sends and deletes: the sweep has nothing to do."""
    house = authorized()
    assert kept(house) == []
    later(house, 60)
    swept = house.sweep.run()
    assert (swept.events, swept.unsent, swept.unsent_seconds) == (0, 0, 0)


def test_a_minute_without_the_bus_loses_nothing() -> None:
    """What happened meanwhile is told afterwards: the same ids, in order, without a gap."""
    house = with_component()
    told(house)
    house.bus.down = True
    pushed(house)
    house.work()
    first = stored(house).sequence
    later(house, 5)
    house.push_unauthorized()
    assert told(house) == []
    later(house, 60)
    swept = house.sweep.run()
    assert (swept.events, swept.unsent) == (0, 2)
    assert swept.unsent_seconds == pytest.approx(65, abs=3)
    house.bus.down = False
    sweep(house)
    assert numbers(house) == [first, first + 1]
    assert told(house) == ["authorizer.authorized", "authorizer.revoked"]
    assert kept(house) == []


def test_an_event_that_could_not_be_sent_is_not_overtaken() -> None:
    """Of several of one change the first that is refused holds the others back: all are kept."""
    house = authorized()
    house.bus.down = True
    house.push_unauthorized(create_time=int(house.clock.now()))
    assert len(kept(house)) == 1


class DyingBus(FakeBus):
    """A bus that takes an event, and its sender is switched off."""

    dies = True

    def put(self, detail_type: str, detail: Mapping[str, object], /) -> bool:
        """Take an event."""
        super().put(detail_type, detail)
        if self.dies:
            raise KeyboardInterrupt
        return True


def test_a_crash_after_sending_tells_it_twice_under_one_id() -> None:
    """At least once, and receivers can tell."""
    house = House(bus=DyingBus())
    house.bus.dies = False  # type: ignore[attr-defined]
    house.authorize()
    told(house)
    house.bus.sent.clear()
    house.bus.dies = True  # type: ignore[attr-defined]
    with pytest.raises(KeyboardInterrupt):
        house.push_unauthorized(create_time=int(house.clock.now()) + 1)
    house.bus.dies = False  # type: ignore[attr-defined]
    sweep(house)
    (_, first), (_, second) = house.bus.sent
    assert first == second
    assert kept(house) == []


def test_a_push_is_kept_when_the_bus_is_down() -> None:
    """It gets its ``success``, the sweep tells it, and a repetition is told no more."""
    house = with_component()
    told(house)
    push = Unknown(COMPONENT, int(NOW), "notify_3rd_wxa_auth", {"a": "中文 😀"})
    house.bus.down = True
    house.intake.take(push)
    house.bus.down = False
    house.intake.take(push)
    assert told(house) == []
    sweep(house)
    ((kind, detail),) = house.bus.sent[-1:]
    assert kind == "push.received"
    assert detail["fields"] == {"a": "中文 😀"}
    assert kept(house) == []
    sweep(house)
    assert told(house) == ["push.received"]


def test_a_push_costs_no_write_while_the_bus_is_there() -> None:
    """Only what the bus does not take is written down."""
    house = with_component()
    before = set(house.table.items)  # type: ignore[attr-defined]
    house.intake.take(Unknown(COMPONENT, int(NOW), "new", {}))
    (new,) = set(house.table.items) - before  # type: ignore[attr-defined]
    assert new.sk == "SEEN"


def test_what_cannot_be_forgotten_is_told_again() -> None:
    """The table fails after the event was sent: that is no failure of what was done."""
    house = authorized()

    def refuse(key: UnsentKey) -> None:
        raise TableUnavailableError(f"throttled: {key.name}")

    forget, house.unsent.forget = house.unsent.forget, refuse  # type: ignore[method-assign]
    house.push_unauthorized(create_time=int(house.clock.now()) + 1)
    assert stored(house).status == "revoked"
    house.unsent.forget = forget  # type: ignore[method-assign]
    sweep(house)
    assert numbers(house)[-2] == numbers(house)[-1]
    assert kept(house) == []


def test_events_are_sent_though_there_is_no_component_token() -> None:
    """Nobody needs a token of WeChat's to be told."""
    house = authorized()
    house.bus.down = True
    house.push_unauthorized(create_time=int(house.clock.now()) + 1)
    house.bus.down = False
    later(house, 13 * 3600)
    told(house)
    swept = house.sweep.run()
    assert swept.waiting_for_component
    assert swept.events == 1
    assert "authorizer.revoked" in told(house)


def test_an_event_that_is_due_is_no_reason_to_renew_anything() -> None:
    """It is told apart from the component's own item in the index."""
    house = authorized()
    house.bus.down = True
    house.push_unauthorized(OTHER)
    house.push_unauthorized(create_time=int(house.clock.now()) + 1)
    house.renew_queue.jobs.clear()
    later(house, 20)
    swept = house.sweep.run()
    assert swept.component is None


# --- what does not fit ---------------------------------------------------------------------------


def test_what_is_too_large_goes_without_its_content() -> None:
    """The bus takes 256 KiB: what is larger is told without its largest fields, by name."""
    data: dict[str, object] = {"info_type": "x", "fields": {"a": '"' * LIMIT}, "msg": "m" * 9000}
    event = bus_event("push.received", "1", data, COMPONENT, now=NOW)
    assert event.detail["fields"] is None
    assert event.detail["left_out"] == ["fields"]
    assert event.detail["msg"] == data["msg"]
    whole = bus_event("push.received", "1", {**data, "fields": {}}, COMPONENT, now=NOW)
    assert event.event_id == whole.event_id
    assert "left_out" not in whole.detail


def test_several_may_have_to_go() -> None:
    """As many as it takes, the largest first; who it is about never does."""
    data: dict[str, object] = {"a": "x" * LIMIT, "b": "y" * (LIMIT + 1), "authorizer_appid": OTHER}
    event = bus_event("message.received", "1", data, COMPONENT, now=NOW)
    assert event.detail["left_out"] == ["a", "b"]
    assert event.detail["authorizer_appid"] == OTHER


def test_the_largest_that_fits_is_whole() -> None:
    """To the byte; name, source and time of the event fit beside it."""
    empty = len(as_json(bus_event("push.received", "1", {"a": ""}, COMPONENT, now=NOW).detail))
    for more, fits in ((0, True), (1, False)):
        data = {"a": "x" * (LARGEST_DETAIL - empty + more)}
        event = bus_event("push.received", "1", data, COMPONENT, now=NOW)
        assert (event.detail["a"] is not None) == fits
        size = len(as_json(event.detail).encode()) + len("wxvault" + "push.received") + 14
        assert size <= LIMIT


def test_half_a_character_is_no_reason_to_lose_an_event() -> None:
    """JSON can spell it, nothing can send it: it goes as a question mark."""
    text = as_json({"a": json.loads('"\\ud83d"'), "b": "😀"})
    assert json.loads(text) == {"a": "?", "b": "😀"}
