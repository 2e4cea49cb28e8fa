"""The guard of subscribers: whatever comes, in whatever order, the end is that of the right one."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from wxvault.client_events import (
    KEPT_SECONDS,
    REMEMBERED,
    EventBusyError,
    EventGuard,
    Mark,
    MemoryEventStore,
    Verdict,
)
from wxvault.errors import InvalidRequestError

COMPONENT = "wx0123456789abcdef"
APPIDS = ("wx00000000000000a1", "wx00000000000000a2")


ORDER = f"order#{COMPONENT}#{APPIDS[0]}"


def event(
    sequence: int | None,
    appid: str | None = APPIDS[0],
    kind: str = "authorizer.updated",
    **more: Any,
) -> dict[str, Any]:
    """Return an event as EventBridge delivers it."""
    detail: dict[str, Any] = {
        "version": "1",
        "event_id": f"{appid}-{sequence}",
        "component_appid": COMPONENT,
        "authorizer_appid": appid,
        "sequence": sequence,
        **more,
    }
    detail = {name: value for name, value in detail.items() if value is not None}
    return {"source": "wxvault", "detail-type": kind, "detail": detail}


@dataclass
class Subscriber:
    """Keeps the latest state of each merchant, and notes everything that it applied."""

    store: MemoryEventStore = field(default_factory=MemoryEventStore)
    clock: FakeClock = field(default_factory=FakeClock)
    state: dict[str, int] = field(default_factory=dict)
    applied: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    failing: list[type[BaseException]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.guard = EventGuard(self.store, now=self.clock.now)

    def take(self, one: dict[str, Any]) -> Verdict:
        """Take an event."""
        return self.guard.handle(one, self.apply)

    def apply(self, one: dict[str, Any], verdict: Verdict) -> None:
        """Do with it what is to be done, or fail."""
        if self.failing and (error := self.failing.pop(0)) is not KeyError:
            raise error
        detail = one["detail"]
        self.applied.append(detail["event_id"])
        if verdict is Verdict.LATE:
            self.late.append(detail["event_id"])
        elif "sequence" in detail:
            self.state[detail.get("authorizer_appid", "-")] = detail["sequence"]


@pytest.fixture
def subscriber() -> Subscriber:
    """Return a subscriber that knows nothing yet."""
    return Subscriber()


def test_in_order_everything_is_the_newest(subscriber: Subscriber) -> None:
    """Gaps are none of its business: numbers rise."""
    assert [subscriber.take(event(number)) for number in (3, 4, 9)] == [Verdict.NEWEST] * 3
    assert (subscriber.state, subscriber.late) == ({APPIDS[0]: 9}, [])


def test_what_was_overtaken_is_late_and_what_came_before_is_repeated(
    subscriber: Subscriber,
) -> None:
    """An overtaken event is applied once and told to be late; a repetition never is applied."""
    arriving = (4, 4, 3, 3, 4, 9, 5, 4)
    assert [subscriber.take(event(number)) for number in arriving] == [
        Verdict.NEWEST,
        Verdict.REPEATED,
        Verdict.LATE,
        Verdict.REPEATED,
        Verdict.REPEATED,
        Verdict.NEWEST,
        Verdict.LATE,
        Verdict.REPEATED,
    ]
    assert subscriber.applied == [f"{APPIDS[0]}-{number}" for number in (4, 3, 9, 5)]
    assert (subscriber.state, subscriber.store.marks[ORDER]) == ({APPIDS[0]: 9}, Mark((3, 4, 5, 9)))


def test_what_is_remembered_is_bounded(subscriber: Subscriber) -> None:
    """The last hundred; what is older than them all counts as repeated, what is between is late."""
    for number in range(1, 2 * REMEMBERED + 1, 2):
        subscriber.take(event(number))
    assert len(subscriber.store.marks[ORDER].seen) == REMEMBERED
    assert subscriber.take(event(2)) is Verdict.LATE
    # It took the place of the first one.
    assert len(subscriber.store.marks[ORDER].seen) == REMEMBERED
    assert subscriber.take(event(1)) is Verdict.REPEATED
    assert subscriber.take(event(2)) is Verdict.REPEATED


def test_everybody_has_an_order_of_his_own(subscriber: Subscriber) -> None:
    """Merchants, the component, and other components do not wait for each other."""
    others = [event(1, APPIDS[1]), event(1, None), event(1, component_appid="wx00000000000000c1")]
    subscriber.take(event(7))
    assert [subscriber.take(one) for one in others] == [Verdict.NEWEST] * 3


def test_what_has_no_number_is_known_by_its_id(subscriber: Subscriber) -> None:
    """A push or a message is applied once, whatever else comes; it may be forgotten some day."""
    first, second = event(None, event_id="e1"), event(None, event_id="e2")
    verdicts = [subscriber.take(one) for one in (second, first, second)]
    assert verdicts == [Verdict.NEWEST, Verdict.NEWEST, Verdict.REPEATED]
    ends = {mark.delete_after for mark in subscriber.store.marks.values()}
    assert ends == {int(subscriber.clock.now()) + KEPT_SECONDS}
    subscriber.take(event(7))
    assert subscriber.store.marks[ORDER] == Mark((7,))


def test_the_mark_of_an_event_that_nobody_finished_goes_some_day() -> None:
    """Whoever dies while applying an event without number leaves nothing for ever."""
    store, clock = MemoryEventStore(), FakeClock()
    ends: list[int | None] = []
    guard = EventGuard(store, now=clock.now)

    def die(*_: object) -> None:
        ends.extend(mark.delete_after for mark in store.marks.values())

    guard.handle(event(None, event_id="e1"), die)
    assert ends
    assert None not in ends


def test_how_long_an_event_is_known_is_for_the_subscriber_to_say() -> None:
    """Whoever replays an archive of ten years wants to know for as long what it had."""
    store, clock = MemoryEventStore(), FakeClock()
    guard = EventGuard(store, now=clock.now, kept_seconds=3650 * 86400)
    guard.handle(event(None, event_id="e1"), lambda *_: None)
    (mark,) = store.marks.values()
    assert mark.delete_after == int(clock.now()) + 3650 * 86400


def test_what_could_not_be_applied_is_news_when_it_comes_again(subscriber: Subscriber) -> None:
    """The error gets out, so that it is delivered again; nothing is marked."""
    subscriber.take(event(1))
    subscriber.failing = [ConnectionError]
    with pytest.raises(ConnectionError):
        subscriber.take(event(2))
    assert subscriber.take(event(2)) is Verdict.NEWEST
    subscriber.failing = [ConnectionError]
    with pytest.raises(ConnectionError):
        subscriber.take(event(5, APPIDS[1]))
    assert subscriber.take(event(4, APPIDS[1])) is Verdict.NEWEST


def test_one_at_a_time(subscriber: Subscriber) -> None:
    """While one is applied, another of the same authorizer has to come again; a crash runs out."""
    verdicts: list[object] = []

    def meanwhile(_one: dict[str, Any], _verdict: Verdict) -> None:
        for number in (1, 2, 3):
            try:
                verdicts.append(subscriber.take(event(number)))
            except EventBusyError as error:
                verdicts.append(error.code)
        verdicts.append(subscriber.take(event(3, APPIDS[1])))

    subscriber.take(event(1))
    subscriber.guard.handle(event(2), meanwhile)
    assert verdicts == [Verdict.REPEATED, "event_busy", "event_busy", Verdict.NEWEST]
    assert subscriber.take(event(3)) is Verdict.NEWEST
    subscriber.store.marks[ORDER] = Mark((2, 3), subscriber.clock.now() + 60)
    with pytest.raises(EventBusyError):
        subscriber.take(event(4))
    subscriber.clock.sleep(60)
    assert subscriber.take(event(4)) is Verdict.NEWEST


def test_who_takes_too_long_is_told(subscriber: Subscriber) -> None:
    """Somebody else has gone on meanwhile: the event comes again, and is late then."""

    def slow(_one: dict[str, Any], _verdict: Verdict) -> None:
        subscriber.clock.sleep(61)
        assert subscriber.take(event(3)) is Verdict.NEWEST

    with pytest.raises(EventBusyError, match="longer"):
        subscriber.guard.handle(event(2), slow)
    assert subscriber.take(event(2)) is Verdict.LATE


def test_many_at_once_apply_it_once() -> None:
    """Threads that get the same event: one applies it, the others are told so or come again."""
    subscriber = Subscriber()
    start = threading.Barrier(8)
    verdicts: list[str] = []

    def take() -> None:
        start.wait()
        try:
            verdicts.append(subscriber.take(event(1)))
        except EventBusyError:
            verdicts.append("busy")

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts.count(Verdict.NEWEST) == 1
    assert len(subscriber.applied) == 1


def test_a_memory_forgets_what_was_written_longest_ago() -> None:
    """It never has more than it may; who was heard of lately stays, and an end is not counted."""
    store = MemoryEventStore(largest=2)
    guard = EventGuard(store)
    for number, appid in enumerate((APPIDS[0], APPIDS[1], APPIDS[0], None), start=1):
        guard.handle(event(number, appid), lambda *_: None)
    assert list(store.marks) == [ORDER, f"order#{COMPONENT}#-"]
    assert guard.handle(event(1), lambda *_: None) is Verdict.REPEATED
    assert guard.handle(event(2, APPIDS[1]), lambda *_: None) is Verdict.NEWEST


def numbered(number: object) -> dict[str, Any]:
    """Return an event with another number."""
    good = event(1)
    return {**good, "detail": {**good["detail"], "sequence": number}}


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "not ours": ({**event(1), "source": "aws.s3"}, "source"),
    "no object": ([], "source"),  # type: ignore[dict-item]
    "no detail": ({"source": "wxvault"}, "source"),
    "another version": (event(1, version="2"), "version"),
    "no id": (event(1) | {"detail": {"version": "1", "component_appid": COMPONENT}}, "event_id"),
    "a number that is none": (numbered("1"), "sequence"),
    "true": (numbered(number=True), "sequence"),
    "zero": (numbered(0), "sequence"),
}


@pytest.mark.parametrize(("bad", "wrong"), BAD.values(), ids=BAD)
def test_what_is_no_event_is_refused(
    subscriber: Subscriber, bad: dict[str, Any], wrong: str
) -> None:
    """Named by its field; nothing is applied and nothing marked."""
    with pytest.raises(InvalidRequestError) as raised:
        subscriber.take(bad)
    assert raised.value.field == wrong
    assert (subscriber.applied, subscriber.store.marks) == ([], {})


@given(data=st.data())
def test_any_order_and_any_repetition_end_in_the_same_state(data: st.DataObject) -> None:
    """Delivered at least once, in any order, with failures in between: as delivered in order."""
    numbers = st.integers(1, 9)
    told = data.draw(st.sets(st.tuples(st.sampled_from(APPIDS), numbers), min_size=1))
    repeated = data.draw(st.lists(st.sampled_from(sorted(told)), max_size=12))
    arriving = data.draw(st.permutations([*told, *repeated]))
    subscriber, in_order = Subscriber(), Subscriber()
    for appid, number in sorted(told):
        assert in_order.take(event(number, appid)) is Verdict.NEWEST
    # KeyError stands for "nothing fails".
    subscriber.failing = data.draw(
        st.lists(st.sampled_from([KeyError, ConnectionError]), max_size=2 * len(arriving))
    )
    waiting = [event(number, appid) for appid, number in arriving]
    while waiting:
        one = waiting.pop(0)
        try:
            subscriber.take(one)
        except ConnectionError:
            # It is delivered again, some time.
            waiting.insert(data.draw(st.integers(0, len(waiting))), one)
    assert subscriber.state == in_order.state
    assert sorted(subscriber.applied) == sorted(in_order.applied)
    for appid in APPIDS:
        newest = [
            int(one.rpartition("-")[2])
            for one in subscriber.applied
            if one.startswith(appid) and one not in subscriber.late
        ]
        assert newest == sorted(newest)


# What a merchant went through: each event with the status and the tenant after it.
HISTORIES: dict[str, list[tuple[str, str, str | None]]] = {
    "cancelled, and moved after it": [
        ("authorized", "active", "acme"),
        ("revoked", "revoked", "acme"),
        ("assigned", "revoked", "other"),
    ],
    "moved, and cancelled after it": [
        ("authorized", "active", None),
        ("assigned", "active", "acme"),
        ("revoked", "revoked", "acme"),
    ],
    "an alert at the end": [
        ("failing", "failing", "acme"),
        ("recovered", "active", "acme"),
        ("superseded_elsewhere", "active", "acme"),
        ("tenant_conflict", "active", "acme"),
    ],
    "lost, back, and taken from its tenant": [
        ("lost", "lost", "acme"),
        ("authorized", "active", "acme"),
        ("tenant_conflict", "active", "acme"),
        ("assigned", "active", None),
    ],
}


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_events_of_all_kinds_end_in_the_same_state_in_every_order(
    history: list[tuple[str, str, str | None]],
) -> None:
    """Every permutation, each event also repeated: the last state is kept, each is applied once."""
    told = [
        event(number, kind=f"authorizer.{kind}", status=status)
        for number, (kind, status, _) in enumerate(history, start=1)
    ]
    for one, (_, _, tenant) in zip(told, history, strict=True):
        one["detail"]["tenant_id"] = tenant
    for repeated in told:
        for arriving in set(itertools.permutations([*range(len(told)), told.index(repeated)])):
            kept: dict[str, Any] = {}
            applied: list[str] = []

            def apply(
                one: dict[str, Any],
                verdict: Verdict,
                kept: dict[str, Any] = kept,
                applied: list[str] = applied,
            ) -> None:
                applied.append(one["detail-type"])
                if verdict is Verdict.NEWEST:
                    kept.update(one["detail"])

            guard = EventGuard(MemoryEventStore())
            for number in arriving:
                guard.handle(told[number], apply)
            assert (kept["status"], kept["tenant_id"]) == history[-1][1:], arriving
            assert sorted(applied) == sorted(one["detail-type"] for one in told), arriving
