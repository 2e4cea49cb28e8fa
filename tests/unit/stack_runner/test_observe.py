"""Reading what the stack has written."""

from __future__ import annotations

import json

import pytest

from sandbox.stack.observe import LogLine, Metric, NotSeenError, eventually, metrics_in

EMBEDDED = {
    "_aws": {
        "Timestamp": 1_700_000_000_000,
        "CloudWatchMetrics": [
            {
                "Namespace": "wxvault",
                "Dimensions": [["service"]],
                "Metrics": [
                    {"Name": "TicketReceived", "Unit": "Count"},
                    {"Name": "Overdue", "Unit": "Count"},
                ],
            }
        ],
    },
    "service": "wxvault",
    "TicketReceived": [1.0, 1.0],
    "Overdue": 0,
}


def line(text: str) -> LogLine:
    """A log line with this text."""
    return LogLine("group", "stream", 0.0, text)


def test_embedded_metrics_are_found_with_their_dimensions() -> None:
    """Every value counts, also several of one name in one line, also a single number."""
    at = 1_700_000_000.0
    service = {"service": "wxvault"}
    assert list(metrics_in(EMBEDDED)) == [
        Metric("TicketReceived", 1.0, "Count", "wxvault", service, at),
        Metric("TicketReceived", 1.0, "Count", "wxvault", service, at),
        Metric("Overdue", 0.0, "Count", "wxvault", service, at),
    ]


def test_other_lines_carry_no_metric() -> None:
    """A log line that merely mentions the format is no metric."""
    assert not list(metrics_in({"message": "_aws"}))
    assert not list(metrics_in({"_aws": "text"}))


def test_a_structured_line_has_fields_and_any_other_none() -> None:
    """Text, numbers and broken JSON are lines like any other."""
    assert line(json.dumps({"a": 1})).fields() == {"a": 1}
    assert [line(text).fields() for text in ("plain", "3", '{"a":')] == [{}, {}, {}]


def test_lambdas_own_lines_are_told_apart() -> None:
    """A reader sees what the function said; a search for secrets reads all of it."""
    assert line("START RequestId: 1 Version: 1").is_frame
    assert not line("STARTED").is_frame


def test_a_log_line_does_not_show_its_text_by_itself() -> None:
    """A failed assertion about log lines must not print what they hold."""
    assert "hidden" not in repr(line("hidden"))


class Clock:
    """Time that passes by sleeping only."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def test_eventually_returns_the_first_answer_that_is_one() -> None:
    """None, False and empty are "not yet"."""
    clock = Clock()
    answers: list[list[str] | None] = [None, [], ["here"]]
    found = eventually(lambda: answers.pop(0), what="it", clock=clock, sleep=clock.sleep)
    assert found == ["here"]


def test_eventually_says_what_did_not_come() -> None:
    """After its time it raises, with the words of the one who waited."""
    clock = Clock()
    with pytest.raises(NotSeenError, match="not within 3 s: an event"):
        eventually(lambda: None, what="an event", seconds=3, clock=clock, sleep=clock.sleep)
    assert clock.now == pytest.approx(3, abs=0.2)
