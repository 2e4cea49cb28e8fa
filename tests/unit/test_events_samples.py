"""The sample events: each is replayed through the handler it is for, wired to AWS in memory.

They are shaped as AWS sends them and belong together: one ticket, one merchant, one session. The
pushes are encrypted with made-up keys. Whoever changes a handler sees here what its trigger sends.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from functions.auth_url import launch, sessions
from functions.callback import app as callback
from functions.exchange import landing, worker
from functions.refresh import renew, sweep
from functions.token import app as token
from tests.fakes.clock import FakeClock
from tests.template import translation
from wxvault.protocol.links import DEFAULT_AUTH_TYPE
from wxvault.runtime.settings import Settings
from wxvault.runtime.wiring import Wiring
from wxvault.services.onboarding_state import CodeStatus, Session
from wxvault.services.outcome import Outcome
from wxvault.services.state import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

    Handler = Callable[[Mapping[str, Any], Any], Any]

EVENTS = Path(__file__).resolve().parents[2] / "events"
NAMES = sorted(path.stem for path in EVENTS.iterdir())

COMPONENT = "wx0123456789abcdef"
MERCHANT = "wxf8b4f85f3a794e77"
REGISTERED = "wx1e8cd2dad279e29f"
TENANT = "demo-shop"
MESSAGE_TOKEN = "sim_token_2024"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
TICKET = "ticket@@@" + "A" * 20
CODE, UPDATE_CODE, REGISTRATION_CODE = (
    "queryauthcode@@@" + "Sample-Code_" * 7 + number for number in ("01", "02", "03")
)
CODES = {CODE: MERCHANT, UPDATE_CODE: MERCHANT, REGISTRATION_CODE: REGISTERED}
REFRESH_TOKEN = "refreshtoken@@@" + "Sample-Refresh_" * 2
APP_SECRET = "0123456789abcdef" * 2
PRE_AUTH_CODE = "preauthcode@@@" + "Sample-Link_" * 7 + "01"
SESSION_ID = "Sample_Session_Id_of_forty-three_characters"
COOKIE = "Sample_Cookie_of_43_characters_for_launches"
# Shortly after the latest timestamp of a push, so that none is too old.
NOW = 1_700_000_300.0


def read(name: str) -> dict[str, Any]:
    """Return a sample."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text("utf-8"))
    return event


@cache
def resources() -> dict[str, Any]:
    """Return the template's resources."""
    found: dict[str, Any] = translation.source()["Resources"]
    return found


def sha256(text: str) -> str:
    """Return the fingerprint under which the vault knows something."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """One shape for all of WeChat's good answers."""

    access_token: str = ""
    refresh_token: str | None = None
    code: str = ""
    authorizer_appid: str = ""
    expires_in: int = 7200
    func_info: tuple[int, ...] = (1, 18)


@dataclass
class GoodWeChat:
    """A WeChat that refuses nothing and remembers what it was asked."""

    calls: list[str] = field(default_factory=list)
    issued: list[str] = field(default_factory=list)

    def component_token(self, component_appid: str, appsecret: str, ticket: str, /) -> Answer:
        """Sell a component token for the sample's ticket."""
        assert (component_appid, appsecret, ticket) == (COMPONENT, APP_SECRET, TICKET)
        return self._issue("component_token")

    def pre_auth_code(self, _component_appid: str, _token: str, /) -> Answer:
        """Mint a pre-auth code."""
        self.calls.append("pre_auth_code")
        return Answer(code=PRE_AUTH_CODE)

    def query_auth(self, _component_appid: str, _token: str, code: str, /) -> Answer:
        """Exchange one of the samples' codes."""
        return self._issue("query_auth", CODES[code])

    def refresh(self, _component_appid: str, _token: str, appid: str, refresh: str, /) -> Answer:
        """Renew a token."""
        assert refresh == REFRESH_TOKEN
        return self._issue("refresh", appid)

    def start_push_ticket(self, component_appid: str, component_secret: str, /) -> str:
        """Start the pushes that had stopped."""
        assert (component_appid, component_secret) == (COMPONENT, APP_SECRET)
        self.calls.append("start_push_ticket")
        return "ok"

    def clear_quota(self, _component_appid: str, appsecret: str, appid: str | None, /) -> None:
        """Reset the quota."""
        self.calls.append(f"clear_quota {appid} {appsecret == APP_SECRET}")

    def _issue(self, call: str, appid: str = "") -> Answer:
        self.calls.append(call)
        self.issued.append(f"49_{call}_{len(self.issued):064d}")
        return Answer(self.issued[-1], REFRESH_TOKEN, authorizer_appid=appid)


@dataclass
class KeptEvents:
    """A bus that keeps what was sent."""

    sent: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def put(self, detail_type: str, detail: Mapping[str, Any], /) -> bool:
        """Take an event."""
        self.sent.append((detail_type, detail))
        return True


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda passes beside the event."""

    function_name: str = "wxvault-sample"
    aws_request_id: str = "0a1b2c3d-0000-4000-8000-000000000000"


class Desk:
    """All functions over one table, with a WeChat that plays along."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOW)
        self.bus = KeptEvents()
        self.wechat = GoodWeChat()
        self.sqs = boto3.client("sqs")
        self.queues = {
            name: self.sqs.create_queue(QueueName=f"wxvault-{name}")["QueueUrl"]
            for name in ("exchange", "renew")
        }
        self.wiring = Wiring(self._settings(), self.clock)
        vars(self.wiring).update(wechat=self.wechat, bus=self.bus, renewer=self._renewer)

    def _settings(self) -> Settings:
        secrets = boto3.client("secretsmanager")
        push = {"tokens": [MESSAGE_TOKEN], "encoding_aes_keys": [AES_KEY]}
        app = {"component_appsecret": APP_SECRET}
        return Settings(
            component_appid=COMPONENT,
            table_name=_table(),
            sealing_key_arn=boto3.client("kms").create_key()["KeyMetadata"]["Arn"],
            public_base_url="https://auth.example.com",
            push_secret_arn=secrets.create_secret(Name="push", SecretString=json.dumps(push))[
                "ARN"
            ],
            app_secret_arn=secrets.create_secret(Name="app", SecretString=json.dumps(app))["ARN"],
            renew_queue_url=self.queues["renew"],
            exchange_queue_url=self.queues["exchange"],
            renew_function="renew",
            event_bus_name="wxvault",
            return_urls=("https://shop.example.com/wechat",),
        )

    def _renewer(
        self,
        authorizer_appid: str | None,
        *,
        rejected_token_sha256: str | None,
        min_ttl: float,
        seconds: float,
    ) -> Outcome:
        """Stand for the invoke of *renew*: the real handler, called directly."""
        assert seconds > 0
        job: dict[str, Any] = {"job": "component"}
        if authorizer_appid is not None:
            job = {"job": "authorizer", "authorizer_appid": authorizer_appid, "min_ttl": min_ttl}
        if rejected_token_sha256 is not None:
            job["rejected_token_sha256"] = rejected_token_sha256
        return Outcome(self.handle(renew, job)["outcome"])

    def handle(self, module: ModuleType, event: Mapping[str, Any]) -> Any:
        """Call a function's handler, wired as Lambda wires it."""
        handler: Handler = module.wire(self.wiring)
        return handler(event, Context())

    def replay(self, name: str) -> Any:
        """Replay a sample and return the function's answer."""
        return self.handle(HANDLERS[name.partition("-")[0]], read(name))

    def sent(self, queue: str) -> list[dict[str, Any]]:
        """Take the jobs out of a queue."""
        got = self.sqs.receive_message(QueueUrl=self.queues[queue], MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in got.get("Messages", [])]

    # --- what has happened before an event -------------------------------------------------------

    def with_ticket(self) -> None:
        """WeChat has pushed a ticket, and the component token was bought with it."""
        self.replay("callback-ticket")
        assert self.replay("renew-invoke-component") == {"outcome": "renewed"}

    def with_session(self) -> None:
        """A backend has asked for a link; the merchant has pressed the button."""
        session = Session(
            session_sha256=sha256(SESSION_ID),
            tenant_id=TENANT,
            created_at=NOW,
            expires_at=NOW + 3600,
            style="pc",
            auth_type=DEFAULT_AUTH_TYPE,
            tenant_name="示例茶馆",
        )
        self.wiring.sessions.create(session)
        self.wiring.sessions.remember_mint(session, PRE_AUTH_CODE, sha256(COOKIE), now=NOW)

    def with_merchant(self) -> None:
        """The merchant has authorised, and the code was exchanged."""
        self.with_ticket()
        self.with_session()
        self.replay("callback-authorized")
        assert self.replay("exchange-queue") == {"batchItemFailures": []}


def _table() -> str:
    """Make the table as the template does; its name."""
    made = resources()["Table"]["Properties"]
    wanted = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    boto3.client("dynamodb").create_table(
        TableName="wxvault", **{name: made[name] for name in wanted}
    )
    return "wxvault"


@pytest.fixture(name="desk")
def _desk() -> Iterator[Desk]:
    """Return a fresh desk."""
    with mock_aws():
        yield Desk()


# By the first word of a sample's name.
HANDLERS: dict[str, ModuleType] = {
    "callback": callback,
    "exchange": worker,
    "landing": landing,
    "launch": launch,
    "renew": renew,
    "sessions": sessions,
    "sweep": sweep,
    "token": token,
}


def body_of(answer: Mapping[str, Any], status: int = 200) -> dict[str, Any]:
    """Return the JSON of an HTTP answer."""
    assert answer["statusCode"] == status, answer
    body: dict[str, Any] = json.loads(answer["body"])
    return body


def is_success(answer: Mapping[str, Any]) -> bool:
    """Say whether WeChat was answered its seven bytes."""
    return (answer["statusCode"], answer["body"]) == (200, "success")


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
    for name in sorted(NAMES, key=lambda name: name == "callback-unauthorized"):
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
        filled = event["routeKey"].format(**event.get("pathParameters", {}))
        assert filled == f"{http['method']} {event['rawPath']}"
        size = event["headers"].get("content-length", "0")
        assert int(size) == len(event.get("body", "").encode())
