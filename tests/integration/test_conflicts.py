"""Meeting somebody else's transaction: DynamoDB's refusals, word for word, and what they become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from tests.fakes.clock import FakeClock, half
from tests.integration.conftest import TABLE
from tests.integration.resources import dynamodb
from wxvault.errors import BusyError, TableUnavailableError
from wxvault.vault.expressions import (
    MISSING,
    ConditionFailedError,
    Delete,
    Key,
    Put,
    TransactionFailedError,
    Update,
)
from wxvault.vault.table import DynamoTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wxvault.vault.expressions import Write

KEY, OTHER = Key("A#c#a", "TOKEN"), Key("X#c#1", "CODE")
OLD = {"pk": {"S": KEY.pk}, "sk": {"S": KEY.sk}, "fence": {"N": "7"}}
CONFLICT = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
THROTTLED = {"Code": "ThrottlingError", "Message": "Rate exceeded"}
FULL = {"Code": "ProvisionedThroughputExceeded", "Message": "The level was exceeded"}
FAILED = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
FINE = {"Code": "None"}
WRITES: dict[str, Write] = {
    "put_item": Put(KEY, {}, MISSING),
    "update_item": Update(KEY, MISSING, set={"a": 1}),
    "delete_item": Delete(KEY, MISSING),
}


@pytest.fixture
def stubber() -> Iterator[Stubber]:
    """Return a client whose answers are written by the test; all of them have to be asked for."""
    with Stubber(dynamodb()) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def clock() -> FakeClock:
    """Return the clock that shows how long the table pauses."""
    return FakeClock()


@pytest.fixture
def table(stubber: Stubber, clock: FakeClock) -> DynamoTable:
    """Return the table that hears them."""
    client: Any = stubber.client
    return DynamoTable(client, TABLE, clock, half)


def cancel(stubber: Stubber, *reasons: dict[str, Any]) -> None:
    """Have a transaction cancelled for these reasons."""
    stubber.add_client_error(
        "transact_write_items",
        "TransactionCanceledException",
        "Transaction cancelled",
        modeled_fields={"CancellationReasons": list(reasons)},
    )


@pytest.mark.parametrize(("name", "write"), WRITES.items())
def test_a_write_that_met_a_transaction_is_sent_again(
    stubber: Stubber, table: DynamoTable, name: str, write: Write
) -> None:
    """AWS's client does not repeat it, and WeChat's answer in hand must not be lost by it."""
    for _ in range(3):
        stubber.add_client_error(name, "TransactionConflictException")
    stubber.add_response(name, {"Attributes": OLD}, None)
    assert table.write(write) == {"pk": KEY.pk, "sk": KEY.sk, "fence": 7}


@pytest.mark.parametrize(("name", "write"), WRITES.items())
def test_a_write_that_fails_in_the_end_fails_for_its_condition(
    stubber: Stubber, table: DynamoTable, name: str, write: Write
) -> None:
    """After the other transaction is through, its item is what the condition is held against."""
    stubber.add_client_error(name, "TransactionConflictException")
    stubber.add_client_error(name, "ConditionalCheckFailedException", modeled_fields={"Item": OLD})
    with pytest.raises(ConditionFailedError) as caught:
        table.write(write)
    assert caught.value.item == {"pk": KEY.pk, "sk": KEY.sk, "fence": 7}
    assert caught.value.__cause__ is None


def test_a_refusal_without_an_item_means_that_there_is_none(
    stubber: Stubber, table: DynamoTable
) -> None:
    """No item, not an empty one."""
    stubber.add_client_error("update_item", "ConditionalCheckFailedException")
    with pytest.raises(ConditionFailedError) as caught:
        table.write(WRITES["update_item"])
    assert caught.value.item is None


def test_a_write_is_not_repeated_for_ever(
    stubber: Stubber, table: DynamoTable, clock: FakeClock
) -> None:
    """After half a second at most it is an error that says to try again; nothing was written."""
    started = clock.now()
    for _ in range(8):
        stubber.add_client_error("put_item", "TransactionConflictException")
    with pytest.raises(BusyError) as caught:
        table.write(WRITES["put_item"])
    assert "again" in caught.value.remedy
    assert 0.1 < clock.now() - started < 0.5


def test_who_met_a_transaction_pauses_ever_longer(
    stubber: Stubber, table: DynamoTable, clock: FakeClock
) -> None:
    """The first repetition comes almost at once; whoever met once leaves the others time."""
    times: list[float] = []
    clock.while_sleeping += [lambda: times.append(clock.now())] * 3
    started = clock.now()
    for _ in range(3):
        stubber.add_client_error("put_item", "TransactionConflictException")
    stubber.add_response("put_item", {})
    table.write(WRITES["put_item"])
    assert [round(time - started, 3) for time in times] == [0.005, 0.015, 0.035]


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
@pytest.mark.parametrize(("name", "write"), WRITES.items())
def test_other_errors_stay_what_they_are(
    stubber: Stubber, table: DynamoTable, name: str, write: Write, code: str
) -> None:
    """Those that do not speak of the item are one error that names DynamoDB's reason."""
    stubber.add_client_error(name, code)
    with pytest.raises(TableUnavailableError, match=code) as caught:
        table.write(write)
    assert caught.value.__suppress_context__


READS: dict[str, Callable[[DynamoTable], object]] = {
    "get_item": lambda table: table.get(KEY),
    "query": lambda table: table.newest("C#c", "TICKET#", 1),
}


@pytest.mark.parametrize(("name", "read"), READS.items())
def test_a_read_that_fails_is_our_error_too(
    stubber: Stubber, table: DynamoTable, name: str, read: Callable[[DynamoTable], object]
) -> None:
    """Whoever asked gets a code and a remedy, not "something unexpected"."""
    stubber.add_client_error(name, "ProvisionedThroughputExceededException")
    with pytest.raises(TableUnavailableError, match="ProvisionedThroughputExceeded") as caught:
        read(table)
    assert caught.value.remedy


def test_the_index_that_cannot_be_read_is_our_error_too(
    stubber: Stubber, table: DynamoTable
) -> None:
    """The sweep fails by name, and comes again in a minute."""
    stubber.add_client_error("query", "InternalServerError")
    with pytest.raises(TableUnavailableError, match="InternalServerError"):
        list(table.due("c#00", 1.0))


def test_a_table_that_does_not_answer_is_our_error(table: DynamoTable) -> None:
    """A time-out has no code of DynamoDB: its kind is named, and nothing of the request."""

    def silent(**_: object) -> None:
        raise ReadTimeoutError(endpoint_url="https://dynamodb.example.com/secret")

    client: Any = table._client
    client.get_item = silent
    with pytest.raises(TableUnavailableError, match="ReadTimeoutError") as caught:
        table.get(KEY)
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


# --- transactions --------------------------------------------------------------------------------

BOTH: list[Write] = [Update(KEY, MISSING, set={"a": 1}), Put(OTHER, {}, MISSING)]


@pytest.mark.parametrize(
    "reasons",
    [
        (CONFLICT, FINE),
        (FINE, CONFLICT),
        (CONFLICT, CONFLICT),
        (THROTTLED, FINE),
        (FINE, FULL),
        (CONFLICT, THROTTLED),
    ],
    ids=range(6),
)
def test_a_transaction_that_met_another_is_sent_again(
    stubber: Stubber, table: DynamoTable, reasons: tuple[dict[str, Any], ...]
) -> None:
    """Whichever of its items was busy or asked too much, and then it is done."""
    cancel(stubber, *reasons)
    cancel(stubber, *reasons)
    stubber.add_response("transact_write_items", {})
    table.transact(BOTH)


def test_a_transaction_is_not_repeated_for_ever(stubber: Stubber, table: DynamoTable) -> None:
    """At last it is an error of its own."""
    for _ in range(8):
        cancel(stubber, FINE, CONFLICT)
    with pytest.raises(BusyError):
        table.transact(BOTH)


def test_a_condition_that_failed_counts_more_than_a_conflict(
    stubber: Stubber, table: DynamoTable
) -> None:
    """Sent again it would fail again: each reason stands in its place, with its item."""
    cancel(stubber, FAILED | {"Item": OLD}, CONFLICT)
    with pytest.raises(TransactionFailedError) as caught:
        table.transact(BOTH)
    assert caught.value.failed == (True, False)
    assert caught.value.items == ({"pk": KEY.pk, "sk": KEY.sk, "fence": 7}, None)


def test_a_condition_that_failed_on_nothing_is_told_by_its_reason(
    stubber: Stubber, table: DynamoTable
) -> None:
    """An item that does not exist cannot be shown, but the place says which write it was."""
    cancel(stubber, FINE, FAILED)
    with pytest.raises(TransactionFailedError) as caught:
        table.transact(BOTH)
    assert caught.value.failed == (False, True)
    assert caught.value.items == (None, None)


@pytest.mark.parametrize("reason", ["AccessDenied", "ValidationError", "DuplicateItem"])
def test_a_transaction_cancelled_for_other_reasons_stays_an_error(
    stubber: Stubber, table: DynamoTable, reason: str
) -> None:
    """It says nothing about the items, so nobody may decide anything by it."""
    cancel(stubber, FINE, {"Code": reason, "Message": "x"})
    with pytest.raises(TableUnavailableError, match=f"TransactionCanceledException {reason}"):
        table.transact(BOTH)


def test_other_errors_of_transactions_stay_what_they_are(
    stubber: Stubber, table: DynamoTable
) -> None:
    """Not every error is a cancellation."""
    stubber.add_client_error("transact_write_items", "AccessDeniedException")
    with pytest.raises(TableUnavailableError, match="AccessDeniedException"):
        table.transact(BOTH)


def test_the_names_of_these_errors_are_dynamodbs() -> None:
    """What is looked for by its name is in the service's own description."""
    model = dynamodb().meta.service_model
    for name in ("UpdateItem", "PutItem", "DeleteItem"):
        shapes = {shape.name for shape in model.operation_model(name).error_shapes}
        assert {"ConditionalCheckFailedException", "TransactionConflictException"} <= shapes
    shapes = {shape.name for shape in model.operation_model("TransactWriteItems").error_shapes}
    assert "TransactionCanceledException" in shapes
