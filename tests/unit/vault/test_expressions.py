"""Writes as DynamoDB gets them: every name through a placeholder, every value in its own type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.vault.every_item import write_every_item
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
    Write,
    all_of,
    any_of,
    equals,
    is_past_its_end,
    one_of,
)
from wxvault.vault.table import _read, _request

if TYPE_CHECKING:
    from tests.unit.vault.kit import Vault
    from wxvault.vault.expressions import Condition

quick = settings(max_examples=80, deadline=None)
KEY = Key("A#c#a", "TOKEN")
WIRE_KEY = {"pk": {"S": "A#c#a"}, "sk": {"S": "TOKEN"}}

# A few of the 573 words that DynamoDB refuses as plain names; "status" and "state" are among them.
RESERVED = ("status", "state", "name", "date", "value", "session", "owner", "token", "ttl", "Order")
NAMES = st.sampled_from([*RESERVED, "due_at", "lease_until", "access_token"])
VALUES = st.one_of(st.text(max_size=5), st.integers(-9, 9), st.booleans(), st.binary(max_size=3))
OPERATORS = st.sampled_from(("=", "<", "<=", ">", ">="))
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    st.builds(Absent, NAMES) | st.builds(Compare, NAMES, OPERATORS, VALUES),
    lambda inner: st.builds(
        lambda joint, parts: joint(tuple(parts)),
        st.sampled_from((AllOf, AnyOf)),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
)
UPDATES = st.builds(
    Update,
    st.just(KEY),
    condition=st.none() | CONDITIONS,
    set=st.dictionaries(NAMES, VALUES, max_size=3),
    set_if_absent=st.dictionaries(NAMES, VALUES, max_size=2),
    add=st.dictionaries(NAMES, st.integers(1, 3), max_size=2),
    remove=st.frozensets(NAMES, max_size=3),
    take=st.dictionaries(NAMES, st.frozensets(st.text(), min_size=1, max_size=2), max_size=2),
)

VERBS = {"SET", "ADD", "REMOVE", "DELETE", "AND", "OR", "attribute_not_exists", "if_not_exists"}


def words(request: dict[str, Any]) -> tuple[set[str], set[str], set[str]]:
    """Return the plain words, the #names and the :values of a request's expressions."""
    text = f"{request.get('UpdateExpression', '')} {request.get('ConditionExpression', '')}"
    names = set(re.findall(r"#\w+", text))
    values = set(re.findall(r":\w+", text))
    plain = set(re.findall(r"(?<![#:\w])[A-Za-z_]\w*", text))
    return plain, names, values


def assert_only_placeholders(write: Write) -> None:
    """No attribute's name and no value stands in an expression, and no placeholder is idle."""
    request = _request(write, "table")
    plain, names, values = words(request)
    assert plain <= VERBS
    assert names == set(request.get("ExpressionAttributeNames", {}))
    assert values == set(request.get("ExpressionAttributeValues", {}))


@quick
@given(UPDATES | st.builds(Put, st.just(KEY), st.just({}), CONDITIONS))
def test_no_reserved_word_can_appear(write: Update | Put) -> None:
    """Whatever attributes are called, expressions have verbs and placeholders only."""
    assert_only_placeholders(write)


def test_every_write_of_the_vault_is_one_that_dynamodb_takes(vault: Vault) -> None:
    """Only placeholders, no name changed twice, no empty expression, no key among the changes."""
    write_every_item(vault)
    assert len(vault.table.written) > 40
    for write in vault.table.written:
        assert_only_placeholders(write)
        if isinstance(write, Update):
            parts = [*write.set, *write.set_if_absent, *write.add, *write.take, *write.remove]
            assert parts, write.key
            assert len(parts) == len(set(parts)), write.key
            assert not {"pk", "sk"} & set(parts)
        assert not isinstance(write, Put) or not {"pk", "sk"} & set(write.attributes)


def test_an_update_as_dynamodb_gets_it() -> None:
    """Every part of an update has its clause, and equal names share a placeholder."""
    update = Update(
        KEY,
        condition=all_of(
            any_of(Absent("lease_until"), Compare("lease_until", "<", 1_800_000_000.25)),
            one_of("status", ("active", "failing")),
        ),
        set={"lease_id": "l1", "due_at": 1_800_000_000.0},
        set_if_absent={"unresolved_since": 7},
        add={"fence": 1, "authorizers": frozenset({"wx1"})},
        remove=frozenset({"b", "a"}),
        take={"cookies": frozenset({"c"})},
    )
    assert _request(update, "the-table") == {
        "TableName": "the-table",
        "Key": WIRE_KEY,
        "UpdateExpression": (
            "SET #lease_id = :v0, #due_at = :v1, "
            "#unresolved_since = if_not_exists(#unresolved_since, :v2) "
            "ADD #fence :v3, #authorizers :v4 REMOVE #a, #b DELETE #cookies :v5"
        ),
        "ConditionExpression": (
            "((attribute_not_exists(#lease_until)) OR (#lease_until < :v6)) AND "
            "((#status = :v7) OR (#status = :v8))"
        ),
        "ExpressionAttributeNames": {
            f"#{name}": name
            for name in (
                "lease_id",
                "due_at",
                "unresolved_since",
                "fence",
                "authorizers",
                "a",
                "b",
                "cookies",
                "lease_until",
                "status",
            )
        },
        "ExpressionAttributeValues": {
            ":v0": {"S": "l1"},
            ":v1": {"N": "1800000000.0"},
            ":v2": {"N": "7"},
            ":v3": {"N": "1"},
            ":v4": {"SS": ["wx1"]},
            ":v5": {"SS": ["c"]},
            ":v6": {"N": "1800000000.25"},
            ":v7": {"S": "active"},
            ":v8": {"S": "failing"},
        },
    }


def test_a_put_as_dynamodb_gets_it() -> None:
    """A whole item with its key, on the condition that none is there."""
    put = Put(KEY, {"sealed_key": b"\x00k", "confirmed": True, "numbers": [1, 18]}, MISSING)
    assert _request(put, "the-table") == {
        "TableName": "the-table",
        "Item": {
            **WIRE_KEY,
            "sealed_key": {"B": b"\x00k"},
            "confirmed": {"BOOL": True},
            "numbers": {"L": [{"N": "1"}, {"N": "18"}]},
        },
        "ConditionExpression": "attribute_not_exists(#pk)",
        "ExpressionAttributeNames": {"#pk": "pk"},
    }


def test_a_delete_as_dynamodb_gets_it() -> None:
    """Key and condition, nothing else; without a condition the key alone."""
    assert _request(Delete(KEY, EXISTS), "the-table") == {
        "TableName": "the-table",
        "Key": WIRE_KEY,
        "ConditionExpression": "#pk > :v0",
        "ExpressionAttributeNames": {"#pk": "pk"},
        "ExpressionAttributeValues": {":v0": {"S": " "}},
    }
    assert _request(Delete(KEY), "the-table") == {"TableName": "the-table", "Key": WIRE_KEY}


def test_a_condition_alone_has_one_pair_of_brackets() -> None:
    """DynamoDB refuses an expression with redundant parentheses."""
    text = _request(Delete(KEY, all_of(any_of(Absent("a")))), "t")["ConditionExpression"]
    assert "((" not in text.replace("attribute_not_exists(", "no ")


def test_nested_conditions_keep_their_order() -> None:
    """Every part stands in brackets: AND and OR never mix by their strength."""
    condition = any_of(all_of(Absent("a"), any_of(Absent("b"), Absent("c"))), Absent("d"))
    text = _request(Delete(KEY, condition), "t")["ConditionExpression"]
    bare = text.replace("attribute_not_exists", "no")
    assert bare == "((no(#a)) AND ((no(#b)) OR (no(#c)))) OR (no(#d))"


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (1_800_000_000.1239, {"N": "1800000000.124"}),
        (0.1 + 0.2, {"N": "0.3"}),
        (10**15, {"N": "1000000000000000"}),
        (True, {"BOOL": True}),
        (1, {"N": "1"}),
        (None, {"NULL": True}),
        ("授权", {"S": "授权"}),
        (b"\x00\xff", {"B": b"\x00\xff"}),
        (frozenset({"x"}), {"SS": ["x"]}),
        ({"a": [1.5, False]}, {"M": {"a": {"L": [{"N": "1.5"}, {"BOOL": False}]}}}),
    ],
    ids=range(10),
)
def test_values_on_the_wire_and_back(value: Any, wire: dict[str, Any]) -> None:
    """Times are rounded to milliseconds, truth values are no numbers, and all come back equal."""
    item = _request(Put(KEY, {"it": value}), "t")["Item"]
    assert item["it"] == wire
    back = _read({"it": item["it"]})["it"]
    assert back == (round(value, 3) if isinstance(value, float) else value)
    assert isinstance(back, bool) == isinstance(value, bool)


def test_equals_none_means_absent() -> None:
    """What a state does not have must not be there when the decision is written."""
    assert equals("lease_id", None) == Absent("lease_id")
    assert equals("lease_id", "l") == Compare("lease_id", "=", "l")


@pytest.mark.parametrize(
    ("item", "past"),
    [
        ({}, False),
        ({"delete_after": 100}, True),
        ({"delete_after": 101}, False),
        ({"delete_after": "100"}, False),
        ({"access_expires_at": 1}, False),
    ],
    ids=["none", "now", "later", "no number", "another time"],
)
def test_the_end_of_an_item(item: dict[str, Any], *, past: bool) -> None:
    """What DynamoDB may delete any moment counts as gone: at its second, not after."""
    assert is_past_its_end(item, 100.0) is past
