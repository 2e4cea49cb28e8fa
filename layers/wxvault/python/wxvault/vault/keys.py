"""Keys of the one table: every one carries the component's appid."""

from __future__ import annotations

import hashlib
import zlib

from wxvault.vault.expressions import Key

DUE_SHARDS = 16
TOKEN = "TOKEN"
"""The sort key of items that hold tokens, an authorizer's or the component's."""

PROFILE = "PROFILE"
"""The sort key of what is known of an authorizer beside its tokens."""


def fingerprint(value: str) -> str:
    """Return the SHA-256 (hex) under which a code or session id is stored instead of itself."""
    return hashlib.sha256(value.encode()).hexdigest()


def authorizer_key(component_appid: str, authorizer_appid: str) -> Key:
    """Key of an authorizer's tokens, status and lease."""
    return Key(f"A#{component_appid}#{authorizer_appid}", TOKEN)


def profile_key(component_appid: str, authorizer_appid: str) -> Key:
    """Key of an authorizer's profile and permission sets."""
    return Key(f"A#{component_appid}#{authorizer_appid}", PROFILE)


def component_key(component_appid: str) -> Key:
    """Key of the component token."""
    return Key(f"C#{component_appid}", TOKEN)


def ticket_key(component_appid: str, create_time: int, component_verify_ticket: str) -> Key:
    """Key of one ticket; ``create_time`` is WeChat's CreateTime, unix seconds.

    Two tickets of one second are two items; a ticket that is pushed again is the same one.
    """
    short = fingerprint(component_verify_ticket)[:16]
    return Key(f"C#{component_appid}", f"{ticket_prefix(create_time)}{short}")


def ticket_prefix(create_time: int) -> str:
    """Return how the sort key of a ticket with this CreateTime begins."""
    return f"TICKET#{create_time:010d}#"


def sweep_key(component_appid: str) -> Key:
    """Key of the sweep's own lease."""
    return Key(f"C#{component_appid}", "SWEEP")


def resync_key(component_appid: str) -> Key:
    """Key of where the last nightly resync ended, if its time was up."""
    return Key(f"C#{component_appid}", "RESYNC")


def last_push_key(component_appid: str) -> Key:
    """Key of the record of the last push and its verdict."""
    return Key(f"C#{component_appid}", "PUSH")


def last_message_key(component_appid: str) -> Key:
    """Key of the record of the last message and its verdict."""
    return Key(f"C#{component_appid}", "MESSAGE")


def session_key(component_appid: str, session_sha256: str) -> Key:
    """Key of an authorisation session, by the fingerprint of its id."""
    return Key(f"S#{component_appid}#{session_sha256}", "SESSION")


def pre_auth_key(component_appid: str, pre_auth_sha256: str) -> Key:
    """Key of a pre-authorisation code's record, by the code's fingerprint."""
    return Key(f"P#{component_appid}#{pre_auth_sha256}", "PREAUTH")


def code_key(component_appid: str, code_sha256: str) -> Key:
    """Key of an authorization code, by the code's fingerprint."""
    return Key(f"X#{component_appid}#{code_sha256}", "CODE")


def registration_key(component_appid: str, registration_sha256: str) -> Key:
    """Key of who applied for a mini program, by the fingerprint of what its result repeats."""
    return Key(f"R#{component_appid}#{registration_sha256}", "REGISTRATION")


def reuse_ticket_key(component_appid: str, ticket_sha256: str) -> Key:
    """Key of an official account's ticket for a registration, by the ticket's fingerprint."""
    return Key(f"F#{component_appid}#{ticket_sha256}", "REUSE")


def seen_push_key(component_appid: str, identity_sha256: str) -> Key:
    """Key of a push that was seen, by the fingerprint of its identity."""
    return Key(f"N#{component_appid}#{identity_sha256}", "SEEN")


def unsent_event_key(component_appid: str, subject: str, name: str) -> Key:
    """Key of an event that the bus has not.

    ``subject`` is an authorizer or ``-``, ``name`` the event's sequence (twelve digits) or its id.
    """
    return Key(f"O#{component_appid}#{subject}", name)


def release_answer_key(component_appid: str, code_sha256: str) -> Key:
    """Key of an answer owed to a test account of WeChat, by the fingerprint of its code."""
    return Key(f"T#{component_appid}#{code_sha256}", "RELEASE")


def due_shard(component_appid: str, pk: str) -> str:
    """Return the partition of the ``due`` index that holds ``pk``."""
    return f"{component_appid}#{zlib.crc32(pk.encode()) % DUE_SHARDS:02d}"


def due_shards(component_appid: str) -> list[str]:
    """Return every partition of the ``due`` index."""
    return [f"{component_appid}#{number:02d}" for number in range(DUE_SHARDS)]


def authorizers_prefix(component_appid: str) -> str:
    """Return how the ``pk`` of everything about a component's authorizers begins."""
    return f"A#{component_appid}#"


def tenants_prefix(component_appid: str) -> str:
    """Return how every partition of the ``by_tenant`` index of a component begins."""
    return f"{component_appid}#"


def tenant_key(component_appid: str, tenant_id: str | None) -> str:
    """Return the partition of the ``by_tenant`` index for a tenant (``-``: unassigned)."""
    return f"{component_appid}#{tenant_id or '-'}"
