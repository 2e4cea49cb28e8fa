"""When somebody must be fresh again: the next sweep, the lease, the back-off, and no later."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from sandbox.chaos.recovery import Recovery
from sandbox.chaos.vault import unrest
from wxvault.services.state import Status, TokenState

APPID = "wx0000000000000001"
NOW = 1_800_000_000.0
FRESH = TokenState(
    APPID, Status.ACTIVE, has_access=True, has_refresh=True, due_at=NOW + 5400, stored_at=NOW
)


@dataclass(slots=True)
class Table:
    """What the table says."""

    states: dict[str, TokenState | None] = field(default_factory=dict)
    codes: dict[str, float] = field(default_factory=dict)

    def state(self, appid: str) -> TokenState | None:
        """Read an item."""
        return self.states.get(appid)

    def open_codes(self) -> dict[str, float]:
        """Codes that are neither done nor failed, and until when nobody may touch them."""
        return dict(self.codes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ""),
        ({"status": Status.REVOKED}, "revoked"),
        ({"status": Status.FAILING, "attempts": 3}, "failing, backing off"),
        ({"verifying": True}, "verifying"),
        ({"lease_until": NOW + 1}, "leased"),
        ({"lease_until": NOW - 1}, ""),
        ({"unresolved_mark": "m"}, "marked"),
        ({"due_at": NOW}, "due"),
        ({"due_at": None}, "due"),
        ({"has_access": False}, "without token"),
    ],
)
def test_what_keeps_an_item_from_being_fresh(changes: dict[str, Any], told: str) -> None:
    """Everything that still has to happen is named."""
    assert unrest(replace(FRESH, **changes), NOW) == told


@pytest.mark.parametrize(
    ("state", "seconds"),
    [
        (FRESH, 0),
        (replace(FRESH, unresolved_mark="m"), 24),
        (replace(FRESH, lease_until=20), 20),
        (replace(FRESH, attempts=2, due_at=17), 17),
        (replace(FRESH, due_at=17), 0),
        (None, 39),
    ],
)
def test_each_has_a_bound_of_its_own(state: TokenState | None, seconds: float) -> None:
    """Beside the sweep and the work: what is left of lease and back-off, whatever ends last."""
    if state is not None:
        now = time.time()
        lease, due = state.lease_until, state.due_at or 0.0
        state = replace(state, lease_until=None if lease is None else now + lease)
        state = replace(state, due_at=now + due)
    table: Any = Table({APPID: state})
    recovery = Recovery(table, 10.0, 0.0, began_at=time.time())
    recovery.begin([APPID])
    assert recovery.bounds[APPID] == pytest.approx(seconds + 10 + 15, abs=1)


def test_a_killed_sweep_keeps_the_next_one_away() -> None:
    """Its lease is waited for by everybody."""
    table: Any = Table({APPID: FRESH})
    now = time.time()
    recovery = Recovery(table, 10.0, now + 50, began_at=now)
    recovery.begin([APPID])
    assert recovery.bounds[APPID] == pytest.approx(75, abs=1)


def test_whoever_is_late_or_never_fresh_is_named() -> None:
    """With what was allowed, or with what is the matter."""
    table: Any = Table({APPID: FRESH, "b": replace(FRESH, verifying=True)})
    recovery = Recovery(table, 10.0, 0.0, time.time())
    recovery.begin([APPID, "b"])
    assert not recovery.look()
    recovery.took[APPID] = 27.0
    assert recovery.late() == [f"{APPID}: 27 s, 25 allowed", "b: verifying"]


def test_everybody_fresh_is_the_end() -> None:
    """One look is enough then."""
    table: Any = Table({APPID: replace(FRESH, due_at=4e9)})
    recovery = Recovery(table, 10.0, 0.0, time.time())
    recovery.begin([APPID])
    recovery.wait(lambda _: None)
    assert recovery.late() == []
    assert list(recovery.took) == [APPID]


def test_a_code_that_is_still_open_is_waited_for() -> None:
    """It may have changed somebody's tokens at WeChat, whoever that is: its claim ends first."""
    now = time.time()
    table = Table({APPID: replace(FRESH, due_at=4e9)}, {"abcdef0123456789": now + 20})
    vault: Any = table
    recovery = Recovery(vault, 10.0, 0.0, now)
    recovery.begin([APPID])
    assert recovery.bounds["code abcdef012345"] == pytest.approx(20 + 24 + 10 + 15, abs=1)
    assert not recovery.look()
    assert recovery.late() == ["code abcdef012345: open"]
    table.codes.clear()
    assert recovery.look()
    assert recovery.merchants() == [APPID]


def test_whoever_has_just_authorised_again_may_have_an_open_code() -> None:
    """However fresh the table's item looks: its code's claim has to end first."""
    vault: Any = Table({APPID: replace(FRESH, due_at=4e9)})
    recovery = Recovery(vault, 10.0, 0.0, time.time())
    recovery.begin([APPID], {APPID})
    assert recovery.bounds[APPID] == pytest.approx(39 + 10 + 15, abs=1)
