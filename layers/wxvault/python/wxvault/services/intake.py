"""Taking in what WeChat pushes to the event URL: durable first, then whoever has work is called.

Source: WeChat's page Third-party_Platforms/2.0/api/Before_Develop/authorize_event.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from wxvault.protocol.pushes import (
    Authorized,
    FastRegistration,
    Push,
    Ticket,
    Unauthorized,
    Unknown,
    push_identity,
)
from wxvault.protocol.registrations import result_sha256
from wxvault.services import grants
from wxvault.services.onboarding_state import Arrival, Code, CodeStatus
from wxvault.services.state import Status
from wxvault.services.tools import token_sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.services.registration_results import RegistrationResults
    from wxvault.services.state import Settled, TokenChange, TokenState
    from wxvault.services.tools import Tools

_log = logging.getLogger(__name__)


class Inbox(Protocol):
    """Where tickets and seen pushes are written."""

    def add_ticket(self, component_verify_ticket: str, create_time: int, *, now: float) -> bool:
        """Append a ticket; True: there was no component token yet."""

    def was_seen(self, identity_sha256: str, *, now: float) -> bool:
        """Say whether the effect of a push is already there."""

    def mark_seen(self, identity_sha256: str, *, now: float) -> None:
        """Note a push after its effect."""


class CodeRecorder(Protocol):
    """Where codes are written down."""

    def record(self, authorization_code: str, arrival: Arrival, *, now: float) -> tuple[Code, bool]:
        """Write a code down; returns it, and whether any of this was news."""


class Jobs(Protocol):
    """A queue of jobs."""

    def send(self, job: Mapping[str, Any], /) -> None:
        """Send one job."""


class Intake:
    """Takes pushes in. Every push may come twice, late, or before the one it follows."""

    def __init__(  # noqa: PLR0913, PLR0917 -- adapters, each named
        self,
        tools: Tools,
        inbox: Inbox,
        codes: CodeRecorder,
        results: RegistrationResults,
        exchange_jobs: Jobs,
        renew_jobs: Jobs,
        redact: Callable[[object], object],
    ) -> None:
        self._redact = redact
        self._tools = tools
        self._inbox = inbox
        self._codes = codes
        self._results = results
        self._exchange_jobs = exchange_jobs
        self._renew_jobs = renew_jobs

    def take(self, push: Push) -> None:
        """Make a push durable and have done what follows from it; afterwards ``success`` is due."""
        match push:
            case Ticket():
                self._ticket(push)
            case Authorized():
                pre_auth = token_sha256(push.pre_auth_code) if push.pre_auth_code else None
                self._grant(
                    push.authorization_code,
                    Arrival(push.authorizer_appid, push.create_time, pre_auth),
                )
            case Unauthorized():
                self._withdraw(push)
            case FastRegistration():
                self._registration(push)
            case Unknown():
                self._unknown(push)

    def _ticket(self, push: Ticket) -> None:
        now = self._tools.clock.now()
        if self._inbox.add_ticket(push.component_verify_ticket, push.create_time, now=now):
            self._send(self._renew_jobs, {"job": "component"})

    def _grant(self, authorization_code: str, arrival: Arrival) -> None:
        appid, create_time = arrival.authorizer_appid, arrival.create_time
        if appid is None or create_time is None:
            return
        now = self._tools.clock.now()
        # The code first: whatever happens next, it can be exchanged.
        code, news = self._codes.record(authorization_code, arrival, now=now)
        failed = code.status is CodeStatus.FAILED
        done = code.status is CodeStatus.DONE
        settled = self._amend(
            appid,
            lambda state: grants.granted(
                state,
                create_time,
                now,
                # What an exchange has made is there, or was forgotten since: nobody else will ask.
                code_open=not failed and not (done and _is_unheard_of(state)),
                blind_call=code.blind_call,
            ),
        )
        if news and not failed:
            self._send(self._exchange_jobs, {"code_sha256": code.code_sha256})
        if failed or done:
            self._send_if_due(settled, appid)

    def _withdraw(self, push: Unauthorized) -> None:
        tools = self._tools
        now = tools.clock.now()
        settled = self._amend(
            push.authorizer_appid,
            lambda state: grants.withdrawn(state, push.create_time, now, tools.retention),
        )
        self._send_if_due(settled, push.authorizer_appid)

    def _registration(self, push: FastRegistration) -> None:
        succeeded = push.status == 0 and push.appid is not None
        if succeeded and push.auth_code:
            arrival = Arrival(push.appid, push.create_time, registration_sha256=result_sha256(push))
            self._grant(push.auth_code, arrival)
        if self._is_known(push):
            return
        msg = str(self._redact(push.msg))
        applicant = self._results.note(push, msg)
        self._once(
            push,
            "registration.succeeded" if succeeded else "registration.failed",
            {
                "info_type": push.info_type,
                "authorizer_appid": push.appid,
                "status": push.status,
                "msg": msg,
                "tenant_id": None if applicant is None else applicant.tenant_id,
                "session_sha256": None if applicant is None else applicant.session_sha256,
            },
        )

    def _unknown(self, push: Unknown) -> None:
        if self._is_known(push):
            return
        self._once(
            push,
            "push.received",
            {"info_type": push.info_type, "fields": self._redact(dict(push.fields))},
        )

    def _is_known(self, push: Push) -> bool:
        return self._inbox.was_seen(push_identity(push), now=self._tools.clock.now())

    def _once(self, push: Push, detail_type: str, data: Mapping[str, object]) -> None:
        """Announce a push that is no transition, and note that this was done."""
        identity = push_identity(push)
        told = {"create_time": push.create_time, **data}
        self._tools.events.announce(detail_type, identity, told)
        # Seen only after its effect: a crash in between repeats it, with the same event_id.
        self._inbox.mark_seen(identity, now=self._tools.clock.now())

    def _amend(
        self,
        appid: str,
        decide: Callable[[TokenState | None], TokenChange | None],
    ) -> Settled | None:
        settled = self._tools.tokens.amend(appid, decide)
        self._tools.events.tell(settled)
        return settled

    def _send_if_due(self, settled: Settled | None, appid: str) -> None:
        if settled is None or settled.change.due_at is None:
            return
        if settled.change.due_at <= self._tools.clock.now():
            self._send(self._renew_jobs, {"job": "authorizer", "authorizer_appid": appid})

    def _send(self, queue: Jobs, job: Mapping[str, Any]) -> None:
        """Send a job; if that fails, the sweep finds the work, because it is written down."""
        try:
            queue.send(job)
        except Exception as error:  # noqa: BLE001 -- whatever the queue says, the push is durable
            _log.warning("job not sent", extra={"problem": type(error).__name__})


def _is_unheard_of(state: TokenState | None) -> bool:
    return state is None or state.status is Status.PENDING
