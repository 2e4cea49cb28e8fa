"""XML from strangers, read into plain values.

WeChat's XML is small and flat: one ``<xml>`` root, elements with text, now and then a group.
Whatever else XML can do (document types, entities, other encodings, towers of elements) is refused.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn
from xml.parsers.expat import ExpatError

import xmltodict

from wxvault.errors import BadEnvelopeError

type XmlValue = str | dict[str, XmlValue] | list[XmlValue]
"""Text, a group of elements by name, or the occurrences of a repeated element."""

MAX_DEPTH: Final = 16
"""Elements may be nested this deep, the root included."""

MAX_MARKUP: Final = 4096
"""So many ``<`` may be in a document: WeChat's have a few dozen, its longest text 2,048 letters.

Without a limit, 256 KiB of empty elements keep the processor busy for over 100 ms, and the envelope
is read before anything of it is known to be WeChat's.
"""

NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML 1.0 document can hold, not even escaped."""

_ROOT: Final = "xml"
_MIXED_TEXT: Final = "#text"

# A document type can only stand in front of the root, among white space, comments and instructions.
# Looking there and nowhere else lets a person write "<!DOCTYPE" in a message.
_DOCTYPE: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s+|<\?.*?\?>|<!--.*?-->)*+<!DOCTYPE", re.DOTALL
)


def read_document(document: bytes, *, stage: str, remedy: str) -> dict[str, XmlValue]:
    """Read ``document`` (UTF-8, whatever its declaration says) and return what is in its root.

    Text is stripped of white space at both ends; CDATA or not makes no difference; an empty element
    is ``""``; attributes, comments and text between elements are dropped.

    Raises BadEnvelopeError with ``stage`` and ``remedy``. Its message never quotes the document.
    """

    def refuse(problem: str) -> NoReturn:
        raise BadEnvelopeError(stage, problem, remedy=remedy) from None

    if not document or document.isspace():
        refuse("the body is empty")
    try:
        document.decode("utf-8")
    except UnicodeDecodeError:
        refuse("the body is not UTF-8")
    if _DOCTYPE.match(document) is not None:
        refuse("a document type (<!DOCTYPE) is not accepted")
    if document.count(b"<") > MAX_MARKUP:
        refuse(f"there are more than {MAX_MARKUP} tags")
    try:
        # Naming the encoding overrules the one declared in the document: it was checked above.
        tree: dict[str, object] = xmltodict.parse(document, encoding="utf-8", xml_attribs=False)
    except (ExpatError, ValueError) as error:  # their texts say what and where, and quote nothing
        refuse(f"the body is not well-formed XML ({error})")
    if _ROOT not in tree:
        refuse("the root element is not <xml>")
    root = tree[_ROOT]
    if not isinstance(root, dict):
        refuse("<xml> has no elements")
    try:
        return _group(root, MAX_DEPTH - 1)
    except _TooDeepError:
        refuse(f"elements are nested deeper than {MAX_DEPTH}")


def text_of(fields: dict[str, XmlValue], name: str, *, stage: str, remedy: str) -> str | None:
    """Return the text of the one element ``name``, or None when there is none.

    Raises BadEnvelopeError, naming the element, when it occurs twice or has elements inside.
    """
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    problem = "occurs more than once" if isinstance(value, list) else "has elements inside"
    raise BadEnvelopeError(stage, f"{name} {problem}", remedy=remedy)


class _TooDeepError(Exception):
    """Elements are nested deeper than MAX_DEPTH."""


def _group(elements: dict[str, object], depth_left: int) -> dict[str, XmlValue]:
    return {
        name: _value(value, depth_left)
        for name, value in elements.items()
        if name != _MIXED_TEXT  # no element can have this name: it is text between elements
    }


def _value(value: object, depth_left: int) -> XmlValue:
    if depth_left == 0:
        raise _TooDeepError
    if isinstance(value, dict):
        return _group(value, depth_left - 1)
    if isinstance(value, list):
        return [_value(item, depth_left) for item in value]
    return value if isinstance(value, str) else ""
