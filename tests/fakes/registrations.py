"""WeChat's registrations as the use cases see them, beside a WeChat that issues the codes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from tests.fakes.wechat import refusal
from wxvault.errors import WeChatUnknownError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Confirming(Protocol):
    """A WeChat that issues codes."""

    def confirm(self, appid: str) -> str:
        """Return the authorization code of an account that has confirmed."""


@dataclass(frozen=True)
class Task:
    """One shape for what WeChat answers to an application."""

    task_id: str = "task-1"
    unique_id: str = ""
    authorize_url: str = "https://mp.weixin.qq.com/confirm"
    status: int | None = 0


@dataclass(frozen=True)
class Registered:
    """A mini program that was registered."""

    appid: str
    authorization_code: str


@dataclass
class FakeRegistrations:
    """Fits the ports of registration and reuse; ``answers`` are errcodes or "silent", one by one.

    "silent_after" leaves out the answer to what was done.
    """

    wechat: Confirming
    answers: list[int | str] = field(default_factory=list)
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    registered: list[str] = field(default_factory=list)
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    task: Task = field(default_factory=Task)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def register_enterprise(self, token: str, fields: Mapping[str, Any], /) -> None:
        """Apply for an enterprise."""
        self._call("enterprise", token, fields)

    def find_enterprise(self, token: str, fields: Mapping[str, Any], /) -> None:
        """Ask about it."""
        self._call("find enterprise", token, fields)

    def register_personal(self, token: str, fields: Mapping[str, Any], /) -> Task:
        """Apply for a person."""
        self._call("personal", token, fields)
        return self.task

    def find_personal(self, token: str, task_id: str, /) -> Task:
        """Ask about it."""
        self._call("find personal", token, {"task_id": task_id})
        return self.task

    def register_trial(self, token: str, fields: Mapping[str, Any], /) -> Task:
        """Apply for a mini program on trial."""
        self._call("trial", token, fields)
        return Task(unique_id=f"unique-{next(self._numbers)}")

    def register_reuse(self, token: str, ticket: str, /) -> Registered:
        """Register with an official account's ticket."""
        silent = self._call("reuse", token, {"ticket": ticket})
        appid = f"wx{next(self._numbers):016x}"
        self.registered.append(appid)
        code = self.wechat.confirm(appid)
        for happening in self.afterwards:
            happening()
        if silent:
            raise WeChatUnknownError("no answer", path="reuse")
        return Registered(appid, code)

    def _call(self, name: str, token: str, fields: Mapping[str, Any]) -> bool:
        self.calls.append((name, dict(fields)))
        self.tokens.append(token)
        answer = self.answers.pop(0) if self.answers else 0
        if answer == "silent":
            raise WeChatUnknownError("no answer", path=name)
        if isinstance(answer, int) and answer:
            raise refusal(name, answer)
        return answer == "silent_after"
