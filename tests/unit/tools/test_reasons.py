"""Reasons are found in the consumer's log by the message's id, and printed harmlessly."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError

from tools.dead_letters.queues import DeadLetters, Letter
from tools.dead_letters.reasons import ReasonFinder
from tools.dead_letters.report import printable
from tools.dead_letters.stacks import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

LETTER = Letter("m-1", "{}", {}, "receipt", sent_at=1000.0, received=6)
QUEUE = DeadLetters("renew", "q", "https://d", "https://s", "arn:source", cast("Any", None))


@dataclass
class FakeAws:
    """Lambda and CloudWatch Logs: one function whose log has these lines."""

    lines: list[tuple[float, str]] = field(default_factory=list)
    logging: dict[str, str] = field(default_factory=lambda: {"LogGroup": "the-group"})
    mapped: bool = True
    denied: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)
    listed: int = 0

    def list_event_source_mappings(self, *, EventSourceArn: str) -> Any:  # noqa: N803
        """Name the consumer of a queue."""
        self.listed += 1
        assert EventSourceArn == "arn:source"
        return {"EventSourceMappings": [{"FunctionArn": "arn:renew:live"}] if self.mapped else []}

    def get_function_configuration(self, *, FunctionName: str) -> Any:  # noqa: N803
        """Tell where it logs."""
        assert FunctionName == "arn:renew:live"
        return {"FunctionName": "renew", "LoggingConfig": self.logging}

    def get_paginator(self, name: str) -> FakeAws:
        """Page through the log."""
        assert name == "filter_log_events"
        return self

    def paginate(self, **wanted: Any) -> Iterator[Any]:
        """Return a page per line."""
        self.asked.append(wanted)
        if self.denied:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "FilterLogEvents")
        for at, line in self.lines:
            yield {"events": [{"timestamp": int(at * 1000), "message": line}]}

    def finder(self) -> ReasonFinder:
        """Return what looks for reasons here."""
        me: Any = self
        return ReasonFinder(Stack("s", "here", me, me, me, me, (), "wx0123456789abcdef", me))


def line(**fields: Any) -> str:
    """Return a line of the log about the letter."""
    return json.dumps({"message": "job failed", "message_id": "m-1", **fields})


def test_first_and_last_failure_are_found() -> None:
    """In order of time, with the remedy; lines of other messages and no JSON are passed over."""
    aws = FakeAws(
        [
            (1600.0, line(error_code="wechat_refused", error="61023", remedy="wait")),
            (1001.0, line(exception_name="KeyError", exception="Traceback with everything in it")),
            (1002.0, json.dumps({"message_id": "m-2", "error": "another message's"})),
            (1003.0, "START RequestId: m-1"),
            (1004.0, "[1]"),
            (1005.0, line()),
        ]
    )
    found = aws.finder().of(QUEUE, LETTER)
    assert [failure.text for failure in found.failures] == [
        "KeyError, unforeseen; its traceback is in the log",
        "wechat_refused: 61023",
    ]
    assert found.failures[-1].remedy == "wait"
    assert aws.asked == [
        {"logGroupName": "the-group", "startTime": 1_000_000, "filterPattern": '"m-1"'}
    ]


def test_a_consumer_is_asked_for_once() -> None:
    """Many letters, one look for the log they are in; without a group of its own, Lambda's."""
    aws = FakeAws(logging={})
    finder = aws.finder()
    assert {finder.of(QUEUE, LETTER).log_group for _ in range(3)} == {"/aws/lambda/renew"}
    assert aws.listed == 1


@pytest.mark.parametrize(
    ("aws", "problem"),
    [
        (FakeAws(denied=True), "the log cannot be read (AccessDenied)"),
        (FakeAws(mapped=False), "nothing consumes the queue"),
    ],
)
def test_what_cannot_be_read_is_said(aws: FakeAws, problem: str) -> None:
    """The rest of the report is there all the same."""
    assert aws.finder().of(QUEUE, LETTER).problem == problem


def test_a_log_is_read_for_a_while_only() -> None:
    """A log of many pages does not keep anybody waiting for ever."""
    aws = FakeAws([(1000.0 + n, line(error_code="x", error=str(n))) for n in range(100)])
    assert len(aws.finder().of(QUEUE, LETTER).failures) == 20


def test_nothing_that_is_printed_moves_the_cursor() -> None:
    """Control characters, out of whatever error, become question marks; long texts end."""
    assert printable("a\x1b[2Jb\nc\u202ed") == "a?[2Jb?c?d"
    assert len(printable("x" * 5000)) == 400
