"""Resync: what was lost comes back from WeChat's list, and the list never wins over what is newer.

Each rule of :mod:`wxvault.services.resync_rules` through the whole house; what happens while it is
read and written is in ``test_resync_meanwhile``.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.house import MERCHANT, House
from tests.unit.services.kit import (
    OTHER,
    asked,
    authorized,
    edit,
    find,
    later,
    refuse,
    secrets_of,
    snapshot,
    stored,
    told,
    until_due,
    with_component,
)
from tests.unit.services.resync_kit import (
    LONG,
    changes,
    forget,
    merchants,
    only,
    resync,
    wipe,
)
from wxvault.errors import WeChatRefusedError
from wxvault.services.numbers import LEASE_SECONDS
from wxvault.services.state import Purpose, Status


def wiped(status: Status = Status.ACTIVE) -> House:
    """Return a house that has lost the refresh token of its merchant."""
    house = authorized()
    edit(house, status=str(status))
    wipe(house)
    return house


# --- (a) listed, and nothing here ----------------------------------------------------------------


def test_who_is_unknown_here_is_asked_about_and_becomes_active() -> None:
    """An empty table: WeChat is asked once about each, renewed once, and nobody has to confirm."""
    house = authorized()
    forget(house)
    found = resync(house)
    assert changes(found) == [("found", "unknown_here")]
    known = stored(house)
    assert (known.status, known.verifying, known.due_at) == (
        Status.PENDING,
        True,
        house.clock.now(),
    )
    assert known.tenant_id is None
    assert house.renew_queue.jobs == [{"job": "authorizer", "authorizer_appid": MERCHANT}]
    house.work()
    assert stored(house).status is Status.ACTIVE
    assert asked(house) == ["authorizer_list", "authorizer_info", "refresh"]
    assert told(house) == ["authorizer.authorized"]
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_what_was_forgotten_after_its_time_is_found_again() -> None:
    """A cancelled one past its end is as good as not there, whether DynamoDB deleted it or not."""
    house = authorized()
    edit(house, status="revoked", refresh_token=None, access_token=None, delete_after=1)
    assert changes(resync(house)) == [("found", "unknown_here")]
    assert "delete_after" not in stored(house).item


# --- (b) listed with a value, and none here ------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "after", "events"),
    [
        (Status.ACTIVE, Status.ACTIVE, []),
        (Status.FAILING, Status.FAILING, ["authorizer.recovered"]),
        (Status.LOST, Status.ACTIVE, ["authorizer.authorized"]),
    ],
)
def test_an_empty_place_takes_the_value_of_the_list(
    status: Status, after: Status, events: list[str]
) -> None:
    """The value is stored and tried at once: one renewal, no question besides, no merchant."""
    house = wiped(status)
    edit(house, attempts=4, last_errcode=61023)
    assert changes(resync(house)) == [("restore", "refresh_token_missing")]
    known = stored(house)
    assert known.status is after
    assert (known.attempts, known.last_errcode, known.due_at) == (0, None, house.clock.now())
    assert not known.verifying
    assert secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token
    house.work()
    assert stored(house).status is Status.ACTIVE
    assert asked(house) == ["authorizer_list", "refresh"]
    assert told(house) == events


def test_an_access_token_that_serves_goes_on_serving() -> None:
    """It is sealed anew beside the refresh token, with the end that it had."""
    house = wiped()
    before, token = stored(house), secrets_of(house)[0]
    resync(house)
    known = stored(house)
    assert secrets_of(house)[0] == token
    assert (known.access_expires_at, known.stored_at) == (
        before.access_expires_at,
        before.stored_at,
    )
    assert find(house).access_token == token


@pytest.mark.parametrize("why", ["too old", "seal broken", "marked"])
def test_an_access_token_that_does_not_serve_is_dropped(why: str) -> None:
    """One that nobody may hand out is not sealed anew."""
    house = wiped()
    if why == "too old":
        later(house, house.wechat.life)
        house.component_keeper.renew()
    elif why == "seal broken":
        edit(house, access_token=b"\x01" + b"?" * 60)
    else:
        edit(house, unresolved_mark="mark", unresolved_since=house.clock.now() - 1000)
    resync(house)
    assert secrets_of(house) == (None, house.wechat.accounts[MERCHANT].refresh_token)


def test_an_account_that_has_got_api_ability_is_taken_up() -> None:
    """The list has a value for one that had no tokens at all: it is kept going from now on."""
    house = authorized()
    edit(
        house,
        api_ability=False,
        due_at=None,
        due_shard=None,
        refresh_token=None,
        access_token=None,
        access_expires_at=None,
    )
    assert changes(resync(house)) == [("restore", "refresh_token_missing")]
    assert stored(house).api_ability
    house.work()
    assert find(house).renewed is False
    assert told(house) == ["authorizer.updated"]


# --- (c) listed, and another value here ----------------------------------------------------------


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.FAILING, Status.LOST])
def test_another_value_is_verified(status: Status) -> None:
    """Nothing is overwritten: WeChat is asked which is true, and tokens are withheld so long."""
    house = authorized()
    edit(house, status=str(status))
    house.wechat._new_refresh_token(MERCHANT, house.wechat.accounts[MERCHANT])
    kept = secrets_of(house)
    assert changes(resync(house)) == [("verify", "other_refresh_token")]
    assert secrets_of(house) == kept
    assert stored(house).verifying
    house.work()
    assert asked(house) == ["authorizer_list", "authorizer_info", "refresh"]
    assert secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token


def test_a_broken_seal_is_verified() -> None:
    """What cannot be opened cannot be compared."""
    house = authorized()
    edit(house, refresh_token=b"\x01" + b"?" * 60)
    assert changes(resync(house)) == [("verify", "seal_broken")]
    house.work()
    assert secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token


def test_a_revoked_one_that_is_listed_is_verified_and_never_given_a_value() -> None:
    """The list may be older than the cancellation: only WeChat's word brings it back."""
    house = authorized()
    house.push_unauthorized()
    edit(house, verifying=None)
    house.renew_queue.jobs.clear()
    assert changes(resync(house)) == [("verify", "revoked_but_listed")]
    assert secrets_of(house) == (None, None)
    assert "delete_after" not in stored(house).item
    house.work()
    assert stored(house).status is Status.ACTIVE


def test_a_pending_one_that_is_listed_is_verified() -> None:
    """Its code was exchanged, and the answer never written down."""
    house = with_component()
    code = house.wechat.confirm(MERCHANT)
    house.push_authorized(code)
    house.exchange_queue.jobs.clear()
    house.wechat._exchange(MERCHANT, house.wechat._new_call("query_auth", code))
    assert changes(resync(house)) == [("verify", "pending")]
    house.work()
    assert stored(house).status is Status.ACTIVE


@pytest.mark.parametrize(
    ("status", "counted"), [(Status.ACTIVE, "unchanged"), (Status.LOST, "lost")]
)
def test_the_same_value_is_left(status: Status, counted: str) -> None:
    """What agrees is not touched; a lost one is lost though WeChat lists it."""
    house = authorized()
    edit(house, status=str(status))
    before = snapshot(house)
    assert only(resync(house)) == counted
    assert snapshot(house) == before


# --- (d) here, and not listed --------------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.FAILING, Status.PENDING])
def test_who_is_not_listed_is_verified(status: Status) -> None:
    """WeChat's 61003 revokes it, not its absence from a list."""
    house = authorized()
    edit(house, status=str(status))
    house.wechat.cancel(MERCHANT)
    assert changes(resync(house)) == [("verify", "not_listed")]
    house.work()
    assert asked(house) == ["authorizer_list", "authorizer_info"]
    assert stored(house).status is Status.REVOKED


@pytest.mark.parametrize("status", [Status.REVOKED, Status.LOST])
def test_who_is_gone_and_not_listed_is_left(status: Status) -> None:
    """Nothing is to be done for it."""
    house = authorized()
    house.wechat.cancel(MERCHANT)
    edit(house, status=str(status), refresh_token=None, access_token=None)
    before = snapshot(house)
    assert only(resync(house)) == "gone"
    assert snapshot(house) == before


def test_one_that_the_paging_missed_is_none_the_worse() -> None:
    """Somebody cancels between two pages, the rest moves up, one is missed: it stays active."""
    house = House()
    first, missed, last = merchants(house, 3)
    house.wechat.page = 1
    tokens = {appid: house.wechat.accounts[appid].refresh_token for appid in (missed, last)}
    house.wechat.during["authorizer_list"] = [lambda: house.wechat.cancel(first)]
    found = resync(house)
    assert [(one.authorizer_appid, str(one.reason)) for one in found.changes] == [
        (missed, "not_listed")
    ]
    house.work()
    for appid, refresh_token in tokens.items():
        known = stored(house, appid)
        assert (known.status, known.verifying) == (Status.ACTIVE, False)
        assert secrets_of(house, appid)[1] == refresh_token
    assert told(house) == []


def test_an_account_without_api_ability_that_was_missed_is_none_the_worse() -> None:
    """WeChat confirms that it lives and has no tokens: it is not called failing for that."""
    house = authorized()
    account = house.wechat.accounts[MERCHANT]
    account.refresh_token, account.api_ability = "", False
    edit(
        house,
        api_ability=False,
        due_at=None,
        due_shard=None,
        refresh_token=None,
        access_token=None,
        verifying=None,
    )
    house.resync.run_one(MERCHANT, dry_run=False)
    house.work()
    known = stored(house)
    assert (known.status, known.verifying, known.due_at) == (Status.ACTIVE, False, None)
    assert (known.lease_id, known.unresolved_mark) == (None, None)
    assert told(house) == []


# --- (e) listed without a value ------------------------------------------------------------------


def test_a_code_that_nobody_exchanged_is_reported_with_a_remedy() -> None:
    """WeChat has no refresh token for it: the merchant has to do something, and it is said what."""
    house = with_component()
    house.wechat.confirm(MERCHANT)
    before = snapshot(house)
    found = resync(house)
    assert only(found) == "never_exchanged"
    (waiting,) = found.not_active
    assert (waiting.authorizer_appid, waiting.status) == (MERCHANT, None)
    assert waiting.remedy is not None
    assert "authorise once more" in waiting.remedy
    assert snapshot(house) == before


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.LOST])
def test_nothing_never_replaces_something(status: Status) -> None:
    """The list names no refresh token for somebody who has one here: it is kept."""
    house = authorized()
    edit(house, status=str(status))
    house.wechat.accounts[MERCHANT].refresh_token = ""
    before = snapshot(house)
    assert only(resync(house)) == ("unchanged" if status is Status.ACTIVE else "lost")
    assert snapshot(house) == before


def test_an_account_without_api_ability_is_in_order() -> None:
    """It has no refresh token, here or there, and that is as it must be."""
    house = authorized()
    house.wechat.accounts[MERCHANT].refresh_token = ""
    edit(house, api_ability=False, refresh_token=None, access_token=None)
    found = resync(house)
    assert only(found) == "no_api_ability"
    assert (found.active, found.not_active) == (1, ())


# --- who is being dealt with already -------------------------------------------------------------


def test_whoever_is_asked_about_right_now_is_left() -> None:
    """The lease says that somebody is asking WeChat about this very authorizer."""
    house = wiped()
    until_due(house)
    house.tools.acquire(MERCHANT, Purpose.RENEWAL)
    before = snapshot(house)
    assert only(resync(house)) == "in_progress"
    assert snapshot(house) == before
    later(house, LEASE_SECONDS + 1)
    assert changes(resync(house)) == [("restore", "refresh_token_missing")]


def test_a_second_run_finds_nothing_left_to_do() -> None:
    """Run twice, it nominates once."""
    house = authorized()
    house.wechat._new_refresh_token(MERCHANT, house.wechat.accounts[MERCHANT])
    assert changes(resync(house)) == [("verify", "other_refresh_token")]
    assert only(resync(house)) == "already_verifying"
    house.work()
    assert only(resync(house)) == "unchanged"


# --- dry runs, single ones, time ----------------------------------------------------------------


def assorted() -> House:
    """Return a house in which every rule has something to do."""
    house = House()
    known = merchants(house, 7)
    wipe(house, known[0])
    forget(house, known[1])
    house.wechat._new_refresh_token(known[2], house.wechat.accounts[known[2]])
    house.wechat.cancel(known[3])
    edit(house, known[4], status="lost")
    wipe(house, known[5])
    edit(house, known[5], status="lost")
    house.wechat.confirm(OTHER)
    return house


def test_a_dry_run_tells_just_what_the_real_one_then_does() -> None:
    """The same changes in the same order, and the dry run wrote and sent nothing."""
    house = assorted()
    before = snapshot(house)
    planned = resync(house, dry_run=True)
    assert snapshot(house) == before
    assert house.renew_queue.jobs == []
    done = resync(house)
    assert replace(planned, dry_run=False) == done
    assert len(done.changes) == 5
    assert done.counts == {
        "restore": 2,
        "found": 1,
        "verify": 2,
        "unchanged": 1,
        "lost": 1,
        "never_exchanged": 1,
    }


def test_no_merchant_is_asked_and_everybody_listed_becomes_active() -> None:
    """Whoever WeChat lists with a value is served in the end."""
    house = assorted()
    resync(house)
    house.settle()
    left = resync(house)
    assert {(str(one.status), one.reason) for one in left.not_active} == {
        ("lost", "lost"),
        ("None", "never_exchanged"),
    }
    assert left.active == 5
    assert "query_auth" not in asked(house)


def test_nothing_that_is_told_is_a_secret() -> None:
    """Neither in the answer nor in its text."""
    house = assorted()
    assert "refreshtoken@@@" not in repr(resync(house, dry_run=True))
    assert "refreshtoken@@@" not in repr(house.resync._reader.read(house.clock.now() + LONG))


def test_one_authorizer_is_verified_without_the_list() -> None:
    """Asked for by hand: known or not, WeChat says what is true."""
    house = authorized()
    planned = house.resync.run_one(MERCHANT, dry_run=True)
    assert changes(planned) == [("verify", "asked_for")]
    assert house.renew_queue.jobs == []
    assert not stored(house).verifying
    assert house.resync.run_one(MERCHANT, dry_run=False) == replace(planned, dry_run=False)
    house.work()
    assert asked(house) == ["authorizer_info", "refresh"]
    house.wechat.confirm(OTHER)
    account = house.wechat.accounts[OTHER]
    house.wechat._new_refresh_token(OTHER, account)
    assert changes(house.resync.run_one(OTHER, dry_run=False)) == [("found", "asked_for")]
    house.work()
    assert stored(house, OTHER).status is Status.ACTIVE


def test_one_that_is_being_verified_is_asked_about_again() -> None:
    """By hand, a back-off is cut short; what is due already only gets its job."""
    house = authorized()
    edit(house, verifying=True, due_at=house.clock.now() + 600)
    assert changes(house.resync.run_one(MERCHANT, dry_run=False)) == [("verify", "asked_for")]
    house.renew_queue.jobs.clear()
    assert only(house.resync.run_one(MERCHANT, dry_run=False)) == "already_verifying"
    assert house.renew_queue.jobs == [{"job": "authorizer", "authorizer_appid": MERCHANT}]


def test_when_the_time_is_up_it_says_where_to_go_on() -> None:
    """It stops rather than being killed, one authorizer at least was dealt with, none twice."""
    house = assorted()
    planned = resync(house, dry_run=True)
    done, after = [], None
    for _ in range(20):
        part = house.resync.run(dry_run=False, until=house.clock.now(), after=after)
        done += list(part.changes)
        after = part.next
        if after is None:
            break
    assert tuple(done) == planned.changes


def test_the_nights_come_to_everybody() -> None:
    """Each run has time for one only: the next goes on, and after the last one begins anew."""
    house = House()
    appids = merchants(house, 3)
    seen: list[str | None] = []
    for _ in range(4):
        done = house.resync.run_on(house.items, until=house.clock.now())
        assert done.counts == {"unchanged": 1}
        seen.append(done.next)
    assert seen == [appids[0], appids[1], None, appids[0]]


def test_a_night_that_fails_has_the_next_begin_anew() -> None:
    """Whoever spoils a run does not keep others out of every run to come."""
    house = House()
    merchants(house, 3)
    house.resync.run_on(house.items, until=house.clock.now())
    refuse(house, "authorizer_list", 45009)
    with pytest.raises(WeChatRefusedError):
        house.resync.run_on(house.items, until=house.clock.now() + LONG)
    assert house.resync.run_on(house.items, until=house.clock.now() + LONG).counts == {
        "unchanged": 3
    }
