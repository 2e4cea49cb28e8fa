"""Holding the table against WeChat's list: the sample events of *resync*, and what it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from functions.accounts import resync
from tests.unit.desk import COMPONENT, MERCHANT, REFRESH_TOKEN, Desk
from wxvault.services.state import Status
from wxvault.vault.keys import authorizer_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@pytest.fixture(name="desk")
def _desk() -> Iterator[Desk]:
    """Return a fresh desk."""
    with mock_aws():
        yield Desk()


def test_resync(desk: Desk) -> None:
    """What was lost is found: the dry run says so, the real run does it, for all or for one."""
    desk.with_merchant()
    key = authorizer_key(COMPONENT, MERCHANT)
    boto3.client("dynamodb").delete_item(
        TableName="wxvault", Key={"pk": {"S": key.pk}, "sk": {"S": key.sk}}
    )
    found = [{"authorizer_appid": MERCHANT, "action": "found", "reason": "unknown_here"}]
    planned = desk.replay("resync-invoke-dry-run")
    assert (planned["dry_run"], planned["changes"]) == (True, found)
    assert desk.wiring.tokens.get(MERCHANT) is None
    done = desk.replay("resync-invoke-apply")
    assert done == planned | {"dry_run": False}
    assert desk.sent("renew")[-1] == {"job": "authorizer", "authorizer_appid": MERCHANT}
    state = desk.wiring.tokens.get(MERCHANT)
    assert state is not None
    assert (state.status, state.verifying) == (Status.PENDING, True)
    assert desk.replay("resync-invoke-one")["counts"] == {"already_verifying": 1}
    assert REFRESH_TOKEN not in json.dumps(done)


def test_resync_by_its_schedule(desk: Desk) -> None:
    """Every night it is a real run; where WeChat does not know of the deployment yet, none."""
    assert desk.replay("resync-schedule") == {}
    desk.with_merchant()
    done = desk.replay("resync-schedule")
    assert (done["dry_run"], done["counts"]) == (False, {"unchanged": 1})


def test_a_night_goes_on_where_the_last_one_ended(desk: Desk) -> None:
    """Its time was up: the next scheduled run begins there, and the one after at the beginning."""
    desk.with_merchant()
    items = desk.wiring.component_items
    items.leave_resync(MERCHANT)
    assert desk.replay("resync-invoke-apply")["counts"] == {"unchanged": 1}
    assert desk.replay("resync-schedule")["counts"] == {}
    assert items.take_resync() is None
    assert desk.replay("resync-schedule")["counts"] == {"unchanged": 1}


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"dry_run": "no"}, "dry_run"),
        ({"dry_run": 0}, "dry_run"),
        ({"apply": True}, "apply"),
        ({"authorizer_appid": "gh_1"}, "authorizer_appid"),
        ({"authorizer_appid": MERCHANT, "after": MERCHANT}, "after"),
        ({"after": ""}, "after"),
        ({"after": 7}, "after"),
        ({"scheduled": 1}, "scheduled"),
        ({"scheduled": False}, "scheduled"),
    ],
)
def test_a_resync_that_nobody_can_mean(desk: Desk, event: Mapping[str, Any], field: str) -> None:
    """A clear error names the field, before WeChat is asked or anything written."""
    desk.with_merchant()
    desk.wechat.calls.clear()
    error = desk.handle(resync, event)["error"]
    assert (error["code"], error["message"].partition(":")[0]) == ("invalid_request", field)
    assert desk.wechat.calls == []
