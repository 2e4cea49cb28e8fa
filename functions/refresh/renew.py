"""*renew*: the renew queue, and invoke. The only function that reads AppSecret.

A job is ``{"job": "authorizer", "authorizer_appid"}`` or ``{"job": "component"}``; an invoke may
add ``rejected_token_sha256`` and ``min_ttl``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wxvault.errors import PUT_OFF, UnknownAuthorizerError
from wxvault.runtime.answering import answer_invoke
from wxvault.runtime.jobs import renew_job
from wxvault.runtime.queues import Job, run_batch
from wxvault.runtime.secrets import app_secret
from wxvault.runtime.settings import on_lambda
from wxvault.runtime.telemetry import count, log_error, logger, observed
from wxvault.runtime.wiring import Wiring
from wxvault.services.component import ComponentKeeper, ComponentToken
from wxvault.services.keeper import Keeper
from wxvault.services.lookup import Lookup
from wxvault.services.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def wire(wiring: Wiring) -> Callable[[Mapping[str, Any], Any], Mapping[str, Any]]:
    """Build the handler."""
    tools, overlap = wiring.tools, wiring.settings.overlap_seconds
    secret = app_secret(
        wiring.secrets_client, wiring.settings.require("app_secret_arn"), wiring.clock
    )
    component = ComponentKeeper(tools, wiring.wechat, wiring.component_items, secret)

    def renew_component(
        authorizer_appid: str | None,  # noqa: ARG001 -- here it is always the component's own
        *,
        rejected_token_sha256: str | None,
        min_ttl: float,  # noqa: ARG001
        seconds: float,  # noqa: ARG001
    ) -> Outcome:
        return component.renew(rejected_token_sha256=rejected_token_sha256)

    lookup = Lookup(wiring.tokens, renew_component, wiring.clock, wiring.uniform, overlap=overlap)
    token = ComponentToken(lookup, wiring.clock, overlap=overlap)
    keeper = Keeper(tools, wiring.wechat, token)

    def renew(job: Mapping[str, Any]) -> Outcome:
        wanted = renew_job(job)
        appid, rejected = wanted.authorizer_appid, wanted.rejected_token_sha256
        if appid is None:
            outcome = component.renew(rejected_token_sha256=rejected)
        else:
            outcome = keeper.keep(appid, rejected_token_sha256=rejected, min_ttl=wanted.min_ttl)
        count(f"Renewal{outcome.title().replace('_', '')}")
        logger.info("renewal", extra={"outcome": str(outcome), "subject": appid})
        return outcome

    def work(job: Job) -> None:
        try:
            outcome = renew(job.body)
        except PUT_OFF as error:
            # It is due in the table, so the sweep sends it again; the queue is not for waiting.
            log_error("renewal put off", error)
            return
        appid = job.body.get("authorizer_appid")
        if appid and outcome is Outcome.ABSENT and wiring.tokens.get(appid) is None:
            # Jobs are sent for what is in the table: this one was meant for another deployment.
            raise UnknownAuthorizerError(f"{appid} is not in this table")

    @observed
    def handler(event: Mapping[str, Any], context: Any) -> Mapping[str, Any]:
        if "Records" in event:
            return dict(run_batch(event, work))
        return answer_invoke(context, lambda: {"outcome": str(renew(event))})

    return handler


handler = wire(Wiring()) if on_lambda() else None
