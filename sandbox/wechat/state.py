"""WeChat's memory as a state machine: pure, one thread at a time, the clock passed in.

It decides; it does no I/O. What has to be pushed comes back from `confirm` and `cancel` as values.
Whoever shares it between threads holds one lock around every call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from sandbox.wechat.component_book import ComponentBook, PreAuthCode, Ticket
from sandbox.wechat.ledger import SecretLedger
from sandbox.wechat.links import OPTIONS, AuthorizationCode, Link
from sandbox.wechat.merchants import AUTH_TYPES, EXAMPLES, LISTED_STATUSES, Merchant
from sandbox.wechat.permission_sets import sets_for
from sandbox.wechat.quota_book import QuotaBook
from sandbox.wechat.registrations import RegistrationBook
from sandbox.wechat.return_codes import WeChatError
from sandbox.wechat.rid_book import RidBook
from sandbox.wechat.settings import SECRET_FIELDS, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.wechat.clock import SandboxClock
    from sandbox.wechat.tokens import IssuedToken, TokenLine, Verdict
    from sandbox.wechat.values import Minter

LIST_LIMIT: Final = 500

Change = Literal["authorized", "updateauthorized", "unchanged"]


class RefusalError(Exception):
    """An authorisation page (or a hand) asked for something WeChat does not do."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a merchant's confirmation did. ``pre_auth_code`` is empty without a link."""

    change: Change
    authorizer_appid: str
    code: AuthorizationCode = field(repr=False)
    pre_auth_code: str = field(repr=False)
    created_at: float


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """A token as WeChat knows it. ``authorizer_appid`` None: it is a component token."""

    authorizer_appid: str | None
    token: IssuedToken
    verdict: Verdict
    current: bool


class WeChat:
    """Everything WeChat remembers about one component and the accounts around it."""

    def __init__(
        self,
        settings: Settings,
        clock: SandboxClock,
        minter: Minter,
        merchants: Iterable[Merchant] = EXAMPLES,
    ) -> None:
        self.clock = clock
        self.minter = minter
        self.ledger = SecretLedger()
        self.component = ComponentBook(minter, self.ledger)
        self.registrations = RegistrationBook(minter, self.ledger)
        self.links: dict[str, Link] = {}
        self.quota = QuotaBook()
        self.rids = RidBook()
        self.sent: list[dict[str, Any]] = []
        """Customer-service messages, oldest first."""
        self.settings = settings
        self.configure(settings)
        for merchant in merchants:
            self.add_merchant(merchant)

    def configure(self, settings: Settings) -> None:
        """Take other settings; what was issued under the earlier ones stays as it is."""
        self.settings = settings
        for name in SECRET_FIELDS:
            kind = name.removeprefix("previous_")
            self.ledger.record(kind, getattr(settings, name), now=self.clock.now())

    # --- accounts

    def add_merchant(self, merchant: Merchant) -> None:
        """Let an account exist; one that exists gets the new profile, its link stays."""
        link = self.links.get(merchant.appid)
        if link:
            link.merchant = merchant
        else:
            self.links[merchant.appid] = Link(merchant, self.minter, self.ledger)

    def link(self, authorizer_appid: str) -> Link:
        """Return an existing account's link. Raises RefusalError."""
        link = self.links.get(authorizer_appid)
        if link is None:
            raise RefusalError("unknown_merchant", f"{authorizer_appid}: no such account here")
        return link

    def candidates(self, auth_type: int, biz_appid: str) -> list[Merchant]:
        """Return the accounts a page lists; ``biz_appid`` wins over ``auth_type``."""
        kinds = AUTH_TYPES.get(auth_type, frozenset())
        return [
            link.merchant
            for link in self.links.values()
            if link.merchant.account_status in LISTED_STATUSES
            and (link.merchant.appid == biz_appid if biz_appid else link.merchant.kind in kinds)
            and (self.settings.released or link.merchant.user_name in self.settings.test_list)
        ]

    def offered_sets(self, merchant: Merchant, categories: tuple[int, ...] = ()) -> tuple[int, ...]:
        """Return the permission sets this account is asked for."""
        offered = sets_for(merchant.kind, self.settings.declared_sets or categories)
        return tuple(n for n in offered if n in categories) if categories else offered

    # --- decisions of merchants

    def pre_auth_code(self, value: str) -> PreAuthCode:
        """Return a usable pre-authorisation code. Raises RefusalError."""
        code = self.component.usable_pre_auth_code(self.settings, value, self.clock.now())
        if code is None:
            raise RefusalError("invalid_pre_auth_code", "PreAuthCode 无效 (invalid preAuthCode)")
        return code

    def confirm(
        self, authorizer_appid: str, func_ids: Iterable[int], pre_auth_code: str = ""
    ) -> Confirmation:
        """Let an account authorise the component, or change what it granted.

        With a ``pre_auth_code`` it is used up; without one this is an authorisation that came from
        no link (the console, fast registration, the release test). Raises RefusalError.
        """
        link = self.link(authorizer_appid)
        if link.merchant.account_status not in LISTED_STATUSES:
            raise RefusalError("account_not_listed", "This account is closed, banned or frozen")
        if not self.settings.released and link.merchant.user_name not in self.settings.test_list:
            raise RefusalError(
                "not_on_test_list", "Before release only the test list may authorise"
            )
        code = self.pre_auth_code(pre_auth_code) if pre_auth_code else None
        wanted = tuple(sorted(set(func_ids)))
        change: Change = "authorized"
        if link.authorised:
            change = "unchanged" if wanted == link.func_ids else "updateauthorized"
        if code:
            code.used = True
        now = self.clock.now()
        granted = link.grant(self.settings, wanted, now)
        return Confirmation(change, authorizer_appid, granted, pre_auth_code, now)

    def cancel(self, authorizer_appid: str) -> float:
        """Let an account cancel. Returns the time of it. Raises RefusalError."""
        link = self.link(authorizer_appid)
        if not link.authorised:
            raise RefusalError("not_authorised", "This account has not authorised the component")
        now = self.clock.now()
        link.cancel(now)
        return now

    def mint_ticket(self) -> Ticket:
        """Return a new ticket to push."""
        return self.component.mint_ticket(self.clock.now())

    # --- questions about tokens

    def owner_of(self, value: str) -> TokenOwner | None:
        """Return whose access token this is and whether it is honoured; None: never issued."""
        lines: list[tuple[str | None, TokenLine]] = [(None, self.component.tokens)]
        lines += [(appid, link.tokens) for appid, link in self.links.items()]
        for appid, line in lines:
            token = line.find(value)
            if token:
                verdict = token.verdict(self.clock.now(), self.settings.overlap)
                return TokenOwner(appid, token, verdict, line.current is token)
        return None

    def authorised_link(self, authorizer_appid: object) -> Link:
        """Return the link of an account that has authorised. Raises 61003."""
        link = self.links.get(authorizer_appid) if isinstance(authorizer_appid, str) else None
        if link is None or not link.authorised:
            raise WeChatError(61003)
        return link

    def owner_of_code(self, value: str) -> Link | None:
        """Return the link an authorization code belongs to, if it was ever issued."""
        return next((link for link in self.links.values() if link.code(value)), None)

    def count_call(self, path: str) -> None:
        """Count a call against its daily quota. Raises 45009."""
        self.quota.count(path, self.settings.quotas, self.clock.now())

    # --- answers of the component endpoints

    def exchange(self, code: str) -> dict[str, Any]:
        """Return the answer of ``api_query_auth``."""
        link = self.owner_of_code(code)
        if link is None:
            raise WeChatError(61009)
        return {"authorization_info": link.exchange(self.settings, code, self.clock.now())}

    def refresh(self, authorizer_appid: str, refresh_token: str) -> dict[str, Any]:
        """Return the answer of ``api_authorizer_token``."""
        link = self.authorised_link(authorizer_appid)
        return link.refresh(self.settings, refresh_token, self.clock.now())

    def info(self, authorizer_appid: str) -> dict[str, Any]:
        """Return the answer of ``api_get_authorizer_info``."""
        link = self.authorised_link(authorizer_appid)
        return {
            "authorizer_info": link.merchant.authorizer_info(),
            "authorization_info": {
                "authorizer_appid": authorizer_appid,
                "authorizer_refresh_token": link.current_refresh_token,
                "func_info": link.func_info(),
            },
        }

    def listing(self, offset: int, count: int) -> dict[str, Any]:
        """Return the answer of ``api_get_authorizer_list``."""
        if count > LIST_LIMIT:
            raise WeChatError(40170)
        if offset < 0 or count < 1:
            raise WeChatError(40097)
        authorised = [link for link in self.links.values() if link.authorised]
        return {
            "total_count": len(authorised),
            "list": [
                {
                    "authorizer_appid": link.merchant.appid,
                    "refresh_token": link.current_refresh_token,
                    "auth_time": int(link.auth_time),
                }
                for link in authorised[offset : offset + count]
            ],
        }

    def option(self, authorizer_appid: str, name: object) -> str:
        """Return the value of an option. Raises 61012, 61003."""
        link = self.authorised_link(authorizer_appid)
        if not isinstance(name, str) or name not in OPTIONS:
            raise WeChatError(61012)
        return link.options[name]

    def set_option(self, authorizer_appid: str, name: object, value: object) -> None:
        """Set an option. Raises 61012, 61013, 61025, 61003."""
        self.option(authorizer_appid, name)
        assert isinstance(name, str)  # noqa: S101 - `option` has refused everything else
        if name in self.settings.read_only_options:
            raise WeChatError(61025)
        if not isinstance(value, str) or value not in OPTIONS[name]:
            raise WeChatError(61013)
        self.links[authorizer_appid].options[name] = value
