"""Searching whatever was written for every secret there is, in every form it may have taken."""

from __future__ import annotations

import base64
import html
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from sandbox.stack.stack import LocalStack

SHORTEST = 16
"""Nothing shorter is searched for: it would be found everywhere."""

# What depends on the neighbours at each of the three alignments within base64.
_OWN_FROM = (0, 2, 3)


class Secret(Protocol):
    """Something that must stand nowhere: its kind, and its value as text or bytes."""

    @property
    def kind(self) -> str:
        """What it is."""

    @property
    def value(self) -> str | bytes:
        """What must not be found."""


@dataclass(frozen=True, slots=True)
class Known:
    """A secret that somebody else than WeChat has made: a cookie, a session's id, a data key."""

    kind: str
    value: str | bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Leak:
    """A secret was found. It says where and in which form, never the secret."""

    kind: str
    form: str
    place: str


def forms(secret: str | bytes) -> dict[str, str]:
    """Return a secret as it stands and as text formats, URLs and base64 write it.

    Within base64 a text looks different at each of three alignments; what depends on its
    neighbours is cut off. Both alphabets are tried.
    """
    data = secret.encode() if isinstance(secret, str) else secret
    found = _of_text(secret) if isinstance(secret, str) else _of_bytes(secret)
    found |= {"hexadecimal": data.hex(), "HEXADECIMAL": data.hex().upper()}
    for shift in range(3):
        shifted = b"\0" * shift + data
        whole = shifted[: len(shifted) // 3 * 3]
        for name, encode in (
            ("base64", base64.b64encode),
            ("base64url", base64.urlsafe_b64encode),
        ):
            found[f"{name} at {shift}"] = encode(whole).decode()[_OWN_FROM[shift] :]
    return found


def _of_text(secret: str) -> dict[str, str]:
    once = quote(secret, safe="")
    return {
        "raw": secret,
        "percent-encoded": once,
        "percent-encoded in lower case": _lower_case(once),
        "percent-encoded but for slashes": quote(secret),
        "percent-encoded throughout": "".join(f"%{byte:02X}" for byte in secret.encode()),
        "percent-encoded twice": quote(once, safe=""),
        "JSON-escaped": json.dumps(secret)[1:-1],
        "JSON-escaped twice": json.dumps(json.dumps(secret)[1:-1])[1:-1],
        "JSON-escaped with its slashes": json.dumps(secret)[1:-1].replace("/", "\\/"),
        "JSON-escaped as it stands": json.dumps(secret, ensure_ascii=False)[1:-1],
        "HTML-escaped": html.escape(secret),
        "shown by Python": repr(secret)[1:-1],
    }


def _of_bytes(secret: bytes) -> dict[str, str]:
    return {"raw": secret.decode("latin-1"), "shown by Python": repr(secret)[2:-1]}


def _lower_case(encoded: str) -> str:
    head, *rest = encoded.split("%")
    return "%".join([head, *(part[:2].lower() + part[2:] for part in rest)])


def search(places: Mapping[str, str], secrets: Iterable[Secret]) -> list[Leak]:
    """Return every place in which a secret stands, in whatever form."""
    everything = "\0".join(places.values())
    leaks = []
    for secret in secrets:
        if len(secret.value) < SHORTEST:
            continue
        distinct: dict[str, str] = {}
        for form, text in forms(secret.value).items():
            distinct.setdefault(text, form)
        leaks += [
            Leak(secret.kind, form, place)
            for text, form in distinct.items()
            # Nearly always it is nowhere, which one look shows.
            if text in everything
            for place, content in places.items()
            if text in content
        ]
    return leaks


# ---- what was written ---------------------------------------------------------------------------


def written(stack: LocalStack) -> dict[str, str]:
    """Everything a running stack has written so far, by place: what a leak would stand in."""
    places = table_texts(stack.scan_table())
    for number, line in enumerate(stack.logs()):
        places[f"log of {line.function}, line {number}"] = line.text
    for number, event in enumerate(stack.bus_events()):
        places[f"event {event.kind}, number {number}"] = event.raw
    for queue, bodies in stack.queue_messages().items():
        for number, body in enumerate(bodies):
            places[f"queue {queue}, message {number}"] = body
    for name, function in stack.functions.items():
        configuration = stack.root.lambda_.get_function_configuration(FunctionName=function.alias)
        places[f"configuration of {name}"] = json.dumps(configuration, default=str)
    described = stack.root.cloudformation.describe_stacks()["Stacks"]
    places["parameters and outputs of the stack"] = json.dumps(described, default=str)
    places["complaints of the emulator"] = "\n".join(stack.complaints())
    return places


def table_texts(items: Iterable[Mapping[str, AttributeValueTypeDef]]) -> dict[str, str]:
    """Return the items of a table as texts by their keys; binary values as bytes and as base64."""
    return {
        f"item {item['pk'].get('S')} {item['sk'].get('S')}": "\n".join(_texts(item))
        for item in items
    }


def _texts(value: object) -> Iterator[str]:
    match value:
        case bytes():
            yield value.decode("latin-1")
            yield base64.b64encode(value).decode()
        case dict():
            for name, part in value.items():
                yield str(name)
                yield from _texts(part)
        case list() | set() | tuple():
            for part in value:
                yield from _texts(part)
        case _:
            yield str(value)
