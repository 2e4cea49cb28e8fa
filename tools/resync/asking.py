"""Having the function *resync* do it, and telling meanwhile that it is at it."""

from __future__ import annotations

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYetError
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tools.dead_letters.stacks import Stack

_ALIAS = "ResyncFunctionAliaslive"
_TELL_SECONDS = 2.0


class ResyncFailedError(Exception):
    """The function did not do it; the text says why and what to do."""


@dataclass(slots=True)
class Told:
    """What one run told, in as many parts as its time needed."""

    listed: int = 0
    known: int = 0
    active: int = 0
    strange: int = 0
    list_complete: bool = True
    wechat_calls: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    changes: list[Mapping[str, Any]] = field(default_factory=list)
    not_active: Sequence[Mapping[str, Any]] = ()
    truncated: bool = False

    def add(self, part: Mapping[str, Any]) -> None:
        """Take in what one invoke told."""
        self.listed, self.known, self.active = part["listed"], part["known"], part["active"]
        self.strange, self.list_complete = part["strange"], part["list_complete"]
        self.wechat_calls += part["wechat_calls"]
        self.counts.update(part["counts"])
        self.changes += part["changes"]
        self.not_active = part["not_active"]
        self.truncated = self.truncated or part["truncated"]


@dataclass(frozen=True, slots=True)
class Asking:
    """One stack's function, and whom to tell how long it takes."""

    stack: Stack
    tell: Callable[[str], None]

    def run(self, *, dry_run: bool, authorizer_appid: str = "") -> Told:
        """Have it run to its end, however often it has to be asked.

        Raises:
            ResyncFailedError: it did not.
        """
        told = Told()
        wanted: dict[str, Any] = {"dry_run": dry_run}
        if authorizer_appid:
            wanted["authorizer_appid"] = authorizer_appid
        while True:
            part = self._ask(wanted)
            told.add(part)
            if part["next"] is None:
                return told
            self.tell(f"its time was up at {part['next']}; going on from there")
            wanted["after"] = part["next"]

    def _ask(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        alias = self.stack.of_type("AWS::Lambda::Alias").get(_ALIAS)
        if not alias:
            raise ResyncFailedError(
                f"{self.stack.name} has no function for this. Update the stack first."
            )
        began = time.monotonic()
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(
                self.stack.patient.invoke, FunctionName=alias, Payload=json.dumps(wanted).encode()
            )
            while True:
                try:
                    answer = asked.result(timeout=_TELL_SECONDS)
                    break
                except NotYetError:
                    self.tell(f"comparing, {time.monotonic() - began:.0f} s")
        content = json.loads(answer["Payload"].read() or b"{}")
        if "FunctionError" in answer:
            raise ResyncFailedError(
                "The function has failed: look at its log, /aws/lambda/"
                f"{self.stack.name}/resync. Run this again: what was done is done."
            )
        if "error" in content:
            error = content["error"]
            raise ResyncFailedError(f"{error['message']}\n{error['remedy']}")
        found: dict[str, Any] = content
        return found
