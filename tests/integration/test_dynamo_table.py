"""DynamoDB's own: what its answers become, what its client repeats, and how it is asked."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.fakes.clock import FakeClock, half
from tests.integration.conftest import TABLE
from tests.integration.resources import Line, dynamodb
from tests.unit.vault.kit import MERCHANT, NOW, Vault
from wxvault.errors import TableUnavailableError
from wxvault.services.state import Lease, Purpose, Status, TokenChange
from wxvault.vault.expressions import (
    MISSING,
    Compare,
    ConditionFailedError,
    Delete,
    Key,
    Put,
    Update,
)
from wxvault.vault.table import DynamoTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tests.unit.vault.kit import ScriptedTable

KEY = Key("A#c#a", "TOKEN")
WIRE_KEY = {"pk": {"S": KEY.pk}, "sk": {"S": KEY.sk}}


@pytest.fixture
def line() -> Line:
    """Return the line to AWS."""
    return Line()


@pytest.fixture
def far_table(table: DynamoTable, line: Line) -> DynamoTable:
    """Return the same table at the end of a line that may lose answers."""
    client = dynamodb()
    line.tap(client)
    return DynamoTable(client, TABLE, FakeClock(), half)


def requests_of(client: DynamoDBClient) -> list[tuple[str, dict[str, Any]]]:
    """Return a list in which every request that the client makes from now on will stand."""
    seen: list[tuple[str, dict[str, Any]]] = []

    def note(model: Any, params: Any, **_: Any) -> None:
        seen.append((model.name, json.loads(params["body"])))

    client.meta.events.register("before-call.dynamodb", note)
    return seen


# --- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "",
        "授权方 🔑",
        0,
        -1,
        10**20,
        0.001,
        1_800_000_000.125,
        True,
        False,
        None,
        b"",
        bytes(range(256)),
        frozenset({"wx1", "wx2"}),
        [],
        [1, [2.5, None], {"a": b"x"}],
        {},
        {"deep": {"er": [True, "x"]}},
    ],
    ids=range(17),
)
def test_a_value_comes_back_as_it_was(table: DynamoTable, value: Any) -> None:
    """Equal, and of a type that Python's own checks know: no Decimal and no Binary gets out."""
    table.write(Put(KEY, {"it": value}))
    item = table.get(KEY)
    assert item == {"pk": KEY.pk, "sk": KEY.sk, "it": value}
    if not isinstance(value, float):
        assert type(item["it"]) is type(value)
    assert not isinstance(item["it"], Decimal)


def test_times_are_kept_to_the_millisecond(table: DynamoTable) -> None:
    """What is finer is noise; a whole second comes back as a whole number and is equal."""
    table.write(Put(KEY, {"a": 1_800_000_000.12349, "b": 1_800_000_000.0}))
    item = table.get(KEY)
    assert item is not None
    assert item["a"] == 1_800_000_000.123
    assert item["b"] == 1_800_000_000.0
    assert table.write(Update(KEY, Compare("a", "=", 1_800_000_000.1231), set={"c": 1}))


def test_what_is_not_there_is_none(table: DynamoTable) -> None:
    """No item is no empty item."""
    assert table.get(KEY) is None


# --- how it is asked -----------------------------------------------------------------------------


def test_reads_are_strongly_consistent(table: DynamoTable, client: DynamoDBClient) -> None:
    """A token is read as it stands now: of all reads only those of an index may lag."""
    seen = requests_of(client)
    table.get(KEY)
    table.newest("C#c", "TICKET#", 3)
    list(table.scan("A#c#", "TOKEN"))
    list(table.due("c#00", 1.0))
    list(table.by_tenant("c#-", ""))
    list(table.by_any_tenant("c#", ""))
    list(table.tenants("c#"))
    assert [(name, body.get("ConsistentRead")) for name, body in seen] == [
        ("GetItem", True),
        ("Query", True),
        ("Scan", True),
        ("Query", None),
        ("Query", None),
        ("Scan", None),
        ("Scan", None),
    ]
    assert seen[1][1]["Limit"] == 3
    assert seen[1][1]["ScanIndexForward"] is False


def test_every_write_asks_for_the_old_item(table: DynamoTable, client: DynamoDBClient) -> None:
    """Done or refused, one request tells what stood there: nobody reads a second time."""
    seen = requests_of(client)
    table.write(Put(KEY, {}))
    table.write(Update(KEY, set={"a": 1}))
    table.write(Delete(KEY))
    table.transact([Put(KEY, {}), Delete(Key("x", "y"))])
    for _, body in seen[:3]:
        assert body["ReturnValues"] == "ALL_OLD"
        assert body["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"
    for part in seen[3][1]["TransactItems"]:
        ((_, request),) = part.items()
        assert request["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"


def test_what_dynamodb_finds_wrong_is_no_failed_condition(table: DynamoTable) -> None:
    """A request that it does not understand is a fault of ours, and stays one."""
    with pytest.raises(TableUnavailableError, match="ValidationException"):
        table.write(Update(KEY, set={"pk": "x"}))
    with pytest.raises(TableUnavailableError, match="ValidationException"):
        table.transact([Put(KEY, {}), Delete(KEY)])


# --- paging --------------------------------------------------------------------------------------


def test_what_is_due_is_read_to_its_end(table: DynamoTable, client: DynamoDBClient) -> None:
    """A shard with more than a page is read page by page, in order of time, none twice."""
    for number in range(25):
        due: dict[str, Any] = {"due_shard": "c#00", "due_at": 100 - number}
        table.write(Put(Key(f"A#c#{number:02d}", "TOKEN"), due))

    def small_pages(params: dict[str, Any], **_: Any) -> None:
        params["Limit"] = 10

    event = "provide-client-params.dynamodb.Query"
    client.meta.events.register(event, small_pages)
    seen = requests_of(client)
    try:
        found = list(table.due("c#00", 99.0))
    finally:
        client.meta.events.unregister(event, small_pages)
    assert len(seen) == 3
    assert [key.pk for key, _ in found] == [f"A#c#{number:02d}" for number in range(24, 0, -1)]
    assert [due_at for _, due_at in found] == sorted(due_at for _, due_at in found)


def test_lists_are_read_to_their_end(table: DynamoTable, client: DynamoDBClient) -> None:
    """Whatever takes several pages comes whole and none twice, a page only when it is taken."""
    for number in range(25):
        listed: dict[str, Any] = {"tenant_key": "c#acme", "tenant_sort": f"active#{number:02d}"}
        table.write(Put(Key(f"A#c#{number:02d}", "TOKEN"), listed))
        table.write(Put(Key(f"A#c#{number:02d}", "PROFILE"), {}))

    def small_pages(params: dict[str, Any], **_: Any) -> None:
        params["Limit"] = 10

    events = [f"provide-client-params.dynamodb.{one}" for one in ("Query", "Scan")]
    for event in events:
        client.meta.events.register(event, small_pages)
    seen = requests_of(client)
    try:
        everyone = table.scan("A#c#", "TOKEN")
        next(everyone)
        assert len(seen) == 1
        assert len(list(everyone)) == 24
        assert len(seen) in {5, 6}, "profiles are read over too"
        in_order = [key.pk[-2:] for key in table.by_tenant("c#acme", "active#")]
        assert in_order == [f"{number:02d}" for number in range(25)]
        found = [key.pk[-2:] for key in table.by_any_tenant("c#", "")]
        assert sorted(found) == in_order
        assert len(list(table.tenants("c#"))) == 25
    finally:
        for event in events:
            client.meta.events.unregister(event, small_pages)


def test_a_list_that_cannot_be_read_is_our_own_error(client: DynamoDBClient) -> None:
    """Whoever goes through one sees the table's error, and his own errors stay his own."""
    nowhere = DynamoTable(client, "no-such-table", FakeClock(), half)
    for reading in (
        nowhere.scan("A#c#", "TOKEN"),
        nowhere.by_tenant("c#-", ""),
        nowhere.by_any_tenant("c#", ""),
        nowhere.tenants("c#"),
    ):
        with pytest.raises(TableUnavailableError, match="ResourceNotFound"):
            next(reading)


# --- answers that get lost -----------------------------------------------------------------------


def test_a_lease_survives_the_loss_of_its_answer(far_table: DynamoTable, line: Line) -> None:
    """AWS's client really repeats the write, fails on its own lease, and that is a success."""
    vault = Vault()
    vault.stand()
    far_table.write(Put(Key(vault.there["pk"], "TOKEN"), rest(vault.there)))
    vault = over(far_table)
    line.lose, line.sent = 1, 0
    lease = vault.tokens.acquire(MERCHANT, Purpose.RENEWAL, now=NOW, lease_id="mine", mark="m")
    assert line.sent == 2
    assert isinstance(lease, Lease)
    assert lease.fence == 5
    assert vault.state().fence == 5, "counted once"
    line.lose = 1
    change = TokenChange(Status.ACTIVE, NOW + 9, secrets="write", refresh_token="r", release=True)
    assert vault.tokens.settle(lease, lambda _: change) is not None
    assert vault.state().generation == 3, "written once"
    assert vault.tokens.refresh_token(vault.state()) == "r"


def test_a_write_that_was_done_twice_is_refused_the_second_time(
    far_table: DynamoTable, line: Line
) -> None:
    """The old item that comes with the refusal is one's own: callers have to know it."""
    line.lose = 1
    with pytest.raises(ConditionFailedError) as caught:
        far_table.write(Put(KEY, {"mine": "yes"}, MISSING))
    assert caught.value.item == {"pk": KEY.pk, "sk": KEY.sk, "mine": "yes"}


def test_a_transaction_carries_the_same_token_when_it_is_repeated(
    far_table: DynamoTable, line: Line
) -> None:
    """DynamoDB knows a repetition by it and answers as the first time (moto does not)."""
    tokens: list[str] = []

    def note(request: Any, **_: Any) -> None:
        tokens.append(json.loads(request.body)["ClientRequestToken"])

    far_table._client.meta.events.register("request-created.dynamodb.TransactWriteItems", note)
    far_table.transact([Put(KEY, {"n": 1})])
    line.lose = 1
    far_table.transact([Put(KEY, {"n": 2})])
    assert line.sent == 3
    assert len(tokens) == 3
    assert tokens[0] != tokens[1] == tokens[2]


def over(table: DynamoTable) -> Vault:
    """Return a vault over DynamoDB."""
    return Vault(cast("ScriptedTable", table))


def rest(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item's attributes without its key."""
    return {name: value for name, value in item.items() if name not in {"pk", "sk"}}
