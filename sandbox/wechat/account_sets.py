"""Whose token a call of an account's API has, and whether its permission set was granted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.wechat.return_codes import WeChatError

if TYPE_CHECKING:
    from sandbox.wechat.calls import Request
    from sandbox.wechat.links import Link


def granted(request: Request, sets: frozenset[int]) -> Link:
    """Return the token's account. Raises 61003, 61007 when none of the sets was granted."""
    owner = request.owner.authorizer_appid if request.owner else None
    link = request.state.authorised_link(owner)
    if not sets & set(link.func_ids):
        raise WeChatError(61007)
    return link


def check_appid(request: Request, link: Link) -> None:
    """Raise 40013 when the body names another account than the token's."""
    named = request.body.get("appid")
    if named is not None and named != link.merchant.appid:
        raise WeChatError(40013)
