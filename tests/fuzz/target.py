"""What is fuzzed: one way into wxvault, and the laws that hold whatever comes that way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_BODY = 256 * 1024
"""Inputs that ask for it are repeated up to so many bytes: the largest push there may be."""

_STRETCH = b"~~"


class BrokenLawError(AssertionError):
    """An input broke one of the laws of its target."""


@dataclass(frozen=True, slots=True)
class Target:
    """One target. ``play`` returns, or raises: whatever it raises is a finding.

    ``words`` are pieces that random bytes would take long to find.
    """

    name: str
    about: str
    play: Callable[[bytes], None]
    words: tuple[bytes, ...] = ()
    longest: int = 4096


def require(holds: object, law: str) -> None:
    """Raise BrokenLawError when a law does not hold."""
    if not holds:
        raise BrokenLawError(law)


def stretched(data: bytes, limit: int = LONGEST_BODY) -> bytes:
    """Return ``data``; what begins with ``~~head~body~tail`` has its body repeated up to ``limit``.

    So a small input finds what a large one costs.
    """
    if not data.startswith(_STRETCH):
        return data
    parts = data.removeprefix(_STRETCH).split(b"~", 2)
    head, body, tail = (*parts, b"", b"")[:3]
    times = (limit - len(head) - len(tail)) // max(len(body), 1)
    return head + body * max(times, 0) + tail


def sparing(data: bytes, count: int) -> bytes:
    """Return ``data``, nineteen times of twenty without what makes it a large input."""
    return data.removeprefix(_STRETCH) if count % 20 else data


class Feed:
    """Reads an input piece by piece; at its end it goes on with nothing."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def pick[T](self, *options: T) -> T:
        """Choose by the next byte; ``0``, ``1``, ``2`` are the first options."""
        byte = self._data[self._at : self._at + 1] or b"0"
        self._at += 1
        return options[(byte[0] - 0x30) % len(options)]

    def line(self) -> str:
        """Read up to the end of a line, as text."""
        end = self._data.find(b"\n", self._at)
        end = len(self._data) if end < 0 else end
        line = self._data[self._at : end]
        self._at = end + 1
        return text(line)

    def rest(self) -> bytes:
        """Read all that is left."""
        rest = self._data[self._at :]
        self._at = len(self._data)
        return rest


def text(data: bytes) -> str:
    """Return bytes as text, whatever they are: UTF-8, lone surrogates too, or Latin-1."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("latin-1")
