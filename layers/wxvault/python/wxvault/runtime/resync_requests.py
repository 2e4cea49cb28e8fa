"""What somebody asks of a resync, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from wxvault.errors import InvalidRequestError
from wxvault.protocol.appid import is_appid

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELDS = frozenset({"dry_run", "authorizer_appid", "after", "scheduled"})


@dataclass(frozen=True, slots=True)
class ResyncRequest:
    """A request for a resync; a dry run, if nothing else was said."""

    dry_run: bool = True
    authorizer_appid: str | None = None
    """Only this one, and without the list."""
    after: str | None = None
    """Where an earlier run stopped."""
    scheduled: bool = False
    """Every night: where the last one stopped, if it did."""

    @classmethod
    def read(cls, wanted: Mapping[str, Any]) -> Self:
        """Check what was sent.

        Raises:
            InvalidRequestError: a field cannot be accepted; it is named.
        """
        for name in wanted:
            if name not in _FIELDS:
                raise InvalidRequestError(str(name)[:40], "is not a field of this request")
        if "scheduled" in wanted:
            if wanted["scheduled"] is not True or len(wanted) > 1:
                raise InvalidRequestError("scheduled", "must be true and stand alone")
            return cls(dry_run=False, scheduled=True)
        dry_run = wanted.get("dry_run", True)
        if not isinstance(dry_run, bool):
            raise InvalidRequestError("dry_run", "must be true or false")
        appid, after = (_appid(wanted, name) for name in ("authorizer_appid", "after"))
        if appid is not None and after is not None:
            raise InvalidRequestError("after", "makes no sense for one authorizer; leave it out")
        return cls(dry_run, appid, after)


def _appid(wanted: Mapping[str, Any], name: str) -> str | None:
    value = wanted.get(name)
    if value is not None and not is_appid(value):
        raise InvalidRequestError(
            name, "must be an appid: 'wx' and 16 hexadecimal digits in lower case"
        )
    return value
