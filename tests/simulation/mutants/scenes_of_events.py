"""Scenes that show why events are kept: somebody is killed, or the bus takes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.house import COMPONENT
from wxvault.protocol.pushes import Unknown

if TYPE_CHECKING:
    from tests.simulation.mutants.directed import Directed

_OUTAGE_SECONDS = 150.0


def killed_when_cancelled(world: Directed) -> list[str]:
    """Callback is switched off when a cancellation is written, and not when it is told."""
    world.begin(age=0.3)
    world.hold("unauthorized", "write", "TOKEN", crash=True)
    world.cancel(push=0.0)
    return world.end(60)


def bus_down_when_cancelled(world: Directed) -> list[str]:
    """The bus takes nothing while a merchant cancels and comes back, and for two sweeps more."""
    world.begin(age=0.3)
    world.bus.down = True
    world.cancel(push=0.0)
    world.at(10, lambda: world.confirm(push=0.0))
    world.at(_OUTAGE_SECONDS, lambda: setattr(world.bus, "down", False))
    world.start_sweeps()
    return world.end(_OUTAGE_SECONDS + 60, sweeps=False)


def bus_down_at_a_push(world: Directed) -> list[str]:
    """The bus takes nothing while WeChat pushes something that is no transition."""
    world.begin(age=0.3)
    world.bus.down = True
    push = Unknown(COMPONENT, int(world.stage.time), "something_new", {})
    world.push(push, 0.0)
    world.judge.announced.append((push.info_type, push.create_time))
    world.at(30, lambda: setattr(world.bus, "down", False))
    return world.end(60)


SCENES = tuple(
    value
    for name, value in list(globals().items())
    if callable(value) and getattr(value, "__module__", "") == __name__ and name[0] != "_"
)
