"""What goes wrong between the functions and AWS: rules by service and action, and their board.

    with stack.faults.active(Rule("throttle", "events", "PutEvents", lasts=60)):
        ...  # the bus refuses for a minute, or until the block ends

Kinds: ``throttle`` (the service's own throttling error, nothing executed), ``drop_before``
(connection closed, nothing executed), ``drop_after`` (executed, then closed), ``delay`` (passed on
late, also to a client that has given up), ``duplicate`` (executed twice, the first answer counts).
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.chaos.operations import Operation

KINDS: Final = ("throttle", "drop_before", "drop_after", "delay", "duplicate")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. An empty ``service`` or ``action`` is any; an empty ``kind`` is any of `KINDS`.

    ``count`` 0: until it is taken away, or ``lasts`` seconds are over (0: for good). Of the
    ``delays`` in seconds one is drawn each time. ``target``: a part of the name of the function
    that is invoked.
    """

    kind: str = ""
    service: str = ""
    action: str = ""
    probability: float = 1.0
    count: int = 0
    lasts: float = 0.0
    delays: tuple[float, ...] = (1.0,)
    target: str = ""

    def __post_init__(self) -> None:
        if self.kind and self.kind not in KINDS:
            raise ValueError(f"kind: {self.kind} is none of {', '.join(KINDS)}")
        if not self.delays or min(self.delays) < 0:
            raise ValueError("delays: at least one, none below 0")

    def fits(self, operation: Operation) -> bool:
        """Say whether an operation is meant."""
        return (
            self.service in {"", operation.service}
            and self.action in {"", operation.action}
            and self.target in operation.target
        )


@dataclass(frozen=True, slots=True)
class Injection:
    """What happens to one request. ``number`` counts the injections of its kind from 0."""

    kind: str
    seconds: float
    number: int


@dataclass(slots=True)
class _Standing:
    rule: Rule
    left: int
    until: float


class FaultBoard:
    """The rules in force, oldest first, and a tally of what they did. Safe between threads.

    A rule of any kind takes the one that this operation has suffered least so far: rare operations
    see every kind. With the same ``seed`` the draws come in the same order.
    """

    def __init__(self, seed: int = 0, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)  # noqa: S311 (repeatable on purpose)
        self._clock = clock
        self._next = 1
        self._standing: dict[int, _Standing] = {}
        self._seen: Counter[tuple[str, str]] = Counter()
        self._injected: Counter[tuple[str, str, str]] = Counter()

    def add(self, rule: Rule) -> int:
        """Put a rule up. Returns its number."""
        with self._lock:
            number, self._next = self._next, self._next + 1
            until = self._clock() + rule.lasts if rule.lasts else float("inf")
            self._standing[number] = _Standing(rule, rule.count, until)
        return number

    def remove(self, number: int) -> bool:
        """Take a rule down. Returns whether it still stood."""
        with self._lock:
            return self._standing.pop(number, None) is not None

    def clear(self) -> None:
        """Take every rule down; the tally stays."""
        with self._lock:
            self._standing.clear()

    @contextmanager
    def active(self, *rules: Rule) -> Iterator[None]:
        """Inside, these rules stand."""
        numbers = [self.add(rule) for rule in rules]
        try:
            yield
        finally:
            for number in numbers:
                self.remove(number)

    def take(self, operation: Operation) -> Injection | None:
        """Count a request, and return what is to happen to it."""
        with self._lock:
            self._seen[operation.service, operation.action] += 1
            now = self._clock()
            for number, standing in list(self._standing.items()):
                if now >= standing.until:
                    del self._standing[number]
                    continue
                rule = standing.rule
                if not rule.fits(operation) or self._random.random() >= rule.probability:
                    continue
                if standing.left == 1:
                    del self._standing[number]
                standing.left = max(standing.left - 1, 0)
                return self._inject(rule, operation)
        return None

    def _inject(self, rule: Rule, operation: Operation) -> Injection:
        about = operation.service, operation.action
        kind = rule.kind
        if not kind:
            order = self._random.sample(KINDS, len(KINDS))
            kind = min(order, key=lambda name: self._injected[*about, name])
        number = sum(n for (*_, name), n in self._injected.items() if name == kind)
        self._injected[*about, kind] += 1
        return Injection(kind, self._random.choice(rule.delays), number)

    # ---- the tally ------------------------------------------------------------------------------

    def seen(self) -> dict[tuple[str, str], int]:
        """How many requests came, by service and action."""
        with self._lock:
            return dict(self._seen)

    def injected(self) -> dict[tuple[str, str, str], int]:
        """How many faults were injected, by service, action and kind."""
        with self._lock:
            return dict(self._injected)
