"""Counting by the indexes: authorizers by status, and what is due for too long by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.vault.every_item import write_every_item
from tests.unit.vault.kit import COMPONENT, NOW
from wxvault.vault.census import Census

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.vault.kit import Vault


def test_authorizers_are_counted_by_status(vault: Vault) -> None:
    """Each once, whatever tenant it belongs to; the component's own token is none of them."""
    write_every_item(vault)
    counts = Census(vault.table, COMPONENT).authorizers()
    assert counts == {
        "pending": 2,
        "active": 3,
        "failing": 1,
        "lost": 1,
        "revoked": 1,
        "unassigned": 7,
    }


def test_they_are_counted_in_one_pass(vault: Vault) -> None:
    """A scan reads the whole index, whatever is wanted of it: one, not one for each status."""
    write_every_item(vault)
    scans: list[str] = []
    tenants = vault.table.tenants

    def scan(prefix: str) -> Iterator[tuple[str, str]]:
        scans.append(prefix)
        return tenants(prefix)

    vars(vault.table)["tenants"] = scan
    Census(vault.table, COMPONENT).authorizers()
    assert len(scans) == 1


def test_another_component_is_not_counted(vault: Vault) -> None:
    """Two components may stand in one table."""
    write_every_item(vault)
    census = Census(vault.table, "wx00000000000000ff")
    assert set(census.authorizers().values()) == {0}
    assert census.due_before(NOW + 10**6) == {}


def test_what_is_due_is_counted_by_kind(vault: Vault) -> None:
    """Nothing is overdue before its time; the component's own token and the like are others."""
    write_every_item(vault)
    census = Census(vault.table, COMPONENT)
    assert census.due_before(NOW - 10**6) == {}
    later = census.due_before(NOW + 10**6)
    assert later["authorizers"] >= 4
    assert later["codes"] >= 1
    due = [key.pk[0] for key, item in vault.table.items.items() if "due_at" in item]
    assert later["others"] == sum(kind not in "AXO" for kind in due) > 0
