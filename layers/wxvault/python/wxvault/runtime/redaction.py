"""Taking secrets out of whatever is about to be written. Pure.

Nothing should log a secret in the first place; this is the net below.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from wxvault.wechat.secret_shapes import MASK, mask

_SECRET_NAME: Final = re.compile(
    r"token|secret|ticket|password|cookie|authorization$|(?:aes|session)_?key|signature|session_id"
    r"|(?:^|_)(?:auth|pre_auth|preauth|authorization|js)?_?code$",
    re.IGNORECASE,
)
# Names that look like the above and hold none: hashes, numbers, our own words.
_HARMLESS_NAME: Final = re.compile(
    r"_sha256$|_hash$|_arn$|_age$|_count$|expires|^error_code$|errcode$|status_code$",
    re.IGNORECASE,
)

# A query is where WeChat's tokens are, in every exception of every HTTP library.
_QUERY: Final = re.compile(r"\?[A-Za-z_][A-Za-z0-9_.\[\]-]*=[^\s\"'<>\\)]*")
# An EncodingAESKey has 43 characters, and so have 32 random bytes in base64url.
_FORTY_THREE: Final = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")

_DEEPEST: Final = 8


def redact_text(text: str) -> str:
    """Return ``text`` without queries of URLs and without anything of secret shape."""
    return _FORTY_THREE.sub(MASK, mask(_QUERY.sub("?" + MASK, text)))


def redact(value: object, *, name: str = "", depth: int = 0) -> object:
    """Return ``value`` fit for a log: secrets masked by their names and by their shapes.

    Numbers and truth values stay, containers are copied, everything else becomes text.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if _is_secret_name(name) or depth >= _DEEPEST:
        return MASK
    if isinstance(value, Mapping):
        return {
            redact_text(str(key)): redact(item, name=str(key), depth=depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item, depth=depth + 1) for item in value]
    return redact_text(f"<{len(value)} bytes>" if isinstance(value, bytes) else str(value))


def _is_secret_name(name: str) -> bool:
    return bool(_SECRET_NAME.search(name)) and not _HARMLESS_NAME.search(name)
