"""*sweep*: every minute, what is due is handed to *renew* and to the exchange worker.

Events that whoever wrote them could not send are sent from here.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from wxvault.runtime.settings import on_lambda
from wxvault.runtime.telemetry import count, gauge, logger, observed
from wxvault.runtime.wiring import Wiring
from wxvault.services.numbers import WAIT_SECONDS
from wxvault.services.policy import is_servable
from wxvault.services.resending import Resending
from wxvault.services.sweeping import Sweep
from wxvault.services.tickets import wants_a_look

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.services.outcome import Outcome


def wire(wiring: Wiring) -> Callable[[Mapping[str, Any], Any], Mapping[str, Any]]:
    """Build the handler."""

    def renew_component() -> Outcome:
        return wiring.renewer(None, rejected_token_sha256=None, min_ttl=0, seconds=WAIT_SECONDS)

    def component_is_servable() -> bool:
        state = wiring.tokens.get(None)
        overlap = wiring.settings.overlap_seconds
        return state is not None and is_servable(state, wiring.clock.now(), overlap=overlap)

    def tickets_want_a_look() -> bool:
        push, state = wiring.push_starts.last_push(), wiring.tokens.get(None)
        return wants_a_look(push, state, wiring.clock.now())

    sweep = Sweep(
        wiring.due_items,
        wiring.renew_jobs,
        wiring.exchange_jobs,
        renew_component,
        component_is_servable,
        Resending(wiring.unsent_events, wiring.bus, wiring.clock, wiring.uniform),
        tickets_want_a_look,
        wiring.clock,
        wiring.new_id,
    )

    @observed
    def handler(_event: Mapping[str, Any], _context: Any) -> Mapping[str, Any]:
        swept = sweep.run()
        if swept.ran:
            gauge("OverdueAuthorizers", swept.overdue)
            gauge("UnsentEventSeconds", swept.unsent_seconds)
        if swept.waiting_for_component:
            count("SweepWithoutComponentToken")
            logger.warning("no component token, nobody was sent on")
        logger.info("sweep", extra=asdict(swept))
        return asdict(swept)

    return handler


handler = wire(Wiring()) if on_lambda() else None
