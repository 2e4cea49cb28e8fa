"""*renew*: the renew queue, and invoke. The only function that reads AppSecret.

A job is ``{"job": "authorizer", "authorizer_appid"}`` or ``{"job": "component"}``; an invoke may
add ``rejected_token_sha256`` and ``min_ttl``. ``{"job": "tickets"}`` looks after the tickets;
``{"job": "clear_quota", "authorizer_appid"?}``, by invoke only, resets the daily quota.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wxvault.errors import PUT_OFF, ConfigurationError, UnknownAuthorizerError
from wxvault.runtime.answering import answer_invoke
from wxvault.runtime.queues import Job, run_batch
from wxvault.runtime.renewing import Renewing
from wxvault.runtime.settings import on_lambda
from wxvault.runtime.telemetry import log_error, observed
from wxvault.runtime.wiring import Wiring
from wxvault.services.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def wire(wiring: Wiring) -> Callable[[Mapping[str, Any], Any], Mapping[str, Any]]:
    """Build the handler."""
    renewing = Renewing(wiring)

    def work(job: Job) -> None:
        looks_at_tickets = job.body.get("job") == "tickets"
        # A look at the tickets that fails is sent again by the next sweep, and noted for status.
        put_off = (*PUT_OFF, ConfigurationError) if looks_at_tickets else PUT_OFF
        try:
            outcome = renewing.do(job.body, by_hand=False)
        except put_off as error:
            # It is due in the table, so the sweep sends it again; the queue is not for waiting.
            log_error("renewal put off", error)
            return
        appid = job.body.get("authorizer_appid")
        if appid and outcome == Outcome.ABSENT and wiring.tokens.get(appid) is None:
            # Jobs are sent for what is in the table: this one was meant for another deployment.
            raise UnknownAuthorizerError(f"{appid} is not in this table")

    @observed
    def handler(event: Mapping[str, Any], context: Any) -> Mapping[str, Any]:
        if "Records" in event:
            return dict(run_batch(event, work))
        return answer_invoke(context, lambda: {"outcome": renewing.do(event, by_hand=True)})

    return handler


handler = wire(Wiring()) if on_lambda() else None
