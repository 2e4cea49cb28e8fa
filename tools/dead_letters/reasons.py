"""Why a job failed, from its consumer's log: every failure is logged under the message's id."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tools.dead_letters.queues import DeadLetters, Letter
    from tools.dead_letters.stacks import Stack

# A filter reads a part of the log per page, and may find nothing in it.
_PAGES = 20


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed try; ``at`` is unix time in seconds."""

    at: float
    text: str
    remedy: str | None


@dataclass(frozen=True, slots=True)
class Reasons:
    """What the log says of a letter, oldest first, and where it was looked for."""

    log_group: str | None
    failures: tuple[Failure, ...] = ()
    problem: str | None = None
    """Why the log could not be read."""


class ReasonFinder:
    """Finds reasons; asks once for the log of each queue's consumer."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._groups: dict[str, str | None] = {}

    def of(self, queue: DeadLetters, letter: Letter) -> Reasons:
        """Return why the consumer of a queue failed at a letter."""
        if queue.source_arn is None:
            return Reasons(None)
        try:
            group = self._group(queue.source_arn)
            if group is None:
                return Reasons(None, problem="nothing consumes the queue")
            return Reasons(group, tuple(self._failures(group, letter)))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            return Reasons(None, problem=f"the log cannot be read ({code})")

    def _group(self, source_arn: str) -> str | None:
        if source_arn not in self._groups:
            self._groups[source_arn] = self._find_group(source_arn)
        return self._groups[source_arn]

    def _find_group(self, source_arn: str) -> str | None:
        functions = self._stack.functions
        listed = functions.list_event_source_mappings(EventSourceArn=source_arn)
        for mapping in listed["EventSourceMappings"]:
            told = functions.get_function_configuration(FunctionName=mapping["FunctionArn"])
            group = told.get("LoggingConfig", {}).get("LogGroup")
            return group or f"/aws/lambda/{told['FunctionName']}"
        return None

    def _failures(self, group: str, letter: Letter) -> list[Failure]:
        pages = self._stack.logs.get_paginator("filter_log_events").paginate(
            logGroupName=group,
            startTime=int(letter.sent_at * 1000),
            filterPattern=f'"{letter.message_id}"',
        )
        found = []
        for number, page in enumerate(pages):
            for event in page.get("events", []):
                told = _fields(event.get("message", ""))
                if told.get("message_id") == letter.message_id and "error" in told | _raised(told):
                    found.append(_failure(event.get("timestamp", 0) / 1000, told))
            if number + 1 == _PAGES:
                break
        return sorted(found, key=lambda failure: failure.at)


def _fields(line: str) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _raised(told: dict[str, Any]) -> dict[str, Any]:
    return {"error": told["exception_name"]} if "exception_name" in told else {}


def _failure(at: float, told: dict[str, Any]) -> Failure:
    if "error" in told:
        remedy = told.get("remedy")
        text = f"{told.get('error_code', 'error')}: {told['error']}"
        return Failure(at, text, remedy if isinstance(remedy, str) else None)
    # The traceback stays in the log, where it belongs.
    return Failure(at, f"{told['exception_name']}, unforeseen; its traceback is in the log", None)
