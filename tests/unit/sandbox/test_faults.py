"""Faults from outside: which call is hit, what is executed, what comes back, what is logged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.wechat.calls import Answer, Call
from sandbox.wechat.faults import Fault, FaultBoard, FaultError, Stage, play
from tests.unit.sandbox.kit import API, MP, OA, Bench, bench

if TYPE_CHECKING:
    from sandbox.wechat.faults import Reaction

RENEWAL = f"{API}api_authorizer_token"


class Recorder:
    """A stage that notes what a fault does, in order."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.stage = Stage(
            execute=self._execute,
            refuse=lambda errcode: Answer(b"{}", errcode=errcode),
            later=lambda seconds: self.steps.append(f"later {seconds:g}"),
            sleep=lambda seconds: self.steps.append(f"sleep {seconds:g}") if seconds else None,
        )

    def _execute(self) -> Answer:
        self.steps.append("execute")
        return Answer(b'{"good":"answer"}', executed=True)


@pytest.mark.parametrize(
    ("values", "steps", "executed"),
    [
        ({"kind": "slow", "seconds": 9}, ["sleep 9", "execute"], True),
        ({"kind": "slow", "seconds": 9, "executed": True}, ["execute", "sleep 9"], True),
        ({"kind": "drop_before"}, [], False),
        ({"kind": "drop_after_execution"}, ["execute"], True),
        ({"kind": "executed_late", "seconds": 12, "hold": 2}, ["later 12", "sleep 2"], False),
        ({"kind": "errcode", "errcode": -1}, [], False),
        ({"kind": "errcode", "errcode": 48001, "executed": True}, ["execute"], True),
        ({"kind": "html"}, [], False),
        ({"kind": "garbage", "executed": True}, ["execute"], True),
        ({"kind": "truncated"}, ["execute"], True),
        ({"kind": "reset", "seconds": 1}, ["sleep 1"], False),
        ({"kind": "http_status", "status": 503}, [], False),
    ],
)
def test_what_a_fault_does(values: dict[str, Any], steps: list[str], executed: bool) -> None:
    """Each fault waits, executes and answers in its own order."""
    recorder = Recorder()
    reaction = play(Fault.from_json(values), recorder.stage)
    assert recorder.steps == steps
    assert reaction.executed is executed


def answer(**values: Any) -> Answer | None:
    """Return what a fault answers."""
    return play(Fault.from_json(values), Recorder().stage).answer


def test_what_a_fault_answers() -> None:
    """Pages, statuses and broken JSON come back as such; a dropped connection has no answer."""
    page = answer(kind="html", status=200)
    assert page is not None
    assert (page.status, page.content_type) == (200, "text/html")
    status = answer(kind="http_status", status=503)
    assert status is not None
    assert (status.status, status.body) == (503, b"")
    half = answer(kind="truncated")
    assert half is not None
    assert half.body == b'{"good":'
    garbage = answer(kind="garbage")
    assert garbage is not None
    with pytest.raises(ValueError, match=r"decode|Expecting"):
        json.loads(garbage.body)
    refused = answer(kind="errcode", errcode=45011)
    assert refused is not None
    assert refused.errcode == 45011
    for kind in ("drop_before", "drop_after_execution", "reset", "executed_late"):
        assert answer(kind=kind) is None


def test_fault_hits_its_path_and_account_so_many_times() -> None:
    """The next two renewals of one account are hit, nothing else."""
    board = FaultBoard()
    board.add(Fault("drop_before", path=RENEWAL, authorizer_appid=OA.appid, count=2))
    assert board.take("/cgi-bin/other", OA.appid) is None
    assert board.take(RENEWAL, MP.appid) is None
    hits = [board.take(RENEWAL, OA.appid) is not None for _ in range(3)]
    assert hits == [True, True, False]
    assert board.waiting() == []


def test_fault_without_count_stays_until_cleared() -> None:
    """Count 0 hits every call until it is cleared."""
    board = FaultBoard()
    board.add(Fault("reset", count=0))
    assert all(board.take(RENEWAL, None) for _ in range(5))
    assert board.waiting()[0]["left"] is None
    assert board.clear() == 1
    assert board.take(RENEWAL, None) is None


@pytest.mark.parametrize(
    "values", [{}, {"kind": "nothing"}, {"kind": "slow", "x": 1}, {"kind": "slow", "seconds": "1"}]
)
def test_malformed_faults(values: dict[str, Any]) -> None:
    """A fault that does not exist is refused."""
    with pytest.raises(FaultError):
        Fault.from_json(values)


def renew(b: Bench, token: str, refresh_token: str) -> Reaction:
    """Ask for a renewal. Returns what happens to the connection."""
    body = b.component(authorizer_appid=OA.appid, authorizer_refresh_token=refresh_token)
    call = Call("POST", RENEWAL, {"access_token": token}, json.dumps(body).encode())
    return b.desk.handle(call)


def test_lost_answer_has_superseded_all_the_same() -> None:
    """A renewal whose answer is lost has issued a token: the known one ends after the overlap."""
    b = bench()
    token = b.component_token()
    info = b.authorised(token)
    b.desk.faults.add(Fault.from_json({"kind": "drop_after_execution", "path": RENEWAL}))
    assert renew(b, token, info["authorizer_refresh_token"]).answer is None
    b.clock.move(300)
    assert b.basic_info(info["authorizer_access_token"]) == 40001


def test_dropped_call_has_no_effect() -> None:
    """A call dropped before its execution changes nothing."""
    b = bench()
    token = b.component_token()
    info = b.authorised(token)
    b.desk.faults.add(Fault("drop_before", path=RENEWAL))
    renew(b, token, info["authorizer_refresh_token"])
    b.clock.move(300)
    assert b.basic_info(info["authorizer_access_token"]) == 0


def test_log_tells_what_happened_without_secrets() -> None:
    """The log has path, account, errcode, execution and fault of each call, and no secret."""
    b = bench()
    token = b.component_token()
    info = b.authorised(token)
    b.desk.faults.add(Fault("drop_before", path=RENEWAL))
    renew(b, token, info["authorizer_refresh_token"])
    renew(b, token, "refreshtoken@@@wrong")
    entries = b.desk.log.since(0)
    dropped, refused = entries[-2:]
    assert (dropped["path"], dropped["authorizer_appid"]) == (RENEWAL, OA.appid)
    assert (dropped["executed"], dropped["answered"], dropped["fault"]) == (
        False,
        False,
        "drop_before",
    )
    assert (refused["executed"], refused["errcode"]) == (False, 61023)
    exchange = next(e for e in entries if e.get("path") == f"{API}api_query_auth")
    assert (exchange["authorizer_appid"], exchange["errcode"]) == (OA.appid, 0)
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    text = json.dumps(entries)
    assert not [s.kind for s in b.desk.state.ledger.all() if s.value in text]


def test_counts_by_path_and_account() -> None:
    """Arrived, executed and good calls are counted apart, from any entry on."""
    b = bench()
    token = b.component_token()
    info = b.authorised(token)
    seq = b.desk.log.last()
    b.desk.faults.add(Fault("drop_before", path=RENEWAL))
    for _ in range(3):
        renew(b, token, info["authorizer_refresh_token"])
    counts = b.desk.log.counts(seq)
    assert counts["paths"] == {RENEWAL: {"calls": 3, "executed": 2, "ok": 2}}
    assert counts["authorizers"][OA.appid][RENEWAL]["executed"] == 2


def test_what_is_no_appid_is_not_written_down() -> None:
    """A token sent where an appid belongs does not get into the log."""
    b = bench()
    token = b.component_token()
    b.refresh(token, "x", appid=token)
    assert token not in json.dumps(b.desk.log.since(0))


def test_platforms_answer_is_masked_in_the_log() -> None:
    """A platform that echoes a secret does not get it into the log."""
    b = bench()
    token = b.component_token()
    b.desk.log.add("push", body=f"echo {token}")
    assert b.desk.log.since(0)[-1]["body"] == "echo ***"
