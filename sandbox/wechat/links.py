"""What ties one account to the component: grant, codes, refresh token, access tokens, options."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sandbox.wechat.return_codes import WeChatError
from sandbox.wechat.tokens import IssuedToken, TokenLine

if TYPE_CHECKING:
    from sandbox.wechat.ledger import SecretLedger
    from sandbox.wechat.merchants import Merchant
    from sandbox.wechat.settings import Settings
    from sandbox.wechat.values import Minter

OPTIONS: Final = {
    "location_report": ("0", "1", "2"),
    "voice_recognize": ("0", "1"),
    "customer_service": ("0", "1"),
}
_SETS_WITH_CONFIRMATION: Final = frozenset({3, 7})


@dataclass(slots=True)
class AuthorizationCode:
    """The code a confirmation brings, by push and by redirect. Exchanged once by default."""

    value: str = field(repr=False)
    expires_at: float
    used: bool = False
    dead: bool = False
    answer: dict[str, Any] | None = field(default=None, repr=False)


@dataclass(slots=True)
class RefreshToken:
    """A refresh token.

    ``retired_at``: a newer one took its place. ``refused``: no longer accepted. ``dead``: no longer
    listed either.
    """

    value: str = field(repr=False)
    retired_at: float | None = None
    refused: bool = False
    dead: bool = False


class Link:
    """One account's authorisation of the component. The caller holds the lock."""

    def __init__(self, merchant: Merchant, minter: Minter, ledger: SecretLedger) -> None:
        self.merchant = merchant
        self._minter = minter
        self._ledger = ledger
        self.authorised = False
        self.func_ids: tuple[int, ...] = ()
        self.auth_time: float = 0
        self.tokens = TokenLine()
        self.options = dict.fromkeys(OPTIONS, "0")
        self._codes: dict[str, AuthorizationCode] = {}
        self._refresh_tokens: list[RefreshToken] = []

    # --- the merchant's decisions

    def grant(self, settings: Settings, func_ids: tuple[int, ...], now: float) -> AuthorizationCode:
        """Authorise, or authorise again, with these permission sets; returns the code for it."""
        self.authorised = True
        self.func_ids = func_ids
        self.auth_time = now
        code = AuthorizationCode(
            self._minter.authorization_code(), now + settings.authorization_code_life
        )
        self._codes[code.value] = code
        self._record("authorization_code", code.value, now)
        return code

    def cancel(self, now: float) -> None:
        """End the authorisation: every token and code of it is dead at once."""
        self.authorised = False
        self.tokens.revoke(now)
        for refresh_token in self._refresh_tokens:
            refresh_token.dead = True
        for code in self._codes.values():
            code.dead = True

    # --- the platform's calls

    @property
    def current_refresh_token(self) -> str:
        """The refresh token WeChat would list; empty until a code has been exchanged."""
        newest = self._refresh_tokens[-1] if self._refresh_tokens else None
        return newest.value if newest and not newest.dead else ""

    def code(self, value: str) -> AuthorizationCode | None:
        """Return the code with this value, whatever became of it."""
        return self._codes.get(value)

    def exchange(self, settings: Settings, value: str, now: float) -> dict[str, Any]:
        """Return ``authorization_info`` for a code. Raises 61009 or 61010."""
        code = self._codes[value]
        if code.dead:
            raise WeChatError(61009)
        if code.used:
            if settings.auth_code_reuse == "fail":
                raise WeChatError(61009)
            if settings.auth_code_reuse == "same" and code.answer is not None:
                return code.answer
        if now >= code.expires_at:
            raise WeChatError(61010)
        code.used = True
        info: dict[str, Any] = {"authorizer_appid": self.merchant.appid}
        if self.merchant.api_ability:
            if not self.current_refresh_token or settings.rotate_on_update:
                self._rotate(now)
            info["authorizer_access_token"] = self._issue(settings, now).value
            info["expires_in"] = int(settings.access_token_life)
            info["authorizer_refresh_token"] = self.current_refresh_token
        info["func_info"] = self.func_info()
        code.answer = info
        return info

    def refresh(self, settings: Settings, value: str, now: float) -> dict[str, Any]:
        """Return the answer of ``api_authorizer_token``. Raises 61023."""
        token = next((t for t in self._refresh_tokens if t.value == value), None)
        if not value or token is None or token.dead or token.refused:
            raise WeChatError(61023)
        retired = token.retired_at
        if retired is not None and now >= retired + settings.old_refresh_grace_s:
            raise WeChatError(61023)
        if settings.rotate_on_refresh and retired is None:
            self._rotate(now)
        return {
            "authorizer_access_token": self._issue(settings, now).value,
            "expires_in": int(settings.access_token_life),
            "authorizer_refresh_token": self.current_refresh_token,
        }

    def func_info(self) -> list[dict[str, Any]]:
        """Return ``func_info``: the granted sets, some with ``confirm_info`` as in WeChat."""
        return [
            {
                "funcscope_category": {"id": number},
                "confirm_info": {"need_confirm": 0, "already_confirm": 0, "can_confirm": 0},
            }
            if number in _SETS_WITH_CONFIRMATION
            else {"funcscope_category": {"id": number}}
            for number in self.func_ids
        ]

    # --- by hand

    def refuse_refresh_token(self, *, listed: bool) -> bool:
        """Accept no refresh token issued so far; ``listed``: info and list still show it."""
        if not self.current_refresh_token:
            return False
        for refresh_token in self._refresh_tokens:
            refresh_token.refused = True
            refresh_token.dead = refresh_token.dead or not listed
        return True

    def replace_refresh_token(self, now: float) -> bool:
        """Hold a newer refresh token than the platform; the earlier ones are refused at once."""
        if not self.refuse_refresh_token(listed=True):
            return False
        self._rotate(now)
        return True

    def supersede(self, settings: Settings, now: float) -> bool:
        """Issue an access token to nobody, as when another system asks for one."""
        if self.tokens.current is None:
            return False
        self._issue(settings, now)
        return True

    def expire_codes(self, now: float) -> int:
        """Let the codes not yet exchanged be expired. Returns how many."""
        open_codes = [code for code in self._codes.values() if not code.used and not code.dead]
        for code in open_codes:
            code.expires_at = min(code.expires_at, now)
        return len(open_codes)

    def _rotate(self, now: float) -> None:
        for refresh_token in self._refresh_tokens:
            if refresh_token.retired_at is None:
                refresh_token.retired_at = now
        value = self._minter.refresh_token()
        self._refresh_tokens.append(RefreshToken(value))
        self._record("authorizer_refresh_token", value, now)

    def _issue(self, settings: Settings, now: float) -> IssuedToken:
        value = self._minter.access_token()
        self._record("authorizer_access_token", value, now)
        return self.tokens.issue(value, now=now, life=settings.access_token_life)

    def _record(self, kind: str, value: str, now: float) -> None:
        self._ledger.record(kind, value, now=now, authorizer_appid=self.merchant.appid)
