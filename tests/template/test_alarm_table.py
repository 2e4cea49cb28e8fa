"""docs/alarms.md against the template: every alarm, its metric, and an alarm for every failure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.template.reading import of_type, target
from tests.template.test_alarms import ALARMS, OWN_METRICS
from wxvault.runtime.bus import metric_name

Resources = dict[str, dict[str, Any]]

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "alarms.md").read_text("utf-8")


def rows(head: str) -> list[list[str]]:
    """Return the rows of the one table whose first head is this."""
    (found,) = re.findall(rf"^\| {head} \|.*\n\|---.*\n((?:\|.*\n)+)", DOCUMENT, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found.splitlines()]


def code(cell: str) -> list[str]:
    """Return what stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def test_the_table_has_every_alarm_and_its_metric(resources: Resources) -> None:
    """No alarm is missing, none is invented, and each is explained by the metric it watches."""
    told = {code(row[0])[0]: row[1] for row in rows("alarm")}
    assert set(told) == set(of_type(resources, "AWS::CloudWatch::Alarm"))
    for name, cell in told.items():
        metric = ALARMS[name][0].replace("${AWS::StackName}", "<stack>")
        assert code(cell) == [metric], name


def test_every_row_says_when_why_and_what_to_do() -> None:
    """No cell is empty."""
    for row in rows("alarm"):
        assert len(row) == 5, row
        assert all(row), row


def test_every_failure_has_an_alarm_and_every_alarm_a_failure(resources: Resources) -> None:
    """What can go wrong is told by an alarm that exists; no alarm is there for nothing."""
    alarms = set(of_type(resources, "AWS::CloudWatch::Alarm"))
    named = {name for row in rows("failure") for name in code(row[1])}
    assert named == alarms
    assert all(code(row[1]) for row in rows("failure"))


def test_the_dead_letters_that_are_explained_are_those_there_are(resources: Resources) -> None:
    """The table of queues has every dead-letter queue under the name that the tool gives it."""
    queues = of_type(resources, "AWS::SQS::Queue")
    ends = {name for name, queue in queues.items() if "RedrivePolicy" not in queue}
    assert {row[0] for row in rows("queue")} == {
        name.removesuffix("DeadLetters").lower() for name in ends
    }


def test_own_metrics_are_written_somewhere() -> None:
    """An alarm on a metric that nobody writes would never speak."""
    sources = [
        path.read_text("utf-8")
        for folder in ("functions", "layers/wxvault/python/wxvault")
        for path in (ROOT / folder).rglob("*.py")
    ]
    literal = {
        name for text in sources for name in re.findall(r"\b(?:count|gauge)\(\s*\"(\w+)\"", text)
    }
    events = {
        metric_name(f"{subject}.{name}")
        for text in sources
        for name in re.findall(r"\bEvent\(\s*\"(\w+)\"", text)
        for subject in ("authorizer", "component")
    }
    assert OWN_METRICS - literal - events == set()


def test_what_a_log_filter_counts_is_explained(resources: Resources) -> None:
    """A metric that comes from one has the stack in its name."""
    for counter in of_type(resources, "AWS::Logs::MetricFilter").values():
        (counted,) = counter["MetricTransformations"]
        assert target(counted["MetricName"]).replace("${AWS::StackName}", "<stack>") in DOCUMENT
