"""*resync*: every night, and by hand: the table is held against WeChat's list of authorizers.

Invoke takes ``{"dry_run"?, "authorizer_appid"?, "after"?}``. It is a dry run, which writes nothing,
unless ``dry_run`` is false; the schedule sends ``{"scheduled": true}``, which is a real one, and
goes on where the last scheduled one ended, if its time was up.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from wxvault.errors import NoTicketError
from wxvault.runtime.answering import answer_invoke
from wxvault.runtime.resync_requests import ResyncRequest
from wxvault.runtime.settings import on_lambda
from wxvault.runtime.telemetry import count, log_error, logger, observed
from wxvault.runtime.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_USUAL_SECONDS = 900.0
_RESERVE_SECONDS = 45.0
"""What a page of the list may still take, three times asked for, and the rest of one authorizer."""


def wire(wiring: Wiring) -> Callable[[Mapping[str, Any], Any], Mapping[str, Any]]:
    """Build the handler."""
    resync = wiring.resync

    def run(wanted: ResyncRequest, context: Any) -> dict[str, Any]:
        until = wiring.clock.now() + _seconds_left(context) - _RESERVE_SECONDS
        if wanted.authorizer_appid is not None:
            done = resync.run_one(wanted.authorizer_appid, dry_run=wanted.dry_run)
        elif wanted.scheduled:
            done = resync.run_on(wiring.component_items, until=until)
        else:
            done = resync.run(dry_run=wanted.dry_run, until=until, after=wanted.after)
        told: dict[str, Any] = json.loads(json.dumps(asdict(done)))
        logger.info("resync", extra={name: told[name] for name in told.keys() - _ONE_BY_ONE})
        if not wanted.dry_run:
            count("ResyncChanges", len(done.changes))
        return told

    @observed
    def handler(event: Mapping[str, Any], context: Any) -> Mapping[str, Any]:
        if event.get("scheduled") is not True:
            return answer_invoke(context, lambda: run(ResyncRequest.read(event), context))
        try:
            return run(ResyncRequest.read(event), context)
        except NoTicketError as error:
            # A deployment that WeChat does not know of yet; it has an alarm of its own.
            log_error("no resync", error)
            return {}

    return handler


_ONE_BY_ONE = {"changes", "not_active"}


def _seconds_left(context: Any) -> float:
    told = getattr(context, "get_remaining_time_in_millis", None)
    return _USUAL_SECONDS if told is None else told() / 1000


handler = wire(Wiring()) if on_lambda() else None
