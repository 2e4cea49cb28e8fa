"""The kept inputs: one text file a target, one input a line, escaped so that everybody can read it.

What once broke a law stays here, and is played again by every run and by the tests.
"""

from __future__ import annotations

import re
from pathlib import Path

PLACE = Path(__file__).resolve().parent / "corpus"

_NAMED = {0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x5C: "\\\\"}
_BYTES = {name: value for value, name in _NAMED.items()}
_PIECE = re.compile(r"\\x[0-9a-f]{2}|\\.|.", re.ASCII)


def escaped(data: bytes) -> str:
    r"""Return bytes as one line of ASCII: ``\n``, ``\xe4``; a leading ``#`` is escaped too."""
    line = "".join(
        _NAMED.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}")
        for byte in data
    )
    # Neither a comment nor an empty line, nor a blank that an editor would take away.
    line = re.sub(r"^#", r"\\x23", line)
    return re.sub(r" $", r"\\x20", line)


def unescaped(line: str) -> bytes:
    """Return the bytes of a line."""
    return bytes(
        _BYTES[piece]
        if piece in _BYTES
        else int(f"0{piece[1:]}", base=0)
        if piece[1:]
        else ord(piece)
        for piece in _PIECE.findall(line)
    )


def kept(name: str) -> list[bytes]:
    """Return the kept inputs of a target, in their order."""
    path = PLACE / f"{name}.txt"
    lines = path.read_text("ascii").splitlines() if path.exists() else []
    return [unescaped(line) for line in lines if line and not line.startswith("#")]


def keep(name: str, inputs: list[bytes]) -> int:
    """Add inputs to the kept ones; returns how many were new."""
    known = set(kept(name))
    new = [data for data in dict.fromkeys(inputs) if data and data not in known]
    if new:
        with (PLACE / f"{name}.txt").open("a", encoding="ascii") as file:
            file.writelines(f"{escaped(data)}\n" for data in new)
    return len(new)
