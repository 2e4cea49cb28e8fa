"""The whole of this WeChat: memory, pushes, faults, log and ticket timer behind one lock."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field, replace
from threading import Event, RLock, Timer
from typing import TYPE_CHECKING, Any, Final, Literal

from sandbox.wechat.account_api import account_endpoints
from sandbox.wechat.call_log import CallLog
from sandbox.wechat.calls import Answer, Call, Endpoint, perform, refusal
from sandbox.wechat.clock import DeskClock, SandboxClock
from sandbox.wechat.component_api import component_endpoints
from sandbox.wechat.faults import FaultBoard, Reaction, Stage, play
from sandbox.wechat.logins import Logins
from sandbox.wechat.media import Media
from sandbox.wechat.merchants import EXAMPLES, Merchant
from sandbox.wechat.open_accounts import OpenAccounts
from sandbox.wechat.push_crypto import Addressee
from sandbox.wechat.push_messages import (
    Shape,
    cancellation_xml,
    confirmation_xml,
    registration_xml,
    ticket_xml,
)
from sandbox.wechat.push_options import PushOptions
from sandbox.wechat.pushes import Push, PushDesk, Transport, http_transport, in_background
from sandbox.wechat.quota_api import quota_endpoints
from sandbox.wechat.registration_api import registration_endpoints
from sandbox.wechat.registrations import CREATED, REFUSED, Application
from sandbox.wechat.return_codes import WeChatError
from sandbox.wechat.state import Confirmation, RefusalError, WeChat
from sandbox.wechat.templates import Templates
from sandbox.wechat.ticket_timer import TicketTimer
from sandbox.wechat.user_messages import UserMessage, message_url
from sandbox.wechat.values import Minter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sandbox.wechat.register_links import ReuseRequest
    from sandbox.wechat.settings import Settings

# What does not look like an appid may be a secret in the wrong place: it is not written down.
_APPID: Final = re.compile(r"wx[0-9a-z]{1,30}")
_REGISTRATIONS: Final = {
    "enterprise": "notify_third_fasteregister",
    "personal": "notify_third_fasteregister",
    "trial": "notify_third_fastregisterbetaapp",
    "trial_verified": "notify_third_fastverifybetaapp",
}

Beside = Literal["none", "before", "after"]
PushMode = Literal["now", "first", "hold", "none"]


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A confirmation and its push, if one was made."""

    confirmation: Confirmation = field(repr=False)
    push: Push | None


class Desk:
    """What the server, the pages and the control API talk to. Safe to share between threads."""

    def __init__(  # noqa: PLR0913 - what a test may want to replace
        self,
        settings: Settings,
        *,
        clock: SandboxClock | None = None,
        minter: Minter | None = None,
        merchants: Iterable[Merchant] = EXAMPLES,
        transport: Transport = http_transport,
        start_push: Callable[[Callable[[], None]], None] = in_background,
    ) -> None:
        self.lock = RLock()
        self.clock: SandboxClock = clock or DeskClock()
        self.minter = minter or Minter()
        self.state = WeChat(settings, self.clock, self.minter, merchants)
        self.open_accounts = OpenAccounts(self.minter)
        self.templates = Templates()
        self.media = Media(self.minter)
        self.logins = Logins(self.minter, self.state.ledger, self.open_accounts)
        self.log = CallLog(self.clock, self.state.ledger)
        self.faults = FaultBoard()
        self.pushes = PushDesk(
            lambda: self.state.settings,
            self.clock,
            self.minter,
            self.log,
            transport=transport,
            start=start_push,
        )
        self.page_base = "https://mp.weixin.qq.com"
        """Where this WeChat's pages are; the server puts its own address here."""
        self.pushes.when_finished = self._push_finished
        self._messages = 0
        self._next_options: dict[str, list[PushOptions]] = {}
        self._endpoints: dict[str, Endpoint] = {
            **component_endpoints(self._start_ticket_pushes),
            **account_endpoints(),
            **quota_endpoints(self.knows),
            **registration_endpoints(lambda: self.page_base, self._reused),
            **self.open_accounts.endpoints(),
            **self.templates.endpoints(),
            **self.media.endpoints(),
            **self.logins.endpoints(),
        }
        self.tickets = TicketTimer(lambda: self.state.settings, self.clock, self.push_ticket)
        self._closed = Event()
        self._late: list[Timer] = []

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.state.settings

    # --- running

    def start(self) -> None:
        """Start the timer that pushes tickets, and push the first one if that is configured."""
        if not self.tickets.running:
            self.tickets.start()
            self._configured(event_url_changed=bool(self.settings.event_url))

    def close(self) -> None:
        """Stop the timer and what was to be executed late. Pushes under way are left alone."""
        self._closed.set()
        for timer in self._late:
            timer.cancel()
        self.tickets.close()

    def configure(self, values: Mapping[str, Any]) -> Settings:
        """Change settings. Raises SettingsError; then nothing was changed."""
        with self.lock:
            before = self.settings
            after = before.changed(values)
            self.state.configure(after)
        self._configured(event_url_changed=after.event_url != before.event_url)
        return after

    def _configured(self, *, event_url_changed: bool) -> None:
        settings = self.settings
        if not self.tickets.running or not event_url_changed:
            return
        if settings.event_url and settings.ticket_push:
            self.tickets.restart()
            if settings.ticket_on_configure:
                self.push_ticket()

    # --- the API

    def knows(self, path: str) -> bool:
        """Return whether this is the path of an API."""
        return path in self._endpoints

    def handle(self, call: Call) -> Reaction:
        """Answer an API call, with whatever fault waits for it, and write it down."""
        subject = self._subject(call)
        fault = self.faults.take(call.path, subject)
        started = time.monotonic()
        if fault is None:
            answer = self._execute(call)
            reaction = Reaction(answer, answer.executed, answer.errcode)
        else:
            stage = Stage(
                execute=lambda: self._execute(call),
                refuse=lambda errcode: refusal(WeChatError(errcode), self.state),
                later=lambda seconds: self._execute_later(call, subject, seconds),
                sleep=self._closed.wait,
            )
            reaction = play(fault, stage)
        ms = round((time.monotonic() - started) * 1000)
        self._remember(call, reaction.answer, ms)
        self.log.add(
            "call",
            method=call.method,
            path=call.path,
            authorizer_appid=subject or "",
            errcode=reaction.errcode,
            executed=reaction.executed,
            answered=reaction.answer is not None,
            status=reaction.answer.status if reaction.answer else 0,
            fault=fault.kind if fault else "",
            ms=ms,
        )
        return reaction

    def _remember(self, call: Call, answer: Answer | None, ms: int) -> None:
        """Keep a refused call, for whoever asks what its rid stands for."""
        if answer is None or not answer.rid:
            return
        with self.lock:
            owner = self.state.owner_of(call.token())
            seen = replace(call, client_ip=self.settings.client_ip or call.client_ip)
            self.state.rids.remember(
                answer.rid,
                seen,
                owner=owner.authorizer_appid if owner else None,
                now=self.clock.now(),
                ms=ms,
                answer=answer.body,
            )

    def _execute(self, call: Call) -> Answer:
        with self.lock:
            return perform(self._endpoints[call.path], call, self.state)

    def _execute_later(self, call: Call, subject: str | None, seconds: float) -> None:
        def execute() -> None:
            if self._closed.is_set():
                return
            answer = self._execute(call)
            self.log.add(
                "late",
                method=call.method,
                path=call.path,
                authorizer_appid=subject or "",
                errcode=answer.errcode,
                executed=answer.executed,
                answered=False,
            )

        timer = Timer(seconds, execute)
        timer.daemon = True
        self._late.append(timer)
        timer.start()

    def _subject(self, call: Call) -> str | None:
        """Return the account a call is about: named, or the owner of its code or token."""
        body = call.lenient_json()
        named = body.get("authorizer_appid") or call.query.get("appid")
        if isinstance(named, str) and (_APPID.fullmatch(named) or named in self.state.links):
            return named
        with self.lock:
            code = body.get("authorization_code")
            link = self.state.owner_of_code(code) if isinstance(code, str) else None
            if link:
                return link.merchant.appid
            owner = self.state.owner_of(call.token())
        return owner.authorizer_appid if owner else None

    # --- pushes

    def plan_push(self, info_type: str, options: PushOptions, count: int = 1) -> None:
        """Let the next ``count`` pushes of this kind be delivered in this way."""
        with self.lock:
            self._next_options.setdefault(info_type, []).extend([options] * count)

    def send(
        self,
        info_type: str,
        xml: str,
        *,
        authorizer_appid: str = "",
        options: PushOptions | None = None,
    ) -> Push:
        """Push ``xml``; without options those planned for its kind."""
        with self.lock:
            planned = self._next_options.get(info_type)
            if options is None and planned:
                options = planned.pop(0)
        return self.pushes.send(info_type, xml, authorizer_appid=authorizer_appid, options=options)

    def push_ticket(self, options: PushOptions | None = None) -> Push:
        """Issue a ticket and push it."""
        with self.lock:
            ticket = self.state.mint_ticket()
        xml = ticket_xml(self.settings.component_appid, ticket.created_at, ticket.value)
        return self.send("component_verify_ticket", xml, options=options)

    def _start_ticket_pushes(self) -> bool:
        """Start the pushes of tickets. Returns whether they had stopped. Under the lock."""
        had_stopped = self.tickets.stopped or not self.settings.ticket_push
        if not self.settings.ticket_push:
            self.state.configure(self.settings.changed({"ticket_push": True}))
        self.tickets.restart()
        if self.settings.ticket_on_start and self.settings.event_url:
            self.push_ticket()
        return had_stopped

    def _push_finished(self, push: Push) -> None:
        if push.info_type == "component_verify_ticket":
            self.tickets.count(delivered=push.state == "delivered")

    # --- what merchants do

    def confirm(
        self,
        authorizer_appid: str,
        func_ids: Iterable[int],
        *,
        pre_auth_code: str = "",
        mode: PushMode = "now",
        options: PushOptions | None = None,
    ) -> Confirmed:
        """Let a merchant confirm, and push it. An unchanged grant is not pushed.

        ``mode``: "now" in the background, "first" waits for the platform's answer, "hold" until
        released, "none" never. Raises RefusalError.
        """
        with self.lock:
            confirmation = self.state.confirm(authorizer_appid, func_ids, pre_auth_code)
        self.log.add("merchant", change=confirmation.change, authorizer_appid=authorizer_appid)
        if mode == "none" or confirmation.change == "unchanged":
            return Confirmed(confirmation, None)
        push = self.send(
            confirmation.change,
            confirmation_xml(self.settings.component_appid, confirmation),
            authorizer_appid=authorizer_appid,
            options=_held(options) if mode == "hold" else options,
        )
        if mode == "first" and push.state != "held":
            push.finished.wait()
        return Confirmed(confirmation, push)

    def cancel(
        self, authorizer_appid: str, *, mode: PushMode = "now", options: PushOptions | None = None
    ) -> Push | None:
        """Let a merchant cancel, and push it. Raises RefusalError."""
        with self.lock:
            cancelled_at = self.state.cancel(authorizer_appid)
        self.log.add("merchant", change="unauthorized", authorizer_appid=authorizer_appid)
        if mode == "none":
            return None
        push = self.send(
            "unauthorized",
            cancellation_xml(self.settings.component_appid, cancelled_at, authorizer_appid),
            authorizer_appid=authorizer_appid,
            options=_held(options) if mode == "hold" else options,
        )
        if mode == "first" and push.state != "held":
            push.finished.wait()
        return push

    def message(
        self,
        authorizer_appid: str,
        message: UserMessage,
        *,
        options: PushOptions | None = None,
    ) -> Push:
        """Let a user send something to an account. Raises RefusalError."""
        template = self.settings.message_url
        if not template:
            raise RefusalError("no_message_url", "message_url: is not configured")
        with self.lock:
            user_name = self.state.link(authorizer_appid).merchant.user_name
            self._messages += 1
            number = self._messages
        return self.pushes.send(
            "message",
            message.plaintext(user_name, self.clock.now(), number),
            authorizer_appid=authorizer_appid,
            options=options,
            url=message_url(template, authorizer_appid),
            to=Addressee(user_name, message.openid, message.as_json),
        )

    def register(  # noqa: PLR0913 - the fields of the message
        self,
        *,
        kind: str = "enterprise",
        status: int = 0,
        message: str = "OK",
        merchant: Merchant | None = None,
        info: Mapping[str, Any] | None = None,
        options: PushOptions | None = None,
        shape: Shape = "old",
        beside: Beside = "none",
    ) -> tuple[Push, str]:
        """Push the result of a fast registration. Returns the push and the new appid, if any.

        Status 0 brings the new mini program into being, authorised, with a code to exchange.
        ``beside``: an ordinary ``authorized`` push with the same code, before or after it.
        """
        granted: Confirmation | None = None
        appid, code = "", ""
        with self.lock:
            if status == 0:
                merchant = merchant or Merchant.from_json({"kind": "mp"}, self.minter)
                appid = merchant.appid
                self.state.add_merchant(merchant)
                granted = self.state.confirm(appid, self.state.offered_sets(merchant))
                code = granted.code.value
        info_type = _REGISTRATIONS.get(kind, kind)
        xml = registration_xml(
            self.settings.component_appid,
            self.clock.now(),
            info_type=info_type,
            status=status,
            message=message,
            registered_appid=appid,
            auth_code=code,
            info=info or {"name": merchant.principal_name if merchant else "Example Co"},
            shape=shape,
        )
        if granted is not None and beside == "before":
            self._push_grant(granted, wait=True)
        push = self.send(info_type, xml, authorizer_appid=appid, options=options)
        if granted is not None and beside == "after":
            self._push_grant(granted)
        return push, appid

    def finish_registration(  # noqa: PLR0913 - the fields of the message
        self,
        application: Application,
        *,
        status: int = 0,
        message: str = "",
        shape: Shape = "old",
        beside: Beside = "none",
        options: PushOptions | None = None,
    ) -> tuple[Push, str]:
        """Let a person confirm (status 0) or fail an application, and push its result."""
        with self.lock:
            application.task_status = REFUSED if status else CREATED
            info = application.info()
            if shape == "new":
                info["taskid"] = application.task_id
        merchant = Merchant.from_json(
            {"kind": "mp", "principal_name": str(info.get("name", info.get("idname", "")))},
            self.minter,
        )
        return self.register(
            kind=application.kind,
            status=status,
            message=message or ("OK" if status == 0 else "failed"),
            merchant=merchant,
            info=info,
            shape=shape,
            beside=beside,
            options=options,
        )

    def reuse(self, asked: ReuseRequest) -> str:
        """Let an administrator agree that the account's registration is reused; the ticket."""
        with self.lock:
            ticket = self.state.registrations.ticket(
                asked.account.appid, self.clock.now(), copy_wx_verify=asked.copy_wx_verify
            )
        self.log.add("merchant", change="reuse", authorizer_appid=asked.account.appid)
        return ticket.value

    def _push_grant(self, granted: Confirmation, *, wait: bool = False) -> None:
        push = self.send(
            granted.change,
            confirmation_xml(self.settings.component_appid, granted),
            authorizer_appid=granted.authorizer_appid,
        )
        if wait and push.state != "held":
            push.finished.wait()

    def _reused(self, granted: Confirmation) -> None:
        """Push what was registered with a ticket, if that is set. Under the lock."""
        if self.settings.reuse_pushes:
            self._push_grant(granted)


def _held(options: PushOptions | None) -> PushOptions:
    return replace(options or PushOptions(), hold=True)
