"""What a platform asks about its merchants, checked: by path, query and body, or by invoke."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from wxvault.errors import InvalidRequestError
from wxvault.protocol.appid import is_appid
from wxvault.services.selection import Selection
from wxvault.services.session_requests import check_tenant_id
from wxvault.services.state import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT_DEFAULT = 50
LIMIT_MOST = 100
WANTED_MOST = 200
_LARGEST_SET = 10**10

_DIGITS = re.compile(r"[0-9]{1,10}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ListRequest:
    """Part of a list that is asked for."""

    selection: Selection
    limit: int
    after: str | None

    @classmethod
    def read(cls, wanted: Mapping[str, Any]) -> Self:
        """Check what was sent.

        Raises:
            InvalidRequestError: a field cannot be accepted; it is named.
        """
        only(wanted, "limit", "cursor", "status", "tenant_id", "unassigned")
        selection = Selection(
            status=_status(wanted.get("status")),
            tenant_id=_tenant(wanted.get("tenant_id")),
            unassigned=_flag("unassigned", wanted.get("unassigned")),
        )
        if selection.unassigned and selection.tenant_id is not None:
            raise InvalidRequestError("unassigned", "and tenant_id cannot both be given")
        return cls(
            selection,
            _limit(wanted.get("limit", LIMIT_DEFAULT)),
            _after(wanted.get("cursor"), selection),
        )


def cursor(selection: Selection, last: str | None) -> str | None:
    """Return the cursor with which a list goes on after an appid; None: it does not."""
    if last is None:
        return None
    text = f"1.{_mark(selection)}.{last}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def authorizer_of(wanted: Mapping[str, Any]) -> str:
    """Return the appid that is asked about.

    Raises:
        InvalidRequestError: it is none.
    """
    appid = wanted.get("authorizer_appid")
    if not isinstance(appid, str) or not is_appid(appid):
        raise InvalidRequestError(
            "authorizer_appid", "must be an appid: 'wx' and 16 hexadecimal digits in lower case"
        )
    return appid


def tenant_of(wanted: Mapping[str, Any]) -> str:
    """Return the tenant that is asked about.

    Raises:
        InvalidRequestError: it has no form of a tenant's.
    """
    return check_tenant_id(wanted.get("tenant_id"))


def tenant_to_assign(wanted: Mapping[str, Any]) -> str | None:
    """Return the tenant to assign to; None: nobody. It has to be said, be it null.

    Raises:
        InvalidRequestError: it is not given, or has no form of a tenant's.
    """
    if "tenant_id" not in wanted:
        raise InvalidRequestError("tenant_id", "is not given; null assigns to nobody")
    return _tenant(wanted["tenant_id"])


def wanted_sets(value: object) -> frozenset[int]:
    """Return the numbers of permission sets that a platform needs: a list, or `1,2,18`.

    Raises:
        InvalidRequestError: they are none.
    """
    if value is None:
        return frozenset()
    parts = value.split(",") if isinstance(value, str) else value
    numbers = [_set_number(part) for part in parts] if isinstance(parts, list) else [None]
    if None in numbers or not 0 < len(numbers) <= WANTED_MOST:
        raise InvalidRequestError(
            "wanted", f"must be numbers of permission sets such as 1,2,18, at most {WANTED_MOST}"
        )
    return frozenset(number for number in numbers if number is not None)


def only(wanted: Mapping[str, Any], *names: str) -> None:
    """Refuse a request with a field that this one has not.

    Raises:
        InvalidRequestError: there is one; it is named.
    """
    for name in wanted:
        if name not in names:
            raise InvalidRequestError(str(name)[:40], "is not a field of this request")


def _status(value: object) -> Status | None:
    if value is None:
        return None
    if not isinstance(value, str) or value not in set(Status):
        raise InvalidRequestError("status", f"must be one of {', '.join(Status)}")
    return Status(value)


def _tenant(value: object) -> str | None:
    return None if value is None else check_tenant_id(value)


def _flag(name: str, value: object) -> bool:
    if value in (None, "false") or value is False:
        return False
    if value == "true" or value is True:
        return True
    raise InvalidRequestError(name, "must be true or false")


def _limit(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,4}", value, re.ASCII):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LIMIT_MOST:
        raise InvalidRequestError("limit", f"must be 1 to {LIMIT_MOST}")
    return value


def _after(value: object, selection: Selection) -> str | None:
    """Return the appid after which the list goes on, as it stands in the cursor."""
    if value is None:
        return None
    version, mark, appid = _opened(value)
    if version != "1" or not is_appid(appid):
        raise _bad_cursor("is none that was given out")
    if mark != _mark(selection):
        raise _bad_cursor("belongs to a list with another status or tenant")
    return appid


def _opened(value: object) -> tuple[str, str, str]:
    if not isinstance(value, str) or len(value) > 100:  # noqa: PLR2004 -- longer than any of ours
        raise _bad_cursor("is none that was given out")
    try:
        text = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
        version, mark, appid = text.decode("ascii").split(".")
    except (binascii.Error, ValueError):
        raise _bad_cursor("is none that was given out") from None
    return version, mark, appid


def _bad_cursor(problem: str) -> InvalidRequestError:
    return InvalidRequestError("cursor", problem, remedy="Begin the list again, without a cursor.")


def _mark(selection: Selection) -> str:
    """Return what tells one list from another; nothing depends on its being hard to guess."""
    text = f"{selection.status}#{selection.tenant_id}#{selection.unassigned}"
    return f"{zlib.crc32(text.encode()):08x}"


def _set_number(value: object) -> int | None:
    if isinstance(value, str) and _DIGITS.fullmatch(text := value.strip()):
        # Stripped first: not everything that strip() takes away is space to int().
        value = int(text)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _LARGEST_SET:
        return None
    return value
