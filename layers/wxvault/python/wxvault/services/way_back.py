"""Where a browser goes on to when its merchant is through, and what it is told on the way."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wxvault.errors import InvalidRequestError
from wxvault.services.return_urls import check_return_url, with_parameters

if TYPE_CHECKING:
    from wxvault.services.onboarding import SessionStatus
    from wxvault.services.onboarding_state import Session

_log = logging.getLogger(__name__)


def way_back(session: Session, status: SessionStatus, allowed: tuple[str, ...]) -> str | None:
    """Return the session's return URL with what became of it; None: the browser stays here.

    It stays while it waits, if the tenant gave no return URL, and if that is allowed no more: what
    was checked when the session was created is checked again, because ReturnUrls may have changed
    and the table is not believed. ``status`` is a hint for the tenant's page; who needs to know
    asks for the session's status.
    """
    if session.return_url is None or status.status == "waiting":
        return None
    try:
        back = check_return_url(session.return_url, allowed)
    except InvalidRequestError as error:
        about = {"error": error.message, "tenant_id": session.tenant_id}
        _log.warning("not sent back", extra=about)
        return None
    told = {"status": status.status}
    if status.authorizers:
        told["authorizer_appid"] = ",".join(status.authorizers)
    if session.state is not None:
        told["state"] = session.state
    return with_parameters(back, told)
