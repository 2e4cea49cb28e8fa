"""The sample events of *accounts*, replayed as those of the rest are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from tests.unit.desk import GONE, MERCHANT, TENANT, Desk, body_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(name="desk")
def _desk() -> Iterator[Desk]:
    """Return a fresh desk."""
    with mock_aws():
        yield Desk()


def both(desk: Desk, name: str) -> list[dict[str, Any]]:
    """Replay what is sent over HTTP and by invoke; return both answers."""
    return [body_of(desk.replay(f"accounts-{name}-http")), desk.replay(f"accounts-{name}-invoke")]


def test_accounts_are_listed(desk: Desk) -> None:
    """The merchant is in the list of all, and in its tenant's."""
    desk.with_merchant()
    for found in (*both(desk, "list"), body_of(desk.replay("accounts-list-tenant-http"))):
        (entry,) = found["authorizers"]
        assert (entry["authorizer_appid"], entry["status"]) == (MERCHANT, "active")
        assert (entry["tenant_id"], entry["nick_name"]) == (TENANT, None)
        assert found["cursor"] is None


def test_accounts_are_described(desk: Desk) -> None:
    """The profile is asked for once, and again when that is wanted; sets have names."""
    desk.with_merchant()
    for found in both(desk, "get"):
        assert found["nick_name"] == "示例茶馆"
        assert found["profile"]["service_type"] == {
            "number": 2,
            "en": "service account",
            "zh": "服务号",
        }
        assert [one["number"] for one in found["permission_sets"]["granted"]] == [1, 18]
        (missing,) = found["permission_sets"]["missing"]
        assert (missing["number"], missing["en"]) == (30, "mini-program basic information")
        assert (missing["wanted"], missing["granted_before"]) == (True, False)
    assert desk.wechat.calls.count("authorizer_info") == 1
    for found in both(desk, "refresh"):
        assert found["verifying"] is False
    assert desk.wechat.calls.count("authorizer_info") == 3


def test_accounts_are_assigned(desk: Desk) -> None:
    """To another tenant, and to nobody; each is told."""
    desk.with_merchant()
    desk.bus.sent.clear()
    moves = [(found["from_tenant_id"], found["tenant_id"]) for found in both(desk, "assign")]
    assert moves == [(TENANT, "other-shop"), ("other-shop", None)]
    assert [kind for kind, _ in desk.bus.sent] == ["authorizer.assigned"] * 2


@pytest.mark.parametrize("way", ["http", "invoke"])
def test_accounts_are_forgotten(desk: Desk, way: str) -> None:
    """One who is gone, and a closed tenant's; nothing is left of them."""
    for name in ("forget", "forget-tenant"):
        desk.with_gone()
        answer = desk.replay(f"accounts-{name}-{way}")
        found = body_of(answer) if way == "http" else answer
        assert found["forgotten"] == (True if name == "forget" else [GONE])
        assert desk.wiring.tokens.get(GONE) is None


def test_options(desk: Desk) -> None:
    """One is read, another is set, both by WeChat's current paths."""
    desk.with_merchant()
    read_one, set_one = both(desk, "options")
    assert read_one["options"]["voice_recognize"]["value"] == "0"
    assert set_one["options"]["location_report"]["en"] == "when a conversation is entered"
    assert desk.wechat.options == {"location_report": "1"}
    assert {one["path"] for found in (read_one, set_one) for one in found["options"].values()} == {
        "current"
    }
