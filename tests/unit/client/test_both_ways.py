"""Direct invoke and signed HTTP: the same question, and the same refusals before it is asked."""

from __future__ import annotations

import enum
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from tests.unit.client.test_client_calls import MIB, OK, by_http, by_invoke
from wxvault.client_calls import AuthorizerClient, File
from wxvault.errors import InvalidRequestError, RequestTooLargeError
from wxvault.runtime import call_requests

if TYPE_CHECKING:
    from collections.abc import Callable


class Kind(str, enum.Enum):  # noqa: UP042 -- one that writes itself otherwise
    """What callers may have their parameters be."""

    IMAGE = "image"


QUERY: dict[str, tuple[Any, str]] = {
    "a text": ("a b&=示", "a b&=示"),
    "a member": (Kind.IMAGE, "image"),
    "a number": (3, "3"),
    "a fraction": (0.5, "0.5"),
    "true": (True, "true"),
    "false": (False, "false"),
}


@pytest.mark.parametrize("name", QUERY)
def test_both_ways_ask_the_same(name: str) -> None:
    """What reaches the function has the same texts in its query, whichever way it came."""
    value, text = QUERY[name]
    client, function = by_invoke(OK, OK)
    client.get("/a", x=value)
    client.post("/a", json={"x": 1}, x=value)
    other, http = by_http(*[(200, "application/json", b"{}")] * 2)
    other.get("/a", x=value)
    other.post("/a", json={"x": 1}, x=value)
    for asked in function.asked:
        assert call_requests.from_invoke(asked).call.query == {"x": text}  # type: ignore[union-attr]
    for _, path, _, _ in http.asked:
        assert dict(parse_qsl(path.partition("?")[2])) == {"x": text}


def test_the_limit_of_a_body_is_the_same_both_ways() -> None:
    """4 MiB of JSON, as the client writes it and as the function counts it, and one byte more."""
    for size, fits in ((4 * MIB, True), (4 * MIB + 1, False)):
        body = {"text": "示" * 1000, "more": ""}
        body["more"] = "x" * (size - len(json.dumps(body, ensure_ascii=False).encode()))
        client, function = by_invoke(OK)
        client.post("/a", json=body)
        other, http = by_http((200, "application/json", b"{}"))
        other.post("/a", json=body)
        assert len(http.asked[0][2]) == size
        if fits:
            taken = call_requests.from_invoke(function.asked[0])
            assert taken.call.body == http.asked[0][2]  # type: ignore[union-attr]
        else:
            with pytest.raises(RequestTooLargeError):
                call_requests.from_invoke(function.asked[0])


MISTAKES: dict[str, tuple[str, Callable[[AuthorizerClient], object]]] = {
    "no value": ("query", lambda c: c.get("/a", x=None)),  # type: ignore[arg-type]
    "a list": ("query", lambda c: c.get("/a", x=[1])),  # type: ignore[arg-type]
    "bytes": ("query", lambda c: c.get("/a", x=b"1")),  # type: ignore[arg-type]
    "no number": ("query", lambda c: c.get("/a", x=float("nan"))),
    "half a character": ("query", lambda c: c.get("/a", x="\ud800")),
    "half a character in a file's query": (
        "query",
        lambda c: c.upload("/a", {"m": File("a", b"")}, x="\ud800"),
    ),
    "an object": ("json", lambda c: c.post("/a", json=object())),
    "an object within": ("json", lambda c: c.post("/a", json={"a": [{1}]})),
    "bytes as JSON": ("json", lambda c: c.post("/a", json=b"{}")),
    "no number as JSON": ("json", lambda c: c.post("/a", json={"a": float("inf")})),
    "half a character as JSON": ("json", lambda c: c.post("/a", json={"a": "\udfff"})),
    "JSON within itself": ("json", lambda c: c.post("/a", json=endless())),
    "half a character in a login": ("request", lambda c: c.login("\ud800")),
}


def endless() -> list[Any]:
    """Return a list that is its own element."""
    itself: list[Any] = []
    itself.append(itself)
    return itself


@pytest.mark.parametrize("name", MISTAKES)
def test_both_ways_refuse_the_same(name: str) -> None:
    """With the same error, which names the field, before anything is sent."""
    field_, ask = MISTAKES[name]
    client, function = by_invoke()
    other, http = by_http()
    said = set()
    for one in (client, other):
        with pytest.raises(InvalidRequestError) as refused:
            ask(one)
        assert refused.value.field == field_
        said.add(refused.value.message)
    assert len(said) == 1
    assert function.asked == http.asked == []
