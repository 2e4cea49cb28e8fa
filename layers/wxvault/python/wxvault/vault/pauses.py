"""Short pauses between the tries of a write that met somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wxvault.clock import Clock
    from wxvault.services.policy import Uniform

TRIES = 8
"""So often a write is tried that others keep coming in the way of."""

FIRST_SECONDS = 0.01
LONGEST_SECONDS = 0.1


class Pauses:
    """Pauses that grow, at random: who met once must not meet again at the next try.

    All pauses of ``TRIES`` tries take less than half a second, and half of that as a rule: little
    beside the four seconds that the hastiest function has.
    """

    def __init__(self, clock: Clock, uniform: Uniform) -> None:
        self._clock = clock
        self._uniform = uniform

    def after(self, tries: int) -> None:
        """Wait after so many tries in vain."""
        longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** (tries - 1))
        self._clock.sleep(self._uniform() * longest)
