"""The wiring of the functions: from environment variables to adapters that reach AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.fakes.clock import FakeClock
from tests.integration.conftest import TABLE
from tests.integration.resources import make_queue
from tests.unit.vault.kit import COMPONENT, MERCHANT, NOW, TICKET, access
from wxvault.errors import ConfigurationError
from wxvault.runtime.settings import Settings
from wxvault.runtime.wiring import Wiring
from wxvault.services.onboarding_state import Arrival
from wxvault.services.outcome import Outcome
from wxvault.services.state import Event, Status, TokenChange

if TYPE_CHECKING:
    from wxvault.vault.table import DynamoTable


@pytest.fixture
def environment(
    table: DynamoTable, key_arn: str, resources: dict[str, dict[str, Any]]
) -> dict[str, str]:
    """Return what the template tells a function, with everything it names made."""
    sqs = boto3.client("sqs")
    urls = {
        name: make_queue(sqs, resources[f"{name}Queue"]["Properties"], name.lower())
        for name in ("Renew", "Exchange")
    }
    events = boto3.client("events")
    if not events.list_event_buses(NamePrefix="the-bus")["EventBuses"]:
        events.create_event_bus(Name="the-bus")
    return {
        "WXVAULT_COMPONENT_APPID": COMPONENT,
        "WXVAULT_TABLE_NAME": TABLE,
        "WXVAULT_SEALING_KEY_ARN": key_arn,
        "WXVAULT_RENEW_QUEUE_URL": urls["Renew"],
        "WXVAULT_EXCHANGE_QUEUE_URL": urls["Exchange"],
        "WXVAULT_EVENT_BUS_NAME": "the-bus",
        "WXVAULT_PUBLIC_BASE_URL": "https://auth.example.com",
        "WXVAULT_RENEW_FUNCTION": "arn:aws:lambda:us-east-1:123456789012:function:renew:live",
    }


@pytest.fixture
def wiring(environment: dict[str, str]) -> Wiring:
    """Return a function's wiring."""
    return Wiring(Settings.from_environment(environment), FakeClock())


def test_what_one_function_writes_another_reads(
    wiring: Wiring, environment: dict[str, str]
) -> None:
    """Two environments share nothing but table and key, and understand each other."""
    other = Wiring(Settings.from_environment(environment), FakeClock())
    assert wiring.component_items.add_ticket(TICKET, int(NOW), now=NOW)
    (ticket,) = other.component_items.newest_tickets(3)
    assert ticket.component_verify_ticket == TICKET
    change = TokenChange(Status.ACTIVE, NOW, secrets="write", access=access("49_x"))
    assert wiring.tokens.amend(MERCHANT, lambda _: change)
    state = other.tokens.get(MERCHANT)
    assert state is not None
    assert other.tokens.access_token(state) == "49_x"
    code, _ = wiring.codes.record("queryauthcode@@@1", Arrival(MERCHANT), now=NOW - 15)
    known = other.codes.get(code.code_sha256)
    assert known is not None
    assert other.codes.authorization_code(known) == "queryauthcode@@@1"
    other.profiles.save_permission_sets(MERCHANT, (1, 18), now=NOW)
    assert {item.authorizer_appid for item in other.due_items.due(now=NOW)} == {MERCHANT, None}
    found = other.lookup.find(MERCHANT)
    assert found.access_token == "49_x"


def test_jobs_and_events_arrive(wiring: Wiring) -> None:
    """Each queue gets its own jobs, and the bus takes what is told."""
    wiring.renew_jobs.send({"job": "component"})
    wiring.try_exchange_job({"code_sha256": "00"})
    sqs = boto3.client("sqs")
    bodies = []
    for queue in (wiring.settings.renew_queue_url, wiring.settings.exchange_queue_url):
        assert queue is not None
        bodies += [
            json.loads(message["Body"])
            for message in sqs.receive_message(QueueUrl=queue)["Messages"]
        ]
    assert bodies == [{"job": "component"}, {"code_sha256": "00"}]
    change = TokenChange(Status.ACTIVE, NOW, events=(Event("updated"),))
    settled = wiring.tokens.amend(MERCHANT, lambda _: change)
    assert settled is not None
    wiring.tools.events.tell(settled)
    assert wiring.bus.put("push.received", {"event_id": "1"})


def test_a_queue_that_is_gone_does_not_stop_the_landing(
    wiring: Wiring, caplog: pytest.LogCaptureFixture
) -> None:
    """The code is written down; the sweep sends what could not be sent."""
    url = wiring.settings.exchange_queue_url
    assert url is not None
    boto3.client("sqs").delete_queue(QueueUrl=url)
    wiring.try_exchange_job({"code_sha256": "00"})
    assert "job not sent" in caplog.text


@pytest.mark.parametrize(("quick", "attempts", "within"), [(False, 3, 10), (True, 2, 4)])
def test_a_request_that_hangs_does_not_cost_the_function_its_life(
    environment: dict[str, str], *, quick: bool, attempts: int, within: float
) -> None:
    """All attempts of one request, and the longest pauses between them, fit into the timeout."""
    wiring = Wiring(Settings.from_environment(environment), FakeClock(), quick=quick)
    clients: list[Any] = [
        wiring.table._client,
        wiring.secrets_client,
        wiring._sqs,
        wiring.bus._client,
        wiring.sealing._keys._client,  # type: ignore[attr-defined]  # it is KmsDataKeys
    ]
    for client in clients:
        config = client.meta.config
        assert config.retries == {"mode": "standard", "total_max_attempts": attempts}
        assert config.connect_timeout <= config.read_timeout
        # botocore's standard mode: a random part of 1 s, then of 2 s.
        pauses = sum(2.0**number for number in range(attempts - 1))
        assert attempts * config.read_timeout + pauses < within


def test_a_renewal_that_cannot_be_invoked_is_logged(
    wiring: Wiring, caplog: pytest.LogCaptureFixture
) -> None:
    """There is no such function: the look-up goes on waiting, and the log says why in vain."""
    outcome = wiring.renewer(MERCHANT, rejected_token_sha256=None, min_ttl=0, seconds=5)
    assert outcome is Outcome.UNKNOWN
    (record,) = [one for one in caplog.records if one.message == "renew not invoked"]
    assert record.problem == "ResourceNotFoundException"  # type: ignore[attr-defined]


def test_renew_is_asked_once_and_waited_for(wiring: Wiring) -> None:
    """No repetition by AWS's client: a look-up asks again by itself if it must."""
    client: Any = wiring.renewer
    config = client._client.meta.config
    assert config.retries["total_max_attempts"] == 1
    assert config.read_timeout == 8


def test_ids_are_random_and_long(wiring: Wiring) -> None:
    """No two leases, marks or claims are ever taken for one another."""
    assert len({wiring.new_id() for _ in range(100)}) == 100
    assert len(wiring.new_id()) == 32


def test_what_a_function_was_not_told_is_named(environment: dict[str, str]) -> None:
    """A missing variable is an error where it is needed, and not before."""
    del environment["WXVAULT_SEALING_KEY_ARN"]
    wiring = Wiring(Settings.from_environment(environment), FakeClock())
    wiring.table.newest("C#x", "TICKET#", 1)
    with pytest.raises(ConfigurationError, match="WXVAULT_SEALING_KEY_ARN"):
        _ = wiring.sealing
