"""The launch page's button, and the browser that comes back with a code."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.fakes.house import COMPONENT, MERCHANT
from tests.unit.services.kit import (
    asked,
    code_of,
    land,
    later,
    link,
    refuse,
    told,
    with_component,
)
from wxvault.errors import (
    InvalidRequestError,
    SessionExpiredError,
    UnknownSessionError,
    WeChatRefusedError,
    WeChatUnknownError,
)
from wxvault.services.onboarding import session_fingerprint
from wxvault.services.onboarding_state import CodeStatus

WECHAT_ON_A_PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) MicroMessenger/8.0.50"
WECHAT_ON_A_DESK = "Mozilla/5.0 (Windows NT 10.0) MicroMessenger/3.9 WindowsWechat"
A_DESK = "Mozilla/5.0 (Macintosh) Safari/605"
PC = "https://mp.weixin.qq.com/cgi-bin/componentloginpage"
H5 = "https://open.weixin.qq.com/wxaopen/safe/bindcomponent"
H5_OLD = "https://mp.weixin.qq.com/safe/bindcomponent"


# --- the button ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("style", "user_agent", "page"),
    [
        ("auto", A_DESK, PC),
        ("auto", WECHAT_ON_A_PHONE, H5),
        ("auto", WECHAT_ON_A_DESK, PC),
        ("auto", "", PC),
        ("pc", WECHAT_ON_A_PHONE, PC),
        ("h5", A_DESK, H5),
        ("h5_old", A_DESK, H5_OLD),
    ],
)
def test_the_link_leads_to_the_right_page(style: str, user_agent: str, page: str) -> None:
    """The style that was asked for, or the one that suits the browser, with all that was asked."""
    house = with_component()
    request = {"style": style, "auth_type": 2, "biz_appid": MERCHANT, "category_id_list": [1, 99]}
    session_id = house.onboarding.create("tenant", request).session_id
    launch = house.onboarding.launch(session_id, user_agent)
    parts = urlsplit(launch.onward_url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == page
    assert parts.fragment == ("" if page == PC else "wechat_redirect")
    assert query["component_appid"] == COMPONENT
    assert query["redirect_uri"] == f"https://auth.example.com/authorized/{session_id}"
    assert (query["auth_type"], query["biz_appid"]) == ("2", MERCHANT)
    assert query["category_id_list"] == "1|99"
    assert query["pre_auth_code"].startswith("preauthcode@@@")


def test_looking_mints_nothing() -> None:
    """Link previews open the page: only the button costs a code."""
    house = with_component()
    session_id = house.onboarding.create("tenant", {}).session_id
    for _ in range(50):
        assert house.onboarding.open_session(session_id).tenant_id == "tenant"
    assert asked(house) == []


def test_every_press_is_a_new_code_and_cookie() -> None:
    """A code is for one merchant: it is never kept for the next."""
    house = with_component()
    session_id = house.onboarding.create("tenant", {}).session_id
    first = house.onboarding.launch(session_id, "")
    later(house, 3)
    second = house.onboarding.launch(session_id, "")
    assert first.onward_url != second.onward_url
    assert first.cookie != second.cookie
    session = house.sessions.get(session_fingerprint(session_id))
    assert session is not None
    assert (session.codes_minted, len(session.launch_cookies)) == (2, 2)
    assert first.cookie not in repr(house.table)


def test_an_expired_session_is_not_launched() -> None:
    """At its end a session is over, and the merchant is told so."""
    house = with_component()
    session_id = house.onboarding.create("tenant", {"ttl": 900}).session_id
    later(house, 900)
    for open_it in (house.onboarding.open_session, lambda id_: house.onboarding.launch(id_, "")):
        with pytest.raises(SessionExpiredError):
            open_it(session_id)
    assert asked(house) == []


def test_an_unknown_session_is_not_launched() -> None:
    """Nobody knows it: no code is minted for it."""
    house = with_component()
    with pytest.raises(UnknownSessionError):
        house.onboarding.launch("x" * 43, "")
    assert asked(house) == []


def test_a_refused_component_token_is_renewed_once() -> None:
    """40001 speaks of the component token: renewed, and the code asked for again."""
    house = with_component()
    later(house, 61)
    session_id = house.onboarding.create("tenant", {}).session_id
    refuse(house, "pre_auth_code", 40001)
    assert house.onboarding.launch(session_id, "").onward_url
    assert asked(house) == ["pre_auth_code", "component_token", "pre_auth_code"]


@pytest.mark.parametrize("fault", [45009, "silent_after"])
def test_wechats_refusal_is_the_visitors(fault: int | str) -> None:
    """What WeChat refuses or leaves unanswered is told, and counted as one of the twenty."""
    house = with_component()
    session_id = house.onboarding.create("tenant", {}).session_id
    refuse(house, "pre_auth_code", fault)
    with pytest.raises((WeChatRefusedError, WeChatUnknownError)):
        house.onboarding.launch(session_id, "")
    session = house.sessions.get(session_fingerprint(session_id))
    assert session is not None
    assert (session.codes_minted, session.launch_cookies) == (1, frozenset())


# --- the landing ---------------------------------------------------------------------------------


def test_an_unknown_session_lands_nowhere() -> None:
    """The push brings the code; a browser at a session that nobody knows writes nothing."""
    house = with_component()
    with pytest.raises(UnknownSessionError):
        house.landing.session("x" * 43)


def test_an_expired_session_still_lands() -> None:
    """The merchant may have taken long at WeChat: what they confirmed is taken."""
    house = with_component()
    via = link(house, ttl=900)
    later(house, 1000)
    land(house, via, house.wechat.confirm(MERCHANT))
    house.work()
    assert house.onboarding.status("tenant", via.session_id).status == "done"


@pytest.mark.parametrize(
    "wrong",
    ["", "short", "x" * 15, "x" * 513, "queryauthcode@@@" + "x y", "x" * 20 + "\n", "x" * 20 + "é"],
)
def test_what_is_no_code_is_not_written(wrong: str) -> None:
    """Anything without the form of a code is refused by the name of its field."""
    house = with_component()
    via = link(house)
    before = dict(house.table.items)  # type: ignore[attr-defined]
    with pytest.raises(InvalidRequestError) as raised:
        land(house, via, wrong)
    assert raised.value.field == "auth_code"
    assert house.table.items == before  # type: ignore[attr-defined]
    assert house.exchange_queue.jobs == []


@pytest.mark.parametrize("code", ["queryauthcode@@@" + "aA0_-" * 17, "x" * 16, "x" * 512])
def test_what_is_a_code_is_written_sealed(code: str) -> None:
    """The code is in the table before anything else, and nobody can read it there."""
    house = with_component()
    via = link(house)
    land(house, via, code)
    record = code_of(house, code)
    assert record.due_at is not None
    assert house.codes.authorization_code(record) == code
    assert code not in repr(house.table)
    assert len(house.exchange_queue.jobs) == 1


def test_it_waits_six_seconds_for_the_exchange() -> None:
    """Without a worker the browser goes on after six seconds, told that it is not done yet."""
    house = with_component()
    via = link(house)
    started = house.clock.now()
    assert land(house, via, house.wechat.confirm(MERCHANT)) is CodeStatus.RECEIVED
    assert 6 <= house.clock.now() - started < 6.2


def test_it_goes_on_as_soon_as_it_is_done() -> None:
    """When the worker is done, the browser goes on at once, told that all is well."""
    house = with_component()
    via = link(house)
    code = house.wechat.confirm(MERCHANT)
    house.time.while_sleeping += [lambda: None, house.work]
    started = house.clock.now()
    assert land(house, via, code) is CodeStatus.DONE
    assert house.clock.now() - started < 0.5
    assert asked(house).count("query_auth") == 1


def test_a_failed_code_is_not_waited_for() -> None:
    """A code that WeChat does not know ends the wait too."""
    house = with_component()
    via = link(house)
    refuse(house, "query_auth", 61009)
    house.time.while_sleeping += [house.work]
    assert land(house, via, "queryauthcode@@@rubbish") is CodeStatus.FAILED


def test_coming_twice_is_coming_once() -> None:
    """A reload of the redirect writes nothing new, sends no job, and sees the result at once."""
    house = with_component()
    via = link(house)
    code = house.wechat.confirm(MERCHANT)
    land(house, via, code)
    house.work()
    told(house)
    started = house.clock.now()
    assert land(house, via, code) is CodeStatus.DONE
    assert house.clock.now() == started
    assert house.exchange_queue.jobs == []
    assert told(house) == []


def test_a_browser_without_the_cookie_confirms_nothing() -> None:
    """The code is exchanged, for a code is a code; but the session it came by is not touched."""
    house = with_component()
    via = link(house)
    code = house.wechat.confirm(MERCHANT)
    land(house, via, code, [])
    house.work()
    assert house.onboarding.status("tenant", via.session_id).status == "waiting"
    assert code_of(house, code).session_sha256 is None
    assert code_of(house, code).status is CodeStatus.DONE


def test_every_cookie_of_the_session_counts() -> None:
    """The merchant pressed twice: the first window's cookie is as good as the second's."""
    house = with_component()
    session_id = house.onboarding.create("tenant", {}).session_id
    first = house.onboarding.launch(session_id, "")
    later(house, 3)
    house.onboarding.launch(session_id, "")
    session = house.landing.session(session_id)
    house.landing.arrive(session, house.wechat.confirm(MERCHANT), ["rubbish", first.cookie])
    assert house.onboarding.status("tenant", session_id).status == "confirmed"


def test_the_push_was_first() -> None:
    """The browser comes to a code that is done: no second job, and the session is confirmed."""
    house = with_component()
    via = link(house)
    code = house.wechat.confirm(MERCHANT)
    house.push_authorized(code, pre_auth_code=via.pre_auth_code)
    house.work()
    assert land(house, via, code) is CodeStatus.DONE
    assert house.exchange_queue.jobs == []
    assert house.onboarding.status("tenant", via.session_id).status == "done"
