"""The exchange queue: each message names a code by its hash; each code is exchanged once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wxvault.errors import PUT_OFF, InvalidRequestError
from wxvault.runtime.jobs import exchange_job
from wxvault.runtime.queues import BatchAnswer, Job, run_batch
from wxvault.runtime.settings import on_lambda
from wxvault.runtime.telemetry import count, log_error, logger, observed
from wxvault.runtime.wiring import Wiring
from wxvault.services.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def wire(wiring: Wiring) -> Callable[[Mapping[str, Any], Any], BatchAnswer]:
    """Build the handler."""
    exchange = Exchange(
        wiring.tools,
        wiring.wechat,
        wiring.component_token,
        wiring.codes,
        wiring.sessions,
        wiring.profiles,
    )

    def work(job: Job) -> None:
        try:
            status = exchange.exchange(exchange_job(job.body))
        except PUT_OFF as error:
            # It is due in the table, so the sweep sends it again; the queue is not for waiting.
            log_error("exchange put off", error)
            return
        if status is None:
            # Codes are written down before anything is sent: this one was for another deployment.
            raise InvalidRequestError("code_sha256", "is of no code in this table")
        count(f"Code{status.capitalize()}")
        logger.info("code", extra={"status": str(status)})

    @observed
    def handler(event: Mapping[str, Any], _context: Any) -> BatchAnswer:
        return run_batch(event, work)

    return handler


handler = wire(Wiring()) if on_lambda() else None
