"""Applying for mini programs: what is checked, what is asked, what is remembered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.house import MERCHANT, House
from tests.fakes.registrations import Task
from tests.unit.services.kit import authorized, edit, later, snapshot, stored, with_component
from tests.unit.services.registration_kit import (
    APPLICATIONS,
    ENTERPRISE,
    NEW,
    OTHER_TENANT,
    PERSONAL,
    TENANT,
    TRIAL,
    result,
    session_of,
    start,
    status_of,
)
from wxvault.errors import (
    InvalidRequestError,
    NoTicketError,
    RegistrationRunningError,
    UnknownAuthorizerError,
    UnknownSessionError,
    WeChatRefusedError,
    WeChatUnknownError,
)
from wxvault.services.registration import CONFIRM_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

REUSE: Mapping[str, Any] = {
    "kind": "reuse",
    "authorizer_appid": MERCHANT,
    "copy_wx_verify": True,
}


@pytest.fixture(name="house")
def _house() -> House:
    """Return a house with a component token."""
    return with_component()


def of_tenant(house: House, tenant_id: str = TENANT) -> House:
    """Have the merchant be one of a tenant's."""
    edit(house, tenant_id=tenant_id)
    return house


@pytest.mark.parametrize("kind", APPLICATIONS)
def test_wechat_is_asked_once_with_what_the_caller_sent(house: House, kind: str) -> None:
    """The fields go to WeChat as they came, under its own names, and the session waits."""
    started = start(house, APPLICATIONS[kind])
    wanted = {name: value for name, value in APPLICATIONS[kind].items() if name != "kind"}
    assert house.registration_wechat.calls == [(kind, wanted)]
    status = status_of(house, started)
    assert (status.kind, status.status) == (kind, "waiting")
    assert started.expires_at == house.clock.now() + CONFIRM_SECONDS
    assert (started.authorize_url is None) == (kind == "enterprise")


@pytest.mark.parametrize("kind", APPLICATIONS)
def test_no_name_number_or_wechat_id_is_in_the_table(house: House, kind: str) -> None:
    """What identifies a person or a company is there by its fingerprint only."""
    start(house, APPLICATIONS[kind])
    written = repr(snapshot(house))
    for name, value in APPLICATIONS[kind].items():
        if name != "kind" and isinstance(value, str):
            assert value not in written, name
            assert json.dumps(value)[1:-1] not in written, name
    assert "unique-1" not in written
    assert "task-1" not in written


BAD: list[tuple[Mapping[str, Any], str]] = [
    ({"kind": "company"}, "kind"),
    ({}, "kind"),
    ({**ENTERPRISE, "code_type": 4}, "code_type"),
    ({**ENTERPRISE, "code_type": True}, "code_type"),
    ({**ENTERPRISE, "code": "123"}, "code"),
    ({**ENTERPRISE, "code_type": 2}, "code"),
    ({**ENTERPRISE, "name": "  "}, "name"),
    ({**ENTERPRISE, "name": "x" * 129}, "name"),
    ({**ENTERPRISE, "name": "two\nlines"}, "name"),
    ({**ENTERPRISE, "legal_persona_wechat": "a b"}, "legal_persona_wechat"),
    ({**ENTERPRISE, "legal_persona_name": None}, "legal_persona_name"),
    ({**ENTERPRISE, "component_phone": "call me"}, "component_phone"),
    ({**ENTERPRISE, "openid": "x"}, "openid"),
    ({**ENTERPRISE, "legal_persona_idcard": "x"}, "legal_persona_idcard"),
    ({"kind": "personal", "idname": "李四"}, "wxuser"),
    ({**PERSONAL, "wxuser": 7}, "wxuser"),
    ({**TRIAL, "name": "abc"}, "name"),
    ({**TRIAL, "name": "x" * 31}, "name"),
    ({**TRIAL, "openid": "li_si"}, "openid"),
    ({"kind": "trial", "name": "小麦烤鸡"}, "openid"),
    ({**REUSE, "authorizer_appid": "gh_0123456789ab"}, "authorizer_appid"),
    ({**REUSE, "copy_wx_verify": 1}, "copy_wx_verify"),
    ({"kind": "reuse", "authorizer_appid": MERCHANT}, "copy_wx_verify"),
    ({**REUSE, "return_url": "https://evil.example.com/"}, "return_url"),
    ({**REUSE, "ttl": 1}, "ttl"),
    ({**REUSE, "state": 5}, "state"),
]


@pytest.mark.parametrize(
    ("request_", "field"), BAD, ids=[f"{field}-{n}" for n, (_, field) in enumerate(BAD)]
)
def test_a_bad_field_is_named_and_nothing_was_asked(
    house: House, request_: Mapping[str, Any], field: str
) -> None:
    """Neither WeChat nor the table hears of it."""
    before = snapshot(house)
    with pytest.raises(InvalidRequestError) as refused:
        start(house, request_)
    assert refused.value.field == field
    assert house.registration_wechat.calls == []
    assert snapshot(house) == before


@pytest.mark.parametrize("tenant_id", ["", "a b", "x" * 65, None])
def test_a_bad_tenant_is_named(house: House, tenant_id: Any) -> None:
    """It would be part of a key."""
    with pytest.raises(InvalidRequestError) as refused:
        start(house, tenant_id=tenant_id)
    assert refused.value.field == "tenant_id"


def test_without_a_component_token_nothing_is_written() -> None:
    """Whoever could not be asked cannot be in anybody's way."""
    house = House()
    before = snapshot(house)
    with pytest.raises(NoTicketError):
        start(house)
    assert snapshot(house) == before


@pytest.mark.parametrize("kind", APPLICATIONS)
@pytest.mark.parametrize("errcode", [40001, 42001, 40014])
def test_a_refused_component_token_is_replaced_once(house: House, kind: str, errcode: int) -> None:
    """The second call is made with another token, and there is no third."""
    later(house, 100)
    house.registration_wechat.answers = [errcode, 0]
    start(house, APPLICATIONS[kind])
    first, second = house.registration_wechat.tokens
    assert first != second
    assert len(house.registration_wechat.calls) == 2


def test_a_token_that_stays_refused_is_an_error(house: House) -> None:
    """Two calls, then the caller hears of it, and may apply again at once."""
    house.registration_wechat.answers = [40001, 40001]
    with pytest.raises(WeChatRefusedError):
        start(house)
    assert len(house.registration_wechat.calls) == 2
    start(house)


@pytest.mark.parametrize("errcode", [89255, 86004, 61070, 91030, 89254, 61028])
def test_a_refusal_carries_wechats_code_and_stands_in_nobodys_way(
    house: House, errcode: int
) -> None:
    """Nothing was started, so another tenant may apply with the same data."""
    house.registration_wechat.answers = [errcode]
    with pytest.raises(WeChatRefusedError) as refused:
        start(house)
    assert refused.value.wechat_errcode == errcode
    started = start(house, tenant_id=OTHER_TENANT)
    assert status_of(house, started, tenant_id=OTHER_TENANT).status == "waiting"


@pytest.mark.parametrize("tenant_id", [TENANT, OTHER_TENANT])
def test_a_second_application_with_the_same_data_has_to_wait(house: House, tenant_id: str) -> None:
    """WeChat takes them one after the other; the first keeps its result, whoever asks."""
    first = start(house)
    with pytest.raises(RegistrationRunningError):
        start(house, {**ENTERPRISE, "component_phone": "010-1"}, tenant_id=tenant_id)
    assert len(house.registration_wechat.calls) == 1
    house.intake.take(result(house, first, status=100003))
    assert status_of(house, first).status == "failed"
    start(house, tenant_id=tenant_id)


def test_a_second_application_may_be_made_when_wechat_has_given_up(house: House) -> None:
    """Should its last word never arrive, nobody waits for ever."""
    start(house)
    later(house, CONFIRM_SECONDS)
    house.push_ticket()
    house.work()
    start(house, tenant_id=OTHER_TENANT)


@pytest.mark.parametrize("answer", ["silent", -1, -1000, 89247])
def test_after_silence_the_same_tenant_may_apply_again(house: House, answer: int | str) -> None:
    """If WeChat has the application, its 89249 is taken for a yes; another tenant has to wait."""
    house.registration_wechat.answers = [answer]
    with pytest.raises(WeChatUnknownError) as silent:
        start(house)
    assert "same data" in silent.value.remedy
    assert silent.value.wechat_errcode == (None if answer == "silent" else answer)
    with pytest.raises(RegistrationRunningError):
        start(house, tenant_id=OTHER_TENANT)
    house.registration_wechat.answers = [89249]
    again = start(house)
    house.intake.take(result(house, again, code=house.wechat.confirm("wx00000000000000d1")))
    assert status_of(house, again).status == "succeeded"


def test_a_person_whose_address_was_lost_is_told_so(house: House) -> None:
    """WeChat gives address and task only once: answer, status and question say what to do."""
    house.registration_wechat.answers = ["silent"]
    with pytest.raises(WeChatUnknownError):
        start(house, PERSONAL)
    house.registration_wechat.answers = [89249]
    again = start(house, PERSONAL)
    assert (again.task_id, again.authorize_url) == (None, None)
    waiting = status_of(house, again)
    assert waiting.status == "waiting"
    with pytest.raises(InvalidRequestError) as refused:
        status_of(house, again, ask={"task_id": "task-1"})
    for remedy in (again.remedy, waiting.remedy, refused.value.remedy):
        assert remedy is not None
        assert "Apply again when" in remedy
    later(house, CONFIRM_SECONDS)
    house.push_ticket()
    house.work()
    assert status_of(house, again).status == "expired"
    good = start(house, PERSONAL)
    assert (good.remedy, status_of(house, good).remedy) == (None, None)


def test_an_application_that_others_have_running_is_refused(house: House) -> None:
    """89249 without a silence of ours: somebody else has applied, and it is not this tenant's."""
    house.registration_wechat.answers = [89249]
    with pytest.raises(WeChatRefusedError):
        start(house)


def test_a_result_stays_with_whom_wechat_said_yes_to(house: House) -> None:
    """Neither an inner error of WeChat's nor a refusal gives it to who applied later."""
    house.registration_wechat.answers = [-1]
    with pytest.raises(WeChatUnknownError):
        start(house)
    with pytest.raises(RegistrationRunningError):
        start(house, tenant_id=OTHER_TENANT)
    house.registration_wechat.answers = [91030]
    with pytest.raises(WeChatRefusedError):
        start(house)
    with pytest.raises(RegistrationRunningError):
        start(house, tenant_id=OTHER_TENANT)
    house.registration_wechat.answers = [89249]
    mine = start(house)
    later(house, CONFIRM_SECONDS)
    house.push_ticket()
    house.work()
    house.registration_wechat.answers = [89249]
    with pytest.raises(WeChatRefusedError):
        start(house, tenant_id=OTHER_TENANT)
    house.intake.take(result(house, mine, code=house.wechat.confirm(NEW)))
    house.work()
    assert stored(house, NEW).tenant_id == TENANT
    assert status_of(house, mine).status == "succeeded"


def test_a_double_click_takes_nothing_from_the_first(house: House) -> None:
    """The second is told that it is under way; the result is the first one's, with its address."""
    register, second = house.registration_wechat.register_personal, []

    def answer(token: str, fields: Any) -> Any:
        with pytest.raises(RegistrationRunningError) as caught:
            start(house, PERSONAL)
        second.append(caught.value)
        return register(token, fields)

    house.registration_wechat.register_personal = answer  # type: ignore[method-assign]
    first = start(house, PERSONAL)
    assert len(second) == 1
    assert first.authorize_url
    house.intake.take(result(house, first, PERSONAL, code=house.wechat.confirm(NEW)))
    house.work()
    assert status_of(house, first).status == "succeeded"


def test_a_refused_application_has_no_results(house: House) -> None:
    """Somebody has applied elsewhere: that result is nobody's here."""
    house.registration_wechat.answers = [89249]
    with pytest.raises(WeChatRefusedError):
        start(house)
    anybody = start(house, TRIAL)
    house.intake.take(result(house, anybody, code=house.wechat.confirm(NEW)))
    house.work()
    assert stored(house, NEW).tenant_id is None


# --- reuse ---------------------------------------------------------------------------------------


def test_a_link_to_reuse_a_registration_asks_nobody() -> None:
    """The merchant comes first."""
    house = of_tenant(authorized())
    started = start(house, {**REUSE, "tenant_name": "城南书店", "state": "s"})
    assert started.launch_url is not None
    assert house.registration_wechat.calls == []
    session = session_of(house, started)
    assert (session.biz_appid, session.copy_wx_verify) == (MERCHANT, True)
    assert status_of(house, started).status == "waiting"


@pytest.mark.parametrize("owner", [OTHER_TENANT, None])
def test_only_a_tenants_own_account_can_be_reused(owner: str | None) -> None:
    """Another tenant's account is as unknown as one that never was."""
    house = authorized()
    if owner:
        of_tenant(house, owner)
    with pytest.raises(UnknownAuthorizerError) as others:
        start(house, REUSE)
    with pytest.raises(UnknownAuthorizerError) as nobodys:
        start(house, {**REUSE, "authorizer_appid": "wx00000000000000ff"})
    assert others.value.message.replace(MERCHANT, "") == nobodys.value.message.replace(
        "wx00000000000000ff", ""
    )


# --- status --------------------------------------------------------------------------------------


def test_another_tenants_registration_is_unknown(house: House) -> None:
    """Word for word like one that never was, and a link to authorise is no registration."""
    started = start(house)
    link = house.onboarding.create(TENANT, {})
    for tenant_id, session_id in [
        (OTHER_TENANT, started.session_id),
        (TENANT, "x" * 43),
        (TENANT, link.session_id),
        (TENANT, "nonsense"),
    ]:
        with pytest.raises(UnknownSessionError):
            house.registrations.status(tenant_id, session_id)
    with pytest.raises(UnknownSessionError):
        house.onboarding.status(TENANT, started.session_id)


@pytest.mark.parametrize("kind", APPLICATIONS)
def test_only_a_link_can_be_launched(house: House, kind: str) -> None:
    """An application has no page of ours."""
    started = start(house, APPLICATIONS[kind])
    with pytest.raises(UnknownSessionError):
        house.onboarding.launch(started.session_id, "browser")


def test_a_registration_nobody_confirmed_expires(house: House) -> None:
    """When the day is over, and the hour for WeChat's last word."""
    started = start(house)
    later(house, CONFIRM_SECONDS)
    assert status_of(house, started).status == "expired"


@pytest.mark.parametrize(
    ("status", "words"),
    [(100003, "24 hours"), (103, "legal representative"), (1001, "mini programs"), (-1, "fit")],
)
def test_a_known_failure_is_told_in_words(house: House, status: int, words: str) -> None:
    """With WeChat's status and message beside."""
    started = start(house)
    house.intake.take(result(house, started, status=status))
    found = status_of(house, started)
    assert (found.status, found.wechat_status, found.msg) == ("failed", status, "not confirmed")
    assert words in (found.remedy or "")


def test_an_unknown_failure_is_told_by_its_number(house: House) -> None:
    """Nobody guesses."""
    started = start(house)
    house.intake.take(result(house, started, status=4711))
    assert "4711" in (status_of(house, started).remedy or "")


# --- asking WeChat -------------------------------------------------------------------------------

QUESTION = {
    name: ENTERPRISE[name] for name in ("name", "legal_persona_wechat", "legal_persona_name")
}


@pytest.mark.parametrize("errcode", [0, 89249, 89250, 89251, 89252])
def test_wechat_is_asked_about_an_enterprise_by_its_data(house: House, errcode: int) -> None:
    """What is under way is an answer, told in words."""
    started = start(house)
    house.registration_wechat.answers = [errcode]
    told = status_of(house, started, ask=QUESTION).wechat
    assert told is not None
    assert told["status"] == errcode
    assert house.registration_wechat.calls[-1] == ("find enterprise", QUESTION)


def test_a_refusal_of_the_question_is_an_error(house: House) -> None:
    """61004 says nothing about the application."""
    started = start(house)
    house.registration_wechat.answers = [61004]
    with pytest.raises(WeChatRefusedError):
        status_of(house, started, ask=QUESTION)


def test_wechat_is_asked_about_a_person_by_the_task(house: House) -> None:
    """The caller was told its id, and gives it back."""
    started = start(house, PERSONAL)
    house.registration_wechat.task = Task(status=4)
    told = status_of(house, started, ask={"task_id": started.task_id}).wechat
    assert told == {"status": 4, "meaning": "The check of the face has begun."}


@pytest.mark.parametrize(
    ("request_", "ask", "field"),
    [
        (ENTERPRISE, {**QUESTION, "name": "别人"}, "name"),
        (ENTERPRISE, {}, "name"),
        (PERSONAL, {"task_id": "task-2"}, "task_id"),
        (PERSONAL, {"task_id": ""}, "task_id"),
        (TRIAL, {}, "ask_wechat"),
    ],
)
def test_nobody_asks_about_others(
    house: House, request_: Mapping[str, Any], ask: Mapping[str, Any], field: str
) -> None:
    """What is asked with must be of this very registration."""
    started = start(house, request_)
    with pytest.raises(InvalidRequestError) as refused:
        status_of(house, started, ask=ask)
    assert refused.value.field.startswith(field)
    assert len(house.registration_wechat.calls) == 1
