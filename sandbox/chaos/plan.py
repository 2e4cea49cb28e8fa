"""How much of everything a run does, and what it must reach. A short run asks for less."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sandbox.chaos.faults import Rule

SERVICES: Final = ("dynamodb", "kms", "secretsmanager", "sqs", "events", "lambda")
"""What the functions use, all of which must suffer."""

_DELAYS: Final = (0.2, 1.0, 2.6)
"""Seconds; the functions wait two for an answer and then ask again."""

# Rare operations (a secret is read once per process) are met more often, or they would be spared.
EVERYDAY: Final = (
    Rule(service="dynamodb", probability=0.03, delays=_DELAYS),
    Rule(service="kms", probability=0.12, delays=_DELAYS),
    Rule(service="secretsmanager", probability=0.9, delays=_DELAYS),
    Rule(service="sqs", probability=0.3, delays=_DELAYS),
    Rule(service="events", probability=0.5, delays=_DELAYS),
    Rule(service="lambda", probability=0.2, delays=_DELAYS),
)

# For some seconds a service does nothing else.
STORMS: Final = (
    # Long enough for every transition of a minute to be kept, and for sweeps to be refused too.
    Rule("throttle", "events", "PutEvents", lasts=60),
    Rule("throttle", "sqs", lasts=6),
    Rule("throttle", "dynamodb", lasts=3),
    Rule("drop_after", "dynamodb", "TransactWriteItems", lasts=4),
    Rule("drop_before", "lambda", "Invoke", lasts=5),
    Rule("throttle", "kms", lasts=4),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. Rates are per second, times in seconds."""

    seconds: float = 180.0
    seed: int = 1
    merchants: int = 96
    """Who is there before anything goes wrong."""
    readers: int = 32
    look_ups: float = 42.0
    """Look-ups asked for; some are answered from the client's own cache."""
    expiries: float = 3.6
    """Renewals brought forward."""
    ended: float = 0.06
    """For what part of them the access token is dropped too: look-ups have to wait."""
    merchants_pause: float = 1.3
    weather_pause: float = 1.5
    killer_pause: float = 3.5
    sweep_killed_after: float = 0.8
    """At what part of the run the sweep is killed, once; so the recovery meets its lease too."""
    storm_pause: float = 20.0
    component_pause: float = 15.0
    schedule_speed: float = 6.0
    overlap: int = 120
    leak_search: bool = True

    # --- what must be reached
    least_look_ups: float = 20.0
    least_renewals: int = 300
    least_faults: int = 5
    least_answered: float = 0.75
    """What part of the look-ups must bring a token: refusing everybody would be safe, too."""
    least_mid_flight: int = 5
    """Kills while WeChat had a call of the killed function."""
    least_looks: int = 15
    """Looks at the refresh tokens in the table, on the way."""

    @property
    def sweep_seconds(self) -> float:
        """How often the sweep runs: once a minute on AWS."""
        return 60 / self.schedule_speed
