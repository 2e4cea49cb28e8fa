"""The jobs of *renew*, each handed to the use case that does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wxvault.errors import InvalidRequestError
from wxvault.runtime.jobs import ClearQuota, LookAtTickets, renew_job
from wxvault.runtime.secrets import app_secret
from wxvault.runtime.telemetry import count, logger
from wxvault.services.component import ComponentKeeper, ComponentToken
from wxvault.services.keeper import Keeper
from wxvault.services.lookup import Lookup
from wxvault.services.quota import QuotaReset
from wxvault.services.tickets import TicketKeeper

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wxvault.runtime.token_requests import TokenRequest
    from wxvault.runtime.wiring import Wiring
    from wxvault.services.outcome import Outcome

CLEARED = "cleared"


class Renewing:
    """All that *renew* can be asked for, with the one AppSecret in the house."""

    def __init__(self, wiring: Wiring) -> None:
        """Build the use cases."""
        tools, overlap = wiring.tools, wiring.settings.overlap_seconds
        secret = app_secret(
            wiring.secrets_client, wiring.settings.require("app_secret_arn"), wiring.clock
        )
        self._component = ComponentKeeper(tools, wiring.wechat, wiring.component_items, secret)
        lookup = Lookup(
            wiring.tokens, self._renew_component, wiring.clock, wiring.uniform, overlap=overlap
        )
        token = ComponentToken(lookup, wiring.clock, overlap=overlap)
        self._keeper = Keeper(tools, wiring.wechat, token)
        self._tickets = TicketKeeper(
            tools, wiring.wechat, wiring.component_items, wiring.push_starts, secret
        )
        self._quota = QuotaReset(wiring.component_appid, wiring.wechat, secret)

    def do(self, job: Mapping[str, Any], *, by_hand: bool) -> str:
        """Do a job and return what came of it, in a word.

        Raises:
            InvalidRequestError: it is no job of *renew*, or may not come over a queue.
            WxvaultError: what the use case raises.
        """
        match renew_job(job):
            case LookAtTickets():
                outcome: str = self._tickets.look(at_once=by_hand)
                logger.info("tickets", extra={"outcome": str(outcome)})
            case ClearQuota(authorizer_appid):
                if not by_hand:
                    # A queue may deliver twice, and there are ten resets a month.
                    raise InvalidRequestError("job", "clear_quota is done by direct invoke only")
                self._quota.clear(authorizer_appid)
                outcome = CLEARED
            case wanted:
                outcome = self._renew(wanted)
        return str(outcome)

    def _renew(self, wanted: TokenRequest) -> Outcome:
        appid, rejected = wanted.authorizer_appid, wanted.rejected_token_sha256
        if appid is None:
            outcome = self._component.renew(rejected_token_sha256=rejected)
        else:
            outcome = self._keeper.keep(
                appid, rejected_token_sha256=rejected, min_ttl=wanted.min_ttl
            )
        count(f"Renewal{outcome.title().replace('_', '')}")
        logger.info("renewal", extra={"outcome": str(outcome), "subject": appid})
        return outcome

    def _renew_component(
        self,
        authorizer_appid: str | None,  # noqa: ARG002 -- here it is always the component's own
        *,
        rejected_token_sha256: str | None,
        min_ttl: float,  # noqa: ARG002
        seconds: float,  # noqa: ARG002
    ) -> Outcome:
        return self._component.renew(rejected_token_sha256=rejected_token_sha256)
