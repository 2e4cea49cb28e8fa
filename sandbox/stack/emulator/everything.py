"""All corrections, in the order in which they are applied."""

from __future__ import annotations

from sandbox.stack.emulator import environments, front_door, invokes, permissions, queues, schedules

CORRECTIONS = (
    *front_door.CORRECTIONS,
    *permissions.CORRECTIONS,
    *environments.CORRECTIONS,
    *queues.CORRECTIONS,
    *invokes.CORRECTIONS,
    *schedules.CORRECTIONS,
)
