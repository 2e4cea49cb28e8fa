"""The published and computed vectors of WeChat's message encryption, byte for byte."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass

import pytest

from wxvault.protocol.message_crypto import (
    MessageKeys,
    decode_key,
    decrypt,
    encrypt,
    message_signature,
    open_message,
    seal_message,
    signature,
)


@dataclass(frozen=True)
class Vector:
    """One message in plain and encrypted, and its signatures where they are known."""

    token: str
    encoding_aes_key: str
    appid: str
    random: bytes
    plaintext: bytes
    encrypted: str
    timestamp: str = ""
    nonce: str = ""
    signature: str = ""
    msg_signature: str = ""


_A_KEY = "A" * 43
_A_APPID = "wx134c8103faa5a59e"
_C_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
_C_APPID = "wx0123456789abcdef"
_C_TOKEN = "sim_token_2024"

VECTORS = {
    "A, WeChat's push": Vector(
        token="AAAAA",
        encoding_aes_key=_A_KEY,
        appid=_A_APPID,
        random=b"1205899eaf019bbd",
        plaintext=(
            b"<xml><ToUserName><![CDATA[gh_97417a04a28d]]></ToUserName>\n"
            b"<FromUserName><![CDATA[o9AgO5Kd5ggOC-bXrbNODIiE3bGY]]></FromUserName>\n"
            b"<CreateTime>1715943329</CreateTime>\n"
            b"<MsgType><![CDATA[event]]></MsgType>\n"
            b"<Event><![CDATA[debug_demo]]></Event>\n"
            b"<debug_str><![CDATA[hello world]]></debug_str>\n"
            b"</xml>"
        ),
        encrypted=(
            "D7yzvUNAL930rd28wf21s4hvXhz0L6Uit/p2Di6C5DHyYGpEgdBRnKjBec34JwoQXicwaZC7fOVihW80F4Vt"
            "sdvE//1vr7oAbqjDv8KenVp+ajKYpJnyQ4zMRhIC+a31fCVOMC03FfzV/QuC94kBP55a+Za3sJgvAn+ZbsNq"
            "ZI5DkyuzkhQN8OBqCzFhizGmy0xpM0MEA4agpvE+RuNO1rhHTtuJB5yltw1FiYzecSXJ+y/D2r81VkRn2eYj"
            "h2ltsoyfbDR7Is6ookXIFxTfyeNyeHxMeT4KN5WpCDmSbTcUYrbBUlkGLJ9n/rU8YOywma6G7aTb7KZKOqCx"
            "gfoUlYEZPk4FUL/TK7ShriFDMVCLyjQJ15Ob++agDWtcxhfUfe6HIoIpRW8mKNBQiY/Jd1svvuskA1wLef1R"
            "TtzKfMpagSCX/laZINmdnX4zrF6kIaR9P4xQrWXbsTFHTYe0Mg=="
        ),
        timestamp="1715943329",
        nonce="1590219412",
        signature="cc0c594499c1634947d5b502f158ee518947db27",
        msg_signature="6c12a4205838198b8fa631b3220723bb07f1015c",
    ),
    "B, WeChat's reply": Vector(
        token="AAAAA",
        encoding_aes_key=_A_KEY,
        appid=_A_APPID,
        random=b"999951349e8ee746",
        plaintext=b"<xml><demo_resp>[CDATA[good luck]]</demo_resp></xml>",
        encrypted=(
            "hE8R6mGXHkJJjU72KxzKUd1GEkKJaEZq7vRL8XgK3o+00k8JGq6+pZJUIlTSyhsX+bxIBQ72g3GyvDdIZcr6"
            "+3HAZbSvPT9t/o11MI7d6WELwqrGd7jMnV0zv3Zc9Nq7"
        ),
        timestamp="1713424427",
        nonce="415670741",
        msg_signature="03e0812039325c2712ef5f0f980fd14c70d6e307",
    ),
    "C, a ticket, key with surplus bits": Vector(
        token=_C_TOKEN,
        encoding_aes_key=_C_KEY,
        appid=_C_APPID,
        random=b"0123456789abcdef",
        plaintext=(
            b"<xml><AppId><![CDATA[wx0123456789abcdef]]></AppId>\n"
            b"<CreateTime>1700000000</CreateTime>\n"
            b"<InfoType><![CDATA[component_verify_ticket]]></InfoType>\n"
            b"<ComponentVerifyTicket><![CDATA[ticket@@@AAAAAAAAAAAAAAAAAAAA]]>"
            b"</ComponentVerifyTicket>\n"
            b"</xml>"
        ),
        encrypted=(
            "Q3stYC6hdFzMh9T8HCvyDFy+xFDKJJT3W0240/jP1HieerSmIxdgWEP94ryRM5o1bM/uWsPJk/uUifDIRnKt"
            "LJa9raE18ESLP+gJAVXGjgg5EdH8YkLjQmUXYB0y4nGkOw7xAWM4bq+z0HKCnIzZ+9jRKOJNbIO9PZ4HAGKZ"
            "fWysGvAluAOwwuUKnzQE4wEh0LmsyBg4qlKhMWZ0rQeRwDm4huacHZKUtx/3k6owv62MNdhdal+A/mAoyT4O"
            "8fSfSCcHSUpxPd9xT7r3JqmpUy2r6AXXsm5uZudyNv9vL52+6xUplKxDWzpCJZ62pR6iTmjUeQsXmylGf9TY"
            "hALtf1/Gl3BJX/gfD42i8Ca+7GbNIAr8Z+sSzTHQYOSKtgIe"
        ),
        timestamp="1700000000",
        nonce="123456789",
        signature="25dc74ab29221ff194b4be6c9057075a679f8cd0",
        msg_signature="8337d6aa7f46b27fd5c7bb7844ec549ff23c74d7",
    ),
    "D, a whole block of padding": Vector(
        token=_C_TOKEN,
        encoding_aes_key=_C_KEY,
        appid=_C_APPID,
        random=b"0123456789abcdef",
        plaintext=b"x" * 26,
        encrypted=(
            "Q3stYC6hdFzMh9T8HCvyDHDxbrF7f8TfmYxXSN1y2Vbjja9RgRLcXPjzJF67v90Vr3HKiuEL04e7gdJi1Duf"
            "sXo0wvTp5Iwc7Rt+04Oq4Q1t7yZ26HdYDJfk5lsZrMIt"
        ),
    ),
    "E, more bytes than characters": Vector(
        token=_C_TOKEN,
        encoding_aes_key=_C_KEY,
        appid=_C_APPID,
        random=b"0123456789abcdef",
        plaintext="<xml><Content><![CDATA[你好]]></Content></xml>".encode(),
        encrypted=(
            "Q3stYC6hdFzMh9T8HCvyDMwQK6xyeRZ7UnuZsYfP7/6Yf0piNuk7kxZYuxJFeZQQ6WWSSAGv9ZFJIKURndrG"
            "sw5RPbXXfGyVyFseI5o3ev1m69fZBO8OAhWGxTVIUBMN"
        ),
        timestamp="1700000000",
        nonce="123456789",
        msg_signature="d5d4daa3e12deed4aad910cb26c208b306044c9f",
    ),
}
SIGNED = {name: vector for name, vector in VECTORS.items() if vector.msg_signature}

every_vector = pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
every_signed_vector = pytest.mark.parametrize("vector", SIGNED.values(), ids=SIGNED)


def _keys(vector: Vector) -> MessageKeys:
    return MessageKeys(vector.appid, (vector.token,), (vector.encoding_aes_key,))


@every_vector
def test_encrypts_byte_for_byte(vector: Vector) -> None:
    """The same random bytes give the very ciphertext of the vector."""
    key = decode_key(vector.encoding_aes_key)
    assert encrypt(key, vector.appid, vector.plaintext, vector.random) == vector.encrypted


@every_vector
def test_decrypts_byte_for_byte(vector: Vector) -> None:
    """The vector's ciphertext gives back its plaintext and its appid."""
    key = decode_key(vector.encoding_aes_key)
    assert decrypt(key, vector.encrypted) == (vector.plaintext, vector.appid)


@every_signed_vector
def test_signs_like_the_vector(vector: Vector) -> None:
    """Both signatures are those of the vector, where it has them."""
    assert (
        message_signature(vector.token, vector.timestamp, vector.nonce, vector.encrypted)
        == vector.msg_signature
    )
    if vector.signature:
        assert signature(vector.token, vector.timestamp, vector.nonce) == vector.signature


@every_signed_vector
def test_opens_a_whole_push(vector: Vector) -> None:
    """An envelope with the vector's ciphertext opens under the vector's signature."""
    opened = open_message(
        _keys(vector),
        f"<xml><ToUserName>gh_97417a04a28d</ToUserName><Encrypt>{vector.encrypted}</Encrypt></xml>".encode(),
        timestamp=vector.timestamp,
        nonce=vector.nonce,
        msg_signature=vector.msg_signature,
    )
    assert opened.plaintext == vector.plaintext
    assert opened.component_appid == vector.appid


@every_signed_vector
def test_seals_a_whole_reply(vector: Vector) -> None:
    """The reply has the vector's ciphertext and signature in the four elements WeChat reads."""
    reply = seal_message(
        _keys(vector),
        vector.plaintext,
        timestamp=vector.timestamp,
        nonce=vector.nonce,
        random16=vector.random,
    )
    fields = {element.tag: element.text for element in ET.fromstring(reply)}  # noqa: S314 - ours
    assert fields == {
        "Encrypt": vector.encrypted,
        "MsgSignature": vector.msg_signature,
        "TimeStamp": vector.timestamp,
        "Nonce": vector.nonce,
    }


def test_reply_is_written_as_in_the_documents() -> None:
    """The reply's text is that of WeChat's example: CDATA everywhere but around the time."""
    vector = VECTORS["B, WeChat's reply"]
    reply = seal_message(
        _keys(vector),
        vector.plaintext,
        timestamp=vector.timestamp,
        nonce=vector.nonce,
        random16=vector.random,
    )
    assert reply.decode() == (
        "<xml>\n"
        f"<Encrypt><![CDATA[{vector.encrypted}]]></Encrypt>\n"
        "<MsgSignature><![CDATA[03e0812039325c2712ef5f0f980fd14c70d6e307]]></MsgSignature>\n"
        "<TimeStamp>1713424427</TimeStamp>\n"
        "<Nonce><![CDATA[415670741]]></Nonce>\n"
        "</xml>"
    )


def test_surplus_bits_of_a_key_are_dropped() -> None:
    """A key whose last character has surplus bits decodes to the 32 bytes of the vector."""
    assert decode_key(_C_KEY).hex() == (
        "69b71d79f8218a39259a7a29aabb2dbafc31cb3d35db7e39ebbf3d0010831051"
    )
    assert decode_key(_A_KEY) == bytes(32)
