"""The schemas under docs/events, and the check that what is published fits them.

Subscribers have to bear fields that are added, so a schema allows them. Whoever publishes may not
add one that no schema knows: here each schema is closed.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "events"


class SchemaError(AssertionError):
    """An event was published that does not fit its schema, or has none."""


def names() -> list[str]:
    """Return every event that has a schema."""
    return sorted(path.stem for path in SCHEMAS.glob("*.json"))


@cache
def schema(name: str) -> dict[str, Any]:
    """Return an event's schema as it is published.

    Raises:
        SchemaError: there is none.
    """
    try:
        found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))
    except FileNotFoundError:
        raise SchemaError(f"{name}: docs/events has no schema of it") from None
    return found


@cache
def _closed(name: str) -> Draft202012Validator:
    return Draft202012Validator(schema(name) | {"additionalProperties": False})


def must_fit(name: str, detail: Mapping[str, object]) -> None:
    """Look at an event that is published.

    Raises:
        SchemaError: it does not fit; says where, and no value.
    """
    wrong = [
        f"{'.'.join(map(str, error.path)) or 'the event'}: {error.validator}"
        for error in _closed(name).iter_errors(json.loads(json.dumps(detail)))
    ]
    if wrong:
        raise SchemaError(f"{name} does not fit its schema: {', '.join(sorted(wrong))}")
