"""HTML by construction: text is escaped because only elements are not."""

from __future__ import annotations

import html
from typing import Final

_VOID: Final = frozenset({"meta", "br", "circle", "path", "rect", "input"})


class Html(str):
    """Markup that is safe to put into markup; made by :func:`element` and constants only."""

    __slots__ = ()


type Child = Html | str | None


def element(tag: str, *children: Child, **attributes: str | None) -> Html:
    """Return an element. Plain text is escaped; ``None`` is left out, as child and attribute.

    A trailing underscore is dropped from an attribute's name, others become dashes (``class_``,
    ``aria_label``).
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(value, quote=True)}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Html(f"<{tag}{written}>")
    return Html(f"<{tag}{written}>{join(*children)}</{tag}>")


def join(*children: Child) -> Html:
    """Put children side by side."""
    return Html(
        "".join(
            child if isinstance(child, Html) else html.escape(printable(child))
            for child in children
            if child is not None
        )
    )


def printable(text: str) -> str:
    """Return ``text`` without control characters and without those that turn the reading order.

    Names come from outside; one of them must not rearrange the sentence it stands in.
    """
    return "".join(character for character in text if character.isprintable())
