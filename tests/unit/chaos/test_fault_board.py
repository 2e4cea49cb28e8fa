"""Rules: which request they meet, how often, how long, and what is counted."""

from __future__ import annotations

from collections import Counter

import pytest

from sandbox.chaos.faults import KINDS, FaultBoard, Rule
from sandbox.chaos.operations import Operation
from tests.fakes.clock import FakeClock

GET = Operation("dynamodb", "GetItem")
PUT_EVENTS = Operation("events", "PutEvents")
RENEW = Operation("lambda", "Invoke", "wxvault-RenewFunction:live")


def kinds(board: FaultBoard, operation: Operation, times: int) -> list[str]:
    """What happens to so many requests; an empty string for nothing."""
    taken = [board.take(operation) for _ in range(times)]
    return [injection.kind if injection else "" for injection in taken]


@pytest.mark.parametrize(
    ("rule", "met"),
    [
        (Rule("throttle"), {GET, PUT_EVENTS, RENEW}),
        (Rule("throttle", "events"), {PUT_EVENTS}),
        (Rule("throttle", "dynamodb", "PutItem"), set()),
        (Rule("throttle", action="GetItem"), {GET}),
        (Rule("throttle", "lambda", target="Renew"), {RENEW}),
        (Rule("throttle", "lambda", target="Token"), set()),
    ],
)
def test_a_rule_meets_what_it_names(rule: Rule, met: set[Operation]) -> None:
    """Service, action and the function's name; what is left empty is any."""
    board = FaultBoard()
    board.add(rule)
    assert {operation for operation in (GET, PUT_EVENTS, RENEW) if board.take(operation)} == met


def test_a_rule_with_a_count_is_used_up() -> None:
    """The next two requests that fit, and no more."""
    board = FaultBoard()
    board.add(Rule("drop_before", "events", count=2))
    assert board.take(GET) is None
    assert kinds(board, PUT_EVENTS, 3) == ["drop_before", "drop_before", ""]


def test_a_rule_lasts_as_long_as_it_says() -> None:
    """The bus refuses for a minute, and then no longer."""
    clock = FakeClock()
    board = FaultBoard(clock=clock.now)
    board.add(Rule("throttle", "events", "PutEvents", lasts=60))
    clock.sleep(59)
    assert kinds(board, PUT_EVENTS, 1) == ["throttle"]
    clock.sleep(1)
    assert kinds(board, PUT_EVENTS, 1) == [""]


def test_rules_stand_while_the_block_runs() -> None:
    """Afterwards nothing is left of them, whatever ended the block."""
    board, seen = FaultBoard(), list[str]()

    def break_off() -> None:
        with board.active(Rule("throttle"), Rule("delay")):
            seen.extend(kinds(board, GET, 1))
            raise RuntimeError("the end")

    with pytest.raises(RuntimeError, match="the end"):
        break_off()
    assert seen == ["throttle"]
    assert kinds(board, GET, 1) == [""]


def test_a_rule_of_any_kind_goes_round() -> None:
    """A rare operation sees every kind before it sees one twice, whatever others have seen."""
    board = FaultBoard(seed=3)
    board.add(Rule())
    kinds(board, GET, 7)
    assert Counter(kinds(board, PUT_EVENTS, 10)) == dict.fromkeys(KINDS, 2)


def test_the_same_seed_draws_the_same() -> None:
    """Which requests are met is repeatable, and about as many as the probability says."""
    boards = [FaultBoard(seed=7), FaultBoard(seed=7), FaultBoard(seed=8)]
    for board in boards:
        board.add(Rule(probability=0.3))
    first, again, other = (kinds(board, GET, 300) for board in boards)
    assert first == again != other
    assert 60 < len([kind for kind in first if kind]) < 120


def test_the_tally_tells_what_came_and_what_was_done_to_it() -> None:
    """By service and action, and by kind; it outlives the rules."""
    board = FaultBoard()
    board.add(Rule("delay", "dynamodb", count=1))
    kinds(board, GET, 2)
    kinds(board, RENEW, 1)
    board.clear()
    assert board.seen() == {("dynamodb", "GetItem"): 2, ("lambda", "Invoke"): 1}
    assert board.injected() == {("dynamodb", "GetItem", "delay"): 1}


@pytest.mark.parametrize("wrong", [{"kind": "fire"}, {"delays": ()}, {"delays": (-1.0,)}])
def test_a_rule_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    """A misspelt kind would inject nothing and prove nothing."""
    with pytest.raises(ValueError, match=r"kind|delays"):
        Rule(**wrong)  # type: ignore[arg-type]
