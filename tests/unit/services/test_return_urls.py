"""Where a merchant may be sent back to: inside the allowed addresses, for every reader."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wxvault.errors import InvalidRequestError
from wxvault.services.return_urls import check_return_url, with_parameters

SHOP = ("https://shop.example.com/back",)
LOOPBACK = ("http://localhost:8080/",)
MANY = (
    "https://shop.example.com/back",
    "https://shop.example.com:8443/",
    "https://other.example.com",
    "https://[2001:db8::1]/back/",
)

INSIDE = [
    ("https://shop.example.com/back", SHOP),
    ("https://shop.example.com/back/", SHOP),
    ("https://shop.example.com/back/to/me", SHOP),
    ("https://shop.example.com/back?order=1&next=%2Fetc", SHOP),
    ("https://shop.example.com/back#/hash/router?x=1", SHOP),
    ("https://shop.example.com:443/back", SHOP),
    ("HTTPS://SHOP.example.COM/back", SHOP),
    ("https://shop.example.com/back/a.b/..c/...", SHOP),
    ("https://shop.example.com/back/100%25", SHOP),
    ("http://localhost:8080", LOOPBACK),
    ("http://localhost:8080/any/where", LOOPBACK),
    ("https://shop.example.com:8443/x", MANY),
    ("https://other.example.com", MANY),
    ("https://other.example.com?x", MANY),
    ("https://[2001:db8::1]/back/x", MANY),
]

OUTSIDE = [
    ("another host", "https://evil.example/back"),
    ("a longer host", "https://shop.example.com.evil.example/back"),
    ("a shorter host", "https://example.com/back"),
    ("a host in front", "https://evil-shop.example.com/back"),
    ("another path", "https://shop.example.com/"),
    ("no path", "https://shop.example.com"),
    ("not at a slash", "https://shop.example.com/backdoor"),
    ("not at a slash, a dot", "https://shop.example.com/back.html"),
    ("another case", "https://shop.example.com/Back"),
    ("another scheme", "http://shop.example.com/back"),
    ("a script", "javascript:alert(1)"),
    ("data", "data:text/html,x"),
    ("no scheme", "//shop.example.com/back"),
    ("only a path", "/back"),
    ("nothing", ""),
    ("another port", "https://shop.example.com:444/back"),
    ("port zero", "https://shop.example.com:0/back"),
    ("a port that is none", "https://shop.example.com:x/back"),
    ("a port beyond ports", "https://shop.example.com:65536/back"),
    ("a user", "https://user@shop.example.com/back"),
    ("a user who looks like the host", "https://shop.example.com@evil.example/back"),
    ("a user and a password", "https://shop.example.com:443@evil.example/back"),
    ("an encoded at sign", "https://shop.example.com%40evil.example/back"),
    ("a backslash before the host", "https:\\\\shop.example.com/back"),
    ("a backslash behind the host", "https://shop.example.com\\@evil.example/back"),
    ("a backslash in the path", "https://shop.example.com/back\\..\\x"),
    ("an encoded host", "https://%73hop.example.com/back"),
    ("an encoded dot in the host", "https://shop%2eexample.com/back"),
    ("two dots", "https://shop.example.com/back/../admin"),
    ("two dots at the end", "https://shop.example.com/back/.."),
    ("one dot", "https://shop.example.com/back/./x"),
    ("encoded dots", "https://shop.example.com/back/%2e%2e/admin"),
    ("half encoded dots", "https://shop.example.com/back/.%2E/admin"),
    ("an encoded slash", "https://shop.example.com/back%2F..%2Fadmin"),
    ("an encoded backslash", "https://shop.example.com/back/..%5Cadmin"),
    ("an encoded letter in the prefix", "https://shop.example.com/b%61ck"),
    ("a trailing dot", "https://shop.example.com./back"),
    ("a non-ASCII host", "https://shöp.example.com/back"),
    ("a full-width dot", "https://shop。example.com/back"),
    ("a full-width letter", "https://ｓhop.example.com/back"),
    ("a non-ASCII path", "https://shop.example.com/back/ü"),
    ("a blank in front", " https://shop.example.com/back"),
    ("a blank inside", "https://shop.example.com/back/a b"),
    ("a line break", "https://shop.example.com/back\r\nSet-Cookie: a=b"),
    ("a tab in the scheme", "ht\ttps://shop.example.com/back"),
    ("a null", "https://shop.example.com/back\x00"),
    ("angle brackets", "https://shop.example.com/back?<script>"),
    ("a quote", 'https://shop.example.com/back?"'),
    ("three slashes", "https:///shop.example.com/back"),
    ("one slash", "https:/shop.example.com/back"),
    ("no slash", "https:shop.example.com/back"),
    ("an open bracket", "https://[shop.example.com/back"),
    ("two ports", "https://shop.example.com:443:443/back"),
    ("too long", "https://shop.example.com/back/" + "a" * 2000),
]


@pytest.mark.parametrize(("return_url", "allowed"), INSIDE)
def test_inside(return_url: str, allowed: tuple[str, ...]) -> None:
    """Same scheme, host and port, and below the path: it is accepted as it was given."""
    assert check_return_url(return_url, allowed) == return_url


@pytest.mark.parametrize(
    "return_url", [case[1] for case in OUTSIDE], ids=[case[0] for case in OUTSIDE]
)
def test_outside(return_url: str) -> None:
    """What is outside, or what two readers may read differently, is refused by name."""
    with pytest.raises(InvalidRequestError) as raised:
        check_return_url(return_url, SHOP)
    assert raised.value.field == "return_url"
    assert "ReturnUrls" in raised.value.remedy


@pytest.mark.parametrize("wrong", [None, 7, True, ["https://shop.example.com/back"], {}])
def test_not_a_text(wrong: object) -> None:
    """Anything but text is refused."""
    with pytest.raises(InvalidRequestError):
        check_return_url(wrong, SHOP)


def test_nothing_is_allowed_by_nothing() -> None:
    """Without ReturnUrls nobody is sent anywhere."""
    with pytest.raises(InvalidRequestError):
        check_return_url("https://shop.example.com/back", ())


def test_a_prefix_with_a_slash_does_not_allow_itself_without() -> None:
    """``/back/`` allows what is below it, not ``/back``, which may be another page."""
    with pytest.raises(InvalidRequestError):
        check_return_url("https://[2001:db8::1]/back", MANY)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_no_text_leads_outside(one: str, two: str, three: str) -> None:
    """Whatever is accepted is, for the usual reader, on the host and below the path."""
    candidate = f"https://{one}shop.example.com{two}/back{three}"
    try:
        accepted = check_return_url(candidate, SHOP)
    except InvalidRequestError:
        return
    parts = urlsplit(accepted)
    assert (parts.scheme, parts.hostname, parts.username) == ("https", "shop.example.com", None)
    assert parts.path == "/back" or parts.path.startswith("/back/")


# --- our parameters ------------------------------------------------------------------------------

OURS = {"status": "done", "authorizer_appid": "wx00000000000000a1"}


@pytest.mark.parametrize(
    ("return_url", "with_ours"),
    [
        ("https://s.example/back", "https://s.example/back?status=done&authorizer_appid=A"),
        ("https://s.example", "https://s.example/?status=done&authorizer_appid=A"),
        ("https://s.example/back?", "https://s.example/back?status=done&authorizer_appid=A"),
        ("https://s.example/b?x=1", "https://s.example/b?x=1&status=done&authorizer_appid=A"),
        ("https://s.example/b?x=", "https://s.example/b?x=&status=done&authorizer_appid=A"),
        ("https://s.example/b#/r", "https://s.example/b?status=done&authorizer_appid=A#/r"),
        (
            "https://s.example/b?x=1#r?y",
            "https://s.example/b?x=1&status=done&authorizer_appid=A#r?y",
        ),
        (
            "https://s.example/b?x=1&x=2",
            "https://s.example/b?x=1&x=2&status=done&authorizer_appid=A",
        ),
        ("https://s.example/b?status=lie", "https://s.example/b?status=done&authorizer_appid=A"),
        (
            "https://s.example/b?%73tatus=lie&a=b",
            "https://s.example/b?a=b&status=done&authorizer_appid=A",
        ),
        (
            "https://s.example/b?a=%26status",
            "https://s.example/b?a=%26status&status=done&authorizer_appid=A",
        ),
    ],
)
def test_our_parameters(return_url: str, with_ours: str) -> None:
    """Ours stand in the query before any #, what was there stays, and ours win."""
    told = {"status": "done", "authorizer_appid": "A"}
    assert with_parameters(return_url, told) == with_ours


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40), st.text(max_size=20))
def test_no_state_can_add_a_parameter(state: str, name: str) -> None:
    """Whatever text is handed back arrives as that text, and adds or changes no other parameter."""
    try:
        state.encode()
        name.encode()
    except UnicodeEncodeError:
        return
    back = with_parameters("https://s.example/b?kept=1", OURS | {"state": state})
    assert parse_qs(urlsplit(back).query, keep_blank_values=True) == {
        "kept": ["1"],
        "status": ["done"],
        "authorizer_appid": ["wx00000000000000a1"],
        "state": [state],
    }
    assert urlsplit(back).fragment == ""
