"""The DynamoDB table: the vault's writes, compiled into DynamoDB's expressions."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from wxvault.errors import BusyError, TableUnavailableError
from wxvault.vault.expressions import (
    Absent,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    ConditionFailedError,
    Delete,
    Item,
    Key,
    Put,
    TransactionFailedError,
    Update,
    Value,
    Write,
)
from wxvault.vault.pauses import TRIES, Pauses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from wxvault.clock import Clock
    from wxvault.services.policy import Uniform

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


class Table(Protocol):
    """What the vault needs of a table; DynamoDB's is :class:`DynamoTable`."""

    def get(self, key: Key) -> Item | None:
        """Read one item, strongly consistent."""

    def write(self, write: Write) -> Item | None:
        """Do one write and return the item as it was before it.

        Raises:
            ConditionFailedError: the condition did not hold; nothing was written.
        """

    def transact(self, writes: Sequence[Write]) -> None:
        """Do all writes or none.

        Raises:
            TransactionFailedError: a condition did not hold; nothing was written.
        """

    def newest(self, pk: str, prefix: str, limit: int) -> list[Item]:
        """Read the items of ``pk`` whose sort key begins with ``prefix``, greatest first."""

    def due(self, due_shard: str, until: float) -> Iterator[tuple[Key, float]]:
        """Read key and ``due_at`` of what is due in one shard (eventually consistent)."""

    def scan(self, pk_prefix: str, sk: str) -> Iterator[Item]:
        """Read every item with this sort key whose ``pk`` begins so, strongly consistent."""

    def by_tenant(self, tenant_key: str, sort_prefix: str) -> Iterator[Key]:
        """Read the keys of one tenant whose ``tenant_sort`` begins so (eventually consistent)."""

    def by_any_tenant(self, key_prefix: str, sort_prefix: str) -> Iterator[Key]:
        """Read the keys of all whose ``tenant_key`` begins so, as :meth:`by_tenant` does."""

    def tenants(self, key_prefix: str) -> Iterator[tuple[str, str]]:
        """Read ``tenant_key`` and ``tenant_sort`` of the same, without a status."""


class _ConflictError(Exception):
    """A write met somebody else's transaction on its item; never leaves this module."""


_PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Reasons of a cancelled transaction that are over soon; AWS's client repeats none of them."""


class DynamoTable:
    """The table in DynamoDB.

    A write that meets somebody else's transaction on its item is sent again, several times: that
    is over within some requests' time, and AWS's client does not repeat what met one.
    """

    def __init__(self, client: DynamoDBClient, name: str, clock: Clock, uniform: Uniform) -> None:
        self._client = client
        self._name = name
        self._pauses = Pauses(clock, uniform)

    def get(self, key: Key) -> Item | None:
        """Read one item, strongly consistent."""
        with _translated():
            answer = self._client.get_item(
                TableName=self._name, Key=_wire_key(key), ConsistentRead=True
            )
        return _read(answer["Item"]) if "Item" in answer else None

    def write(self, write: Write) -> Item | None:
        """Do one write and return the item as it was before it.

        Raises:
            ConditionFailedError: the condition did not hold; nothing was written.
            BusyError: it met transactions too often; nothing was written.
        """
        return self._again(lambda: self._write(write))

    def transact(self, writes: Sequence[Write]) -> None:
        """Do all writes or none.

        Raises:
            TransactionFailedError: a condition did not hold; nothing was written.
            BusyError: it met others too often; nothing was written.
        """
        self._again(lambda: self._transact(writes))

    def _again[T](self, attempt: Callable[[], T]) -> T:
        for tries in range(1, TRIES + 1):
            try:
                with _translated():
                    return attempt()
            except _ConflictError:
                if tries < TRIES:
                    self._pauses.after(tries)
        message = "others were writing the same item again and again"
        raise BusyError(message)

    def _write(self, write: Write) -> Item | None:
        request = _request(write, self._name)
        request["ReturnValues"] = "ALL_OLD"
        request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        try:
            match write:
                case Update():
                    answer: Any = self._client.update_item(**request)
                case Put():
                    answer = self._client.put_item(**request)
                case Delete():
                    answer = self._client.delete_item(**request)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "TransactionConflictException":
                raise _ConflictError from None
            if code != "ConditionalCheckFailedException":
                raise
            old: Any = error.response.get("Item")
            raise ConditionFailedError(_read(old) if old else None) from None
        attributes = answer.get("Attributes")
        return _read(attributes) if attributes else None

    def _transact(self, writes: Sequence[Write]) -> None:
        items: list[Any] = []
        for write in writes:
            request = _request(write, self._name)
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
            items.append({type(write).__name__: request})
        try:
            self._client.transact_write_items(TransactItems=items)
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            reasons: list[Any] = error.response.get("CancellationReasons", [])
            failed = tuple(reason["Code"] == "ConditionalCheckFailed" for reason in reasons)
            if not any(failed):
                if any(reason["Code"] in _PASSING for reason in reasons):
                    raise _ConflictError from None
                raise
            found = tuple(
                _read(reason["Item"]) if reason.get("Item") else None for reason in reasons
            )
            raise TransactionFailedError(found, failed) from None

    def newest(self, pk: str, prefix: str, limit: int) -> list[Item]:
        """Read the items of ``pk`` whose sort key begins with ``prefix``, greatest first."""
        with _translated():
            return self._newest(pk, prefix, limit)

    def _newest(self, pk: str, prefix: str, limit: int) -> list[Item]:
        answer = self._client.query(
            TableName=self._name,
            KeyConditionExpression="#pk = :pk AND begins_with(#sk, :prefix)",
            ExpressionAttributeNames={"#pk": "pk", "#sk": "sk"},
            ExpressionAttributeValues={":pk": {"S": pk}, ":prefix": {"S": prefix}},
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=limit,
        )
        return [_read(item) for item in answer["Items"]]

    def due(self, due_shard: str, until: float) -> Iterator[tuple[Key, float]]:
        """Read key and ``due_at`` of what is due in one shard (eventually consistent)."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            IndexName="due",
            KeyConditionExpression="#shard = :shard AND #at <= :until",
            ExpressionAttributeNames={"#shard": "due_shard", "#at": "due_at"},
            ExpressionAttributeValues={
                ":shard": {"S": due_shard},
                ":until": {"N": str(_number(until))},
            },
        )
        with _translated():
            found = [item for page in pages for item in page["Items"]]
        for item in found:
            yield Key(item["pk"]["S"], item["sk"]["S"]), float(item["due_at"]["N"])

    def scan(self, pk_prefix: str, sk: str) -> Iterator[Item]:
        """Read every item with this sort key whose ``pk`` begins so, strongly consistent.

        Page by page as they are taken: what was read may have changed by then.
        """
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._name,
            FilterExpression="begins_with(#pk, :prefix) AND #sk = :sk",
            ExpressionAttributeNames={"#pk": "pk", "#sk": "sk"},
            ExpressionAttributeValues={":prefix": {"S": pk_prefix}, ":sk": {"S": sk}},
            ConsistentRead=True,
        )
        for item in _each(pages):
            yield _read(item)

    def by_tenant(self, tenant_key: str, sort_prefix: str) -> Iterator[Key]:
        """Read the keys of one tenant whose ``tenant_sort`` begins so (eventually consistent)."""
        wanted, rest = _of_tenants("#key = :key", tenant_key, sort_prefix)
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name, KeyConditionExpression=wanted, **rest
        )
        yield from _keys(pages)

    def by_any_tenant(self, key_prefix: str, sort_prefix: str) -> Iterator[Key]:
        """Read the keys of all whose ``tenant_key`` begins so, as :meth:`by_tenant` does."""
        yield from _keys(self._tenants(key_prefix, sort_prefix))

    def tenants(self, key_prefix: str) -> Iterator[tuple[str, str]]:
        """Read ``tenant_key`` and ``tenant_sort`` of the same, without a status."""
        for item in _each(self._tenants(key_prefix, "")):
            yield item["tenant_key"]["S"], item["tenant_sort"]["S"]

    def _tenants(self, key_prefix: str, sort_prefix: str) -> Iterable[Any]:
        wanted, rest = _of_tenants("begins_with(#key, :key)", key_prefix, sort_prefix)
        return self._client.get_paginator("scan").paginate(
            TableName=self._name, FilterExpression=wanted, **rest
        )

    def everything(self) -> Iterator[Item]:
        """Read every item, page by page: for an operator who restores, no function may."""
        for page in self._client.get_paginator("scan").paginate(
            TableName=self._name, ConsistentRead=True
        ):
            for item in page["Items"]:
                yield _read(item)


@dataclass(frozen=True, slots=True)
class _Compiler:
    """Collects the placeholders of one request."""

    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def name(self, name: str) -> str:
        placeholder = f"#{name}"
        self.names[placeholder] = name
        return placeholder

    def value(self, value: Value) -> str:
        placeholder = f":v{len(self.values)}"
        self.values[placeholder] = _serializer.serialize(_to_wire(value))
        return placeholder

    def condition(self, condition: Condition) -> str:
        match condition:
            case Absent(name):
                return f"attribute_not_exists({self.name(name)})"
            case Compare(name, operator, value):
                return f"{self.name(name)} {operator} {self.value(value)}"
            case AllOf((alone,)) | AnyOf((alone,)):
                # DynamoDB refuses redundant parentheses.
                return self.condition(alone)
            case AllOf(conditions):
                return " AND ".join(f"({self.condition(part)})" for part in conditions)
            case AnyOf(conditions):
                return " OR ".join(f"({self.condition(part)})" for part in conditions)

    def update(self, update: Update) -> str:
        sets = [f"{self.name(name)} = {self.value(value)}" for name, value in update.set.items()]
        sets += [
            f"{self.name(name)} = if_not_exists({self.name(name)}, {self.value(value)})"
            for name, value in update.set_if_absent.items()
        ]
        adds = [f"{self.name(name)} {self.value(value)}" for name, value in update.add.items()]
        removes = [self.name(name) for name in sorted(update.remove)]
        takes = [f"{self.name(name)} {self.value(value)}" for name, value in update.take.items()]
        clauses = (("SET", sets), ("ADD", adds), ("REMOVE", removes), ("DELETE", takes))
        return " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses if parts)


def _of_tenants(wanted: str, key: str, sort_prefix: str) -> tuple[str, dict[str, Any]]:
    """Return what a request to the index of tenants wants, and the rest of that request."""
    names, values = {"#key": "tenant_key"}, {":key": {"S": key}}
    if sort_prefix:
        # An empty value is none for DynamoDB.
        wanted += " AND begins_with(#sort, :sort)"
        names["#sort"], values[":sort"] = "tenant_sort", {"S": sort_prefix}
    return wanted, {
        "IndexName": "by_tenant",
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def _keys(pages: Iterable[Any]) -> Iterator[Key]:
    for item in _each(pages):
        yield Key(item["pk"]["S"], item["sk"]["S"])


def _each(pages: Iterable[Any]) -> Iterator[Any]:
    """Yield the items of all pages; only the reading of a page is ours to translate."""
    waiting = iter(pages)
    while True:
        with _translated():
            page = next(waiting, None)
        if page is None:
            return
        yield from page["Items"]


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what botocore raises into our own; it may have been a write that was done."""
    try:
        yield
    except ClientError as error:
        problem = str(error.response["Error"]["Code"])
        reasons: Any = error.response.get("CancellationReasons", [])
        codes = sorted({str(reason.get("Code")) for reason in reasons} - {"None"})
        message = f"DynamoDB: {' '.join([problem, *codes])}"
        raise TableUnavailableError(message) from None
    except BotoCoreError as error:
        message = f"DynamoDB: {type(error).__name__}"
        raise TableUnavailableError(message) from None


def _request(write: Write, table_name: str) -> dict[str, Any]:
    compiler = _Compiler()
    request: dict[str, Any] = {"TableName": table_name}
    match write:
        case Put(key, attributes):
            request["Item"] = _wire_key(key) | {
                name: _serializer.serialize(_to_wire(value)) for name, value in attributes.items()
            }
        case Update(key):
            request["Key"] = _wire_key(key)
            request["UpdateExpression"] = compiler.update(write)
        case Delete(key):
            request["Key"] = _wire_key(key)
    if write.condition is not None:
        request["ConditionExpression"] = compiler.condition(write.condition)
    if compiler.names:
        request["ExpressionAttributeNames"] = compiler.names
    if compiler.values:
        request["ExpressionAttributeValues"] = compiler.values
    return request


def _wire_key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def _number(value: float) -> Decimal:
    # Times have milliseconds; anything finer is noise of binary floats.
    return Decimal(str(round(value, 3)))


def _to_wire(value: Value) -> Any:
    match value:
        case bool():
            return value
        case float():
            return _number(value)
        case frozenset():
            return set(value)
        case list():
            return [_to_wire(part) for part in value]
        case dict():
            return {name: _to_wire(part) for name, part in value.items()}
        case _:
            return value


def _from_wire(value: Any) -> Value:
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case Binary():
            return bytes(value.value)  # type: ignore[attr-defined]  # the stubs lack it
        case set():
            return frozenset(str(part) for part in value)
        case list():
            return [_from_wire(part) for part in value]
        case dict():
            return {name: _from_wire(part) for name, part in value.items()}
        case _:
            checked: Value = value
            return checked


def _read(item: dict[str, Any]) -> Item:
    return {name: _from_wire(_deserializer.deserialize(value)) for name, value in item.items()}
