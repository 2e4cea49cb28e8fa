"""What may stand in a job, for *renew* and for the exchange worker.

A job comes over a queue or by a direct invoke, and is believed no more than any other input. No
error here repeats what was sent: a queue may hold anything, and errors are logged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wxvault.errors import InvalidRequestError
from wxvault.protocol.appid import is_appid
from wxvault.runtime.token_requests import TokenRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_RENEW_FIELDS: Final = frozenset({"job", "authorizer_appid", "min_ttl", "rejected_token_sha256"})
_EXCHANGE_FIELDS: Final = frozenset({"code_sha256"})
_TICKET_FIELDS: Final = frozenset({"ticket_sha256"})
_RELEASE_FIELDS: Final = frozenset({"release_code_sha256"})


@dataclass(frozen=True, slots=True)
class LookAtTickets:
    """Tickets may have stayed away: look, tell, and have the pushes started."""


@dataclass(frozen=True, slots=True)
class ClearQuota:
    """Reset the daily quota: the component's, or that of its calls for an authorizer."""

    authorizer_appid: str | None


def renew_job(job: Mapping[str, Any]) -> TokenRequest | LookAtTickets | ClearQuota:
    """Read ``{"job": "component"}`` or ``{"job": "authorizer", "authorizer_appid"}``.

    Both may have ``min_ttl`` (seconds) and ``rejected_token_sha256``, as a look-up has them. Or
    ``{"job": "tickets"}``, or ``{"job": "clear_quota", "authorizer_appid"?}``.

    Raises:
        InvalidRequestError: it is no job of *renew*; the field is named.
    """
    _only(_RENEW_FIELDS, job)
    kind = job.get("job")
    if kind == "tickets":
        _only(frozenset({"job"}), job)
        return LookAtTickets()
    if kind == "clear_quota":
        return _clear_quota(job)
    if kind not in ("authorizer", "component"):
        message = "must be authorizer, component, tickets or clear_quota"
        raise InvalidRequestError("job", message)
    fields = {name: value for name, value in job.items() if name != "job"}
    return TokenRequest.read(fields | {"component": kind == "component"})


def _clear_quota(job: Mapping[str, Any]) -> ClearQuota:
    _only(frozenset({"job", "authorizer_appid"}), job)
    appid = job.get("authorizer_appid")
    if appid is not None and not is_appid(appid):
        raise InvalidRequestError(
            "authorizer_appid", "must be an appid: 'wx' and 16 hexadecimal digits in lower case"
        )
    return ClearQuota(appid)


def exchange_job(job: Mapping[str, Any]) -> str:
    """Read ``{"code_sha256"}``, and return it: the fingerprint of a code that was written down.

    Raises:
        InvalidRequestError: it is no job of the exchange worker; the field is named.
    """
    _only(_EXCHANGE_FIELDS, job)
    return _fingerprint("code_sha256", job)


def is_release_job(job: Mapping[str, Any]) -> bool:
    """Say whether a job of the exchange worker is about an answer owed to a test account."""
    return "release_code_sha256" in job


def release_job(job: Mapping[str, Any]) -> str:
    """Read ``{"release_code_sha256"}``: the fingerprint of a code that a test account has sent.

    Raises:
        InvalidRequestError: it is no job of the exchange worker; the field is named.
    """
    _only(_RELEASE_FIELDS, job)
    return _fingerprint("release_code_sha256", job)


def _fingerprint(name: str, job: Mapping[str, Any]) -> str:
    code_sha256 = job.get(name)
    if not isinstance(code_sha256, str) or not _SHA256.fullmatch(code_sha256):
        raise InvalidRequestError(
            name, "must be the SHA-256 of a code, 64 hexadecimal digits in lower case"
        )
    return code_sha256


def is_ticket_job(job: Mapping[str, Any]) -> bool:
    """Say whether a job of the exchange worker is about a ticket, not about a code."""
    return "ticket_sha256" in job


def ticket_job(job: Mapping[str, Any]) -> str:
    """Read ``{"ticket_sha256"}``, and return it: the fingerprint of an official account's ticket.

    Raises:
        InvalidRequestError: it is no job of the exchange worker; the field is named.
    """
    _only(_TICKET_FIELDS, job)
    ticket_sha256 = job.get("ticket_sha256")
    if not isinstance(ticket_sha256, str) or not _SHA256.fullmatch(ticket_sha256):
        raise InvalidRequestError(
            "ticket_sha256", "must be the SHA-256 of a ticket, 64 hexadecimal digits in lower case"
        )
    return ticket_sha256


def _only(fields: frozenset[str], job: Mapping[str, Any]) -> None:
    if not job.keys() <= fields:
        raise InvalidRequestError("job", "has a field that such a job does not have")
