"""Reusing an official account's registration: one ticket, one call, one tenant."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.house import COMPONENT, MERCHANT, House
from tests.unit.services.kit import (
    BROWSER,
    asked,
    authorized,
    edit,
    later,
    snapshot,
    stored,
    told,
)
from tests.unit.services.registration_kit import (
    OTHER_TENANT,
    TENANT,
    session_of,
    start,
    status_of,
)
from wxvault.errors import (
    InvalidRequestError,
    LandingLimitError,
    LaunchCookieMissingError,
    MintLimitError,
    RenewalInProgressError,
    SessionExpiredError,
    UnknownSessionError,
)
from wxvault.services.registration_state import TicketStatus
from wxvault.services.state import Status
from wxvault.services.tools import token_sha256
from wxvault.vault.keys import authorizer_key, reuse_ticket_key

if TYPE_CHECKING:
    from wxvault.services.onboarding_state import Session
    from wxvault.services.registration import Started

TICKET = "b25519093b1e97239eff9d2bfc07e08e"
TICKET_SHA = token_sha256(TICKET)


class Scene:
    """A tenant with an official account, and a browser in which its link was launched."""

    def __init__(self) -> None:
        self.house = authorized()
        edit(self.house, tenant_id=TENANT)
        request = {"kind": "reuse", "authorizer_appid": MERCHANT, "copy_wx_verify": True}
        self.started = start(self.house, request)
        self.launch = self.house.onboarding.launch(self.started.session_id, BROWSER)
        self.wechat = self.house.registration_wechat

    @property
    def session(self) -> Session:
        """The session as it stands."""
        return session_of(self.house, self.started)

    def land(self, ticket: str = TICKET, *, cookies: tuple[str, ...] | None = None) -> TicketStatus:
        """WeChat sends the browser back."""
        shown = (self.launch.cookie,) if cookies is None else cookies
        return self.house.reuse_landing.arrive(self.session, ticket, shown)

    def land_quietly(self) -> None:
        """Land while nobody works."""
        self.land()
        asked(self.house)

    def standing(self) -> tuple[str, str | None]:
        """How it stands for the tenant."""
        status = status_of(self.house, self.started)
        return status.status, status.remedy

    def item(self) -> dict[str, Any]:
        """The ticket's item."""
        return self.house.table.items[reuse_ticket_key(COMPONENT, TICKET_SHA)]  # type: ignore[attr-defined,no-any-return]


@pytest.fixture(name="scene")
def _scene() -> Scene:
    """Return a fresh scene."""
    return Scene()


def test_the_link_leads_to_wechats_page(scene: Scene) -> None:
    """With the account, the wish for its verification, and our own landing."""
    parts = urlsplit(scene.launch.onward_url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == (
        "https://mp.weixin.qq.com/cgi-bin/fastregisterauth"
    )
    assert parse_qs(parts.query) == {
        "appid": [MERCHANT],
        "component_appid": [COMPONENT],
        "copy_wx_verify": ["1"],
        "redirect_uri": [f"https://auth.example.com/registered/{scene.started.session_id}"],
    }
    assert "pre_auth_code" not in asked(scene.house)


def test_a_ticket_becomes_an_account_of_the_tenant(scene: Scene) -> None:
    """One call with the official account's own token, one exchange, and the result told."""
    scene.house.clock.while_sleeping.append(scene.house.work)  # type: ignore[attr-defined]
    token = scene.house.lookup.find(MERCHANT).access_token
    assert scene.land() is TicketStatus.DONE
    assert scene.wechat.calls == [("reuse", {"ticket": TICKET})]
    assert scene.wechat.tokens == [token]
    (appid,) = scene.wechat.registered
    scene.house.work()
    assert (stored(scene.house, appid).status, stored(scene.house, appid).tenant_id) == (
        Status.ACTIVE,
        TENANT,
    )
    assert scene.house.wechat.honours(appid, scene.house.lookup.find(appid).access_token)
    assert asked(scene.house).count("query_auth") == 1
    assert scene.standing() == ("succeeded", None)
    kinds = told(scene.house)
    assert kinds == ["registration.succeeded", "authorizer.authorized"]


def test_the_tickets_item_holds_it_sealed_and_then_not_at_all(scene: Scene) -> None:
    """Whoever reads the table learns no ticket; a used one does not stay."""
    scene.land()
    assert TICKET not in repr(snapshot(scene.house))
    assert "ticket" in scene.item()
    scene.house.work()
    assert "ticket" not in scene.item()
    assert "due_at" not in scene.item()


def test_a_browser_without_the_cookie_is_turned_away(scene: Scene) -> None:
    """Its ticket may be anybody's: nothing is written, nobody is asked."""
    before = snapshot(scene.house)
    for cookies in ((), ("another",)):
        with pytest.raises(LaunchCookieMissingError):
            scene.land(cookies=cookies)
    assert snapshot(scene.house) == before
    assert scene.house.exchange_queue.jobs == []


@pytest.mark.parametrize("ticket", ["", "short", "x" * 513, "with blank in it!", "a" * 20 + "\n"])
def test_what_is_no_ticket_is_refused(scene: Scene, ticket: str) -> None:
    """Before anything is written."""
    before = snapshot(scene.house)
    with pytest.raises(InvalidRequestError) as refused:
        scene.land(ticket)
    assert refused.value.field == "ticket"
    assert snapshot(scene.house) == before


def test_the_landing_is_bounded(scene: Scene) -> None:
    """60 tickets a session; one that is known is no news and costs nothing."""
    for number in range(60):
        scene.land(f"{TICKET}{number}")
    with pytest.raises(LandingLimitError):
        scene.land(f"{TICKET}x")
    scene.land(f"{TICKET}59")


def test_the_button_is_bounded_too(scene: Scene) -> None:
    """Each press writes a cookie into the session."""
    with pytest.raises(MintLimitError):
        scene.house.onboarding.launch(scene.started.session_id, BROWSER)
    later(scene.house, 86400)
    with pytest.raises(SessionExpiredError):
        scene.house.onboarding.launch(scene.started.session_id, BROWSER)


def test_each_landing_takes_its_own_only(scene: Scene) -> None:
    """A link to authorise takes no ticket, and one to register takes no code."""
    with pytest.raises(UnknownSessionError):
        scene.house.landing.arrive(scene.session, "queryauthcode@@@" + "x" * 20, ())
    created = scene.house.onboarding.create(TENANT, {})
    session = scene.house.landing.session(created.session_id)
    with pytest.raises(UnknownSessionError):
        scene.house.reuse_landing.arrive(session, TICKET, (scene.launch.cookie,))


def test_a_repeated_landing_registers_once(scene: Scene) -> None:
    """Reloaded, or worked off twice: there is one call."""
    scene.land()
    scene.land()
    for _ in range(3):
        scene.house.exchange_queue.jobs.append({"ticket_sha256": TICKET_SHA})
    scene.house.work()
    assert len(scene.wechat.calls) == 1
    assert scene.land() is TicketStatus.DONE


@pytest.mark.parametrize("fault", ["silent", "silent_after", -1, 89247])
def test_silence_is_never_followed_by_a_second_call(scene: Scene, fault: int | str) -> None:
    """It may have registered: merchant and tenant are told to look first."""
    scene.wechat.answers = [fault]
    scene.land_quietly()
    scene.house.work()
    later(scene.house, 3600)
    scene.house.settle()
    assert len(scene.wechat.calls) == 1
    status, remedy = scene.standing()
    assert status == "failed"
    assert "may have been registered" in (remedy or "")
    assert told(scene.house).count("registration.failed") == 1


def test_a_crash_during_the_call_is_like_silence(scene: Scene) -> None:
    """The claim runs out; whoever comes next asks nobody."""
    scene.land_quietly()
    now = scene.house.clock.now()
    assert scene.house.tickets.claim(TICKET_SHA, "crashed", now=now)
    assert scene.house.reuse.use(TICKET_SHA) is TicketStatus.CLAIMED
    later(scene.house, 26)
    scene.house.sweep.run()
    scene.house.work()
    assert scene.wechat.calls == []
    assert scene.standing()[0] == "failed"


def test_a_crash_after_the_code_was_written_down_loses_nothing(scene: Scene) -> None:
    """The account is the tenant's, though nobody could say so any more."""

    class Crashed(Exception):  # noqa: N818 -- what ends an environment
        pass

    def crash(*_: object) -> None:
        raise Crashed

    scene.land_quietly()
    note, scene.house.sessions.note_result = scene.house.sessions.note_result, crash  # type: ignore[assignment,method-assign]
    with pytest.raises(Crashed):
        scene.house.reuse.use(TICKET_SHA)
    scene.house.sessions.note_result = note  # type: ignore[method-assign]
    scene.house.exchange_queue.jobs.clear()
    later(scene.house, 60)
    scene.house.settle()
    (appid,) = scene.wechat.registered
    assert len(scene.wechat.calls) == 1
    assert stored(scene.house, appid).tenant_id == TENANT
    assert scene.standing()[0] == "succeeded"


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
def test_a_refused_token_is_renewed_and_the_ticket_used_with_the_next(
    scene: Scene, errcode: int
) -> None:
    """WeChat has not begun: this may be repeated, once at a time."""
    scene.wechat.answers = [errcode]
    later(scene.house, 100)
    scene.land()
    scene.house.work()
    first, second = scene.wechat.tokens
    assert first != second
    assert asked(scene.house).count("refresh") == 1
    assert scene.standing()[0] == "succeeded"


def test_a_token_that_stays_refused_is_an_error_in_the_end(scene: Scene) -> None:
    """It is put off a few times, a minute each, and then told."""
    scene.wechat.answers = [40001] * 100
    scene.land()
    scene.house.work()
    for _ in range(12):
        later(scene.house, 61)
        scene.house.sweep.run()
        scene.house.work()
    assert scene.standing()[0] == "failed"
    assert len(scene.wechat.calls) <= 12
    assert status_of(scene.house, scene.started).wechat_status == 40001


def test_a_full_minute_is_waited_for(scene: Scene) -> None:
    """45011: nothing has begun."""
    scene.wechat.answers = [45011]
    scene.land()
    scene.house.work()
    assert len(scene.wechat.calls) == 1
    assert scene.standing()[0] == "waiting"
    later(scene.house, 61)
    scene.house.sweep.run()
    scene.house.work()
    assert scene.standing()[0] == "succeeded"


@pytest.mark.parametrize(
    ("errcode", "words"),
    [
        (61007, "permission set 27 (快速注册小程序"),
        (61052, "verified"),
        (61055, "next month"),
        (61056, "copy_wx_verify"),
        (61058, "linked mini program"),
        (61028, "全网发布"),
    ],
)
def test_a_refusal_is_told_in_words(scene: Scene, errcode: int, words: str) -> None:
    """One call, and what to do about it; the merchant may come with another ticket."""
    scene.wechat.answers = [errcode]
    scene.land()
    scene.house.work()
    status, remedy = scene.standing()
    assert status == "failed"
    assert words in (remedy or "")
    scene.land(f"{TICKET}2")
    scene.house.work()
    assert scene.standing()[0] == "succeeded"


@pytest.mark.parametrize("owner", [OTHER_TENANT, None])
@pytest.mark.parametrize("during", [False, True], ids=["before", "during the look-up"])
def test_an_account_that_left_its_tenant_is_not_reused(
    scene: Scene, owner: str | None, *, during: bool
) -> None:
    """A link is up to a week old: no mini program is registered with another tenant's account."""
    scene.land_quietly()

    def move() -> None:
        edit(scene.house, tenant_id=owner)

    if during:
        look, lookup = scene.house.lookup.find, scene.house.lookup

        def look_slowly(*args: Any, **named: Any) -> Any:
            move()
            return look(*args, **named)

        lookup.find = look_slowly  # type: ignore[method-assign]
    else:
        move()
    assert scene.house.reuse.use(TICKET_SHA) is TicketStatus.FAILED
    assert scene.wechat.calls == []
    status, remedy = scene.standing()
    assert status == "failed"
    assert "authorisation link" in (remedy or "")
    assert told(scene.house) == ["registration.failed"]


def test_an_account_that_has_left_is_told(scene: Scene) -> None:
    """There is no token to register with."""
    scene.land()
    scene.house.wechat.cancel(MERCHANT)
    scene.house.push_unauthorized()
    scene.house.work()
    assert scene.wechat.calls == []
    status, remedy = scene.standing()
    assert status == "failed"
    assert "authorisation link" in (remedy or "")


def test_while_there_is_no_token_the_ticket_waits(scene: Scene) -> None:
    """It stays due, and is used when there is one."""
    item = scene.house.table.items[authorizer_key(COMPONENT, MERCHANT)]  # type: ignore[attr-defined]
    scene.land()
    now = scene.house.clock.now()
    later(scene.house, 7300)
    item["lease_until"], item["lease_id"] = now + 7600, "somebody"
    scene.house.exchange_queue.jobs.clear()
    with pytest.raises(RenewalInProgressError):
        scene.house.reuse.use(TICKET_SHA)
    assert scene.wechat.calls == []
    later(scene.house, 400)
    scene.house.push_ticket()
    scene.house.settle()
    assert scene.standing()[0] == "succeeded"


def test_a_ticket_that_cannot_be_opened_is_told(scene: Scene) -> None:
    """Unlike a token nobody has another."""
    scene.land()
    scene.item()["ticket"] = b"\x00" * 60
    scene.house.work()
    assert scene.wechat.calls == []
    status, remedy = scene.standing()
    assert status == "failed"
    assert remedy


@pytest.mark.parametrize(
    "order", list(permutations(["ticket", "authorized", "code"])), ids="-".join
)
def test_an_ordinary_push_beside_it_changes_nothing(order: tuple[str, ...]) -> None:
    """WeChat also pushes the new account, before or after its answer was worked off."""
    scene = Scene()
    scene.land_quietly()
    house = scene.house
    pushed: list[str] = []

    def push() -> None:
        if scene.wechat.registered and not pushed:
            (appid,) = scene.wechat.registered
            code = next(code for code, one in house.wechat.codes.items() if one.appid == appid)
            pushed.append(appid)
            house.push_authorized(code, appid)

    if order[0] == "authorized":
        scene.wechat.afterwards.append(push)
    for step in order:
        if step == "ticket":
            house.reuse.use(TICKET_SHA)
        elif step == "authorized":
            push()
        else:
            house.exchange_queue.jobs = [
                job for job in house.exchange_queue.jobs if "code_sha256" in job
            ]
            house.work()
    push()
    house.work()
    house.settle()
    (appid,) = scene.wechat.registered
    assert stored(house, appid).tenant_id == TENANT
    assert asked(house).count("query_auth") == 1
    assert house.wechat.honours(appid, house.lookup.find(appid).access_token)
    assert scene.standing()[0] == "succeeded"


@settings(max_examples=50, deadline=None)
@given(
    answers=st.lists(
        st.sampled_from(["silent", "silent_after", -1, 61057, 40001, 45011, 0]), max_size=4
    ),
    crash=st.booleans(),
)
def test_no_ticket_ever_registers_two(answers: list[int | str], *, crash: bool) -> None:
    """Whatever WeChat answers, and whoever is cut off, repeats or comes late."""
    scene = Scene()
    scene.wechat.answers = answers
    scene.land_quietly()
    if crash:
        scene.house.tickets.claim(TICKET_SHA, "crashed", now=scene.house.clock.now())
    for _ in range(10):
        scene.house.exchange_queue.jobs.append({"ticket_sha256": TICKET_SHA})
        scene.house.work()
        later(scene.house, 61)
        scene.house.sweep.run()
        scene.house.work()
    assert len(scene.wechat.registered) <= 1
    assert scene.standing()[0] in {"succeeded", "failed"}
    assert (scene.standing()[0] == "succeeded") == bool(
        scene.wechat.registered and stored_or_none(scene.house, scene.wechat.registered[0])
    )


def stored_or_none(house: House, appid: str) -> object:
    """Return an account as it stands, if it does."""
    return house.tokens.get(appid)


def test_another_tenants_ticket_stays_another_tenants(scene: Scene) -> None:
    """A ticket that is shown again by another session belongs to the one that brought it first."""
    scene.land()
    edit(scene.house, tenant_id=OTHER_TENANT)
    request = {"kind": "reuse", "authorizer_appid": MERCHANT, "copy_wx_verify": False}
    other: Started = start(scene.house, request, tenant_id=OTHER_TENANT)
    launch = scene.house.onboarding.launch(other.session_id, BROWSER)
    scene.house.reuse_landing.arrive(session_of(scene.house, other), TICKET, (launch.cookie,))
    edit(scene.house, tenant_id=TENANT)
    scene.house.work()
    (appid,) = scene.wechat.registered
    assert stored(scene.house, appid).tenant_id == TENANT
