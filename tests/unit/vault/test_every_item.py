"""What stands in the table, whoever wrote it: keys, names, ends, and never a clear secret."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.template.translation import source
from tests.unit.vault.every_item import AUTHORIZERS, SECRETS, write_every_item
from tests.unit.vault.kit import COMPONENT
from wxvault.vault.keys import authorizer_key
from wxvault.vault.table import _request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.vault.kit import Vault
    from wxvault.vault.expressions import Key

SHA = "[0-9a-f]{64}"
APPID = "wx[0-9a-f]{16}"
TOKEN = {
    "status",
    "attempts",
    "last_errcode",
    "refused_address",
    "generation",
    "fence",
    "sequence",
    "access_token",
    "access_expires_at",
    "access_expires_in",
    "stored_at",
    "sealed_key",
    "verifying",
    "lease_id",
    "lease_until",
    "settled_lease",
    "unresolved_mark",
    "unresolved_since",
    "due_at",
    "due_shard",
    "forced_at",
    "forced_times",
    "failing_reason",
    "ticket_stale_at",
}
AUTHORIZER = (TOKEN - {"failing_reason", "ticket_stale_at"}) | {
    "authorizer_appid",
    "refresh_token",
    "api_ability",
    "authorized_at",
    "unauthorized_at",
    "grant_undated",
    "tenant_id",
    "tenant_by_redirect",
    "tenant_key",
    "tenant_sort",
    "pending_reason",
    "delete_after",
}
# Per kind of item: its key, and every attribute it may have beside the key.
KINDS: dict[str, tuple[str, str, set[str]]] = {
    "ticket": (
        f"C#{COMPONENT}",
        r"TICKET#\d{10}#[0-9a-f]{16}",
        {"component_verify_ticket", "sealed_key", "create_time", "received_at", "delete_after"},
    ),
    "component token": (f"C#{COMPONENT}", "TOKEN", TOKEN),
    "sweep": (f"C#{COMPONENT}", "SWEEP", {"lease_id", "lease_until"}),
    "resync": (f"C#{COMPONENT}", "RESYNC", {"after"}),
    "last push": (
        f"C#{COMPONENT}",
        "PUSH",
        {
            "accepted_at",
            "accepted_verdict",
            "refused_at",
            "refused_verdict",
            "info_type",
            "ticket_at",
            "start_asked_at",
            "start_not_before",
            "start_outcome",
            "start_attempts",
            "start_errcode",
            "start_address",
        },
    ),
    "last message": (
        f"C#{COMPONENT}",
        "MESSAGE",
        {"accepted_at", "accepted_verdict", "refused_at", "refused_verdict", "info_type"},
    ),
    "release answer": (
        f"T#{COMPONENT}#{SHA}",
        "RELEASE",
        {
            "authorization_code",
            "sealed_key",
            "authorizer_appid",
            "touser",
            "received_at",
            "claim_until",
            "due_at",
            "due_shard",
            "delete_after",
        },
    ),
    "authorizer": (f"A#{COMPONENT}#{APPID}", "TOKEN", AUTHORIZER),
    "profile": (
        f"A#{COMPONENT}#{APPID}",
        "PROFILE",
        {
            "profile",
            "profile_at",
            "permission_sets",
            "permission_sets_at",
            "delete_after",
            "permission_sets_before",
            "permission_sets_changed_at",
            "permission_sets_ever",
        },
    ),
    "session": (
        f"S#{COMPONENT}#{SHA}",
        "SESSION",
        {
            "tenant_id",
            "tenant_name",
            "created_at",
            "expires_at",
            "style",
            "auth_type",
            "biz_appid",
            "category_id_list",
            "return_url",
            "state",
            "codes_minted",
            "codes_landed",
            "minted_at",
            "mint_id",
            "launch_cookies",
            "registration",
            "copy_wx_verify",
            "subject_sha256",
            "outcome",
            "outcome_status",
            "outcome_msg",
            "outcome_reason",
            "registered_appid",
            "confirmed",
            "authorizers",
            "delete_after",
        },
    ),
    "pre-auth code": (
        f"P#{COMPONENT}#{SHA}",
        "PREAUTH",
        {"tenant_id", "session_sha256", "delete_after"},
    ),
    "code": (
        f"X#{COMPONENT}#{SHA}",
        "CODE",
        {
            "authorization_code",
            "sealed_key",
            "status",
            "received_at",
            "authorizer_appid",
            "create_time",
            "pre_auth_sha256",
            "session_sha256",
            "registration_sha256",
            "claim_id",
            "claim_until",
            "unanswered",
            "returns",
            "blind",
            "outcome_appid",
            "tenant_id",
            "wechat_errcode",
            "due_at",
            "due_shard",
            "delete_after",
        },
    ),
    "registration": (
        f"R#{COMPONENT}#{SHA}",
        "REGISTRATION",
        {
            "tenant_id",
            "session_sha256",
            "asking_tenant_id",
            "asking_session_sha256",
            "asking_again",
            "asking_until",
            "open_until",
            "delete_after",
        },
    ),
    "reuse ticket": (
        f"F#{COMPONENT}#{SHA}",
        "REUSE",
        {
            "ticket",
            "sealed_key",
            "status",
            "session_sha256",
            "claim_id",
            "claim_until",
            "returns",
            "due_at",
            "due_shard",
            "delete_after",
        },
    ),
    "seen push": (
        f"N#{COMPONENT}#{SHA}",
        "SEEN",
        {"delete_after", "claim_id", "claim_until"},
    ),
    "unsent event": (
        f"O#{COMPONENT}#({APPID}|-)",
        r"\d{12}|[0-9a-f]{32}",
        {"event", "clear_event", "sealed_key", "kept_at", "attempts", "due_at", "due_shard"},
    ),
}
EXPIRING = {
    "ticket",
    "session",
    "pre-auth code",
    "code",
    "registration",
    "reuse ticket",
    "release answer",
    "seen push",
}
SEALED = {
    "access_token",
    "refresh_token",
    "component_verify_ticket",
    "authorization_code",
    "ticket",
    "event",
}


@pytest.fixture
def full(vault: Vault) -> Vault:
    """Return a vault with every kind of item in it."""
    write_every_item(vault)
    return vault


def kind_of(key: Key) -> str:
    """Return which kind of item a key is for: exactly one."""
    (kind,) = (
        kind
        for kind, (pk, sk, _) in KINDS.items()
        if re.fullmatch(pk, key.pk) and re.fullmatch(sk, key.sk)
    )
    return kind


def items(vault: Vault) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return every item with its kind."""
    for key, item in vault.table.items.items():
        yield kind_of(key), item


def test_every_kind_of_item_is_written(full: Vault) -> None:
    """The keys are those of the plan, and no kind is missing from these tests."""
    assert {kind for kind, _ in items(full)} == set(KINDS)


def test_attributes_are_those_of_the_plan(full: Vault) -> None:
    """Every attribute that is written is known here, and every one known here is written."""
    written: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for kind, item in items(full):
        written[kind] |= set(item) - {"pk", "sk"}
    for kind, (_, _, names) in KINDS.items():
        # These come of refusals, marks and blind claims, which not every kind meets here.
        rare = {
            "attempts",
            "last_errcode",
            "refused_address",
            "verifying",
            "blind",
            "lease_id",
            "lease_until",
        }
        rare |= {"forced_at", "forced_times", "unresolved_mark"}
        rare |= {"unresolved_since"}
        rare = set() if kind == "unsent event" else rare
        assert written[kind] <= names, kind
        assert names - written[kind] <= (rare if kind != "authorizer" else set()), kind


def test_only_what_may_go_has_an_end(full: Vault) -> None:
    """DynamoDB deletes by delete_after: only who is revoked carries one, with the profile."""
    found = list(items(full))
    revoked = {item["pk"] for _, item in found if item.get("status") == "revoked"}
    for kind, item in found:
        if kind in {"authorizer", "profile"}:
            assert ("delete_after" in item) == (item["pk"] in revoked), item["pk"]
        else:
            assert ("delete_after" in item) == (kind in EXPIRING), kind
        if "delete_after" in item:
            assert type(item["delete_after"]) is int, kind


def test_the_end_of_a_token_is_not_the_end_of_its_item(full: Vault) -> None:
    """The TTL attribute of the template is delete_after, not a token's expiry."""
    ttl = source()["Resources"]["Table"]["Properties"]["TimeToLiveSpecification"]["AttributeName"]
    assert ttl == "delete_after"
    with_access = [item for _, item in items(full) if "access_expires_at" in item]
    assert len(with_access) >= 3
    for item in with_access:
        assert ttl not in item


def test_no_clear_secret_stands_anywhere(full: Vault) -> None:
    """Neither a key nor a name nor a value has a secret in it: sealed, or as a fingerprint only."""
    for key, item in full.table.items.items():
        text = f"{key} {item!r}"
        for secret in SECRETS:
            assert secret not in text, key
            assert repr(secret.encode())[2:-1] not in text, key


def test_no_clear_secret_is_ever_asked_to_be_written(full: Vault) -> None:
    """Nor does any request that went to the table on the way, conditions included."""
    for write in full.table.written:
        text = repr(_request(write, "table"))
        assert not [secret for secret in SECRETS if secret in text]


def test_fingerprints_are_of_the_whole_secret(full: Vault) -> None:
    """What is stored instead of a session, code or cookie is its SHA-256."""
    text = repr(full.table.items)
    fingerprints = [hashlib.sha256(secret.encode()).hexdigest() for secret in SECRETS]
    assert sum(one in text for one in fingerprints) == 6


def test_sealed_attributes_are_sealed(full: Vault) -> None:
    """What holds a secret is bytes beside its wrapped key, and the key goes with the last of it."""
    for kind, item in items(full):
        sealed = SEALED & set(item)
        for name in sealed:
            assert isinstance(item[name], bytes)
            assert item[name][:1] == b"\x01"
        if kind in {"ticket", "code", "unsent event", "release answer"}:
            assert bool(sealed) == ("sealed_key" in item), kind
        elif sealed:
            assert "sealed_key" in item, kind


def test_what_is_due_is_in_the_index_with_its_shard(full: Vault) -> None:
    """Both attributes of the index come and go together, or an item would be lost to the sweep."""
    for _, item in items(full):
        assert ("due_at" in item) == ("due_shard" in item), item["pk"]


def test_only_authorizers_are_listed_by_tenant(full: Vault) -> None:
    """The index of tenants has authorizers and nobody else, each under its own status."""
    for kind, item in items(full):
        assert ("tenant_key" in item) == ("tenant_sort" in item) == (kind == "authorizer")
        if kind == "authorizer":
            assert item["tenant_sort"] == f"{item['status']}#{item['authorizer_appid']}"
            assert item["tenant_key"] == f"{COMPONENT}#{item.get('tenant_id', '-')}"


def test_an_authorizers_hot_item_stays_small(full: Vault) -> None:
    """A look-up reads at most 1 KB in the steady state, and a crowded item at most two."""
    sizes = {
        appid: size(full.table.items[authorizer_key(COMPONENT, appid)]) for appid in AUTHORIZERS
    }
    assert sizes["wx00000000000000a1"] < 1024
    assert max(sizes.values()) < 2048


def size(item: dict[str, Any]) -> int:
    """Return about how many bytes DynamoDB counts for an item: names, and values by their type."""
    wrapped = 184  # of a 256-bit data key; the fake one is shorter
    return sum(len(name) + _size(value) for name, value in item.items()) + wrapped


def _size(value: Any) -> int:
    match value:
        case bool() | None:
            return 1
        case int() | float():
            return 1 + (len(str(value).replace(".", "")) + 1) // 2
        case str():
            return len(value.encode())
        case _:
            return len(value)
