"""Where the emulator differs from AWS in a way that would prove too much, and what is done there.

Each correction replaces one function of the pinned emulator by a wrapper around it. They use names
that the emulator does not promise, so the version is compared first and every name is looked for:
a newer emulator stops the start with the name that is gone, it never runs half corrected.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PINNED_VERSION = "1.5.33"


class EmulatorChangedError(RuntimeError):
    """The installed emulator is not the one that these corrections were written for."""


@dataclass(frozen=True, slots=True)
class Correction:
    """One difference to AWS: a name, why it matters, and the function that removes it."""

    name: str
    reason: str
    apply: Callable[[], None]


def check_version() -> None:
    """Raise `EmulatorChangedError` unless exactly the pinned emulator is installed."""
    found = importlib.metadata.version("ministack")
    if found != PINNED_VERSION:
        raise EmulatorChangedError(
            f"ministack {found} is installed, the corrections are for {PINNED_VERSION}: "
            "run `make setup`, or review sandbox/stack/emulator for the newer version"
        )


def module(name: str) -> Any:
    """A module of the emulator, by its dotted name."""
    return importlib.import_module(name)


def original(owner: Any, name: str) -> Any:
    """The attribute ``name`` of an emulator's module or class, before anybody replaces it."""
    try:
        return getattr(owner, name)
    except AttributeError as gone:
        place = getattr(owner, "__name__", owner)
        raise EmulatorChangedError(f"{place}.{name} is gone from the emulator") from gone


def replace(owner: Any, name: str, value: Any) -> None:
    """Put ``value`` in the place of an attribute that must be there."""
    original(owner, name)
    setattr(owner, name, value)
