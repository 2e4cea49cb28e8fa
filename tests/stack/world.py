"""A tenant and a merchant of one test's own, and what they, their browser and WeChat do."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from sandbox.stack.journey.merchant import Visit, create_session, session_status, visit
from sandbox.stack.observe import eventually

if TYPE_CHECKING:
    from sandbox.stack.observe import BusEvent, LogLine
    from sandbox.stack.roles import Role
    from sandbox.stack.stack import LocalStack
    from sandbox.wechat.control_client import Confirmation

COMPONENT_TOKEN = "/cgi-bin/component/api_component_token"
PRE_AUTH_CODE = "/cgi-bin/component/api_create_preauthcode"
QUERY_AUTH = "/cgi-bin/component/api_query_auth"
AUTHORIZER_TOKEN = "/cgi-bin/component/api_authorizer_token"
AUTHORIZER_INFO = "/cgi-bin/component/api_get_authorizer_info"
AUTHORIZER_LIST = "/cgi-bin/component/api_get_authorizer_list"


@dataclass(frozen=True, slots=True)
class World:
    """A tenant and a merchant that no other test knows, and what has happened since they came."""

    stack: LocalStack
    tenant_id: str
    merchant: dict[str, Any]
    since: float
    calls_since: int

    @classmethod
    def fresh(cls, stack: LocalStack) -> Self:
        """A world that has just come into being."""
        return cls(
            stack,
            tenant_id=f"tenant-{secrets.token_hex(4)}",
            merchant=stack.wechat.add_merchant(),
            since=time.time(),
            calls_since=stack.wechat.last_seq(),
        )

    @property
    def appid(self) -> str:
        """The merchant's appid."""
        return str(self.merchant["appid"])

    # ---- who acts -------------------------------------------------------------------------------

    @property
    def backend(self) -> Role:
        """The tenant's backend: may open and watch this tenant's sessions, nothing else."""
        return self.stack.roles.caller_for_tenant(self.tenant_id)

    @property
    def caller(self) -> Role:
        """A service that may look up this merchant's token over HTTP, nothing else."""
        return self.stack.roles.caller_for_authorizer(self.appid)

    def another_merchant(self, **values: Any) -> dict[str, Any]:
        """One more account at WeChat that nobody else knows."""
        return self.stack.wechat.add_merchant(**values)

    # ---- sessions and authorisations ------------------------------------------------------------

    def create_session(self, **wanted: Any) -> dict[str, Any]:
        """The tenant's backend asks for a link."""
        return create_session(self.backend, self.tenant_id, **wanted)

    def visit(self, **wanted: Any) -> Visit:
        """A browser with a fresh link."""
        return visit(self.stack, self.backend, self.tenant_id, **wanted)

    def launched(self, **wanted: Any) -> Visit:
        """A browser that has pressed the launch page's button: one pre-auth code was minted."""
        trip = self.visit(**wanted)
        trip.launch()
        return trip

    def session(self, trip: Visit) -> dict[str, Any]:
        """What the backend is told of a session."""
        return session_status(self.backend, self.tenant_id, trip.session_id)

    def authorise(self, **options: Any) -> Confirmation:
        """Take the merchant through all of it: launch, confirm, push, redirect, exchanged.

        The push comes first: after a redirect that was faster, it would cause one renewal more.
        """
        trip = self.launched(style="pc")
        confirmation = trip.confirm(self.appid, **{"push": "first", **options})
        trip.land(confirmation)
        self.wait_done(trip)
        return confirmation

    def wait_done(self, trip: Visit) -> dict[str, Any]:
        """Wait until a session has brought an account."""
        return eventually(lambda: _done(self.session(trip)), what="the session is done")

    # ---- tokens ---------------------------------------------------------------------------------

    def look_up(self, **asked: Any) -> dict[str, Any]:
        """Look the merchant's token up as another Lambda function would."""
        function = self.stack.functions["token"].alias
        question = {"authorizer_appid": self.appid, **asked}
        return dict(self.stack.trusted_caller().invoke(function, question))

    def token(self, **asked: Any) -> str:
        """The token that a look-up hands out."""
        answer = self.look_up(**asked)
        assert "access_token" in answer, answer
        return str(answer["access_token"])

    # ---- looking --------------------------------------------------------------------------------

    def count(self, path: str, *, what: str = "executed") -> int:
        """How often WeChat was asked about this merchant since the test began."""
        return self.stack.wechat.count(
            path, authorizer_appid=self.appid, since=self.calls_since, what=what
        )

    def events(self) -> list[BusEvent]:
        """What went over the bus about this merchant."""
        return [event for event in self.stack.bus_events() if self.appid in event.raw]

    def logs(self) -> list[LogLine]:
        """What the functions have logged since the test began."""
        return self.stack.logs(since=self.since)


def _done(status: dict[str, Any]) -> dict[str, Any] | None:
    return status if status["status"] == "done" else None
