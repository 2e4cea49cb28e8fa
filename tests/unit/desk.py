"""All functions over one table in memory, with a WeChat that plays along, for the sample events."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from functions.accounts import accounts, resync
from functions.auth_url import launch, sessions
from functions.call import app as call
from functions.callback import app as callback
from functions.exchange import landing, worker
from functions.message import app as message
from functions.refresh import renew, sweep
from functions.token import app as token
from sandbox.stack.event_schemas import must_fit
from tests.fakes.clock import FakeClock
from tests.fakes.registrations import FakeRegistrations
from tests.template import translation
from tests.unit.good_apis import GoodApis
from wxvault.protocol.links import DEFAULT_AUTH_TYPE
from wxvault.runtime.settings import Settings
from wxvault.runtime.wiring import Wiring
from wxvault.services.onboarding_state import Session
from wxvault.services.outcome import Outcome
from wxvault.services.state import Status, TokenChange
from wxvault.wechat.answers import AuthorizerPage, Listed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    Handler = Callable[[Mapping[str, Any], Any], Any]

EVENTS = Path(__file__).resolve().parents[2] / "events"
NAMES = sorted(path.stem for path in EVENTS.glob("*.json"))

COMPONENT = "wx0123456789abcdef"
MERCHANT = "wxf8b4f85f3a794e77"
REGISTERED = "wx1e8cd2dad279e29f"
GONE = "wx0a4c1b7e9d2f6835"
TENANT = "demo-shop"
MESSAGE_TOKEN = "sim_token_2024"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
TICKET = "ticket@@@" + "A" * 20
CODE, UPDATE_CODE, REGISTRATION_CODE, REUSE_CODE, RELEASE_CODE = (
    "queryauthcode@@@" + "Sample-Code_" * 7 + number for number in ("01", "02", "03", "04", "05")
)
TEST_ACCOUNT = "wx570bc396a51b8ff8"
CODES = {CODE: MERCHANT, UPDATE_CODE: MERCHANT, REGISTRATION_CODE: REGISTERED}
CODES[RELEASE_CODE] = TEST_ACCOUNT
REFRESH_TOKEN = "refreshtoken@@@" + "Sample-Refresh_" * 2
APP_SECRET = "0123456789abcdef" * 2
PRE_AUTH_CODE = "preauthcode@@@" + "Sample-Link_" * 7 + "01"
SESSION_ID = "Sample_Session_Id_of_forty-three_characters"
REGISTRATION_ID = "Sample_Registration_Id_of_43_characters_now"
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
    profile: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class GoodWeChat:
    """A WeChat that refuses nothing and remembers what it was asked."""

    calls: list[str] = field(default_factory=list)
    issued: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    texts: list[tuple[str, str]] = field(default_factory=list)

    def send_text(self, _access_token: str, touser: str, content: str, /) -> None:
        """Take a customer-service message."""
        self.calls.append("send_text")
        self.texts.append((touser, content))

    def component_token(self, component_appid: str, appsecret: str, ticket: str, /) -> Answer:
        """Sell a component token for the sample's ticket."""
        assert (component_appid, appsecret, ticket) == (COMPONENT, APP_SECRET, TICKET)
        return self._issue("component_token")

    def confirm(self, appid: str) -> str:
        """Let a mini program be there whose code is to be exchanged."""
        CODES[REUSE_CODE] = appid
        return REUSE_CODE

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

    def authorizer_info(self, _component_appid: str, _token: str, appid: str, /) -> Answer:
        """Tell about the merchant."""
        self.calls.append("authorizer_info")
        told = {"nick_name": "示例茶馆", "service_type_info": {"id": 2}}
        return Answer(refresh_token=REFRESH_TOKEN, authorizer_appid=appid, profile=told)

    def authorizer_list(
        self, _component_appid: str, _token: str, offset: int, _count: int, /
    ) -> AuthorizerPage:
        """List the sample's merchant."""
        self.calls.append("authorizer_list")
        listed = (Listed(MERCHANT, REFRESH_TOKEN),)[offset:]
        return AuthorizerPage(1, listed, len(listed), 0)

    def option(self, _component_appid: str, _token: str, _appid: str, name: str, /) -> str:
        """Read an option."""
        self.calls.append("option")
        return self.options.get(name, "0")

    def set_option(
        self, _component_appid: str, _token: str, _appid: str, name: str, value: str, /
    ) -> None:
        """Set an option."""
        self.calls.append("set_option")
        self.options[name] = value

    def start_push_ticket(self, component_appid: str, component_secret: str, /) -> str:
        """Start the pushes that had stopped."""
        assert (component_appid, component_secret) == (COMPONENT, APP_SECRET)
        self.calls.append("start_push_ticket")
        return "ok"

    def clear_quota(self, _component_appid: str, appsecret: str, appid: str | None, /) -> None:
        """Reset the quota."""
        self.calls.append(f"clear_quota {appid} {appsecret == APP_SECRET}")

    def caller_address(self, _component_token: str, /) -> str:
        """Say where the call comes from."""
        self.calls.append("caller_address")
        return "203.0.113.7"

    def _issue(self, call: str, appid: str = "") -> Answer:
        self.calls.append(call)
        self.issued.append(f"49_{call}_{len(self.issued):064d}")
        return Answer(self.issued[-1], REFRESH_TOKEN, authorizer_appid=appid)


@dataclass
class KeptEvents:
    """A bus that keeps what was sent."""

    sent: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def put(self, detail_type: str, detail: Mapping[str, Any], /) -> bool:
        """Take an event, if it fits its schema."""
        must_fit(detail_type, detail)
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
            for name in ("exchange", "renew", "renew-dead")
        }
        self.wiring = Wiring(self._settings(), self.clock)
        vars(self.wiring).update(
            wechat=self.wechat, message_api=self.wechat, bus=self.bus, renewer=self._renewer
        )
        vars(self.wiring).update(start_pushes=lambda: self.replay("renew-invoke-tickets"))
        self.registrations = FakeRegistrations(self.wechat)
        vars(self.wiring).update(registration_wechat=self.registrations)
        self.apis = GoodApis().behind(self.wiring)

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
            egress_address="203.0.113.7",
            renew_dead_letters_url=self.queues["renew-dead"],
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

    def with_registration(self) -> None:
        """A merchant has pressed the button of a link that reuses an account's registration."""
        session = Session(
            session_sha256=sha256(REGISTRATION_ID),
            tenant_id=TENANT,
            created_at=NOW,
            expires_at=NOW + 3600,
            style="registration",
            auth_type=2,
            biz_appid=MERCHANT,
            registration="reuse",
        )
        self.wiring.sessions.create(session)
        self.wiring.sessions.note_launch(session.session_sha256, sha256(COOKIE))

    def with_merchant(self) -> None:
        """The merchant has authorised, and the code was exchanged."""
        self.with_ticket()
        self.with_session()
        self.replay("callback-authorized")
        assert self.replay("exchange-queue") == {"batchItemFailures": []}

    def with_gone(self) -> None:
        """Another merchant, of a tenant that has closed, has cancelled long ago."""
        gone = TokenChange(Status.REVOKED, None, tenant_id="closed-shop")
        self.wiring.tokens.amend(GONE, lambda _: gone)


def _table() -> str:
    """Make the table as the template does; its name."""
    made = resources()["Table"]["Properties"]
    wanted = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    boto3.client("dynamodb").create_table(
        TableName="wxvault", **{name: made[name] for name in wanted}
    )
    return "wxvault"


# By the first word of a sample's name.
HANDLERS: dict[str, ModuleType] = {
    "accounts": accounts,
    "call": call,
    "callback": callback,
    "exchange": worker,
    "landing": landing,
    "launch": launch,
    "message": message,
    "renew": renew,
    "resync": resync,
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
