"""The shape of an appid: ``wx`` and sixteen lower-case hexadecimal digits."""

from __future__ import annotations

import re
from typing import Final

_APPID: Final = re.compile(r"wx[0-9a-f]{16}", re.ASCII)


def is_appid(value: object) -> bool:
    """Say whether ``value`` is a string with the shape of an appid.

    Components and authorizers look alike; an original id (``gh_…``) is not an appid.
    """
    return isinstance(value, str) and _APPID.fullmatch(value) is not None
