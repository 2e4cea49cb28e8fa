"""The sample events: each is replayed through the handler it is for, wired to AWS in memory.

They are shaped as AWS sends them and belong together: one ticket, one merchant, one session. The
pushes are encrypted with made-up keys. Whoever changes a handler sees here what its trigger sends.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from tests.unit.desk import (
    CODE,
    COMPONENT,
    MERCHANT,
    NAMES,
    REGISTRATION_CODE,
    TENANT,
    TICKET,
    UPDATE_CODE,
    Desk,
    body_of,
    is_success,
    read,
    resources,
    sha256,
)
from wxvault.services.onboarding_state import CodeStatus
from wxvault.services.state import Status

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(name="desk")
def _desk() -> Iterator[Desk]:
    """Return a fresh desk."""
    with mock_aws():
        yield Desk()


# --- pushes --------------------------------------------------------------------------------------


def test_ticket(desk: Desk) -> None:
    """The ticket is in the table before the answer, and the first one has a token bought."""
    assert is_success(desk.replay("callback-ticket"))
    tickets = desk.wiring.component_items.newest_tickets(3)
    assert [ticket.component_verify_ticket for ticket in tickets] == [TICKET]
    assert desk.sent("renew") == [{"job": "component"}]


def test_authorized(desk: Desk) -> None:
    """The code is written down, and the exchange worker is told its fingerprint."""
    assert is_success(desk.replay("callback-authorized"))
    code = desk.wiring.codes.get(sha256(CODE))
    assert code is not None
    assert (code.status, code.authorizer_appid) == (CodeStatus.RECEIVED, MERCHANT)
    job = json.loads(read("exchange-queue")["Records"][0]["body"])
    assert desk.sent("exchange") == [job]


def test_updateauthorized(desk: Desk) -> None:
    """Changed grants bring another code, and the access token of before is given up."""
    desk.with_merchant()
    assert is_success(desk.replay("callback-updateauthorized"))
    code = desk.wiring.codes.get(sha256(UPDATE_CODE))
    state = desk.wiring.tokens.get(MERCHANT)
    assert code is not None
    assert state is not None
    assert (code.status, state.has_access) == (CodeStatus.RECEIVED, False)


def test_unauthorized(desk: Desk) -> None:
    """After the merchant's cancellation the next look-up says so."""
    desk.with_merchant()
    assert is_success(desk.replay("callback-unauthorized"))
    assert desk.replay("token-invoke")["error"]["code"] == "authorizer_revoked"
    assert [kind for kind, _ in desk.bus.sent] == ["authorizer.authorized", "authorizer.revoked"]


def test_registration(desk: Desk) -> None:
    """A finished fast registration is told once, and its code is exchanged like any other."""
    for _ in range(2):
        assert is_success(desk.replay("callback-registration"))
    assert [kind for kind, _ in desk.bus.sent] == ["registration.succeeded"]
    assert desk.sent("exchange") == [{"code_sha256": sha256(REGISTRATION_CODE)}]


def test_other_push(desk: Desk) -> None:
    """A kind of push that nobody here knows goes to the bus."""
    assert is_success(desk.replay("callback-other"))
    kind, detail = desk.bus.sent[0]
    assert (kind, detail["info_type"]) == ("push.received", "notify_3rd_wxa_auth")


# --- the way of a merchant -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sessions-create-http", "sessions-create-invoke"])
def test_session_created(desk: Desk, name: str) -> None:
    """Both ways make a session: a link for browsers, the plugin's parameters for mini programs."""
    desk.with_ticket()
    answer = desk.replay(name)
    if name.endswith("http"):
        created = body_of(answer, 201)
        assert created["launch_url"].startswith("https://auth.example.com/authorize/")
    else:
        assert answer["platformAppID"] == COMPONENT
        assert answer["preAuthCode"].startswith("preauthcode@@@")


@pytest.mark.parametrize("name", ["sessions-status-http", "sessions-status-invoke"])
def test_session_status(desk: Desk, name: str) -> None:
    """Both ways tell what became of a session."""
    desk.with_merchant()
    answer = desk.replay(name)
    status = body_of(answer) if name.endswith("http") else answer
    assert (status["status"], list(status["authorizers"])) == ("done", [MERCHANT])


def test_launch(desk: Desk) -> None:
    """The page mints nothing; its button leads on to WeChat and sets the cookie."""
    desk.with_ticket()
    desk.with_session()
    assert desk.replay("launch-get")["statusCode"] == 200
    assert "pre_auth_code" not in desk.wechat.calls
    pressed = desk.replay("launch-post")
    assert "https://mp.weixin.qq.com/cgi-bin/componentloginpage?" in pressed["body"]
    name = read("landing")["cookies"][0].partition("=")[0]
    assert pressed["cookies"][0].startswith(f"{name}=")


def test_landing(desk: Desk) -> None:
    """WeChat's redirect is written down; while its code is exchanged the browser waits."""
    desk.with_ticket()
    desk.with_session()
    desk.clock.while_sleeping.append(lambda: desk.replay("exchange-queue"))
    landed = desk.replay("landing")
    assert landed["statusCode"] == 303
    assert landed["headers"]["location"] == read("landing-result")["rawPath"]
    page = desk.replay("landing-result")
    assert page["statusCode"] == 200
    assert MERCHANT in page["body"]


def test_exchange(desk: Desk) -> None:
    """The exchange ends with the merchant's tokens in the table, bound to the session's tenant."""
    desk.with_merchant()
    state = desk.wiring.tokens.get(MERCHANT)
    assert state is not None
    assert (state.status, state.tenant_id) == (Status.ACTIVE, TENANT)
    assert desk.wechat.calls.count("query_auth") == 1


# --- tokens --------------------------------------------------------------------------------------


def test_renew_queue(desk: Desk) -> None:
    """Both kinds of job are worked off; what is not due is left as it is."""
    desk.with_merchant()
    assert desk.replay("renew-queue") == {"batchItemFailures": []}
    desk.clock.time += 6500
    assert desk.replay("renew-queue") == {"batchItemFailures": []}
    assert desk.wechat.calls.count("refresh") == 1


def test_renew_invoke(desk: Desk) -> None:
    """An invoke says what came of it."""
    desk.with_merchant()
    assert desk.replay("renew-invoke-component") == {"outcome": "not_due"}
    assert desk.replay("renew-invoke-authorizer") == {"outcome": "not_due"}


def test_sweep(desk: Desk) -> None:
    """The schedule's event makes the sweep hand on what is due."""
    desk.with_merchant()
    desk.clock.time += 6500
    swept = desk.replay("sweep-schedule")
    assert (swept["ran"], swept["authorizers"], swept["component"]) == (True, 1, "renewed")
    assert {"job": "authorizer", "authorizer_appid": MERCHANT} in desk.sent("renew")


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("token-")])
def test_token(desk: Desk, name: str) -> None:
    """Every way of asking brings a token that WeChat honours, and names whose it is."""
    desk.with_merchant()
    answer = desk.replay(name)
    found = body_of(answer) if "http" in name else answer
    if "component" in name:
        assert found["component_appid"] == COMPONENT
        assert found["access_token"] == desk.wechat.issued[0]
    else:
        assert found["authorizer_appid"] == MERCHANT
        assert found["access_token"] == desk.wechat.issued[1]
    assert (found["generation"], found["renewed"]) == (1, False)


# --- all of them ---------------------------------------------------------------------------------


def test_every_sample_is_replayed(desk: Desk) -> None:
    """No file in events/ is forgotten: each is answered well (the cancellation comes last)."""
    desk.with_merchant()
    desk.with_registration()
    desk.replay("landing-registered")
    # What moves the merchant to another tenant comes after what its tenant does with it.
    last = ("callback-unauthorized", *(name for name in NAMES if "assign" in name))
    for name in sorted(NAMES, key=lambda name: (name in last, name == last[0])):
        desk.with_gone()
        answer = desk.replay(name)
        assert answer.get("statusCode", 200) < 400, (name, answer)
        assert "error" not in answer, (name, answer)
        assert not answer.get("batchItemFailures"), (name, answer)


def test_every_trigger_has_a_sample() -> None:
    """For each route, queue and schedule of the template there is a sample."""
    triggers = set()
    for resource in resources().values():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            wanted = event["Properties"]
            kind = event["Type"]
            route = f"{wanted['Method']} {wanted['Path']}" if kind == "HttpApi" else ""
            triggers.add(route or kind)
    samples = set()
    for name in NAMES:
        event = read(name)
        if "Records" in event:
            samples.add("SQS")
        elif event.get("source") == "aws.scheduler":
            samples.add("ScheduleV2")
        elif "routeKey" in event:
            samples.add(event["routeKey"])
    assert triggers == samples


@pytest.mark.parametrize("name", NAMES)
def test_samples_agree_with_themselves(name: str) -> None:
    """What API Gateway and SQS say twice is said the same way twice."""
    event = read(name)
    for record in event.get("Records", []):
        body = record["body"].encode()
        assert record["md5OfBody"] == hashlib.md5(body, usedforsecurity=False).hexdigest()
    if "routeKey" in event:
        http = event["requestContext"]["http"]
        assert event["requestContext"]["routeKey"] == event["routeKey"]
        assert http["path"] == event["rawPath"]
        route = event["routeKey"].replace("ANY", http["method"]).replace("+}", "}")
        filled = route.format(**event.get("pathParameters", {}))
        assert filled == f"{http['method']} {event['rawPath']}"
        size = event["headers"].get("content-length", "0")
        assert int(size) == len(event.get("body", "").encode())
