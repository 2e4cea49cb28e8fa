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
from wxvault.protocol.safe_xml import (
    MAX_DEPTH,
    MAX_MARKUP,
    NOT_XML,
    XmlValue,
    read_document,
)

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
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


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
        """The event's name; empty for a message, whatever it holds."""
        return _fitting(_NAME, self.text("Event")) if self.msg_type == EVENT else ""

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
    if plaintext.removeprefix(_BYTE_ORDER_MARK).lstrip()[:1] == b"{":
        return Message(_json(plaintext))
    return Message(_xml(plaintext))


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
        value = json.loads(
            plaintext, parse_int=str, parse_float=str, parse_constant=str, strict=False
        )
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


# --- XML -----------------------------------------------------------------------------------------

# The elements that hold what people write, in the order in which WeChat sends them, and all of
# them behind MsgType. Nobody knows whether WeChat escapes a "]]>" that was typed.
_TYPED: Final = {
    "text": ("Content",),
    "voice": ("Recognition",),
    "location": ("Label",),
    "link": ("Title", "Description", "Url"),
    "miniprogrampage": ("Title",),
    "event": ("ScanResult",),
}
_MSG_TYPE: Final = re.compile(r"<MsgType>\s*(?:<!\[CDATA\[)?\s*([a-z]+)")
_OPENING: Final = re.compile(r"<([A-Za-z_][\w.-]*)>\s*<!\[CDATA\[")
# A section that goes on at once: so is "]]>" written where somebody has escaped it.
_GOES_ON: Final = "]]><![CDATA["
_ESCAPED: Final = "]]]]><![CDATA[>"


def _xml(plaintext: bytes) -> dict[str, XmlValue]:
    try:
        document = plaintext.decode("utf-8")
    except UnicodeDecodeError:
        _refuse("the body is not UTF-8")
    if document.count("<") <= MAX_MARKUP:
        document = _with_typed_texts(NOT_XML.sub("\ufffd", document))
    try:
        return _read(document)
    except BadEnvelopeError:
        mended = _mended(document)
        if mended is None:
            raise
    return _read(mended)


def _read(document: str) -> dict[str, XmlValue]:
    return read_document(document.encode(), stage=STAGE, remedy=REMEDY)


def _with_typed_texts(document: str) -> str:
    """Return a document in which nothing that people write can end its element, or begin another.

    What people write ends where its element ends for the last time and the next that WeChat sends
    follows: whoever types ends and elements has typed text, well-formed though it may be.
    """
    kind = _MSG_TYPE.search(document)
    names = () if kind is None else _TYPED.get(kind[1], ())
    at = 0
    for name, following in zip(names, (*names[1:], ""), strict=False):
        start = re.compile(rf"<{name}>\s*<!\[CDATA\[").search(document, at)
        if start is None:
            continue
        behind = rf"\s*<{following}>" if following else ""
        ends = [*re.compile(rf"\]\]></{name}>{behind}").finditer(document, start.end())]
        if ends:
            text = _escaped(document[start.end() : ends[-1].start()])
            document = document[: start.end()] + text + document[ends[-1].start() :]
            at = start.end() + len(text)
    return document


def _mended(document: str) -> str | None:
    """Return a document that cannot be read, with every ``]]>`` inside of a text escaped; or None.

    A section ends where the end of the element follows that was opened before it.
    """
    if document.count("<") > MAX_MARKUP:
        return None
    parts: list[str] = []
    at = 0
    while (start := _OPENING.search(document, at)) is not None:
        end = document.find(f"]]></{start[1]}>", start.end())
        if end < 0:
            return None
        parts += [document[at : start.end()], _escaped(document[start.end() : end])]
        at = end
    mended = "".join([*parts, document[at:]])
    return None if mended == document else mended


def _escaped(text: str) -> str:
    return text.replace(_GOES_ON, "").replace("]]>", _ESCAPED)
