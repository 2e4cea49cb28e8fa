"""What WeChat is told when a push has been taken, and passive replies to users' messages.

Page: doc/offiaccount/Message_Management/Passive_user_reply_message.
"""

from __future__ import annotations

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


def passive_reply(reply: Mapping[str, object], ends: ReplyEnds) -> bytes:
    """Return the XML of a reply, to be encrypted: ``{"type": "text", "content": "…"}``.

    The other types: image, voice (``media_id``), video (and ``title``, ``description``), music
    (``thumb_media_id``, and ``title``, ``description``, ``music_url``, ``hq_music_url``), news
    (``articles``: one to eight of ``title``, ``description``, ``pic_url``, ``url``),
    transfer_customer_service (and ``kf_account``).

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
    inside = _news(reply.get("articles")) if kind == "news" else _simple(kind, reply)
    document = (
        "<xml>"
        f"<ToUserName>{_cdata('ToUserName', ends.to_user_name)}</ToUserName>"
        f"<FromUserName>{_cdata('FromUserName', ends.from_user_name)}</FromUserName>"
        f"<CreateTime>{ends.create_time}</CreateTime>"
        f"<MsgType><![CDATA[{kind}]]></MsgType>"
        f"{inside}</xml>"
    ).encode()
    if len(document) > LONGEST_REPLY:
        raise InvalidRequestError("type", f"the reply has more than {LONGEST_REPLY} bytes")
    return document


def _simple(kind: str, reply: Mapping[str, object]) -> str:
    group, texts = _KINDS[kind]
    inside = _elements(texts, reply, "")
    return f"<{group}>{inside}</{group}>" if group and inside else inside


def _news(articles: object) -> str:
    if not isinstance(articles, list) or not 1 <= len(articles) <= MOST_ARTICLES:
        raise InvalidRequestError("articles", f"must be a list of 1 to {MOST_ARTICLES}")
    items = []
    for number, article in enumerate(articles):
        place = f"articles[{number}]"
        if not isinstance(article, Mapping) or not article.keys() <= _names(_ARTICLE):
            raise InvalidRequestError(
                place, f"must have only {', '.join(sorted(_names(_ARTICLE)))}"
            )
        items.append(f"<item>{_elements(_ARTICLE, article, f'{place}.')}</item>")
    return f"<ArticleCount>{len(items)}</ArticleCount><Articles>{''.join(items)}</Articles>"


def _elements(texts: tuple[_Text, ...], values: Mapping[str, object], place: str) -> str:
    found = []
    for text in texts:
        value = values.get(text.name)
        if value is None and not text.required:
            continue
        if not isinstance(value, str) or (text.required and not value):
            raise InvalidRequestError(f"{place}{text.name}", "must be a text, and not empty")
        found.append(f"<{text.element}>{_cdata(place + text.name, value)}</{text.element}>")
    return "".join(found)


def _cdata(name: str, value: str) -> str:
    if NOT_XML.search(value):
        raise InvalidRequestError(name, "has a character that XML cannot hold")
    return f"<![CDATA[{value.replace(']]>', ']]]]><![CDATA[>')}]]>"


def _names(texts: tuple[_Text, ...]) -> set[str]:
    return {text.name for text in texts}
