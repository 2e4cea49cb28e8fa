"""Builds what a function needs, each part once and only when it is asked for.

WeChat's adapter is imported inside the one property that builds it: functions that never call
WeChat do not load ``requests``.
"""

from __future__ import annotations

import json
import logging
import random
import secrets
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from wxvault.clock import Clock, SystemClock
from wxvault.runtime.bus import Bus
from wxvault.runtime.queues import JobQueue
from wxvault.runtime.renew_function import RenewFunction, aws_problem
from wxvault.runtime.responder import ResponderFunction
from wxvault.runtime.settings import Settings
from wxvault.runtime.telemetry import tell_sealing
from wxvault.services.account_options import Options
from wxvault.services.accounts import Accounts
from wxvault.services.authorizer_list import ListReader
from wxvault.services.calling import Calling
from wxvault.services.component import ComponentToken
from wxvault.services.events import Events
from wxvault.services.forgetting import Forgetting
from wxvault.services.logins import Logins
from wxvault.services.lookup import Lookup
from wxvault.services.numbers import WAIT_SECONDS
from wxvault.services.onboarding import Minter, Onboarding, Place
from wxvault.services.registration import Registrations
from wxvault.services.registration_results import RegistrationResults
from wxvault.services.responding import DEADLINE_SECONDS
from wxvault.services.resync import Resync
from wxvault.services.reuse import Reuse, ReuseLanding
from wxvault.services.tools import Tools
from wxvault.vault.codes import Codes
from wxvault.vault.component_items import ComponentItems, seen_seconds
from wxvault.vault.directory import Directory
from wxvault.vault.due_items import DueItems
from wxvault.vault.profiles import Profiles
from wxvault.vault.push_starts import PushStarts
from wxvault.vault.release_answers import ReleaseAnswers
from wxvault.vault.reuse_tickets import ReuseTickets
from wxvault.vault.sealing import KmsDataKeys, Sealing
from wxvault.vault.seen_messages import SeenMessages
from wxvault.vault.sessions import Sessions
from wxvault.vault.table import DynamoTable
from wxvault.vault.token_items import TokenItems
from wxvault.vault.unsent_events import UnsentEvents
from wxvault.wechat.permission_paths import sets_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.services.lookup import Renewer
    from wxvault.wechat.account_api import AccountApi
    from wxvault.wechat.component_api import ComponentApi
    from wxvault.wechat.login_api import LoginApi
    from wxvault.wechat.message_api import MessageApi
    from wxvault.wechat.registration_api import RegistrationApi

_log = logging.getLogger(__name__)

_DAY_SECONDS = 24 * 3600

# A request that hangs is sent three times: 3 * 2 s, and pauses of AWS's client of up to 1 s and
# 2 s. That is 9 s at most, which the functions of ten seconds and more have.
_CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
)
# For callback, which has four seconds: 2 * 1.2 s and a pause of up to 1 s make 3.4 s. So one
# request may hang twice. If more of them do, the time is up and WeChat pushes again.
_QUICK_CONFIG = Config(
    connect_timeout=1,
    read_timeout=1.2,
    retries={"mode": "standard", "total_max_attempts": 2},
    tcp_keepalive=True,
)
# What a bus that hangs does not take is written down within the same four seconds: 2 * 0.6 s and a
# pause of up to 1 s leave 1.8 s for that.
_QUICK_BUS_CONFIG = Config(
    connect_timeout=0.5,
    read_timeout=0.6,
    retries={"mode": "standard", "total_max_attempts": 2},
    tcp_keepalive=True,
)
# One attempt: a renewal that is asked for twice is asked for by the next look-up.
_INVOKE_CONFIG = Config(
    connect_timeout=1,
    read_timeout=WAIT_SECONDS,
    retries={"mode": "standard", "total_max_attempts": 1},
    tcp_keepalive=True,
)
# One attempt: whoever answers a user twice has been asked twice.
_RESPONDER_CONFIG = Config(
    connect_timeout=1,
    read_timeout=DEADLINE_SECONDS,
    retries={"mode": "standard", "total_max_attempts": 1},
    tcp_keepalive=True,
)


class Wiring:
    """The adapters of one function; ``quick`` for one that has to answer within four seconds."""

    def __init__(
        self,
        settings: Settings | None = None,
        clock: Clock | None = None,
        *,
        quick: bool = False,
    ) -> None:
        self._config = _QUICK_CONFIG if quick else _CONFIG
        self._bus_config = _QUICK_BUS_CONFIG if quick else _CONFIG
        self.settings = Settings.from_environment() if settings is None else settings
        self.clock = SystemClock() if clock is None else clock

    @property
    def component_appid(self) -> str:
        """The component that this deployment serves."""
        return self.settings.component_appid

    def uniform(self) -> float:
        """Return a random number in [0, 1)."""
        return random.SystemRandom().random()

    def new_id(self) -> str:
        """Return a random id that nobody else has."""
        return secrets.token_hex(16)

    # --- the table -------------------------------------------------------------------------------

    @cached_property
    def table(self) -> DynamoTable:
        """The one table."""
        client = boto3.client("dynamodb", config=self._config)
        return DynamoTable(client, self.settings.table_name, self.clock, self.uniform)

    @cached_property
    def sealing(self) -> Sealing:
        """The sealing of secrets."""
        client = boto3.client("kms", config=self._config)
        key_arn = self.settings.require("sealing_key_arn")
        keys = KmsDataKeys(client, key_arn, self.component_appid, self.clock)
        return Sealing(keys, secrets.token_bytes, tell_sealing)

    @cached_property
    def tokens(self) -> TokenItems:
        """TOKEN items."""
        return TokenItems(self.table, self.sealing, self.component_appid, self.clock, self.uniform)

    @cached_property
    def codes(self) -> Codes:
        """CODE items."""
        return Codes(self.table, self.sealing, self.component_appid, self.clock)

    @cached_property
    def sessions(self) -> Sessions:
        """SESSION, PREAUTH and REGISTRATION items."""
        return Sessions(self.table, self.component_appid, self.clock)

    @cached_property
    def reuse_tickets(self) -> ReuseTickets:
        """REUSE items."""
        return ReuseTickets(self.table, self.sealing, self.component_appid, self.clock)

    @cached_property
    def profiles(self) -> Profiles:
        """PROFILE items."""
        return Profiles(self.table, self.component_appid, self.clock)

    @cached_property
    def component_items(self) -> ComponentItems:
        """Tickets and the component's other items."""
        kept = seen_seconds(self.settings.push_max_age_seconds)
        return ComponentItems(self.table, self.sealing, self.component_appid, seen_kept=kept)

    @cached_property
    def unsent_events(self) -> UnsentEvents:
        """Events that the bus has not."""
        return UnsentEvents(self.table, self.sealing, self.component_appid, self.clock)

    @cached_property
    def push_starts(self) -> PushStarts:
        """The record of the event URL."""
        return PushStarts(self.table, self.component_appid)

    @cached_property
    def seen_messages(self) -> SeenMessages:
        """Which messages were taken."""
        return SeenMessages(self.table, self.component_appid)

    @cached_property
    def release_answers(self) -> ReleaseAnswers:
        """Answers owed to WeChat's test accounts."""
        return ReleaseAnswers(self.table, self.sealing, self.component_appid)

    @cached_property
    def due_items(self) -> DueItems:
        """What is due."""
        return DueItems(self.table, self.component_items, self.component_appid)

    # --- the world -------------------------------------------------------------------------------

    @cached_property
    def secrets_client(self) -> Any:
        """Secrets Manager."""
        return boto3.client("secretsmanager", config=self._config)

    @cached_property
    def bus(self) -> Bus:
        """The event bus."""
        return Bus(
            boto3.client("events", config=self._bus_config), self.settings.require("event_bus_name")
        )

    @cached_property
    def _sqs(self) -> Any:
        return boto3.client("sqs", config=self._config)

    def queue(self, url: str) -> JobQueue:
        """Return a queue by its URL."""
        return JobQueue(self._sqs, url)

    @cached_property
    def renew_jobs(self) -> JobQueue:
        """The queue of *renew*."""
        return JobQueue(self._sqs, self.settings.require("renew_queue_url"))

    @cached_property
    def exchange_jobs(self) -> JobQueue:
        """The queue of the exchange worker."""
        return JobQueue(self._sqs, self.settings.require("exchange_queue_url"))

    @cached_property
    def wechat(self) -> ComponentApi:
        """WeChat's component endpoints."""
        from wxvault.wechat.component_api import (  # noqa: PLC0415 -- see the module's docstring
            ComponentApi,
        )

        return ComponentApi(self.settings.wechat_api_base)

    @cached_property
    def registration_wechat(self) -> RegistrationApi:
        """WeChat's endpoints for registrations."""
        from wxvault.wechat.registration_api import (  # noqa: PLC0415 -- see the module's docstring
            RegistrationApi,
        )

        return RegistrationApi(self.settings.wechat_api_base)

    @cached_property
    def account_api(self) -> AccountApi:
        """WeChat's other APIs, for calls on somebody's behalf."""
        from wxvault.wechat.account_api import AccountApi  # noqa: PLC0415 -- as above

        return AccountApi(self.settings.wechat_api_base)

    @cached_property
    def login_api(self) -> LoginApi:
        """WeChat's logins."""
        from wxvault.wechat.login_api import LoginApi  # noqa: PLC0415 -- as above

        return LoginApi(self.settings.wechat_api_base)

    @cached_property
    def message_api(self) -> MessageApi:
        """WeChat's customer-service messages."""
        from wxvault.wechat.message_api import (  # noqa: PLC0415 -- see the module's docstring
            MessageApi,
        )

        return MessageApi(self.settings.wechat_api_base)

    @cached_property
    def responder(self) -> ResponderFunction | None:
        """The platform's own function for passive replies, if it has one."""
        function = self.settings.responder_function_arn
        if function is None:
            return None
        return ResponderFunction(boto3.client("lambda", config=_RESPONDER_CONFIG), function)

    @cached_property
    def tools(self) -> Tools:
        """What use cases about tokens share."""
        return Tools(
            component_appid=self.component_appid,
            overlap=self.settings.overlap_seconds,
            retention=self.settings.revoked_retention_days * _DAY_SECONDS,
            tokens=self.tokens,
            events=Events(self.bus, self.unsent_events, self.component_appid, self.clock),
            clock=self.clock,
            uniform=self.uniform,
            new_id=self.new_id,
        )

    # --- onboarding ------------------------------------------------------------------------------

    @cached_property
    def place(self) -> Place:
        """Where this deployment and WeChat are."""
        settings = self.settings
        return Place(
            component_appid=self.component_appid,
            public_base_url=settings.require("public_base_url"),
            pc_page_base=settings.wechat_pc_page_base,
            h5_page_base=settings.wechat_h5_page_base,
            return_urls=settings.return_urls,
        )

    @cached_property
    def onboarding(self) -> Onboarding:
        """Sessions and their launch."""
        minter = Minter(self.place, self.sessions, self.wechat, self.component_token, self.clock)
        return Onboarding(self.place, self.sessions, minter, self.clock, _new_secret)

    # --- registrations ---------------------------------------------------------------------------

    @cached_property
    def registrations(self) -> Registrations:
        """Applications for mini programs."""
        return Registrations(
            self.place,
            self.sessions,
            self.tokens,
            self.registration_wechat,
            self.component_token,
            self.clock,
            _new_secret,
        )

    @cached_property
    def registration_results(self) -> RegistrationResults:
        """What WeChat pushes of registrations."""
        return RegistrationResults(self.sessions, self.clock)

    @cached_property
    def reuse_landing(self) -> ReuseLanding:
        """The landing of a browser with an official account's ticket."""
        return ReuseLanding(self.sessions, self.reuse_tickets, self.try_exchange_job, self.clock)

    @cached_property
    def reuse(self) -> Reuse:
        """The use of official accounts' tickets."""
        return Reuse(
            self.tools,
            self.reuse_tickets,
            self.sessions,
            self.codes,
            self.lookup,
            self.registration_wechat,
            self.try_exchange_job,
        )

    def random_bytes(self, count: int) -> bytes:
        """Return fresh random bytes."""
        return secrets.token_bytes(count)

    def try_exchange_job(self, job: Mapping[str, Any]) -> None:
        """Have a code exchanged; if the queue refuses, the sweep finds the code in the table."""
        try:
            self.exchange_jobs.send(job)
        except (BotoCoreError, ClientError) as error:
            _log.warning("job not sent", extra={"problem": type(error).__name__})

    # --- accounts --------------------------------------------------------------------------------

    @cached_property
    def directory(self) -> Directory:
        """All authorizers."""
        return Directory(self.table, self.component_appid, self.clock)

    @cached_property
    def accounts(self) -> Accounts:
        """Lists, profiles, and whose merchant is whose."""
        return Accounts(
            self.tools, self.directory, self.profiles, self.wechat, self.component_token
        )

    @cached_property
    def forgetting(self) -> Forgetting:
        """Forgets merchants who are gone."""
        return Forgetting(
            self.tools, self.tokens, self.directory, self.profiles, self.codes, self.accounts
        )

    @cached_property
    def options(self) -> Options:
        """The options of accounts."""
        return Options(self.tools, self.lookup, self.wechat, self.component_token)

    # --- tokens ----------------------------------------------------------------------------------

    @cached_property
    def renewer(self) -> Renewer:
        """Asks the function *renew*."""
        client = boto3.client("lambda", config=_INVOKE_CONFIG)
        return RenewFunction(client, self.settings.require("renew_function"))

    @cached_property
    def start_pushes(self) -> Callable[[], None]:
        """Has *renew* ask WeChat for its pushes, if no ticket comes."""
        client = boto3.client("lambda", config=_INVOKE_CONFIG)
        return RenewFunction(client, self.settings.require("renew_function")).look_at_tickets

    @cached_property
    def lookup(self) -> Lookup:
        """Looks tokens up."""
        overlap = self.settings.overlap_seconds
        return Lookup(self.tokens, self.renewer, self.clock, self.uniform, overlap=overlap)

    @cached_property
    def component_token(self) -> ComponentToken:
        """The component token, kept for a part of the overlap."""
        return ComponentToken(self.lookup, self.clock, overlap=self.settings.overlap_seconds)

    def start_resync(self) -> None:
        """Have the table held against WeChat's list soon; if it cannot be, the next night does."""
        client = boto3.client("lambda", config=self._config)
        try:
            client.invoke(
                FunctionName=self.settings.require("resync_function"),
                InvocationType="Event",
                Payload=json.dumps({"scheduled": True}).encode(),
            )
        except (BotoCoreError, ClientError) as error:
            _log.warning("resync not started", extra={"problem": aws_problem(error)})

    @cached_property
    def resync(self) -> Resync:
        """Holds the table against WeChat's list."""
        reader = ListReader(self.component_appid, self.wechat, self.component_token, self.clock)
        return Resync(self.tools, self.directory, reader, self.renew_jobs)

    # --- on somebody's behalf --------------------------------------------------------------------

    @cached_property
    def calling(self) -> Calling:
        """Calls of WeChat's APIs."""
        return Calling(
            self.lookup,
            self.component_token,
            self.account_api,
            self.profiles,
            sets_for,
            self.clock,
            self.uniform,
        )

    @cached_property
    def logins(self) -> Logins:
        """Logins of authorizers' users."""
        return Logins(
            self.component_appid,
            self.settings.wechat_h5_page_base,
            self.tokens,
            self.component_token,
            self.login_api,
            self.clock,
            self.uniform,
        )


def _new_secret() -> str:
    """Return a secret nobody can guess: a session's id, a cookie."""
    return secrets.token_urlsafe(32)
