"""The clock of schedules: AWS fires on time; the emulator looks every ten seconds."""

from __future__ import annotations

import os
from typing import Any

from sandbox.stack.emulator.corrections import Correction, module, original, replace

TICK_SECONDS = 0.5
SPEED_VARIABLE = "WXVAULT_STACK_SCHEDULE_SPEED"


def _look_often() -> None:
    scheduler = module("ministack.services.scheduler")
    events = module("ministack.services.eventbridge")
    replace(scheduler, "_SCHEDULE_TICK_INTERVAL", TICK_SECONDS)
    seconds_of = original(events, "_parse_rate_seconds")
    speed = float(os.environ.get(SPEED_VARIABLE, "1"))

    def scaled(expression: str) -> Any:
        seconds = seconds_of(expression)
        return None if seconds is None else seconds / speed

    replace(events, "_parse_rate_seconds", scaled)


CORRECTIONS = (
    Correction(
        "schedules",
        "Schedules fire within half a second of their time, and faster when the runner asks for a "
        "faster clock.",
        _look_often,
    ),
)
