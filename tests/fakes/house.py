"""A whole wxvault in memory: the real services and the real vault over a fake table and WeChat."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.stack.event_schemas import must_fit
from tests.fakes.clock import FakeClock
from tests.fakes.data_keys import FakeDataKeys
from tests.fakes.memory_table import MemoryTable
from tests.fakes.registrations import FakeRegistrations
from tests.fakes.wechat import FakeWeChat
from wxvault.protocol.pushes import Authorized, Ticket, Unauthorized
from wxvault.services.account_options import Options
from wxvault.services.accounts import Accounts
from wxvault.services.authorizer_list import ListReader
from wxvault.services.component import ComponentKeeper, ComponentToken
from wxvault.services.events import Events
from wxvault.services.exchange import Exchange
from wxvault.services.forgetting import Forgetting
from wxvault.services.intake import Intake
from wxvault.services.keeper import Keeper
from wxvault.services.lookup import Lookup
from wxvault.services.onboarding import Landing, Minter, Onboarding, Place
from wxvault.services.policy import is_servable
from wxvault.services.registration import Registrations
from wxvault.services.registration_results import RegistrationResults
from wxvault.services.resending import Resending
from wxvault.services.resync import Resync
from wxvault.services.reuse import Reuse, ReuseLanding
from wxvault.services.sweeping import Sweep
from wxvault.services.tickets import TicketKeeper, wants_a_look
from wxvault.services.tools import Tools
from wxvault.vault.codes import Codes
from wxvault.vault.component_items import ComponentItems
from wxvault.vault.directory import Directory
from wxvault.vault.due_items import DueItems
from wxvault.vault.profiles import Profiles
from wxvault.vault.push_starts import PushStarts
from wxvault.vault.release_answers import ReleaseAnswers
from wxvault.vault.reuse_tickets import ReuseTickets
from wxvault.vault.sealing import Sealing
from wxvault.vault.seen_messages import SeenMessages
from wxvault.vault.sessions import Sessions
from wxvault.vault.token_items import TokenItems
from wxvault.vault.unsent_events import UnsentEvents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wxvault.clock import Clock
    from wxvault.services.outcome import Outcome
    from wxvault.vault.table import Table

COMPONENT = "wx00000000000000c0"
MERCHANT = "wx00000000000000a1"
RETENTION = 30 * 86400.0


@dataclass
class FakeBus:
    """Keeps what was sent."""

    sent: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    down: bool = False

    def put(self, detail_type: str, detail: Mapping[str, object], /) -> bool:
        """Take an event."""
        if self.down:
            return False
        must_fit(detail_type, detail)
        self.sent.append((detail_type, detail))
        return True

    def kinds(self) -> list[str]:
        """Return the names of what was sent."""
        return [kind for kind, _ in self.sent]


@dataclass
class FakeQueue:
    """Keeps jobs until somebody works them off."""

    jobs: list[Mapping[str, Any]] = field(default_factory=list)

    def send(self, job: Mapping[str, Any], /) -> None:
        """Take a job."""
        self.jobs.append(job)

    def send_all(self, jobs: list[Mapping[str, Any]], /) -> int:
        """Take jobs."""
        self.jobs.extend(jobs)
        return len(jobs)


@dataclass
class FakeSecret:
    """A secret that may be changed."""

    value: Any
    news: bool = False

    def get(self) -> Any:
        """Return it."""
        return self.value

    def changed(self) -> bool:
        """Say whether it is another one."""
        news, self.news = self.news, False
        return news


class House:
    """Everything wired as the functions wire it, with *renew* called directly."""

    def __init__(
        self,
        *,
        seed: int = 1,
        clock: Clock | None = None,
        table: Table | None = None,
        wechat: FakeWeChat | None = None,
        sealing: Sealing | None = None,
        bus: FakeBus | None = None,
        app_secret: FakeSecret | None = None,
    ) -> None:
        self.time = FakeClock()
        self.clock = self.time if clock is None else clock
        self.table = MemoryTable() if table is None else table
        self.wechat = FakeWeChat(self.clock, COMPONENT) if wechat is None else wechat
        self.bus = FakeBus() if bus is None else bus
        self.keys = FakeDataKeys()
        self.searches = 0
        """How often the table was to be held against WeChat's list."""
        self.random = random.Random(seed)
        self.ids = (f"id{number}" for number in itertools.count(1))
        self.exchange_queue, self.renew_queue = self.new_queue(), self.new_queue()
        self.app_secret = FakeSecret(self.wechat.secret) if app_secret is None else app_secret
        self.sealing = Sealing(self.keys, self.random.randbytes) if sealing is None else sealing
        self.tokens = TokenItems(
            self.table, self.sealing, COMPONENT, self.clock, self.random.random
        )
        self.codes = Codes(self.table, self.sealing, COMPONENT, self.clock)
        self.sessions = Sessions(self.table, COMPONENT, self.clock)
        self.items = ComponentItems(self.table, self.sealing, COMPONENT)
        self.profiles = Profiles(self.table, COMPONENT, self.clock)
        self.seen = SeenMessages(self.table, COMPONENT)
        self.release_answers = ReleaseAnswers(self.table, self.sealing, COMPONENT)
        self.directory = Directory(self.table, COMPONENT, self.clock)
        self.unsent = UnsentEvents(self.table, self.sealing, COMPONENT, self.clock)
        self.tools = Tools(
            component_appid=COMPONENT,
            overlap=self.wechat.overlap,
            retention=RETENTION,
            tokens=self.tokens,
            events=Events(self.bus, self.unsent, COMPONENT, self.clock),
            clock=self.clock,
            uniform=self.random.random,
            new_id=lambda: next(self.ids),
        )
        self.component_keeper = ComponentKeeper(
            self.tools, self.wechat, self.items, self.app_secret
        )
        self.starts = PushStarts(self.table, COMPONENT)
        self.ticket_keeper = TicketKeeper(
            self.tools, self.wechat, self.items, self.starts, self.app_secret
        )
        self.lookup = Lookup(
            self.tokens, self.renew, self.clock, self.random.random, overlap=self.wechat.overlap
        )
        self.component = self.new_component_token()
        self.keeper = Keeper(self.tools, self.wechat, self.component)
        self.exchange = Exchange(
            self.tools,
            self.wechat,
            self.component,
            self.codes,
            self.sessions,
            self.profiles,
            self.find_missing,
        )
        self.accounts = Accounts(
            self.tools, self.directory, self.profiles, self.wechat, self.component
        )
        self.forgetting = Forgetting(
            self.tools, self.tokens, self.directory, self.profiles, self.codes, self.accounts
        )
        self.options = Options(self.tools, self.lookup, self.wechat, self.component)
        self.intake = Intake(
            self.tools,
            self.items,
            self.codes,
            RegistrationResults(self.sessions, self.clock),
            self.exchange_queue,
            self.renew_queue,
            redact=lambda value: value,
        )
        place = Place(
            COMPONENT,
            "https://auth.example.com",
            "https://mp.weixin.qq.com",
            "https://open.weixin.qq.com",
            ("https://shop.example.com/back",),
        )
        self.minter = Minter(place, self.sessions, self.wechat, self.component, self.clock)
        self.onboarding = Onboarding(
            place, self.sessions, self.minter, self.clock, self._new_secret
        )
        self.registration_wechat = FakeRegistrations(self.wechat)
        self.tickets = ReuseTickets(self.table, self.sealing, COMPONENT, self.clock)
        self.registrations = Registrations(
            place,
            self.sessions,
            self.tokens,
            self.registration_wechat,
            self.component,
            self.clock,
            self._new_secret,
        )
        self.reuse_landing = ReuseLanding(
            self.sessions, self.tickets, self.exchange_queue.send, self.clock
        )
        self.reuse = Reuse(
            self.tools,
            self.tickets,
            self.sessions,
            self.codes,
            self.lookup,
            self.registration_wechat,
            self.exchange_queue.send,
        )
        self.landing = Landing(self.sessions, self.codes, self.exchange_queue.send, self.clock)
        self.sweep = Sweep(
            DueItems(self.table, self.items, COMPONENT),
            self.renew_queue,
            self.exchange_queue,
            lambda: self.renew(None, rejected_token_sha256=None, min_ttl=0, seconds=8),
            self.component_is_servable,
            Resending(self.unsent, self.bus, self.clock, self.random.random),
            self.tickets_want_a_look,
            self.clock,
            lambda: next(self.ids),
        )
        self.resync = Resync(
            self.tools,
            self.directory,
            ListReader(COMPONENT, self.wechat, self.component, self.clock),
            self.renew_queue,
        )

    def find_missing(self) -> None:
        """Note that the table is to be held against WeChat's list."""
        self.searches += 1

    def new_queue(self) -> FakeQueue:
        """Return a queue."""
        return FakeQueue()

    def new_component_token(self) -> ComponentToken:
        """Return the component token of one more environment."""
        return ComponentToken(self.lookup, self.clock, overlap=self.wechat.overlap)

    def component_is_servable(self) -> bool:
        """Say whether the stored component token may be used."""
        state = self.tokens.get(None)
        return state is not None and is_servable(
            state, self.clock.now(), overlap=self.wechat.overlap
        )

    def tickets_want_a_look(self) -> bool:
        """Say whether the sweep has the tickets looked at."""
        return wants_a_look(self.starts.last_push(), self.tokens.get(None), self.clock.now())

    def _new_secret(self) -> str:
        return f"{self.random.getrandbits(256):064x}"[:43]

    def renew(
        self,
        authorizer_appid: str | None,
        *,
        rejected_token_sha256: str | None,
        min_ttl: float,
        seconds: float,
    ) -> Outcome:
        """Do what the function *renew* does."""
        assert seconds > 0
        if authorizer_appid is None:
            return self.component_keeper.renew(rejected_token_sha256=rejected_token_sha256)
        return self.keeper.keep(
            authorizer_appid, rejected_token_sha256=rejected_token_sha256, min_ttl=min_ttl
        )

    # --- what WeChat pushes ----------------------------------------------------------------------

    def push_ticket(self, create_time: int | None = None) -> None:
        """WeChat pushes a ticket."""
        when = int(self.clock.now()) if create_time is None else create_time
        ticket = f"ticket@@@{when:086d}"
        self.wechat.tickets.add(ticket)
        self.intake.take(Ticket(COMPONENT, when, ticket))
        self.items.note_push("accepted", now=self.clock.now(), info_type="component_verify_ticket")

    def push_authorized(
        self,
        code: str,
        appid: str = MERCHANT,
        *,
        create_time: int | None = None,
        pre_auth_code: str | None = None,
    ) -> None:
        """WeChat pushes ``authorized``."""
        when = int(self.clock.now()) if create_time is None else create_time
        self.intake.take(
            Authorized(COMPONENT, when, appid, code, when + 3600, pre_auth_code, update=False)
        )

    def push_unauthorized(self, appid: str = MERCHANT, *, create_time: int | None = None) -> None:
        """WeChat pushes ``unauthorized``."""
        when = int(self.clock.now()) if create_time is None else create_time
        self.intake.take(Unauthorized(COMPONENT, when, appid))

    # --- what the timers and queues do -----------------------------------------------------------

    def work(self) -> None:
        """Work both queues off."""
        while self.exchange_queue.jobs or self.renew_queue.jobs:
            while self.exchange_queue.jobs:
                job = self.exchange_queue.jobs.pop(0)
                if "ticket_sha256" in job:
                    self.reuse.use(job["ticket_sha256"])
                else:
                    self.exchange.exchange(job["code_sha256"])
            while self.renew_queue.jobs:
                job = self.renew_queue.jobs.pop(0)
                if job["job"] == "component":
                    self.component_keeper.renew()
                elif job["job"] == "tickets":
                    self.ticket_keeper.look()
                else:
                    self.keeper.keep(job["authorizer_appid"])

    def settle(self, sweeps: int = 40) -> None:
        """Let time pass, a sweep a minute, until nothing is due any more."""
        for _ in range(sweeps):
            self.sweep.run()
            if not self.exchange_queue.jobs and not self.renew_queue.jobs:
                return
            self.work()
            self.clock.sleep(60)

    def authorize(self, appid: str = MERCHANT) -> str:
        """Take a merchant all the way by push; return its access token."""
        self.push_ticket()
        self.push_authorized(self.wechat.confirm(appid), appid)
        self.work()
        return self.lookup.find(appid).access_token
