"""Replay is harmless: every push once more, late and in any order, changes nothing at all."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from functions.callback import app as callback
from tests.fakes.house import COMPONENT, MERCHANT, House
from tests.fuzz.desk import NOW, Desk
from tests.fuzz.signed_doors import sealed_event
from tests.unit.protocol.pushkit import document
from tests.unit.services.kit import (
    asked,
    authorized,
    items_of,
    later,
    link,
    snapshot,
    stored,
    with_component,
)
from wxvault.protocol.pushes import (
    Authorized,
    FastRegistration,
    Push,
    Ticket,
    Unauthorized,
    Unknown,
)
from wxvault.services.state import Status
from wxvault.vault.keys import authorizer_key

# A busy machine is no reason to fail.
slowly = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

MERCHANTS = tuple(f"wx00000000000000a{number}" for number in (1, 2, 3))
NEW_ONES = tuple(f"wx00000000000000b{number}" for number in (1, 2, 3))
TEN_MINUTES = 600

# What happens at WeChat, each followed by a push: what, and to which of three merchants.
HAPPENINGS = ("ticket", "authorized", "updated", "unauthorized", "registered", "failed", "unknown")
stories = st.lists(
    st.tuples(st.sampled_from(HAPPENINGS), st.integers(0, 2)), min_size=1, max_size=12
)
chances = st.randoms(use_true_random=False)


@dataclass
class Telling:
    """A story at WeChat, and the pushes that tell it."""

    house: House = field(default_factory=with_component)
    pushes: list[Push] = field(default_factory=list)
    when: int = 0

    def __post_init__(self) -> None:
        """Begin now, with a link that every merchant came by."""
        self.when = int(self.house.clock.now())
        self.pre_auth_code = link(self.house).pre_auth_code

    def happen(self, what: str, whom: int) -> None:
        """Let one thing happen, and have it pushed later."""
        self.when += 1
        wechat, appid = self.house.wechat, MERCHANTS[whom]
        head: tuple[str, int] = (COMPONENT, self.when)
        account = wechat.accounts.get(appid)
        match what:
            case "ticket":
                ticket = f"ticket@@@{self.when:086d}"
                wechat.tickets.add(ticket)
                self.pushes.append(Ticket(*head, ticket))
            case "authorized" | "updated":
                code = wechat.confirm(appid)
                via = self.pre_auth_code if whom else None
                update = what == "updated"
                until = self.when + 3600
                self.pushes.append(Authorized(*head, appid, code, until, via, update=update))
            case "unauthorized" if account is not None and account.authorized:
                wechat.cancel(appid)
                self.pushes.append(Unauthorized(*head, appid))
            case "registered":
                code = wechat.confirm(NEW_ONES[whom])
                kind = "notify_third_fasteregister"
                told = {"name": "Example Co"}
                self.pushes.append(
                    FastRegistration(*head, kind, NEW_ONES[whom], 0, code, "OK", told)
                )
            case "failed":
                kind = "notify_third_fastregisterbetaapp"
                self.pushes.append(FastRegistration(*head, kind, None, -1, None, "no", {}))
            case "unknown":
                self.pushes.append(Unknown(*head, "notify_something_new", {"taskid": "4711"}))

    def grants(self) -> dict[str, tuple[object, ...]]:
        """Return what the vault knows of every account, and whether WeChat says the same."""
        known: dict[str, tuple[object, ...]] = {}
        for appid, account in self.house.wechat.accounts.items():
            state = stored(self.house, appid)
            gone = state.status is Status.REVOKED
            refresh_token = self.house.tokens.refresh_token(state)
            known[appid] = (
                state.status,
                state.verifying,
                state.tenant_id,
                # A grant that is older than the cancellation is history, noted or not.
                None if gone else state.authorized_at,
                state.unauthorized_at,
                account.authorized is not gone,
                (refresh_token or "") == account.refresh_token,
            )
        return known


def told_of(story: list[tuple[str, int]]) -> Telling:
    """Return the story after all of it has happened, with nothing pushed yet."""
    telling = Telling()
    for what, whom in story:
        telling.happen(what, whom)
    return telling


def settle(house: House) -> None:
    """Let everything come to its end, and nothing be due."""
    house.work()
    later(house, 30)
    house.settle()


def shuffled(pushes: list[Push], chance: random.Random, times: int = 1) -> list[Push]:
    """Return the pushes in any order, each so many times."""
    several = pushes * times
    chance.shuffle(several)
    return several


REVOKED_AND_BACK = [("authorized", 0), ("unauthorized", 0), ("updated", 0), ("registered", 1)]


@slowly
@given(stories, chances)
def test_every_push_twice_more_changes_nothing(
    story: list[tuple[str, int]], chance: random.Random
) -> None:
    """Ten minutes later all pushes come twice more in another order: the vault does not move."""
    telling = told_of(story)
    house = telling.house
    for push in shuffled(telling.pushes, chance):
        house.intake.take(push)
        if chance.random() < 0.4:
            house.work()
    settle(house)
    later(house, TEN_MINUTES)
    house.settle()
    before = copy.deepcopy(snapshot(house))
    sent = list(house.bus.sent)
    asked(house)
    for push in shuffled(telling.pushes, chance, times=2):
        house.intake.take(push)
        assert house.exchange_queue.jobs == []
        assert house.renew_queue.jobs == []
    assert snapshot(house) == before
    house.settle()
    assert snapshot(house) == before
    assert asked(house) == []
    assert house.bus.sent == sent


@slowly
@given(stories, chances)
def test_repeats_on_the_way_have_no_effect(
    story: list[tuple[str, int]], chance: random.Random
) -> None:
    """A push that is taken twice in a row, at any moment, writes and tells nothing more."""
    telling = told_of(story)
    house = telling.house
    for push in shuffled(telling.pushes, chance):
        house.intake.take(push)
        before = copy.deepcopy(snapshot(house))
        sent = list(house.bus.sent)
        house.intake.take(push)
        assert snapshot(house) == before
        assert house.bus.sent == sent
        if chance.random() < 0.4:
            house.work()
    settle(house)


@slowly
@given(stories, chances)
@example([*REVOKED_AND_BACK, ("unauthorized", 0)], random.Random(1))
def test_every_order_ends_in_the_same_grants(
    story: list[tuple[str, int]], chance: random.Random
) -> None:
    """In whatever order pushes come, and how often, in the end the same is granted."""
    in_order = told_of(story)
    for push in in_order.pushes:
        in_order.house.intake.take(push)
        in_order.house.work()
    settle(in_order.house)
    in_any = told_of(story)
    for push in shuffled(in_any.pushes, chance, times=chance.randint(1, 3)):
        in_any.house.intake.take(push)
        if chance.random() < 0.4:
            in_any.house.work()
    settle(in_any.house)
    assert in_any.grants() == in_order.grants()
    assert all(known[-2:] == (True, True) for known in in_any.grants().values())


def test_an_old_grant_of_who_was_forgotten_is_asked_about() -> None:
    """The merchant cancelled, its record is gone, its code is not: nothing waits for ever."""
    house = authorized()
    code, grant = next(iter(house.wechat.codes)), stored(house).authorized_at
    house.wechat.cancel(MERCHANT)
    house.push_unauthorized()
    settle(house)
    # What DynamoDB deletes when the retention is over, a day at the least.
    house.table.items.pop(authorizer_key(COMPONENT, MERCHANT))  # type: ignore[attr-defined]
    later(house, 86400)
    house.push_ticket()
    assert grant is not None
    house.intake.take(
        Authorized(COMPONENT, grant, MERCHANT, code, grant + 3600, None, update=False)
    )
    assert stored(house).verifying
    settle(house)
    assert stored(house).status is Status.REVOKED
    item = items_of(house)[authorizer_key(COMPONENT, MERCHANT)]
    assert "delete_after" in item


# --- the very same request -----------------------------------------------------------------------


def plaintext_of(push: Push) -> bytes:
    """Return a push as WeChat writes it."""
    fields: dict[str, Any] = {
        "AppId": push.component_appid,
        "CreateTime": push.create_time,
        "InfoType": push.info_type,
    }
    match push:
        case Ticket():
            fields["ComponentVerifyTicket"] = push.component_verify_ticket
        case Authorized():
            fields["AuthorizerAppid"] = push.authorizer_appid
            fields["AuthorizationCode"] = push.authorization_code
            fields["AuthorizationCodeExpiredTime"] = push.authorization_code_expired_time
            if push.pre_auth_code is not None:
                fields["PreAuthCode"] = push.pre_auth_code
        case Unauthorized():
            fields["AuthorizerAppid"] = push.authorizer_appid
        case FastRegistration():
            fields["status"] = push.status
            fields["msg"] = push.msg
            if push.appid is not None:
                fields |= {"appid": push.appid, "auth_code": push.auth_code}
        case Unknown():
            fields |= push.fields
    return document(**fields)


@settings(slowly, max_examples=40)
@given(stories, chances)
def test_the_very_same_requests_change_nothing(
    story: list[tuple[str, int]], chance: random.Random
) -> None:
    """The same bytes under the same signature, ten minutes later: `success`, and nothing else.

    And once the signature's timestamp is over an hour old they are not even taken.
    """
    desk = Desk(callback.wire, push_max_age=3600)
    house = desk.house
    telling = Telling(house)
    for what, whom in story:
        telling.happen(what, whom)
    # The choices of an honest sender, then the plaintext.
    requests = [
        sealed_event("/wechat/events", b"0000000" + plaintext_of(push))[0]
        for push in telling.pushes
    ]
    chance.shuffle(requests)
    for request in requests:
        assert desk.handle(request)["body"] == "success"
        if chance.random() < 0.4:
            house.work()
    settle(house)
    for seconds, status in ((TEN_MINUTES, 200), (3600, 403)):
        later(house, seconds)
        house.settle()
        before, sent = copy.deepcopy(snapshot(house)), list(house.bus.sent)
        asked(house)
        chance.shuffle(requests)
        for request in requests:
            assert desk.handle(request)["statusCode"] == status
        assert desk.jobs == []
        assert snapshot(house) == before
        house.settle()
        assert asked(house) == []
        assert house.bus.sent == sent
    assert house.clock.now() > NOW + TEN_MINUTES
