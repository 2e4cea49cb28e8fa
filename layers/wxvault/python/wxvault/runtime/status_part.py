"""The status of a deployment, built from the adapters of *accounts*."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wxvault.services.egress import EgressProbe
from wxvault.services.policy import is_servable
from wxvault.services.status import Place, Status
from wxvault.vault.census import Census

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.runtime.wiring import Wiring


def status_of(wiring: Wiring) -> Callable[[], Mapping[str, Any]]:
    """Return what tells how this deployment stands."""
    settings, clock, overlap = wiring.settings, wiring.clock, wiring.settings.overlap_seconds

    def component_token() -> str | None:
        """Return the stored component token; nobody is made to renew it for a look."""
        state = wiring.tokens.get(None)
        if state is None or not is_servable(state, clock.now(), overlap=overlap):
            return None
        return wiring.tokens.access_token(state)

    urls = {
        "renew": settings.renew_queue_url,
        "exchange": settings.exchange_queue_url,
        "renew_dead_letters": settings.renew_dead_letters_url,
        "exchange_dead_letters": settings.exchange_dead_letters_url,
        "sweep_dead_letters": settings.sweep_dead_letters_url,
        "resync_dead_letters": settings.resync_dead_letters_url,
    }
    queues = {name: wiring.queue(url).depth for name, url in urls.items() if url is not None}
    status = Status(
        Place(
            wiring.component_appid,
            settings.require("public_base_url"),
            settings.egress_address,
        ),
        tokens=wiring.tokens,
        last_push=wiring.push_starts.last_push,
        start_pushes=wiring.start_pushes,
        egress=EgressProbe(wiring.wechat, component_token, clock),
        census=Census(wiring.table, wiring.component_appid),
        queues=queues,
        clock=clock,
        overlap=overlap,
    )
    return status.look
