"""What a look-up of the load is noted as: fresh, out of the cache, a clear error, or wrong."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.chaos.notes import Notes
from sandbox.chaos.readers import Readers, _Service
from wxvault.client import Token
from wxvault.errors import RenewalInProgressError

APPID = "wx0000000000000001"


class Client:
    """A client that answers what the test says, in order."""

    def __init__(self, *answers: object) -> None:
        self._answers = list(answers)

    def get(self, appid: str) -> object:
        """Answer, or raise."""
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def noted(*answers: object) -> Notes:
    """Look up as often as there are answers."""
    nobody: Any = None
    notes, client = Notes(), Client(*answers)
    readers = Readers(nobody, notes, list, 1.0, 1, 1)
    service: Any = _Service(client)  # type: ignore[arg-type]
    for _ in answers:
        readers._look_up(service, APPID)
    return notes


def token(value: str) -> Token:
    """A token as the client returns it."""
    return Token(APPID, value, 4e9, 1)


def test_what_comes_from_the_cache_is_as_old_as_its_question() -> None:
    """The same object again: not asked, no latency, judged by when the vault was asked for it."""
    first, second = token("a"), token("b")
    notes = noted(first, first, second)
    assert [handed.cached for handed in notes.handed] == [False, True, False]
    asked = [handed.asked_at for handed in notes.handed]
    assert asked[0] == asked[1] <= asked[2]
    assert notes.handed[1].handed_at >= notes.handed[0].handed_at
    assert (notes.look_ups, notes.asked, len(notes.seconds)) == (3, 2, 2)


def test_a_clear_error_is_counted_by_its_code() -> None:
    """It is an answer, and takes its time."""
    notes = noted(RenewalInProgressError("x"), token("a"), RenewalInProgressError("x"))
    assert notes.errors == {"renewal_in_progress": 2}
    assert (notes.look_ups, notes.asked, notes.wrong) == (3, 3, [])


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), RuntimeError("x")])
def test_anything_else_is_wrong(error: Exception) -> None:
    """An exception without a code is what no caller can be asked to understand."""
    notes = noted(error)
    assert notes.wrong == [type(error).__name__]
    assert (notes.look_ups, notes.asked) == (1, 1)
