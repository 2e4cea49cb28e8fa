"""Progress on the terminal: anything that takes longer than two seconds says so while it runs."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SILENT_SECONDS = 2.0
REPEAT_SECONDS = 5.0


class Progress:
    """Prints one line per finished step, with its seconds, and signs of life before that.

    Steps may overlap, so every line names its step and nothing is ever overwritten.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        silent: float = SILENT_SECONDS,
        repeat: float = REPEAT_SECONDS,
    ) -> None:
        self._stream = stream if stream is not None else sys.stdout
        self._clock = clock
        self._silent = silent
        self._repeat = repeat
        self._lock = threading.Lock()
        self.seconds: dict[str, float] = {}
        """How long each finished step took."""

    def say(self, text: str) -> None:
        """Print one line now."""
        with self._lock:
            print(text, file=self._stream, flush=True)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what happens inside; say so after two seconds, and again every five."""
        started = self._clock()
        finished = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(name, started, finished), daemon=True)
        watcher.start()
        try:
            yield
        except BaseException:
            finished.set()
            self.say(f"  {self._clock() - started:5.1f} s  {name}: stopped")
            raise
        finished.set()
        took = self._clock() - started
        self.seconds[name] = took
        self.say(f"  {took:5.1f} s  {name}")

    def _watch(self, name: str, started: float, finished: threading.Event) -> None:
        wait = self._silent
        while not finished.wait(wait):
            self.say(f"  {self._clock() - started:5.0f} s  {name} …")
            wait = self._repeat


class Quiet(Progress):
    """Keeps the times and prints nothing."""

    def say(self, text: str) -> None:
        """Print nothing."""
