"""The sample events of registrations, replayed as those of the rest are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from functions.exchange import landing, worker
from tests.unit.desk import (
    MERCHANT,
    REGISTRATION_ID,
    REUSE_CODE,
    TENANT,
    Desk,
    body_of,
    read,
    sha256,
)
from tests.unit.test_poisoned_jobs import batch
from wxvault.services.onboarding_state import CodeStatus

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(name="desk")
def _desk() -> Iterator[Desk]:
    """Return a desk whose merchant has an official account."""
    with mock_aws():
        desk = Desk()
        desk.with_merchant()
        desk.with_registration()
        yield desk


def test_registering_an_enterprise(desk: Desk) -> None:
    """WeChat is asked once, with what the caller sent; the answer is the session's."""
    created = body_of(desk.replay("sessions-register-http"), 201)
    ((kind, fields),) = desk.registrations.calls
    assert (kind, fields["code"]) == ("enterprise", "91310000000000000X")
    assert set(created) == {"session_id", "kind", "expires_at"}


def test_a_link_to_reuse_an_account(desk: Desk) -> None:
    """No call is made before the merchant has confirmed."""
    created = desk.replay("sessions-register-invoke")
    assert created["launch_url"].startswith("https://auth.example.com/authorize/")
    assert desk.registrations.calls == []


@pytest.mark.parametrize("name", ["sessions-registration-http", "sessions-registration-invoke"])
def test_how_a_registration_stands(desk: Desk, name: str) -> None:
    """Both ways tell it, before and after."""
    assert told(desk, name)["status"] == "waiting"
    desk.replay("landing-registered")
    desk.replay("exchange-ticket")
    after = told(desk, name)
    assert (after["status"], after["kind"]) == ("succeeded", "reuse")
    assert after["authorizer_appid"] == desk.registrations.registered[0]


def test_the_landing_has_the_ticket_used(desk: Desk) -> None:
    """The browser waits while the worker registers, and is led to the result."""
    desk.clock.while_sleeping.append(lambda: desk.replay("exchange-ticket"))
    landed = desk.replay("landing-registered")
    assert landed["statusCode"] == 303
    assert landed["headers"]["location"] == f"/authorized/{REGISTRATION_ID}/result"
    assert desk.registrations.tokens == [desk.wechat.issued[1]]
    jobs = [job for job in desk.sent("exchange") if "code_sha256" in job]
    assert {"code_sha256": sha256(REUSE_CODE)} in jobs
    assert desk.handle(worker, batch(*jobs)) == {"batchItemFailures": []}
    code = desk.wiring.codes.get(sha256(REUSE_CODE))
    assert code is not None
    assert (code.status, code.tenant_id) == (CodeStatus.DONE, TENANT)
    state = desk.wiring.tokens.get(desk.registrations.registered[0])
    assert state is not None
    assert state.tenant_id == TENANT


def test_a_landing_without_the_cookie_does_nothing(desk: Desk) -> None:
    """Whoever has not pressed the button here is told so, and WeChat is asked nothing."""
    event = read("landing-registered")
    del event["cookies"]

    refused = desk.handle(landing, event)
    assert refused["statusCode"] == 403
    assert "not_launched_here" in refused["body"]
    assert desk.sent("exchange") == [
        {"code_sha256": sha256("queryauthcode@@@" + "Sample-Code_" * 7 + "01")}
    ]
    assert MERCHANT not in refused["body"]


def told(desk: Desk, name: str) -> dict[str, Any]:
    """Replay a question for the status."""
    answer = desk.replay(name)
    status: dict[str, Any] = body_of(answer) if name.endswith("http") else answer
    return status
