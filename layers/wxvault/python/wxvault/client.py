"""Tokens for other Lambdas and services: asked for once, kept for a moment, errors with a type.

    from wxvault.client import TokenClient

    tokens = TokenClient.from_env()          # once per process

    def handler(event, context):
        token = tokens.get("wx0123456789abcdef")
        ...                                  # call WeChat with token.access_token
        # WeChat answered 40001 or 42001? Then:
        token = tokens.report_rejected(token)

It imports ``wxvault.errors``, boto3 and the standard library only: any function can have it.
`EventGuard` for subscribers is found here too, if ``client_events.py`` is there.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import time
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Self

from wxvault import errors
from wxvault.client_transports import (
    AccessDeniedError,
    HttpTransport,
    InvokeTransport,
    TokenServiceError,
    Transport,
)
from wxvault.errors import ConfigurationError, InvalidRequestError, WxvaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.client_events import EventBusyError, EventGuard, MemoryEventStore, Verdict

__all__ = [
    "AccessDeniedError",
    "EventBusyError",
    "EventGuard",
    "MemoryEventStore",
    "RemoteError",
    "Token",
    "TokenClient",
    "TokenServiceError",
    "Verdict",
]

DEFAULT_OVERLAP_SECONDS: Final = 300
MAX_MIN_TTL_SECONDS: Final = 1200
_KEPT_SHARE_OF_OVERLAP: Final = 0.2
_APPID: Final = re.compile(r"wx[0-9a-f]{16}", re.ASCII)
_TOKEN: Final = re.compile(r"[!-~]+", re.ASCII)
_END_OF_TIME: Final = 1e11


def __getattr__(name: str) -> object:
    # Loaded when it is asked for: whoever wants tokens need not have the file of the guard.
    if name in {"EventBusyError", "EventGuard", "MemoryEventStore", "Verdict"}:
        return getattr(importlib.import_module("wxvault.client_events"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


class RemoteError(WxvaultError):
    """wxvault answered an error that this version of the client does not know by name.

    ``code`` of an instance is the one that was answered.
    """

    code = "remote_error"

    def __init__(self, code: str, error: WxvaultError) -> None:
        super().__init__(error.message, remedy=error.remedy, wechat_errcode=error.wechat_errcode)
        self.__dict__["code"] = code


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; ``authorizer_appid`` is the component's own appid for a component token.

    ``expires_at`` is unix time in seconds, ``generation`` rises with every new value.
    """

    authorizer_appid: str
    access_token: str = field(repr=False)
    expires_at: float
    generation: int
    component: bool = False

    @property
    def sha256(self) -> str:
        """Return the hash by which a token is named without being repeated."""
        return hashlib.sha256(self.access_token.encode()).hexdigest()


class _Slot:
    """What is kept about one account, and the lock that lets one thread ask at a time."""

    __slots__ = ("answers", "asked_at", "failure", "lock", "token", "waiting")

    def __init__(self) -> None:
        self.lock = Lock()
        self.token: Token | None = None
        self.asked_at = 0.0
        self.waiting = 0
        self.answers = 0
        self.failure: WxvaultError | None = None


class TokenClient:
    """Gives out tokens; safe to share between threads, meant to be made once per process."""

    def __init__(
        self,
        transport: Transport,
        *,
        overlap_seconds: float = DEFAULT_OVERLAP_SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take the way to the token function, the stack's OverlapSeconds, and a clock."""
        self._transport = transport
        self._kept_seconds = _KEPT_SHARE_OF_OVERLAP * overlap_seconds
        self._now = now
        self._slots: dict[str, _Slot] = {}
        self._slots_lock = Lock()

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Make a client from the environment.

        ``WXVAULT_TOKEN_FUNCTION`` (name or ARN of the token function's alias) asks by direct
        invoke; else ``WXVAULT_API_URL`` (``https://…``) asks by signed HTTP.
        ``WXVAULT_OVERLAP_SECONDS`` is the stack's OverlapSeconds if that is not 300. Credentials
        and region are boto3's.
        """
        env = os.environ if environ is None else environ
        overlap = env.get("WXVAULT_OVERLAP_SECONDS", "").strip() or str(DEFAULT_OVERLAP_SECONDS)
        if not re.fullmatch(r"[0-9]{1,6}", overlap, re.ASCII):
            raise ConfigurationError("WXVAULT_OVERLAP_SECONDS", "must be a whole number")
        function = env.get("WXVAULT_TOKEN_FUNCTION", "").strip()
        api_url = env.get("WXVAULT_API_URL", "").strip()
        transport: Transport
        if function:
            transport = InvokeTransport(function)
        elif api_url:
            transport = HttpTransport(api_url)
        else:
            raise ConfigurationError(
                "WXVAULT_TOKEN_FUNCTION", "neither it nor WXVAULT_API_URL is set"
            )
        return cls(transport, overlap_seconds=int(overlap))

    def get(
        self, authorizer_appid: str, *, min_ttl: int = 0, rejected: Token | None = None
    ) -> Token:
        """Return a token of an authorizer that lives for ``min_ttl`` more seconds (0 to 1200).

        ``rejected`` is a token that WeChat has just refused (40001, 40014, 42001): the answer is a
        newer one if there is one, or can be made. Raises the errors of ``wxvault.errors``, such as
        AuthorizerRevokedError and RenewalInProgressError, or AccessDeniedError, TokenServiceError.
        """
        if not _APPID.fullmatch(authorizer_appid):
            raise InvalidRequestError(
                "authorizer_appid", "must be 'wx' and 16 hexadecimal digits in lower case"
            )
        return self._get(
            authorizer_appid, {"authorizer_appid": authorizer_appid}, min_ttl, rejected
        )

    def component_token(self, *, min_ttl: int = 0, rejected: Token | None = None) -> Token:
        """Return the component token; arguments and errors as with :meth:`get`."""
        return self._get("", {"component": True}, min_ttl, rejected)

    def report_rejected(self, token: Token) -> Token:
        """Tell wxvault that WeChat refuses ``token``, and return what is valid now."""
        if token.component:
            return self.component_token(rejected=token)
        return self.get(token.authorizer_appid, rejected=token)

    def _get(
        self, key: str, question: dict[str, Any], min_ttl: int, rejected: Token | None
    ) -> Token:
        if not 0 <= min_ttl <= MAX_MIN_TTL_SECONDS:
            raise InvalidRequestError("min_ttl", f"must be 0 to {MAX_MIN_TTL_SECONDS} seconds")
        with self._slots_lock:
            slot = self._slots.setdefault(key, _Slot())
            slot.waiting += 1
            answers_before = slot.answers
        try:
            return self._get_alone(slot, answers_before, question, min_ttl, rejected)
        finally:
            with self._slots_lock:
                slot.waiting -= 1

    def _get_alone(
        self,
        slot: _Slot,
        answers_before: int,
        question: dict[str, Any],
        min_ttl: int,
        rejected: Token | None,
    ) -> Token:
        with slot.lock:
            if (kept := self._kept(slot, min_ttl, rejected)) is not None:
                return kept
            # Whoever waited for another thread's question shares its failure, instead of asking
            # again for the same seconds, one waiter after the other.
            if slot.answers != answers_before and slot.failure is not None:
                raise _rebuilt(_described(slot.failure))
            return self._ask(slot, question, min_ttl, rejected)

    def _kept(self, slot: _Slot, min_ttl: int, rejected: Token | None) -> Token | None:
        token, now = slot.token, self._now()
        if (
            token is None
            or not 0 <= now - slot.asked_at < self._kept_seconds
            or now + min_ttl >= token.expires_at
            or (rejected is not None and rejected.access_token == token.access_token)
        ):
            return None
        return token

    def _ask(
        self, slot: _Slot, question: dict[str, Any], min_ttl: int, rejected: Token | None
    ) -> Token:
        if min_ttl:
            question["min_ttl"] = min_ttl
        if rejected is not None:
            question["rejected_token_sha256"] = rejected.sha256
        # Counted from before asking: the answer may be as old as that.
        slot.token, slot.failure, slot.asked_at = None, None, self._now()
        try:
            slot.token = _token(self._transport.ask(question), component="component" in question)
        except WxvaultError as exc:
            slot.failure = exc
            raise
        finally:
            slot.answers += 1
        return slot.token


def _token(answer: object, *, component: bool) -> Token:
    """Turn an answer into a token, or into the error it stands for."""
    if not isinstance(answer, dict):
        raise TokenServiceError("the answer is not an object")
    if isinstance(error := answer.get("error"), dict):
        raise _rebuilt(error)
    appid = answer.get("component_appid" if component else "authorizer_appid")
    access_token, expires_at = answer.get("access_token"), answer.get("expires_at")
    generation = answer.get("generation") or 0
    if not (
        isinstance(access_token, str)
        and _TOKEN.fullmatch(access_token)
        # Neither of them may be infinite, no number at all, or longer than a number can be.
        and isinstance(expires_at, int | float)
        and 0 < expires_at < _END_OF_TIME
        and isinstance(generation, int)
    ):
        raise TokenServiceError("the answer has no token")
    return Token(
        authorizer_appid=str(appid or answer.get("authorizer_appid") or ""),
        access_token=access_token,
        expires_at=float(expires_at),
        generation=generation,
        component=component,
    )


def _described(error: WxvaultError) -> dict[str, Any]:
    return {
        "code": error.code,
        "message": error.message,
        "remedy": error.remedy,
        "wechat_errcode": error.wechat_errcode,
    }


def _rebuilt(described: Mapping[str, Any]) -> WxvaultError:
    """Return an error of the class that has this code, with the answer's own words."""
    error = errors.from_answer(described)
    code = str(described.get("code", ""))
    if error.code != code:
        return RemoteError(code, error)
    return error
