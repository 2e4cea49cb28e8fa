"""The sample events of *renew* that renew nothing: tickets and quota."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from functions.refresh import renew
from tests.unit.desk import MERCHANT, Desk, read

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(name="desk")
def _desk() -> Iterator[Desk]:
    """Return a fresh desk."""
    with mock_aws():
        yield Desk()


def test_renew_tickets(desk: Desk) -> None:
    """A platform without a ticket has WeChat push; by a queue at most once in ten minutes."""
    assert desk.replay("renew-invoke-tickets") == {"outcome": "started"}
    record = dict(read("renew-queue")["Records"][0], body=json.dumps(read("renew-invoke-tickets")))
    assert desk.handle(renew, {"Records": [record]}) == {"batchItemFailures": []}
    assert desk.wechat.calls == ["start_push_ticket"]
    desk.replay("callback-ticket")
    assert desk.replay("renew-invoke-tickets") == {"outcome": "fresh"}


def test_renew_tickets_without_an_app_secret(desk: Desk) -> None:
    """A queue has nothing to repeat: the next sweep asks again, and the record says what lacks."""
    boto3.client("secretsmanager").put_secret_value(SecretId="app", SecretString="{}")
    record = dict(read("renew-queue")["Records"][0], body=json.dumps(read("renew-invoke-tickets")))
    assert desk.handle(renew, {"Records": [record]}) == {"batchItemFailures": []}
    assert desk.replay("renew-invoke-tickets")["error"]["code"] == "configuration"
    assert desk.wiring.push_starts.last_push().start_outcome == "no_secret"


def test_renew_quota(desk: Desk) -> None:
    """A quota is reset by invoke; a queue, which may deliver twice, cannot ask for it."""
    assert desk.replay("renew-invoke-quota") == {"outcome": "cleared"}
    record = dict(read("renew-queue")["Records"][0], body=json.dumps(read("renew-invoke-quota")))
    (failed,) = desk.handle(renew, {"Records": [record]})["batchItemFailures"]
    assert failed["itemIdentifier"] == record["messageId"]
    assert desk.wechat.calls == [f"clear_quota {MERCHANT} True"]
