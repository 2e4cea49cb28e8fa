"""Where a merchant may be sent back to: parsed and compared, never matched as text."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

from wxvault.errors import InvalidRequestError

_PORTS = {"https": 443, "http": 80}
_LIMIT = 2000
# Characters that readers of URLs disagree about; an encoded one in the host is refused with them.
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\U0010ffff\\<>\"^`{|}]")
_HOST = re.compile(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]")


def check_return_url(return_url: object, allowed: tuple[str, ...]) -> str:
    """Return the URL if it lies inside one of ``allowed``: same scheme, host, port, path prefix.

    The prefix ends at a ``/``: ``https://shop.example/back`` allows ``/back`` and ``/back/x``, not
    ``/backdoor``.

    Raises:
        InvalidRequestError: it does not, or different readers may understand it differently.
    """
    if not isinstance(return_url, str) or len(return_url) > _LIMIT:
        raise _refused("is not a URL of at most 2,000 characters")
    if _UNSAFE.search(return_url):
        raise _refused("has a character that belongs encoded (space, backslash, non-ASCII …)")
    try:
        parts = urlsplit(return_url)
        port = _port(parts)
    except ValueError:
        raise _refused("cannot be parsed") from None
    if parts.scheme not in _PORTS:
        raise _refused("must begin with https:// (or http:// on loopback)")
    if "@" in parts.netloc:
        raise _refused("must not have a user name or password")
    host = parts.netloc.rpartition(":")[0] if _has_port(parts) else parts.netloc
    if not _HOST.fullmatch(host) or host.endswith("."):
        raise _refused("has no plain host name")
    if _climbs(parts.path):
        raise _refused("has . or .. in its path")
    for entry in allowed:
        inside = urlsplit(entry)
        same_place = (
            inside.scheme == parts.scheme
            and (inside.hostname or "") == (parts.hostname or "")
            and _port(inside) == port
        )
        if same_place and _is_below(parts.path or "/", inside.path or "/"):
            return return_url
    raise _refused("is not inside any of the allowed return URLs")


def with_parameters(return_url: str, parameters: dict[str, str]) -> str:
    """Return the URL with our parameters in its query, before any ``#``; ours win over its own."""
    parts = urlsplit(return_url)
    own = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name not in parameters
    ]
    query = urlencode([*own, *parameters.items()], quote_via=quote)
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, parts.fragment))


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix if prefix.endswith("/") else prefix + "/")


def _climbs(path: str) -> bool:
    plain = re.sub(r"(?i)%2e", ".", path)
    # An encoded slash would hide where one segment ends.
    return re.search(r"(?i)%2f|%5c", path) is not None or any(
        # What follows a semicolon is a parameter of the segment to some servers.
        segment.partition(";")[0] in {".", ".."}
        for segment in plain.split("/")
    )


def _port(parts: SplitResult) -> int | None:
    return _PORTS.get(parts.scheme) if parts.port is None else parts.port


def _has_port(parts: SplitResult) -> bool:
    return parts.port is not None or parts.netloc.endswith(":")


def _refused(problem: str) -> InvalidRequestError:
    return InvalidRequestError(
        "return_url",
        problem,
        remedy="Use an address below one of the stack's ReturnUrls, or add it there.",
    )
