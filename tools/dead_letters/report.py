"""What is printed: each queue, what lies in it, why, and what to do."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.dead_letters.meaning import Meaning, meaning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tools.dead_letters.moving import Moved
    from tools.dead_letters.queues import DeadLetters, Letter
    from tools.dead_letters.reasons import ReasonFinder, Reasons
    from tools.dead_letters.standing import Standing, Standings

# A failing item is sent by every sweep; one reason is enough for all its letters.
_IDS = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """Letters of one queue that asked for the same."""

    meaning: Meaning
    standing: Standing
    reasons: Reasons
    letters: tuple[Letter, ...]


def entries(
    queue: DeadLetters, letters: Sequence[Letter], standings: Standings, reasons: ReasonFinder
) -> list[Entry]:
    """Put what asked for the same together, the oldest first; the reason is the newest letter's."""
    same: dict[Meaning, list[Letter]] = {}
    for letter in sorted(letters, key=lambda one: one.sent_at):
        same.setdefault(meaning(queue, letter), []).append(letter)
    return [
        Entry(what, standings.of(what), reasons.of(queue, found[-1]), tuple(found))
        for what, found in same.items()
    ]


def lines(
    queue: DeadLetters, found: Sequence[Entry], *, depth: int, seen: int, now: float
) -> Iterator[str]:
    """Return what is printed of one queue."""
    if not seen and not depth:
        yield f"{queue.title}: empty"
        return
    if not seen:
        yield f"{queue.title}: {depth}, but somebody else is looking at them; try again in a minute"
        return
    oldest = min(letter.sent_at for entry in found for letter in entry.letters)
    yield f"{queue.title}: {max(depth, seen)}, the oldest sent {_ago(now - oldest)} ({queue.name})"
    if seen < depth:
        yield f"  the first {seen} of them:"
    for entry in found:
        yield from _entry(entry, now)


def _entry(entry: Entry, now: float) -> Iterator[str]:
    letters = entry.letters
    received = sorted({letter.received for letter in letters})
    times = f"{received[0]}" if len(received) == 1 else f"{received[0]} to {received[-1]}"
    sent = _ago(now - letters[0].sent_at)
    yield f"  {len(letters)} × {entry.meaning.text}"
    yield f"      sent      {sent}; received {times} times, this look included"
    yield from (f"      {line}" for line in _why(entry))
    yield f"      wanted    {entry.standing.text}"
    ids = ", ".join(letter.message_id for letter in letters[:_IDS])
    yield f"      id        {ids}{' …' if len(letters) > _IDS else ''}"


def _why(entry: Entry) -> Iterator[str]:
    found = entry.reasons
    failures = found.failures
    if failures:
        first, last = failures[0], failures[-1]
        if first.text != last.text:
            yield f"first     {_clock(first.at)} {printable(first.text)}"
        yield f"reason    {_clock(last.at)} {printable(last.text)}"
        if last.remedy:
            yield f"do        {printable(last.remedy)}"
    elif entry.meaning.problem is not None:
        yield f"reason    {printable(entry.meaning.problem)}"
    elif found.problem is not None:
        yield f"reason    unknown: {found.problem}"
    else:
        yield (
            "reason    not in the log: the function ended before it could say, by a time-out or a "
            "crash"
        )
    if found.log_group is not None and (failures or entry.meaning.problem is None):
        yield f"log       {found.log_group}"


def moved_line(queue: DeadLetters, moved: Moved) -> str:
    """Return what is printed of a queue whose letters were moved."""
    words = [
        (moved.sent, "sent back"),
        (moved.repeated, "the same once more and dropped"),
        (moved.dropped, "dropped"),
        (moved.failed, "not taken by the queue"),
        (moved.left, "left"),
    ]
    told = ", ".join(f"{number} {word}" for number, word in words if number)
    return f"{queue.title}: {told or 'empty'}"


def printable(text: str) -> str:
    """Return a text without anything that would move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:400]


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(at))


def _ago(seconds: float) -> str:
    """Return a time span in words."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{max(seconds, 0):.0f} s ago"
