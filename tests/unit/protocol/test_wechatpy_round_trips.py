"""wechatpy, an independent implementation, and ours read what the other writes."""

from __future__ import annotations

import re

import pytest
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import check_signature

from tests.unit.protocol.pushkit import AES_KEYS, APPID, NONCE, RANDOM, TIMESTAMP, TOKENS
from wxvault.protocol.message_crypto import (
    MessageKeys,
    message_signature,
    open_message,
    seal_message,
    signature,
)

LENGTHS = sorted(
    {*range(201), *(edge + off for edge in range(32, 1153, 32) for off in (-1, 0, 1))}
    # 38 bytes stand around a message: these are the lengths at which its last block is just full.
    | {edge - 38 + off for edge in range(64, 1153, 32) for off in (-1, 0, 1)}
)
KEYS = MessageKeys(APPID, (TOKENS[-1],), (AES_KEYS[-1],))
THEIRS = WeChatCrypto(TOKENS[-1], AES_KEYS[-1], APPID)
TEXTS = {
    "one byte each": "x",
    "two bytes each": "é",
    "three bytes each": "好",
    "four bytes each": "😀",
}


def _element(reply: str, name: str) -> str:
    found = re.search(rf"<{name}>(?:<!\[CDATA\[)?(.*?)(?:\]\]>)?</{name}>", reply)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("character", TEXTS.values(), ids=TEXTS)
def test_we_open_what_wechatpy_seals(character: str) -> None:
    """Messages of every length from 0 to 200 and around multiples of 32 arrive unchanged."""
    for length in LENGTHS:
        text = character * length
        sealed = THEIRS.encrypt_message(text, NONCE, TIMESTAMP)
        opened = open_message(
            KEYS,
            sealed.encode(),
            timestamp=TIMESTAMP,
            nonce=NONCE,
            msg_signature=_element(sealed, "MsgSignature"),
        )
        assert opened.plaintext == text.encode(), length


@pytest.mark.parametrize("character", TEXTS.values(), ids=TEXTS)
def test_wechatpy_opens_what_we_seal(character: str) -> None:
    """Replies of every length from 0 to 200 and around multiples of 32 arrive unchanged."""
    for length in LENGTHS:
        text = character * length
        reply = seal_message(
            KEYS, text.encode(), timestamp=TIMESTAMP, nonce=NONCE, random16=RANDOM
        ).decode()
        read = THEIRS.decrypt_message(
            reply,
            _element(reply, "MsgSignature"),
            _element(reply, "TimeStamp"),
            _element(reply, "Nonce"),
        )
        assert read == text, length


def test_both_sign_alike() -> None:
    """Either signature is the one that wechatpy makes or accepts."""
    check_signature(TOKENS[0], signature(TOKENS[0], TIMESTAMP, NONCE), TIMESTAMP, NONCE)
    sealed = THEIRS.encrypt_message("x", NONCE, TIMESTAMP)
    assert message_signature(TOKENS[-1], TIMESTAMP, NONCE, _element(sealed, "Encrypt")) == _element(
        sealed, "MsgSignature"
    )
