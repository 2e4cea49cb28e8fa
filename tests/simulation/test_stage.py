"""The stage that schedules are played on: turns, time, waiting, and being switched off."""

from __future__ import annotations

from tests.simulation.stage import START, CrashedError, Stage


def test_time_passes_only_in_pauses() -> None:
    """Actors go on in the order of their times, and nothing happens between two pauses."""
    stage = Stage(1)
    told: list[tuple[str, float]] = []

    def work(name: str, pauses: list[float]) -> None:
        for pause in pauses:
            stage.pause(pause)
            told.append((name, stage.time - START))

    stage.spawn("a", lambda: work("a", [1, 2, 3]))
    stage.spawn("b", lambda: work("b", [2, 0.5]), delay=0.5)
    stage.run(START + 10)
    assert told == [("a", 1), ("b", 2.5), ("a", 3), ("b", 3), ("a", 6)]
    assert stage.time == START + 10


def test_who_is_switched_off_does_nothing_more() -> None:
    """A crash ends an actor at its step; what it does on its way out does not happen either."""
    stage = Stage(1)
    told: list[str] = []

    def work() -> None:
        try:
            stage.pause(5)
            told.append("went on")
        finally:
            stage.pause(0)
            told.append("cleaned up")

    actor = stage.spawn("a", work, seconds=3)
    stage.run(START + 10)
    assert told == []
    assert actor.crashed
    assert actor.ended


def test_who_waits_is_woken_by_the_end_or_by_the_time() -> None:
    """A waiter goes on when the other has ended, or when it has waited long enough."""
    stage = Stage(1)
    told: list[tuple[bool, float]] = []

    def wait(seconds: float) -> None:
        other = stage.spawn("other", lambda: stage.pause(3))
        told.append((stage.wait_for(other, seconds), stage.time - START))

    stage.spawn("long", lambda: wait(8))
    stage.spawn("short", lambda: wait(2))
    stage.run(START + 10)
    assert told == [(False, 2), (True, 3)]


def test_an_unexpected_error_ends_the_schedule() -> None:
    """What nobody expected is reported with its traceback, and nothing more happens."""
    stage = Stage(1)
    stage.spawn("a", lambda: 1 // 0, delay=1)
    stage.spawn("b", lambda: stage.fail("later"), delay=2)
    stage.run(START + 10)
    stage.close()
    assert len(stage.failures) == 1
    assert "ZeroDivisionError" in stage.failures[0]


def test_closing_switches_everybody_off() -> None:
    """Nobody is left hanging in a thread when a schedule is over."""
    stage = Stage(1)
    told: list[str] = []

    def work() -> None:
        try:
            stage.pause(100)
        except CrashedError:
            told.append("crashed")
            raise

    for _ in range(3):
        stage.spawn("a", work)
    stage.run(START + 10)
    stage.close()
    assert told == ["crashed"] * 3
