"""Grants and cancellations by WeChat's own time: in any order and delay, the same truth."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fakes.house import COMPONENT, MERCHANT, House
from tests.unit.services.kit import (
    asked,
    find,
    land,
    later,
    link,
    secrets_of,
    snapshot,
    stored,
    with_component,
)
from wxvault.protocol.pushes import Authorized, FastRegistration, Ticket, Unauthorized, Unknown
from wxvault.services.state import Status

if TYPE_CHECKING:
    from wxvault.protocol.pushes import Push

# A busy machine is no reason to fail.
orders = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

SCENES = ("confirm", "cancel", "deliver", "land", "work", "sweep", "minute")

scripts = st.lists(
    st.tuples(st.sampled_from(SCENES), st.integers(0, 5), st.booleans()), max_size=14
)


@dataclass
class Stage:
    """A merchant who comes and goes, and a postman who is in no hurry."""

    house: House = field(default_factory=with_component)
    waiting: list[Push] = field(default_factory=list)
    delivered: list[Push] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    when: int = 0

    def __post_init__(self) -> None:
        """Open a link that every code may come back by."""
        self.link = link(self.house)
        self.when = int(self.house.clock.now())

    def confirm(self) -> None:
        """The merchant confirms."""
        self.when += 1
        code = self.house.wechat.confirm(MERCHANT)
        self.codes.append(code)
        pre_auth_code = self.link.pre_auth_code
        self.waiting.append(
            Authorized(COMPONENT, self.when, MERCHANT, code, None, pre_auth_code, update=False)
        )

    def cancel(self) -> None:
        """The merchant cancels, if there is anything to cancel."""
        account = self.house.wechat.accounts.get(MERCHANT)
        if account is None or not account.authorized:
            return
        self.when += 1
        self.house.wechat.cancel(MERCHANT)
        self.waiting.append(Unauthorized(COMPONENT, self.when, MERCHANT))

    def deliver(self, number: int, *, again: bool) -> None:
        """Deliver some push, maybe one that came already."""
        if again and self.delivered:
            self.house.intake.take(self.delivered[number % len(self.delivered)])
        elif self.waiting:
            push = self.waiting.pop(number % len(self.waiting))
            self.delivered.append(push)
            self.house.intake.take(push)

    def play(self, scene: str, number: int, again: bool) -> None:
        """Let one thing happen."""
        match scene:
            case "confirm":
                self.confirm()
            case "cancel":
                self.cancel()
            case "deliver":
                self.deliver(number, again=again)
            case "land" if self.codes:
                land(self.house, self.link, self.codes[number % len(self.codes)])
            case "work":
                self.house.work()
            case "sweep":
                self.house.sweep.run()
            case "minute":
                later(self.house, 60)

    def end(self) -> None:
        """Deliver what is left, and let everything come to its end."""
        while self.waiting:
            self.deliver(len(self.waiting) // 2, again=False)
        self.house.work()
        later(self.house, 30)
        self.house.settle()

    def judge(self) -> None:
        """Compare the vault with WeChat."""
        house, account = self.house, self.house.wechat.accounts.get(MERCHANT)
        if account is None:
            assert house.tokens.get(MERCHANT) is None
            return
        known = stored(house)
        assert not known.verifying
        assert known.unresolved_mark is None
        assert known.lease_id is None
        if not account.authorized:
            assert (known.status, known.due_at) == (Status.REVOKED, None)
            assert secrets_of(house) == (None, None)
            return
        assert known.status is Status.ACTIVE
        assert known.tenant_id == "tenant"
        token, refresh_token = secrets_of(house)
        assert refresh_token == account.refresh_token
        assert token == find(house).access_token
        issued = account.tokens[token or ""]
        assert issued.until > house.clock.now()
        assert issued.superseded_by is None


@orders
@given(scripts, st.sampled_from(["refused", "new", "same"]))
@example([("confirm", 0, False), ("cancel", 0, False), ("deliver", 1, False)], "refused")
@example(
    [
        ("confirm", 0, False),
        ("deliver", 0, False),
        ("work", 0, False),
        ("cancel", 0, False),
        ("confirm", 0, False),
        ("deliver", 1, False),
        ("work", 0, False),
        ("deliver", 0, False),
    ],
    "new",
)
@example(
    [("confirm", 0, False), ("land", 0, False), ("work", 0, False), ("cancel", 0, False)], "new"
)
def test_any_order_ends_in_the_truth(script: list[tuple[str, int, bool]], second: str) -> None:
    """However pushes and browsers come and go, in the end the vault knows what WeChat knows."""
    stage = Stage()
    stage.house.wechat.second_exchange = second  # type: ignore[assignment]
    for scene in script:
        stage.play(*scene)
    stage.end()
    stage.judge()


@orders
@given(st.lists(st.booleans(), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_late_pushes_in_any_order_end_in_the_truth(story: list[bool], chance: object) -> None:
    """All is over at WeChat when the pushes come, shuffled, each up to three times."""
    stage = Stage()
    for confirms in story:
        if confirms:
            stage.confirm()
        else:
            stage.cancel()
        later(stage.house, 10)
    pushes = [push for push in stage.waiting for _ in range(chance.randint(1, 3))]  # type: ignore[attr-defined]
    chance.shuffle(pushes)  # type: ignore[attr-defined]
    stage.waiting.clear()
    for push in pushes:
        stage.house.intake.take(push)
        if chance.random() < 0.5:  # type: ignore[attr-defined]
            stage.house.work()
    stage.end()
    stage.judge()


@orders
@given(scripts)
def test_a_replay_changes_nothing(script: list[tuple[str, int, bool]]) -> None:
    """Whoever sends every push of ten minutes ago once more changes no item, and asks nothing."""
    stage = Stage()
    for scene in script:
        stage.play(*scene)
    stage.end()
    later(stage.house, 600)
    stage.house.settle()
    before = copy.deepcopy(snapshot(stage.house))
    asked(stage.house)
    sent = list(stage.house.bus.sent)
    for push in stage.delivered:
        stage.house.intake.take(push)
    stage.house.work()
    assert snapshot(stage.house) == before
    assert asked(stage.house) == []
    assert stage.house.bus.sent == sent


def every_push(house: House) -> list[Push]:
    """Return one push of each kind, each good."""
    when = int(house.clock.now())
    ticket = f"ticket@@@{when:086d}"
    house.wechat.tickets.add(ticket)
    other = "wx00000000000000a2"
    return [
        Ticket(COMPONENT, when, ticket),
        Authorized(
            COMPONENT, when, MERCHANT, house.wechat.confirm(MERCHANT), when, None, update=False
        ),
        Authorized(
            COMPONENT, when + 5, MERCHANT, house.wechat.confirm(MERCHANT), when, None, update=True
        ),
        Unauthorized(COMPONENT, when + 3, MERCHANT),
        FastRegistration(
            COMPONENT,
            when,
            "notify_third_fasteregister",
            other,
            0,
            house.wechat.confirm(other),
            "OK",
            {},
        ),
        FastRegistration(
            COMPONENT, when, "notify_third_fasteregister", None, 100, None, "mismatch", {}
        ),
        Unknown(COMPONENT, when, "notify_something_new", {"taskid": "4711"}),
    ]


def test_a_replay_of_every_kind_changes_nothing() -> None:
    """Ten minutes later every kind of push comes once more: the table stays as it was."""
    house = with_component()
    pushes = every_push(house)
    for push in pushes:
        house.intake.take(push)
    house.work()
    later(house, 600)
    house.settle()
    before = copy.deepcopy(snapshot(house))
    sent = list(house.bus.sent)
    asked(house)
    for push in pushes:
        house.intake.take(push)
    assert house.exchange_queue.jobs == []
    assert house.renew_queue.jobs == []
    house.settle()
    after = snapshot(house)
    assert {key: item for key, item in after.items() if before.get(key) != item} == {}
    assert before.keys() == after.keys()
    assert asked(house) == []
    assert house.bus.sent == sent
