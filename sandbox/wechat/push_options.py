"""What may be asked of a single push: held back, repeated, late, wrong in one way or another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class PushOptionError(ValueError):
    """An option of a push is unknown or malformed."""


@dataclass(frozen=True, slots=True)
class PushOptions:
    """How one push is delivered. The defaults are a push as WeChat sends it.

    ``hold``: not before it is released. ``delay``: real seconds before the first attempt.
    ``duplicate``: how many times more, one after the other. ``attempts``: instead of the setting.
    ``wrong_signature``, ``old_key`` (and ``old_token``: the previous ones of the settings, which a
    rotation leaves behind), ``wrong_key`` (one of nobody), ``wrong_appid`` (inside and outside are
    another component's), ``plaintext`` (not encrypted at all).
    """

    hold: bool = False
    delay: float = 0
    duplicate: int = 0
    attempts: int = 0
    wrong_signature: bool = False
    old_key: bool = False
    old_token: bool = False
    wrong_key: bool = False
    wrong_appid: bool = False
    plaintext: bool = False

    @classmethod
    def from_json(cls, values: object) -> PushOptions:
        """Build the options from JSON; absent is default. Raises PushOptionError."""
        if values is None:
            return cls()
        if not isinstance(values, Mapping):
            raise PushOptionError("options: is not an object")
        given: dict[str, Any] = dict(values)
        for name, value in given.items():
            item = cls.__dataclass_fields__.get(name)
            if item is None:
                raise PushOptionError(f"{name}: no such option")
            wanted = {"int": int, "float": int | float}.get(str(item.type), bool)
            if not isinstance(value, wanted) or value < 0:
                raise PushOptionError(f"{name}: is not of the right kind ({item.type})")
        return cls(**given)
