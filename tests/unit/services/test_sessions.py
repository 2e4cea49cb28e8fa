"""Asking for a link: what a request may say, and what becomes of the session."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.house import COMPONENT, MERCHANT, House
from tests.unit.services.kit import asked, land, later, link, pushed, with_component
from wxvault.errors import InvalidRequestError, MintLimitError, UnknownSessionError
from wxvault.services.onboarding import session_fingerprint

DAY = 86400
RETURN_URL = "https://shop.example.com/back"

GOOD: list[tuple[str, dict[str, Any]]] = [
    ("nothing", {}),
    ("everything", {"return_url": RETURN_URL, "state": "s", "auth_type": 6, "tenant_name": "店"}),
    ("a biz_appid", {"biz_appid": MERCHANT}),
    ("permission sets", {"category_id_list": [1, 99]}),
    ("no permission sets", {"category_id_list": []}),
    ("the shortest ttl", {"ttl": 900}),
    ("the longest ttl", {"ttl": 7 * DAY}),
    ("the longest state", {"state": "x" * 512}),
    ("the longest tenant name", {"tenant_name": "店" * 128}),
    ("nulls", {"return_url": None, "state": None, "biz_appid": None, "tenant_name": None}),
    *[(f"auth_type {number}", {"auth_type": number}) for number in (1, 2, 3, 4, 5, 6, 8)],
    *[(f"style {style}", {"style": style}) for style in ("auto", "pc", "h5", "h5_old")],
]

BAD: list[tuple[str, dict[str, Any], str]] = [
    ("auth_type 0", {"auth_type": 0}, "auth_type"),
    ("auth_type 7", {"auth_type": 7}, "auth_type"),
    ("auth_type 9", {"auth_type": 9}, "auth_type"),
    ("auth_type true", {"auth_type": True}, "auth_type"),
    ("auth_type as text", {"auth_type": "3"}, "auth_type"),
    ("auth_type as fraction", {"auth_type": 3.0}, "auth_type"),
    ("an unknown field", {"redirect_uri": "https://evil.example"}, "redirect_uri"),
    ("another's tenant", {"tenant_id": "other"}, "tenant_id"),
    ("an unknown style", {"style": "popup"}, "style"),
    ("a style that is none", {"style": ["pc"]}, "style"),
    ("a style of null", {"style": None}, "style"),
    ("a short ttl", {"ttl": 899}, "ttl"),
    ("a long ttl", {"ttl": 7 * DAY + 1}, "ttl"),
    ("a ttl of true", {"ttl": True}, "ttl"),
    ("a ttl as text", {"ttl": "3600"}, "ttl"),
    ("a fractional ttl", {"ttl": 3600.5}, "ttl"),
    ("an endless ttl", {"ttl": float("inf")}, "ttl"),
    ("a long state", {"state": "x" * 513}, "state"),
    ("a state with a line break", {"state": "a\nb"}, "state"),
    ("a state with a null", {"state": "a\x00"}, "state"),
    ("a state that is a number", {"state": 5}, "state"),
    ("a long tenant name", {"tenant_name": "店" * 129}, "tenant_name"),
    ("a tenant name that turns round", {"tenant_name": "a\u202eb"}, "tenant_name"),
    ("a tenant name that is a list", {"tenant_name": ["a"]}, "tenant_name"),
    ("an original id", {"biz_appid": "gh_0123456789ab"}, "biz_appid"),
    ("a biz_appid in capitals", {"biz_appid": MERCHANT.upper()}, "biz_appid"),
    ("a biz_appid that is a number", {"biz_appid": 5}, "biz_appid"),
    ("permission sets as text", {"category_id_list": "1|99"}, "category_id_list"),
    ("permission set zero", {"category_id_list": [0]}, "category_id_list[0]"),
    ("permission set true", {"category_id_list": [1, True]}, "category_id_list[1]"),
    ("permission set as text", {"category_id_list": ["1"]}, "category_id_list[0]"),
    ("too many permission sets", {"category_id_list": [1] * 201}, "category_id_list"),
    ("a foreign return URL", {"return_url": "https://evil.example/back"}, "return_url"),
    ("a return URL that is none", {"return_url": 5}, "return_url"),
    ("auth_type 4 for the plugin", {"style": "plugin", "auth_type": 4}, "auth_type"),
    (
        "permission sets for the plugin",
        {"style": "plugin", "category_id_list": [1]},
        "category_id_list",
    ),
]

TENANTS_BAD = ["", "-a", ".a", "_a", "a" * 65, "a/b", "a b", "a#b", "ä", "a\n", None, 5, ["a"]]


@pytest.mark.parametrize("request_", [case[1] for case in GOOD], ids=[case[0] for case in GOOD])
def test_good_requests(request_: dict[str, Any]) -> None:
    """Every field within its bounds is accepted, and comes back from the table as it was."""
    house = with_component()
    created = house.onboarding.create("tenant", request_)
    session = house.sessions.get(session_fingerprint(created.session_id))
    assert session is not None
    assert session.tenant_id == "tenant"
    assert session.expires_at == house.clock.now() + request_.get("ttl", DAY) == created.expires_at
    assert session.auth_type == request_.get("auth_type", 3)
    assert session.style == request_.get("style", "auto")
    assert session.category_id_list == tuple(request_.get("category_id_list", ()))
    for name in ("return_url", "state", "biz_appid", "tenant_name"):
        assert getattr(session, name) == request_.get(name)
    assert created.launch_url == f"https://auth.example.com/authorize/{created.session_id}"
    assert asked(house) == []


@pytest.mark.parametrize(
    ("request_", "field"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
def test_bad_requests(request_: dict[str, Any], field: str) -> None:
    """What cannot be accepted is refused by the name of its field, and nothing is written."""
    house = with_component()
    before = dict(house.table.items)  # type: ignore[attr-defined]
    with pytest.raises(InvalidRequestError) as raised:
        house.onboarding.create("tenant", request_)
    assert raised.value.field == field
    assert house.table.items == before  # type: ignore[attr-defined]
    assert asked(house) == []


@pytest.mark.parametrize("tenant_id", TENANTS_BAD, ids=repr)
def test_bad_tenants(tenant_id: Any) -> None:
    """A tenant's id becomes part of keys and addresses, so it is a plain word."""
    with pytest.raises(InvalidRequestError) as raised:
        House().onboarding.create(tenant_id, {})
    assert raised.value.field == "tenant_id"


@pytest.mark.parametrize("tenant_id", ["a", "A1", "0", "shop.example-1_x", "a" * 64])
def test_good_tenants(tenant_id: str) -> None:
    """Letters, digits, dots, dashes and underscores, up to 64 of them."""
    assert House().onboarding.create(tenant_id, {}).session_id


def test_the_field_that_is_named_is_short() -> None:
    """An endless name of a field does not come back as an endless message."""
    with pytest.raises(InvalidRequestError) as raised:
        House().onboarding.create("tenant", {"x" * 10_000: 1})
    assert len(raised.value.message) < 200


def test_the_id_is_not_stored() -> None:
    """Whoever reads the table cannot open anybody's session: only its fingerprint is there."""
    house = with_component()
    created = house.onboarding.create("tenant", {"state": "s"})
    assert created.session_id not in repr(house.table)
    assert created.session_id not in repr(created)


# --- the plugin ----------------------------------------------------------------------------------


def test_the_plugin_gets_its_parameters() -> None:
    """A mini program has no page to open: it gets what the plugin's call takes, and a code."""
    house = with_component()
    request = {"style": "plugin", "auth_type": 2, "biz_appid": MERCHANT}
    created = house.onboarding.create("tenant", request)
    assert created.launch_url is None
    assert created.plugin is not None
    code = created.plugin["preAuthCode"]
    assert str(code).startswith("preauthcode@@@")
    assert created.plugin == {
        "platformAppID": COMPONENT,
        "preAuthCode": code,
        "authType": 2,
        "bizAppid": MERCHANT,
    }
    assert asked(house) == ["pre_auth_code"]


def test_the_plugin_has_no_page() -> None:
    """Its session cannot be opened in a browser; its push brings the merchant."""
    house = with_component()
    created = house.onboarding.create("tenant", {"style": "plugin"})
    with pytest.raises(UnknownSessionError):
        house.onboarding.launch(created.session_id, "")
    assert created.plugin is not None
    pushed(house, pre_auth_code=str(created.plugin["preAuthCode"]))
    house.work()
    status = house.onboarding.status("tenant", created.session_id)
    assert (status.status, status.authorizers) == ("done", (MERCHANT,))


# --- what became of it ---------------------------------------------------------------------------


def test_waiting_confirmed_done() -> None:
    """A session waits, is confirmed when a code of it arrived, and done when a merchant did."""
    house = with_component()
    via = link(house)

    def status() -> tuple[str, tuple[str, ...]]:
        found = house.onboarding.status("tenant", via.session_id)
        return found.status, found.authorizers

    assert status() == ("waiting", ())
    land(house, via, house.wechat.confirm(MERCHANT))
    assert status() == ("confirmed", ())
    house.work()
    assert status() == ("done", (MERCHANT,))
    later(house, 2 * DAY - 60)
    assert status() == ("done", (MERCHANT,))


def test_a_day_after_its_end_a_session_is_unknown() -> None:
    """Whether DynamoDB has deleted it by then or not."""
    house = with_component()
    via = link(house)
    later(house, 2 * DAY)
    with pytest.raises(UnknownSessionError):
        house.onboarding.status("tenant", via.session_id)


def test_expired() -> None:
    """A session nobody used expires at its end, to the second."""
    house = with_component()
    created = house.onboarding.create("tenant", {"ttl": 900})
    later(house, 899.999)
    assert house.onboarding.status("tenant", created.session_id).status == "waiting"
    later(house, 0.001)
    assert house.onboarding.status("tenant", created.session_id).status == "expired"


def test_a_stranger_is_told_of_nothing() -> None:
    """Another tenant's session is as unknown as one that never was."""
    house = with_component()
    via = link(house, "tenant-a")
    messages = []
    for tenant_id, session_id in (("tenant-b", via.session_id), ("tenant-a", "x" * 43)):
        with pytest.raises(UnknownSessionError) as raised:
            house.onboarding.status(tenant_id, session_id)
        messages.append(raised.value.message)
    assert len(set(messages)) == 1


@pytest.mark.parametrize("wrong", ["", "short", "x" * 42, "x" * 44, "x" * 42 + "/", None, 5])
def test_what_is_no_session_id(wrong: Any) -> None:
    """Anything without the form of an id is unknown, and costs no read."""
    with pytest.raises(UnknownSessionError):
        session_fingerprint(wrong)


# --- minting -------------------------------------------------------------------------------------


def test_at_most_twenty_codes() -> None:
    """A link that is pressed for ever stops at twenty, whatever the pause."""
    house = with_component()
    session_id = house.onboarding.create("tenant", {}).session_id
    for _ in range(20):
        house.onboarding.launch(session_id, "")
        later(house, 3)
    later(house, 1000)
    with pytest.raises(MintLimitError):
        house.onboarding.launch(session_id, "")
    assert asked(house).count("pre_auth_code") == 20


@pytest.mark.parametrize(("pause", "minted"), [(2.9, 1), (3.0, 2)])
def test_three_seconds_apart(pause: float, minted: int) -> None:
    """Two presses within three seconds mint one code."""
    house = with_component()
    session_id = house.onboarding.create("tenant", {}).session_id
    house.onboarding.launch(session_id, "")
    later(house, pause)
    try:
        house.onboarding.launch(session_id, "")
    except MintLimitError:
        assert minted == 1
    assert asked(house).count("pre_auth_code") == minted
