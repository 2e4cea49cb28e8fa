"""What the push secret may hold, and what is said when it does not."""

from __future__ import annotations

import string

import pytest

from tests.unit.protocol.pushkit import AES_KEYS, APPID, SECRETS, TOKENS, keys
from wxvault.errors import ConfigurationError
from wxvault.protocol.message_keys import MessageKeys, decode_key

GOOD = AES_KEYS[0]


def test_keys_are_decoded_once_in_their_order() -> None:
    """The decoded keys stand beside their texts, oldest to newest."""
    assert keys().aes_keys == tuple(decode_key(key) for key in AES_KEYS)


def test_every_surplus_of_the_last_character_is_accepted() -> None:
    """All 62 letters and digits may end a key, whatever their two surplus bits are."""
    decoded = {decode_key(GOOD[:42] + last) for last in string.ascii_letters + string.digits}
    assert {len(key) for key in decoded} == {32}
    assert len(decoded) == 16


BAD_KEYS = {
    "short": GOOD[:42],
    "long": GOOD + "a",
    "with its base64 padding": GOOD + "=",
    "padding within 43": GOOD[:42] + "=",
    "blank in front": " " + GOOD[:42],
    "newline behind": GOOD[:42] + "\n",
    "newline after 43": GOOD + "\n",
    "plus": GOOD[:20] + "+" + GOOD[21:],
    "slash": GOOD[:20] + "/" + GOOD[21:],
    "underscore": GOOD[:20] + "_" + GOOD[21:],
    "full-width letter": GOOD[:42] + "Ａ",
    "arabic digit": GOOD[:42] + "٣",
    "empty": "",
}


@pytest.mark.parametrize("bad", BAD_KEYS.values(), ids=BAD_KEYS)
def test_malformed_key_names_its_field_and_not_its_value(bad: str) -> None:
    """A malformed key is refused with its place in the list; no part of it is said."""
    with pytest.raises(ConfigurationError) as raised:
        keys(aes_keys=(AES_KEYS[0], bad, AES_KEYS[2]))
    assert raised.value.field == "encoding_aes_keys[1]"
    said = f"{raised.value} {raised.value.remedy} {raised.value!r}"
    assert not bad.strip() or bad not in said
    assert all(GOOD[start : start + 8] not in said for start in range(35))


@pytest.mark.parametrize("bad", ["", "with blank", "tab\t", "new\nline", "令牌", "\x00"])
def test_malformed_token_names_its_field_and_not_its_value(bad: str) -> None:
    """A Token that cannot be one is refused with its place in the list."""
    with pytest.raises(ConfigurationError) as raised:
        keys(tokens=(*TOKENS[:2], bad))
    assert raised.value.field == "tokens[2]"
    assert not bad or bad not in str(raised.value)


@pytest.mark.parametrize("count", [0, 4])
def test_one_to_three_of_each(count: int) -> None:
    """Neither none nor four are accepted."""
    with pytest.raises(ConfigurationError, match=r"^tokens: "):
        keys(tokens=("t",) * count)
    with pytest.raises(ConfigurationError, match=r"^encoding_aes_keys: "):
        keys(aes_keys=(GOOD,) * count)


@pytest.mark.parametrize("bad", ["", "gh_97417a04a28d", APPID.upper(), APPID + "0", APPID + "\n"])
def test_component_appid_has_its_shape(bad: str) -> None:
    """Anything but an appid is refused as the component's."""
    with pytest.raises(ConfigurationError) as raised:
        MessageKeys(bad, TOKENS, AES_KEYS)
    assert raised.value.field == "component_appid"


def test_built_from_the_secret() -> None:
    """The secret's JSON value gives the same keys; fields it has besides are ignored."""
    secret = {"tokens": list(TOKENS), "encoding_aes_keys": list(AES_KEYS), "note": "ours"}
    assert MessageKeys.from_secret(APPID, secret) == keys()


BAD_SECRETS: dict[str, tuple[object, str]] = {
    "no object": (["t"], "push secret"),
    "null": (None, "push secret"),
    "no tokens": ({"encoding_aes_keys": [GOOD]}, "tokens"),
    "no keys": ({"tokens": ["t"]}, "encoding_aes_keys"),
    "tokens is text": ({"tokens": "t", "encoding_aes_keys": [GOOD]}, "tokens"),
    "keys is text": ({"tokens": ["t"], "encoding_aes_keys": GOOD}, "encoding_aes_keys"),
    "token is a number": ({"tokens": [5], "encoding_aes_keys": [GOOD]}, "tokens[0]"),
    "key is null": ({"tokens": ["t"], "encoding_aes_keys": [GOOD, None]}, "encoding_aes_keys[1]"),
    "no key in the list": ({"tokens": ["t"], "encoding_aes_keys": []}, "encoding_aes_keys"),
}


@pytest.mark.parametrize(("secret", "field"), BAD_SECRETS.values(), ids=BAD_SECRETS)
def test_malformed_secret_names_the_field(secret: object, field: str) -> None:
    """Whatever is wrong with the secret, the message says where and never what."""
    with pytest.raises(ConfigurationError) as raised:
        MessageKeys.from_secret(APPID, secret)
    assert raised.value.field == field
    assert GOOD not in str(raised.value)


def test_repr_shows_no_secret() -> None:
    """Neither Tokens nor keys, decoded or not, appear when the value is printed."""
    shown = f"{keys()!r} {keys()}"
    assert APPID in shown
    assert not [secret for secret in SECRETS if secret in shown]
    assert repr(keys().aes_keys[0]) not in shown
