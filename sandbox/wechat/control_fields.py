"""Reading the fields of a control request: the right kind, or an error that names the field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, get_args

from sandbox.wechat.desk import PushMode
from sandbox.wechat.push_options import PushOptions

if TYPE_CHECKING:
    from collections.abc import Mapping


class BadFieldError(ValueError):
    """A field of a control request is missing or malformed."""


class Fields:
    """The fields of one request. ``texts``: they come from a query, so numbers are texts."""

    def __init__(self, values: Mapping[str, Any], *, texts: bool = False) -> None:
        self._values = values
        self._texts = texts

    def everything(self) -> Mapping[str, Any]:
        """Return all fields as they came."""
        return self._values

    def has(self, name: str) -> bool:
        """Return whether the field is there."""
        return name in self._values

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text; without ``default`` it must be there and not empty."""
        value = self._values.get(name)
        if value is None:
            value = default
        if not isinstance(value, str) or (default is None and not value):
            raise BadFieldError(f"{name}: is missing or not a text")
        return value

    def number(self, name: str, default: int) -> int:
        """Return a whole number."""
        value = self._values.get(name, default)
        if self._texts and isinstance(value, str) and value.isdecimal():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadFieldError(f"{name}: is not a whole number")
        return value

    def seconds(self, name: str, default: float | None = None) -> float:
        """Return a number of seconds."""
        value = self._values.get(name, default)
        if self._texts and isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                value = None
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise BadFieldError(f"{name}: is not a number of seconds")
        return float(value)

    def flag(self, name: str) -> bool:
        """Return a boolean; absent is false."""
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            raise BadFieldError(f"{name}: is neither true nor false")
        return value

    def numbers(self, name: str) -> tuple[int, ...] | None:
        """Return a list of whole numbers; None when absent."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(type(entry) is int for entry in value):
            raise BadFieldError(f"{name}: is not a list of whole numbers")
        return tuple(value)

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Return an object; absent is empty."""
        value = self._values.get(name, {})
        if not isinstance(value, dict):
            raise BadFieldError(f"{name}: is not an object")
        return value

    def strings(self, name: str) -> dict[str, str]:
        """Return an object of texts; absent is empty."""
        return {key: str(value) for key, value in self.mapping(name).items()}

    def push_mode(self) -> PushMode:
        """Return how a push goes: ``push`` is now (default), first, hold or none."""
        mode = self.text("push", "now")
        if mode not in get_args(PushMode):
            raise BadFieldError(f"push: is none of {', '.join(get_args(PushMode))}")
        return cast("PushMode", mode)

    def push_options(self) -> PushOptions | None:
        """Return ``options`` of a push; None when absent."""
        return PushOptions.from_json(self._values["options"]) if self.has("options") else None
