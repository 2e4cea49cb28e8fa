"""Looking a token up: one read when it is fresh; otherwise wait for whoever renews it.

A look-up never asks WeChat itself: it asks *renew* and polls the table.
"""

from __future__ import annotations

import hmac
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from wxvault.errors import (
    AuthorizerLostError,
    AuthorizerPendingError,
    AuthorizerRevokedError,
    NoApiAbilityError,
    NoTicketError,
    RenewalFailingError,
    RenewalInProgressError,
    SealBrokenError,
    UnknownAuthorizerError,
    WxvaultError,
)
from wxvault.protocol.return_codes import remedy
from wxvault.services.numbers import POLL_SECONDS, WAIT_SECONDS
from wxvault.services.outcome import Outcome
from wxvault.services.policy import (
    has_live_lease,
    is_coming_back,
    is_servable,
    pause_between_asks,
)
from wxvault.services.state import Status, TokenState
from wxvault.services.tools import token_sha256

if TYPE_CHECKING:
    from wxvault.clock import Clock
    from wxvault.services.policy import Uniform
    from wxvault.services.ports import Tokens


_NO_NEWS = (Outcome.LEASED, Outcome.UNKNOWN)
"""Somebody is at it, or *renew* did not answer: only time tells."""


@dataclass(frozen=True, slots=True)
class Found:
    """A token that may be handed out."""

    authorizer_appid: str | None
    access_token: str = field(repr=False)
    expires_at: float
    generation: int
    renewed: bool
    """It was renewed while the caller waited."""


class Renewer(Protocol):
    """Asks *renew*; one attempt, waiting at most ``seconds``."""

    def __call__(
        self,
        authorizer_appid: str | None,
        *,
        rejected_token_sha256: str | None,
        min_ttl: float,
        seconds: float,
    ) -> Outcome:
        """Return what came of it; ``unknown`` when it did not answer in time."""


class Lookup:
    """Finds tokens of authorizers, and the component's own (appid None)."""

    def __init__(
        self, tokens: Tokens, renew: Renewer, clock: Clock, uniform: Uniform, *, overlap: float
    ) -> None:
        self._tokens = tokens
        self._renew = renew
        self._clock = clock
        self._uniform = uniform
        self._overlap = overlap

    def find(
        self,
        authorizer_appid: str | None,
        *,
        min_ttl: float = 0,
        rejected_token: str | None = None,
        rejected_token_sha256: str | None = None,
        until: float = math.inf,
    ) -> Found:
        """Return a token that WeChat honours, with at least ``min_ttl`` seconds left if possible.

        ``rejected_token`` (or its SHA-256) says "WeChat refused this one". It is waited for
        WAIT_SECONDS, but not beyond ``until``.

        Raises:
            UnknownAuthorizerError, AuthorizerPendingError, AuthorizerRevokedError,
            AuthorizerLostError, NoApiAbilityError: there is none, and why.
            RenewalInProgressError, RenewalFailingError, NoTicketError: there is none right now.
            SealBrokenError: what there is cannot be opened, and WeChat gives no other one now.
            SealingKeyError: the sealing key cannot be used now.
        """
        rejected = token_sha256(rejected_token) if rejected_token else rejected_token_sha256
        deadline = min(self._clock.now() + WAIT_SECONDS, until)
        asked: Outcome | None = None
        asks, ask_again_at = 0, 0.0
        while True:
            state = self._tokens.get(authorizer_appid)
            now = self._clock.now()
            left = deadline - now
            _refuse_what_has_none(authorizer_appid, state)
            if state is not None and state.status is not Status.PENDING:
                token, broken = self._open(state, now)
                good = token is not None and not _is(token, rejected)
                if good and is_servable(state, now, overlap=self._overlap, min_ttl=min_ttl):
                    return self._found(state, token, asked)
                if asked in (Outcome.NOT_DUE, Outcome.REFUSED, Outcome.FAILING):
                    # No better one can be had now: the one there is, is still good, or it fails.
                    # One that WeChat refused is not good while WeChat refuses to renew it too.
                    if token is not None and not (state.attempts and _is(token, rejected)):
                        return self._found(state, token, asked)
                    raise self._why(state, broken) or _failing(authorizer_appid, state)
                if left > 0 and now >= ask_again_at and not has_live_lease(state, now):
                    asked = self._renew(
                        authorizer_appid,
                        rejected_token_sha256=rejected,
                        min_ttl=min_ttl,
                        seconds=left,
                    )
                    asks += 1
                    ask_again_at = self._clock.now() + pause_between_asks(asks, self._uniform)
                    if asked not in _NO_NEWS:
                        # Whatever could be done is done: what stands there now is the answer.
                        continue
                elif left <= 0 and token is not None and rejected is None:
                    return self._found(state, token, asked)
            if left <= 0:
                raise _too_late(authorizer_appid, state)
            self._clock.sleep(min(POLL_SECONDS, max(left, 0.001)))

    def _open(self, state: TokenState, now: float) -> tuple[str | None, SealBrokenError | None]:
        """Return the access token if it may be served at all, or why it cannot be opened."""
        if not is_servable(state, now, overlap=self._overlap):
            return None, None
        try:
            return self._tokens.access_token(state), None
        except SealBrokenError as error:
            return None, error

    def _why(self, state: TokenState, broken: SealBrokenError | None) -> SealBrokenError | None:
        """Say that a broken seal is why there is no token, if it is: WeChat had to be asked."""
        if broken is None:
            try:
                self._tokens.refresh_token(state)
            except SealBrokenError as error:
                broken = error
            else:
                return None
        if state.last_errcode is None:
            return SealBrokenError(f"{_subject(state.authorizer_appid)}: {broken.message}")
        refused = _failing(state.authorizer_appid, state)
        return SealBrokenError(
            f"{refused.message}; {broken.message}",
            remedy=refused.remedy,
            wechat_errcode=state.last_errcode,
        )

    def _found(self, state: TokenState, token: str | None, asked: Outcome | None) -> Found:
        return Found(
            state.authorizer_appid,
            token or "",
            state.access_expires_at or 0.0,
            state.generation,
            renewed=asked is Outcome.RENEWED,
        )


def _is(token: str | None, rejected: str | None) -> bool:
    return (
        token is not None
        and rejected is not None
        and hmac.compare_digest(token_sha256(token), rejected)
    )


def _refuse_what_has_none(authorizer_appid: str | None, state: TokenState | None) -> None:
    """Raise for an item that no waiting will give a token."""
    if state is None:
        if authorizer_appid is None:
            message = "no component_verify_ticket has arrived yet"
            raise NoTicketError(message)
        message = f"{authorizer_appid} is not known here"
        raise UnknownAuthorizerError(message)
    if is_coming_back(state):
        return
    if state.status is Status.REVOKED:
        message = f"{authorizer_appid} has cancelled its authorisation"
        raise AuthorizerRevokedError(message)
    if state.status is Status.LOST:
        message = f"WeChat refuses the refresh token of {authorizer_appid}"
        raise AuthorizerLostError(message, wechat_errcode=state.last_errcode)
    if not state.api_ability:
        message = f"{authorizer_appid} has no API ability"
        raise NoApiAbilityError(message)


def _subject(authorizer_appid: str | None) -> str:
    return "the component token" if authorizer_appid is None else authorizer_appid


def _failing(authorizer_appid: str | None, state: TokenState) -> WxvaultError:
    subject = _subject(authorizer_appid)
    if state.last_errcode is None:
        return RenewalFailingError(f"{subject}: WeChat gives no answer")
    return RenewalFailingError(
        f"{subject}: WeChat refuses the renewal with {state.last_errcode}",
        remedy=remedy(state.last_errcode, f"requestIP: {state.refused_address or ''}"),
        wechat_errcode=state.last_errcode,
    )


def _too_late(authorizer_appid: str | None, state: TokenState | None) -> WxvaultError:
    subject = _subject(authorizer_appid)
    if state is not None and state.status is Status.PENDING:
        return AuthorizerPendingError(f"{subject}: the authorisation is not finished yet")
    return RenewalInProgressError(f"{subject}: the token is being renewed")
