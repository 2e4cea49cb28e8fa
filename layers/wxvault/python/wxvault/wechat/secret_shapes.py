"""What WeChat's secrets look like, and how to take them out of a text. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK: Final = "***"

# `ticket@@@…`, `preauthcode@@@…`, `queryauthcode@@@…`, `refreshtoken@@@…`, the `@` also as %40 (and
# as %2540 in a URL within a URL), then access tokens such as `49_…`, 157 characters long. Shorter
# pieces count too: a text may have been cut. A word is tried once, from its beginning and whole:
# letters without end would otherwise be read twenty times each.
SHAPES: Final = re.compile(
    r"(?:(?<![A-Za-z])[A-Za-z]{3,}+(?:@|%40|%2540){3}[A-Za-z0-9_\-%.=]*)|(?:\b\d{1,4}_[A-Za-z0-9_-]{60,})"
)

# In an answer that is passed on, what only looks a little like a token is data: a media_id has 64
# characters of the same alphabet, and one in a few hundred begins like a token.
_WHOLE_SHAPES: Final = re.compile(
    r"(?:(?<![A-Za-z])[A-Za-z]{3,}+(?:@|%40|%2540){3}[A-Za-z0-9_\-%.=]*)|(?:\b\d{1,4}_[A-Za-z0-9_-]{100,})"
)

# Shorter values would mask ordinary words, and none of WeChat's secrets is this short.
_SHORTEST = 8


def mask(text: str, known: Iterable[str] = ()) -> str:
    """Replace everything of secret shape in ``text``, and the ``known`` values however written."""
    return SHAPES.sub(MASK, _without(text, known))


def mask_answer(content: bytes, known: Iterable[str] = ()) -> bytes:
    """Replace ``known`` values and whole secrets in a text of WeChat's; the rest stays as it is.

    Byte for byte: secrets are ASCII, and what is around them may be no sound UTF-8.
    """
    text = content.decode("latin-1")
    return _WHOLE_SHAPES.sub(MASK, _without(text, known)).encode("latin-1")


def mask_known(content: bytes, known: Iterable[str]) -> bytes:
    """Replace ``known`` values only: what else looks like a secret is the caller's own."""
    return _without(content.decode("latin-1"), known).encode("latin-1")


def _without(text: str, known: Iterable[str]) -> str:
    for value in sorted((v for v in known if len(v) >= _SHORTEST), key=len, reverse=True):
        for form in _forms(value):
            text = text.replace(form, MASK)
    return text


def _forms(value: str) -> set[str]:
    """Return ``value`` as it stands, percent-encoded and JSON-escaped."""
    escaped = json.dumps(value)[1:-1]
    return {value, quote(value, safe=""), quote_plus(value), quote(value), escaped}
