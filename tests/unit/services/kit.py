"""What the tests of the use cases share: states made by hand, a slow table, links."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.clock import FakeClock
from tests.fakes.house import COMPONENT, MERCHANT, House
from tests.fakes.memory_table import MemoryTable
from tests.fakes.wechat import Answer, Call, FakeWeChat, Granted
from wxvault.services.component import ComponentToken
from wxvault.services.lookup import Lookup
from wxvault.services.outcome import Outcome
from wxvault.services.state import Access, Lease, Status, TokenState
from wxvault.services.tools import token_sha256
from wxvault.vault.expressions import Item, Key, Update, Write
from wxvault.vault.keys import authorizer_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wxvault.services.lookup import Found
    from wxvault.services.onboarding_state import Code

NOW = 1_800_000_000.0
LIFE = 7200.0
OVERLAP = 300.0
OTHER = "wx00000000000000a2"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64)"


def half() -> float:
    """Be the chance that is always in the middle."""
    return 0.5


def items_of(house: House) -> dict[Key, dict[str, Any]]:
    """Return the items of a house as they stand in its table, to be looked at and tampered with."""
    assert isinstance(house.table, MemoryTable)
    return house.table.items


# --- states made by hand -------------------------------------------------------------------------


def state(status: Status = Status.ACTIVE, **fields: Any) -> TokenState:
    """Return an authorizer with fresh tokens of NOW; ``fields`` replace what would stand there."""
    fresh = TokenState(
        MERCHANT,
        status,
        generation=3,
        fence=5,
        sequence=2,
        access_expires_at=NOW + LIFE,
        access_expires_in=LIFE,
        stored_at=NOW,
        due_at=NOW + 5760,
        authorized_at=1000,
        tenant_id="tenant",
        has_access=True,
        has_refresh=True,
    )
    return replace(fresh, **fields)


def bare(status: Status = Status.PENDING, **fields: Any) -> TokenState:
    """Return an authorizer without tokens, grants and tenant."""
    return replace(TokenState(MERCHANT, status), **fields)


def lease(of: TokenState, **fields: Any) -> Lease:
    """Return the lease of NOW on an item, with the item as it is under it."""
    under = replace(
        of,
        fence=of.fence + 1,
        lease_id="lease",
        lease_until=NOW + 24,
        unresolved_mark="mark",
        unresolved_since=NOW if of.unresolved_since is None else of.unresolved_since,
        due_at=NOW,
    )
    own = of.unresolved_mark is None
    held = Lease(under, "lease", under.fence, "mark", NOW, own_mark=own, due_before=of.due_at)
    return replace(held, **fields)


def access(token: str = "access", *, sent_at: float = NOW) -> Access:
    """Return an access token that was asked for at ``sent_at``."""
    return Access(token, sent_at + LIFE, LIFE, sent_at)


# --- a house -------------------------------------------------------------------------------------


@dataclass
class HookedTable(MemoryTable):
    """A table after whose writes, or reads of one item, something may happen in the world."""

    hooks: list[tuple[Callable[[Write], bool], Callable[[], None]]] = field(default_factory=list)
    after_read: Callable[[Key], None] | None = None
    """What happens after every read, before its answer is used."""
    reads: int = 0
    repeated: bool = False
    """Every write is done twice: its answer was lost, and AWS's client repeated it."""

    def get(self, key: Key) -> Item | None:
        """Read one item, and count it."""
        self.reads += 1
        found = super().get(key)
        if self.after_read is not None:
            self.after_read(key)
        return found

    def write(self, write: Write) -> Item | None:
        """Do one write, and what was asked for after it."""
        old = super().write(write)
        if self.repeated:
            old = super().write(write)
        for hook in list(self.hooks):
            if hook[0](write):
                self.hooks.remove(hook)
                hook[1]()
        return old


class ForgetfulWeChat(FakeWeChat):
    """A WeChat that begins to leave the refresh token out of what it answers with."""

    forgets = False

    def refresh(self, *asked: str) -> Answer:
        """Renew an authorizer's token."""
        answer = super().refresh(*asked)
        return replace(answer, refresh_token=None) if self.forgets else answer

    def query_auth(self, *asked: str) -> Granted:
        """Exchange a code."""
        answer = super().query_auth(*asked)
        return replace(answer, refresh_token=None) if self.forgets else answer


class BusyWeChat(FakeWeChat):
    """A WeChat while which answers or refuses something happens in the world, once per entry."""

    @cached_property
    def afterwards(self) -> dict[str, list[Callable[[], None]]]:
        """Per call: what happens when it was executed or refused, before its answer arrives."""
        return {}

    def _call[T](self, call: Call, execute: Callable[[], T]) -> T:
        try:
            return super()._call(call, execute)
        finally:
            if self.afterwards.get(call.name):
                self.afterwards[call.name].pop(0)()


def new_house(
    kind: type[FakeWeChat] = FakeWeChat, *, table: MemoryTable | None = None, seed: int = 1
) -> House:
    """Return a house with another WeChat or table."""
    clock = FakeClock()
    house = House(seed=seed, clock=clock, wechat=kind(clock, COMPONENT), table=table)
    house.time = clock
    return house


def later(house: House, seconds: float) -> None:
    """Let time pass."""
    house.time.time += seconds


def stored(house: House, appid: str | None = MERCHANT) -> TokenState:
    """Return what stands in the table of an authorizer, or of the component itself."""
    found = house.tokens.get(appid)
    assert found is not None
    return found


def until_due(house: House, appid: str | None = MERCHANT) -> None:
    """Let time pass until an item is due."""
    due_at = stored(house, appid).due_at
    assert due_at is not None
    house.time.time = max(house.time.time, due_at + 0.001)


def after_lease(house: House, appid: str | None = MERCHANT) -> None:
    """Let time pass until the lease on an item has run out, by a moment."""
    lease_until = stored(house, appid).lease_until
    assert lease_until is not None
    house.time.time = max(house.time.time, lease_until + 0.001)


def keep(house: House, appid: str = MERCHANT, **demand: Any) -> Outcome:
    """Do what *renew* does for an authorizer."""
    return house.keeper.keep(appid, **demand)


def find(house: House, appid: str | None = MERCHANT, **demand: Any) -> Found:
    """Do what *token* does."""
    return house.lookup.find(appid, **demand)


def secrets_of(house: House, appid: str | None = MERCHANT) -> tuple[str | None, str | None]:
    """Return the access token and the refresh token in the table."""
    known = stored(house, appid)
    return house.tokens.access_token(known), house.tokens.refresh_token(known)


def refuse(house: House, call: str, *faults: str | int) -> None:
    """Have WeChat's next answers to a call be these errcodes or silences."""
    house.wechat.faults.setdefault(call, []).extend(faults)


def meanwhile(house: House, call: str, *happenings: Callable[[], None]) -> None:
    """Have something happen in the world while a call is under way: one thing, one call."""
    house.wechat.during.setdefault(call, []).extend(happenings)


def afterwards(house: House, call: str, *happenings: Callable[[], None]) -> None:
    """Have something happen when a busy WeChat has answered or refused a call."""
    assert isinstance(house.wechat, BusyWeChat)
    house.wechat.afterwards.setdefault(call, []).extend(happenings)


def forgetful() -> House:
    """Return a house with a merchant, and a WeChat that names no refresh token from now on."""
    house = authorized(new_house(ForgetfulWeChat))
    assert isinstance(house.wechat, ForgetfulWeChat)
    house.wechat.forgets = True
    return house


def asked(house: House) -> list[str]:
    """Return what WeChat was asked since this was called last."""
    calls = list(house.wechat.calls)
    house.wechat.calls.clear()
    return calls


def told(house: House) -> list[str]:
    """Return the names of the events that were sent since this was called last."""
    kinds = house.bus.kinds()
    house.bus.sent.clear()
    return kinds


def authorized(house: House | None = None, appid: str = MERCHANT) -> House:
    """Return a house with a merchant whose tokens are fresh; nothing was asked or told yet."""
    house = house or House()
    house.authorize(appid)
    asked(house)
    told(house)
    return house


def with_component(house: House | None = None) -> House:
    """Return a house that has a component token and no merchant; nothing was asked yet."""
    house = house or House()
    house.push_ticket()
    house.work()
    asked(house)
    return house


def edit(house: House, appid: str = MERCHANT, **attributes: Any) -> None:
    """Change attributes of an authorizer's item by hand; None removes one."""
    item = house.table.items[authorizer_key(COMPONENT, appid)]  # type: ignore[attr-defined]
    for name, value in attributes.items():
        if value is None:
            item.pop(name, None)
        else:
            item[name] = value


def snapshot(house: House) -> dict[Key, Mapping[str, Any]]:
    """Return everything in the table but the record of the last push."""
    items: dict[Key, dict[str, Any]] = house.table.items  # type: ignore[attr-defined]
    return {key: dict(item) for key, item in items.items() if key.sk != "PUSH"}


def hooked(kind: type[FakeWeChat] = FakeWeChat) -> tuple[House, HookedTable]:
    """Return a house and its table, after whose writes something may happen."""
    table = HookedTable()
    return new_house(kind, table=table), table


def takes_lease(write: Write) -> bool:
    """Say whether a write takes the lease of an item."""
    return isinstance(write, Update) and "lease_id" in write.set and "unresolved_mark" in write.set


def claims_code(write: Write) -> bool:
    """Say whether a write claims a code."""
    return isinstance(write, Update) and "claim_id" in write.set


# --- codes and sessions --------------------------------------------------------------------------


def code_of(house: House, authorization_code: str) -> Code:
    """Return what stands in the table of a code."""
    found = house.codes.get(token_sha256(authorization_code))
    assert found is not None
    return found


def exchange(house: House, authorization_code: str) -> str | None:
    """Do what the exchange worker does with one code."""
    return house.exchange.exchange(token_sha256(authorization_code))


def pushed(house: House, appid: str = MERCHANT, **push: Any) -> str:
    """Have a merchant confirm, and WeChat push it; nobody has worked on it yet."""
    code = house.wechat.confirm(appid)
    house.push_authorized(code, appid, **push)
    return code


@dataclass(frozen=True, slots=True)
class Link:
    """A session whose button was pressed."""

    session_id: str
    pre_auth_code: str
    cookie: str


def link(house: House, tenant_id: str = "tenant", **request: Any) -> Link:
    """Return a session of a tenant whose launch page was opened and its button pressed."""
    session_id = house.onboarding.create(tenant_id, request).session_id
    launch = house.onboarding.launch(session_id, BROWSER)
    query = parse_qs(urlsplit(launch.onward_url).query)
    return Link(session_id, query["pre_auth_code"][0], launch.cookie)


def land(house: House, via: Link, code: str, cookies: Sequence[str] | None = None) -> str:
    """Have the browser come back with a code, showing its cookie if nothing else is given."""
    session = house.landing.session(via.session_id)
    return house.landing.arrive(session, code, [via.cookie] if cookies is None else cookies)


@dataclass(frozen=True, slots=True)
class LateRenew:
    """*renew* whose new token comes when the look-up has nearly given it up, and no answer."""

    house: House

    def __call__(
        self,
        authorizer_appid: str | None,
        *,
        rejected_token_sha256: str | None,
        min_ttl: float,
        seconds: float,
    ) -> Outcome:
        """Renew, late."""
        self.house.time.time += seconds - 0.1
        if authorizer_appid is None:
            self.house.component_keeper.renew(rejected_token_sha256=rejected_token_sha256)
        else:
            self.house.keeper.keep(
                authorizer_appid, rejected_token_sha256=rejected_token_sha256, min_ttl=min_ttl
            )
        return Outcome.UNKNOWN

    def lookup(self) -> Lookup:
        """Return the look-up that asks it."""
        house = self.house
        return Lookup(house.tokens, self, house.clock, half, overlap=house.wechat.overlap)

    def component(self) -> ComponentToken:
        """Return the component token as that look-up finds it."""
        return ComponentToken(self.lookup(), self.house.clock, overlap=self.house.wechat.overlap)


def other_environment(house: House) -> Lookup:
    """Return the look-up of another environment over the same table."""
    return Lookup(
        house.tokens, house.renew, house.clock, house.random.random, overlap=house.wechat.overlap
    )
