"""Resetting the daily quota with the AppSecret alone: what is left when no token can be had.

Source: WeChat's page openApi/quota-management/api_clearcomponentquotabyappsecret. WeChat allows ten
resets a month and account, those in its console counted.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Protocol

from wxvault.errors import WeChatRefusedError
from wxvault.protocol.return_codes import APP_SECRET_REFUSED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wxvault.services.component import AppSecret

_log = logging.getLogger(__name__)

_SECRET_REFUSED: Final = APP_SECRET_REFUSED | {40001, 41004}
_SECRET_WRONG: Final = "Put the platform's present AppSecret into the app secret."
REMEDIES: Final[Mapping[int, str]] = {
    40001: _SECRET_WRONG,
    40013: "Compare ComponentAppid and authorizer_appid with WeChat's console: one is unknown.",
    40125: _SECRET_WRONG,
    41002: "WeChat wants to be told whose quota: ask again with authorizer_appid.",
    41004: _SECRET_WRONG,
    48006: "Wait for the next month: this month's ten resets are used up (console included).",
}
"""Where the general remedy of a code speaks of tokens, which this call has none of."""


class ClearsQuota(Protocol):
    """WeChat, as far as this goes."""

    def clear_quota(
        self, component_appid: str, appsecret: str, authorizer_appid: str | None, /
    ) -> None:
        """Reset the daily quota."""


class QuotaReset:
    """Resets the quota of the component, or of an authorizer's calls by it."""

    def __init__(self, component_appid: str, wechat: ClearsQuota, app_secret: AppSecret) -> None:
        self._component_appid = component_appid
        self._wechat = wechat
        self._app_secret = app_secret

    def clear(self, authorizer_appid: str | None) -> None:
        """Reset it, once: WeChat counts resets, so nothing is repeated that may have been done.

        Raises:
            ConfigurationError: the AppSecret is missing or malformed.
            WeChatRefusedError: nothing was reset; the remedy says why.
            WeChatUnknownError: WeChat did not answer; it may have been reset.
        """
        try:
            self._ask(authorizer_appid)
        except WeChatRefusedError as refusal:
            code = refusal.wechat_errcode
            remedy = REMEDIES.get(0 if code is None else code, refusal.remedy)
            raise WeChatRefusedError(
                refusal.message, path=refusal.path, remedy=remedy, wechat_errcode=code
            ) from None
        _log.warning("quota reset", extra={"subject": authorizer_appid or "component"})

    def _ask(self, authorizer_appid: str | None) -> None:
        try:
            self._wechat.clear_quota(
                self._component_appid, self._app_secret.get(), authorizer_appid
            )
        except WeChatRefusedError as refusal:
            if refusal.wechat_errcode not in _SECRET_REFUSED or not self._app_secret.changed():
                raise
        else:
            return
        self._wechat.clear_quota(self._component_appid, self._app_secret.get(), authorizer_appid)
