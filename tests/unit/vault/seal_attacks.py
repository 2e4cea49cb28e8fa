"""What somebody who may write the table does to sealed values: one list for every ring of tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from wxvault.vault.expressions import Key
from wxvault.vault.sealing import SEALED_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from wxvault.vault.sealing import Sealing

COMPONENT = "wx00000000000000c0"
MINE = Key(f"A#{COMPONENT}#wx00000000000000a1", "TOKEN")
OTHERS = Key(f"A#{COMPONENT}#wx00000000000000a2", "TOKEN")
ENDS = 1_800_007_200.125
LIFE = 7200.0

type Opened = tuple[Key, dict[str, Any], str]
"""What is opened: key, item, attribute."""


@dataclass(frozen=True, slots=True)
class Items:
    """What an attacker has in hand: an item, an older one of it, and another merchant's."""

    item: dict[str, Any]
    older: dict[str, Any]
    others: dict[str, Any]

    @classmethod
    def sealed_by(cls, sealing: Sealing, another: Sealing) -> Self:
        """Seal them; ``another`` is the environment that wrote the older one."""
        return cls(
            item=_item(sealing, MINE, 8, ENDS),
            older=_item(another, MINE, 7, ENDS - LIFE),
            others=_item(sealing, OTHERS, 8, ENDS),
        )


def _item(sealing: Sealing, key: Key, generation: int, ends: float) -> dict[str, Any]:
    tokens = {
        "access_token": f"access of {key.pk} {generation}",
        "refresh_token": f"refresh of {key.pk} {generation}",
    }
    sealed = sealing.seal(key, tokens, generation=generation, access_expires_at=ends)
    return {"generation": generation, "access_expires_at": ends, **sealed}


@dataclass(frozen=True, slots=True)
class Attack:
    """One thing to do, and what is opened then."""

    name: str
    make: Callable[[Items], Opened]


def _changed(name: str, attribute: str, change: Callable[[Items], dict[str, Any]]) -> Attack:
    return Attack(name, lambda items: (MINE, items.item | change(items), attribute))


def _flipped(value: bytes, place: int) -> bytes:
    flipped = bytearray(value)
    flipped[place] ^= 1
    return bytes(flipped)


def _both(name: str, change: Callable[[Items, str], dict[str, Any]]) -> list[Attack]:
    def on(attribute: str) -> Attack:
        return _changed(f"{attribute}: {name}", attribute, lambda items: change(items, attribute))

    return [on("access_token"), on("refresh_token")]


def _generation(items: Items, more: int) -> dict[str, Any]:
    return {"generation": items.item["generation"] + more}


_OLDER_SECRETS = ("access_token", "refresh_token", SEALED_KEY)

ATTACKS: list[Attack] = [
    *_both(
        "of another merchant, with its key",
        lambda items, one: {one: items.others[one], SEALED_KEY: items.others[SEALED_KEY]},
    ),
    *_both("swapped with the other attribute", lambda items, one: {one: items.item[_other(one)]}),
    *_both("truncated", lambda items, one: {one: items.item[one][:-1]}),
    *_both("nothing but the head", lambda items, one: {one: items.item[one][:29]}),
    *_both("empty", lambda _, one: {one: b""}),
    *_both("a bit of the version", lambda items, one: {one: _flipped(items.item[one], 0)}),
    *_both("a bit of the nonce", lambda items, one: {one: _flipped(items.item[one], 1)}),
    *_both("a bit of the tag", lambda items, one: {one: _flipped(items.item[one], 13)}),
    *_both("a bit of the text", lambda items, one: {one: _flipped(items.item[one], -1)}),
    *_both("older, without its key", lambda items, one: {one: items.older[one]}),
    *_both(
        "older, with its key",
        lambda items, one: {one: items.older[one], SEALED_KEY: items.older[SEALED_KEY]},
    ),
    *_both("the generation alone set back", lambda items, _: _generation(items, -1)),
    *_both("the generation alone set forward", lambda items, _: _generation(items, +1)),
    *_both("the generation as text", lambda _, __: {"generation": "8"}),
    *_both("another wrapped key", lambda items, _: {SEALED_KEY: items.older[SEALED_KEY]}),
    *_both("a key of rubbish", lambda _, __: {SEALED_KEY: b"rubbish"}),
    *_both("an empty key", lambda _, __: {SEALED_KEY: b""}),
    *_both("a key as text", lambda _, __: {SEALED_KEY: "key"}),
    *_both("no key", lambda _, __: {SEALED_KEY: None}),
    *_both("a token in the clear", lambda _, one: {one: "49_token-of-the-attacker"}),
    *_both("a token in the clear, as bytes", lambda _, one: {one: b"\x01" + b"49_token" * 9}),
    _changed(
        "older tokens with key and generation, and the newer end",
        "access_token",
        lambda items: {
            **{name: items.older[name] for name in _OLDER_SECRETS},
            "generation": items.older["generation"],
        },
    ),
    _changed("a later end", "access_token", lambda _: {"access_expires_at": ENDS + 1}),
    _changed("an end just later", "access_token", lambda _: {"access_expires_at": ENDS + 0.001}),
    _changed("no end", "access_token", lambda _: {"access_expires_at": None}),
    _changed("an end of text", "access_token", lambda _: {"access_expires_at": "never"}),
    Attack("put under another merchant", lambda items: (OTHERS, items.item, "access_token")),
    Attack(
        "put under another kind of item",
        lambda items: (Key(MINE.pk, "PROFILE"), items.item, "refresh_token"),
    ),
    Attack(
        "put under another component",
        lambda items: (Key(MINE.pk.replace("c0", "c1"), MINE.sk), items.item, "access_token"),
    ),
]  # fmt: skip


def _other(attribute: str) -> str:
    return {"access_token": "refresh_token", "refresh_token": "access_token"}[attribute]
