"""Permission sets: names for numbers, and no number refused."""

from __future__ import annotations

from typing import Any

import pytest

from wxvault.protocol import permission_sets
from wxvault.protocol.permission_sets import AccountKind, PermissionSet, granted, lookup

LISTED = (
    *range(1, 28), 30, 31, 33, 34, 35, 36, 37, 40, 41, 44, 45, 46, 47, 48, 49, 51, 52, 54, 57, 60,
    65, 66, 67, 70, 71, 73, 76, 81, 84, 85, 86, 88, 89, 93, 99, 102, 104, 105, 107, 112, 113, 116,
    117, 118, 119, 120, 121, *range(129, 134), 135, 138, 139, 140, 141, 142, 144, 151, 153, 156,
    157, 159, 161, 171, 172, 173, 174, 175,
)  # fmt: skip
EXCLUSIVE = (4, 18, 24, 25, 34, 40, 41, 45, 49, 51, 54, 73, 76, 81)


def test_list_is_complete_and_ascending() -> None:
    """Every number of the protocol's list is there once, in order."""
    assert permission_sets.KNOWN_NUMBERS == LISTED
    assert len(permission_sets._TABLE) == len(LISTED)


def test_exclusive_sets() -> None:
    """The sets that only one platform may hold are marked, and no others."""
    assert tuple(number for number in LISTED if lookup(number).exclusive) == EXCLUSIVE


@pytest.mark.parametrize("number", LISTED)
def test_every_listed_set_has_names(number: int) -> None:
    """Each listed set has a Chinese and an English name."""
    known = lookup(number)
    assert (known.number, known.known) == (number, True)
    assert known.zh
    assert known.en


def test_some_sets_by_name() -> None:
    """Names and kinds as in the documents."""
    assert lookup(1) == PermissionSet(
        1, "消息管理", "messages", AccountKind.OFFICIAL_ACCOUNT, exclusive=False
    )
    assert lookup(18).zh == "小程序开发与数据分析"
    assert lookup(18).kind is AccountKind.MINI_PROGRAM
    assert lookup(133).kind is AccountKind.CHANNELS
    assert lookup(112).kind is None


@pytest.mark.parametrize("number", [28, 29, 176, 99999, 0, -1])
def test_unknown_set_is_shown_by_its_number(number: int) -> None:
    """A number nobody knows is a set all the same."""
    assert lookup(number) == PermissionSet(
        number, str(number), str(number), None, None, known=False
    )


def test_granted_reads_the_reply() -> None:
    """The documented form, with and without confirm_info, in WeChat's order."""
    func_info = [
        {"funcscope_category": {"id": 3}},
        {"funcscope_category": {"id": 1}, "confirm_info": {"need_confirm": 0}},
        {"funcscope_category": {"id": 176, "type": 2, "name": "新", "desc": ""}},
    ]
    assert granted(func_info) == (3, 1, 176)


GRANTS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "nothing": (None, ()),
    "empty": ([], ()),
    "object": ({"funcscope_category": {"id": 1}}, ()),
    "text": ("1,2", ()),
    "number as text": ([{"funcscope_category": {"id": "7"}}], (7,)),
    "twice": ([{"funcscope_category": {"id": 7}}] * 2, (7,)),
    "one entry broken": ([None, 5, [], {}, {"funcscope_category": {"id": 2}}], (2,)),
    "category broken": ([{"funcscope_category": 5}, {"funcscope_category": {}}], ()),
    "id broken": (
        [{"funcscope_category": {"id": value}} for value in (True, 0, -1, 1.5, "x", "")],
        (),
    ),
    "foreign digits": ([{"funcscope_category": {"id": "٣"}}], ()),
    "more than the table holds": (
        [{"funcscope_category": {"id": int("9" * digits)}} for digits in (10, 11, 50)],
        (9_999_999_999,),
    ),
    "digits without end": ([{"funcscope_category": {"id": "9" * 5000}}], ()),
}


@pytest.mark.parametrize(("func_info", "numbers"), GRANTS.values(), ids=GRANTS)
def test_granted_is_lenient(func_info: object, numbers: tuple[int, ...]) -> None:
    """What has another form is left out, and the rest is not lost."""
    assert granted(func_info) == numbers
