"""What an item's attribute holds, if it is of the kind that was written there: else nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wxvault.vault.expressions import Value


def text(value: Value) -> str | None:
    """Return a text; None for anything else."""
    return value if isinstance(value, str) else None


def number(value: Value) -> float | None:
    """Return a number; None for anything else, a truth value too."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def whole(value: Value) -> int | None:
    """Return a number without what stands behind its point; None for anything else."""
    found = number(value)
    return None if found is None else int(found)
