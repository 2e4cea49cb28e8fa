"""The status: every part by itself, within a time, without a secret, and the next step from it."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.house import COMPONENT, MERCHANT, House
from tests.unit.services.kit import authorized, later, refuse, with_component
from tests.unit.services.test_tickets import NoSecret
from wxvault.errors import (
    ConfigurationError,
    TableUnavailableError,
    WeChatRefusedError,
    WeChatUnknownError,
)
from wxvault.services.component import ComponentKeeper
from wxvault.services.egress import PROBE_PAUSE_SECONDS, Egress, EgressProbe
from wxvault.services.status import Place, Status
from wxvault.vault.census import Census

if TYPE_CHECKING:
    from collections.abc import Callable

BASE = "https://auth.example.com"
FIXED = "203.0.113.7"
PLACE = Place(COMPONENT, BASE, FIXED)


@dataclass
class Sees:
    """A WeChat that says from where it is called."""

    address: str | Exception | None = FIXED
    asked: int = 0

    def caller_address(self, component_token: str, /) -> str | None:
        """Return the address."""
        assert component_token
        self.asked += 1
        if isinstance(self.address, Exception):
            raise self.address
        return self.address


@dataclass
class Watch:
    """A house, and whoever looks at how it stands."""

    house: House = field(default_factory=House)
    sees: Sees = field(default_factory=Sees)
    queues: dict[str, int] = field(
        default_factory=lambda: {"renew": 0, "exchange": 0, "renew_dead_letters": 0}
    )
    started: int = 0
    place: Place = PLACE

    def __post_init__(self) -> None:
        """Build the status over the house's own table."""
        house = self.house
        self.status = Status(
            self.place,
            tokens=house.tokens,
            last_push=self.house.starts.last_push,
            start_pushes=self._start,
            egress=EgressProbe(self.sees, lambda: "token", house.clock),
            census=Census(house.table, COMPONENT),
            queues={name: self._depth(name) for name in self.queues},
            clock=house.clock,
            overlap=300,
            seconds=5,
        )

    def _depth(self, name: str) -> Callable[[], int]:
        return lambda: self.queues[name]

    def _start(self) -> None:
        self.started += 1
        self.house.ticket_keeper.look(at_once=True)

    def look(self) -> dict[str, Any]:
        """Look how everything stands."""
        return self.status.look()

    def step(self) -> tuple[str, str]:
        """Return the next step's word and level."""
        told = self.look()["next_step"]
        return told["code"], told["level"]


def refused(errcode: int, text: str = "") -> WeChatRefusedError:
    """Return WeChat's refusal."""
    return WeChatRefusedError(f"POST: {errcode} {text}", path="p", wechat_errcode=errcode)


# --- the way of a newcomer -----------------------------------------------------------------------


def test_a_newcomer_is_led_in_the_order_of_the_readme() -> None:
    """No secret, IP list, addresses, first ticket, first merchant, all well: each in its turn."""
    watch = Watch()
    house = watch.house
    house.wechat.pushes_stopped = True
    house.starts.note_start("no_secret", not_before=0)
    watch.status._start_pushes = lambda: None  # nobody asks WeChat anew in this test
    assert watch.step() == ("app_secret", "setup")
    house.starts.note_start("refused", not_before=0, attempts=1, errcode=61004, address="192.0.2.9")
    report = watch.look()
    assert report["next_step"]["code"] == "ip_list"
    assert "192.0.2.9" in report["next_step"]["en"]
    assert "192.0.2.9" in report["next_step"]["zh"]
    house.starts.note_start("started", not_before=0)
    report = watch.look()
    assert report["next_step"]["code"] == "wait_for_ticket"
    assert f"{BASE}/wechat/events" in report["next_step"]["zh"]
    house.starts.note_start("running", not_before=0)
    assert watch.step() == ("pushes_do_not_arrive", "setup")
    house.items.note_push("bad_signature", now=house.clock.now())
    assert watch.step() == ("pushes_refused", "setup")
    house.push_ticket()
    assert watch.step() == ("wait_for_component_token", "setup")
    house.work()
    assert watch.step() == ("first_merchant", "well")
    later(house, 61)
    house.push_authorized(house.wechat.confirm(MERCHANT), MERCHANT)
    house.work()
    assert watch.step() == ("all_well", "well")


def test_all_is_well() -> None:
    """The figures of a quiet platform."""
    watch = Watch(authorized())
    report = watch.look()
    assert report["pushes"]["last_verdict"] == "accepted"
    assert report["pushes"]["ticket_age"] == 0
    assert report["component_token"]["status"] == "active"
    assert report["component_token"]["expires_in"] == 7200
    assert report["egress"] == {
        "expected": FIXED,
        "seen": FIXED,
        "listed": True,
        "asked_at": watch.house.clock.now(),
    }
    assert report["authorizers"]["total"] == 1
    assert report["authorizers"]["by_status"]["active"] == 1
    assert report["authorizers"]["unassigned"] == 1
    assert set(report["due"].values()) == {0}
    assert report["next_step"]["level"] == "well"
    assert report["console"]["start_page_domain"] == "auth.example.com"
    assert report["console"]["messages_url"] == f"{BASE}/wechat/$APPID$/messages"


def test_no_secret_is_in_a_report() -> None:
    """Neither tokens nor tickets, whatever the state."""
    house = authorized()
    text = json.dumps(Watch(house).look(), ensure_ascii=False)
    secrets = {*house.wechat.tickets, *house.wechat.owners, house.wechat.secret}
    secrets |= {*house.wechat.component.tokens, *house.wechat.accounts[MERCHANT].tokens}
    assert [secret for secret in secrets if secret in text] == []


# --- what a person has to look at ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("errcode", "word"),
    [
        (61004, "ip_list"),
        (40125, "app_secret_refused"),
        (61011, "component_appid"),
        (45009, "component_token_refused"),
    ],
)
def test_why_there_is_no_component_token(errcode: int, word: str) -> None:
    """The reason that WeChat gave decides what has to be done."""
    house = with_component()
    later(house, 7300)
    house.push_ticket()
    refuse(house, "component_token", errcode)
    house.sweep.run()
    assert Watch(house).step() == (word, "attention")


def test_a_missing_app_secret_of_a_running_platform_is_named() -> None:
    """Though the tickets are fine, and nobody has asked WeChat to push."""
    house = with_component()
    keeper = ComponentKeeper(house.tools, house.wechat, house.items, NoSecret())
    later(house, 6500)
    house.push_ticket()
    with pytest.raises(ConfigurationError):
        keeper.renew()
    assert Watch(house).step() == ("app_secret", "attention")


def test_a_broken_push_secret_is_named() -> None:
    """Pushes arrive and nobody can open them: that is noted as no other refusal is."""
    house = authorized()
    later(house, 1)
    house.items.note_push("configuration", now=house.clock.now())
    assert Watch(house).step() == ("push_secret", "attention")


def test_tickets_that_have_stayed_away_are_asked_for() -> None:
    """Whoever looks may have mended something: WeChat is asked, at most once a minute."""
    house = authorized()
    later(house, 1900)
    watch = Watch(house)
    assert watch.step() == ("pushes_do_not_arrive", "attention")
    watch.look()
    assert watch.started == 1
    later(house, 60)
    watch.look()
    assert watch.started == 2


def test_a_stranger_s_push_alarms_nobody_while_tickets_come() -> None:
    """Anybody can send what is refused."""
    house = authorized()
    later(house, 5)
    house.items.note_push("bad_signature", now=house.clock.now())
    assert Watch(house).step() == ("all_well", "well")


@pytest.mark.parametrize("status", ["failing", "lost"])
def test_merchants_in_need_are_counted(status: str) -> None:
    """They are named by the list, not here."""
    house = authorized()
    item = next(item for key, item in house.table.items.items() if key.pk.startswith("A#"))  # type: ignore[attr-defined]
    item["status"], item["tenant_sort"] = status, f"{status}#{MERCHANT}"
    assert Watch(house).step() == (f"authorizers_{status}", "attention")


def test_what_is_overdue_and_what_is_dead() -> None:
    """A quarter of an hour is too long; one dead letter is one too many."""
    watch = Watch(authorized(), queues={"renew": 3, "renew_dead_letters": 1})
    assert watch.step() == ("dead_letters", "attention")
    later(watch.house, 5400 + 2000)
    watch.house.push_ticket()
    watch.house.component_keeper.renew()
    assert watch.look()["due"]["overdue_authorizers"] == 1
    assert watch.step() == ("overdue", "attention")


# --- parts that fail -----------------------------------------------------------------------------


def test_a_part_that_fails_takes_no_other_down() -> None:
    """It says why in its place, without the text of strange exceptions."""
    watch = Watch(authorized())

    def broken() -> int:
        raise RuntimeError("https://queue/?token=secret")

    watch.status._queues = {"renew": broken}
    report = watch.look()
    assert report["queues"]["error"]["message"] == "RuntimeError"
    assert report["authorizers"]["total"] == 1
    assert (report["next_step"]["code"], report["next_step"]["level"]) == (
        "not_all_known",
        "attention",
    )
    assert "queues" in report["next_step"]["en"]


def test_without_a_table_it_still_answers() -> None:
    """Every part says that the table is away, with a remedy."""
    watch = Watch(authorized())

    def away(*_: object) -> None:
        raise TableUnavailableError("DynamoDB: AccessDenied")

    watch.house.table.get = watch.house.table.due = away  # type: ignore[method-assign, assignment]
    report = watch.look()
    for part in ("pushes", "component_token", "due"):
        assert report[part]["error"]["code"] == "table_unavailable"
        assert report[part]["error"]["remedy"]
    assert report["next_step"]["code"] == "not_all_known"


def test_a_part_that_hangs_is_left_out() -> None:
    """The others are told in time."""
    watch = Watch(authorized())
    release = threading.Event()
    watch.status._queues = {"renew": lambda: release.wait(10) and 0}
    watch.status._seconds = 0.2
    try:
        report = watch.look()
    finally:
        release.set()
    assert report["queues"]["error"]["code"] == "timed_out"
    assert report["authorizers"]["total"] == 1


# --- the address ---------------------------------------------------------------------------------


def probe(sees: Sees, token: str | None = "token") -> tuple[EgressProbe, House]:
    """Return a probe and the house whose clock it has."""
    house = House()
    return EgressProbe(sees, lambda: token, house.clock), house


def test_wechat_is_asked_once_in_five_minutes() -> None:
    """Each probe costs two calls of a quota."""
    sees = Sees()
    egress, house = probe(sees)
    for _ in range(3):
        assert egress.look().address == FIXED
    assert sees.asked == 1
    later(house, PROBE_PAUSE_SECONDS)
    egress.look()
    assert sees.asked == 2


def test_without_a_component_token_nobody_is_asked() -> None:
    """And as soon as there is one, somebody is."""
    sees = Sees()
    egress, _ = probe(sees, token=None)
    assert egress.look() == Egress(None, None, None)
    assert sees.asked == 0


@pytest.mark.parametrize(
    ("answer", "address", "listed"),
    [
        (FIXED, FIXED, True),
        (None, None, True),
        (refused(61004, "requestIP: 192.0.2.9 rid: 1"), "192.0.2.9", False),
        (refused(61004), None, False),
        (refused(45009), None, True),
        (WeChatUnknownError("no answer", path="p"), None, None),
    ],
)
def test_what_an_answer_says_of_the_address(
    answer: str | Exception | None, address: str | None, listed: bool | None
) -> None:
    """Refused for its address or not; silence says nothing."""
    egress, house = probe(Sees(answer))
    assert egress.look() == Egress(address, listed, house.clock.now())
