"""Reading a translated template: what is of a type, what a value refers to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    Resources = dict[str, dict[str, Any]]


def of_type(resources: Resources, kind: str) -> Resources:
    """Return the properties of every resource of a type, by logical id."""
    return {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == kind
    }


def target(value: Any) -> str:
    """Return what a value refers to, as a word: ``Table.Arn``, ``PushSecretArn``, ``${A}/b``."""
    match value:
        case {"Ref": str(name)}:
            return name
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"{name}.{attribute}"
        case {"Fn::Sub": str(text)}:
            return text
        case {"Fn::If": [_, there, "" | {"Ref": "AWS::NoValue"}]}:
            # What there is only under a condition is named by what it is then.
            return target(there)
        case str():
            return value
    raise AssertionError(value)


def listed(value: Any) -> list[Any]:
    """Return a value that may stand alone as the list it stands for."""
    return value if isinstance(value, list) else [value]


def statements(node: Any) -> Iterator[dict[str, Any]]:
    """Return every policy statement anywhere below a node."""
    if isinstance(node, dict):
        if "Effect" in node:
            yield node
        for value in node.values():
            yield from statements(value)
    elif isinstance(node, list):
        for value in node:
            yield from statements(value)


def strings(node: Any) -> Iterator[str]:
    """Return every string anywhere below a node, keys too."""
    match node:
        case str():
            yield node
        case dict():
            for key, value in node.items():
                yield key
                yield from strings(value)
        case list():
            for value in node:
                yield from strings(value)
