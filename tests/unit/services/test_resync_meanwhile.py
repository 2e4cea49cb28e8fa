"""Resync while the world goes on: nothing older overwrites anything newer, and nobody is lost.

The table is read first and WeChat's list after it, so whatever was written in between may be newer
than the list.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fakes.house import MERCHANT, House
from tests.unit.services.kit import (
    HookedTable,
    authorized,
    edit,
    exchange,
    find,
    hooked,
    later,
    meanwhile,
    pushed,
    secrets_of,
    stored,
    told,
    until_due,
    with_component,
)
from tests.unit.services.resync_kit import LONG, changes, only, resync, token_key, wipe
from wxvault.services.state import Status
from wxvault.vault.expressions import Delete

if TYPE_CHECKING:
    from collections.abc import Callable

    from wxvault.services.resync import Resynced
    from wxvault.vault.expressions import Key, Write


def after_the_list(house: House, happening: Callable[[], object]) -> None:
    """Have something happen when WeChat has made up its list, and before anybody reads it."""

    def happen() -> None:
        happening()

    meanwhile(house, "authorizer_list", happen)


def reauthorize(house: House) -> str:
    """The merchant authorises again and it is exchanged; the newest refresh token."""
    exchange(house, pushed(house))
    return house.wechat.accounts[MERCHANT].refresh_token


def test_an_empty_place_that_was_filled_meanwhile_is_left() -> None:
    """A renewal has healed the item by itself, and WeChat gave another refresh token with it."""
    house = authorized()
    house.wechat.rotate_on_refresh = True
    until_due(house)
    house.component_keeper.renew()
    wipe(house)
    after_the_list(house, lambda: house.keeper.keep(MERCHANT))
    assert only(resync(house)) == "changed_meanwhile"
    assert secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token


def test_an_empty_place_of_an_older_grant_is_left() -> None:
    """A newer grant was pushed meanwhile: the value of the list is the older one's."""
    house = authorized()
    wipe(house)
    later(house, 10)
    after_the_list(house, lambda: pushed(house))
    assert only(resync(house)) == "changed_meanwhile"
    house.work()
    assert secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token


def test_a_value_that_was_stored_meanwhile_is_left() -> None:
    """The list differs from what was read before it, and what stands here now is newer still."""
    house = authorized()
    house.wechat._new_refresh_token(MERCHANT, house.wechat.accounts[MERCHANT])
    later(house, 10)
    after_the_list(house, lambda: reauthorize(house))
    assert only(resync(house)) == "changed_meanwhile"
    assert not stored(house).verifying
    assert secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token


def test_who_came_meanwhile_is_not_taken_for_gone() -> None:
    """Pushed and exchanged after the list was made up: not on it, and not doubted."""
    house = with_component()
    after_the_list(house, lambda: reauthorize(house))
    assert resync(house).counts == {}
    assert only(resync(house)) == "unchanged"


def test_who_was_known_and_came_back_meanwhile_is_left() -> None:
    """Cancelled before the list, and back after it: not listed, and newer than the list."""
    house = authorized()
    house.wechat.cancel(MERCHANT)
    later(house, 10)
    after_the_list(house, lambda: reauthorize(house))
    assert only(resync(house)) == "changed_meanwhile"
    assert find(house).access_token


def test_who_cancelled_meanwhile_is_not_brought_back() -> None:
    """On the list, and gone since: nothing is stored, WeChat is asked about the cancellation."""
    house = authorized()
    wipe(house)
    later(house, 10)

    def cancel() -> None:
        house.wechat.cancel(MERCHANT)
        house.push_unauthorized()

    after_the_list(house, cancel)
    assert only(resync(house)) == "already_verifying"
    assert secrets_of(house) == (None, None)
    house.work()
    assert stored(house).status is Status.REVOKED
    assert told(house) == ["authorizer.revoked"]


@pytest.mark.parametrize("wiped", [True, False])
def test_what_changes_between_reading_and_writing_is_decided_anew(wiped: bool) -> None:
    """The write says what it was decided on: a value stored in that moment is not overwritten."""
    house, table = hooked()
    authorized(house)
    house.component.get()
    later(house, 10)
    if wiped:
        wipe(house)
    else:
        house.wechat._new_refresh_token(MERCHANT, house.wechat.accounts[MERCHANT])
    newest: list[str] = []

    def first_read_of_it(key: Key) -> None:
        if key == token_key():
            table.after_read = None
            newest.append(reauthorize(house))

    # The table was read before the list is; what is read after it is read to be written.
    after_the_list(house, lambda: setattr(table, "after_read", first_read_of_it))
    assert only(resync(house)) == "changed_meanwhile"
    assert [secrets_of(house)[1]] == newest


def test_two_at_once_nominate_once() -> None:
    """The second finds what the first has written, and leaves it."""
    house = authorized()
    house.wechat._new_refresh_token(MERCHANT, house.wechat.accounts[MERCHANT])
    others: list[Resynced] = []
    after_the_list(house, lambda: others.append(resync(house)))
    mine = resync(house)
    assert [changes(one) for one in (*others, mine)] == [[("verify", "other_refresh_token")], []]
    assert len(house.renew_queue.jobs) == 1


def test_a_table_that_is_busy_with_one_puts_only_that_one_off() -> None:
    """Somebody writes the item again and again: it is left to the next run."""
    house, table = hooked()
    authorized(house)
    house.wechat._new_refresh_token(MERCHANT, house.wechat.accounts[MERCHANT])

    def touch(key: Key) -> None:
        if key == token_key():
            edit(house, fence=stored_fence(table) + 1)

    after_the_list(house, lambda: setattr(table, "after_read", touch))
    assert only(resync(house)) == "in_progress"


def stored_fence(table: HookedTable) -> int:
    """Return the fence of the merchant's item."""
    fence: int = table.items[token_key()].get("fence", 0)
    return fence


# --- in any order --------------------------------------------------------------------------------

SCENES = ("confirm", "exchange", "cancel", "tell", "renew", "wipe", "sweep", "minute")
scenes = st.lists(st.tuples(st.sampled_from(SCENES), st.booleans()), max_size=5)


@dataclass
class Watched(HookedTable):
    """A table that looks at every refresh token it is given."""

    house: House = None  # type: ignore[assignment]  # it is set before the first look
    wrong: list[str] = field(default_factory=list)

    def _apply(self, write: Write) -> None:
        if write.key != token_key():
            super()._apply(write)
            return
        before = self.known()
        super()._apply(write)
        after = self.known()
        # Numbers of refresh tokens grow; what was taken away by hand is gone for nobody's fault.
        if before is not None and after is not None and after < before:
            self.wrong.append(f"{before} was replaced by the older {after}")
        gone = isinstance(write, Delete) or self.items[token_key()]["status"] == "revoked"
        if before is not None and after is None and not gone:
            self.wrong.append(f"{before} was replaced by nothing")

    def known(self) -> str | None:
        """Return the refresh token that stands there."""
        item = self.items.get(token_key())
        return None if item is None else self.house.sealing.open(token_key(), item, "refresh_token")


class World:
    """A merchant who comes and goes, WeChat's pushes of that, and a table that may lose a value."""

    def __init__(self, *, rotates: bool) -> None:
        self.table = Watched()
        self.house = House(table=self.table)
        self.table.house = self.house
        self.house.wechat.rotate_on_refresh = rotates
        authorized(self.house)
        self.cancelled: list[int] = []

    def play(self, scene: str, late: bool) -> None:  # noqa: C901 -- one for each scene
        """Let one thing happen; ``late``: what it sets off is left to the sweep."""
        house = self.house
        later(house, 2)
        account = house.wechat.accounts[MERCHANT]
        match scene:
            case "confirm":
                pushed(house)
                if not late:
                    house.work()
            case "exchange":
                house.work()
            case "cancel" if account.authorized:
                house.wechat.cancel(MERCHANT)
                self.cancelled.append(int(house.clock.now()))
                if not late:
                    self.tell()
            case "tell":
                self.tell()
            case "renew":
                until_due_if_ever(house)
                house.keeper.keep(MERCHANT)
            case "wipe":
                self.table.items[token_key()].pop("refresh_token", None)
            case "sweep":
                house.sweep.run()
            case "minute":
                later(house, 60)
            case _:
                pass

    def tell(self) -> None:
        """WeChat's pushes of cancellations arrive."""
        while self.cancelled:
            self.house.push_unauthorized(create_time=self.cancelled.pop())


def until_due_if_ever(house: House) -> None:
    """Let time pass until the merchant's token is due, if it ever is."""
    known = house.tokens.get(MERCHANT)
    if known is not None and known.due_at is not None:
        until_due(house)
        # As WeChat does every ten minutes: many renewals take longer than a ticket lives.
        house.push_ticket()
        house.component_keeper.renew()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(before=scenes, listed=scenes, written=scenes, after=scenes, rotates=st.booleans())
@example(before=[("renew", False)] * 8, listed=[], written=[], after=[], rotates=False)
@example(before=[("wipe", False)], listed=[], written=[("renew", False)], after=[], rotates=True)
@example(before=[("wipe", False)], listed=[("renew", False)], written=[], after=[], rotates=True)
@example(
    before=[("wipe", False)],
    listed=[("cancel", True), ("confirm", False)],
    written=[],
    after=[],
    rotates=False,
)
@example(
    before=[],
    listed=[("cancel", False)],
    written=[("confirm", True)],
    after=[("exchange", False)],
    rotates=False,
)
def test_whatever_happens_while_it_runs_nothing_newer_is_lost(
    before: list[tuple[str, bool]],
    listed: list[tuple[str, bool]],
    written: list[tuple[str, bool]],
    after: list[tuple[str, bool]],
    rotates: bool,
) -> None:
    """Grants, cancellations, renewals and losses before, during and after: one truth in the end.

    Some of it happens when WeChat has made up its list, some between the first read of the item
    and its write. No refresh token is replaced by an older one or by nothing, and when all is over
    the table holds the one that WeChat knows.
    """
    world = World(rotates=rotates)
    house = world.house
    for scene in before:
        world.play(*scene)

    def first_read_of_it(key: Key) -> None:
        if key == token_key():
            world.table.after_read = None
            for scene in written:
                world.play(*scene)

    def listed_now() -> None:
        for scene in listed:
            world.play(*scene)
        world.table.after_read = first_read_of_it

    after_the_list(house, listed_now)
    house.resync.run(dry_run=False, until=house.clock.now() + 100 * LONG)
    world.table.after_read = None
    for scene in after:
        world.play(*scene)
    world.tell()
    for _ in range(4):
        # Longer than any back-off.
        house.work()
        later(house, 1000)
        house.push_ticket()
        house.settle()
    resync(house)
    house.settle()
    assert world.table.wrong == []
    account, known = house.wechat.accounts[MERCHANT], house.tokens.get(MERCHANT)
    assert known is not None
    if account.authorized:
        assert (known.status, known.verifying) == (Status.ACTIVE, False)
        assert secrets_of(house)[1] == account.refresh_token
        assert house.wechat.honours(MERCHANT, find(house).access_token)
    else:
        assert known.status is Status.REVOKED
        assert secrets_of(house) == (None, None)
