"""Delivery of pushes: in the background, five seconds to answer, three attempts, all written down.

A push succeeded only when the platform answered 200 with exactly the seven bytes ``success``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Condition, Event, Thread
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import requests

from sandbox.wechat.push_crypto import (
    Addressee,
    Envelope,
    Stamp,
    open_reply,
    seal,
    seal_message,
    unsealed,
)
from sandbox.wechat.push_options import PushOptionError, PushOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.wechat.call_log import CallLog
    from sandbox.wechat.clock import SandboxClock
    from sandbox.wechat.settings import Settings
    from sandbox.wechat.values import Minter

SUCCESS: Final = b"success"
_ANSWER_LIMIT: Final = 128 * 1024  # a passive reply may be a long text
_LOGGED_LIMIT: Final = 200

PushState = Literal["held", "waiting", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class Answered:
    """A platform's answer to a push; ``status`` 0: none came, ``error`` says why."""

    status: int
    body: bytes
    error: str = ""


class Transport(Protocol):
    """How a push leaves the sandbox."""

    def __call__(self, url: str, envelope: Envelope, timeout: float) -> Answered:
        """Post once and return the answer; never raises for what the network does."""


def http_transport(url: str, envelope: Envelope, timeout: float) -> Answered:
    """Post over HTTP: no proxy, no redirect followed; ``timeout`` seconds to answer in."""
    started = time.monotonic()
    with requests.Session() as session:
        session.trust_env = False
        try:
            response = session.post(
                url,
                params=dict(envelope.query),
                data=envelope.body,
                headers={"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0"},
                timeout=timeout,
                allow_redirects=False,
                stream=True,
            )
            body = b""
            for chunk in response.iter_content(_ANSWER_LIMIT):
                body += chunk
                if len(body) > _ANSWER_LIMIT:
                    break
            response.close()
        except (requests.RequestException, OSError) as error:
            # Only the class: the text carries the URL with the signatures.
            return Answered(0, b"", type(error).__name__)
    if time.monotonic() - started > timeout:
        return Answered(0, b"", "Timeout")
    return Answered(response.status_code, body)


@dataclass(slots=True)
class Push:
    """One push: what it says (never shown), to where, and what became of it."""

    push_id: str
    info_type: str
    authorizer_appid: str
    url: str = field(repr=False)
    xml: str = field(repr=False)
    options: PushOptions
    created_at: float
    state: PushState = "waiting"
    attempts: list[dict[str, Any]] = field(default_factory=list)
    raw: Envelope | None = field(default=None, repr=False)
    to: Addressee | None = None
    """Of a user's message: to whom it goes. Of anything else: None."""
    reply: dict[str, Any] | None = field(default=None, repr=False)
    """The passive reply that a message was answered with, decrypted."""
    finished: Event = field(default_factory=Event, repr=False)
    released: Event = field(default_factory=Event, repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return the push without its content."""
        return {
            "push_id": self.push_id,
            "info_type": self.info_type,
            "authorizer_appid": self.authorizer_appid,
            "created_at": round(self.created_at, 3),
            "state": self.state,
            "attempts": list(self.attempts),
            "reply": self.reply,
        }


def in_background(work: Callable[[], None]) -> None:
    """Run ``work`` in a thread that does not keep the program alive."""
    Thread(target=work, daemon=True, name="push").start()


class PushDesk:
    """Takes pushes and delivers each in its own thread, so that none waits for another."""

    def __init__(  # noqa: PLR0913 - its collaborators, each replaceable
        self,
        settings: Callable[[], Settings],
        clock: SandboxClock,
        minter: Minter,
        log: CallLog,
        *,
        transport: Transport = http_transport,
        start: Callable[[Callable[[], None]], None] = in_background,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._minter = minter
        self._log = log
        self._transport = transport
        self._start = start
        self._sleep = sleep
        self._changed = Condition()
        self._pushes: dict[str, Push] = {}
        self.when_finished: Callable[[Push], None] = lambda _: None

    def send(  # noqa: PLR0913 - a push is made of this
        self,
        info_type: str,
        xml: str,
        *,
        authorizer_appid: str = "",
        options: PushOptions | None = None,
        url: str = "",
        raw: Envelope | None = None,
        to: Addressee | None = None,
    ) -> Push:
        """Take a push for delivery. ``raw``: send this instead of encrypting ``xml``.

        ``to``: it is a user's message, for the message URL.
        """
        options = options or PushOptions()
        self._check(options)
        with self._changed:
            push = Push(
                push_id=f"push-{len(self._pushes) + 1}",
                info_type=info_type,
                authorizer_appid=authorizer_appid,
                url=url or self._settings().event_url,
                xml=xml,
                options=options,
                created_at=self._clock.now(),
                raw=raw,
                to=to,
            )
            self._pushes[push.push_id] = push
        if options.hold:
            push.state = "held"
        else:
            self._release(push)
        return push

    def get(self, push_id: str) -> Push | None:
        """Return a push by its id."""
        with self._changed:
            return self._pushes.get(push_id)

    def all(self) -> list[Push]:
        """Return every push, oldest first."""
        with self._changed:
            return list(self._pushes.values())

    def release(self, push_id: str | None = None) -> list[Push]:
        """Let a held push go, or all of them. Returns which went."""
        held = [push for push in self.all() if push.state == "held"]
        going = [push for push in held if push_id is None or push.push_id == push_id]
        for push in going:
            self._release(push)
        return going

    def resend(self, push_id: str, options: PushOptions | None = None) -> Push | None:
        """Send the same content once more as a push of its own, signed anew."""
        push = self.get(push_id)
        if push is None:
            return None
        return self.send(
            push.info_type,
            push.xml,
            authorizer_appid=push.authorizer_appid,
            options=options,
            url=push.url if push.to is not None else "",
            raw=push.raw,
            to=push.to,
        )

    def wait_idle(self, timeout: float) -> bool:
        """Wait until no push is on its way (held ones do not count). Returns whether it came."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while any(push.state == "waiting" for push in self._pushes.values()):
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
        return True

    # --- one push

    def _check(self, options: PushOptions) -> None:
        settings = self._settings()
        if options.old_key and not settings.previous_encoding_aes_key:
            raise PushOptionError("old_key: previous_encoding_aes_key is not configured")
        if options.old_token and not settings.previous_token:
            raise PushOptionError("old_token: previous_token is not configured")

    def _release(self, push: Push) -> None:
        with self._changed:
            if push.released.is_set():
                return
            push.released.set()
            push.state = "waiting"
        self._start(lambda: self._deliver(push))

    def _deliver(self, push: Push) -> None:
        delivered = False
        try:
            if push.options.delay:
                self._sleep(push.options.delay)
            for _ in range(push.options.duplicate + 1):
                delivered = self._try(push)
        finally:
            with self._changed:
                push.state = "delivered" if delivered else "failed"
                push.finished.set()
                self._changed.notify_all()
        self.when_finished(push)

    def _try(self, push: Push) -> bool:
        settings = self._settings()
        attempts = push.options.attempts or settings.push_attempts
        envelope: Envelope | None = None
        for attempt in range(1, attempts + 1):
            # After a time-out at once; what failed faster is given a moment.
            if attempt > 1 and push.attempts[-1]["ms"] < settings.push_timeout * 1000:
                self._sleep(settings.push_retry_gap)
            if envelope is None or settings.push_resign:
                envelope = self._envelope(push, settings)
            if self._attempt(push, envelope, attempt, settings.push_timeout):
                return True
        return False

    def _attempt(self, push: Push, envelope: Envelope, attempt: int, timeout: float) -> bool:
        started = time.monotonic()
        answer = (
            self._transport(push.url, envelope, timeout)
            if push.url
            else Answered(0, b"", "no event_url is configured")
        )
        good = answer.status == requests.codes.ok and self._is_right(push, answer.body)
        entry = {
            "attempt": attempt,
            "ok": good,
            "status": answer.status,
            "body": answer.body[:_LOGGED_LIMIT].decode("utf-8", "replace"),
            "error": answer.error,
            "ms": round((time.monotonic() - started) * 1000),
            **({} if push.to is None else {"openid": push.to.openid}),
        }
        seq = self._log.add(
            "push",
            push_id=push.push_id,
            info_type=push.info_type,
            authorizer_appid=push.authorizer_appid,
            **entry,
        )
        logged = self._log.since(seq - 1, 1)[0]
        with self._changed:
            push.attempts.append({**entry, "body": logged["body"], "time": logged["time"]})
        return good

    def _is_right(self, push: Push, body: bytes) -> bool:
        """Return whether an answer is right: ``success``; to a message also nothing, or a reply."""
        if push.to is None or body in {SUCCESS, b""}:
            return push.to is not None or body == SUCCESS
        settings, options = self._settings(), push.options
        # A reply is sealed with the Token and key that its message was sealed with.
        push.reply = open_reply(
            body,
            as_json=push.to.as_json,
            token=settings.previous_token if options.old_token else settings.token,
            encoding_aes_key=settings.previous_encoding_aes_key
            if options.old_key
            else settings.encoding_aes_key,
            appid=settings.component_appid,
        )
        return push.reply is not None

    def _envelope(self, push: Push, settings: Settings) -> Envelope:
        if push.raw is not None:
            return push.raw
        options = push.options
        stamp = Stamp(str(int(self._clock.now())), self._minter.nonce())
        token = settings.previous_token if options.old_token else settings.token
        key = settings.previous_encoding_aes_key if options.old_key else settings.encoding_aes_key
        if options.wrong_key:
            key = self._minter.encoding_aes_key()
        appid, xml = settings.component_appid, push.xml
        if options.wrong_appid:
            stranger = self._minter.appid()
            appid, xml = stranger, xml.replace(appid, stranger)
        if options.plaintext:
            return unsealed(xml, token=token, stamp=stamp)
        if push.to is not None:
            envelope = seal_message(
                xml, push.to, token=token, encoding_aes_key=key, appid=appid, stamp=stamp
            )
        else:
            envelope = seal(xml, token=token, encoding_aes_key=key, appid=appid, stamp=stamp)
        if options.wrong_signature:
            wrong = dict(envelope.query) | {"msg_signature": "0" * 40, "signature": "0" * 40}
            return Envelope(wrong, envelope.body)
        return envelope


def raw_envelope(body: str, query: Mapping[str, str]) -> Envelope:
    """Return an envelope with exactly this body and query."""
    return Envelope(dict(query), body.encode())
