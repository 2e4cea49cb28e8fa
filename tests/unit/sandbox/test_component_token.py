"""The endpoints of the component itself: ticket, token, pre-authorisation code, order of checks."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.unit.sandbox.kit import OA, Bench, bench

TOKEN = "api_component_token"


def token_body(b: Bench, **changes: Any) -> dict[str, Any]:
    """Return a good body for api_component_token, with changes; None takes a field away."""
    body = b.component(
        component_appsecret=b.desk.settings.component_appsecret,
        component_verify_ticket=b.desk.state.mint_ticket().value,
    )
    return {name: value for name, value in (body | changes).items() if value is not None}


def test_success_has_no_errcode() -> None:
    """A component token comes with its life and without an errcode."""
    b = bench()
    answer = b.call(TOKEN, token_body(b))
    assert set(answer) == {"component_access_token", "expires_in"}
    assert answer["expires_in"] == 7200


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"component_appid": None}, 41018),
        ({"component_appid": ""}, 41018),
        ({"component_appsecret": None}, 41004),
        ({"component_verify_ticket": None}, 41020),
        ({"component_verify_ticket": 5}, 47001),
        ({"component_appid": "wx9999999999999999"}, 40013),
        ({"component_appid": OA.appid}, 61011),
        ({"component_appsecret": "f" * 32}, 40125),
        ({"component_verify_ticket": "ticket@@@unknown"}, 61006),
    ],
)
def test_what_is_refused(changes: dict[str, Any], errcode: int) -> None:
    """Each thing wrong with the body has its own code, and nothing is issued."""
    b = bench()
    answer = b.call(TOKEN, token_body(b, **changes))
    assert answer["errcode"] == errcode
    assert not [s for s in b.desk.state.ledger.all() if s.kind == "component_access_token"]


def test_tickets_live_twelve_hours_and_overlap() -> None:
    """Every ticket works for 12 h from its own push, newer ones or not; then it is 61005."""
    b = bench()
    first = b.desk.state.mint_ticket().value
    b.clock.move(600)
    second = b.desk.state.mint_ticket().value
    b.clock.move(43_200 - 600 - 1)
    assert "errcode" not in b.call(TOKEN, token_body(b, component_verify_ticket=first))
    b.clock.move(1)
    assert b.call(TOKEN, token_body(b, component_verify_ticket=first))["errcode"] == 61005
    assert "errcode" not in b.call(TOKEN, token_body(b, component_verify_ticket=second))


def test_errmsg_has_the_present_shape() -> None:
    """An error ends with a request id whose first group is the time."""
    b = bench()
    message = b.call(TOKEN, token_body(b, component_appsecret="wrong"))["errmsg"]
    found = re.fullmatch(r"invalid appsecret rid: ([0-9a-f]{8})-[0-9a-f]{8}-[0-9a-f]{8}", message)
    assert found
    assert int(found[1], 16) == int(b.clock.now())


def test_address_not_on_the_list_is_named() -> None:
    """61004 says which address is missing on the list."""
    b = bench(client_ip="203.0.113.7")
    answer = b.call(TOKEN, token_body(b))
    assert answer["errcode"] == 61004
    assert "requestIP: 203.0.113.7 rid:" in answer["errmsg"]
    b.desk.configure({"ip_list": ["203.0.113.7"]})
    assert "errcode" not in b.call(TOKEN, token_body(b))


def test_order_of_checks() -> None:
    """With everything wrong at once, mending one thing at a time shows WeChat's order."""
    b = bench(client_ip="203.0.113.7", quotas={"/cgi-bin/component/api_get_authorizer_list": 0})
    path, good = "api_get_authorizer_list", b.component_token_offline()
    stranger = {"component_appid": "wx9999999999999999", "offset": 0, "count": 501}

    def errcode(body: dict[str, Any] | bytes, *, token: str = "", method: str = "POST") -> int:
        return int(b.call(path, body, token=token, method=method)["errcode"])

    assert errcode(b"{", method="GET") == 43002
    assert errcode(b"") == 44002
    assert errcode(b"{") == 47001
    assert errcode(b"[]") == 47001
    assert errcode({"offset": 0}) == 41018
    assert errcode({"component_appid": "wx9999999999999999", "offset": 0}) == 47001
    assert errcode(stranger) == 41001
    assert errcode(stranger, token="unknown") == 40001
    assert errcode(stranger, token=good) == 61004
    b.desk.configure({"client_ip": ""})
    assert errcode(stranger, token=good) == 40013
    own = stranger | b.component()
    assert errcode(own, token=good) == 45009
    b.desk.configure({"quotas": {}})
    assert errcode(own, token=good) == 40170
    assert "errcode" not in b.call(path, own | {"count": 500}, token=good)


def test_quota_starts_anew_at_midnight_in_beijing() -> None:
    """After the last call of the day 45009; at 00:00 Beijing time the count starts anew."""
    b = bench(quotas={"/cgi-bin/component/api_create_preauthcode": 2})
    token = b.component_token_offline()
    for _ in range(2):
        b.pre_auth_code(token)
    refused = b.call("api_create_preauthcode", b.component(), token=token)
    assert refused["errcode"] == 45009
    b.clock.move(86_400 - (b.clock.now() + 8 * 3600) % 86_400)
    token = b.component_token_offline()
    assert b.pre_auth_code(token)


@pytest.mark.parametrize("name", ["component_access_token", "access_token"])
def test_both_names_of_the_token(name: str) -> None:
    """Old and new spelling of the token in the query are accepted."""
    b = bench()
    token = b.component_token()
    answer = b.call("api_create_preauthcode", b.component(), token=token, token_name=name)
    assert answer["expires_in"] == 1800
    assert answer["pre_auth_code"].startswith("preauthcode@@@")


def test_wrong_kind_of_token() -> None:
    """An account's token at a component endpoint is 61014, a component's at an account's 61015."""
    b = bench()
    token = b.component_token()
    access_token = b.authorised(token)["authorizer_access_token"]
    answer = b.call("api_create_preauthcode", b.component(), token=access_token)
    assert answer["errcode"] == 61014
    assert b.basic_info(token) == 61015


def test_start_push_ticket() -> None:
    """Starting says whether pushes had stopped, and pushes a ticket at once."""
    b = bench()
    body = b.component(component_secret=b.desk.settings.component_appsecret)
    answer = b.call("api_start_push_ticket", body)
    assert answer == {"errcode": 0, "errmsg": "in a normal state"}
    assert len(b.platform.seen) == 1
    b.desk.tickets.stop()
    assert b.call("api_start_push_ticket", body) == {"errcode": 0, "errmsg": "ok"}
    assert not b.desk.tickets.stopped
    assert len(b.platform.seen) == 2
    wrong = body | {"component_secret": "wrong"}
    assert b.call("api_start_push_ticket", wrong)["errcode"] == 40125
    assert b.call("api_start_push_ticket", b.component())["errcode"] == 41004
