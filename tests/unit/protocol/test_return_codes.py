"""Return codes: every documented one is known, and each remedy helps somebody."""

from __future__ import annotations

import pytest

from wxvault.protocol import return_codes
from wxvault.protocol.return_codes import (
    Action,
    address_to_whitelist,
    lookup,
    remedy,
)

DOCUMENTED = (
    -1, 0, -1000, 40001, 40002, 40003, 40013, 40014, 40029, 40030, 40035, 40097, 40090, 40091,
    40094, 40125, 40163, 40164, 40170, 41001, 41002, 41003, 41004, 41008, 41018, 41019, 41020,
    41021, 42001, 42002, 42003, 42006, 42007, 43001, 43002, 43003, 44002, 45009, 45011, 45035,
    47001, 48001, 48002, 48004, 48006, 50001, 50002, 50004, *range(61000, 61031),
    *range(61051, 61059), 61060, 61061, 61070, 76001,
    76002, 76003, 76004, 76021, 76022, 86000, 86004, *range(89000, 89005), 89036,
    *range(89247, 89256), *range(89503, 89508), 91030,
)  # fmt: skip

ACTIONS = {
    Action.RETRY: (-1, -1000, 45011, 40091, 61005, 61006, 89247, 89250),
    Action.REFRESH_TOKEN: (40001, 40014, 42001, 42006, 61014),
    Action.REAUTHORIZE: (42007, 61003, 61007, 61010, 61017, 61023),
    Action.OPERATOR: (
        40013, 40090, 40094, 40125, 40164, 45009, 45035, 48004, 50002, 50004, 61004, 61011, 61016,
        61028, 61029, 61054, 61060, 89503, 89504, 89505, 89506, 89507,
    ),
}  # fmt: skip

LISTED_61004 = (
    "access clientip is not registered requestIP: 203.0.113.7 rid: 64393d2c-3f694651-6afa4c31"
)
INVALID_IP = (
    "invalid ip 203.0.113.8 ipv6 ::ffff:203.0.113.8, not in whitelist "
    "rid: 67a30dc9-302ecc6c-11466d6f"
)


def test_table_has_every_documented_code_once() -> None:
    """No code is missing, none is there twice, none is invented."""
    assert sorted(return_codes.KNOWN_CODES) == sorted(DOCUMENTED)
    assert len(return_codes._TABLE) == len(DOCUMENTED)


def test_actions() -> None:
    """Each code has the action of the protocol's table; what is not listed here has none."""
    expected = {code: action for action, codes in ACTIONS.items() for code in codes}
    for code in DOCUMENTED:
        assert lookup(code).action is expected.get(code, Action.NO), code


@pytest.mark.parametrize("code", DOCUMENTED)
def test_every_remedy_is_a_sentence(code: int) -> None:
    """Each known code has WeChat's text and a whole sentence for a person."""
    known = lookup(code)
    assert (known.code, known.known) == (code, True)
    assert known.text
    assert known.remedy[0].isupper()
    assert known.remedy.endswith(".")
    assert remedy(code) == known.remedy


@pytest.mark.parametrize("code", [99999, -7, 1, 10**12])
def test_unknown_code_is_answered_too(code: int) -> None:
    """A code nobody knows is not repeated, and the remedy names it."""
    unknown = lookup(code)
    assert (unknown.code, unknown.action, unknown.known) == (code, Action.NO, False)
    assert str(code) in unknown.remedy


@pytest.mark.parametrize("code", [9001001, 9001036])
def test_shake_nearby_codes_pass_through(code: int) -> None:
    """The iBeacon interfaces have a range of their own."""
    assert lookup(code).action is Action.NO
    assert lookup(code).known


def test_sets_agree_with_the_table() -> None:
    """The sets that programs decide by hold known codes with fitting actions."""
    assert sorted(return_codes.COMPONENT_TOKEN_REFUSED) == [40001, 40014, 42001, 42006]
    assert sorted(return_codes.AUTHORIZER_TOKEN_REFUSED) == [40001, 40014, 42001]
    by_action = {
        Action.REFRESH_TOKEN: return_codes.COMPONENT_TOKEN_REFUSED
        | return_codes.AUTHORIZER_TOKEN_REFUSED,
        Action.RETRY: return_codes.TICKET_REFUSED | return_codes.MINUTE_QUOTA_EXHAUSTED,
        Action.REAUTHORIZE: return_codes.REFRESH_TOKEN_REFUSED | return_codes.NOT_AUTHORIZED,
        Action.OPERATOR: return_codes.ADDRESS_REFUSED
        | return_codes.APP_SECRET_REFUSED
        | return_codes.QUOTA_EXHAUSTED,
    }
    for action, codes in by_action.items():
        assert {lookup(code).action for code in codes} == {action}
    assert {lookup(code).known for code in return_codes.CODE_REFUSED} == {True}


def test_61004_names_the_address_to_whitelist() -> None:
    """The operator is told which address to add, and where."""
    said = remedy(61004, LISTED_61004)
    assert "Add 203.0.113.7 to the platform's IP list" in said
    assert "白名单IP地址列表" in said


def test_40164_speaks_of_the_accounts_own_list() -> None:
    """For a token of the account's own, the list is the account's."""
    assert remedy(40164, INVALID_IP) == (
        "Add 203.0.113.8 to the IP list (IP白名单) of the account itself."
    )


@pytest.mark.parametrize("errmsg", [None, "", "access clientip is not registered"])
def test_61004_without_an_address_points_to_the_stack(errmsg: str | None) -> None:
    """When WeChat names no address, the stack's own is the one."""
    assert "egress address" in remedy(61004, errmsg)


def test_address_is_named_for_address_codes_only() -> None:
    """Another code's message may hold an address: it is not the reason there."""
    assert "203.0.113.7" not in remedy(40001, LISTED_61004)


@pytest.mark.parametrize(
    ("errmsg", "address"),
    [
        (LISTED_61004, "203.0.113.7"),
        (INVALID_IP, "203.0.113.8"),
        ("invalid ip 203.0.113.9, not in whitelist hint: [abc]", "203.0.113.9"),
        ("INVALID IP 203.0.113.9", "203.0.113.9"),
        ("not registered requestIP:203.0.113.7.", "203.0.113.7"),
        ("not registered requestIP: 2001:db8::7 rid: 64393d2c-3f694651-6afa4c31", "2001:db8::7"),
        ("not registered requestIP: ::ffff:203.0.113.7 rid: 1", "203.0.113.7"),
        ("not registered requestIP: 999.0.113.7 rid: 1", None),
        ("not registered requestIP: unknown", None),
        ("rid: 64393d2c-3f694651-6afa4c31", None),
        ("1.2.3.4", None),
        ("", None),
        (None, None),
    ],
)
def test_address_is_read_from_errmsg(errmsg: str | None, address: str | None) -> None:
    """Both of WeChat's spellings give an address; what is none gives nothing."""
    assert address_to_whitelist(errmsg) == address
