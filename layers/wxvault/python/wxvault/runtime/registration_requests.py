"""What a caller asks about a registration, and how its answers look."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from wxvault.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wxvault.services.registration import RegistrationStatus, Started

_WITH: Final = frozenset({"name", "legal_persona_wechat", "legal_persona_name", "task_id"})
_YES, _NO = (True, "true"), (False, "false", None)


def registration_asked(wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return with what WeChat is to be asked about a registration; None: it is not to be asked.

    Raises:
        InvalidRequestError: ``ask_wechat`` is neither true nor false, or a field is none of these.
    """
    for name in wanted:
        if name not in _WITH and name not in {"session_id", "ask_wechat"}:
            raise InvalidRequestError(str(name)[:40], "is not a field of this request")
    ask = wanted.get("ask_wechat")
    if ask in _NO:
        return None
    if ask not in _YES:
        raise InvalidRequestError("ask_wechat", "must be true or false")
    return {name: value for name, value in wanted.items() if name in _WITH}


def without_nothing(answer: Started | RegistrationStatus) -> dict[str, Any]:
    """Return an answer without the fields that do not apply."""
    return {name: value for name, value in asdict(answer).items() if value is not None}
