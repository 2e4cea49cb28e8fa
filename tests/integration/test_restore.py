"""A table that went back to an older state: item by item, in tables of AWS and as the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.house import COMPONENT, MERCHANT, House
from tests.integration.conftest import TABLE
from tests.integration.resources import make_table
from tests.unit.services.kit import OTHER, find, half, later, link, pushed, stored
from tools.restore.command import bring_back, lines
from tools.restore.copying import Mode, Report, copy
from tools.restore.items import Kind
from wxvault.errors import (
    AuthorizerRevokedError,
    BusyError,
    RenewalInProgressError,
    TableUnavailableError,
    UnknownAuthorizerError,
    WxvaultError,
)
from wxvault.services.state import Status
from wxvault.vault.expressions import Delete, Item, Key, Put, Update, Value, Write
from wxvault.vault.keys import authorizer_key, sweep_key
from wxvault.vault.table import DynamoTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mypy_boto3_dynamodb import DynamoDBClient

BACKUP = "the-restored-table"
LATE = "wx00000000000000a3"


@pytest.fixture
def backup(client: DynamoDBClient, resources: dict[str, dict[str, Any]]) -> DynamoTable:
    """Return another table of the same kind, empty."""
    if BACKUP in client.list_tables()["TableNames"]:
        client.delete_table(TableName=BACKUP)
    make_table(
        client, resources["Table"]["Properties"] | {"DeletionProtectionEnabled": False}, BACKUP
    )
    return DynamoTable(client, BACKUP, FakeClock(), half)


@pytest.fixture
def house(table: DynamoTable) -> House:
    """Return a house over the template's table with two merchants."""
    house = House(table=table)
    house.authorize(MERCHANT)
    house.authorize(OTHER)
    return house


def back_up(source: DynamoTable, target: DynamoTable) -> None:
    """Copy a table as it is, as a restore to a new table does."""
    for item in source.everything():
        attributes = {name: value for name, value in item.items() if name not in {"pk", "sk"}}
        target.write(Put(Key(str(item["pk"]), str(item["sk"])), attributes))


def wipe(table: DynamoTable) -> None:
    """Lose everything."""
    for item in list(table.everything()):
        table.write(Delete(Key(str(item["pk"]), str(item["sk"]))))


class Unsteady(DynamoTable):
    """The table, where something happens to a merchant's item: after a read, or to a write."""

    happens: Callable[[], object] | None = None
    refuses: WxvaultError | None = None

    def get(self, key: Key) -> Item | None:
        """Read one item; what happens, once, happens after that."""
        found = super().get(key)
        if key == authorizer_key(COMPONENT, MERCHANT) and self.happens is not None:
            happens, self.happens = self.happens, None
            happens()
        return found

    def write(self, write: Write) -> Item | None:
        """Do one write, or refuse it."""
        if write.key == authorizer_key(COMPONENT, MERCHANT) and self.refuses is not None:
            raise self.refuses
        return super().write(write)


@pytest.fixture
def unsteady(client: DynamoDBClient, table: DynamoTable) -> Unsteady:
    """Return the template's table once more."""
    return Unsteady(client, TABLE, FakeClock(), half)


def restore(house: House, source: DynamoTable, mode: Mode = Mode.MISSING) -> Report:
    """Do what the command does."""
    return restore_all(house, source.everything(), mode)


def restore_all(
    house: House, scanned: Iterable[Item], mode: Mode, into: DynamoTable | None = None
) -> Report:
    """Do what the command does with the items that it has scanned."""
    table = house.table if into is None else into
    assert isinstance(table, DynamoTable)
    report = Report()
    copy(scanned, table, COMPONENT, house.clock, mode=mode, report=report)
    return report


def renewed(house: House, appid: str) -> None:
    """Have a merchant's token renewed when it is due."""
    due_at = stored(house, appid).due_at
    assert due_at is not None
    house.time.time = max(house.time.time, due_at)
    house.component_keeper.renew()
    assert house.keeper.keep(appid) == "renewed"


@pytest.mark.parametrize("rotates", [False, True], ids=["refresh stays", "refresh rotates"])
def test_a_lost_table_comes_back_from_an_older_state(
    house: House, table: DynamoTable, backup: DynamoTable, *, rotates: bool
) -> None:
    """Newer tokens exist, one has gone, one has come: each ends as WeChat says, or is unknown."""
    house.wechat.rotate_on_refresh = rotates
    house.authorize("wx00000000000000a4")
    back_up(table, backup)
    before = stored(house)
    for _ in range(2):
        renewed(house, MERCHANT)
        house.push_ticket()
    house.wechat.cancel(OTHER)
    house.push_unauthorized(OTHER)
    house.authorize(LATE)
    wipe(table)
    # The backup's ticket is too old by now: the next push brings one, as every ten minutes.
    later(house, 13 * 3600)
    report = restore(house, backup)
    assert report.written[Kind.AUTHORIZER] == 3
    assert report.written[Kind.COMPONENT] == 1
    assert report.over[Kind.TICKET] >= 1
    house.push_ticket()
    # Whoever is asked for at once waits for the length of a lease, then gets a good token.
    with pytest.raises(RenewalInProgressError):
        find(house)
    later(house, 24)
    assert house.wechat.honours(MERCHANT, find(house).access_token)
    house.settle()
    with pytest.raises(AuthorizerRevokedError):
        find(house, OTHER)
    assert stored(house, OTHER).status is Status.REVOKED
    with pytest.raises(UnknownAuthorizerError):
        find(house, LATE)
    after = stored(house)
    assert (after.status, after.verifying) == (Status.ACTIVE, False)
    assert after.fence > before.fence
    assert after.sequence >= before.sequence + 1000
    # What WeChat pushes for a merchant who authorises again heals the one who is missing.
    house.push_authorized(house.wechat.confirm(LATE), LATE)
    house.work()
    assert house.wechat.honours(LATE, find(house, LATE).access_token)


def test_what_is_there_stays_unless_it_is_asked_for(
    house: House, table: DynamoTable, backup: DynamoTable
) -> None:
    """Only what is missing is put back; a second run finds nothing to do."""
    back_up(table, backup)
    renewed(house, OTHER)
    newer = table.get(authorizer_key(COMPONENT, OTHER))
    table.write(Delete(authorizer_key(COMPONENT, MERCHANT)))
    report = restore(house, backup)
    assert (report.written[Kind.AUTHORIZER], report.there[Kind.AUTHORIZER]) == (1, 1)
    assert table.get(authorizer_key(COMPONENT, OTHER)) == newer
    again = restore(house, backup)
    assert again.written.total() == 0
    later(house, 25)
    for appid in (MERCHANT, OTHER):
        assert house.wechat.honours(appid, find(house, appid).access_token)


def test_a_damaged_table_is_overwritten(
    house: House, table: DynamoTable, backup: DynamoTable
) -> None:
    """Items that somebody has scribbled on are replaced; counters never go back."""
    back_up(table, backup)
    renewed(house, MERCHANT)
    key = authorizer_key(COMPONENT, MERCHANT)
    live = dict(table.get(key) or {})
    sequence = stored(house).sequence + 50
    scribbled = live | {"status": "revoked", "authorized_at": 7, "sequence": sequence, "fence": 900}
    table.write(Put(key, {n: v for n, v in scribbled.items() if n not in {"pk", "sk"}}))
    restore(house, backup, Mode.OVERWRITE)
    item = stored(house)
    assert (item.fence, item.sequence, item.verifying) == (901, sequence, True)
    assert item.authorized_at != 7
    later(house, 25)
    house.settle()
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_in_place_everybody_is_asked_about(house: House, table: DynamoTable) -> None:
    """A table restored under its own name: WeChat is asked first, and no number is told twice."""
    # One begins at the time of its first event; the other is ahead of the time, as after a restore.
    ahead = int(house.clock.now()) + 5000
    table.write(Update(authorizer_key(COMPONENT, OTHER), set={"sequence": ahead}))
    before = {appid: stored(house, appid).sequence for appid in (MERCHANT, OTHER, None)}
    later(house, 3600)
    lost = {MERCHANT: int(house.clock.now()) - 1, OTHER: ahead + 900, None: before[None] + 900}
    report = restore(house, table, Mode.IN_PLACE)
    assert report.written[Kind.AUTHORIZER] == 2
    assert report.written[Kind.COMPONENT] == 1
    first = {appid: stored(house, appid).sequence for appid in before}
    assert all(first[appid] > lost[appid] for appid in lost)
    restore(house, table, Mode.IN_PLACE)
    assert all(stored(house, appid).sequence >= first[appid] for appid in first)
    house.wechat.calls.clear()
    later(house, 25)
    house.settle()
    assert house.wechat.calls.count("authorizer_info") == 2
    for appid in (MERCHANT, OTHER):
        assert house.wechat.honours(appid, find(house, appid).access_token)


def test_in_place_what_came_after_the_scan_stays(house: House, table: DynamoTable) -> None:
    """A merchant whose code is exchanged meanwhile stays active, and its tenant's."""
    via = link(house, "their-tenant")
    pushed(house, LATE, pre_auth_code=via.pre_auth_code)
    scanned = list(table.everything())
    assert stored(house, LATE).status is Status.PENDING
    house.work()
    before = stored(house, LATE)
    assert (before.status, before.tenant_id) == (Status.ACTIVE, "their-tenant")
    restore_all(house, scanned, Mode.IN_PLACE)
    after = stored(house, LATE)
    assert (after.status, after.tenant_id) == (Status.ACTIVE, "their-tenant")
    assert (after.verifying, after.generation) == (True, before.generation)
    assert after.sequence > before.sequence
    later(house, 25)
    house.settle()
    assert house.wechat.honours(LATE, find(house, LATE).access_token)


def test_in_place_nothing_else_is_written(house: House, table: DynamoTable) -> None:
    """Sessions, profiles and codes are as they were made by then, not as they were scanned."""
    via = link(house)
    scanned = list(table.everything())
    keys = [Key(str(item["pk"]), str(item["sk"])) for item in scanned]
    touched = [key for key in keys if key.sk != "TOKEN"]
    assert {key.pk[0] for key in touched} >= {"A", "S", "P"}
    for key in touched:
        table.write(Update(key, set={"newer": 1}))
    report = restore_all(house, scanned, Mode.IN_PLACE)
    assert set(report.written) == {Kind.AUTHORIZER, Kind.COMPONENT}
    assert report.there.total() == len(touched)
    assert [(table.get(key) or {}).get("newer") for key in touched] == [1] * len(touched)
    assert house.landing.session(via.session_id) is not None


def test_in_place_who_is_gone_stays_gone(house: House, table: DynamoTable) -> None:
    """An item that was forgotten since it was scanned is not written anew."""
    scanned = list(table.everything())
    table.write(Delete(authorizer_key(COMPONENT, OTHER)))
    report = restore_all(house, scanned, Mode.IN_PLACE)
    assert (report.written[Kind.AUTHORIZER], report.over[Kind.AUTHORIZER]) == (1, 1)
    assert table.get(authorizer_key(COMPONENT, OTHER)) is None


@pytest.mark.parametrize(
    ("attribute", "newer"),
    [
        ("tenant_id", "another"),
        ("tenant_by_redirect", True),
        ("authorized_at", 1_900_000_000),
        ("unauthorized_at", 1_900_000_000),
        ("grant_undated", True),
        ("sequence", 1_900_000_000),
        ("unresolved_mark", "mark"),
    ],
)
def test_in_place_what_comes_between_read_and_write_is_not_lost(
    house: House, table: DynamoTable, unsteady: Unsteady, attribute: str, newer: Value
) -> None:
    """Whatever a decision is made of, the item is read once more when it has changed."""
    key = authorizer_key(COMPONENT, MERCHANT)
    unsteady.happens = lambda: table.write(Update(key, set={attribute: newer}))
    report = restore_all(house, table.everything(), Mode.IN_PLACE, unsteady)
    assert report.written[Kind.AUTHORIZER] == 2
    expected = 1_900_001_000 if attribute == "sequence" else newer
    assert (table.get(key) or {})[attribute] == expected


def test_an_item_that_is_busy_is_counted_and_the_others_are_done(
    house: House, unsteady: Unsteady, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody's transactions on one merchant's item do not end the whole restore."""
    unsteady.refuses = BusyError("others were writing the same item again and again")
    assert bring_back(unsteady, unsteady, COMPONENT, house.clock, Mode.IN_PLACE) == 1
    told = capsys.readouterr().out
    assert "merchants             1 written, 1 BUSY: run this again" in told


def test_a_table_that_fails_on_the_way_ends_with_a_report(
    house: House, table: DynamoTable, unsteady: Unsteady, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was done by then is told, and what to do."""
    scanned = sorted(table.everything(), key=lambda item: MERCHANT in str(item["pk"]))
    unsteady.refuses = TableUnavailableError("DynamoDB: ThrottlingException")
    unsteady.everything = lambda: iter(scanned)  # type: ignore[method-assign]  # in this order
    assert bring_back(unsteady, unsteady, COMPONENT, house.clock, Mode.IN_PLACE) == 1
    told = capsys.readouterr()
    assert "merchants             1 written" in told.out
    assert "WeChat is asked about 1 merchants" in told.out
    assert "ThrottlingException" in told.err
    assert "run it again" in told.err


def test_a_table_that_is_not_there_ends_without_a_traceback(
    house: House,
    table: DynamoTable,
    client: DynamoDBClient,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The stack's own table is gone, or the one that was named: nothing is claimed."""
    gone = DynamoTable(client, "a-table-that-is-gone", FakeClock(), half)
    for source, target in ((table, gone), (gone, table)):
        assert bring_back(source, target, COMPONENT, house.clock, Mode.MISSING) == 1
        told = capsys.readouterr()
        assert "nothing is done yet" in told.out
        assert "ResourceNotFoundException" in told.err
        assert "run it again" in told.err


def test_a_renewal_under_way_does_not_win(
    house: House, table: DynamoTable, backup: DynamoTable
) -> None:
    """Its lease is another one now: what it brings is not stored over the restored item."""
    back_up(table, backup)
    key = authorizer_key(COMPONENT, MERCHANT)
    due_at = stored(house).due_at
    assert due_at is not None
    house.time.time = due_at
    house.component_keeper.renew()

    def restore_meanwhile() -> None:
        restore(house, backup, Mode.OVERWRITE)

    house.wechat.during["refresh"] = [restore_meanwhile]
    assert house.keeper.keep(MERCHANT) == "leased"
    item = table.get(key) or {}
    assert (item["verifying"], item["lease_id"]) == (True, "restore")
    later(house, 25)
    house.settle()
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_leases_and_strangers_are_left_out(
    house: House, table: DynamoTable, backup: DynamoTable
) -> None:
    """The sweep's lease of another day hinders nobody; another component is not ours."""
    house.items.take_sweep("of another day", now=house.clock.now(), seconds=10**6)
    table.write(Put(Key("A#wx00000000000000c9#x", "TOKEN"), {"status": "active"}))
    back_up(table, backup)
    wipe(table)
    report = restore(house, backup)
    assert report.over[Kind.PASSING] >= 1
    assert report.over[Kind.FOREIGN] == 1
    assert table.get(sweep_key(COMPONENT)) is None


def test_the_report_says_what_follows() -> None:
    """How many of what, and until when tokens are withheld."""
    report = Report()
    report.written[Kind.AUTHORIZER] = 3
    report.there[Kind.TICKET] = 2
    report.busy[Kind.CODE] = 1
    told = "\n".join(lines(report))
    assert "merchants             3 written" in told
    assert "2 there already" in told
    assert "BUSY: run this again" in told
    assert "WeChat is asked about 3 merchants" in told
    assert lines(Report()) == ["  the backup is empty"]
