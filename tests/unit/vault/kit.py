"""What tests of the vault share: a vault over a table in memory whose writes can be disturbed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes.clock import FakeClock, half
from tests.fakes.data_keys import FakeDataKeys
from tests.fakes.memory_table import MemoryTable
from wxvault.services.state import Access, Lease, Purpose, Status, TokenState
from wxvault.vault.codes import Codes
from wxvault.vault.component_items import ComponentItems
from wxvault.vault.due_items import DueItems
from wxvault.vault.keys import authorizer_key, component_key, due_shard, tenant_key
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
    from collections.abc import Callable, Sequence

    from wxvault.services.state import TokenChange
    from wxvault.vault.expressions import Item, Key, Write

COMPONENT = "wx00000000000000c0"
MERCHANT = "wx00000000000000a1"
OTHER = "wx00000000000000a2"
NOW = 1_800_000_000.0
KEY = authorizer_key(COMPONENT, MERCHANT)

ACCESS_TOKEN = "49_" + "aB3_-xY9" * 19 + "Q"
REFRESH_TOKEN = "refreshtoken@@@Zk7-qW2_eR5tY8uI1oP4aS6dF9gH0jK3lX"
AUTHORIZATION_CODE = "queryauthcode@@@" + "mN4_bV7-" * 11
TICKET = "ticket@@@" + "tK1-cK2_" * 11


@dataclass
class ScriptedTable(MemoryTable):
    """A table with other people: what they do just before a write, and answers that get lost."""

    meanwhile: list[Callable[[], object]] = field(default_factory=list)
    """One per write: done by somebody else just before it."""
    lose_answers: int = 0
    """So many single writes are done, and then repeated by the client that heard nothing."""
    written: list[Write] = field(default_factory=list)
    """Every write that was asked for, refused ones too."""

    def write(self, write: Write) -> Item | None:
        """Do one write, twice if its first answer is lost."""
        self._let_others(write)
        if self.lose_answers:
            self.lose_answers -= 1
            super().write(write)
        return super().write(write)

    def transact(self, writes: Sequence[Write]) -> None:
        """Do all writes or none; a repeated transaction is recognised by DynamoDB itself."""
        self._let_others(*writes)
        super().transact(writes)

    def _let_others(self, *writes: Write) -> None:
        self.written.extend(writes)
        if self.meanwhile:
            self.meanwhile.pop(0)()


@dataclass
class Vault:
    """Everything the vault offers, over one table."""

    table: ScriptedTable = field(default_factory=ScriptedTable)
    keys: FakeDataKeys = field(default_factory=FakeDataKeys)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.sealing = Sealing(self.keys, random.Random(1).randbytes)
        self.tokens = TokenItems(self.table, self.sealing, COMPONENT, self.clock, half)
        self.codes = Codes(self.table, self.sealing, COMPONENT, self.clock)
        self.sessions = Sessions(self.table, COMPONENT, self.clock)
        self.tickets = ReuseTickets(self.table, self.sealing, COMPONENT, self.clock)
        self.items = ComponentItems(self.table, self.sealing, COMPONENT)
        self.starts = PushStarts(self.table, COMPONENT)
        self.profiles = Profiles(self.table, COMPONENT, self.clock)
        self.unsent = UnsentEvents(self.table, self.sealing, COMPONENT, self.clock)
        self.seen = SeenMessages(self.table, COMPONENT)
        self.answers = ReleaseAnswers(self.table, self.sealing, COMPONENT)
        self.due = DueItems(self.table, self.items, COMPONENT)

    def stand(self, **attributes: Any) -> dict[str, Any]:
        """Have the merchant's TOKEN item stand there with these attributes."""
        self.table.items[KEY] = standing(**attributes)
        return self.table.items[KEY]

    @property
    def there(self) -> dict[str, Any]:
        """The merchant's TOKEN item as it stands."""
        return self.table.items[KEY]

    def state(self, appid: str | None = MERCHANT) -> TokenState:
        """Read a state that must be there."""
        state = self.tokens.get(appid)
        assert state is not None
        return state

    def lease(
        self,
        purpose: Purpose = Purpose.EXCHANGE,
        *,
        appid: str | None = MERCHANT,
        lease_id: str = "lease-1",
        mark: str = "mark-1",
        now: float = NOW,
        generation: int | None = None,
    ) -> Lease:
        """Take a lease that must be had."""
        lease = self.tokens.acquire(
            appid, purpose, now=now, lease_id=lease_id, mark=mark, generation=generation
        )
        assert isinstance(lease, Lease)
        return lease

    def change_elsewhere(self, **attributes: Any) -> Callable[[], object]:
        """Return what somebody else does to the merchant's item: None removes an attribute."""

        def change() -> None:
            item = self.table.items.setdefault(KEY, standing())
            for name, value in attributes.items():
                item.pop(name, None)
                if value is not None:
                    item[name] = value

        return change

    def snapshot(self) -> dict[Key, dict[str, Any]]:
        """Copy the whole table."""
        return {key: dict(item) for key, item in self.table.items.items()}


def standing(**attributes: Any) -> dict[str, Any]:
    """Return an active merchant's item that is due, without secrets; None leaves one out."""
    item: dict[str, Any] = {
        "pk": KEY.pk,
        "sk": KEY.sk,
        "authorizer_appid": MERCHANT,
        "status": "active",
        "fence": 4,
        "generation": 2,
        "due_at": NOW,
        "due_shard": due_shard(COMPONENT, KEY.pk),
        "tenant_key": tenant_key(COMPONENT, None),
        "tenant_sort": f"active#{MERCHANT}",
    } | attributes
    if "status" in attributes:
        item["tenant_sort"] = f"{item['status']}#{MERCHANT}"
    return {name: value for name, value in item.items() if value is not None}


def access(token: str = ACCESS_TOKEN) -> Access:
    """Return an access token that was sent for now."""
    return Access(token, NOW + 7200, 7200.0, NOW)


def always(change: TokenChange) -> Callable[[TokenState | None], TokenChange]:
    """Return who decides the same whatever stands there."""
    return lambda _: change


def pending(appid: str | None = MERCHANT) -> TokenState:
    """Return the state of an item that is not there yet."""
    return TokenState(appid, Status.PENDING)


def token_key(appid: str | None) -> Key:
    """Return the key of a TOKEN item."""
    return component_key(COMPONENT) if appid is None else authorizer_key(COMPONENT, appid)
