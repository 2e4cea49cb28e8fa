"""What a person may do to WeChat's memory by hand: end tokens early, make merchants at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.wechat.merchants import Merchant
from sandbox.wechat.state import RefusalError, WeChat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

AUTHORIZER_KINDS: Final = (
    "access",  # expired: 42001
    "revoke",  # superseded and past the overlap: 40001
    "supersede",  # another system has just asked for one: honoured for the overlap
    "refresh",  # refused with 61023, though still listed
    "refresh_replaced",  # refused with 61023; info and list show a newer one
    "refresh_gone",  # refused with 61023; info and list show none
    "codes",  # authorization codes not yet exchanged: 61010
)
COMPONENT_KINDS: Final = ("access", "revoke", "supersede", "ticket", "pre_auth_codes")


def expire(state: WeChat, authorizer_appid: str, kind: str) -> bool:
    """Let something of an account (empty appid: of the component) end now.

    Returns whether there was anything to end. Raises RefusalError for an unknown kind or account.
    """
    actions = _component_actions(state)
    if authorizer_appid:
        actions = _authorizer_actions(state, authorizer_appid)
    action = actions.get(kind)
    if action is None:
        raise RefusalError("unknown_kind", f"kind: is none of {', '.join(actions)}")
    return bool(action())


def _component_actions(state: WeChat) -> Mapping[str, Callable[[], object]]:
    now = state.clock.now()
    book, settings = state.component, state.settings
    return {
        "access": lambda: book.tokens.expire(now),
        "revoke": lambda: book.tokens.revoke(now),
        "supersede": lambda: book.issue_token(settings, now),
        "ticket": lambda: book.expire_tickets(now, settings),
        "pre_auth_codes": lambda: book.expire_pre_auth_codes(now),
    }


def _authorizer_actions(state: WeChat, authorizer_appid: str) -> Mapping[str, Callable[[], object]]:
    now = state.clock.now()
    link = state.link(authorizer_appid)
    return {
        "access": lambda: link.tokens.expire(now),
        "revoke": lambda: link.tokens.revoke(now),
        "supersede": lambda: link.supersede(state.settings, now),
        "refresh": lambda: link.refuse_refresh_token(listed=True),
        "refresh_replaced": lambda: link.replace_refresh_token(now),
        "refresh_gone": lambda: link.refuse_refresh_token(listed=False),
        "codes": lambda: link.expire_codes(now),
    }


def crowd(state: WeChat, count: int) -> list[str]:
    """Make so many accounts whose codes somebody exchanged long ago; return their appids.

    Nothing is pushed: the platform that they authorised was run by other software then. Raises
    RefusalError before release, when only the test list may authorise.
    """
    appids = []
    for _ in range(count):
        merchant = Merchant.from_json({}, state.minter)
        state.add_merchant(merchant)
        granted = state.confirm(merchant.appid, state.offered_sets(merchant))
        state.link(merchant.appid).exchange(state.settings, granted.code.value, state.clock.now())
        appids.append(merchant.appid)
    return appids
