"""The status of the deployed stack: what it says while all is well, and while something is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.stack.observe import eventually
from sandbox.stack.published import published
from sandbox.stack.roles import FunctionFailedError
from tests.stack.test_tickets import LONGER_THAN_STALE, age_tickets, told_stale
from tools.dead_letters.stacks import on_this_desk
from tools.status.command import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.stack.stack import LocalStack
    from tests.stack.world import World

RID = "/cgi-bin/openapi/rid/get"


def look(stack: LocalStack) -> dict[str, Any]:
    """Ask a fresh environment, which knows no counts and no address yet."""
    stack.kill_environments("accounts")

    def asked() -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = stack.invoke("accounts", {"action": "status"})
        except FunctionFailedError:
            return None  # it fell to the environment that was just ended
        return answer

    report = eventually(asked, what="a status")
    assert "error" not in report, report
    failed = [name for name, part in report.items() if isinstance(part, dict) and "error" in part]
    assert failed == [], report
    return report


@pytest.fixture(name="quiet")
def _quiet(stack: LocalStack) -> Iterator[LocalStack]:
    """A stack whose tickets have stayed away for half an hour, with a WeChat that pushes none."""
    stack.wechat.wait_idle()
    stack.wechat.configure(ticket_on_start=False)
    stack.wechat.stop_tickets()
    age_tickets(stack, LONGER_THAN_STALE)
    yield stack
    stack.wechat.configure(ticket_on_start=True, ip_list=["127.0.0.1"])
    stack.wechat.push_ticket(wait=True)
    stack.sweep()
    eventually(lambda: not told_stale(stack), what="tickets are well again")


def test_a_stack_that_runs(world: World) -> None:
    """Every part is known, with the function's own role; WeChat says which address it sees."""
    stack = world.stack
    world.authorise()
    stack.wechat.push_ticket(wait=True)
    calls = stack.wechat.last_seq()
    report = look(stack)
    assert report["pushes"]["ticket_age"] < 60
    assert report["component_token"]["servable"]
    assert (report["egress"]["seen"], report["egress"]["listed"]) == ("127.0.0.1", True)
    assert stack.wechat.count(RID, since=calls, what="calls") == 2
    assert report["authorizers"]["by_status"]["active"] >= 1
    assert report["queues"]["renew_dead_letters"] >= 0
    assert report["console"]["events_url"] == f"{stack.platform_url}/wechat/events"
    again = stack.invoke("accounts", {"action": "status"})
    assert again["egress"] == report["egress"]
    assert stack.wechat.count(RID, since=calls, what="calls") == 2, "asked again too soon"


def test_who_may_ask(world: World) -> None:
    """A role that may, by signed HTTP; not one that may look up a token, and nobody unsigned."""
    stack = world.stack
    watcher = stack.roles.caller_of_paths("watches-status", [("GET", "/status")])
    answer = watcher.http("GET", "/status")
    assert answer.status == 200
    assert json.loads(answer.body)["component_appid"] == stack.component.appid
    assert world.caller.http("GET", "/status").status == 403
    assert world.backend.http("GET", "/status").status == 403
    assert stack.http("GET", "/status").status == 403


def test_an_address_that_is_not_listed(quiet: LocalStack) -> None:
    """The newcomer's second step: the status names the address, and asks anew when it is mended."""
    quiet.wechat.configure(ip_list=["203.0.113.9"])
    report = look(quiet)
    assert report["pushes"]["start"]["outcome"] == "refused"
    assert report["next_step"]["code"] == "ip_list"
    assert "127.0.0.1" in report["next_step"]["en"]
    assert (report["egress"]["seen"], report["egress"]["listed"]) == ("127.0.0.1", False)
    quiet.wechat.configure(ip_list=["127.0.0.1"])
    report = look(quiet)
    assert report["pushes"]["start"]["outcome"] == "started"
    assert report["next_step"]["code"] == "wait_for_ticket"


def test_pushes_that_are_refused(quiet: LocalStack) -> None:
    """The verdict of the last push leads to the field that differs."""

    def refused() -> dict[str, Any] | None:
        # An environment writes a refusal down at most once in 30 s, and one was its first push.
        quiet.wechat.push_ticket(wait=True, options={"wrong_signature": True, "attempts": 1})
        report = look(quiet)
        return report if report["pushes"]["last_verdict"] == "bad_signature" else None

    report = eventually(refused, what="the refusal is noted", seconds=60)
    assert report["next_step"]["code"] == "pushes_refused"
    assert "消息校验Token" in report["next_step"]["zh"]


def test_make_status(stack: LocalStack, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command finds the running stack, and its page ends with the next step."""
    stack.wechat.push_ticket(wait=True)
    with published(stack, tmp_path):
        exit_code = main([], find=lambda _: on_this_desk(tmp_path))
    said = capsys.readouterr()
    assert exit_code in {0, 1}
    assert f"{stack.platform_url}/wechat/events" in said.out
    assert "WeChat sees 127.0.0.1: on its list" in said.out
    assert said.out.rstrip().splitlines()[-3].strip() in {
        "Next step / 下一步",
        "All is well / 一切正常",
    }
    for secret in stack.wechat.secrets():
        assert secret.value not in said.out
