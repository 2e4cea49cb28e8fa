"""WeChat's check before a full release passes by itself, in the deployed stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from sandbox.stack.release_test import cool_down
from sandbox.wechat.release_test import ORDERS, PAIRS, Case, ReleaseTest
from tests.stack.world import QUERY_AUTH

if TYPE_CHECKING:
    from sandbox.stack.stack import LocalStack

BOTH = frozenset({1, 19})
CUSTOM_SEND = "/cgi-bin/message/custom/send"


@pytest.fixture(name="check", scope="module")
def _check(stack: LocalStack) -> ReleaseTest:
    """Return WeChat's check, which shows its steps when it fails."""
    return ReleaseTest(stack.wechat, print)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("group", range(1, len(PAIRS) + 1))
def test_every_group_in_both_orders(check: ReleaseTest, group: int, order: str) -> None:
    """All ten accounts, with both permission sets, the push before and after the message."""
    check.play(Case(group, BOTH, "push first" if order == "push first" else "message first"))


@pytest.mark.parametrize(
    ("group", "sets"), [(1, frozenset({1})), (2, frozenset({19})), (3, frozenset[int]())]
)
def test_what_is_not_declared_is_not_asked(
    check: ReleaseTest, group: int, sets: frozenset[int]
) -> None:
    """With one of the sets, or neither."""
    check.play(Case(group, sets, "push first"))


@pytest.mark.parametrize("order", ORDERS)
def test_functions_that_have_to_start_make_it(
    stack: LocalStack, check: ReleaseTest, order: Literal["push first", "message first"]
) -> None:
    """Cold, in both orders: every function that takes part was stopped before."""
    cool_down(stack)
    check.play(Case(4 if order == "message first" else 5, BOTH, order))
    assert check.slowest_ms < 5000


def test_wechats_flake(stack: LocalStack, check: ReleaseTest) -> None:
    """The customer-service message is sent again when WeChat has a bad moment."""
    for errcode in (-1, -1000):
        stack.wechat.add_fault("errcode", CUSTOM_SEND, errcode=errcode)
    try:
        check.play(Case(5, BOTH, "push first"))
    finally:
        stack.wechat.clear_faults()


def test_nothing_of_the_check_gets_out(stack: LocalStack, check: ReleaseTest) -> None:
    """Steps are told, contents are not; the code was exchanged once; no tenant, no trace."""
    since = stack.wechat.last_seq()
    oa, _, mp, _ = PAIRS[2]
    before = len(stack.bus_events())
    check.play(Case(3, BOTH, "push first"))
    for appid in (oa, mp):
        assert stack.wechat.count(QUERY_AUTH, authorizer_appid=appid, since=since) == 1
    events = [event for event in stack.bus_events()[before:] if event.raw.find(oa) >= 0]
    steps = [event.detail["step"] for event in events if event.kind == "release_test.step"]
    assert sorted(steps) == [
        "answer_sent",
        "code_exchanged",
        "code_received",
        "event_answered",
        "text_answered",
    ]
    for event in events:
        assert event.detail.get("tenant_id") is None
        if event.kind == "message.received":
            assert event.detail["withheld"] == "secret"
            assert "Content" not in event.detail["message"]
