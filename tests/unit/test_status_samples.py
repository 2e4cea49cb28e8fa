"""The sample events of the status: a newcomer's first look, and one when all is well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from functions.accounts import accounts
from tests.unit.desk import COMPONENT, Desk, body_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(name="desk")
def _desk() -> Iterator[Desk]:
    """Return a fresh desk."""
    with mock_aws():
        yield Desk()


def both(desk: Desk) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ask both ways."""
    return body_of(desk.replay("accounts-status-http")), desk.replay("accounts-status-invoke")


def test_the_status_of_a_new_platform(desk: Desk) -> None:
    """Before the first ticket WeChat is asked for its pushes, and the addresses are told."""
    report = desk.replay("accounts-status-invoke")
    assert report["component_appid"] == COMPONENT
    assert report["next_step"]["code"] == "wait_for_ticket"
    assert report["next_step"]["level"] == "setup"
    assert report["pushes"]["start"]["outcome"] == "started"
    assert report["console"] == {
        "ip_list": "203.0.113.7",
        "start_page_domain": "auth.example.com",
        "events_url": "https://auth.example.com/wechat/events",
        "messages_url": "https://auth.example.com/wechat/$APPID$/messages",
    }
    assert desk.wechat.calls == ["start_push_ticket"]


def test_the_status_of_a_platform_that_is_well(desk: Desk) -> None:
    """Both ways say the same; WeChat is asked for the address once in each environment."""
    desk.with_merchant()
    for report in both(desk):
        assert report["next_step"]["code"] == "all_well"
        assert report["egress"]["seen"] == "203.0.113.7"
        assert report["authorizers"]["by_status"]["active"] == 1
        assert report["queues"]["renew_dead_letters"] == 0
        assert not [part for part in report.values() if isinstance(part, dict) and "error" in part]
    assert desk.wechat.calls.count("caller_address") == 2


def test_a_status_takes_nothing(desk: Desk) -> None:
    """A field that means nothing here is refused, by name."""
    event = {"action": "status", "tenant_id": "demo-shop"}
    error = desk.handle(accounts, event)["error"]
    assert (error["code"], error["message"].partition(":")[0]) == ("invalid_request", "tenant_id")
