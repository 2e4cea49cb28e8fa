"""A short drill: everything that ``make chaos`` does, for some seconds, on a stack of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.chaos.drill import Drill
from sandbox.chaos.faults import Rule
from sandbox.chaos.findings import judge
from sandbox.chaos.plan import Plan
from sandbox.chaos.run import options
from sandbox.stack.progress import Progress
from sandbox.stack.stack import LocalStack

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT = Plan(
    seconds=25,
    seed=1,
    merchants=16,
    readers=4,
    look_ups=8,
    expiries=1.5,
    schedule_speed=12,
    storm_pause=8,
    least_look_ups=0.5,
    least_renewals=2,
    least_faults=0,
    least_answered=0.2,
    least_mid_flight=0,
    least_looks=1,
)
"""What a run must reach depends on the machine; what must not happen does not."""


@pytest.fixture(scope="module")
def shaken() -> Iterator[LocalStack]:
    """A stack whose functions reach AWS through the fault proxy."""
    with LocalStack(options(SHORT), Progress()) as running:
        yield running


def test_only_what_functions_ask_goes_through_the_proxy(shaken: LocalStack) -> None:
    """The look-up that cannot read says so; who looks at the table directly notices nothing."""
    question = {"authorizer_appid": "wx0000000000000000"}
    assert shaken.invoke("token", question)["error"]["code"] == "unknown_authorizer"
    with shaken.faults.active(Rule("throttle", "dynamodb", "GetItem")):
        assert shaken.invoke("token", question)["error"]["code"] == "table_unavailable"
        shaken.scan_table()
    assert shaken.invoke("token", question)["error"]["code"] == "unknown_authorizer"
    # Tried more than once; a push may have met the rule as well.
    assert shaken.faults.injected().keys() == {("dynamodb", "GetItem", "throttle")}
    assert sum(shaken.faults.injected().values()) >= 2


def test_nothing_is_lost_and_nothing_dead_is_handed_out(shaken: LocalStack) -> None:
    """All of the drill, and all of its bounds but for the figures that take three minutes."""
    drill = Drill(shaken, SHORT, Progress())
    drill.run()
    report = judge(drill)
    assert report.missed == [], report.markdown()
    assert {"processes killed", "leaks", "refresh tokens lost"} <= {
        line.name for line in report.lines
    }
    assert len(shaken.faults.injected()) > 3
