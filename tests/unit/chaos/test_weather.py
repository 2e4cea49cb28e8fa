"""Faults at WeChat: the deck is dealt whole, and the log tells what came of it."""

from __future__ import annotations

import threading
from random import Random
from typing import Any

import pytest

from sandbox.chaos.weather import AUTHORIZER_TOKEN, COMPONENT_TOKEN, DECK, Weather, tally
from sandbox.wechat.faults import Fault


class Board:
    """The sandbox's control, as far as faults are concerned; ends the weather after a while."""

    def __init__(self, stop: threading.Event, after: int) -> None:
        self.added: list[Fault] = []
        self._stop = stop
        self._after = after

    def add_fault(self, kind: str, path: str, **values: Any) -> int:
        """Take a fault as the sandbox does; one that makes no sense is refused."""
        self.added.append(Fault.from_json({"kind": kind, "path": path, **values}))
        if len(self.added) == self._after:
            self._stop.set()
        return len(self.added)


def dealt(seed: int, number: int) -> tuple[list[Fault], int]:
    """So many faults, and how often the component token was made due for one."""
    stop, due = threading.Event(), list[int]()
    board: Any = Board(stop, number)
    Weather(board, Random(seed), 0.0, lambda: due.append(1)).run(stop)
    return board.added, len(due)


def test_every_fault_comes_in_every_round() -> None:
    """Two rounds of the deck, in an order of chance: each twice, all understood by the sandbox."""
    faults, due = dealt(1, 2 * len(DECK))
    names = sorted((fault.kind, fault.errcode) for fault in faults)
    assert names == sorted(
        (squall.kind, squall.values.get("errcode", -1)) for squall in DECK for _ in range(2)
    )
    assert due == sum(squall.component for squall in DECK) * 2
    assert {fault.path for fault in faults} >= {AUTHORIZER_TOKEN, COMPONENT_TOKEN}
    assert faults[: len(DECK)] != faults[len(DECK) :]


def test_the_same_seed_deals_the_same() -> None:
    """A run can be had once more."""
    assert dealt(5, 30) == dealt(5, 30)
    assert dealt(5, 30) != dealt(6, 30)


def entry(fault: str, *, errcode: int = 0, ms: int = 3) -> dict[str, Any]:
    """A call in the sandbox's log."""
    return {"kind": "call", "fault": fault, "errcode": errcode, "ms": ms}


@pytest.mark.parametrize(
    ("logged", "name"),
    [
        (entry("slow", ms=2510), "slow"),
        (entry("slow", ms=8600), "slower than the vault waits"),
        (entry("errcode", errcode=-1), "errcode -1, in bursts"),
        (entry("errcode", errcode=61006), "errcode 61006"),
        (entry("reset"), "connection reset"),
    ],
)
def test_the_log_tells_what_went_wrong(logged: dict[str, Any], name: str) -> None:
    """By kind, return code and time; calls that went well are no fault."""
    counted = tally([logged, entry(""), {"kind": "push"}, entry("errcode", errcode=99)])
    assert {found for found, number in counted.items() if number} == {name}
    assert counted[name] == 1
    assert set(counted) == {squall.name for squall in DECK}
