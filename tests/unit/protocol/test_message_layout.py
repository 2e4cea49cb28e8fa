"""Ciphertext, padding and length: every way in which a rightly signed push can be broken."""

from __future__ import annotations

import base64

import pytest

from tests.unit.protocol.pushkit import (
    AES_KEYS,
    layout,
    open_signed,
    pad,
    push,
    raw_encrypt,
    stage_of,
    ticket_push,
)
from wxvault.errors import BadEnvelopeError
from wxvault.protocol.message_crypto import (
    decode_key,
    decrypt,
)

MESSAGE = ticket_push()


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 5, 21, 22, 43, 64])
def test_truncated_base64_is_refused(cut: int) -> None:
    """A cut Encrypt text is no base64, or no whole blocks, or has lost its end."""
    assert stage_of(push(MESSAGE)[:-cut]) in {"base64", "ciphertext", "padding", "length", "appid"}


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 6, 7])
def test_base64_cut_within_a_group_is_no_base64(cut: int) -> None:
    """A number of characters that is no multiple of four is refused as base64."""
    assert stage_of(push(MESSAGE)[:-cut]) == "base64"


@pytest.mark.parametrize("odd", ["-", "_", "!", ".", " ", "\n", "=", "é", "一"])
def test_foreign_characters_in_base64_are_refused(odd: str) -> None:
    """No character beyond base64's own is skipped, whether it replaces one or is one too many."""
    text = push(MESSAGE)
    assert stage_of(text[:40] + odd + text[41:]) == "base64"
    assert stage_of(text[:40] + odd + text[40:]) == "base64"


@pytest.mark.parametrize("count", [1, 8, 15, 17, 24, 31, 33])
def test_ciphertext_comes_in_whole_blocks(count: int) -> None:
    """A number of bytes that AES cannot have produced is refused."""
    assert stage_of(base64.b64encode(bytes(count)).decode()) == "ciphertext"


def test_no_ciphertext_is_no_message() -> None:
    """An empty text is refused by the lower level too."""
    with pytest.raises(BadEnvelopeError, match="0 bytes"):
        decrypt(decode_key(AES_KEYS[0]), "")


@pytest.mark.parametrize("count", range(256))
def test_every_padding_is_judged(count: int) -> None:
    """Padding of n bytes of value n is right for 1 to 32 and wrong for every other n."""
    for filler in range(32):
        unpadded = layout(b"m" * filler)
        if (len(unpadded) + (count or 1)) % 32 == 0:
            break
    padded = unpadded + bytes([count]) * (count or 1)
    assert len(padded) % 32 == 0
    encrypted = raw_encrypt(padded)
    if 1 <= count <= 32:
        assert open_signed(encrypted).plaintext == b"m" * filler
    else:
        assert stage_of(encrypted) == "padding"


@pytest.mark.parametrize("count", range(2, 33))
def test_every_byte_of_the_padding_counts(count: int) -> None:
    """One padding byte that is another one spoils the whole push, wherever it stands."""
    filler = (32 - (len(layout(b"")) + count)) % 32
    good = layout(b"m" * filler) + bytes([count]) * count
    for position in range(len(good) - count, len(good) - 1):
        spoilt = bytearray(good)
        spoilt[position] ^= 1
        assert stage_of(raw_encrypt(bytes(spoilt))) == "padding"


@pytest.mark.parametrize("blocks", [1, 2])
def test_nothing_but_padding_is_refused(blocks: int) -> None:
    """A ciphertext too short for random bytes and length is refused, not sliced."""
    assert stage_of(raw_encrypt(bytes([16]) * 16 * blocks)) in {"length", "appid"}


@pytest.mark.parametrize(
    "length",
    [len(MESSAGE) + 19, len(MESSAGE) + 1000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF],
    ids=["one too many", "far behind", "largest signed", "smallest signed", "minus one"],
)
def test_length_behind_the_end_is_refused(length: int) -> None:
    """A length that points behind the message, negative in a signed reading or not, is refused."""
    assert stage_of(raw_encrypt(pad(layout(MESSAGE, length=length)))) == "length"


@pytest.mark.parametrize("off", [-len(MESSAGE), -1, 1, 17, 18])
def test_length_inside_but_wrong_is_refused(off: int) -> None:
    """A length that cuts message or appid elsewhere leaves no appid behind the message."""
    encrypted = raw_encrypt(pad(layout(MESSAGE, length=len(MESSAGE) + off)))
    assert stage_of(encrypted) == "appid"


def test_empty_message_is_a_message() -> None:
    """Nothing can be said encrypted too."""
    assert open_signed(push(b"")).plaintext == b""
