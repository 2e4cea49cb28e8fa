"""What a house stands on, with every request a step that may be late, fail, or be the last."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes.house import FakeBus, FakeQueue, FakeSecret
from tests.fakes.memory_table import MemoryTable
from tests.simulation.faults import Kind, Step
from tests.simulation.meaning import read_step, transaction_step, write_step
from wxvault.errors import SealBrokenError, SealingKeyError, TableUnavailableError
from wxvault.vault.sealing import Compartment, Sealing, compartment_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.simulation.stage import Stage
    from tests.simulation.world import World
    from wxvault.vault.expressions import Item, Key, Write

GIVEN_UP_SECONDS = 6.5
"""AWS's client tries three times, two seconds each, before it gives up."""

LATE_SECONDS = 13.0
"""Assumed: a request is carried out at most so long after its client stopped waiting."""

OUTLASTING = (24.5, 40.0)
"""A delay between these two outlasts every lease."""


class OutOfReachError(Exception):
    """AWS's client gave up: a service refuses, or does not answer."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a client asks, and what the service says if it refuses."""

    given_up: float = GIVEN_UP_SECONDS
    repeats: bool = True
    """What was not answered is tried again."""
    failure: type[Exception] = OutOfReachError
    """What its caller sees when it gives up."""
    refusal: Callable[[World], Exception] | None = None
    """What its caller sees when the service refuses; None: the same."""


USUAL = Terms()
_TABLE = Terms(failure=TableUnavailableError)
_KMS = Terms(failure=SealingKeyError)


class ClearSealing(Sealing):
    """Seals nothing, but checks as the real one does that a value stands where it was put."""

    def __init__(self, world: World) -> None:
        """Need no keys."""
        self.world = world
        self.seals = 0

    def prepare(self, compartment: Compartment) -> None:
        """Have the data keys, before WeChat is asked for what needs them."""
        for needed in {compartment: None, Compartment.ARRIVALS: None}:
            self._have(needed)

    def _have(self, compartment: Compartment) -> None:
        if self.world.is_news(f"data key of {compartment}"):
            self.world.request(Step.SEAL, _nothing, _KMS)

    def seal(
        self,
        key: Key,
        secrets: Mapping[str, str],
        *,
        generation: int = 0,
        access_expires_at: float | None = None,
    ) -> dict[str, bytes]:
        """Write the secret beside its place; no two seals are alike."""
        self._have(compartment_of(key))
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
        assert isinstance(sealed, bytes)
        *place, _, secret = sealed.decode().split("|", 4)
        assert place == [key.pk, attribute, str(item.get("generation", 0))], (place, key)
        if self.world.is_news(f"key of {key.pk}"):
            self.world.request(Step.OPEN, _nothing, _DECRYPT)
        return secret


def _nothing() -> None:
    """What KMS is asked for changes nothing."""


def _unusable_key(world: World) -> Exception:
    if world.stage.random.random() < 0.5:
        return SealBrokenError("the data key is not usable")
    return SealingKeyError("throttled")


_DECRYPT = Terms(failure=SealingKeyError, refusal=_unusable_key)


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
        if self.world.stage.current is None:
            return super().get(key)
        return self.world.request(read_step(key), lambda: MemoryTable.get(self, key), _TABLE)

    def newest(self, pk: str, prefix: str, limit: int) -> list[Item]:
        """Read the newest items of a kind."""
        return self.world.request(
            Step.READ_TICKETS, lambda: MemoryTable.newest(self, pk, prefix, limit), _TABLE
        )

    def write(self, write: Write) -> Item | None:
        """Do one write."""
        if self.world.stage.current is None:
            return super().write(write)
        return self.world.request(write_step(write), lambda: MemoryTable.write(self, write), _TABLE)

    def transact(self, writes: Sequence[Write]) -> None:
        """Do all writes or none."""
        self.world.request(
            transaction_step(writes), lambda: MemoryTable.transact(self, writes), _TABLE
        )

    def due(self, due_shard: str, until: float) -> Iterator[tuple[Key, float]]:
        """Read what is due; only one of the sixteen reads is a step. The index may lag behind."""
        world = self.world
        if due_shard.endswith("#00"):
            world.request(Step.READ_DUE, _nothing, _TABLE)
        for found in super().due(due_shard, until):
            if not world.happens(world.chances.slow):
                yield found

    def scan(self, pk_prefix: str, sk: str) -> Iterator[Item]:
        """Read every item of a kind: one step, whose items may have changed when they are taken."""
        self.world.request(Step.SCAN, _nothing, _TABLE)
        yield from super().scan(pk_prefix, sk)

    def _apply(self, write: Write) -> None:
        before = self.items.get(write.key)
        super()._apply(write)
        self.world.written(write.key, before, self.items.get(write.key))


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
        self.world.request(Step.SEND, lambda: self.world.deliver(job))

    def send_all(self, jobs: list[Mapping[str, Any]], /) -> int:
        """Take jobs; a sweep that sends none sends no request."""
        if not jobs:
            return 0

        def deliver() -> None:
            for job in jobs:
                self.world.deliver(job)

        self.world.request(Step.SEND_ALL, deliver)
        return len(jobs)


@dataclass
class SteppedBus(FakeBus):
    """A bus that sometimes does not take an event, or only seems not to."""

    world: Any = field(default=None, repr=False)

    def put(self, detail_type: str, detail: Mapping[str, object], /) -> bool:
        """Take an event."""
        if self.down:
            return False
        try:
            self.world.request(Step.PUT_EVENT, lambda: FakeBus.put(self, detail_type, detail))
        except OutOfReachError:
            return False
        return True


@dataclass
class SteppedSecret(FakeSecret):
    """A secret that Secrets Manager may not give."""

    world: Any = field(default=None, repr=False)

    def get(self) -> Any:
        """Return it; an environment reads it once."""
        if self.world.is_news("secret"):
            self.world.request(Step.APP_SECRET, _nothing)
        return super().get()


def carry_out[T](  # noqa: C901 -- one for each kind of fault
    world: World, step: Step, execute: Callable[[], T], terms: Terms
) -> T:
    """Have a request to AWS carried out, or whatever fault is its fate.

    Raises:
        Exception: AWS's client gave up; which one, the terms say.
    """
    stage = world.stage
    match world.fate(step):
        case None:
            return execute()
        case Kind.CRASH_BEFORE:
            world.crash(f"before {step.label}")
        case Kind.CRASH_AFTER:
            execute()
            world.crash(f"after {step.label}")
        case Kind.REFUSED:
            raise terms.failure("throttled") if terms.refusal is None else terms.refusal(world)
        case Kind.DUPLICATED:
            _quietly(execute)
            stage.pause(stage.random.uniform(0.1, 4))
            world.say("repeats", step.label)
            return execute()
        case Kind.DELAYED if terms.repeats:
            return _much_later(world, execute)
        case Kind.DELAYED:
            _later(world, step, stage.random.uniform(*OUTLASTING), execute)
        case Kind.TIMED_OUT:
            _quietly(execute)
        case Kind.LATE:
            wait = stage.random.choice((stage.random.uniform(0, LATE_SECONDS), LATE_SECONDS))
            if terms.repeats and stage.random.random() < 0.5:
                # One of the client's tries hangs, and another gets through.
                _later(world, step, 2.0 + wait, execute)
                stage.pause(2.0)
                return execute()
            _later(world, step, terms.given_up + wait, execute)
        case Kind.DROPPED:
            pass
    stage.pause(terms.given_up)
    world.say("gets no answer to", step.label)
    raise terms.failure("no answer")


def _much_later[T](world: World, execute: Callable[[], T]) -> T:
    """The request is on its way for so long that its client is switched off, or nearly so."""
    came: list[T | Exception] = []

    def arrive() -> None:
        try:
            came.append(execute())
        except Exception as error:  # noqa: BLE001 -- whoever waits for it will see it
            came.append(error)

    delay = world.stage.random.uniform(*OUTLASTING)
    world.say(f"waits {delay:.0f} s")
    world.stage.after(delay, arrive)
    world.stage.pause(delay + 0.001)
    if isinstance(came[0], Exception):
        raise came[0]
    return came[0]


def _later(world: World, step: Step, delay: float, execute: Callable[[], object]) -> None:
    def arrive() -> None:
        world.say("carried out late:", step.label)
        _quietly(execute)

    world.stage.after(delay, arrive)


def _quietly(execute: Callable[[], object]) -> None:
    """Have a request carried out whose answer nobody hears."""
    try:
        execute()
    except Exception:  # noqa: BLE001 -- whatever it says
        return
