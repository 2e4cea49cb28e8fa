"""Our own engine: seeded mutations of known inputs, led by the branches they take.

It runs where atheris is not installed, and in the tests, because it repeats itself exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz.target import sparing

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from tests.fuzz.branches import Branches
    from tests.fuzz.meter import Meter

_NUMBERS = (b"0", b"-1", b"1", b"255", b"256", b"65536", b"4294967295", b"9" * 20, b"1e999")
_MOST_STEPS = 4


class Mutations:
    """Makes inputs out of inputs."""

    def __init__(
        self, seeds: Sequence[bytes], words: Sequence[bytes], chance: random.Random
    ) -> None:
        self.pool = list(dict.fromkeys(seeds)) or [b""]
        self._words = [*words, *_NUMBERS]
        self._chance = chance

    def next(self, longest: int) -> bytes:
        """Return one more input."""
        chance = self._chance
        data = bytearray(chance.choice(self.pool))
        for _ in range(chance.randint(1, _MOST_STEPS)):
            chance.choice(self._steps)(self, data)
        return bytes(data[:longest])

    def _flip(self, data: bytearray) -> None:
        if data:
            data[self._chance.randrange(len(data))] ^= 1 << self._chance.randrange(8)

    def _set(self, data: bytearray) -> None:
        if data:
            data[self._chance.randrange(len(data))] = self._chance.randrange(256)

    def _insert(self, data: bytearray) -> None:
        at = self._chance.randint(0, len(data))
        data[at:at] = self._chance.randbytes(self._chance.randint(1, 4))

    def _cut(self, data: bytearray) -> None:
        at = self._chance.randint(0, len(data))
        del data[at : at + self._chance.randint(1, 16)]

    def _repeat(self, data: bytearray) -> None:
        at = self._chance.randint(0, len(data))
        piece = data[at : at + self._chance.randint(1, 32)]
        data[at:at] = piece * self._chance.randint(1, 8)

    def _word(self, data: bytearray) -> None:
        at = self._chance.randint(0, len(data))
        over = self._chance.choice((0, 0, 4, 16))
        data[at : at + over] = self._chance.choice(self._words)

    def _splice(self, data: bytearray) -> None:
        other = self._chance.choice(self.pool)
        at = self._chance.randint(0, len(data))
        data[at:] = other[self._chance.randint(0, len(other)) :]

    def _choose(self, data: bytearray) -> None:
        # The first bytes are choices in most targets.
        if data:
            data[self._chance.randrange(min(len(data), 8))] = 0x30 + self._chance.randrange(8)

    _steps = (_flip, _set, _insert, _cut, _repeat, _word, _word, _splice, _choose)


def run(
    meter: Meter,
    mutations: Mutations,
    inputs: int,
    branches: Branches,
    progress: Callable[[], None] = lambda: None,
) -> None:
    """Play the pool, then mutations of it until ``inputs`` were played."""
    for data in list(mutations.pool)[:inputs]:
        meter.play(data)
    while meter.inputs < inputs:
        data = sparing(mutations.next(meter.target.longest), meter.inputs)
        known = branches.news
        meter.play(data)
        if branches.news > known:
            mutations.pool.append(data)
        progress()
