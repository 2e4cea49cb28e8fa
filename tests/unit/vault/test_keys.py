"""Keys of the table: their exact form, which deployments depend on, and what they keep apart."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wxvault.errors import InvalidRequestError
from wxvault.services.session_requests import read_request
from wxvault.vault import keys
from wxvault.vault.expressions import Key

if TYPE_CHECKING:
    from collections.abc import Callable

quick = settings(max_examples=80, deadline=None)
C = "wx00000000000000c0"
A = "wx00000000000000a1"
SHA = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

EVERY_KEY: dict[str, tuple[Callable[[str], Key], Key]] = {
    "authorizer": (lambda c: keys.authorizer_key(c, A), Key(f"A#{C}#{A}", "TOKEN")),
    "profile": (lambda c: keys.profile_key(c, A), Key(f"A#{C}#{A}", "PROFILE")),
    "component": (keys.component_key, Key(f"C#{C}", "TOKEN")),
    "ticket": (
        lambda c: keys.ticket_key(c, 1_412_345, "abc"),
        Key(f"C#{C}", "TICKET#0001412345#ba7816bf8f01cfea"),
    ),
    "sweep": (keys.sweep_key, Key(f"C#{C}", "SWEEP")),
    "resync": (keys.resync_key, Key(f"C#{C}", "RESYNC")),
    "push": (keys.last_push_key, Key(f"C#{C}", "PUSH")),
    "message": (keys.last_message_key, Key(f"C#{C}", "MESSAGE")),
    "release answer": (lambda c: keys.release_answer_key(c, SHA), Key(f"T#{C}#{SHA}", "RELEASE")),
    "session": (lambda c: keys.session_key(c, SHA), Key(f"S#{C}#{SHA}", "SESSION")),
    "pre-auth code": (lambda c: keys.pre_auth_key(c, SHA), Key(f"P#{C}#{SHA}", "PREAUTH")),
    "code": (lambda c: keys.code_key(c, SHA), Key(f"X#{C}#{SHA}", "CODE")),
    "registration": (
        lambda c: keys.registration_key(c, SHA),
        Key(f"R#{C}#{SHA}", "REGISTRATION"),
    ),
    "reuse ticket": (lambda c: keys.reuse_ticket_key(c, SHA), Key(f"F#{C}#{SHA}", "REUSE")),
    "seen push": (lambda c: keys.seen_push_key(c, SHA), Key(f"N#{C}#{SHA}", "SEEN")),
    "unsent event": (
        lambda c: keys.unsent_event_key(c, A, "000000000007"),
        Key(f"O#{C}#{A}", "000000000007"),
    ),
}


@pytest.mark.parametrize(("make", "expected"), EVERY_KEY.values(), ids=EVERY_KEY)
def test_the_form_of_every_key(make: Callable[[str], Key], expected: Key) -> None:
    """A key that changes its form loses what stands under the old one."""
    assert make(C) == expected


@pytest.mark.parametrize(("make", "expected"), EVERY_KEY.values(), ids=EVERY_KEY)
def test_every_key_carries_the_component(make: Callable[[str], Key], expected: Key) -> None:
    """Two components never meet on an item, whatever the rest of the key is."""
    assert C in expected.pk.split("#")
    assert make("wx00000000000000c1").pk != expected.pk


def test_no_two_kinds_of_item_share_a_key() -> None:
    """The same appid or fingerprint under two kinds is two items."""
    assert len({make(C) for make, _ in EVERY_KEY.values()}) == len(EVERY_KEY)


def test_every_function_that_makes_a_key_is_known_here() -> None:
    """Who adds a kind of item, adds it to these tests."""
    made = {name for name in vars(keys) if name.endswith("_key") and name != "tenant_key"}
    assert len(made) == len(EVERY_KEY)


def test_fingerprints_are_sha256_in_hex() -> None:
    """They are compared with what callers and other functions compute by themselves."""
    assert keys.fingerprint("abc") == SHA
    assert keys.fingerprint("授权码") == (
        "231e2dcac20fbe17ffc23d652abecaba62fccf3f9ca701fb9fe697508c953461"
    )


@quick
@given(st.integers(0, 9_999_999_999), st.integers(0, 9_999_999_999))
def test_tickets_sort_by_their_time(one: int, other: int) -> None:
    """The greatest sort key is the newest ticket, because every time has ten digits."""
    first, second = keys.ticket_key(C, one, "z").sk, keys.ticket_key(C, other, "a").sk
    assert one == other or (first < second) == (one < other)
    assert first.startswith(keys.ticket_prefix(one))


def test_there_are_sixteen_shards() -> None:
    """Their names are what items written years ago carry."""
    assert keys.due_shards(C) == [f"{C}#{number:02d}" for number in range(16)]


@pytest.mark.parametrize(
    ("pk", "shard"),
    [(f"A#{C}#{A}", "11"), (f"C#{C}", "11"), (f"X#{C}#{SHA}", "05")],
    ids=["authorizer", "component", "code"],
)
def test_the_shard_of_an_item_never_changes(pk: str, shard: str) -> None:
    """These numbers are CRC-32 modulo 16: an item in another shard would not be found."""
    assert keys.due_shard(C, pk) == f"{C}#{shard}"


@quick
@given(st.text())
def test_every_item_is_in_a_shard_that_is_read(pk: str) -> None:
    """No key falls outside of the shards that the sweep walks."""
    assert keys.due_shard(C, pk) in keys.due_shards(C)


def test_shards_share_the_work() -> None:
    """16,000 merchants are spread evenly, so no partition of the index gets hot."""
    appids = (f"wx{number:016x}" for number in range(16_000))
    counts = Counter(keys.due_shard(C, keys.authorizer_key(C, appid).pk) for appid in appids)
    assert len(counts) == 16
    assert max(counts.values()) < 1200
    assert min(counts.values()) > 800


def test_unassigned_merchants_are_listed_under_a_name_no_tenant_can_have() -> None:
    """A tenant's id begins with a letter or digit, so nobody is called `-`."""
    assert keys.tenant_key(C, None) == f"{C}#-"
    assert keys.tenant_key(C, "acme") == f"{C}#acme"
    with pytest.raises(InvalidRequestError, match="tenant_id"):
        read_request("-", {}, session_sha256=SHA, now=0, return_urls=())
