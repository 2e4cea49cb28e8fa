"""Single conditional writes, and whether DynamoDB does them: what both tables have to agree on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wxvault.vault.expressions import (
    EXISTS,
    MISSING,
    Absent,
    Compare,
    Delete,
    Key,
    Put,
    Update,
    all_of,
    any_of,
    equals,
    one_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wxvault.vault.expressions import Condition, Write

KEY = Key("A#c#a", "TOKEN")
ITEM: dict[str, Any] = {
    "status": "active",
    "fence": 4,
    "due_at": 1_800_000_000.25,
    "verifying": True,
    "api_ability": False,
    "sealed_key": b"\x00\xff",
    "nothing": None,
    "authorizers": frozenset({"wx1", "wx2"}),
    "numbers": [1, "a", 2.5],
    "nested": {"a": {"b": [True]}},
    "zero": 0,
    "empty": "",
}


@dataclass(frozen=True)
class Case:
    """A write, on an item or on none, and whether it is done."""

    write: Write
    done: bool
    item: dict[str, Any] | None = field(default_factory=lambda: dict(ITEM))


def _condition(condition: Condition) -> Write:
    return Update(KEY, condition=condition, set={"touched": 1})


YES, NO = Compare("fence", "=", 4), Compare("fence", "=", 5)

CONDITIONS: dict[str, tuple[Condition, bool]] = {
    "it exists": (EXISTS, True),
    "it is missing": (MISSING, False),
    "absent": (Absent("lease_until"), True),
    "not absent": (Absent("fence"), False),
    "null is not absent": (Absent("nothing"), False),
    "false is not absent": (Absent("api_ability"), False),
    "zero is not absent": (Absent("zero"), False),
    "empty text is not absent": (Absent("empty"), False),
    "the key is not absent": (Absent("sk"), False),
    "equals None": (equals("lease_id", None), True),
    "equals": (equals("status", "active"), True),
    "equals another": (equals("status", "lost"), False),
    "text in another case": (equals("status", "Active"), False),
    "empty text": (equals("empty", ""), True),
    "one of": (one_of("status", ("failing", "active")), True),
    "none of": (one_of("status", ("lost", "revoked")), False),
    "a number": (equals("fence", 4), True),
    "a whole float": (equals("fence", 4.0), True),
    "a time": (equals("due_at", 1_800_000_000.25), True),
    "a time within the rounding": (equals("due_at", 1_800_000_000.2501), True),
    "zero equals": (equals("zero", 0), True),
    "true": (Compare("verifying", "=", value=True), True),
    "not true": (Compare("verifying", "=", value=False), False),
    "false": (Compare("api_ability", "=", value=False), True),
    "bytes": (equals("sealed_key", b"\x00\xff"), True),
    "other bytes": (equals("sealed_key", b"\x00"), False),
    "missing equals": (equals("lease_id", "x"), False),
    "missing truth": (Compare("grant_undated", "=", value=True), False),
    "null equals nothing": (equals("nothing", ""), False),
    "text is no number": (equals("fence", "4"), False),
    "a number is no text": (equals("status", 4), False),
    "bytes are no text": (equals("sealed_key", "\x00\xff"), False),
    "a set is no text": (equals("authorizers", "wx1"), False),
    "a truth is no text": (equals("verifying", "True"), False),
    "less": (Compare("due_at", "<", 1_800_000_000.251), True),
    "not less": (Compare("due_at", "<", 1_800_000_000.25), False),
    "at most": (Compare("due_at", "<=", 1_800_000_000.25), True),
    "not at most": (Compare("due_at", "<=", 1_800_000_000.249), False),
    "more": (Compare("due_at", ">", 1_800_000_000.249), True),
    "not more": (Compare("due_at", ">", 1_800_000_000.25), False),
    "at least": (Compare("due_at", ">=", 1_800_000_000.25), True),
    "not at least": (Compare("due_at", ">=", 1_800_000_000.251), False),
    "numbers by value, not by letters": (Compare("fence", "<", 10), True),
    "text by letters": (Compare("status", "<", "active#"), True),
    "capitals come first": (Compare("status", ">", "Z"), True),
    "missing is not less": (Compare("lease_until", "<", 9e9), False),
    "missing is not more": (Compare("lease_until", ">", -1), False),
    "missing is not at most": (Compare("lease_until", "<=", 9e9), False),
    "missing is not at least": (Compare("lease_until", ">=", -1), False),
    "both": (all_of(YES, YES), True),
    "only one of both": (all_of(YES, NO), False),
    "either": (any_of(NO, YES), True),
    "neither": (any_of(NO, NO), False),
    "one alone": (all_of(any_of(YES)), True),
    "one alone in company": (all_of(any_of(YES), any_of(all_of(NO), YES)), True),
    "or within and": (all_of(any_of(NO, YES), YES), True),
    "or within and fails": (all_of(any_of(NO, YES), NO), False),
    "and within or": (any_of(all_of(YES, NO), YES), True),
    "and within or fails": (any_of(all_of(YES, NO), NO), False),
    "and binds no further than its brackets": (all_of(any_of(YES, YES), NO), False),
    "three deep": (all_of(YES, any_of(NO, all_of(YES, any_of(NO, YES)))), True),
    "a lease that is free": (
        all_of(
            any_of(Absent("lease_until"), Compare("lease_until", "<", 1.0)),
            one_of("status", ("active", "failing")),
            Compare("due_at", "<=", 1_800_000_001),
        ),
        True,
    ),
}

# Two kinds of values have no order. DynamoDB says no; moto fails, so only the memory is asked.
UNORDERED: dict[str, Condition] = {
    "a number and text": Compare("fence", "<", "9"),
    "text and a number": Compare("status", ">", 0),
    "bytes and text": Compare("sealed_key", ">=", ""),
    "a set and text": Compare("authorizers", "<=", "zzz"),
    "null and a number": Compare("nothing", "<", 9),
    # Here moto says yes, because Python does.
    "a truth and a number": equals("verifying", 1),
    "a number and a truth": Compare("zero", "=", value=False),
}


def _updates() -> Iterator[tuple[str, Case]]:
    updates = {
        "set": Update(KEY, set={"status": "lost", "new": "x"}),
        "set every kind of value": Update(KEY, set={f"again_{n}": v for n, v in ITEM.items()}),
        "set to null": Update(KEY, set={"status": None}),
        "set a float": Update(KEY, set={"due_at": 1_800_000_000.125}),
        "set a finer float": Update(KEY, set={"due_at": 1_800_000_000.12549}),
        "set if absent, absent": Update(KEY, set_if_absent={"since": 7}),
        "set if absent, there": Update(KEY, set_if_absent={"fence": 7}),
        "set if absent, null": Update(KEY, set_if_absent={"nothing": 7}),
        "set if absent, zero": Update(KEY, set_if_absent={"zero": 7}),
        "add": Update(KEY, add={"fence": 1}),
        "add to nothing": Update(KEY, add={"attempts": 1}),
        "add a negative": Update(KEY, add={"fence": -9}),
        "add to a set": Update(KEY, add={"authorizers": frozenset({"wx2", "wx3"})}),
        "begin a set": Update(KEY, add={"launch_cookies": frozenset({"c"})}),
        "take out of a set": Update(KEY, take={"authorizers": frozenset({"wx2", "wx3"})}),
        "take all of a set": Update(KEY, take={"authorizers": frozenset({"wx1", "wx2"})}),
        "take what is not there": Update(KEY, take={"launch_cookies": frozenset({"c"})}),
        "remove": Update(KEY, remove=frozenset({"fence", "nested"})),
        "remove what is not there": Update(KEY, remove=frozenset({"lease_id"})),
        "all at once": Update(
            KEY,
            set={"status": "lost"},
            set_if_absent={"since": 7, "zero": 8},
            add={"fence": 1, "authorizers": frozenset({"wx3"})},
            remove=frozenset({"due_at", "gone"}),
        ),
    }
    for name, update in updates.items():
        yield f"{name} of an item", Case(update, done=True)
        yield f"{name} of none", Case(update, done=True, item=None)


def _whole_items() -> Iterator[tuple[str, Case]]:
    small = {"only": "this"}
    yield "put", Case(Put(KEY, small), done=True, item=None)
    yield "put over", Case(Put(KEY, small), done=True)
    yield "put nothing but the key", Case(Put(KEY, {}), done=True)
    yield "put where none is", Case(Put(KEY, small, MISSING), done=True, item=None)
    yield "put where one is", Case(Put(KEY, small, MISSING), done=False)
    yield "put over what must be there", Case(Put(KEY, small, EXISTS), done=True)
    yield "put over what is not there", Case(Put(KEY, small, EXISTS), done=False, item=None)
    yield "put over another status", Case(Put(KEY, small, equals("status", "lost")), done=False)
    yield "delete", Case(Delete(KEY), done=True)
    yield "delete none", Case(Delete(KEY), done=True, item=None)
    yield "delete what must be there", Case(Delete(KEY, EXISTS), done=True)
    yield "delete what is not there", Case(Delete(KEY, EXISTS), done=False, item=None)
    yield "delete if it is missing", Case(Delete(KEY, MISSING), done=False)


def _on_none() -> Iterator[tuple[str, Case]]:
    for name, condition, done in (
        ("missing", MISSING, True),
        ("exists", EXISTS, False),
        ("absent", Absent("status"), True),
        ("equals", equals("status", "active"), False),
        ("equals None", equals("status", None), True),
        ("less", Compare("lease_until", "<", 9), False),
        ("absent or less", any_of(Absent("lease_until"), Compare("lease_until", "<", 9)), True),
        ("absent and equal", all_of(Absent("lease_until"), YES), False),
    ):
        yield f"on none: {name}", Case(_condition(condition), done=done, item=None)


CASES: dict[str, Case] = {
    **{name: Case(_condition(what), done=done) for name, (what, done) in CONDITIONS.items()},
    **dict(_updates()),
    **dict(_whole_items()),
    **dict(_on_none()),
}


# --- transactions --------------------------------------------------------------------------------

OTHER = Key("X#c#1", "CODE")
THIRD = Key("X#c#2", "CODE")

FINE = Update(KEY, YES, set={"status": "done"})
REFUSED = Update(KEY, NO, set={"status": "done"})

TRANSACTIONS: dict[str, tuple[list[Write], tuple[bool, ...] | None]] = {
    "all fine": ([FINE, Put(OTHER, {"n": 1}), Delete(THIRD)], None),
    "without conditions": ([Update(KEY, set={"a": 1}), Put(OTHER, {})], None),
    "the first fails": ([REFUSED, Put(OTHER, {"n": 1}, MISSING)], (True, False)),
    "the second fails": ([FINE, Put(OTHER, {"n": 1}, EXISTS)], (False, True)),
    "both fail": ([REFUSED, Update(OTHER, EXISTS, set={"n": 1})], (True, True)),
    "a put fails on an item": ([Put(KEY, {}, MISSING), Put(OTHER, {})], (True, False)),
    "a delete fails on an item": ([Delete(KEY, Absent("fence")), Put(OTHER, {})], (True, False)),
    "a delete fails on none": ([FINE, Delete(OTHER, EXISTS)], (False, True)),
    "the last of three fails": (
        [FINE, Put(OTHER, {}), Delete(THIRD, EXISTS)],
        (False, False, True),
    ),
}
