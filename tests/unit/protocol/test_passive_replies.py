"""Passive replies: every type opens with wechatpy, and nonsense is refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
import xmltodict
from wechatpy.crypto import WeChatCrypto

from tests.unit.protocol.pushkit import (
    AES_KEYS,
    APPID,
    NONCE,
    RANDOM,
    TIMESTAMP,
    TOKENS,
    keys,
    open_signed,
    push,
)
from wxvault.errors import InvalidRequestError
from wxvault.protocol.message_crypto import seal_message
from wxvault.protocol.replies import KINDS, ReplyEnds, passive_reply

ENDS = ReplyEnds("o-user", "gh_shop", 1700000305)
ARTICLE = {
    "title": "新茶",
    "description": "2023",
    "pic_url": "https://p.example/1",
    "url": "https://a.example/?a=1&b=2",
}

# A reply, and what of it must be in WeChat's XML.
GOOD: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"type": "text", "content": "hello"}, {"Content": "hello"}),
    ({"type": "text", "content": "a]]>b <i>&amp; 🍵\n"}, {"Content": "a]]>b <i>&amp; 🍵\n"}),
    ({"type": "image", "media_id": "m1"}, {"Image": {"MediaId": "m1"}}),
    ({"type": "voice", "media_id": "m2"}, {"Voice": {"MediaId": "m2"}}),
    (
        {"type": "video", "media_id": "m3", "title": "t", "description": "d"},
        {"Video": {"MediaId": "m3", "Title": "t", "Description": "d"}},
    ),
    ({"type": "video", "media_id": "m3"}, {"Video": {"MediaId": "m3"}}),
    (
        {
            "type": "music",
            "title": "t",
            "description": "d",
            "music_url": "https://m.example",
            "hq_music_url": "https://h.example",
            "thumb_media_id": "m4",
        },
        {
            "Music": {
                "Title": "t",
                "Description": "d",
                "MusicUrl": "https://m.example",
                "HQMusicUrl": "https://h.example",
                "ThumbMediaId": "m4",
            }
        },
    ),
    (
        {"type": "news", "articles": [ARTICLE, {"title": "second"}]},
        {
            "ArticleCount": "2",
            "Articles": {
                "item": [
                    {
                        "Title": "新茶",
                        "Description": "2023",
                        "PicUrl": "https://p.example/1",
                        "Url": "https://a.example/?a=1&b=2",
                    },
                    {"Title": "second"},
                ]
            },
        },
    ),
    ({"type": "transfer_customer_service"}, {}),
    (
        {"type": "transfer_customer_service", "kf_account": "a@b"},
        {"TransInfo": {"KfAccount": "a@b"}},
    ),
]


def test_every_type_is_tried() -> None:
    """A type that is added has to be tried here."""
    assert {reply["type"] for reply, _ in GOOD} == KINDS


@pytest.mark.parametrize("key_index", [0, 2])
@pytest.mark.parametrize(("reply", "expected"), GOOD)
def test_wechatpy_opens_every_type(
    reply: dict[str, Any], expected: dict[str, Any], key_index: int
) -> None:
    """Sealed with the Token and key that opened the message, be they the oldest."""
    opened = open_signed(push(b"<xml/>", aes_key=AES_KEYS[key_index]), token=TOKENS[key_index])
    sealed = seal_message(
        keys(),
        passive_reply(reply, ENDS),
        timestamp=TIMESTAMP,
        nonce=NONCE,
        random16=RANDOM,
        opened=opened,
    )
    signed = xmltodict.parse(sealed)["xml"]
    crypto = WeChatCrypto(TOKENS[key_index], AES_KEYS[key_index], APPID)
    plain = crypto.decrypt_message(
        sealed.decode(), signed["MsgSignature"], signed["TimeStamp"], signed["Nonce"]
    )
    found = xmltodict.parse(plain, strip_whitespace=False)["xml"]
    assert found == {
        "ToUserName": "o-user",
        "FromUserName": "gh_shop",
        "CreateTime": "1700000305",
        "MsgType": reply["type"],
        **expected,
    }


@pytest.mark.parametrize(("reply", "expected"), GOOD)
def test_json_says_the_same_as_xml(reply: dict[str, Any], expected: dict[str, Any]) -> None:
    """Under the same names; what counts something is a number."""
    found = json.loads(passive_reply(reply, ENDS, as_json=True))
    if "ArticleCount" in expected:
        expected = {**expected, "ArticleCount": 2}
    assert found == {
        "ToUserName": "o-user",
        "FromUserName": "gh_shop",
        "CreateTime": 1700000305,
        "MsgType": reply["type"],
        **expected,
    }


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("reply", "field"),
    [
        ({}, "type"),
        ({"type": "hologram"}, "type"),
        ({"type": ["text"]}, "type"),
        ({"type": "text"}, "content"),
        ({"type": "text", "content": ""}, "content"),
        ({"type": "text", "content": 7}, "content"),
        ({"type": "text", "content": "a\x00b"}, "content"),
        ({"type": "text", "content": "a\ud83d"}, "content"),
        ({"type": "text", "content": "x" * 70_000}, "type"),
        ({"type": "text", "content": "x", "media_id": "y"}, "type"),
        ({"type": "image"}, "media_id"),
        ({"type": "music", "title": "t"}, "thumb_media_id"),
        ({"type": "news"}, "articles"),
        ({"type": "news", "articles": []}, "articles"),
        ({"type": "news", "articles": [{"title": "x"}] * 9}, "articles"),
        ({"type": "news", "articles": ["x"]}, "articles[0]"),
        ({"type": "news", "articles": [{"title": "x"}, {}]}, "articles[1].title"),
        ({"type": "news", "articles": [{"title": "x", "link": "y"}]}, "articles[0]"),
    ],
)
def test_nonsense_is_refused_by_name(reply: dict[str, Any], field: str, as_json: bool) -> None:
    """The error names the field and quotes nothing that the responder has said."""
    with pytest.raises(InvalidRequestError) as raised:
        passive_reply(reply, ENDS, as_json=as_json)
    assert raised.value.field == field
    assert "hologram" not in raised.value.message
