"""``make resync`` and ``make adopt``: what is asked of the function, and what is printed of it."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.clock import FakeClock
from tests.unit.services.kit import authorized
from tools.dead_letters.stacks import Stack
from tools.resync import report
from tools.resync.adopting import PATIENCE_SECONDS, adopt
from tools.resync.asking import Asking, ResyncFailedError, Told
from tools.resync.command import main
from wxvault.services.resync_rules import Action, Reason

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.house import House

FIRST, SECOND = "wx00000000000000a1", "wx00000000000000a2"


def part(**told: Any) -> dict[str, Any]:
    """Return what the function answers, with what matters here."""
    usual = {
        "dry_run": True,
        "listed": 2,
        "known": 2,
        "active": 2,
        "strange": 0,
        "list_complete": True,
        "wechat_calls": 1,
        "counts": {"unchanged": 2},
        "changes": [],
        "not_active": [],
        "truncated": False,
        "next": None,
    }
    return usual | told


def waiting(reason: str, appid: str = SECOND, **more: Any) -> dict[str, Any]:
    """Return somebody who is not active."""
    usual = {"authorizer_appid": appid, "status": None, "wechat_errcode": None, "remedy": None}
    return usual | {"reason": reason} | more


@dataclass
class Function:
    """*resync*, as boto3 shows it."""

    answers: list[Any]
    asked: list[Any] = field(default_factory=list)
    fails: bool = False

    def invoke(self, **request: Any) -> dict[str, Any]:
        """Answer the next; the last one for ever."""
        self.asked.append(json.loads(request["Payload"]))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        told: dict[str, Any] = {"Payload": io.BytesIO(json.dumps(answer).encode())}
        return told | ({"FunctionError": "Unhandled"} if self.fails else {})


def asking(function: Function, *, there: bool = True) -> Asking:
    """Return what asks this function."""
    me: Any = function
    made = (("AWS::Lambda::Alias", "ResyncFunctionAliaslive", "arn"),) if there else ()
    return Asking(Stack("prod", "here", me, me, me, me, made, "wx0123456789abcdef", me), print)


def test_it_is_asked_until_it_has_come_to_the_end() -> None:
    """A run that was stopped by its time goes on from there; the parts are added up."""
    one, two = ({"authorizer_appid": appid, "action": "found"} for appid in (FIRST, SECOND))
    function = Function(
        [
            part(counts={"found": 1}, changes=[one], next=FIRST),
            part(counts={"found": 1, "unchanged": 3}, changes=[two]),
        ]
    )
    told = asking(function).run(dry_run=False)
    assert function.asked == [{"dry_run": False}, {"dry_run": False, "after": FIRST}]
    assert (told.counts, told.changes) == ({"found": 2, "unchanged": 3}, [one, two])
    assert told.wechat_calls == 2


@pytest.mark.parametrize(
    ("function", "there", "said"),
    [
        (Function([part()]), False, "Update the stack"),
        (Function([{}], fails=True), True, "/aws/lambda/prod/resync"),
        (
            Function([{"error": {"message": "no ticket", "remedy": "wait"}}]),
            True,
            "no ticket\nwait",
        ),
    ],
)
def test_what_failed_says_what_to_do(function: Function, there: bool, said: str) -> None:
    """A stack of an older version, a function that crashed, an error of its own."""
    with pytest.raises(ResyncFailedError, match=said):
        asking(function, there=there).run(dry_run=True)


# --- adopt ---------------------------------------------------------------------------------------


def adopted(*answers: dict[str, Any]) -> tuple[int, list[str], FakeClock, Function]:
    """Adopt, and return the status, what was said, the clock, and the function."""
    clock, said, function = FakeClock(), list[str](), Function(list(answers))
    return adopt(asking(function), clock, said.append), said, clock, function


def test_adopting_waits_until_everybody_is_active() -> None:
    """Every round is a real run; it tells how many there are, and ends when all are."""
    verifying = [waiting("verifying", FIRST), waiting("renewal_due")]
    status, said, _, function = adopted(
        part(active=0, not_active=[waiting("unknown_here", FIRST), waiting("unknown_here")]),
        part(active=0, not_active=verifying),
        part(active=1, not_active=verifying[1:]),
        part(),
    )
    assert status == 0
    assert function.asked == [{"dry_run": False}] * 4
    assert said[-2].endswith("2 of 2 are active")
    assert said[-1] == "All 2 merchants that WeChat lists are active; none was asked."


@dataclass
class HouseFunction:
    """*resync* over a table in memory; whoever was nominated is asked about after its answer."""

    house: House

    def invoke(self, **request: Any) -> dict[str, Any]:
        """Run it, and have *renew* do what follows."""
        wanted = json.loads(request["Payload"])
        until = self.house.clock.now() + 900
        done = self.house.resync.run(dry_run=wanted["dry_run"], until=until)
        self.house.work()
        return {"Payload": io.BytesIO(json.dumps(asdict(done)).encode())}


@pytest.mark.parametrize("settled", [False, True])
def test_adopting_does_not_wait_for_a_code_that_nobody_exchanged(*, settled: bool) -> None:
    """Also if WeChat is being asked about it, or was: it ends at once with the remedy."""
    house = authorized()
    house.wechat.confirm(SECOND)
    house.resync.run_one(SECOND, dry_run=False)
    if settled:
        house.work()
    me: Any = HouseFunction(house)
    clock, said = FakeClock(), list[str]()
    began = clock.time
    assert adopt(asking(me), clock, said.append) == 1
    assert clock.time == began
    assert said[-3] == "1 of 2 merchants that WeChat lists are active. Not active:"
    assert SECOND in said[-2]
    assert "authorise once more" in said[-1]


def test_adopting_names_who_cannot_become_active() -> None:
    """What no waiting helps is not waited for; the remedy is told."""
    never = waiting("never_exchanged", remedy="Ask the merchant.")
    status, said, clock, function = adopted(part(active=1, not_active=[never]))
    assert (status, len(function.asked)) == (1, 1)
    assert clock.time == FakeClock().time
    assert said[-3] == "1 of 2 merchants that WeChat lists are active. Not active:"
    assert SECOND in said[-2]
    assert said[-1].strip() == "Ask the merchant."


def test_adopting_gives_up_when_nothing_moves() -> None:
    """Somebody whom WeChat goes on refusing is named with WeChat's code, after five minutes."""
    failing = waiting("failing", wechat_errcode=48001, remedy="See why.")
    status, said, clock, _ = adopted(part(active=1, not_active=[failing]))
    assert status == 1
    assert PATIENCE_SECONDS < clock.time - FakeClock().time < PATIENCE_SECONDS + 60
    assert "Nobody more has become active for five minutes." in said
    assert any("WeChat says 48001" in line for line in said)


# --- what is printed -----------------------------------------------------------------------------


def test_every_reason_has_words() -> None:
    """No newcomer has to guess what a reason means."""
    for reason in (*Reason, "verifying", "renewal_due", "failing", "revoked"):
        assert report.words(reason) != reason
    assert set(report.CHANGES) == {*Action} - {Action.NONE}


def test_many_are_counted_and_some_are_shown() -> None:
    """A thousand changes are a table of fifty, and how many more there are."""
    told = Told(listed=1000, wechat_calls=2)
    told.counts.update(restore=1000, unchanged=1)
    told.changes = [
        {"authorizer_appid": FIRST, "action": "restore", "reason": "refresh_token_missing"}
    ] * 1000
    lines = list(report.plan(told, dry_run=True))
    assert len(lines) < 70
    assert "  … and 950 more" in lines
    assert any("1,000" in line and "stored where none stood" in line for line in lines)


def test_what_could_not_be_read_is_said() -> None:
    """A list that ended early, and entries that were none."""
    told = Told(listed=1, wechat_calls=1, strange=3, list_complete=False)
    said = "\n".join(report.summary(told))
    assert "(1 call)" in said
    assert "could not be read to its end" in said
    assert "3 entries" in said


def test_without_a_stack_it_says_how_to_get_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both ways are named, and nothing was done."""
    assert main(["--running", str(tmp_path / "missing")]) == 1
    said = capsys.readouterr().err
    assert "make run" in said
    assert "STACK=name" in said
