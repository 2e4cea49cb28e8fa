"""Calling WeChat for an authorizer, or for the component itself, with a token nobody else sees.

What WeChat answers goes back as it is. A refused token is compared and renewed, and the call sent
exactly once more; a busy WeChat is asked again after a pause; all else is the caller's to decide.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from wxvault.errors import PermissionMissingError, TokenRefusedError, WeChatRefusedError
from wxvault.protocol import permission_sets
from wxvault.protocol.return_codes import (
    AUTHORIZER_TOKEN_REFUSED,
    COMPONENT_TOKEN_REFUSED,
    NOT_AUTHORIZED,
    PERMISSION_MISSING,
)
from wxvault.services.numbers import (
    CALL_SECONDS,
    CALL_WITH_FILE_SECONDS,
    LEAST_CALL_SECONDS,
    WHOLE_CALL_SECONDS,
)
from wxvault.services.patience import named, patiently, renamed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wxvault.clock import Clock
    from wxvault.services.component import ComponentToken
    from wxvault.services.lookup import Lookup
    from wxvault.services.policy import Uniform

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call as the caller wants it, with a path that may be called; the token is not in it."""

    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    content_type: str = ""

    @property
    def may_carry_a_file(self) -> bool:
        """Say whether it may take longer than an exchange of JSON: an upload, a download."""
        return self.method == "GET" or "json" not in self.content_type


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """What WeChat answered: good, whole, and without the token that was used.

    ``value`` is the JSON object if it is one.
    """

    content: bytes = field(repr=False)
    content_type: str
    value: Mapping[str, Any] | None = field(default=None, repr=False)


class Api(Protocol):
    """WeChat's APIs."""

    def call(self, call: ApiCall, token: str, /, *, seconds: float) -> ApiAnswer:
        """Send a call once.

        Raises:
            WeChatRefusedError: an errcode, with the whole answer.
            WeChatUnknownError: no good answer in time.
        """


class Grants(Protocol):
    """What merchants have granted."""

    def permission_sets(self, authorizer_appid: str) -> Sequence[int]:
        """Return the numbers of the permission sets, as far as they are known."""


@dataclass(frozen=True, slots=True)
class Calling:
    """Calls WeChat for whoever asks, in time for the function's own end."""

    lookup: Lookup
    component: ComponentToken
    api: Api
    grants: Grants
    sets_for: Callable[[str], Sequence[int]]
    """Tells to which permission sets a path belongs, as far as that is known."""
    clock: Clock
    uniform: Uniform

    def for_authorizer(self, authorizer_appid: str, call: ApiCall) -> ApiAnswer:
        """Call for an authorizer, with its access token.

        Raises:
            UnknownAuthorizerError and whatever else a look-up raises: there is no token, and why.
            TokenRefusedError, MinuteQuotaError, DailyQuotaError, PermissionMissingError: WeChat
                refuses, for a reason that has a name.
            WeChatRefusedError: WeChat refuses for another reason; its answer is in ``answer``.
            WeChatUnknownError, AnswerTooLargeError: WeChat gave no good answer.
        """

        def get(until: float) -> str:
            return self.lookup.find(authorizer_appid, until=until).access_token

        def another(refused: str, until: float) -> str:
            found = self.lookup.find(authorizer_appid, rejected_token=refused, until=until)
            return found.access_token

        return self._call(
            authorizer_appid,
            call,
            get,
            another,
            # 61003 too: renewing asks WeChat whether the merchant has really gone.
            AUTHORIZER_TOKEN_REFUSED | NOT_AUTHORIZED,
        )

    def for_component(self, call: ApiCall) -> ApiAnswer:
        """Call with the component's own token; raises what :meth:`for_authorizer` raises."""
        return self._call(
            None,
            call,
            lambda until: self.component.get(until=until),
            lambda refused, until: self.component.after_refusal(refused, until=until),
            COMPONENT_TOKEN_REFUSED,
        )

    def _call(
        self,
        appid: str | None,
        call: ApiCall,
        get: Callable[[float], str],
        another: Callable[[str, float], str],
        token_refused: frozenset[int],
    ) -> ApiAnswer:
        ends = self.clock.now() + WHOLE_CALL_SECONDS
        token = get(ends - LEAST_CALL_SECONDS)
        try:
            return self._patiently(call, token, ends)
        except WeChatRefusedError as refusal:
            if refusal.wechat_errcode not in token_refused:
                raise self._named(appid, refusal) from None
            first = refusal
        _log.warning(
            "wechat refuses a token that should be good",
            extra={
                "authorizer_appid": appid,
                "path": call.path,
                "wechat_errcode": first.wechat_errcode,
            },
        )
        renewed = another(token, ends - LEAST_CALL_SECONDS)
        if renewed == token:
            raise _still_refused(first, "and it is too young to be renewed") from None
        try:
            return self._patiently(call, renewed, ends)
        except WeChatRefusedError as refusal:
            if refusal.wechat_errcode not in token_refused:
                raise self._named(appid, refusal) from None
            raise _still_refused(refusal, "and the one that was renewed for it as well") from None

    def _patiently(self, call: ApiCall, token: str, ends: float) -> ApiAnswer:
        return patiently(
            lambda seconds: self.api.call(call, token, seconds=seconds),
            ends=ends,
            longest=CALL_WITH_FILE_SECONDS if call.may_carry_a_file else CALL_SECONDS,
            clock=self.clock,
            uniform=self.uniform,
        )

    def _named(self, appid: str | None, refusal: WeChatRefusedError) -> WeChatRefusedError:
        """Return the refusal by its own name, if it has one."""
        if refusal.wechat_errcode in PERMISSION_MISSING and appid is not None:
            return self._permission_missing(appid, refusal)
        return named(refusal)

    def _permission_missing(self, appid: str, refusal: WeChatRefusedError) -> WeChatRefusedError:
        """Say which set is missing, in both languages: WeChat says only that one is."""
        wanted = self.sets_for(refusal.path)
        granted = self.grants.permission_sets(appid)
        has = _listed(granted) or "nothing that is known here"
        if not wanted:
            return renamed(
                PermissionMissingError,
                refusal,
                f"{appid} has not granted the permission set of {refusal.path}; which one that is, "
                f"is not known here. Granted: {has}",
            )
        one = _listed(wanted, " or ")
        if set(wanted) & set(granted):
            return renamed(
                PermissionMissingError,
                refusal,
                f"WeChat refuses {refusal.path} to the platform although {appid} has granted "
                f"{_listed([number for number in granted if number in wanted])}",
                remedy="Look whether the platform itself holds the set, and whether another "
                "platform holds it alone; then ask the merchant to authorise once more.",
            )
        return renamed(
            PermissionMissingError,
            refusal,
            f"{appid} has not granted {one}, which {refusal.path} needs. Granted: {has}",
            remedy=f"Ask the merchant to authorise once more and to grant {one}.",
        )


def _listed(numbers: Sequence[int], between: str = ", ") -> str:
    known = [permission_sets.lookup(number) for number in numbers]
    return between.join(
        f"{one.number} {one.zh} ({one.en})" if one.known else str(one.number) for one in known
    )


def _still_refused(refusal: WeChatRefusedError, problem: str) -> WeChatRefusedError:
    if refusal.wechat_errcode in NOT_AUTHORIZED:
        # The renewal succeeded, or there would be no other token: the merchant is there.
        return refusal
    return renamed(
        TokenRefusedError,
        refusal,
        f"{refusal.message}: WeChat refuses the token, {problem}; somebody else may be renewing it",
    )
