"""What WeChat pushes to the message URL: messages and events of merchants' users.

Read leniently, because nobody has a list of all kinds: every element is kept under WeChat's name,
and only what dedupe, routing and replies need is looked at.
Page: Third-party_Platforms/2.0/api/Before_Develop/message_push.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn

from wxvault.errors import BadEnvelopeError
from wxvault.protocol.safe_xml import MAX_DEPTH, MAX_MARKUP, XmlValue, read_document

if TYPE_CHECKING:
    from collections.abc import Mapping

STAGE: Final = "message"
"""The ``stage`` of every BadEnvelopeError raised here."""

REMEDY: Final = (
    "The message was signed and encrypted for this platform but is neither XML nor JSON that can "
    "be read. Look for a newer version, or report the problem."
)

EVENT: Final = "event"
TEXT: Final = "text"

QUERY_AUTH_CODE: Final = "QUERY_AUTH_CODE:"
"""How a text of the full-release test begins that brings an authorization code."""

# Of these WeChat sends one each, and programs compare them: an odd one counts as not there.
_NAME: Final = re.compile(r"[!-~]{1,128}", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{1,10}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Message:
    """One message or event. ``fields`` is all of it, and may hold what people write."""

    fields: Mapping[str, XmlValue] = field(repr=False)

    def text(self, name: str) -> str:
        """Return the text of one element; empty if it is not there, repeated, or a group."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    @property
    def to_user_name(self) -> str:
        """The account's original id (``gh_…``)."""
        return _fitting(_NAME, self.text("ToUserName"))

    @property
    def from_user_name(self) -> str:
        """The user's openid."""
        return _fitting(_NAME, self.text("FromUserName"))

    @property
    def msg_type(self) -> str:
        """What kind it is, such as ``text``, ``image`` or ``event``."""
        return _fitting(_NAME, self.text("MsgType"))

    @property
    def event(self) -> str:
        """The event's name; empty for a message."""
        return _fitting(_NAME, self.text("Event"))

    @property
    def create_time(self) -> int | None:
        """WeChat's CreateTime, unix seconds."""
        digits = _fitting(_SECONDS, self.text("CreateTime"))
        return int(digits) if digits else None

    @property
    def content(self) -> str:
        """What a text says."""
        return self.text("Content")

    @property
    def holds_code(self) -> bool:
        """Whether it is the text that brings an authorization code."""
        return self.content.startswith(QUERY_AUTH_CODE)


def parse_message(plaintext: bytes) -> Message:
    """Read the decrypted text of a message, XML or JSON.

    Raises BadEnvelopeError, which never quotes the message.
    """
    if plaintext.lstrip()[:1] == b"{":
        return Message(_json(plaintext))
    try:
        return Message(read_document(plaintext, stage=STAGE, remedy=REMEDY))
    except BadEnvelopeError:
        mended = _mended(plaintext)
        if mended is None:
            raise
    return Message(read_document(mended, stage=STAGE, remedy=REMEDY))


def message_identity(authorizer_appid: str, message: Message) -> str:
    """Return 64 hexadecimal digits that are equal for two deliveries of the same message only.

    A message is known by its MsgId. An event has none, and nobody has a list of the fields in
    which two events of one user within a second may differ: it is known by all of its content,
    which a repetition brings unchanged, as is whatever else has no MsgId. In which order its
    elements come makes no difference, but the order of an element's repetitions does.
    """
    number = _fitting(_NUMBER, message.text("MsgId"))
    told = number if number and message.msg_type != EVENT else message.fields
    identity = json.dumps([authorizer_appid, told], sort_keys=True)
    return hashlib.sha256(identity.encode("ascii")).hexdigest()


def _fitting(shape: re.Pattern[str], value: str) -> str:
    return value if shape.fullmatch(value) else ""


# --- JSON ----------------------------------------------------------------------------------------


def _json(plaintext: bytes) -> dict[str, XmlValue]:
    # Numbers stay texts, as in XML: a MsgId has more digits than other languages' numbers hold.
    try:
        value = json.loads(plaintext, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        _refuse("the body is not well-formed JSON")
    if not isinstance(value, dict):
        _refuse("the body is not a JSON object")
    if plaintext.count(b",") + plaintext.count(b"{") + plaintext.count(b"[") > MAX_MARKUP:
        _refuse(f"there are more than {MAX_MARKUP} values")
    return {_told(name): _value(item, MAX_DEPTH - 1) for name, item in value.items()}


def _value(value: object, depth_left: int) -> XmlValue:
    if depth_left == 0:
        _refuse(f"values are nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        return {_told(str(name)): _value(item, depth_left - 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_value(item, depth_left - 1) for item in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return _told(value) if isinstance(value, str) else ""


def _told(text: str) -> str:
    """Return a text that can be written as UTF-8: JSON may hold half a surrogate pair."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _refuse(problem: str) -> NoReturn:
    raise BadEnvelopeError(STAGE, problem, remedy=REMEDY) from None


# --- a CDATA end that somebody has typed ---------------------------------------------------------

_OPENS: Final = b"<![CDATA["
_CLOSES: Final = b"]]>"


def _mended(document: bytes) -> bytes | None:
    """Return a document in which ``]]>`` inside of a text is written as XML wants it; or None.

    A user may type it. A section ends where the end of its element follows.
    """
    if document.count(b"<") > MAX_MARKUP:
        return None
    parts: list[bytes] = []
    at, changed = 0, False
    while (start := document.find(_OPENS, at)) >= 0:
        begin = start + len(_OPENS)
        end = document.find(_CLOSES, begin)
        while end >= 0 and not document[end + 3 : end + 64].lstrip().startswith(b"</"):
            end = document.find(_CLOSES, end + 1)
        if end < 0:
            return None
        text = document[begin:end]
        changed = changed or _CLOSES in text
        safe = text.replace(_CLOSES, b"]]]]><![CDATA[>")
        parts += [document[at:begin], safe, _CLOSES]
        at = end + len(_CLOSES)
    return b"".join([*parts, document[at:]]) if changed else None
