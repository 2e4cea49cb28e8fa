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

# Shorter values would mask ordinary words, and none of WeChat's secrets is this short.
_SHORTEST = 8


def mask(text: str, known: Iterable[str] = ()) -> str:
    """Replace everything of secret shape in ``text``, and the ``known`` values however written."""
    for value in sorted((v for v in known if len(v) >= _SHORTEST), key=len, reverse=True):
        for form in _forms(value):
            text = text.replace(form, MASK)
    return SHAPES.sub(MASK, text)


def _forms(value: str) -> set[str]:
    """Return ``value`` as it stands, percent-encoded and JSON-escaped."""
    escaped = json.dumps(value)[1:-1]
    return {value, quote(value, safe=""), quote_plus(value), quote(value), escaped}
