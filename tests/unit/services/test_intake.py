"""Taking pushes in: durable first, then whoever has work is called, and nothing twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.fakes.house import COMPONENT, MERCHANT, House
from tests.unit.services.kit import (
    OTHER,
    asked,
    authorized,
    code_of,
    find,
    later,
    link,
    refuse,
    stored,
    told,
    with_component,
)
from wxvault.errors import EventNotSentError
from wxvault.protocol.pushes import (
    Authorized,
    FastRegistration,
    Push,
    Ticket,
    Unauthorized,
    Unknown,
)
from wxvault.services.intake import Intake
from wxvault.services.onboarding_state import CodeStatus
from wxvault.services.registration_results import RegistrationResults
from wxvault.services.state import Status


class BrokenQueue:
    """A queue that nobody can reach."""

    def send(self, job: Mapping[str, Any], /) -> None:
        """Fail."""
        raise ConnectionError


def intake(house: House, *, queue: BrokenQueue | None = None) -> Intake:
    """Return an intake that masks what it publishes, with queues of its own if given."""
    return Intake(
        house.tools,
        house.items,
        house.codes,
        RegistrationResults(house.sessions, house.clock),
        queue or house.exchange_queue,
        queue or house.renew_queue,
        redact=mask,
    )


def mask(value: object) -> object:
    """Mask everything but the names."""
    return dict.fromkeys(value, "***") if isinstance(value, Mapping) else "***"


def when(house: House) -> int:
    """Return WeChat's time."""
    return int(house.clock.now())


def grant(house: House, code: str, pre_auth_code: str | None = None) -> Authorized:
    """Return the push of a code."""
    return Authorized(COMPONENT, when(house), MERCHANT, code, None, pre_auth_code, update=False)


def registration(
    house: House, *, status: int = 0, appid: str | None = OTHER, code: str | None = None
) -> FastRegistration:
    """Return the result of a registration, with the telephone number of a person."""
    info = {"name": "Example Co", "component_phone": "13800000000"}
    kind = "notify_third_fasteregister"
    return FastRegistration(COMPONENT, when(house), kind, appid, status, code, "msg of it", info)


# --- tickets -------------------------------------------------------------------------------------


def test_tickets_are_kept_side_by_side() -> None:
    """Every ticket is its own item, so that a late one cannot replace a newer one."""
    house = House()
    now = when(house)
    for create_time in (now, now - 600, now - 1200):
        house.intake.take(Ticket(COMPONENT, create_time, f"ticket@@@{create_time}"))
    newest = house.items.newest_tickets(2)
    assert [ticket.create_time for ticket in newest] == [now, now - 600]
    assert newest[0].component_verify_ticket == f"ticket@@@{now}"
    assert f"ticket@@@{now}" not in repr(house.table)


def test_only_the_first_ticket_calls_somebody() -> None:
    """From then on the component token is due when it is due."""
    house = House()
    for number in range(3):
        house.intake.take(Ticket(COMPONENT, number + 1, "ticket"))
    assert house.renew_queue.jobs == [{"job": "component"}]
    assert house.exchange_queue.jobs == []


# --- grants --------------------------------------------------------------------------------------


def test_a_grant_is_written_and_sent_on() -> None:
    """The code and the merchant are in the table; the job carries the code's hash only."""
    house = with_component()
    code = house.wechat.confirm(MERCHANT)
    house.intake.take(grant(house, code, "preauthcode@@@x"))
    record = code_of(house, code)
    assert record.status is CodeStatus.RECEIVED
    assert (record.authorizer_appid, record.create_time) == (MERCHANT, when(house))
    assert record.pre_auth_sha256 is not None
    assert house.exchange_queue.jobs == [{"code_sha256": record.code_sha256}]
    assert house.renew_queue.jobs == []
    assert (stored(house).status, stored(house).due_at) == (Status.PENDING, None)
    assert code not in repr(house.table)
    assert code not in repr(house.exchange_queue)
    assert asked(house) == []


def test_a_grant_twice_is_one_job() -> None:
    """A repeated push is no news: nobody is called, nothing changes."""
    house = with_component()
    push = grant(house, house.wechat.confirm(MERCHANT))
    house.intake.take(push)
    before = dict(house.table.items)  # type: ignore[attr-defined]
    later(house, 3)
    house.intake.take(push)
    assert len(house.exchange_queue.jobs) == 1
    assert house.table.items == before  # type: ignore[attr-defined]


def test_an_update_is_a_grant() -> None:
    """``updateauthorized`` brings a code and new permission sets."""
    house = authorized()
    later(house, 10)
    code = house.wechat.confirm(MERCHANT)
    house.intake.take(Authorized(COMPONENT, when(house), MERCHANT, code, None, None, update=True))
    house.work()
    assert told(house) == ["authorizer.updated"]
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_a_push_for_a_failed_code_has_the_merchant_verified() -> None:
    """The redirect's exchange failed; the push says whose it was: *renew* is called, to ask."""
    house = with_component()
    via = link(house)
    code = house.wechat.confirm(MERCHANT)
    house.wechat._new_refresh_token(MERCHANT, house.wechat.accounts[MERCHANT])
    house.landing.arrive(house.landing.session(via.session_id), code, [via.cookie])
    refuse(house, "query_auth", 61010)
    house.work()
    assert code_of(house, code).status is CodeStatus.FAILED
    house.intake.take(grant(house, code))
    assert stored(house).verifying
    assert house.exchange_queue.jobs == []
    assert house.renew_queue.jobs == [{"job": "authorizer", "authorizer_appid": MERCHANT}]
    house.work()
    assert stored(house).status is Status.ACTIVE


# --- cancellations -------------------------------------------------------------------------------


def test_a_cancellation_is_told_and_sent_on() -> None:
    """Tokens are gone before ``success``; *renew* is called to ask WeChat whether it is true."""
    house = authorized()
    later(house, 10)
    house.wechat.cancel(MERCHANT)
    house.push_unauthorized()
    assert (stored(house).has_access, stored(house).has_refresh) == (False, False)
    assert told(house) == ["authorizer.revoked"]
    assert house.renew_queue.jobs == [{"job": "authorizer", "authorizer_appid": MERCHANT}]


def test_a_cancellation_twice_is_one() -> None:
    """The second is no news."""
    house = authorized()
    for _ in range(2):
        house.intake.take(Unauthorized(COMPONENT, 1_900_000_000, MERCHANT))
    assert len(house.renew_queue.jobs) == 1
    assert told(house) == ["authorizer.revoked"]


def test_an_old_cancellation_calls_nobody() -> None:
    """A cancellation of an older grant is noted, and nothing is due."""
    house = authorized()
    house.push_unauthorized(create_time=when(house) - 1000)
    assert house.renew_queue.jobs == []
    assert told(house) == []
    assert stored(house).status is Status.ACTIVE


# --- registrations -------------------------------------------------------------------------------


def test_a_registration_is_told_once_and_its_code_exchanged() -> None:
    """A new mini program comes with a code like any merchant's; the event has no person in it."""
    house = with_component()
    told(house)
    push = registration(house, code=house.wechat.confirm(OTHER))
    for _ in range(2):
        intake(house).take(push)
    kind, detail = house.bus.sent[0]
    assert kind == "registration.succeeded"
    assert (detail["authorizer_appid"], detail["status"]) == (OTHER, 0)
    assert detail["msg"] == "***"
    assert "13800000000" not in repr(detail)
    house.work()
    assert told(house) == ["registration.succeeded", "authorizer.authorized"]
    assert house.wechat.honours(OTHER, find(house, OTHER).access_token)


def test_a_registration_and_an_ordinary_push_are_one_merchant() -> None:
    """Some registrations are pushed as ``authorized`` too, with the same code: exchanged once."""
    house = with_component()
    code = house.wechat.confirm(OTHER)
    intake(house).take(registration(house, code=code))
    house.push_authorized(code, OTHER)
    house.work()
    assert asked(house).count("query_auth") == 1
    assert stored(house, OTHER).status is Status.ACTIVE


@pytest.mark.parametrize(
    ("status", "appid"), [(100, None), (-1, OTHER), (0, None)], ids=["failed", "named", "nameless"]
)
def test_a_failed_registration_is_only_told(status: int, appid: str | None) -> None:
    """No merchant comes of it, whatever else it says."""
    house = with_component()
    told(house)
    push = registration(house, status=status, appid=appid, code="queryauthcode@@@never")
    intake(house).take(push)
    assert told(house) == ["registration.failed"]
    assert house.exchange_queue.jobs == []
    assert house.tokens.get(OTHER) is None


def test_a_registration_without_a_code_is_only_told() -> None:
    """It succeeded, and an ordinary push will bring the code."""
    house = with_component()
    told(house)
    intake(house).take(registration(house))
    assert told(house) == ["registration.succeeded"]
    assert house.exchange_queue.jobs == []


# --- what nobody knows ---------------------------------------------------------------------------


def test_an_unknown_push_is_published_once_and_masked() -> None:
    """Its content goes out without secrets, once, with WeChat's name and time of it."""
    house = with_component()
    told(house)
    fields = {"taskid": "4711", "AuthorizationCode": "queryauthcode@@@secret"}
    push = Unknown(COMPONENT, when(house), "notify_something_new", fields)
    for _ in range(3):
        intake(house).take(push)
        later(house, 100)
    (sent,) = house.bus.sent
    assert sent[0] == "push.received"
    assert sent[1]["info_type"] == "notify_something_new"
    assert sent[1]["create_time"] == push.create_time
    assert sent[1]["fields"] == {"taskid": "***", "AuthorizationCode": "***"}


def test_two_unknown_pushes_of_one_second_are_two() -> None:
    """All of the content counts."""
    house = with_component()
    told(house)
    for number in ("1", "2"):
        intake(house).take(Unknown(COMPONENT, when(house), "new", {"taskid": number}))
    ids = {detail["event_id"] for _, detail in house.bus.sent}
    assert len(ids) == 2


def test_it_is_seen_after_its_effect() -> None:
    """A crash between effect and note repeats the event, with the same id for whoever receives."""
    house = with_component()
    told(house)
    push = Unknown(COMPONENT, when(house), "new", {"a": "b"})
    house.intake.take(push)
    for key in [key for key in house.table.items if key.sk == "SEEN"]:  # type: ignore[attr-defined]
        del house.table.items[key]  # type: ignore[attr-defined]
    house.intake.take(push)
    first, second = (detail["event_id"] for _, detail in house.bus.sent)
    assert first == second


def test_what_is_neither_kept_nor_told_is_no_success() -> None:
    """Neither bus nor sealing key are there for an unknown push: WeChat has to send it again."""
    house = with_component()
    told(house)
    push = Unknown(COMPONENT, when(house), "new", {"a": "b"})
    house.bus.down = house.keys.disabled = True
    with pytest.raises(EventNotSentError) as raised:
        house.intake.take(push)
    assert raised.value.remedy
    assert "sealing_key_unusable" in raised.value.message
    house.bus.down = house.keys.disabled = False
    house.intake.take(push)
    house.intake.take(push)
    assert told(house) == ["push.received"]


# --- the queue -----------------------------------------------------------------------------------


def pushes(house: House) -> list[Push]:
    """Return pushes that send jobs."""
    return [
        grant(house, house.wechat.confirm(MERCHANT)),
        registration(house, code=house.wechat.confirm(OTHER)),
    ]


def test_a_queue_that_is_down_does_not_matter() -> None:
    """What is durable needs no queue: the sweep finds it within a minute, and all ends well."""
    house = House()
    broken = intake(house, queue=BrokenQueue())
    ticket = f"ticket@@@{1:086d}"
    house.wechat.tickets.add(ticket)
    broken.take(Ticket(COMPONENT, when(house), ticket))
    for push in pushes(house):
        broken.take(push)
    assert house.exchange_queue.jobs == []
    assert house.renew_queue.jobs == []
    later(house, 60)
    house.settle()
    for appid in (MERCHANT, OTHER):
        assert house.wechat.honours(appid, find(house, appid).access_token)


def test_a_cancellation_without_a_queue_is_verified_by_the_sweep() -> None:
    """It is due in the table, so nobody has to be told of it."""
    house = authorized()
    later(house, 10)
    house.wechat.cancel(MERCHANT)
    intake(house, queue=BrokenQueue()).take(Unauthorized(COMPONENT, when(house), MERCHANT))
    assert stored(house).verifying
    house.settle()
    assert (stored(house).status, stored(house).verifying) == (Status.REVOKED, False)
