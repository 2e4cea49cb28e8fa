"""WeChat as the use cases see it: its token rules, the order of execution, and its silences."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from wxvault.errors import WeChatRefusedError, WeChatUnknownError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.clock import Clock

OVERLAP = 300.0
LIFE = 7200
CODE_LIFE = 3600.0
LIST_LIMIT = 500


@dataclass(frozen=True)
class Answer:
    """One shape for all of WeChat's answers but one."""

    access_token: str = ""
    expires_in: int = LIFE
    refresh_token: str | None = None
    authorizer_appid: str = ""
    func_info: tuple[int, ...] = ()
    code: str = ""
    profile: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Granted:
    """What a code is exchanged for."""

    authorizer_appid: str
    func_info: tuple[int, ...]
    access_token: str | None = None
    expires_in: int | None = None
    refresh_token: str | None = None


@dataclass(frozen=True)
class Listed:
    """An entry of the list."""

    authorizer_appid: str
    refresh_token: str | None


@dataclass(frozen=True)
class ListPage:
    """A page of the list."""

    total_count: int | None
    listed: tuple[Listed, ...]
    received: int
    strange: int = 0


@dataclass(eq=False)
class Call:
    """One call that reached WeChat, or would have."""

    name: str
    subject: str
    """The appid or code it was about."""
    sent_at: float
    executed_at: float | None = None
    answered: bool = False
    caller: object = None


@dataclass
class Issued:
    """An access token at WeChat, and what ended it."""

    until: float
    """It is honoured until then."""
    superseded_by: Call | None = None
    superseded_at: float | None = None
    cancelled_at: float | None = None


@dataclass
class Account:
    """One authorizer at WeChat."""

    authorized: bool = True
    refresh_token: str = ""
    tokens: dict[str, Issued] = field(default_factory=dict)
    api_ability: bool = True
    func_info: tuple[int, ...] = (1, 18)
    profile: dict[str, Any] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)


@dataclass
class Confirmed:
    """An authorization code at WeChat."""

    appid: str
    until: float
    spent: Granted | None = None
    dead: bool = False
    """Its authorisation was cancelled."""


@dataclass
class FakeWeChat:
    """Fits :class:`wxvault.services.ports.WeChat`.

    ``rotate_on_refresh`` and ``second_exchange`` (what a spent code brings) are questions that
    WeChat's documentation leaves open: whoever uses it has to be right either way.
    """

    clock: Clock
    component_appid: str
    secret: str = "0" * 32
    life: int = LIFE
    overlap: float = OVERLAP
    rotate_on_refresh: bool = False
    second_exchange: Literal["refused", "new", "same"] = "refused"
    page: int = LIST_LIMIT
    """So many entries of the list come at once at most."""
    tickets: set[str] = field(default_factory=set)
    pushes_stopped: bool = False
    accounts: dict[str, Account] = field(default_factory=dict)
    codes: dict[str, Confirmed] = field(default_factory=dict)
    component: Account = field(default_factory=Account)
    calls: list[str] = field(default_factory=list)
    executed: list[str] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)
    """Whose token was renewed, each time."""
    faults: dict[str, list[str | int]] = field(default_factory=dict)
    """Per call: "silent_before", "silent_after", "ok" or an errcode; used up one by one."""
    during: dict[str, list[Callable[[], None]]] = field(default_factory=dict)
    """Per call: what happens in the world after it was executed, before it is answered."""
    owners: dict[str, str] = field(default_factory=dict)
    """Refresh token to its appid, for every one that was ever issued."""
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    # --- what merchants do -----------------------------------------------------------------------

    def confirm(self, appid: str) -> str:
        """A merchant confirms: return the authorization code."""
        code = f"queryauthcode@@@{next(self._numbers):086d}"
        self.codes[code] = Confirmed(appid, self.clock.now() + CODE_LIFE)
        self.accounts.setdefault(appid, Account()).authorized = True
        return code

    def cancel(self, appid: str) -> None:
        """A merchant cancels: everything is dead at once, codes too."""
        account, now = self.accounts[appid], self.clock.now()
        account.authorized = False
        account.refresh_token = ""
        for issued in account.tokens.values():
            if issued.until > now:
                issued.until = issued.cancelled_at = now
        for confirmed in self.codes.values():
            if confirmed.appid == appid:
                confirmed.dead = True

    def honours(self, appid: str, token: str) -> bool:
        """Say whether WeChat would accept this access token now."""
        issued = self.accounts[appid].tokens.get(token)
        return issued is not None and issued.until > self.clock.now()

    # --- calls -----------------------------------------------------------------------------------

    def component_token(self, component_appid: str, appsecret: str, ticket: str, /) -> Answer:
        """Buy a component token."""
        assert component_appid == self.component_appid
        call = self._new_call("component_token", component_appid)

        def execute() -> Answer:
            if appsecret != self.secret:
                raise refusal("component_token", 40125)
            if ticket not in self.tickets:
                raise refusal("component_token", 61006)
            return Answer(self._issue("c", self.component, call), self.life)

        return self._call(call, execute)

    def pre_auth_code(self, _component_appid: str, component_token: str, /) -> Answer:
        """Mint a pre-auth code."""
        call = self._new_call("pre_auth_code", "")

        def execute() -> Answer:
            self._require(call, component_token)
            return Answer(code=f"preauthcode@@@{next(self._numbers):086d}", expires_in=1800)

        return self._call(call, execute)

    def query_auth(self, _component_appid: str, component_token: str, code: str, /) -> Granted:
        """Exchange a code."""
        call = self._new_call("query_auth", code)

        def execute() -> Granted:
            self._require(call, component_token)
            confirmed = self.codes.get(code)
            if confirmed is None or confirmed.dead:
                raise refusal("query_auth", 61009)
            if confirmed.spent is not None:
                if self.second_exchange == "refused":
                    raise refusal("query_auth", 61009)
                if self.second_exchange == "same":
                    return confirmed.spent
            if confirmed.until <= self.clock.now():
                raise refusal("query_auth", 61010)
            confirmed.spent = self._exchange(confirmed.appid, call)
            return confirmed.spent

        return self._call(call, execute)

    def refresh(
        self, _component_appid: str, component_token: str, appid: str, refresh_token: str, /
    ) -> Answer:
        """Renew an authorizer's token."""
        call = self._new_call("refresh", appid)

        def execute() -> Answer:
            self._require(call, component_token)
            account = self.accounts.get(appid)
            if account is None or not account.authorized:
                raise refusal("refresh", 61003)
            if refresh_token != account.refresh_token:
                raise refusal("refresh", 61023)
            if self.rotate_on_refresh:
                self._new_refresh_token(appid, account)
            return Answer(
                self._issue("a", account, call), self.life, account.refresh_token, appid, (1, 18)
            )

        return self._call(call, execute)

    def authorizer_info(self, _component_appid: str, component_token: str, appid: str, /) -> Answer:
        """Tell about an authorizer."""
        call = self._new_call("authorizer_info", appid)

        def execute() -> Answer:
            self._require(call, component_token)
            account = self.accounts.get(appid)
            if account is None or not account.authorized:
                raise refusal("authorizer_info", 61003)
            return Answer(
                refresh_token=account.refresh_token or None,
                authorizer_appid=appid,
                func_info=account.func_info,
                profile=account.profile,
            )

        return self._call(call, execute)

    def start_push_ticket(self, component_appid: str, component_secret: str, /) -> str:
        """Start the pushes of tickets."""
        call = self._new_call("start_push_ticket", component_appid)

        def execute() -> str:
            if component_secret != self.secret:
                raise refusal("start_push_ticket", 40125)
            had_stopped, self.pushes_stopped = self.pushes_stopped, False
            return "ok" if had_stopped else "in a normal state"

        return self._call(call, execute)

    def clear_quota(
        self, component_appid: str, appsecret: str, authorizer_appid: str | None, /
    ) -> None:
        """Reset the daily quota."""
        call = self._new_call("clear_quota", authorizer_appid or component_appid)

        def execute() -> None:
            if appsecret != self.secret:
                raise refusal("clear_quota", 40125)

        self._call(call, execute)

    def option(self, _component_appid: str, token: str, appid: str, name: str, /) -> str:
        """Read an option with the authorizer's token."""
        return self._option("option", appid, token, name, None)

    def set_option(
        self, _component_appid: str, token: str, appid: str, name: str, value: str, /
    ) -> None:
        """Set an option with the authorizer's token."""
        self._option("set_option", appid, token, name, value)

    def old_option(self, _component_appid: str, token: str, appid: str, name: str, /) -> str:
        """Read an option with the component token."""
        return self._option("old_option", appid, token, name, None)

    def set_old_option(
        self, _component_appid: str, token: str, appid: str, name: str, value: str, /
    ) -> None:
        """Set an option with the component token."""
        self._option("set_old_option", appid, token, name, value)

    def authorizer_list(
        self, _component_appid: str, component_token: str, offset: int, count: int, /
    ) -> ListPage:
        """Tell who has authorised, and what their refresh tokens are."""
        call = self._new_call("authorizer_list", "")

        def execute() -> ListPage:
            self._require(call, component_token)
            if count > LIST_LIMIT:
                raise refusal("authorizer_list", 40170)
            everybody = [
                Listed(appid, account.refresh_token or None)
                for appid, account in self.accounts.items()
                if account.authorized
            ]
            page = tuple(everybody[offset : offset + min(count, self.page)])
            return ListPage(len(everybody), page, len(page))

        return self._call(call, execute)

    # --- inside ----------------------------------------------------------------------------------

    def _option(self, path: str, appid: str, token: str, name: str, value: str | None) -> str:
        call = self._new_call(path, appid)

        def execute() -> str:
            account = self.accounts[appid]
            if "old" in path:
                self._require(call, token)
            elif not self.honours(appid, token):
                raise refusal(path, 40001)
            if value is not None:
                account.options[name] = value
            return account.options.get(name, "0")

        return self._call(call, execute)

    def _new_call(self, name: str, subject: str) -> Call:
        self.calls.append(name)
        return Call(name, subject, self.clock.now())

    def _call[T](self, call: Call, execute: Callable[[], T]) -> T:
        name = call.name
        fault = self.faults[name].pop(0) if self.faults.get(name) else None
        if fault == "silent_before":
            raise WeChatUnknownError("no answer", path=name)
        if isinstance(fault, int):
            raise refusal(name, fault)
        answer = self._execute(call, execute)
        if self.during.get(name):
            self.during[name].pop(0)()
        if fault == "silent_after":
            raise WeChatUnknownError("no answer", path=name)
        call.answered = True
        return answer

    def _execute[T](self, call: Call, execute: Callable[[], T]) -> T:
        call.executed_at = self.clock.now()
        answer = execute()
        self.executed.append(call.name)
        if call.name == "refresh":
            self.renewed.append(call.subject)
        return answer

    def _require(self, call: Call, component_token: str) -> None:
        issued, now = self.component.tokens.get(component_token), self.clock.now()
        if issued is None:
            raise refusal(call.name, 40001)
        if issued.until <= now:
            since = issued.superseded_at
            over = since is not None and since + self.overlap <= now
            raise refusal(call.name, 40001 if over else 42001)

    def _exchange(self, appid: str, call: Call) -> Granted:
        account = self.accounts[appid]
        if not account.api_ability:
            return Granted(appid, (1,))
        self._new_refresh_token(appid, account)
        token = self._issue("a", account, call)
        return Granted(appid, account.func_info, token, self.life, account.refresh_token)

    def _new_refresh_token(self, appid: str, account: Account) -> None:
        account.refresh_token = f"refreshtoken@@@{next(self._numbers):043d}"
        self.owners[account.refresh_token] = appid

    def _issue(self, kind: str, account: Account, call: Call) -> str:
        now = self.clock.now()
        for issued in account.tokens.values():
            if issued.until > now + self.overlap:
                issued.until = now + self.overlap
                issued.superseded_by, issued.superseded_at = call, now
        token = f"49_{kind}{next(self._numbers):0153d}"
        account.tokens[token] = Issued(now + self.life)
        return token


def refusal(name: str, errcode: int) -> WeChatRefusedError:
    """Return the error that WeChat's adapter raises for an errcode."""
    return WeChatRefusedError(f"WeChat answered {errcode}", path=name, wechat_errcode=errcode)
