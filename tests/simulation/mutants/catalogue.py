"""All mutants."""

from __future__ import annotations

from tests.simulation.mutants import (
    of_codes,
    of_decisions,
    of_endings,
    of_events,
    of_exchanges,
    of_grants,
    of_questions,
    of_resync,
    of_serving,
    of_the_component,
    of_the_lease,
    of_what_was_seen,
)

MUTANTS = (
    *of_the_lease.MUTANTS,
    *of_questions.MUTANTS,
    *of_serving.MUTANTS,
    *of_decisions.MUTANTS,
    *of_endings.MUTANTS,
    *of_grants.MUTANTS,
    *of_exchanges.MUTANTS,
    *of_codes.MUTANTS,
    *of_resync.MUTANTS,
    *of_what_was_seen.MUTANTS,
    *of_the_component.MUTANTS,
    *of_events.MUTANTS,
)
