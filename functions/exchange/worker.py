"""The exchange queue: each message names a code or a ticket by its hash; each is used once.

Some name a code that a test account of WeChat has sent, and that it is owed an answer about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wxvault.errors import PUT_OFF, AuthorizerPendingError, InvalidRequestError
from wxvault.runtime.jobs import (
    exchange_job,
    is_release_job,
    is_ticket_job,
    release_job,
    ticket_job,
)
from wxvault.runtime.queues import BatchAnswer, Job, run_batch
from wxvault.runtime.settings import on_lambda
from wxvault.runtime.telemetry import count, log_error, logger, observed
from wxvault.runtime.wiring import Wiring
from wxvault.services.exchange import Exchange
from wxvault.services.release_test import NOT_YET, ReleaseAnswering

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
        wiring.start_resync,
    )

    answering = ReleaseAnswering(
        wiring.tools, wiring.release_answers, exchange, wiring.lookup, wiring.message_api
    )

    def answer_test(code_sha256: str) -> None:
        try:
            if answering.answer(code_sha256):
                count("ReleaseTestAnswered")
        except NOT_YET as error:
            count("ReleaseTestFailed")
            log_error("release test put off", error)

    def work(job: Job) -> None:
        if is_release_job(job.body):
            answer_test(release_job(job.body))
            return
        ticket = is_ticket_job(job.body)
        try:
            if ticket:
                status: str | None = wiring.reuse.use(ticket_job(job.body))
            else:
                status = exchange.exchange(exchange_job(job.body))
        except (*PUT_OFF, AuthorizerPendingError) as error:
            # It is due in the table, so the sweep sends it again; the queue is not for waiting.
            log_error("exchange put off", error)
            return
        if status is None:
            # Both are written down before anything is sent: this was for another deployment.
            name = "ticket_sha256" if ticket else "code_sha256"
            raise InvalidRequestError(name, "is of nothing in this table")
        kind = "ticket" if ticket else "code"
        count(f"{kind.capitalize()}{status.capitalize()}")
        logger.info(kind, extra={"status": str(status)})

    @observed
    def handler(event: Mapping[str, Any], _context: Any) -> BatchAnswer:
        return run_batch(event, work)

    return handler


handler = wire(Wiring()) if on_lambda() else None
