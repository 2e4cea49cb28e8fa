"""Random small writes, done on both tables one after the other: they never disagree."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.both_tables import BothTables, transact_on, write_to
from wxvault.vault.expressions import (
    EXISTS,
    MISSING,
    Absent,
    AllOf,
    AnyOf,
    Compare,
    Delete,
    Key,
    Put,
    Update,
)

if TYPE_CHECKING:
    from wxvault.vault.expressions import Condition, Write
    from wxvault.vault.table import DynamoTable

# An attribute keeps its kind of value: moto cannot order values of two kinds.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "fence": st.integers(-2, 2),
    "due_at": st.sampled_from([0.5, 1.0, 1.0004, 1.001, 1_800_000_000.1256]),
    "status": st.sampled_from(["", "a", "b", "Ä"]),
    "sealed_key": st.binary(max_size=2),
}
ATTRIBUTES: dict[str, st.SearchStrategy[Any]] = {
    **VALUES,
    "verifying": st.booleans(),
    "nothing": st.none(),
    "numbers": st.lists(st.integers(0, 2), max_size=2),
    "authorizers": st.frozensets(st.sampled_from("xyz"), min_size=1),
}
ORDERED = st.sampled_from(list(VALUES)).flatmap(
    lambda name: st.builds(
        Compare, st.just(name), st.sampled_from(("=", "<", "<=", ">", ">=")), VALUES[name]
    )
)
PLAIN: st.SearchStrategy[Condition] = (
    ORDERED
    | st.builds(Absent, st.sampled_from(list(ATTRIBUTES)))
    | st.builds(Compare, st.just("verifying"), st.just("="), st.booleans())
    # Another kind of value is never equal.
    | st.builds(Compare, st.sampled_from(["fence", "sealed_key"]), st.just("="), st.just("a"))
    | st.sampled_from([EXISTS, MISSING])
)
CONDITIONS: st.SearchStrategy[Condition | None] = st.none() | st.recursive(
    PLAIN,
    lambda inner: st.builds(
        lambda joint, parts: joint(tuple(parts)),
        st.sampled_from((AllOf, AnyOf)),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=4,
)
ITEMS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({}, optional=ATTRIBUTES)
SOME = st.frozensets(st.sampled_from("wxy"), min_size=1)
ADDED: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {}, optional={"fence": st.integers(-2, 2), "authorizers": SOME}
)
TAKEN: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({}, optional={"authorizers": SOME})
REMOVED = st.frozensets(st.sampled_from(list(ATTRIBUTES)), max_size=2)
KEYS = (Key("", "TOKEN"), Key("", "CODE"))


@st.composite
def updates(draw: st.DrawFn) -> Update:
    """Draw an update that DynamoDB takes: something is changed, and nothing by two clauses."""
    parts: list[dict[str, Any]] = []
    changed: set[str] = set()
    for values in (ITEMS, ITEMS, ADDED, TAKEN):
        parts.append({name: it for name, it in draw(values).items() if name not in changed})
        changed |= set(parts[-1])
    wanted, absent, added, taken = parts
    removed = draw(REMOVED) - changed
    if not (changed or removed):
        wanted = {"touched": 1}
    key, condition = draw(st.sampled_from(KEYS)), draw(CONDITIONS)
    return Update(key, condition, wanted, absent, added, removed, taken)


WRITES: st.SearchStrategy[Write] = st.one_of(
    updates(),
    st.builds(Put, st.sampled_from(KEYS), ITEMS, CONDITIONS),
    st.builds(Delete, st.sampled_from(KEYS), CONDITIONS),
)
STEPS = st.lists(
    st.tuples(WRITES)
    | st.tuples(
        WRITES.filter(lambda write: write.key == KEYS[0]),
        WRITES.filter(lambda write: write.key == KEYS[1]),
    ),
    min_size=1,
    max_size=6,
)
NUMBERS = itertools.count()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(STEPS)
def test_no_series_of_writes_tells_the_tables_apart(
    table: DynamoTable, steps: list[tuple[Write, ...]]
) -> None:
    """Every outcome is equal, and so is what stands there after every step."""
    both = BothTables(table)
    place = f"A#{next(NUMBERS)}"
    for step in steps:
        writes = [replace(write, key=Key(place, write.key.sk)) for write in step]
        if len(writes) == 1:
            write_to(both, writes[0])
        else:
            transact_on(both, writes)
        for key in KEYS:
            both.get(Key(place, key.sk))
