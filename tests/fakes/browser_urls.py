"""How a browser reads an address, after the URL standard: another reader than ours.

Lenient where browsers are: tabs and newlines are dropped, backslashes are slashes, slashes after
the scheme may be missing or too many, hosts are decoded, numbers are addresses, dots climb.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_PORTS = {"https": 443, "http": 80}
_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]*|[0-9]+")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a browser goes."""

    scheme: str
    host: str
    port: int
    path: str


def read(address: str, base: Place | None = None) -> Place | None:
    """Return where a browser goes for an address; None: nowhere, or to no web page."""
    address = address.strip("".join(map(chr, range(33))))
    address = re.sub(r"[\t\n\r]", "", address)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", address)
    if scheme is None:
        return None if base is None else _relative(address, base)
    name = scheme[1].lower()
    if name not in _PORTS:
        return None
    return _after_scheme(name, re.sub(r"^[/\\]*", "", address[scheme.end() :]))


def _relative(address: str, base: Place) -> Place | None:
    if re.match(r"[/\\]{2}", address):
        return _after_scheme(base.scheme, re.sub(r"^[/\\]*", "", address))
    path = re.split(r"[?#]", address)[0].replace("\\", "/")
    below = path if path.startswith("/") else f"{base.path.rpartition('/')[0]}/{path}"
    return Place(base.scheme, base.host, base.port, _without_dots(below))


def _after_scheme(scheme: str, rest: str) -> Place | None:
    authority = re.split(r"[/\\?#]", rest)[0]
    path = re.split(r"[?#]", rest[len(authority) :])[0].replace("\\", "/")
    place = authority.rpartition("@")[2]
    found = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::([0-9]*))?", place)
    if found is None:
        return None
    host = _host(found[1])
    if not host:
        return None
    return Place(scheme, host, int(found[2] or _PORTS[scheme]), _without_dots(path or "/"))


def _host(written: str) -> str:
    host = unquote(written).lower()
    for dot in "\u3002\uff0e\uff61":
        host = host.replace(dot, ".")
    try:
        host = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        return ""
    if re.search(r"[\x00-\x20#/<>?@\\^|%]", host):
        return ""
    parts = host.removesuffix(".").split(".")
    if _NUMBER.fullmatch(parts[-1]):
        return _address(parts)
    return host


def _address(parts: list[str]) -> str:
    """Read an IPv4 address in any of the forms that browsers know: short, octal, hexadecimal."""
    try:
        numbers = [
            int(
                part,
                16 if part[:2] in {"0x", "0X"} else 8 if part[:1] == "0" and part != "0" else 10,
            )
            for part in parts
        ]
    except ValueError:
        return ""
    if len(numbers) > 4 or any(number > 255 for number in numbers[:-1]):
        return ""
    whole = numbers[-1] + sum(number << 8 * (3 - at) for at, number in enumerate(numbers[:-1]))
    if whole >= 1 << 32:
        return ""
    return ".".join(str(whole >> shift & 255) for shift in (24, 16, 8, 0))


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")[1:]
    for at, segment in enumerate(segments):
        plain = re.sub(r"(?i)%2e", ".", segment)
        if plain == "..":
            kept = kept[:-1]
        if plain not in {".", ".."}:
            kept.append(segment)
        elif at == len(segments) - 1:
            kept.append("")
    return "/" + "/".join(kept)
