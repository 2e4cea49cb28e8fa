"""Open-platform accounts (UnionID): made, bound and unbound with an authorizer's token."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sandbox.wechat.account_sets import check_appid, granted
from sandbox.wechat.calls import Endpoint, Request, TokenNeed
from sandbox.wechat.return_codes import WeChatError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.wechat.links import Link
    from sandbox.wechat.values import Minter

OK: Final = {"errcode": 0, "errmsg": "ok"}
_SETS: Final = frozenset({24, 25})
_HAVE_SETS: Final = frozenset({3, 30})
_MOST: Final = 100


@dataclass(slots=True)
class OpenAccount:
    """One of them. ``by_api`` False: it was made at open.weixin.qq.com, so no API may touch it."""

    open_appid: str
    principal_name: str
    by_api: bool = True
    bound: set[str] = field(default_factory=set)


class OpenAccounts:
    """All of them. The caller holds the lock."""

    def __init__(self, minter: Minter) -> None:
        self._minter = minter
        self._accounts: dict[str, OpenAccount] = {}

    def add(self, principal_name: str, *, by_api: bool) -> OpenAccount:
        """Let one exist."""
        made = OpenAccount(self._minter.appid(), principal_name, by_api)
        self._accounts[made.open_appid] = made
        return made

    def of(self, appid: str) -> OpenAccount | None:
        """Return the one that an account is bound to."""
        return next((one for one in self._accounts.values() if appid in one.bound), None)

    def endpoints(self) -> dict[str, Endpoint]:
        """Return the endpoints by path."""
        bound = {"open_appid": 40013}
        return {
            "/cgi-bin/open/create": _endpoint(self._create),
            "/cgi-bin/open/bind": _endpoint(self._bind, required=bound),
            "/cgi-bin/open/unbind": _endpoint(self._unbind, required=bound),
            "/cgi-bin/open/get": _endpoint(self._get),
            "/cgi-bin/open/have": _endpoint(self._have, methods=frozenset({"GET"})),
        }

    def _create(self, request: Request) -> Mapping[str, Any]:
        link = self._own(request)
        if self.of(link.merchant.appid):
            raise WeChatError(89000)
        made = self.add(link.merchant.principal_name, by_api=True)
        made.bound.add(link.merchant.appid)
        return {"open_appid": made.open_appid, **OK}

    def _bind(self, request: Request) -> Mapping[str, Any]:
        link = self._own(request)
        if self.of(link.merchant.appid):
            raise WeChatError(89000)
        account = self._named(request, link)
        if len(account.bound) >= _MOST:
            raise WeChatError(89004)
        account.bound.add(link.merchant.appid)
        return OK

    def _unbind(self, request: Request) -> Mapping[str, Any]:
        link = self._own(request)
        account = self._named(request, link)
        if link.merchant.appid not in account.bound:
            raise WeChatError(89001)
        account.bound.remove(link.merchant.appid)
        return OK

    def _get(self, request: Request) -> Mapping[str, Any]:
        account = self.of(self._own(request).merchant.appid)
        if account is None:
            raise WeChatError(89002)
        return {"open_appid": account.open_appid, **OK}

    def _have(self, request: Request) -> Mapping[str, Any]:
        link = granted(request, _HAVE_SETS)
        return {"have_open": self.of(link.merchant.appid) is not None, **OK}

    def _own(self, request: Request) -> Link:
        link = granted(request, _SETS)
        check_appid(request, link)
        return link

    def _named(self, request: Request, link: Link) -> OpenAccount:
        account = self._accounts.get(request.body["open_appid"])
        if account is None:
            raise WeChatError(89003)
        if account.principal_name != link.merchant.principal_name:
            raise WeChatError(89001)
        if not account.by_api:
            raise WeChatError(89036)
        return account


def _endpoint(execute: Any, **more: Any) -> Endpoint:
    return Endpoint(execute, token=TokenNeed.AUTHORIZER, checks_address=False, **more)
