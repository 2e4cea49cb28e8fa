"""Tickets that stay away: told once, and WeChat asked to start its pushes, with pauses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.house import House
from tests.unit.services.kit import asked, later, refuse, stored, told, with_component
from wxvault.errors import ConfigurationError, WeChatRefusedError
from wxvault.services.last_push import LastPush
from wxvault.services.numbers import START_PAUSE_CAP, START_PAUSE_SECONDS
from wxvault.services.tickets import Start, TicketKeeper, pause_after_refusals, stale_remedy

HALF_AN_HOUR = 1800


def quiet_house(seconds: float = HALF_AN_HOUR + 1) -> House:
    """Return a house whose last ticket came some time ago, and WeChat has stopped pushing."""
    house = with_component()
    house.wechat.pushes_stopped = True
    later(house, seconds)
    told(house)
    return house


def starts(house: House) -> int:
    """Return how often WeChat was asked to start since this was called last."""
    return asked(house).count("start_push_ticket")


def sweep(house: House) -> bool:
    """Sweep once, and do what it asked of *renew* about tickets; True: it asked."""
    wanted = house.sweep.run().tickets
    house.work()
    return wanted


def test_a_fresh_ticket_is_no_news() -> None:
    """Within thirty minutes nobody is sent, asked or told."""
    house = quiet_house(HALF_AN_HOUR)
    assert not sweep(house)
    assert house.ticket_keeper.look() is Start.FRESH
    assert (starts(house), told(house)) == (0, [])


def test_tickets_that_stay_away_are_told_once_and_started_once() -> None:
    """A minute's sweeps for a quarter of an hour: one event, and WeChat is asked twice at most."""
    house = quiet_house()
    for _ in range(15):
        sweep(house)
        later(house, 60)
    assert told(house) == ["component.ticket_stale"]
    assert starts(house) == 2
    assert not house.wechat.pushes_stopped


def test_what_is_told_says_how_things_stand() -> None:
    """Age, last verdict and a remedy; the sequence goes on from the component's own."""
    house = quiet_house()
    ticket_at = house.clock.now() - HALF_AN_HOUR - 1
    house.items.note_push("bad_signature", now=house.clock.now() - 5)
    house.ticket_keeper.look()
    ((_, detail),) = house.bus.sent
    assert (detail["age"], detail["last_ticket_at"]) == (HALF_AN_HOUR + 1, ticket_at)
    assert (detail["last_verdict"], detail["last_push_at"]) == (
        "bad_signature",
        house.clock.now() - 5,
    )
    assert "bad_signature" in str(detail["remedy"])
    assert detail["sequence"] == stored(house, None).sequence


def test_a_ticket_that_comes_is_told_by_the_next_sweep() -> None:
    """Callback only writes it down; recovery is told once, and everything is quiet again."""
    house = quiet_house()
    sweep(house)
    later(house, 120)
    house.push_ticket()
    assert told(house) == ["component.ticket_stale"]
    for _ in range(3):
        sweep(house)
    ((kind, detail),) = house.bus.sent
    assert (kind, detail["stale_for"]) == ("component.ticket_recovered", 120)
    assert not sweep(house)


def test_it_is_told_anew_when_it_happens_anew() -> None:
    """Each silence has its own two events, in the order of their sequence."""
    house = quiet_house()
    for _ in range(2):
        sweep(house)
        house.push_ticket()
        sweep(house)
        later(house, HALF_AN_HOUR + 1)
    assert house.bus.kinds() == ["component.ticket_stale", "component.ticket_recovered"] * 2
    numbers = [detail["sequence"] for _, detail in house.bus.sent]
    assert numbers == sorted(set(numbers))


def test_two_at_once_tell_and_ask_once() -> None:
    """Two environments look in the same second: one writes the transition, one takes the start."""
    house = quiet_house()
    outcomes = [house.ticket_keeper.look() for _ in range(2)]
    assert outcomes == [Start.STARTED, Start.WAITING]
    assert (told(house), starts(house)) == (["component.ticket_stale"], 1)


def test_pushes_that_run_are_said_to_run() -> None:
    """WeChat answers ``in a normal state``: then they do not arrive here."""
    house = quiet_house()
    house.wechat.pushes_stopped = False
    assert house.ticket_keeper.look() is Start.RUNNING
    assert house.starts.last_push().start_outcome == "running"


def test_a_new_platform_is_started_without_an_event() -> None:
    """Before the first ticket nothing has got stale; WeChat is asked as soon as there is a secret.

    And the component token's item stays unmade: the first ticket makes it, due at once.
    """
    house = House()
    house.wechat.pushes_stopped = True
    assert sweep(house)
    assert (starts(house), told(house)) == (1, [])
    assert house.tokens.get(None) is None
    assert not sweep(house), "asked a short while ago"
    house.push_ticket()
    assert house.renew_queue.jobs == [{"job": "component"}]


def test_a_refusal_is_remembered_with_the_address_to_list() -> None:
    """Whoever asks for the status learns which address WeChat saw."""
    house = quiet_house()
    error = WeChatRefusedError(
        "POST: 61004 access clientip is not registered requestIP: 203.0.113.7",
        path="start",
        wechat_errcode=61004,
    )

    def refused(_appid: str, _secret: str, /) -> str:
        raise error

    house.wechat.start_push_ticket = refused  # type: ignore[method-assign]
    assert house.ticket_keeper.look() is Start.REFUSED
    push = house.starts.last_push()
    assert (push.start_outcome, push.start_errcode) == ("refused", 61004)
    assert push.start_address == "203.0.113.7"


def test_refusals_make_the_pauses_longer() -> None:
    """Ten minutes, twenty, forty, and no longer; an answer makes them short again."""
    house = quiet_house()
    refuse(house, "start_push_ticket", *[48001] * 4)
    now = house.clock.now()
    for pause in (600, 1200, 2400, 2400):
        assert house.ticket_keeper.look() is Start.REFUSED
        assert house.starts.last_push().start_not_before == now + pause
        later(house, pause - 1)
        assert house.ticket_keeper.look() is Start.WAITING
        later(house, 1)
        now = house.clock.now()
    assert house.ticket_keeper.look() is Start.STARTED
    push = house.starts.last_push()
    assert (push.start_attempts, push.start_errcode) == (0, None)
    assert push.start_not_before == now + START_PAUSE_SECONDS


@given(attempts=st.integers(1, 10**6))
def test_no_pause_is_shorter_or_longer_than_said(attempts: int) -> None:
    """However often WeChat refuses."""
    assert START_PAUSE_SECONDS <= pause_after_refusals(attempts) <= START_PAUSE_CAP


def test_silence_is_no_refusal() -> None:
    """The pause is the usual one, and what was refused before stays no more."""
    house = quiet_house()
    refuse(house, "start_push_ticket", "silent_before")
    assert house.ticket_keeper.look() is Start.UNKNOWN
    push = house.starts.last_push()
    assert (push.start_outcome, push.start_attempts) == ("unknown", 0)


def test_a_person_need_not_wait_for_the_pause() -> None:
    """By hand WeChat is asked at once, whoever asked before."""
    house = quiet_house()
    house.ticket_keeper.look()
    assert house.ticket_keeper.look() is Start.WAITING
    assert house.ticket_keeper.look(at_once=True) is Start.RUNNING


class NoSecret:
    """A secret that somebody has forgotten to enter."""

    def get(self) -> str:
        """Fail."""
        raise ConfigurationError("AppSecret", "the secret cannot be read")

    def changed(self) -> bool:
        """Say that it is not."""
        return False


def test_without_an_app_secret_it_is_told_and_tried_again_soon() -> None:
    """Nobody was asked, so the pause is a minute; the record says what is missing."""
    house = quiet_house()
    keeper = TicketKeeper(house.tools, house.wechat, house.items, house.starts, NoSecret())
    with pytest.raises(ConfigurationError, match="AppSecret"):
        keeper.look()
    assert told(house) == ["component.ticket_stale"]
    assert house.starts.last_push().start_outcome == "no_secret"
    later(house, 60)
    assert house.ticket_keeper.look() is Start.STARTED


def test_a_changed_app_secret_is_tried_at_once() -> None:
    """WeChat refuses the old one; the secret holds another: one more call, no pause."""
    house = quiet_house()
    house.app_secret.value, house.app_secret.news = "f" * 32, True
    secret = house.wechat.secret

    def changed() -> bool:
        house.app_secret.value = secret
        return True

    house.app_secret.changed = changed  # type: ignore[method-assign]
    assert house.ticket_keeper.look() is Start.STARTED
    assert starts(house) == 2


def test_old_records_and_lost_notes_make_no_noise() -> None:
    """The record may lack what the tickets say: one look, and nothing is asked or told."""
    house = with_component()
    key = next(key for key in house.table.items if key.sk == "PUSH")  # type: ignore[attr-defined]
    del house.table.items[key]  # type: ignore[attr-defined]
    told(house)
    assert sweep(house)
    assert (starts(house), told(house)) == (0, [])


@pytest.mark.parametrize(
    ("push", "verdict", "at"),
    [
        (LastPush(), None, None),
        (LastPush(accepted_at=5), "accepted", 5),
        (LastPush(refused_at=5, refused_verdict="bad_signature"), "bad_signature", 5),
        (LastPush(accepted_at=4, refused_at=5, refused_verdict="bad_envelope"), "bad_envelope", 5),
        (LastPush(accepted_at=6, refused_at=5, refused_verdict="bad_envelope"), "accepted", 6),
    ],
)
def test_the_last_verdict_is_the_latest(
    push: LastPush, verdict: str | None, at: float | None
) -> None:
    """Of the last accepted and the last refused push, the later one counts."""
    assert (push.verdict, push.at) == (verdict, at)
    assert ("refused" in stale_remedy(push)) == (verdict not in {None, "accepted"})
