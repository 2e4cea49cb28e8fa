"""The way back, and the way out.

A letter is sent to its queue first and deleted here afterwards. Whatever ends the tool in between,
the letter is still here, and the job may be done twice: all of them stand that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from tools.dead_letters.meaning import meaning
from tools.dead_letters.queues import batches
from tools.dead_letters.standing import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.dead_letters.queues import DeadLetters, Letter
    from tools.dead_letters.standing import Standings

# Longer than a round takes; what the tool does not get to is seen by others again after this.
_HIDDEN_SECONDS = 300
_ROUND = 100


@dataclass(slots=True)
class Moved:
    """What has become of a queue's letters."""

    sent: int = 0
    repeated: int = 0
    """Deleted because the same job had just been sent."""
    dropped: int = 0
    left: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done: ``everything`` also with what is no job of ours."""

    redrive: bool
    everything: bool = False

    def takes(self, wanted: Wanted) -> bool:
        """Say whether a letter that stands so is moved."""
        if self.everything:
            return True
        # What could not be looked up may be tried again, but must not be thrown away.
        return wanted in (
            {Wanted.DUE, Wanted.SETTLED, Wanted.UNKNOWN}
            if self.redrive
            else {Wanted.DUE, Wanted.SETTLED}
        )


def move(
    queue: DeadLetters,
    standings: Standings,
    order: Order,
    *,
    started: float,
    tell: Callable[[Moved], None] = lambda _: None,
) -> Moved:
    """Redrive or drop the letters of a queue; ``started`` is unix time.

    Letters younger than that are left: they are what was just sent back, and has failed again.
    """
    moved = Moved()
    sent: set[str] = set()
    left: dict[str, Letter] = {}
    more = True
    try:
        while more:
            letters = queue.take(_HIDDEN_SECONDS, most=_ROUND)
            fresh = [letter for letter in letters if letter.message_id not in left]
            # Fewer than a round holds are the last; only known ones have been hidden for too long.
            more = bool(fresh) and len(letters) == _ROUND
            left |= {letter.message_id: letter for letter in letters}
            for some in batches(letter for letter in fresh if letter.sent_at < started):
                gone = [
                    letter
                    for letter in some
                    if order.takes(standings.of(meaning(queue, letter)).wanted)
                    and (not order.redrive or _redrive(queue, letter, sent, moved))
                ]
                for letter in queue.delete(gone):
                    moved.dropped += not order.redrive
                    del left[letter.message_id]
            moved.left = len(left)
            if more:
                tell(moved)
    finally:
        queue.put_back(left.values())
    return moved


def _redrive(queue: DeadLetters, letter: Letter, sent: set[str], moved: Moved) -> bool:
    """Send a letter back, unless the same was just sent; whether it may be deleted here."""
    if queue.source_url is None:
        return False
    if letter.body in sent:
        moved.repeated += 1
        return True
    try:
        queue.sqs.send_message(
            QueueUrl=queue.source_url,
            MessageBody=letter.body,
            MessageAttributes=dict(letter.attributes),
        )
    except (ClientError, BotoCoreError):
        moved.failed += 1
        return False
    sent.add(letter.body)
    moved.sent += 1
    return True
