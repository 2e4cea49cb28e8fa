"""The search for secrets: it finds one planted leak of each kind, in each form, in each place."""

from __future__ import annotations

import base64
import html
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, urlencode

import pytest

from sandbox.stack.leaks import SHORTEST, Known, Leak, forms, search, table_texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

# Of WeChat's shapes, and two that every escaping changes.
SECRETS = {
    "ticket": "ticket@@@" + "Hc7_-" * 17 + "x",
    "access token": "57_" + "aB3-_" * 30 + "Zz9x",
    "refresh token": "refreshtoken@@@" + "Rr8_-" * 8 + "abc",
    "app secret": "0123456789abcdef0123456789abcdef",
    "EncodingAESKey": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
    "odd": "a/b+c=d&e f\"g\\h<i>'j%k~l",
    "foreign": "密钥 and a little more",
}

HOW: dict[str, Callable[[str], str]] = {
    "raw": str,
    "percent-encoded": lambda secret: quote(secret, safe=""),
    "percent-encoded, lower case": lambda secret: _lower(quote(secret, safe="")),
    "percent-encoded as a path": quote,
    "percent-encoded twice": lambda secret: quote(quote(secret, safe=""), safe=""),
    "percent-encoded throughout": lambda secret: "".join(f"%{b:02X}" for b in secret.encode()),
    "base64 at 0": lambda secret: _base64("", secret),
    "base64 at 1": lambda secret: _base64("x", secret),
    "base64 at 2": lambda secret: _base64("xy", secret),
    "base64url at 0": lambda secret: _base64url("", secret),
    "base64url at 1": lambda secret: _base64url("x", secret),
    "base64url at 2": lambda secret: _base64url("xy", secret),
    "base64 without padding": lambda secret: _base64("", secret).rstrip("="),
    "JSON-escaped": json.dumps,
    "JSON-escaped, any script": lambda secret: json.dumps(secret, ensure_ascii=False),
    "JSON-escaped with slashes": lambda secret: json.dumps(secret).replace("/", "\\/"),
    "JSON within JSON": lambda secret: json.dumps(json.dumps({"token": secret})),
    "HTML-escaped": html.escape,
    "shown by Python": repr,
    "hexadecimal": lambda secret: secret.encode().hex(),
    "HEXADECIMAL": lambda secret: secret.encode().hex().upper(),
}

WHERE: dict[str, Callable[[str], str]] = {
    "log": lambda text: f'{{"level":"INFO","message":"renewal","detail":"got {text} at last"}}',
    "event": lambda text: f'{{"source":"wxvault","detail":{{"refresh":"{text}"}}}}',
    "queue": lambda text: f'{{"job":"authorizer","code":"{text}"}}',
    "page": lambda text: f"<html><body><p>Your code is {text}.</p></body></html>",
    "table": lambda text: f"A#wx0123456789abcdef#wx1\nTOKEN\naccess_token\n{text}\n1700000000",
    "URL": lambda text: (
        f"https://auth.example.com/authorized/x/result?status=done&token={text}#top"
    ),
}


def _lower(encoded: str) -> str:
    head, *rest = encoded.split("%")
    return "%".join([head, *(part[:2].lower() + part[2:] for part in rest)])


def _base64(before: str, secret: str) -> str:
    return base64.b64encode(f"{before}{secret}, and more".encode()).decode()


def _base64url(before: str, secret: str) -> str:
    return base64.urlsafe_b64encode(f"{before}{secret}, and more".encode()).decode()


def known() -> list[Known]:
    """All secrets, as a search is given them."""
    return [Known(kind, value) for kind, value in SECRETS.items()]


def innocent() -> dict[str, str]:
    """Places without a secret, with much that looks like one."""
    look_alikes = " ".join(value[:15] + "…" + value[-4:] for value in SECRETS.values())
    return {f"{name} without": place(look_alikes) for name, place in WHERE.items()}


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("kind", SECRETS)
def test_a_planted_leak_is_found(kind: str, how: str, where: str) -> None:
    """One leak among innocent places: found, with its kind and its place, and nothing else is."""
    planted = WHERE[where](HOW[how](SECRETS[kind]))
    found = search(innocent() | {"here": planted}, known())
    assert {(leak.kind, leak.place) for leak in found} == {(kind, "here")}


def test_innocent_places_hold_nothing() -> None:
    """Beginnings and ends of secrets are no secrets."""
    assert search(innocent(), known()) == []


def test_a_leak_is_named_and_not_repeated() -> None:
    """Kind, form and place, for a message of a failed test: the secret itself is in none of it."""
    secret = SECRETS["ticket"]
    (leak,) = search({"a log": f"ticket: {secret}"}, [Known("ticket", secret)])
    assert leak == Leak("ticket", "raw", "a log")
    assert secret not in repr([leak, Known("ticket", secret)])


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_the_base64_of_a_secret_is_recognised_whatever_surrounds_it(shift: int) -> None:
    """At every alignment, whatever bytes come before and after."""
    secret = SECRETS["app secret"]
    for before in (b"\0", b"\xff", b"z"):
        for after in (b"", b"\0", b"\xff\xff", b"abc"):
            data = before * (3 + shift) + secret.encode() + after
            assert forms(secret)[f"base64 at {shift}"] in base64.b64encode(data).decode()


DATA_KEY = bytes(range(1, 33))


@pytest.mark.parametrize(
    "how",
    [
        lambda key: key.decode("latin-1"),
        repr,
        bytes.hex,
        lambda key: base64.b64encode(key).decode(),
        lambda key: base64.b64encode(b"x" + key + b"y").decode(),
        lambda key: base64.urlsafe_b64encode(b"xy" + key).decode(),
    ],
    ids=["raw", "shown", "hexadecimal", "base64 at 0", "base64 at 1", "base64 at 2"],
)
def test_a_key_of_bytes_is_found(how: Callable[[bytes], str]) -> None:
    """Data keys are no text: as bytes, as hexadecimal, as base64, as Python shows them."""
    places = {"a log": f"key {how(DATA_KEY)} used", "another": "nothing"}
    assert {leak.place for leak in search(places, [Known("data key", DATA_KEY)])} == {"a log"}


def test_binary_attributes_are_searched_as_they_are() -> None:
    """A secret that was stored as bytes, whole or inside more, is found in the table."""
    secret = SECRETS["refresh token"]
    item: dict[str, AttributeValueTypeDef] = {
        "pk": {"S": "A#1"},
        "sk": {"S": "TOKEN"},
        "refresh_token": {"B": b"\x01" + secret.encode()},
        "others": {"M": {"inside": {"L": [{"SS": ["a", secret]}]}}},
    }
    texts = table_texts([item])
    assert list(texts) == ["item A#1 TOKEN"]
    assert search(texts, [Known("refresh token", secret)])
    assert search(table_texts([{"pk": {"S": "A"}, "sk": {"S": secret}}]), known())


def test_names_of_attributes_are_searched_too() -> None:
    """A secret may stand in the place of a name."""
    item: dict[str, AttributeValueTypeDef] = {
        "pk": {"S": "A#1"},
        "sk": {"S": "TOKEN"},
        "codes": {"M": {SECRETS["ticket"]: {"BOOL": True}}},
    }
    assert search(table_texts([item]), known())


def test_what_a_form_leaves_out_is_not_a_secret() -> None:
    """What every form writes can be read back: none of them is so short that it is everywhere."""
    for secret in SECRETS.values():
        assert min(len(text) for text in forms(secret).values()) >= SHORTEST


def test_urls_of_other_libraries_are_covered() -> None:
    """How the usual functions write a query: each of them is one of the forms."""
    for secret in SECRETS.values():
        places = {"query": urlencode({"t": secret}, quote_via=quote), "path": quote(secret)}
        assert {leak.place for leak in search(places, [Known("it", secret)])} == set(places)
    token = SECRETS["access token"]
    assert search({"form": quote_plus(token)}, [Known("it", token)])


def test_nothing_short_is_searched_for() -> None:
    """A value of a few characters would be found in innocent places."""
    assert search({"a log": "ok ok ok"}, [Known("short", "ok")]) == []
