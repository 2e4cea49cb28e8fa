"""Results of registrations: whose they become, in whatever order they and other pushes come."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.house import COMPONENT, House
from tests.unit.services.kit import asked, later, stored, told, with_component
from tests.unit.services.registration_kit import (
    APPLICATIONS,
    ENTERPRISE,
    NEW,
    TENANT,
    result,
    session_of,
    start,
    status_of,
)
from wxvault.protocol.registrations import application_sha256, result_sha256
from wxvault.services.state import Status

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("kind", APPLICATIONS)
def test_a_success_becomes_an_authorizer_of_the_tenant(kind: str) -> None:
    """Its code is exchanged once, its token is good, and the session says so."""
    house = with_component()
    started = start(house, APPLICATIONS[kind])
    house.intake.take(result(house, started, APPLICATIONS[kind], code=house.wechat.confirm(NEW)))
    house.work()
    assert stored(house, NEW).tenant_id == TENANT
    assert asked(house).count("query_auth") == 1
    assert house.wechat.honours(NEW, house.lookup.find(NEW).access_token)
    status = status_of(house, started)
    assert (status.status, status.authorizer_appid) == ("succeeded", NEW)
    assert session_of(house, started).authorizers == {NEW}


def test_the_event_names_tenant_and_session_and_never_the_id() -> None:
    """The session's id is a bearer's right; its fingerprint is none."""
    house = with_component()
    started = start(house)
    told(house)
    house.intake.take(result(house, started, code=house.wechat.confirm(NEW)))
    ((kind, detail),) = house.bus.sent
    assert kind == "registration.succeeded"
    assert detail["tenant_id"] == TENANT
    assert detail["session_sha256"] == session_of(house, started).session_sha256
    assert started.session_id not in str(detail)


def test_a_result_of_nobodys_application_is_unassigned() -> None:
    """It may have been made elsewhere: it is told and exchanged, and nobody is guessed."""
    house = with_component()
    started = start(house)
    foreign = result(house, started, {**ENTERPRISE, "code": "91310000000000001X"})
    push = replace(foreign, auth_code=house.wechat.confirm(NEW))
    house.intake.take(push)
    house.work()
    assert stored(house, NEW).tenant_id is None
    assert house.bus.sent[0][1]["tenant_id"] is None
    assert status_of(house, started).status == "waiting"


STEPS = ("result", "authorized", "work")


@pytest.mark.parametrize("same_code", [True, False], ids=["one code", "two codes"])
@pytest.mark.parametrize("order", list(permutations(STEPS)), ids="-".join)
def test_an_ordinary_push_beside_it_changes_nothing(
    order: tuple[str, ...], *, same_code: bool
) -> None:
    """Whichever comes first, and whenever the worker looks: the account is the tenant's."""
    house = with_component()
    started = start(house)
    code = house.wechat.confirm(NEW)
    other = code if same_code else house.wechat.confirm(NEW)
    steps: dict[str, Callable[[], None]] = {
        "result": lambda: house.intake.take(result(house, started, code=code)),
        "authorized": lambda: house.push_authorized(other, NEW),
        "work": house.work,
    }
    for step in order:
        steps[step]()
        later(house, 1)
    house.work()
    house.settle()
    state = stored(house, NEW)
    assert (state.status, state.tenant_id) == (Status.ACTIVE, TENANT)
    assert session_of(house, started).authorizers == {NEW}
    assert asked(house).count("query_auth") == (1 if same_code else 2)
    assert house.wechat.honours(NEW, house.lookup.find(NEW).access_token)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.sampled_from(["success", "failure", "authorized", "work", "minute"]),
        min_size=1,
        max_size=9,
    )
)
def test_any_order_of_pushes_comes_to_the_same_end(steps: list[str]) -> None:
    """A success is a success, however often it and an earlier failure are repeated."""
    house = with_component()
    started = start(house)
    code = house.wechat.confirm(NEW)
    success = result(house, started, code=code)
    failure = result(house, started, status=100003)
    doings: dict[str, Callable[[], object]] = {
        "success": lambda: house.intake.take(success),
        "failure": lambda: house.intake.take(failure),
        "authorized": lambda: house.push_authorized(code, NEW, create_time=success.create_time),
        "work": house.work,
        "minute": lambda: later(house, 60),
    }
    for step in steps:
        doings[step]()
    house.work()
    house.settle()
    status = status_of(house, started)
    if "success" in steps:
        assert (status.status, status.authorizer_appid) == ("succeeded", NEW)
        assert stored(house, NEW).tenant_id == TENANT
    else:
        assert status.status == ("failed" if "failure" in steps else "waiting")
    names = told(house)
    assert names.count("registration.succeeded") == min(steps.count("success"), 1)
    assert names.count("registration.failed") == min(steps.count("failure"), 1)


def test_a_crash_before_the_exchange_loses_nothing() -> None:
    """The sweep finds the code, and the code knows its application."""
    house = with_component()
    started = start(house)
    house.intake.take(result(house, started, code=house.wechat.confirm(NEW)))
    house.exchange_queue.jobs.clear()
    later(house, 60)
    house.settle()
    assert stored(house, NEW).tenant_id == TENANT
    assert status_of(house, started).status == "succeeded"


def test_a_result_that_comes_days_late_still_finds_its_tenant() -> None:
    """The session is forgotten by then, its application is not."""
    house = with_component()
    started = start(house)
    later(house, 6 * 86400)
    house.push_ticket()
    house.work()
    house.intake.take(result(house, started, code=house.wechat.confirm(NEW)))
    house.work()
    assert stored(house, NEW).tenant_id == TENANT


def test_a_failed_result_ends_the_session_and_gives_no_account() -> None:
    """Status and message are kept; nothing is exchanged."""
    house = with_component()
    started = start(house)
    house.intake.take(result(house, started, status=1003))
    house.work()
    assert house.tokens.get(NEW) is None
    assert status_of(house, started).status == "failed"
    assert "query_auth" not in asked(house)


TEXTS = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1, max_size=20
)


@settings(max_examples=80, deadline=None)
@given(name=TEXTS, wechat=TEXTS, persona=TEXTS, code=TEXTS, code_type=st.sampled_from([1, 2, 3]))
def test_a_result_repeats_its_application(
    name: str, wechat: str, persona: str, code: str, code_type: int
) -> None:
    """Whatever was applied for, the push that repeats it has the same fingerprint, as text."""
    house = House()
    fields = {
        "kind": "enterprise",
        "name": name,
        "code": code,
        "code_type": code_type,
        "legal_persona_wechat": wechat,
        "legal_persona_name": persona,
    }
    started = type("Started", (), {"unique_id": None})()
    push = result(house, started, fields)
    assert result_sha256(push) == application_sha256(COMPONENT, "enterprise", fields)


@settings(max_examples=60, deadline=None)
@given(fields=st.lists(TEXTS, min_size=4, max_size=4), place=st.integers(0, 3), other=TEXTS)
def test_two_applications_are_not_one(fields: list[str], place: int, other: str) -> None:
    """A field that differs is another application; no two kinds share a fingerprint."""
    names = ("name", "code", "legal_persona_wechat", "legal_persona_name")
    one = dict(zip(names, fields, strict=True)) | {"code_type": 1}
    two = one | {names[place]: f"{one[names[place]]}|{other}"}
    assert application_sha256(COMPONENT, "enterprise", one) != application_sha256(
        COMPONENT, "enterprise", two
    )
    both = {"wxuser": fields[0], "idname": fields[1], "unique_id": fields[0]}
    kinds = {application_sha256(COMPONENT, kind, both) for kind in ("personal", "trial")}
    assert len(kinds) == 2


def test_brackets_of_either_width_are_one() -> None:
    """Companies' names are written with both."""
    wide = {**ENTERPRISE, "name": "示例（上海）公司"}
    narrow = {**ENTERPRISE, "name": "示例(上海)公司"}
    assert application_sha256(COMPONENT, "enterprise", wide) == application_sha256(
        COMPONENT, "enterprise", narrow
    )
