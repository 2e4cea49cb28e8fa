"""Logging an account's users in, with the component's token: mini programs, web OAuth.

What WeChat answers is for the caller alone. Nothing of it is stored or logged: a session key
decrypts what its user's telephone sends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from wxvault.errors import AuthorizerRevokedError, UnknownAuthorizerError, WeChatRefusedError
from wxvault.protocol.links import oauth_link
from wxvault.protocol.return_codes import COMPONENT_TOKEN_REFUSED
from wxvault.services.numbers import CALL_SECONDS, LEAST_CALL_SECONDS, WHOLE_CALL_SECONDS
from wxvault.services.patience import named, patiently
from wxvault.services.policy import is_coming_back
from wxvault.services.state import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.clock import Clock
    from wxvault.services.component import ComponentToken
    from wxvault.services.policy import Uniform
    from wxvault.services.ports import Tokens


class LoginApi(Protocol):
    """WeChat's logins; WeChatRefusedError and WeChatUnknownError may come of each."""

    def mini_program(
        self, component_appid: str, component_token: str, appid: str, js_code: str, /
    ) -> Mapping[str, Any]:
        """Exchange a mini program's code."""

    def oauth(
        self, component_appid: str, component_token: str, appid: str, code: str, /
    ) -> Mapping[str, Any]:
        """Exchange an OAuth code."""

    def oauth_refresh(
        self, component_appid: str, component_token: str, appid: str, refresh_token: str, /
    ) -> Mapping[str, Any]:
        """Renew an OAuth token."""

    def user_info(self, access_token: str, openid: str, lang: str, /) -> Mapping[str, Any]:
        """Read a user's profile."""


@dataclass(frozen=True, slots=True)
class Logins:
    """Logs users of authorizers in.

    Every method but the first raises UnknownAuthorizerError and AuthorizerRevokedError before
    WeChat is asked, MinuteQuotaError, DailyQuotaError and WeChatRefusedError with WeChat's
    errcode, and WeChatUnknownError when nobody knows what became of the code.
    """

    component_appid: str
    page_base: str
    """Where WeChat's OAuth page is."""
    tokens: Tokens
    component: ComponentToken
    api: LoginApi
    clock: Clock
    uniform: Uniform

    def oauth_link(self, appid: str, redirect_uri: str, scope: str, state: str) -> str:
        """Return the link of web OAuth; InvalidRequestError names a field that will not do."""
        self._require(appid)
        return oauth_link(
            official_account_appid=appid,
            component_appid=self.component_appid,
            redirect_uri=redirect_uri,
            scope=scope,
            state=state,
            base=self.page_base,
        )

    def mini_program(self, appid: str, js_code: str) -> Mapping[str, Any]:
        """Return openid, session_key and perhaps unionid for what ``wx.login`` gave."""
        return self._ask(
            appid,
            lambda token: self.api.mini_program(self.component_appid, token, appid, js_code),
        )

    def oauth(self, appid: str, code: str) -> Mapping[str, Any]:
        """Return the user's OAuth token for the code that the redirect brought."""
        return self._ask(
            appid, lambda token: self.api.oauth(self.component_appid, token, appid, code)
        )

    def oauth_refresh(self, appid: str, refresh_token: str) -> Mapping[str, Any]:
        """Return a newer OAuth token of the user."""
        return self._ask(
            appid,
            lambda token: self.api.oauth_refresh(self.component_appid, token, appid, refresh_token),
        )

    def user_info(self, appid: str, access_token: str, openid: str, lang: str) -> Mapping[str, Any]:
        """Return the profile of a user who has allowed it; the token is the user's own."""
        self._require(appid)
        ends = self._last_start()
        try:
            return self._patiently(lambda: self.api.user_info(access_token, openid, lang), ends)
        except WeChatRefusedError as refusal:
            raise named(refusal) from None

    def _ask(self, appid: str, ask: Callable[[str], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Ask with the component token, and once more with another one if WeChat refuses it."""
        self._require(appid)
        ends = self._last_start()
        token = self.component.get(until=ends - LEAST_CALL_SECONDS)
        try:
            return self._patiently(lambda: ask(token), ends)
        except WeChatRefusedError as refusal:
            if refusal.wechat_errcode not in COMPONENT_TOKEN_REFUSED:
                raise named(refusal) from None
        renewed = self.component.after_refusal(token, until=ends - LEAST_CALL_SECONDS)
        try:
            return self._patiently(lambda: ask(renewed), ends)
        except WeChatRefusedError as refusal:
            raise named(refusal) from None

    def _last_start(self) -> float:
        """Return when the last call has to begin: each has its own CALL_SECONDS."""
        return self.clock.now() + WHOLE_CALL_SECONDS - CALL_SECONDS

    def _patiently(self, ask: Callable[[], Mapping[str, Any]], ends: float) -> Mapping[str, Any]:
        return patiently(
            lambda _: ask(),
            ends=ends,
            longest=CALL_SECONDS,
            clock=self.clock,
            uniform=self.uniform,
        )

    def _require(self, appid: str) -> None:
        """Refuse what is not known here or has cancelled; all else WeChat decides."""
        state = self.tokens.get(appid)
        if state is None:
            message = f"{appid} is not known here"
            raise UnknownAuthorizerError(message)
        if state.status is Status.REVOKED and not is_coming_back(state):
            message = f"{appid} has cancelled its authorisation"
            raise AuthorizerRevokedError(message)
