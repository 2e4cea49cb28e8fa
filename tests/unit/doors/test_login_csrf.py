"""Another tenant's code pushed into my session binds nothing; nor does my browser, lured elsewhere.

The attacker has a session of their own (tenant-evil), its cookie, and a code of an account of
theirs that WeChat pushes with their own PreAuthCode. The victim's session belongs to tenant-good.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.fakes.house import MERCHANT, House
from tests.unit.doors.kit import BASE, Doors, onward
from tests.unit.services.kit import OTHER, asked, later, snapshot, stored, with_component
from wxvault.runtime.answering import launch_cookie_name

if TYPE_CHECKING:
    from collections.abc import Callable

VICTIMS = MERCHANT
ATTACKERS = OTHER


@dataclass
class Scene:
    """Two sessions, two browsers, and the attacker's code."""

    house: House = field(default_factory=with_component)

    def __post_init__(self) -> None:
        self.victim, self.attacker = Doors(self.house), Doors(self.house)
        self.good = self.house.onboarding.create("tenant-good", {}).session_id
        self.evil = self.house.onboarding.create("tenant-evil", {}).session_id
        self.good_link = onward(self.victim.button(self.good))
        self.evil_link = onward(self.attacker.button(self.evil))
        self.code = self.house.wechat.confirm(ATTACKERS)

    def push(self) -> None:
        """WeChat pushes the attacker's code, with the PreAuthCode of the attacker's link."""
        pre_auth_code = self.evil_link.partition("pre_auth_code=")[2].partition("&")[0]
        pre_auth_code = pre_auth_code.replace("%40", "@")
        self.house.push_authorized(self.code, ATTACKERS, pre_auth_code=pre_auth_code)

    def rename(self) -> dict[str, str]:
        """The attacker's cookie under the name that the victim's session looks for."""
        session = self.house.landing.session(self.good)
        return {launch_cookie_name(session): next(iter(self.attacker.cookies.values()))}

    def accounts(self, tenant_id: str, session_id: str) -> tuple[str, ...]:
        """What a tenant is told of its session."""
        return self.house.onboarding.status(tenant_id, session_id).authorizers


def no_cookie(scene: Scene) -> None:
    """The attacker opens the victim's landing with the own code, and no cookie."""
    Doors(scene.house).land(scene.good, scene.code)


def own_cookie(scene: Scene) -> None:
    """With the cookie of the own session."""
    scene.attacker.land(scene.good, scene.code)


def forged_cookie(scene: Scene) -> None:
    """With that cookie under the name of the victim's."""
    Doors(scene.house, cookies=scene.rename()).land(scene.good, scene.code)


def both_cookies(scene: Scene) -> None:
    """With both."""
    cookies = scene.attacker.cookies | scene.rename()
    Doors(scene.house, cookies=cookies).land(scene.good, scene.code)


def lured(scene: Scene) -> None:
    """The victim's browser, with its own cookie, is lured to the attacker's landing."""
    scene.victim.land(scene.evil, scene.code)


ATTACKS = (no_cookie, own_cookie, forged_cookie, both_cookies, lured)


@pytest.mark.parametrize("push", ["before", "after", "never"])
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_nothing_is_bound_to_the_victim(
    attack: Callable[[Scene], None],
    push: str,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The account is the attacker's own or nobody's; the victim's session has no account."""
    scene = Scene()
    if push == "before":
        scene.push()
        scene.house.work()
    attack(scene)
    scene.house.work()
    if push == "after":
        scene.push()
    later(scene.house, 15)
    scene.house.settle()
    assert scene.accounts("tenant-good", scene.good) == ()
    assert stored(scene.house, ATTACKERS).tenant_id == (None if push == "never" else "tenant-evil")
    assert scene.house.onboarding.status("tenant-good", scene.good).status == "waiting"
    # And somebody can see it: a metric and a log line with the session and its tenant.
    assert "LandingWithoutCookie" in capsys.readouterr().out
    told = [vars(record) for record in caplog.records if "binds nobody" in record.message]
    whose = "tenant-evil" if attack is lured else "tenant-good"
    assert [one["tenant_id"] for one in told] == [whose]
    assert scene.code not in repr(told)
    assert scene.good not in repr(told)
    tenants = [
        detail["tenant_id"]
        for kind, detail in scene.house.bus.sent
        if kind == "authorizer.authorized"
    ]
    assert "tenant-good" not in tenants
    assert tenants


@pytest.mark.parametrize("push", ["before", "after"])
def test_even_with_the_victims_cookie_the_push_decides(push: str) -> None:
    """Lured to their own landing, whose address the attacker knows: the push undoes it.

    Only between redirect and push does the browser's word count. Who knows a session's address
    has been given the link itself.
    """
    scene = Scene()
    if push == "before":
        scene.push()
    scene.victim.land(scene.good, scene.code)
    scene.house.work()
    if push == "after":
        scene.push()
    later(scene.house, 15)
    scene.house.settle()
    assert scene.accounts("tenant-good", scene.good) == ()
    assert scene.accounts("tenant-evil", scene.evil) == (ATTACKERS,)
    assert stored(scene.house, ATTACKERS).tenant_id == "tenant-evil"


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_the_victims_own_way_is_not_disturbed(attack: Callable[[Scene], None]) -> None:
    """After the attack the victim's merchant comes through as if nothing had been."""
    scene = Scene()
    attack(scene)
    scene.house.work()
    scene.victim.land(scene.good, scene.house.wechat.confirm(VICTIMS))
    scene.house.work()
    assert scene.accounts("tenant-good", scene.good) == (VICTIMS,)
    assert stored(scene.house, VICTIMS).tenant_id == "tenant-good"


# --- the button, pressed from elsewhere ----------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": f"{BASE}.evil.example"},
        {"origin": BASE, "sec-fetch-site": "cross-site"},
    ],
    ids=str,
)
def test_another_sites_page_cannot_press_the_button(headers: dict[str, str]) -> None:
    """A form on it would set a launch cookie in the visitor's browser: refused, nothing minted."""
    doors = Doors()
    session_id = doors.house.onboarding.create("tenant", {}).session_id
    before = snapshot(doors.house)
    answer = doors.button(session_id, headers=headers)
    assert answer["statusCode"] == 400
    assert "cookies" not in answer
    assert "Open the authorisation link itself" in answer["body"]
    assert snapshot(doors.house) == before
    assert asked(doors.house) == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": BASE},
        {"sec-fetch-site": "same-origin", "origin": BASE},
        {"sec-fetch-site": "none"},
    ],
    ids=str,
)
def test_the_page_itself_can(headers: dict[str, str]) -> None:
    """Browsers that say where a form was, and those that do not."""
    doors = Doors()
    session_id = doors.house.onboarding.create("tenant", {}).session_id
    answer = doors.button(session_id, headers=headers)
    assert answer["statusCode"] == 200
    (cookie,) = answer["cookies"]
    for attribute in ("HttpOnly", "SameSite=Lax", "Secure", "Path=/authorized"):
        assert attribute in cookie
