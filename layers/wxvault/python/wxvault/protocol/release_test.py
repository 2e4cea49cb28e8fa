"""WeChat's check before a full release (全网发布): its test accounts, and what they expect. Pure.

Five pairs of accounts, one of which is chosen at random for each check.
Page: Third-party_Platforms/2.0/operation/thirdparty/releaseguide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from wxvault.protocol.messages import EVENT, QUERY_AUTH_CODE, TEXT

if TYPE_CHECKING:
    from wxvault.protocol.messages import Message


@dataclass(frozen=True, slots=True)
class ReleaseAccount:
    """An account of WeChat's own that checks platforms."""

    appid: str
    user_name: str
    group: int
    kind: Literal["oa", "mp"]


_PAIRS: Final = (
    ("wx570bc396a51b8ff8", "gh_3c884a361561", "wxd101a85aa106f53e", "gh_8dad206e9538"),
    ("wx9252c5e0bb1836fc", "gh_c0f28a78b318", "wxc39235c15087f6f3", "gh_905ae9d01059"),
    ("wx8e1097c5bc82cde9", "gh_3f222ed8d140", "wx7720d01d4b2a4500", "gh_393666f1fdf4"),
    ("wx14550af28c71a144", "gh_26128078e9ab", "wx05d483572dcd5d8b", "gh_39abb5d4e1b7"),
    ("wxa35b9c23cfe664eb", "gh_2b3713f184a6", "wx5910277cae6fd970", "gh_7818dcb60240"),
)

TEST_ACCOUNTS: Final[dict[str, ReleaseAccount]] = {
    account.appid: account
    for group, (oa, oa_name, mp, mp_name) in enumerate(_PAIRS, start=1)
    for account in (
        ReleaseAccount(oa, oa_name, group, "oa"),
        ReleaseAccount(mp, mp_name, group, "mp"),
    )
}
"""All ten by appid."""

TEST_USER_NAMES: Final = frozenset(account.user_name for account in TEST_ACCOUNTS.values())
"""Their original ids, which are the ToUserName of their messages."""

TEXT_QUESTION: Final = "TESTCOMPONENT_MSG_TYPE_TEXT"
LONGEST_CODE: Final = 512


def text_answer(message: Message) -> str | None:
    """Return the text with which a test account wants its message answered; None: none.

    The event step is one of older editions of the check, and harmless where it is not asked for.
    """
    if message.msg_type == TEXT and message.content == TEXT_QUESTION:
        return f"{TEXT_QUESTION}_callback"
    if message.msg_type == EVENT and message.event:
        return f"{message.event}from_callback"
    return None


def query_auth_code(message: Message) -> str | None:
    """Return the authorization code that a test account's text brings; None: it brings none.

    Whatever stands behind the first colon is the code: codes hold ``@@@`` and may hold colons.
    """
    if not message.holds_code:
        return None
    code = message.content.removeprefix(QUERY_AUTH_CODE)
    sound = 0 < len(code) <= LONGEST_CODE and all("!" <= letter <= "~" for letter in code)
    return code if sound else None


def api_answer(authorization_code: str) -> str:
    """Return the customer-service message that the account expects for a code."""
    return f"{authorization_code}_from_api"
