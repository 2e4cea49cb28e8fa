"""Whose merchant: the push decides, else the browser with the cookie; nobody moves by itself."""

from __future__ import annotations

import pytest

from tests.fakes.house import MERCHANT, House
from tests.unit.services.kit import (
    OTHER,
    Link,
    exchange,
    find,
    land,
    later,
    link,
    pushed,
    secrets_of,
    stored,
    told,
    with_component,
)
from wxvault.services.onboarding_state import CodeStatus


def moves(house: House) -> list[tuple[str | None, str | None]]:
    """Return from whom to whom the merchant was told to have moved; the end is what is stored."""
    told = [detail for kind, detail in house.bus.sent if kind == "authorizer.assigned"]
    assert all(detail["tenant_id"] == detail["to_tenant_id"] for detail in told)
    assert house.bus.sent[-1][1]["tenant_id"] == stored(house).tenant_id
    return [(detail["from_tenant_id"], detail["to_tenant_id"]) for detail in told]


def conflicts(house: House) -> list[str]:
    """Return who claimed a merchant of somebody else, as it was told."""
    return [
        str(detail["claimed_by_tenant_id"])
        for kind, detail in house.bus.sent
        if kind == "authorizer.tenant_conflict"
    ]


def by_push(house: House, via: Link | None, appid: str = MERCHANT) -> str:
    """Have a merchant authorise, told by push alone; by a link or by none."""
    code = pushed(house, appid, pre_auth_code=via.pre_auth_code if via else None)
    house.work()
    return code


def by_redirect(house: House, via: Link, *cookies: str, appid: str = MERCHANT) -> str:
    """Have a merchant authorise, told by a browser alone that shows these cookies."""
    code = house.wechat.confirm(appid)
    land(house, via, code, list(cookies))
    house.work()
    return code


# --- who decides ---------------------------------------------------------------------------------


def test_the_push_decides() -> None:
    """The pre-auth code of the push was minted for a tenant's session: theirs is the merchant."""
    house = with_component()
    via = link(house, "tenant-a")
    by_push(house, via)
    assert stored(house).tenant_id == "tenant-a"
    assert not stored(house).tenant_by_redirect
    assert stored(house).item["tenant_key"] == "wx00000000000000c0#tenant-a"
    status = house.onboarding.status("tenant-a", via.session_id)
    assert (status.status, status.authorizers) == ("done", (MERCHANT,))


def test_the_browser_with_the_cookie_decides_for_now() -> None:
    """Without a push, the browser that opened the launch page says whose merchant it is."""
    house = with_component()
    via = link(house, "tenant-a")
    by_redirect(house, via, via.cookie)
    assert (stored(house).tenant_id, stored(house).tenant_by_redirect) == ("tenant-a", True)
    assert house.onboarding.status("tenant-a", via.session_id).authorizers == (MERCHANT,)


@pytest.mark.parametrize("cookies", [(), ("rubbish",)], ids=["none", "another"])
def test_a_browser_without_the_cookie_decides_nothing(cookies: tuple[str, ...]) -> None:
    """Anybody can send a browser to somebody else's session: the merchant is nobody's."""
    house = with_component()
    via = link(house, "tenant-a")
    by_redirect(house, via, *cookies)
    assert stored(house).tenant_id is None
    assert house.onboarding.status("tenant-a", via.session_id).authorizers == ()


def test_the_cookie_of_another_session_decides_nothing() -> None:
    """A cookie is good for the session whose page set it."""
    house = with_component()
    theirs, mine = link(house, "tenant-a"), link(house, "tenant-b")
    by_redirect(house, theirs, mine.cookie)
    assert stored(house).tenant_id is None


def test_an_unknown_pre_auth_code_is_nobodys() -> None:
    """A link that this vault did not make binds nobody, whatever a browser says beside it."""
    house = with_component()
    via = link(house, "tenant-a")
    code = pushed(house, pre_auth_code="preauthcode@@@of somebody else")
    land(house, via, code)
    house.work()
    assert stored(house).tenant_id is None


def test_no_pre_auth_code_is_nobodys() -> None:
    """An authorisation without a link (release test, registration) is listed as unassigned."""
    house = with_component()
    via = link(house, "tenant-a")
    code = pushed(house)
    land(house, via, code)
    house.work()
    assert stored(house).tenant_id is None
    assert stored(house).item["tenant_key"] == "wx00000000000000c0#-"


def test_a_pre_auth_code_is_known_for_seven_days() -> None:
    """After that the push of a code says nothing any more."""
    house = with_component()
    via = link(house, "tenant-a")
    later(house, 7 * 86400 + 1)
    house.push_ticket()
    by_push(house, via)
    assert stored(house).tenant_id is None


def test_a_session_may_bring_several() -> None:
    """A merchant with two accounts uses one session for both."""
    house = with_component()
    via = link(house)
    by_push(house, via, MERCHANT)
    by_push(house, via, OTHER)
    assert house.onboarding.status("tenant", via.session_id).authorizers == (MERCHANT, OTHER)
    assert stored(house, OTHER).tenant_id == "tenant"


# --- one after the other -------------------------------------------------------------------------


def test_a_late_push_corrects_the_redirect() -> None:
    """The browser said tenant B, the push says tenant A: it is A's, without a conflict."""
    house = with_component()
    hers, mine = link(house, "tenant-a"), link(house, "tenant-b")
    code = by_redirect(house, mine, mine.cookie)
    assert stored(house).tenant_id == "tenant-b"
    house.push_authorized(code, pre_auth_code=hers.pre_auth_code)
    house.work()
    assert (stored(house).tenant_id, stored(house).tenant_by_redirect) == ("tenant-a", False)
    assert conflicts(house) == []
    assert moves(house) == [("tenant-b", "tenant-a")]
    assert house.onboarding.status("tenant-a", hers.session_id).authorizers == (MERCHANT,)
    assert house.onboarding.status("tenant-b", mine.session_id).authorizers == ()


def test_a_late_push_confirms_the_redirect() -> None:
    """Both say the same: from then on it is sure, and no other push moves it."""
    house = with_component()
    via, other = link(house, "tenant-a"), link(house, "tenant-b")
    code = by_redirect(house, via, via.cookie)
    house.push_authorized(code, pre_auth_code=via.pre_auth_code)
    house.work()
    assert not stored(house).tenant_by_redirect
    assert moves(house) == []
    later(house, 10)
    by_push(house, other)
    assert stored(house).tenant_id == "tenant-a"
    assert conflicts(house) == ["tenant-b"]


def test_a_late_push_without_a_link_unbinds_the_redirect() -> None:
    """A push that comes from no link of ours disproves the browser: the merchant is nobody's."""
    house = with_component()
    via = link(house, "tenant-b")
    code = by_redirect(house, via, via.cookie)
    house.push_authorized(code)
    house.work()
    assert (stored(house).tenant_id, stored(house).tenant_by_redirect) == (None, False)
    assert moves(house) == [("tenant-b", None)]
    assert house.onboarding.status("tenant-b", via.session_id).authorizers == ()


def test_a_late_push_by_another_session_of_the_tenant_is_no_quarrel() -> None:
    """Two sessions of one tenant: both brought the merchant."""
    house = with_component()
    one, two = link(house, "tenant-a"), link(house, "tenant-a")
    code = by_redirect(house, one, one.cookie)
    house.push_authorized(code, pre_auth_code=two.pre_auth_code)
    house.work()
    assert (stored(house).tenant_id, stored(house).tenant_by_redirect) == ("tenant-a", False)
    for via in (one, two):
        assert house.onboarding.status("tenant-a", via.session_id).authorizers == (MERCHANT,)


def test_a_late_push_takes_nothing_from_whose_it_is_for_sure() -> None:
    """B's merchant by an earlier push, and B's browser again; a push for A is a conflict only."""
    house = with_component()
    by_push(house, link(house, "tenant-b"))
    later(house, 100)
    hers, mine = link(house, "tenant-a"), link(house, "tenant-b")
    code = by_redirect(house, mine, mine.cookie)
    house.settle()
    house.push_authorized(code, pre_auth_code=hers.pre_auth_code)
    house.settle()
    assert stored(house).tenant_id == "tenant-b"
    assert conflicts(house) == ["tenant-a"]
    assert moves(house) == []
    assert house.onboarding.status("tenant-b", mine.session_id).authorizers == (MERCHANT,)
    assert house.onboarding.status("tenant-a", hers.session_id).authorizers == ()


def test_a_failed_code_binds_nobody() -> None:
    """A browser without the cookie brought rubbish, then one with it: there is nobody to bind."""
    house = with_component()
    via = link(house, "tenant-a")
    land(house, via, "queryauthcode@@@rubbish", [])
    house.work()
    land(house, via, "queryauthcode@@@rubbish")
    later(house, 15)
    house.settle()
    assert house.tokens.get(MERCHANT) is None
    assert house.onboarding.status("tenant-a", via.session_id).authorizers == ()


def test_a_session_that_is_gone_binds_nobody() -> None:
    """Its item was deleted at the end of its life: the browser's cookie says nothing any more."""
    house = with_component()
    via = link(house, "tenant-a")
    code = house.wechat.confirm(MERCHANT)
    land(house, via, code)
    for key in [key for key in house.table.items if key.sk == "SESSION"]:  # type: ignore[attr-defined]
        del house.table.items[key]  # type: ignore[attr-defined]
    house.work()
    assert stored(house).tenant_id is None
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_a_late_redirect_binds_what_nobody_had() -> None:
    """A push that never comes: the redirect with the cookie after one without it still binds."""
    house = with_component()
    via = link(house, "tenant-a")
    code = by_redirect(house, via)
    assert stored(house).tenant_id is None
    land(house, via, code)
    later(house, 15)
    house.settle()
    assert stored(house).tenant_id == "tenant-a"
    assert house.onboarding.status("tenant-a", via.session_id).status == "done"


def test_a_push_is_not_corrected_by_a_redirect() -> None:
    """A browser of tenant B brings tenant A's code: it stays A's, and B sees nothing of it."""
    house = with_component()
    hers, mine = link(house, "tenant-a"), link(house, "tenant-b")
    code = by_push(house, hers)
    land(house, mine, code)
    later(house, 15)
    house.settle()
    assert stored(house).tenant_id == "tenant-a"
    assert conflicts(house) == []
    assert house.onboarding.status("tenant-b", mine.session_id).authorizers == ()


# --- nobody moves --------------------------------------------------------------------------------


def test_a_merchant_never_moves_by_itself() -> None:
    """Tenant B's link brings A's merchant: tokens are renewed, the tenant stays, it is told."""
    house = with_component()
    by_push(house, link(house, "tenant-a"))
    later(house, 100)
    old = secrets_of(house)
    theirs = link(house, "tenant-b")
    told(house)
    by_push(house, theirs)
    assert stored(house).tenant_id == "tenant-a"
    assert secrets_of(house)[1] not in (None, old[1])
    assert house.wechat.honours(MERCHANT, find(house).access_token)
    kind, detail = house.bus.sent[-1]
    assert kind == "authorizer.tenant_conflict"
    assert (detail["tenant_id"], detail["claimed_by_tenant_id"]) == ("tenant-a", "tenant-b")
    assert house.onboarding.status("tenant-b", theirs.session_id).authorizers == ()


def test_a_redirect_moves_nobody_either() -> None:
    """Tenant B's browser brings A's merchant: it stays A's."""
    house = with_component()
    by_push(house, link(house, "tenant-a"))
    later(house, 100)
    mine = link(house, "tenant-b")
    by_redirect(house, mine, mine.cookie)
    house.settle()
    assert stored(house).tenant_id == "tenant-a"
    assert conflicts(house) == ["tenant-b"]


def test_a_second_redirect_moves_nobody() -> None:
    """Bound by one browser, claimed by another: the first stays until a push decides."""
    house = with_component()
    first, second = link(house, "tenant-a"), link(house, "tenant-b")
    by_redirect(house, first, first.cookie)
    later(house, 100)
    by_redirect(house, second, second.cookie)
    house.settle()
    assert stored(house).tenant_id == "tenant-a"
    assert conflicts(house) == ["tenant-b"]


@pytest.mark.parametrize("ways", ["push, redirect", "redirect, push"])
def test_a_conflict_is_told_once(ways: str) -> None:
    """However many ways bring one authorisation, its conflict is one event."""
    house = with_component()
    by_push(house, link(house, "tenant-a"))
    later(house, 100)
    via = link(house, "tenant-b")
    code = house.wechat.confirm(MERCHANT)
    for way in ways.split(", "):
        if way == "push":
            house.push_authorized(code, pre_auth_code=via.pre_auth_code)
        else:
            land(house, via, code)
        house.work()
        later(house, 15)
        house.settle()
    assert stored(house).tenant_id == "tenant-a"
    assert conflicts(house) == ["tenant-b"]


def test_a_conflict_is_told_once_though_the_worker_is_killed() -> None:
    """The code remembers it with the same write: who takes it again does not tell it again."""
    house = with_component()
    by_push(house, link(house, "tenant-b"))
    later(house, 100)
    hers, mine = link(house, "tenant-a"), link(house, "tenant-b")
    code = by_redirect(house, mine, mine.cookie)
    house.settle()
    house.push_authorized(code, pre_auth_code=hers.pre_auth_code)
    settle = house.codes.settle

    def killed(*_: object, **__: object) -> None:
        house.codes.settle = settle  # type: ignore[method-assign]
        raise KeyboardInterrupt

    house.codes.settle = killed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        exchange(house, code)
    assert conflicts(house) == ["tenant-a"]
    house.settle()
    assert conflicts(house) == ["tenant-a"]
    assert stored(house).tenant_id == "tenant-b"


def test_a_merchant_who_left_still_belongs() -> None:
    """Cancelled and authorised again, by a link of the same tenant or by none: it stays theirs."""
    house = with_component()
    by_push(house, link(house, "tenant-a"))
    for via in (link(house, "tenant-a"), None):
        later(house, 100)
        house.wechat.cancel(MERCHANT)
        house.push_unauthorized()
        house.work()
        assert stored(house).tenant_id == "tenant-a"
        later(house, 100)
        by_push(house, via)
        house.settle()
        assert stored(house).tenant_id == "tenant-a"
    assert conflicts(house) == []


@pytest.mark.parametrize("how", ["spent", "retaken"])
def test_a_healed_code_binds_too(how: str) -> None:
    """The tenant does not depend on whether the first exchange was answered."""
    house = with_component()
    via = link(house, "tenant-a")
    code = pushed(house, pre_auth_code=via.pre_auth_code)
    house.wechat.faults["query_auth"] = [61009 if how == "spent" else "silent_after"]
    house.wechat._new_refresh_token(MERCHANT, house.wechat.accounts[MERCHANT])
    exchange(house, code)
    later(house, 25)
    assert exchange(house, code) is CodeStatus.DONE
    assert stored(house).tenant_id == "tenant-a"
    assert house.onboarding.status("tenant-a", via.session_id).authorizers == (MERCHANT,)


def test_the_same_evidence_binds_alike_in_any_order() -> None:
    """A push without a link and a browser with its cookie: which comes first must not matter."""
    tenants = set()
    for ways in (("push", "redirect"), ("redirect", "push")):
        house = with_component()
        via = link(house, "tenant-a")
        code = house.wechat.confirm(MERCHANT)
        for way in ways:
            if way == "push":
                house.push_authorized(code)
            else:
                land(house, via, code)
            house.work()
            later(house, 15)
            house.settle()
        tenants.add(stored(house).tenant_id)
    assert tenants == {None}
