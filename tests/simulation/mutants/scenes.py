"""All scenes: each is a few people held up at the worst moments, written for guards it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.mutants import (
    scenes_of_events,
    scenes_of_grants,
    scenes_of_resync,
    scenes_of_the_lease,
    scenes_of_the_rest,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.mutants.directed import Directed

SCENES: dict[str, Callable[[Directed], list[str]]] = {
    scene.__name__: scene
    for module in (
        scenes_of_the_lease,
        scenes_of_grants,
        scenes_of_resync,
        scenes_of_the_rest,
        scenes_of_events,
    )
    for scene in module.SCENES
}
