"""A table that went back to an older state: item by item, in tables of AWS and as the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.house import COMPONENT, MERCHANT, House
from tests.integration.resources import make_table
from tests.unit.services.kit import OTHER, find, half, later, stored
from tools.restore.command import lines
from tools.restore.copying import Report, copy
from tools.restore.items import Kind
from wxvault.errors import AuthorizerRevokedError, RenewalInProgressError, UnknownAuthorizerError
from wxvault.services.state import Status
from wxvault.vault.expressions import Delete, Key, Put
from wxvault.vault.keys import authorizer_key, sweep_key
from wxvault.vault.table import DynamoTable

if TYPE_CHECKING:
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


def restore(house: House, source: DynamoTable, *, overwrite: bool = False) -> Report:
    """Do what the command does."""
    assert isinstance(house.table, DynamoTable)
    return copy(source.everything(), house.table, COMPONENT, house.clock, overwrite=overwrite)


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
    restore(house, backup, overwrite=True)
    item = stored(house)
    assert (item.fence, item.sequence, item.verifying) == (901, sequence, True)
    assert item.authorized_at != 7
    later(house, 25)
    house.settle()
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_in_place_everybody_is_asked_about(house: House, table: DynamoTable) -> None:
    """A table restored under its own name: nothing is handed out before WeChat is asked."""
    report = restore(house, table, overwrite=True)
    assert report.written[Kind.AUTHORIZER] == 2
    house.wechat.calls.clear()
    later(house, 25)
    house.settle()
    assert house.wechat.calls.count("authorizer_info") == 2
    for appid in (MERCHANT, OTHER):
        assert house.wechat.honours(appid, find(house, appid).access_token)


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
        restore(house, backup, overwrite=True)

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
