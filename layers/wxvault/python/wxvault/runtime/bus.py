"""The event bus: what happened to whom, for everybody who subscribes. Never a secret."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from wxvault.runtime.telemetry import count
from wxvault.services.bus_events import as_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SOURCE: Final = "wxvault"

_log = logging.getLogger(__name__)


class EventsClient(Protocol):
    """What is used of boto3's ``events`` client."""

    def put_events(self, *, Entries: Sequence[Any]) -> Any:  # noqa: N803
        """Put entries on a bus."""


def metric_name(detail_type: str) -> str:
    """Return the metric that counts events of a name: ``authorizer.lost`` is ``AuthorizerLost``."""
    return detail_type.replace("_", ".").title().replace(".", "")


class Bus:
    """One EventBridge bus, with ``wxvault`` as the source of everything on it."""

    def __init__(self, client: EventsClient, name: str) -> None:
        """Take a boto3 ``events`` client and the bus's name or ARN."""
        self._client = client
        self._name = name

    def put(self, detail_type: str, detail: Mapping[str, Any]) -> bool:
        """Send one event and say whether the bus has it; if not, that is logged.

        ``detail_type`` is the event's name (``authorizer.authorized``), ``detail`` its JSON object.
        What the bus has taken is counted under its name (``AuthorizerAuthorized``): once, though
        an event that was kept is put by several.
        """
        problem = self._problem_of_putting(detail_type, detail)
        if problem is None:
            count(metric_name(detail_type))
            return True
        count("EventNotSent")
        _log.error(
            "event not sent",
            extra={
                "detail_type": detail_type,
                "event_id": str(detail.get("event_id", "")),
                "problem": problem,
            },
        )
        return False

    def _problem_of_putting(self, detail_type: str, detail: Mapping[str, Any]) -> str | None:
        entry = {
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": detail_type,
            "Detail": as_json(detail),
        }
        try:
            answer = self._client.put_events(Entries=[entry])
        except ClientError as exc:
            return str(exc.response.get("Error", {}).get("Code", "ClientError"))
        except BotoCoreError as exc:
            return type(exc).__name__
        # put_events answers 200 also when it dropped the entry.
        if answer.get("FailedEntryCount", 0):
            codes = [entry.get("ErrorCode") for entry in answer.get("Entries", ())]
            return next((str(code) for code in codes if code), "FailedEntry")
        return None
