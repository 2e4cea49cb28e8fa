"""The sample's marks in DynamoDB: what is proved of the guard in memory, holds on the table."""

from __future__ import annotations

import importlib
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.unit.client.test_client_events import APPIDS, event
from wxvault.client_events import EventGuard, Mark, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTION = Path(__file__).resolve().parents[2] / "examples" / "subscribers" / "lambda" / "function"
MARK = Mark((1, 3), 1_800_000_060.25, 1_900_000_000)


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch, aws: None) -> Iterator[Any]:
    """Return the sample's handler module over an empty table."""
    boto3.client("dynamodb").create_table(
        TableName="states",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    monkeypatch.setenv("TABLE_NAME", "states")
    monkeypatch.setenv("TENANT_ID", "acme")
    monkeypatch.syspath_prepend(str(FUNCTION))
    yield importlib.import_module("app")
    boto3.client("dynamodb").delete_table(TableName="states")
    for name in ("app", "dynamo_event_store"):
        del sys.modules[name]


def test_a_mark_comes_back_as_it_was(sample: Any) -> None:
    """Written, read, replaced and deleted; only by who knows what stands there."""
    store = sample.guard._store
    assert store.read("k") is None
    assert store.swap("k", None, MARK)
    assert store.read("k") == MARK
    for wrong in (
        None,
        Mark((1, 3)),
        Mark((1, 3), 1.0),
        Mark((3,), MARK.busy_until),
        Mark((1, 2, 3), MARK.busy_until),
    ):
        assert not store.swap("k", wrong, Mark((9,)))
        assert not store.swap("k", wrong, None)
    assert store.swap("k", MARK, Mark((4,)))
    assert store.read("k") == Mark((4,))
    assert store.swap("k", Mark((4,)), None)
    assert store.read("k") is None


def test_the_sample_ends_with_the_latest_state_in_every_order(sample: Any) -> None:
    """Three events in all orders, the middle one twice."""
    for number, order in enumerate(itertools.permutations((1, 2, 2, 3))):
        appid = f"wx{number:016x}"
        for sequence in order:
            sample.handler(told(sequence, appid), None)
        item = sample.table.get_item(Key={"pk": f"merchant#{appid}"})["Item"]
        assert (item["sequence"], item["status"]) == (3, "revoked")


def test_who_is_moved_away_is_kept_no_more(sample: Any) -> None:
    """In every order: authorised, moved to another tenant; and in every order back again."""
    away, back = told(2, tenant_id="other"), told(3)
    key = {"pk": f"merchant#{APPIDS[0]}"}
    for history, left in (([told(1), away], False), ([told(1), away, back], True)):
        for order in itertools.permutations(history):
            for one in sample.table.scan()["Items"]:
                sample.table.delete_item(Key={"pk": one["pk"]})
            for arriving in order:
                sample.handler(arriving, None)
            assert ("Item" in sample.table.get_item(Key=key)) == left


def test_two_environments_share_what_they_know(sample: Any) -> None:
    """One has applied it, the other is told so."""
    assert sample.handler(told(5), None) == {"verdict": Verdict.NEWEST}
    other = EventGuard(type(sample.guard._store)(sample.table))
    assert other.handle(told(5), never) is Verdict.REPEATED
    assert other.handle(told(4), lambda *_: None) is Verdict.LATE
    assert sample.handler(told(4), None) == {"verdict": Verdict.REPEATED}


def never(one: dict[str, Any], _verdict: Verdict) -> None:
    """Be what is not to be called."""
    pytest.fail(f"applied: {one}")


def told(sequence: int, appid: str = APPIDS[0], tenant_id: str = "acme") -> dict[str, Any]:
    """Return an event that has what the sample writes down."""
    status = "revoked" if sequence == 3 else "active"
    return event(sequence, appid, tenant_id=tenant_id, status=status)
