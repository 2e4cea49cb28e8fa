"""What WeChat is told when a push has been taken, and passive replies to users' messages.

Page: doc/offiaccount/Message_Management/Passive_user_reply_message.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wxvault.errors import InvalidRequestError
from wxvault.protocol.safe_xml import NOT_XML

SUCCESS: Final = b"success"
"""The only right answer on the event URL: these seven bytes, unencrypted, with status 200.

Any other or longer body counts as a failure, and after enough failures WeChat stops the tickets.
On the message URL it means that there is no reply.
Page: Third-party_Platforms/2.0/api/Before_Develop/component_verify_ticket.
"""

MOST_ARTICLES: Final = 8
LONGEST_REPLY: Final = 64 * 1024
"""Bytes of a reply before it is encrypted."""


@dataclass(frozen=True, slots=True)
class ReplyEnds:
    """Between whom a reply goes: the ends of the message it answers, and when (unix seconds)."""

    to_user_name: str
    from_user_name: str
    create_time: int


@dataclass(frozen=True, slots=True)
class _Text:
    """A field of a reply: its name here, and its element in WeChat's XML."""

    name: str
    element: str
    required: bool = False


_MEDIA: Final = _Text("media_id", "MediaId", required=True)
# A kind of reply: the element that its fields stand in, if they stand in one, and the fields.
_KINDS: Final[dict[str, tuple[str | None, tuple[_Text, ...]]]] = {
    "text": (None, (_Text("content", "Content", required=True),)),
    "image": ("Image", (_MEDIA,)),
    "voice": ("Voice", (_MEDIA,)),
    "video": ("Video", (_MEDIA, _Text("title", "Title"), _Text("description", "Description"))),
    "music": (
        "Music",
        (
            _Text("title", "Title"),
            _Text("description", "Description"),
            _Text("music_url", "MusicUrl"),
            _Text("hq_music_url", "HQMusicUrl"),
            _Text("thumb_media_id", "ThumbMediaId", required=True),
        ),
    ),
    "transfer_customer_service": ("TransInfo", (_Text("kf_account", "KfAccount"),)),
}
_ARTICLE: Final = (
    _Text("title", "Title", required=True),
    _Text("description", "Description"),
    _Text("pic_url", "PicUrl"),
    _Text("url", "Url"),
)
KINDS: Final = frozenset({*_KINDS, "news"})
"""Every ``type`` of a reply."""


type _Value = str | int | dict[str, _Value] | list[_Value]


def passive_reply(reply: Mapping[str, object], ends: ReplyEnds, *, as_json: bool = False) -> bytes:
    """Return a reply in WeChat's XML or JSON, to be encrypted: ``{"type": "text", "content": …}``.

    The other types: image, voice (``media_id``), video (and ``title``, ``description``), music
    (``thumb_media_id``, and ``title``, ``description``, ``music_url``, ``hq_music_url``), news
    (``articles``: one to eight of ``title``, ``description``, ``pic_url``, ``url``),
    transfer_customer_service (and ``kf_account``). JSON has the names of the XML.

    Raises InvalidRequestError with the field; the message quotes nothing of the reply.
    """
    kind = reply.get("type")
    if not isinstance(kind, str) or kind not in KINDS:
        raise InvalidRequestError("type", f"must be one of {', '.join(sorted(KINDS))}")
    known = {"type", "articles"} if kind == "news" else {"type"} | _names(_KINDS[kind][1])
    if not reply.keys() <= known:
        raise InvalidRequestError(
            "type", f"a reply of this type has only {', '.join(sorted(known))}"
        )
    fields: dict[str, _Value] = {
        "ToUserName": _sound("ToUserName", ends.to_user_name),
        "FromUserName": _sound("FromUserName", ends.from_user_name),
        "CreateTime": ends.create_time,
        "MsgType": kind,
        **(_news(reply.get("articles")) if kind == "news" else _simple(kind, reply)),
    }
    text = json.dumps(fields, ensure_ascii=False) if as_json else _element("xml", fields)
    document = text.encode()
    if len(document) > LONGEST_REPLY:
        raise InvalidRequestError("type", f"the reply has more than {LONGEST_REPLY} bytes")
    return document


def _simple(kind: str, reply: Mapping[str, object]) -> dict[str, _Value]:
    group, texts = _KINDS[kind]
    inside = _fields(texts, reply, "")
    return {group: inside} if group and inside else inside


def _news(articles: object) -> dict[str, _Value]:
    if not isinstance(articles, list) or not 1 <= len(articles) <= MOST_ARTICLES:
        raise InvalidRequestError("articles", f"must be a list of 1 to {MOST_ARTICLES}")
    items: list[_Value] = []
    for number, article in enumerate(articles):
        place = f"articles[{number}]"
        if not isinstance(article, Mapping) or not article.keys() <= _names(_ARTICLE):
            raise InvalidRequestError(
                place, f"must have only {', '.join(sorted(_names(_ARTICLE)))}"
            )
        items.append(_fields(_ARTICLE, article, f"{place}."))
    return {"ArticleCount": len(items), "Articles": {"item": items}}


def _fields(
    texts: tuple[_Text, ...], values: Mapping[str, object], place: str
) -> dict[str, _Value]:
    found: dict[str, _Value] = {}
    for text in texts:
        value = values.get(text.name)
        if value is None and not text.required:
            continue
        if not isinstance(value, str) or (text.required and not value):
            raise InvalidRequestError(f"{place}{text.name}", "must be a text, and not empty")
        found[text.element] = _sound(place + text.name, value)
    return found


def _sound(name: str, value: str) -> str:
    if NOT_XML.search(value):
        raise InvalidRequestError(name, "has a character that XML cannot hold")
    return value


def _element(name: str, value: _Value) -> str:
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    if isinstance(value, dict):
        inside = "".join(_element(inner, one) for inner, one in value.items())
    elif isinstance(value, int):
        inside = str(value)
    else:
        inside = f"<![CDATA[{value.replace(']]>', ']]]]><![CDATA[>')}]]>"
    return f"<{name}>{inside}</{name}>"


def _names(texts: tuple[_Text, ...]) -> set[str]:
    return {text.name for text in texts}
