"""What the tests of resync share: wiping, running, and what a run said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.house import COMPONENT, MERCHANT, House
from tests.unit.services.kit import asked, authorized, told
from wxvault.vault.keys import authorizer_key

if TYPE_CHECKING:
    from wxvault.services.resync import Resynced
    from wxvault.vault.expressions import Key

LONG = 900.0


def token_key(appid: str = MERCHANT) -> Key:
    """Return the key of an authorizer's tokens."""
    return authorizer_key(COMPONENT, appid)


def wipe(house: House, appid: str = MERCHANT) -> None:
    """Take the refresh token out of an item, as a bad restore or a hand in the console does."""
    house.table.items[token_key(appid)].pop("refresh_token")  # type: ignore[attr-defined]


def forget(house: House, appid: str = MERCHANT) -> None:
    """Take an item away."""
    del house.table.items[token_key(appid)]  # type: ignore[attr-defined]


def resync(house: House, *, dry_run: bool = False, after: str | None = None) -> Resynced:
    """Run a resync with time enough."""
    until = house.clock.now() + LONG
    return house.resync.run(dry_run=dry_run, until=until, after=after)


def changes(told_by: Resynced) -> list[tuple[str, str]]:
    """Return action and reason of every change."""
    return [(str(one.action), str(one.reason)) for one in told_by.changes]


def only(told_by: Resynced) -> str:
    """Return the one thing that was counted."""
    (counted,) = told_by.counts
    assert told_by.counts[counted] == 1
    return counted


def merchants(house: House, number: int) -> list[str]:
    """Authorise so many merchants; nothing was asked or told yet."""
    appids = [f"wx{index:015x}0" for index in range(1, number + 1)]
    for appid in appids:
        authorized(house, appid)
    asked(house)
    told(house)
    return appids
