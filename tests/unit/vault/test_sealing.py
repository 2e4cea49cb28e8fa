"""Sealing: what is sealed opens in its own place only, and any other way it fails closed."""

from __future__ import annotations

import random
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.data_keys import FakeDataKeys
from tests.unit.vault.every_item import write_every_item
from tests.unit.vault.kit import REFRESH_TOKEN, Vault
from tests.unit.vault.seal_attacks import ATTACKS, MINE, OTHERS, Attack, Items
from wxvault.errors import SealBrokenError, SealingKeyError
from wxvault.vault import keys as keys_module
from wxvault.vault.expressions import Key
from wxvault.vault.sealing import (
    PREPARED_SECONDS,
    SEALED_KEY,
    Compartment,
    Sealing,
    compartment_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

quick = settings(max_examples=80, deadline=None)
KEY = Key("A#wx00000000000000c0#wx00000000000000a1", "TOKEN")
NAME = "refresh_token"
# Every character that can be written as UTF-8 at all.
TEXTS = st.text(st.characters(codec="utf-8"))


@pytest.fixture
def keys() -> FakeDataKeys:
    """Return data keys."""
    return FakeDataKeys()


@pytest.fixture
def sealing(keys: FakeDataKeys) -> Sealing:
    """Return a sealing with them."""
    return Sealing(keys, random.Random(1).randbytes)


def sealed_item(
    sealing: Sealing, secret: str = REFRESH_TOKEN, *, generation: int = 3, key: Key = KEY
) -> dict[str, Any]:
    """Return an item with one sealed secret."""
    sealed = sealing.seal(key, {NAME: secret}, generation=generation)
    return {"generation": generation, **sealed}


def refuses(sealing: Sealing, item: dict[str, Any], key: Key = KEY, name: str = NAME) -> str:
    """Demand that opening fails, and return all that the failure tells."""
    with pytest.raises(SealBrokenError) as caught:
        sealing.open(key, item, name)
    return "".join(traceback.format_exception(caught.value)) + repr(caught.value)


@quick
@given(st.dictionaries(st.text(min_size=1), TEXTS, max_size=4), st.integers(0, 10**9))
def test_what_was_sealed_opens(secrets: dict[str, str], generation: int) -> None:
    """Any secrets, together in one item, come back letter by letter."""
    sealing = Sealing(FakeDataKeys(), random.Random(1).randbytes)
    secrets.pop(SEALED_KEY, None)
    secrets.pop("generation", None)
    item: dict[str, Any] = dict(sealing.seal(KEY, secrets, generation=generation))
    item["generation"] = generation
    assert {name: sealing.open(KEY, item, name) for name in secrets} == secrets


def test_an_item_without_generation_counts_as_zero(sealing: Sealing) -> None:
    """Tickets and codes have none, and sealing without one fits them."""
    item: dict[str, Any] = dict(sealing.seal(KEY, {NAME: "s"}))
    assert sealing.open(KEY, item, NAME) == "s"
    assert sealing.open(KEY, item | {"generation": 0}, NAME) == "s"
    refuses(sealing, item | {"generation": 1})


def test_what_is_not_there_is_none(sealing: Sealing) -> None:
    """An item without the attribute has no secret, and costs no key."""
    assert sealing.open(KEY, {}, NAME) is None


MOVES: dict[str, tuple[Key, str, str, int]] = {
    "another merchant": (Key(KEY.pk[:-1] + "2", "TOKEN"), NAME, NAME, 3),
    "another component": (Key(KEY.pk.replace("c0", "c1"), "TOKEN"), NAME, NAME, 3),
    "another sort key": (Key(KEY.pk, "PROFILE"), NAME, NAME, 3),
    "another attribute": (KEY, "access_token", "access_token", 3),
    "an older generation": (KEY, NAME, NAME, 4),
    "a newer generation": (KEY, NAME, NAME, 2),
    "no generation": (KEY, NAME, NAME, 0),
}


@pytest.mark.parametrize(("key", "name", "read_as", "generation"), MOVES.values(), ids=MOVES)
def test_a_sealed_value_cannot_be_moved(
    sealing: Sealing, key: Key, name: str, read_as: str, generation: int
) -> None:
    """Whoever may write the table cannot pass a token off as another merchant's or as a new one."""
    item = sealed_item(sealing)
    moved = {name: item[NAME], SEALED_KEY: item[SEALED_KEY], "generation": generation}
    refuses(sealing, moved, key, read_as)


@pytest.mark.parametrize(
    ("made", "read", "name"),
    [
        (Key("ab", "c"), Key("a", "bc"), "x"),
        (Key("a", "bx"), Key("a", "b"), "xx"),
        (Key("a", "1"), Key("a1", ""), "x"),
    ],
    ids=range(3),
)
def test_places_that_look_alike_when_joined_are_not_alike(
    sealing: Sealing, made: Key, read: Key, name: str
) -> None:
    """Lengths are part of what is authenticated, so letters cannot wander between the parts."""
    sealed = sealing.seal(made, {"x": "secret"})
    refuses(sealing, {name: sealed["x"], SEALED_KEY: sealed[SEALED_KEY]}, read, name)


def test_a_value_that_was_cut_off_is_refused(sealing: Sealing) -> None:
    """At every length shorter than its own, and lengthened as well."""
    item = sealed_item(sealing)
    whole = item[NAME]
    for length in range(len(whole)):
        refuses(sealing, item | {NAME: whole[:length]})
    refuses(sealing, item | {NAME: whole + b"\x00"})


def test_a_flipped_bit_is_noticed_anywhere(sealing: Sealing) -> None:
    """In version, nonce, tag and text: each single bit."""
    item = sealed_item(sealing, "short")
    whole = item[NAME]
    for place in range(len(whole) * 8):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        refuses(sealing, item | {NAME: bytes(flipped)})


def test_the_wrapped_key_belongs_to_its_value(sealing: Sealing, keys: FakeDataKeys) -> None:
    """Another environment's key, a sound one, does not open it; nor does none."""
    item = sealed_item(sealing)
    keys.name = "k2"
    other = sealed_item(sealing)
    refuses(sealing, item | {SEALED_KEY: other[SEALED_KEY]})
    refuses(sealing, item | {NAME: other[NAME]})
    refuses(sealing, {name: value for name, value in item.items() if name != SEALED_KEY})
    assert sealing.open(KEY, item, NAME) == REFRESH_TOKEN, "the older key still opens its own"


@pytest.mark.parametrize(
    "changed",
    [
        {NAME: REFRESH_TOKEN},
        {NAME: 5},
        {NAME: b""},
        {NAME: True},
        {SEALED_KEY: "k1"},
        {SEALED_KEY: None},
        {"generation": "3"},
        {"generation": None},
        {"generation": 3.0},
    ],
    ids=repr,
)
def test_what_is_no_sealed_value_is_refused(sealing: Sealing, changed: dict[str, Any]) -> None:
    """A clear token that somebody wrote by hand is not served, nor is anything else malformed."""
    refuses(sealing, sealed_item(sealing) | changed)


def test_a_data_key_that_is_not_ours_breaks_the_seal(sealing: Sealing, keys: FakeDataKeys) -> None:
    """Of another sealing key or component: it fails closed, and heals from WeChat."""
    item = sealed_item(sealing)
    keys.unusable.add("k1")
    refuses(sealing, item)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_is_refused_and_told(attack: Attack) -> None:
    """Nothing that is done to an item makes it open; where it happened is told, never what."""
    told: list[tuple[object, Mapping[str, str]]] = []
    sealing = Sealing(
        FakeDataKeys(), random.Random(1).randbytes, lambda error, about: told.append((error, about))
    )
    items = Items.sealed_by(sealing, Sealing(FakeDataKeys("k2"), random.Random(2).randbytes))
    key, item, attribute = attack.make(items)
    assert "access of" not in refuses(sealing, item, key, attribute)
    ((error, about),) = told
    assert isinstance(error, SealBrokenError)
    assert about == {"item": f"{key.pk} {key.sk}", "attribute": attribute}


def test_without_an_attack_they_open(sealing: Sealing) -> None:
    """Each whole one is accepted, the older one as well: a restore makes it so."""
    items = Items.sealed_by(sealing, Sealing(FakeDataKeys("k2"), random.Random(2).randbytes))
    for key, item, generation in (
        (MINE, items.item, 8),
        (MINE, items.older, 7),
        (OTHERS, items.others, 8),
    ):
        for attribute in ("access_token", "refresh_token"):
            kind = attribute.partition("_")[0]
            assert sealing.open(key, item, attribute) == f"{kind} of {key.pk} {generation}"


@quick
@given(st.floats(0, 10**10))
def test_the_end_of_a_token_survives_the_tables_rounding(ends: float) -> None:
    """The table keeps milliseconds, and gives whole seconds back as integers: the seal holds."""
    sealing = Sealing(FakeDataKeys(), random.Random(1).randbytes)
    item: dict[str, Any] = dict(sealing.seal(KEY, {"access_token": "a"}, access_expires_at=ends))
    kept = round(ends, 3)
    for end in (ends, kept, int(kept) if kept.is_integer() else kept):
        assert sealing.open(KEY, item | {"access_expires_at": end}, "access_token") == "a"


def test_a_sealing_key_that_is_disabled_is_told_and_no_broken_seal(keys: FakeDataKeys) -> None:
    """Opening, sealing and preparing fail closed, each told once, and work again afterwards."""
    told: list[object] = []
    sealing = Sealing(keys, random.Random(1).randbytes, lambda error, _: told.append(error))
    item = sealed_item(sealing)
    keys.disabled = True
    for use in (
        lambda: sealing.open(KEY, item, NAME),
        lambda: sealing.seal(KEY, {NAME: "s"}),
        lambda: sealing.prepare(Compartment.AUTHORIZERS),
    ):
        with pytest.raises(SealingKeyError):
            use()
    assert [type(error) for error in told] == [SealingKeyError] * 3
    keys.disabled = False
    sealing.prepare(Compartment.AUTHORIZERS)
    assert sealing.open(KEY, item, NAME) == REFRESH_TOKEN


def test_an_unknown_version_is_refused_before_any_key_is_asked_for(
    sealing: Sealing, keys: FakeDataKeys
) -> None:
    """What a later edition will have sealed is not guessed at."""
    item = sealed_item(sealing)
    refuses(sealing, item | {NAME: b"\x02" + item[NAME][1:]})
    assert keys.unwrapped == 0


def test_no_failure_tells_a_secret(sealing: Sealing) -> None:
    """Neither message nor traceback nor repr has token or key in it, but names the attribute."""
    item = sealed_item(sealing)
    told = refuses(sealing, item | {"generation": 9}) + refuses(
        sealing, item | {NAME: REFRESH_TOKEN}
    )
    assert NAME in told
    assert REFRESH_TOKEN not in told
    assert item[SEALED_KEY].hex() not in told
    assert REFRESH_TOKEN not in repr(sealing)
    assert "plain" not in repr(sealing)


def test_no_two_seals_are_alike(keys: FakeDataKeys) -> None:
    """A nonce of 96 bits is drawn for every secret, from the randomness that was passed in."""
    drawn: list[int] = []
    chance = random.Random(1)

    def draw(count: int) -> bytes:
        drawn.append(count)
        return chance.randbytes(count)

    sealing = Sealing(keys, draw)
    one = sealing.seal(KEY, {"a": "same", "b": "same"}, generation=1)
    two = sealing.seal(KEY, {"a": "same"}, generation=1)
    assert drawn == [12, 12, 12]
    assert len({one["a"][1:13], one["b"][1:13], two["a"][1:13]}) == 3
    assert len({one["a"], one["b"], two["a"]}) == 3


def test_the_form_of_a_sealed_value(sealing: Sealing) -> None:
    """Version, nonce, tag, text: what stands in tables already has to stay readable."""
    item = sealed_item(sealing, "secret")
    assert item[NAME][:1] == b"\x01"
    assert len(item[NAME]) == 1 + 12 + 16 + len("secret")
    older = bytes.fromhex(
        "0138b4e652e44da7f2370d9e269bc18040db8600b4eade688a9292de1b9c5367"
        "f39954f0aad6da51700c22744b1e7be8d9ff4978636455f4"
    )
    known: dict[str, Any] = {"generation": 3, SEALED_KEY: b"authorizers k1", NAME: older}
    assert sealing.open(KEY, known, NAME) == "an older edition wrote this"


def test_another_library_opens_it(sealing: Sealing, keys: FakeDataKeys) -> None:
    """It is AES-256-GCM as anybody else does it, over the parts of the place with their lengths."""
    sealed = sealing.seal(Key("pk", "sk"), {"name": "secret"}, generation=12)["name"]
    place = b"\0\0\0\2pk\0\0\0\2sk\0\0\0\4name\0\0\0\00212"
    nonce, tag, text = sealed[1:13], sealed[13:29], sealed[29:]
    plain, _ = keys.current(Compartment.ARRIVALS)
    assert len(plain) == 32
    assert AESGCM(plain).decrypt(nonce, text + tag, place) == b"secret"


def test_every_item_is_in_the_compartment_of_its_kind() -> None:
    """Tokens of merchants, the component token, and all the rest: the key alone decides."""
    for key, compartment in (
        (keys_module.authorizer_key("c", "a"), Compartment.AUTHORIZERS),
        (keys_module.component_key("c"), Compartment.COMPONENT),
        (keys_module.ticket_key("c", 1, "t"), Compartment.ARRIVALS),
        (keys_module.code_key("c", "x"), Compartment.ARRIVALS),
        (keys_module.reuse_ticket_key("c", "x"), Compartment.ARRIVALS),
        (keys_module.unsent_event_key("c", "a", "000000000001"), Compartment.ARRIVALS),
        (keys_module.release_answer_key("c", "x"), Compartment.ARRIVALS),
    ):
        assert compartment_of(key) is compartment


@pytest.mark.parametrize("made_in", [Compartment.ARRIVALS, Compartment.COMPONENT])
def test_whoever_may_not_seal_tokens_cannot_forge_one(
    keys: FakeDataKeys, sealing: Sealing, made_in: Compartment
) -> None:
    """A sound seal in the right place under a data key of another compartment does not open."""

    class Forger(FakeDataKeys):
        def current(self, compartment: Compartment, *, left: float = 0) -> tuple[bytes, bytes]:
            return super().current(made_in, left=left)

    assert keys.current(Compartment.AUTHORIZERS)[0] == Forger().current(made_in)[0]
    forged = Sealing(Forger(), random.Random(1).randbytes)
    refuses(sealing, sealed_item(forged))


def test_preparing_covers_what_is_told_as_well(keys: FakeDataKeys) -> None:
    """Before WeChat is asked there is a data key for its answer and for the event that tells it."""
    asked = []

    class Recorder(FakeDataKeys):
        def current(self, compartment: Compartment, *, left: float = 0) -> tuple[bytes, bytes]:
            asked.append((compartment, left))
            return keys.current(compartment, left=left)

    Sealing(Recorder(), random.Random(1).randbytes).prepare(Compartment.COMPONENT)
    assert asked == [
        (Compartment.COMPONENT, PREPARED_SECONDS),
        (Compartment.ARRIVALS, PREPARED_SECONDS),
    ]


def test_a_writer_never_unwraps() -> None:
    """Whatever is written, no key is read: such a function needs no kms:Decrypt."""
    vault = Vault()
    write_every_item(vault)
    assert vault.keys.unwrapped == 0
    vault.items.newest_tickets(3)
    assert vault.keys.unwrapped > 0, "readers do"
