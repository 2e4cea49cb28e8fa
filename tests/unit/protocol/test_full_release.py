"""WeChat's test accounts for the full release, and what each expects."""

from __future__ import annotations

import pytest

from wxvault.protocol.appid import is_appid
from wxvault.protocol.messages import Message
from wxvault.protocol.release_test import (
    TEST_ACCOUNTS,
    api_answer,
    query_auth_code,
    text_answer,
)

CODE = "queryauthcode@@@a:b:c-_d"


def test_there_are_five_pairs() -> None:
    """Ten accounts: an official account and a mini program in each group."""
    groups = sorted((account.group, account.kind) for account in TEST_ACCOUNTS.values())
    assert groups == [(group, kind) for group in range(1, 6) for kind in ("mp", "oa")]
    assert all(is_appid(appid) for appid in TEST_ACCOUNTS)
    assert len({account.user_name for account in TEST_ACCOUNTS.values()}) == 10


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"MsgType": "text", "Content": "TESTCOMPONENT_MSG_TYPE_TEXT"},
            "TESTCOMPONENT_MSG_TYPE_TEXT_callback",
        ),
        ({"MsgType": "event", "Event": "LOCATION"}, "LOCATIONfrom_callback"),
        ({"MsgType": "text", "Content": "TESTCOMPONENT_MSG_TYPE_TEXT "}, None),
        ({"MsgType": "text", "Content": "hello"}, None),
        ({"MsgType": "event"}, None),
        ({"MsgType": "image", "Content": "TESTCOMPONENT_MSG_TYPE_TEXT"}, None),
    ],
)
def test_what_is_answered_at_once(fields: dict[str, str], expected: str | None) -> None:
    """The text of today's check and the event of the older one, exactly."""
    assert text_answer(Message(fields)) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (f"QUERY_AUTH_CODE:{CODE}", CODE),
        ("QUERY_AUTH_CODE:", None),
        ("QUERY_AUTH_CODE:a b", None),
        ("QUERY_AUTH_CODE:" + "x" * 513, None),
        (CODE, None),
    ],
)
def test_the_code_is_what_stands_behind_the_first_colon(content: str, expected: str | None) -> None:
    """Codes hold `@@@` and may hold colons."""
    assert query_auth_code(Message({"MsgType": "text", "Content": content})) == expected


def test_the_answer_names_the_code() -> None:
    """What the customer-service message has to say."""
    assert api_answer(CODE) == f"{CODE}_from_api"
