"""No open redirect: what is accepted leads inside for a browser too, which reads addresses its way.

Candidates are put together from what has fooled such checks before. Our reader decides, another
one, lenient as browsers are, says where a browser would have gone.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.browser_urls import Place, read
from wxvault.errors import InvalidRequestError
from wxvault.services.return_urls import check_return_url, with_parameters

ALLOWED = (
    "https://shop.example.com/back",
    "https://shop.example.com:8443/deep/",
    "https://other.example.com",
    "http://127.0.0.1:8080/returned",
)
INSIDE = [
    ("https", "shop.example.com", 443, "/back"),
    ("https", "shop.example.com", 8443, "/deep/"),
    ("https", "other.example.com", 443, "/"),
    ("http", "127.0.0.1", 8080, "/returned"),
]
ENDS = ("", " ", "\t", "\n", "\x00", "\u3000")
SCHEMES = ("https", "https", "https", "http", "HTTPS", "Https", "ht\ttps", "javascript", "data", "")
STARTS = (
    "://",
    "://",
    "://",
    "://",
    ":/",
    ":",
    ":///",
    ":\\\\",
    "//",
    ":\t//",
    "://\\",
    "://@",
    ":/\\",
)
USERS = (
    "",
    "",
    "",
    "",
    "user@",
    "user:pw@",
    "evil.example@",
    "evil.example\\@",
    "@",
    ":@",
    "%40",
    "a@b@",
)
HOSTS = (
    *("shop.example.com",) * 8,
    *("other.example.com", "127.0.0.1", "SHOP.example.com"),
    *("evil.example", "shop.example.com.evil.example", "evil.example#shop.example.com"),
    *(
        "shop.example.com.",
        "shop.example.com%2eevil.example",
        "shop%2eexample.com",
        "shop。example.com",
    ),
    *(
        "shop.example.com%00.evil.example",
        "shop.example.com\\.evil.example",
        "shop.example.com:@evil.example",
    ),
    *(
        "evil.example\\shop.example.com",
        "evil.example?shop.example.com",
        "evil.example/shop.example.com",
    ),
    *(
        "shop.example.com\t",
        "sh\nop.example.com",
        "ѕhop.example.com",
        "ｓhop.example.com",
        "shop.example.com\u00ad",
    ),
    *(
        "0x7f.0.0.1",
        "127.1",
        "2130706433",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0177.0.0.1",
        "127.0.0.1.evil.example",
    ),
    *("xn--shop-.example.com", "", ".", "shop.example.com,evil.example", "$shop.example.com"),
)
PORTS = (
    "",
    "",
    "",
    "",
    ":443",
    ":8443",
    ":8080",
    ":80",
    ":",
    ":0443",
    ":99999",
    ":443@evil.example",
    ":４４３",
    ":-1",
)
PATHS = (
    *("/back", "/back/", "/back/x", "/deep/x", "/returned", "/", "", "/back/x/y"),
    *("/backdoor", "/back.evil", "/BACK", "/deep", "/other", "//evil.example", "/\\evil.example"),
    *(
        "/back/..",
        "/back/../other",
        "/back/./x",
        "/back/%2e%2e/other",
        "/back/.%2E/other",
        "/back/..;/other",
    ),
    *(
        "/back%2f..%2fother",
        "/back%5c..%5cother",
        "/back\\..\\other",
        "/back/..\\other",
        "/back/%2e",
        "/back/....",
    ),
    *(
        "\\back",
        "\t/back",
        "/ba\nck",
        "/back\x7f",
        "/back/\u202e",
        "/%62ack",
        "/back%00",
        "/back;/x",
        "/back/..%3b/",
    ),
)
TAILS = (
    *(
        "",
        "",
        "",
        "?x=1",
        "#f",
        "?status=lie",
        "?u=https://evil.example",
        "?a=b#/r?x",
        "?",
        "#",
        "#//evil.example",
    ),
    *(
        "?@evil.example",
        "#@evil.example",
        "?\\",
        "? ",
        "?%0d%0aSet-Cookie:a=b",
        "\r\nSet-Cookie: a=b",
    ),
)
PARTS = (
    ENDS[:1] * 12 + ENDS,
    SCHEMES,
    STARTS,
    USERS,
    HOSTS,
    PORTS,
    PATHS,
    TAILS,
    ENDS[:1] * 12 + ENDS,
)

GOOD = ("", "https", "://", "", "shop.example.com", "", "/back", "", "")


def is_inside(place: Place | None) -> bool:
    """Say whether a browser ends where merchants may be sent."""
    return place is not None and any(
        (place.scheme, place.host, place.port) == (scheme, host, port)
        and (place.path == path or place.path.startswith(path.rstrip("/") + "/"))
        for scheme, host, port, path in INSIDE
    )


def assert_safe(candidate: str) -> bool:
    """Whatever is accepted leads inside, as it is and with our parameters; whether it was."""
    try:
        accepted = check_return_url(candidate, ALLOWED)
    except InvalidRequestError:
        return False
    assert accepted == candidate
    assert is_inside(read(accepted)), candidate
    location = with_parameters(accepted, {"status": "done", "state": "//evil.example\\@x\r\n"})
    assert location.isascii()
    assert location.isprintable()
    assert " " not in location
    assert is_inside(read(location)), (candidate, location)
    return True


def test_ten_thousand_tricks() -> None:
    """One to four tricks at a time in a good address: nothing that is accepted leads outside."""
    chance = random.Random(7)
    candidates = set()
    for _ in range(40_000):
        parts = list(GOOD)
        for at in chance.sample(range(len(PARTS)), chance.randint(1, 4)):
            parts[at] = chance.choice(PARTS[at])
        candidates.add("".join(parts))
    assert len(candidates) > 10_000
    assert sum(assert_safe(candidate) for candidate in candidates) > 150


def test_every_trick_alone() -> None:
    """Each part of every kind in an address that is good but for it."""
    accepted = set()
    for at, part in enumerate(PARTS):
        for trick in part:
            candidate = "".join([*GOOD[:at], trick, *GOOD[at + 1 :]])
            if assert_safe(candidate):
                accepted.add(candidate)
    assert "https://shop.example.com/back" in accepted
    assert "https://SHOP.example.com/back" in accepted
    for refused in ("/back/..", "/back/%2e%2e/other", "/back%2f..%2fother", "//evil.example"):
        assert f"https://shop.example.com{refused}" not in accepted


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.one_of(st.sampled_from([piece for part in PARTS for piece in part]), st.characters()),
        max_size=12,
    )
)
def test_pieces_in_any_order(pieces: list[str]) -> None:
    """No order of them, and no character between them, leads outside."""
    assert_safe("https://shop.example.com/back" + "".join(pieces))
    assert_safe("".join(pieces))


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("https:/\\evil.example\\x", ("https", "evil.example", 443, "/x")),
        ("https://a@evil.example", ("https", "evil.example", 443, "/")),
        ("ht\ttps://ev\nil.example", ("https", "evil.example", 443, "/")),
        ("http://0x7f.1", ("http", "127.0.0.1", 80, "/")),
        ("http://2130706433:8080/a/../b", ("http", "127.0.0.1", 8080, "/b")),
        ("https://shop%2eexample.com", ("https", "shop.example.com", 443, "/")),
        ("https://s/back/%2e%2E/x", ("https", "s", 443, "/x")),
        ("https://s/a/..", ("https", "s", 443, "/")),
    ],
)
def test_the_other_reader_is_as_lenient_as_browsers(
    address: str, place: tuple[str, str, int, str]
) -> None:
    """It follows tricks that browsers follow; a reader as strict as ours would prove nothing."""
    assert read(address) == Place(*place)
