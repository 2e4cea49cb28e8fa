"""Faults injected from outside: what goes wrong between WeChat and the platform.

A fault waits at a path (and, if named, at one account) for the next calls, ``count`` of them.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from sandbox.wechat.calls import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FaultKind = Literal[
    "slow",  # answers `seconds` late; executes after the wait, or before it with executed=True
    "drop_before",  # closes the connection, executes nothing
    "drop_after_execution",  # executes, then closes the connection
    "executed_late",  # closes the connection after `hold` seconds, executes `seconds` from now
    "errcode",  # answers `errcode`
    "html",  # answers an HTML page with `status`
    "garbage",  # answers 200 with something that is not JSON
    "truncated",  # answers half of the good answer
    "reset",  # resets the connection
    "http_status",  # answers `status` with an empty body
]
KINDS: Final[tuple[str, ...]] = get_args(FaultKind)
_EXECUTES_BY_DEFAULT: Final = frozenset({"drop_after_execution", "truncated"})
_PAGE: Final = (
    b"<html><head><title>502 Bad Gateway</title></head>"
    b"<body><center><h1>502 Bad Gateway</h1></center></body></html>"
)


class FaultError(ValueError):
    """A fault is missing a field or has a malformed one."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. Times are real seconds. ``count`` 0: until it is cleared.

    ``executed``: whether the call has its effect all the same.
    """

    kind: FaultKind
    path: str = ""
    authorizer_appid: str = ""
    count: int = 1
    seconds: float = 0
    hold: float = 0
    errcode: int = -1
    status: int = 502
    executed: bool = False

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Fault:
        """Build a fault from JSON. Raises FaultError."""
        given = dict(values)
        if given.get("kind") not in KINDS:
            raise FaultError(f"kind: is none of {', '.join(KINDS)}")
        for name, value in given.items():
            item = cls.__dataclass_fields__.get(name)
            if item is None:
                raise FaultError(f"{name}: no such field")
            wanted = {"int": int, "float": int | float, "bool": bool}.get(str(item.type), str)
            if not isinstance(value, wanted):
                raise FaultError(f"{name}: is not of the right kind ({item.type})")
        given.setdefault("executed", given["kind"] in _EXECUTES_BY_DEFAULT)
        return cls(**given)


class FaultBoard:
    """The faults that wait, oldest first."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._next_id = 1
        self._waiting: dict[int, tuple[Fault, int]] = {}

    def add(self, fault: Fault) -> int:
        """Let a fault wait. Returns its id."""
        with self._lock:
            fault_id, self._next_id = self._next_id, self._next_id + 1
            self._waiting[fault_id] = (fault, fault.count)
        return fault_id

    def clear(self, fault_id: int | None = None) -> int:
        """Take away one fault, or all. Returns how many there were."""
        with self._lock:
            gone = [n for n in self._waiting if fault_id is None or n == fault_id]
            for number in gone:
                del self._waiting[number]
        return len(gone)

    def waiting(self) -> list[dict[str, Any]]:
        """Return the faults that wait, as JSON; ``left`` is how many calls each still hits."""
        with self._lock:
            return [
                {"id": number, "left": left or None, **asdict(fault)}
                for number, (fault, left) in self._waiting.items()
            ]

    def take(self, path: str, authorizer_appid: str | None) -> Fault | None:
        """Return the fault that hits this call, if one does, and count it."""
        with self._lock:
            for number, (fault, left) in self._waiting.items():
                if fault.path and fault.path != path:
                    continue
                if fault.authorizer_appid and fault.authorizer_appid != authorizer_appid:
                    continue
                if left == 1:
                    del self._waiting[number]
                elif left:
                    self._waiting[number] = (fault, left - 1)
                return fault
        return None


@dataclass(frozen=True, slots=True)
class Reaction:
    """What the server does to the connection: ``answer`` it, or None: close it, maybe by reset."""

    answer: Answer | None
    executed: bool
    errcode: int | None = None
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """What a fault may do: ``execute`` the call, ``refuse`` it, do something ``later``, wait."""

    execute: Callable[[], Answer]
    refuse: Callable[[int], Answer]
    later: Callable[[float], None]
    sleep: Callable[[float], object] = time.sleep


def play(fault: Fault, stage: Stage) -> Reaction:
    """Let a fault happen to one call."""
    if fault.kind == "executed_late":
        stage.later(fault.seconds)
        stage.sleep(fault.hold)
        return Reaction(None, executed=False)
    if fault.kind == "slow" and not fault.executed:
        stage.sleep(fault.seconds)
        answer = stage.execute()
        return Reaction(answer, answer.executed, answer.errcode)
    done = stage.execute() if fault.executed else None
    stage.sleep(fault.seconds)
    executed = done.executed if done else False
    errcode = done.errcode if done else None
    if fault.kind in {"drop_before", "drop_after_execution", "reset"}:
        return Reaction(None, executed, errcode, reset=fault.kind == "reset")
    if fault.kind == "errcode":
        return Reaction(stage.refuse(fault.errcode), executed, fault.errcode)
    return Reaction(_spoilt(fault, done), executed, errcode)


def _spoilt(fault: Fault, done: Answer | None) -> Answer:
    """Return what a broken middle box or a cut connection makes of an answer."""
    if fault.kind == "html":
        return Answer(_PAGE, status=fault.status, content_type="text/html")
    if fault.kind == "http_status":
        return Answer(b"", status=fault.status)
    if fault.kind == "truncated":
        whole = done.body if done else b'{"errcode":0,"errmsg":"ok"}'
        return Answer(whole[: len(whole) // 2])
    if fault.kind == "slow" and done:
        return done
    return Answer(b"\x1f\x8b\x08\x00 not what you asked for")
