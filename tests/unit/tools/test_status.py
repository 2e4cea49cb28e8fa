"""``make status``: a page that a newcomer understands, and an exit code for scripts."""

from __future__ import annotations

import copy
import io
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from tools.dead_letters.stacks import NoStackError, Stack
from tools.status.command import main
from tools.status.page import page

NOW = 1_800_000_000.0
WELL: dict[str, Any] = {
    "component_appid": "wx0123456789abcdef",
    "base_url": "https://auth.example.com",
    "at": NOW,
    "console": {
        "ip_list": "203.0.113.7",
        "start_page_domain": "auth.example.com",
        "events_url": "https://auth.example.com/wechat/events",
        "messages_url": "https://auth.example.com/wechat/$APPID$/messages",
    },
    "pushes": {
        "last_at": NOW - 200,
        "last_verdict": "accepted",
        "last_accepted_at": NOW - 200,
        "last_accepted": "component_verify_ticket",
        "last_refused_at": None,
        "last_refused_verdict": None,
        "ticket_at": NOW - 200,
        "ticket_age": 200,
        "ticket_is_stale": False,
        "start": {
            "asked_at": None,
            "outcome": None,
            "wechat_errcode": None,
            "refused_address": None,
        },
    },
    "component_token": {
        "status": "active",
        "servable": True,
        "expires_in": 5400,
        "due_in": 3600,
        "attempts": 0,
        "failing_reason": None,
        "wechat_errcode": None,
        "refused_address": None,
    },
    "egress": {"expected": "203.0.113.7", "seen": "203.0.113.7", "listed": True, "asked_at": NOW},
    "authorizers": {"total": 2, "by_status": {"active": 2, "lost": 0}, "unassigned": 1},
    "due": {"overdue_authorizers": 0, "overdue_codes": 0, "unsent_events": 0},
    "queues": {"renew": 0, "exchange": 1, "renew_dead_letters": 0},
    "next_step": {"code": "all_well", "level": "well", "en": "All is well.", "zh": "一切正常。"},
}


def report(**changes: dict[str, Any]) -> dict[str, Any]:
    """Return a report of a stack that is well, but for these fields of its parts."""
    made = copy.deepcopy(WELL)
    for part, fields in changes.items():
        made[part].update(fields)
    return made


def line(text: str, name: str) -> str:
    """Return the one line about a part."""
    (found,) = [row for row in text.splitlines() if row[4:].startswith(name)]
    return found.strip()


def test_a_page_of_a_stack_that_is_well() -> None:
    """A line for each part, what to paste into the console, and the next step in both languages."""
    text = page(WELL)
    assert line(text, "pushes") == (
        "✓ pushes           last 3 min ago: accepted (component_verify_ticket)"
    )
    assert line(text, "component token").endswith("active, ends in 90 min")
    assert line(text, "address").endswith("WeChat sees 203.0.113.7: on its list")
    assert line(text, "merchants").endswith("2: 2 active; 1 unassigned")
    assert line(text, "queues").endswith("waiting: renew 0, exchange 1; no dead letters")
    for pasted in WELL["console"].values():
        assert pasted in text
    assert "All is well." in text
    assert "一切正常。" in text


@pytest.mark.parametrize(
    ("part", "fields", "name", "told"),
    [
        ("pushes", {"last_at": None}, "pushes", "· pushes           none has ever come"),
        (
            "pushes",
            {"last_verdict": "bad_signature"},
            "pushes",
            "refused (bad_signature); last accepted 3 min ago",
        ),
        (
            "pushes",
            {
                "ticket_age": 5000,
                "ticket_is_stale": True,
                "start": {
                    "asked_at": NOW - 60,
                    "outcome": "refused",
                    "wechat_errcode": 61004,
                    "refused_address": "203.0.113.7",
                },
            },
            "ticket",
            "✗ ticket           83 min old; WeChat was asked to push 60 s ago: refused 61004",
        ),
        (
            "component_token",
            {"status": "failing", "servable": False, "attempts": 3, "wechat_errcode": 40125},
            "component token",
            "failing, none to hand out; refused 3 times in a row, last with 40125",
        ),
        ("egress", {"listed": False}, "address", "203.0.113.7 is not on WeChat's list"),
        ("egress", {"seen": "192.0.2.1"}, "address", "✗ address          WeChat sees 192.0.2.1"),
        ("egress", {"listed": None, "seen": None}, "address", "could not be asked"),
        ("authorizers", {"total": 0}, "merchants", "none yet"),
        ("due", {"overdue_authorizers": 4}, "overdue", "4 overdue authorizers"),
        ("queues", {"renew_dead_letters": 2}, "queues", "dead letters: renew 2 (make dlq)"),
        (
            "queues",
            {"error": {"code": "timed_out", "message": "no answer within 20 s", "remedy": ""}},
            "queues",
            "? queues           no answer within 20 s (timed_out)",
        ),
    ],
)
def test_what_a_line_says(part: str, fields: dict[str, Any], name: str, told: str) -> None:
    """Each state of a part in words."""
    assert told in line(page(report(**{part: fields})), name)


def test_the_address_to_paste_where_there_is_no_fixed_one() -> None:
    """What WeChat refused is what it wants on its list."""
    start = WELL["pushes"]["start"] | {"refused_address": "192.0.2.9"}
    told = report(console={"ip_list": None}, egress={"seen": None}, pushes={"start": start})
    assert "白名单IP地址列表    192.0.2.9" in page(told)


# --- the command ---------------------------------------------------------------------------------


@dataclass
class Lambda:
    """Lambda with one function and its answers."""

    answers: list[Any]
    asked: list[dict[str, Any]] = field(default_factory=list)

    def invoke(self, **request: Any) -> dict[str, Any]:
        """Answer."""
        self.asked.append(request)
        answer = self.answers.pop(0)
        failed = {"FunctionError": "Unhandled"} if answer is None else {}
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), **failed}


def stack(*answers: Any, function: str = "AccountsFunction") -> Stack:
    """Return a stack whose function gives these answers."""
    clients: dict[str, Any] = dict.fromkeys(("sqs", "logs", "dynamodb", "patient"))
    resources = (("AWS::Lambda::Function", function, "wxvault-accounts"),)
    return Stack(
        "wxvault",
        "here",
        functions=Lambda(list(answers)),  # type: ignore[arg-type]
        resources=resources,
        component_appid="wx0123456789abcdef",
        **clients,
    )


def run(found: Stack, *arguments: str) -> int:
    """Run the command on a stack."""
    return main(arguments, find=lambda _: found)


def test_well_is_nought(capsys: pytest.CaptureFixture[str]) -> None:
    """The function's alias is asked, the page is printed."""
    found = stack(WELL)
    assert run(found, "--stack=") == 0
    assert "All is well." in capsys.readouterr().out
    (asked,) = found.functions.asked  # type: ignore[attr-defined]
    assert (asked["FunctionName"], asked["Qualifier"]) == ("wxvault-accounts", "live")
    assert json.loads(asked["Payload"]) == {"action": "status"}


@pytest.mark.parametrize("level", ["setup", "attention"])
def test_what_needs_somebody_is_one(level: str) -> None:
    """Scripts see it by the exit code."""
    assert run(stack(report(next_step={"level": level}))) == 1


def test_the_report_as_it_came(capsys: pytest.CaptureFixture[str]) -> None:
    """For programs, without the page."""
    assert run(stack(WELL), "--json") == 0
    assert json.loads(capsys.readouterr().out) == WELL


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (stack(function="TokenFunction"), "has no AccountsFunction"),
        (stack(None, None), "failed. Its log says why"),
        (
            stack({"error": {"code": "configuration", "message": "X: y", "remedy": "Do z."}}),
            "configuration: X: y\nDo z.",
        ),
    ],
    ids=["old stack", "crash", "error"],
)
def test_no_status_is_said_and_why(
    found: Stack, told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clear sentence with what to do, and exit code 1."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert run(found) == 1
    assert told in capsys.readouterr().err


def test_no_stack_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Under this command's own name."""

    def find(_: str) -> Stack:
        raise NoStackError("No local stack is up: make dlq STACK=name")

    assert main([], find=find) == 1
    assert "make status STACK=name" in capsys.readouterr().err
