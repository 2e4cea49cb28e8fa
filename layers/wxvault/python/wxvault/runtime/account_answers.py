"""Accounts as a platform sees them in answers: plain JSON, never with a token in it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from wxvault.protocol import permission_sets, profiles
from wxvault.protocol.account_options import value_words
from wxvault.runtime.http_answers import error_body

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wxvault.protocol.profiles import Profile, Words
    from wxvault.services.account_options import Option
    from wxvault.services.account_values import Assigned, Known, TenantForgotten
    from wxvault.services.accounts import Account


def entry(account: Account) -> dict[str, Any]:
    """Return an account as it stands in a list."""
    state, profile = account.state, account.known.profile
    return {
        "authorizer_appid": state.authorizer_appid,
        "status": str(state.status),
        "tenant_id": state.tenant_id,
        "nick_name": None if profile is None else profile.nick_name,
        "kind": None if profile is None else str(profile.kind),
        "verifying": state.verifying,
        "api_ability": state.api_ability,
        "attempts": state.attempts,
        "last_errcode": state.last_errcode,
        "pending_reason": state.pending_reason,
        "authorized_at": state.authorized_at,
        "due_at": state.due_at,
    }


def description(account: Account, wanted: frozenset[int], request_id: str) -> dict[str, Any]:
    """Return an account with all that is known of it.

    ``wanted``: permission sets that the platform needs.
    """
    state, known = account.state, account.known
    described = {
        **entry(account),
        "unauthorized_at": state.unauthorized_at,
        "access_expires_at": state.access_expires_at,
        "profile": None if known.profile is None else _profile(known.profile, known.profile_at),
        "permission_sets": _permission_sets(known, wanted),
    }
    if account.problem is not None:
        described["profile_problem"] = error_body(account.problem, request_id)["error"]
    return described


def assigned(outcome: Assigned) -> dict[str, Any]:
    """Return what became of an assignment."""
    return asdict(outcome)


def tenant_forgotten(outcome: TenantForgotten) -> dict[str, Any]:
    """Return what became of a tenant's authorizers."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(outcome).items()}


def options(authorizer_appid: str, found: Iterable[Option]) -> dict[str, Any]:
    """Return options by name, each value in words."""
    told = {}
    for option in found:
        en, zh = value_words(option.name, option.value)
        told[option.name] = {"value": option.value, "en": en, "zh": zh, "path": str(option.way)}
    return {"authorizer_appid": authorizer_appid, "options": told}


def _profile(profile: Profile, read_at: float | None) -> dict[str, Any]:
    kind = profile.kind
    en, zh = profiles.KIND_WORDS[kind]
    return {
        "kind": {"name": str(kind), "en": en, "zh": zh},
        **{name: getattr(profile, name) for name in profiles.TEXTS},
        "service_type": _words(
            None
            if profile.service_type is None
            else profiles.service_words(kind, profile.service_type)
        ),
        "verify_type": _words(
            None if profile.verify_type is None else profiles.verify_words(profile.verify_type)
        ),
        "account_status": _words(
            None
            if profile.account_status is None
            else profiles.status_words(profile.account_status)
        ),
        "register_type": _words(
            None
            if profile.register_type is None
            else profiles.register_words(profile.register_type)
        ),
        "read_at": read_at,
    }


def _words(words: Words | None) -> dict[str, Any] | None:
    if words is None:
        return None
    return {"number": words.number, "en": words.en, "zh": words.zh}


def _permission_sets(known: Known, wanted: frozenset[int]) -> dict[str, Any]:
    return {
        "granted": [_named(number) for number in known.permission_sets or ()],
        "missing": [
            {
                **_named(number),
                "wanted": number in wanted,
                "granted_before": number in known.permission_sets_ever,
            }
            for number in known.missing(wanted)
        ],
        "new": [_named(number) for number in known.new],
        "read_at": known.permission_sets_at,
        "changed_at": known.permission_sets_changed_at,
    }


def _named(number: int) -> dict[str, Any]:
    found = permission_sets.lookup(number)
    return {
        "number": number,
        "en": found.en,
        "zh": found.zh,
        "kind": None if found.kind is None else str(found.kind),
        "exclusive": found.exclusive,
    }
