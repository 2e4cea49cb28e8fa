"""Two tenants, the same company, any order of answers, silences, crashes and late results."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.house import COMPONENT
from tests.fakes.registrations import FakeRegistrations
from tests.unit.services.kit import later, with_component
from tests.unit.services.registration_kit import (
    ENTERPRISE,
    NEW,
    OTHER_TENANT,
    TENANT,
    result,
    start,
)
from wxvault.errors import WxvaultError
from wxvault.protocol.registrations import application_sha256
from wxvault.services.registration import CONFIRM_SECONDS, Started

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.house import House

TENANTS = (TENANT, OTHER_TENANT)
REGISTRATION = application_sha256(COMPONENT, "enterprise", ENTERPRISE)
ANYBODY = Started("x" * 43, "enterprise", 0.0)


class Crashed(Exception):  # noqa: N818 -- what ends an environment
    """Between WeChat's answer and the note of it."""


@dataclass
class Town:
    """A WeChat that knows whose application it has, and the vault that has to find out."""

    house: House = field(default_factory=with_component)
    running: str | None = None
    """The tenant whose application WeChat has accepted."""
    since: float = 0.0
    last: str | None = None
    """Whose the last result was."""

    def __post_init__(self) -> None:
        self.note = self.house.sessions.application_answered

    def apply(self, tenant_id: str, fate: str, meanwhile: Callable[[], None] | None = None) -> None:
        """Have a tenant apply; something else may happen while WeChat thinks."""
        wechat, sessions = self.house.registration_wechat, self.house.sessions
        before = wechat.register_enterprise, sessions.application_answered

        def answer(token: str, fields: Any) -> None:
            if meanwhile is not None:
                meanwhile()
            wechat.answers = [self._accept(tenant_id, fate)]
            FakeRegistrations.register_enterprise(wechat, token, fields)

        def crash(*_: object, **__: object) -> None:
            raise Crashed

        wechat.register_enterprise = answer  # type: ignore[method-assign]
        sessions.application_answered = crash if fate == "crash" else self.note  # type: ignore[method-assign]
        try:
            with contextlib.suppress(WxvaultError, Crashed):
                start(self.house, tenant_id=tenant_id)
        finally:
            wechat.register_enterprise, sessions.application_answered = before  # type: ignore[method-assign]

    def _accept(self, tenant_id: str, fate: str) -> int | str:
        if fate == "refused":
            return 91030
        if fate in {"unheard", "busy"}:
            return "silent" if fate == "unheard" else -1
        answer = 89249
        if self.running is None:
            self.running, self.since, answer = tenant_id, self.house.clock.now(), 0
        if fate in {"silent", "inner"}:
            return "silent" if fate == "silent" else 89247
        return answer

    def fail(self) -> None:
        """WeChat gives the application up and says so."""
        if self.running is not None:
            self.last, self.running = self.running, None
            self.push_failure()

    def push_failure(self) -> None:
        """WeChat's word of a failure, perhaps once more."""
        if self.last is not None:
            self.house.intake.take(result(self.house, ANYBODY, status=100003))

    def wait(self) -> None:
        """A day and an hour: WeChat has given up, without a word."""
        later(self.house, CONFIRM_SECONDS)
        self.house.push_ticket()
        self.house.work()
        self.running = None

    def owner(self) -> str | None:
        """Whose a result would become."""
        found = self.house.sessions.applied_by(REGISTRATION, now=self.house.clock.now())
        return None if found is None else found.tenant_id


FATES = st.sampled_from(["told", "refused", "silent", "unheard", "busy", "inner", "crash"])
QUIET = st.sampled_from(["fail", "push_failure", "wait"])
STEPS = st.one_of(
    QUIET.map(lambda name: (name,)),
    st.tuples(st.just("apply"), st.sampled_from(TENANTS), FATES),
    st.tuples(st.just("apply"), st.sampled_from(TENANTS), FATES, st.sampled_from(TENANTS), FATES),
    st.tuples(
        st.just("overtaken"), st.sampled_from(TENANTS), FATES, st.sampled_from(TENANTS), FATES
    ),
)


@settings(max_examples=400, deadline=None)
@given(steps=st.lists(STEPS, min_size=1, max_size=7))
def test_no_result_becomes_another_tenants(steps: list[tuple[str, ...]]) -> None:
    """Whatever happens, what WeChat registers is the applicant's whom it accepted, or nobody's."""
    town = Town()
    for name, *rest in steps:
        if name not in {"apply", "overtaken"}:
            getattr(town, name)()
            continue
        tenant_id, fate, *other = rest

        def meanwhile(other: list[str] = other, name: str = name) -> None:
            if name == "overtaken":
                town.push_failure()
            if other:
                town.apply(other[0], other[1])

        town.apply(tenant_id, fate, meanwhile)
        if town.running is not None:
            assert town.owner() in {town.running, None}, steps
    running = town.running
    if running is not None:
        town.house.intake.take(result(town.house, ANYBODY, code=town.house.wechat.confirm(NEW)))
        town.house.work()
        state = town.house.tokens.get(NEW)
        assert state is not None
        assert state.tenant_id in {running, None}
