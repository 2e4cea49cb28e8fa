"""Registering a mini program: what a result push repeats of an application, and what it may say.

Pages: openApi/register-management/fast-registration-ent, fast-registration-ind, fast-regist-beta
and fast-registration-officalaccount.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from typing import TYPE_CHECKING, Final, Literal

from wxvault.protocol import permission_sets, return_codes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wxvault.protocol.pushes import FastRegistration

type Kind = Literal["enterprise", "personal", "trial", "reuse"]

KINDS: Final[tuple[Kind, ...]] = ("enterprise", "personal", "trial", "reuse")
"""Of an enterprise, of a person, on trial, and by reuse of an official account's registration."""

REUSE_SET: Final = 27
_SET_MISSING: Final = frozenset({61007, 61017})
_SET: Final = permission_sets.lookup(REUSE_SET)
SET_NAME: Final = f"permission set {REUSE_SET} ({_SET.zh}, {_SET.en})"

REPEATED: Final[Mapping[str, tuple[str, ...]]] = {
    "enterprise": (
        "name",
        "code",
        "code_type",
        "legal_persona_wechat",
        "legal_persona_name",
    ),
    "personal": ("wxuser", "idname"),
    "trial": ("unique_id",),
}
"""By kind: the fields that its result push repeats, under WeChat's own names."""


def application_sha256(component_appid: str, kind: str, fields: Mapping[str, object]) -> str:
    """Return the fingerprint under which an application is found again by its result push.

    ``fields`` are those of ``REPEATED``; what else it has does not count. Numbers and texts are the
    same, and so are the wide and the narrow forms of a character: companies' names are written with
    both kinds of brackets.
    """
    values = [_plain(fields.get(name)) for name in REPEATED[kind]]
    return _sha256([component_appid, kind, *values])


def subject_sha256(component_appid: str, *values: object) -> str:
    """Return the fingerprint of what is asked with when an application is looked up at WeChat."""
    return _sha256([component_appid, "subject", *(_plain(value) for value in values)])


def ticket_registration_sha256(component_appid: str, ticket_sha256: str) -> str:
    """Return the fingerprint of a registration that began with an official account's ticket."""
    return _sha256([component_appid, "reuse", ticket_sha256])


def result_sha256(push: FastRegistration) -> str | None:
    """Return the fingerprint of the application that a result is of; None: it repeats none."""
    for kind, names in REPEATED.items():
        if all(isinstance(push.info.get(name), str) and push.info[name] for name in names):
            return application_sha256(push.component_appid, kind, push.info)
    return None


def status_remedy(status: int) -> str:
    """Return in words what a result's ``status`` means and what a person can do about it.

    A status nobody here knows is told by its number.
    """
    known = _STATUSES.get(status)
    if known is not None:
        return known
    if return_codes.lookup(status).known:
        return return_codes.remedy(status)
    return f"WeChat gave status {status}, which is not known here; its `msg` may say why."


def task_status(status: int) -> str:
    """Return in words where a person's registration stands that WeChat was asked about."""
    return _TASKS.get(status) or status_remedy(status)


def search_status(errcode: int) -> str:
    """Return in words where an enterprise's registration stands that WeChat was asked about."""
    return _SEARCHED.get(errcode) or return_codes.remedy(errcode)


def reuse_remedy(errcode: int) -> str:
    """Return in words what to do when WeChat refuses to reuse an official account's registration.

    It names the permission set that the account must have granted.
    """
    if errcode in _SET_MISSING:
        return (
            f"Ask the official account's merchant to authorise once more and to grant {SET_NAME}: "
            "without it nobody may register mini programs with its registration."
        )
    return return_codes.remedy(errcode)


def _plain(value: object) -> str:
    return unicodedata.normalize("NFKC", str(value)).strip()


def _sha256(parts: list[str]) -> str:
    return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()


_ONCE_MORE: Final = "Apply once more"
_LIMIT: Final = "Close accounts that are not needed, or apply with another"

_STATUSES: Final[Mapping[int, str]] = {
    0: "Nothing to do: the mini program is registered.",
    -1: f"The enterprise and its legal representative do not fit: correct both. {_ONCE_MORE}.",
    101: "The register of companies says that the enterprise is closed: it cannot be registered.",
    102: (
        "The register of companies does not know the enterprise (yet): compare name and code with "
        "the licence."
    ),
    103: "The register of companies names another legal representative: correct the name.",
    104: "The legal representative's identity number is not the one in the register of companies.",
    105: (
        "The register of companies is not up to date about the legal representative's identity "
        f"number: {_ONCE_MORE.lower()} in 5 to 15 working days."
    ),
    1000: "Enterprise or legal representative are not as in the register of companies: correct it.",
    1001: f"The subject has as many mini programs as it may have. {_LIMIT} subject.",
    1002: "WeChat has blocked the subject for violations: see its notices at WeChat.",
    1003: f"The administrator has as many accounts as one may have. {_LIMIT} administrator.",
    1004: "WeChat has blocked the administrator for violations: apply with another one.",
    1005: f"The administrator's telephone has as many accounts as it may have. {_LIMIT} number.",
    1006: "WeChat has blocked the administrator's telephone: apply with another number.",
    1007: f"The administrator's identity has as many accounts as it may have. {_LIMIT} person.",
    1008: "WeChat has blocked the administrator's identity: apply with another person.",
    100001: (
        "The legal representative did not confirm within 24 hours (identity not checked). "
        f"{_ONCE_MORE}, and tell them to look for WeChat's message."
    ),
    100002: (
        "The legal representative did not confirm within 24 hours (face not checked). "
        f"{_ONCE_MORE}, and tell them to finish it within the day."
    ),
    100003: (
        "The legal representative did not confirm within 24 hours. "
        f"{_ONCE_MORE}, and tell them to look for WeChat's message."
    ),
}

_SEARCHED: Final[Mapping[int, str]] = {
    0: "WeChat has finished this application: its result is pushed.",
    89249: "The application is under way.",
    89250: "WeChat knows no such application (any more): its result was pushed, or it ended.",
    89251: "The legal representative has WeChat's message and has not confirmed yet.",
    89252: "WeChat is comparing enterprise and legal representative.",
}

_TASKS: Final[Mapping[int, str]] = {
    0: "The application is made; the person has not opened the link yet.",
    1: f"The person did not finish within 24 hours. {_ONCE_MORE}.",
    2: f"The person has refused. {_ONCE_MORE} if that was a mistake.",
    3: "The person has agreed; the check of the face comes next.",
    4: "The check of the face has begun.",
    5: f"The check of the face has failed. {_ONCE_MORE}.",
    6: "The face was checked; the telephone number comes next.",
    7: "A code was sent to the person's telephone.",
    8: f"The telephone could not be verified. {_ONCE_MORE}.",
    9: "The telephone was verified; WeChat is about to create the mini program.",
    10: "WeChat is creating the mini program.",
    11: f"WeChat could not create the mini program. {_ONCE_MORE}.",
    12: "The mini program was created; its push follows.",
    13: "The check has succeeded.",
    14: f"The check has failed. {_ONCE_MORE}.",
}
