"""What a house stands on, with every request a step that may be late, fail, or be the last."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes.house import FakeBus, FakeQueue
from tests.fakes.memory_table import MemoryTable
from tests.fakes.wechat import Call, FakeWeChat, refusal
from wxvault.errors import SealBrokenError, WeChatUnknownError, WxvaultError
from wxvault.services.numbers import CALL_SECONDS
from wxvault.vault.sealing import Sealing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.simulation.stage import Stage
    from tests.simulation.world import World
    from wxvault.vault.expressions import Item, Key, Write

LATE_SECONDS = 13.0
"""Assumed: WeChat executes a call at most so long after the client stopped waiting."""


@dataclass
class Chances:
    """How likely each fault is, each time it could happen."""

    crash: float = 0.0
    """At a step: the machine is switched off before it, or after it."""
    slow: float = 0.0
    """At a step: it takes seconds."""
    repeated: float = 0.0
    """At a write: its answer is lost, and AWS's client repeats it."""
    silent: float = 0.0
    """At a call to WeChat: executed or not or late, never answered."""
    refused: float = 0.0
    """At a call to WeChat: -1, or the component token is refused."""
    unsent: float = 0.0
    """At a job: the queue does not take it."""
    broken: float = 0.0
    """At a sealed value: it cannot be opened."""
    twice: float = 0.0
    """At a job or push: it is delivered twice."""


class ClearSealing(Sealing):
    """Seals nothing, but checks as the real one does that a value stands where it was put."""

    def __init__(self, world: World) -> None:
        """Need no keys."""
        self.world = world
        self.seals = 0

    def seal(
        self, key: Key, secrets: Mapping[str, str], *, generation: int = 0
    ) -> dict[str, bytes]:
        """Write the secret beside its place; no two seals are alike."""
        self.seals += 1
        return {"sealed_key": b"-"} | {
            attribute: f"{key.pk}|{attribute}|{generation}|{self.seals}|{secret}".encode()
            for attribute, secret in secrets.items()
        }

    def open(self, key: Key, item: Item, attribute: str) -> str | None:
        """Read it."""
        sealed = item.get(attribute)
        if sealed is None:
            return None
        if self.world.happens(self.world.chances.broken):
            self.world.count("broken seal")
            raise SealBrokenError(attribute)
        assert isinstance(sealed, bytes)
        *place, _, secret = sealed.decode().split("|")
        assert place == [key.pk, attribute, str(item.get("generation", 0))], (place, key)
        return secret


@dataclass(frozen=True, slots=True)
class TrueClock:
    """The time as it is."""

    stage: Stage

    def now(self) -> float:
        """Return it."""
        return self.stage.time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.stage.pause(seconds)


class SteppedTable(MemoryTable):
    """A table whose every request is a step."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def get(self, key: Key) -> Item | None:
        """Read one item."""
        self.world.step("get", key)
        return super().get(key)

    def write(self, write: Write) -> Item | None:
        """Do one write."""
        world = self.world
        world.step("write", write.key)
        old = super().write(write)
        if world.happens(world.chances.repeated):
            world.count("repeated write")
            old = super().write(write)
        world.stepped("write", write.key)
        return old

    def transact(self, writes: Sequence[Write]) -> None:
        """Do all writes or none."""
        self.world.step("transact", writes[0].key)
        super().transact(writes)
        self.world.stepped("transact", writes[0].key)

    def due(self, due_shard: str, until: float) -> Iterator[tuple[Key, float]]:
        """Read what is due; only one of the sixteen reads is a step. The index may lag behind."""
        world = self.world
        if due_shard.endswith("#00"):
            world.step("due", None)
        for found in super().due(due_shard, until):
            if not world.happens(world.chances.slow):
                yield found

    def _apply(self, write: Write) -> None:
        before = self.items.get(write.key)
        super()._apply(write)
        self.world.written(write.key, before, self.items.get(write.key))


class SteppedWeChat(FakeWeChat):
    """WeChat, with time between sending, executing and answering, and with silence."""

    world: World

    def _call[T](self, call: Call, execute: Callable[[], T]) -> T:
        world, stage = self.world, self.world.stage
        dice, chances = stage.random, self.world.chances
        call.caller = stage.current
        if stage.current is None:
            return super()._call(call, execute)
        world.say("sends", call.name)

        def late() -> None:
            world.say("executes late", call.name)
            try:
                self._execute(call, execute)
            except WxvaultError:
                return

        if world.happens(chances.silent):
            world.count("silent call")
            latest = CALL_SECONDS + LATE_SECONDS
            when = dice.choice((dice.uniform(0, latest), latest))
            if dice.random() < 0.75:
                stage.after(when, late)
            stage.pause(CALL_SECONDS)
            world.say("gets no answer", call.name)
            raise WeChatUnknownError("no answer", path=call.name)
        if world.happens(chances.crash):
            waited = dice.uniform(0, CALL_SECONDS)
            if dice.random() < 0.75:
                latest = waited + LATE_SECONDS
                stage.after(dice.choice((dice.uniform(0, latest), latest)), late)
            stage.pause(waited)
            world.crash(f"during {call.name}")
        stage.pause(world.latency(0.02, 3.4))
        if world.happens(chances.refused):
            world.count("refused call")
            call.answered = True
            code = 40001 if call.name != "component_token" and dice.random() < 0.3 else -1
            world.say("is refused", call.name, code)
            raise refusal(call.name, code)
        try:
            answer = self._execute(call, execute)
        except WxvaultError as error:
            world.say("is refused", call.name, error.wechat_errcode)
            stage.pause(world.latency(0.02, 3.0))
            call.answered = True
            raise
        world.say("executed", call.name)
        stage.pause(world.latency(0.02, 3.4))
        call.answered = True
        return answer


class SteppedQueue(FakeQueue):
    """A queue that has its jobs done: at least once, in any order."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def send(self, job: Mapping[str, Any], /) -> None:
        """Take a job."""
        if self.world.stage.current is None:
            super().send(job)
            return
        self.world.step("send", None)
        if self.world.happens(self.world.chances.unsent):
            self.world.count("unsent job")
            raise ConnectionError
        self.world.deliver(job)

    def send_all(self, jobs: list[Mapping[str, Any]], /) -> int:
        """Take jobs."""
        self.world.step("send", None)
        for job in jobs:
            self.world.deliver(job)
        return len(jobs)


@dataclass
class SteppedBus(FakeBus):
    """A bus that sometimes does not take an event."""

    world: Any = field(default=None, repr=False)

    def put(self, detail_type: str, detail: Mapping[str, object], /) -> bool:
        """Take an event."""
        self.world.step("put event", None)
        return super().put(detail_type, detail)
