"""Lists of authorizers: nobody is missed, nobody comes twice, whatever changes meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.vault.every_item import write_every_item
from tests.unit.vault.kit import COMPONENT, NOW, OTHER, Vault, always
from wxvault.services.selection import Selection
from wxvault.services.state import Status, TokenChange
from wxvault.vault.directory import Directory

if TYPE_CHECKING:
    from collections.abc import Callable

APPIDS = [f"wx{number:016x}" for number in range(30)]


@pytest.fixture
def directory(vault: Vault) -> Directory:
    """Return the directory of an empty vault."""
    return Directory(vault.table, COMPONENT, vault.clock)


def write(vault: Vault, appid: str, status: Status, tenant_id: str | None = None) -> None:
    """Have an authorizer stand there."""
    vault.tokens.amend(appid, always(TokenChange(status, None, tenant_id=tenant_id)))


def town(vault: Vault) -> None:
    """Have thirty authorizers of three tenants, and of none, in every status."""
    statuses = tuple(Status)
    for number, appid in enumerate(APPIDS):
        write(vault, appid, statuses[number % 5], ("acme", "zoo", "-", None)[number % 4])


def walk(
    directory: Directory,
    selection: Selection,
    limit: int,
    between: Callable[[], object] = lambda: None,
) -> list[str]:
    """Read a list to its end and return the appids."""
    found: list[str] = []
    after: str | None = None
    while True:
        page = directory.page(selection, limit=limit, after=after)
        assert len(page.states) <= limit
        found += [str(state.authorizer_appid) for state in page.states]
        after = page.last
        if after is None:
            return found
        between()


def expected(vault: Vault, selection: Selection) -> list[str]:
    """Return whom a list has to have, told by reading each."""
    states = [vault.state(appid) for appid in APPIDS]
    return [str(state.authorizer_appid) for state in states if selection.has(state)]


SELECTIONS = [
    Selection(status, tenant_id, unassigned)
    for status in (None, *Status)
    for tenant_id, unassigned in ((None, False), ("acme", False), ("-", False), (None, True))
]


@pytest.mark.parametrize("selection", SELECTIONS, ids=repr)
@pytest.mark.parametrize("limit", [1, 4, 100])
def test_a_list_has_all_and_nobody_else(
    vault: Vault, directory: Directory, selection: Selection, limit: int
) -> None:
    """By status, by tenant and without one, whatever the size of a page; a tenant "-" is one."""
    town(vault)
    found = walk(directory, selection, limit)
    assert found == expected(vault, selection)
    assert found


def test_the_last_page_is_known_to_be_it(vault: Vault, directory: Directory) -> None:
    """Whoever has read all there is is not sent for an empty page."""
    town(vault)
    assert directory.page(Selection(), limit=30).last is None
    assert directory.page(Selection(), limit=29).last == APPIDS[28]


@given(
    changes=st.lists(
        st.tuples(
            st.sampled_from(APPIDS[::2]),
            st.sampled_from(tuple(Status)),
            st.sampled_from(("acme", "zoo", None)),
        ),
        max_size=40,
    ),
    limit=st.integers(1, 9),
    selection=st.sampled_from((Selection(), Selection(tenant_id="zoo"), Selection(Status.LOST))),
)
def test_who_stays_is_listed_once_whatever_happens_to_others(
    changes: list[tuple[str, Status, str | None]], limit: int, selection: Selection
) -> None:
    """Half of them change status and tenant between the pages; the others come just once."""
    vault = Vault()
    town(vault)
    staying = [appid for appid in expected(vault, selection) if appid in APPIDS[1::2]]
    coming = iter(changes)

    def meanwhile() -> None:
        for _ in range(3):
            appid, status, tenant_id = next(coming, (APPIDS[0], Status.ACTIVE, None))
            write(vault, appid, status, tenant_id)

    found = walk(Directory(vault.table, COMPONENT, vault.clock), selection, limit, meanwhile)
    assert [appid for appid in found if appid in staying] == staying
    assert len(found) == len(set(found))


def test_the_one_after_whom_it_goes_on_may_be_gone(vault: Vault, directory: Directory) -> None:
    """A cursor outlives the authorizer that it was made of."""
    town(vault)
    page = directory.page(Selection(), limit=3)
    assert page.last == APPIDS[2]
    for key in [key for key in vault.table.items if key.pk.endswith(APPIDS[2])]:
        del vault.table.items[key]
    following = directory.page(Selection(), limit=3, after=page.last)
    assert [state.authorizer_appid for state in following.states] == APPIDS[3:6]


def test_what_the_index_does_not_know_yet_is_seen(vault: Vault, directory: Directory) -> None:
    """The index lags: who has just changed is left out of a list that he is in no more."""
    town(vault)
    key = next(key for key in vault.table.items if key.pk.endswith(APPIDS[0]))
    vault.table.items[key]["tenant_id"] = "moved"
    found = walk(directory, Selection(tenant_id="acme"), 2)
    assert APPIDS[0] not in found
    assert found == [appid for appid in APPIDS[::4] if appid != APPIDS[0]]


def test_all_are_all(vault: Vault, directory: Directory) -> None:
    """Every authorizer, pending ones too, none of the other items, none of another component."""
    write_every_item(vault)
    town(vault)
    stranger = Directory(vault.table, "wx00000000000000c1", vault.clock)
    found = sorted(str(state.authorizer_appid) for state in directory.all())
    standing = sorted(
        key.pk.rpartition("#")[2]
        for key in vault.table.items
        if key.pk.startswith("A#") and key.sk == "TOKEN"
    )
    assert found == standing
    assert set(APPIDS) < set(found)
    assert walk(directory, Selection(), 7) == standing
    assert list(stranger.all()) == []
    assert walk(stranger, Selection(), 7) == []


def test_who_is_past_his_end_is_not_there(vault: Vault, directory: Directory) -> None:
    """Nobody sees a cancelled one after its time, be it that DynamoDB has not deleted it yet."""
    vault.stand(status="revoked", delete_after=int(NOW) + 1)
    write(vault, OTHER, Status.ACTIVE)
    assert len(list(directory.all())) == 2
    assert len(walk(directory, Selection(), 9)) == 2
    vault.clock.sleep(1)
    assert [state.authorizer_appid for state in directory.all()] == [OTHER]
    assert walk(directory, Selection(), 9) == [OTHER]
