"""What somebody says with NAME=1 behind a make target: yes, no, or another word it knows."""

from __future__ import annotations

YES = "yes"

_YES = frozenset({"1", "yes", "true"})
_NO = frozenset({"", "0", "no", "false"})


class UnclearFlagError(Exception):
    """Neither yes nor no; the text says what to say instead."""


def flag(name: str, value: str, *also: str) -> str:
    """Return ``yes``, nothing for no, or one of ``also``; large and small letters are the same.

    Raises:
        UnclearFlagError: nobody can tell; nothing may be done then.
    """
    word = value.strip().lower()
    if word in _YES:
        return YES
    if word in _NO:
        return ""
    if word in also:
        return word
    known = ", ".join(f"{name}={one}" for one in ("1", *also))
    raise UnclearFlagError(f"{name}={value} is neither yes nor no. Say {known}, or leave it out.")
