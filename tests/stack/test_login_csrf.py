"""Login-CSRF on the deployed stack: another tenant's code pushed into my session binds nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import pytest

from sandbox.stack.browser import Browser
from sandbox.stack.http_client import send
from sandbox.stack.observe import eventually
from tests.stack.refusals import assert_clear_page, unchanged_table
from tests.stack.truth import Vault, at_rest, sha256
from tests.stack.world import PRE_AUTH_CODE, World

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.stack.http_client import Answer
    from sandbox.stack.journey.merchant import Visit


def browser_showing(cookies: Mapping[str, str]) -> Browser:
    """A browser that shows these cookies, whoever set them."""

    def transport(
        method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        shown = "; ".join(f"{name}={value}" for name, value in cookies.items())
        given = {**headers, **({"Cookie": shown} if shown else {})}
        return send(method, url, headers=given, body=body)

    return Browser(transport)


def cookies_of(trip: Visit) -> dict[str, str]:
    """The cookies that a browser would show at a landing."""
    return trip.browser.cookies(f"{trip.stack.platform_url}/authorized/x")


def cookie_name(trip: Visit) -> str:
    """The name under which a session looks for its cookie."""
    return f"wxvault_launch_{sha256(trip.session_id)[:12]}"


@pytest.mark.parametrize("push", ["hold", "now"])
@pytest.mark.parametrize("attack", ["no cookie", "own cookie", "forged", "both", "lured"])
def test_nothing_is_bound_to_the_victim(world: World, attack: str, push: str) -> None:
    """The attacker's account stays the attacker's; the victim's session shows no account."""
    stack = world.stack
    victim = World.fresh(stack)
    victims_trip, trip = victim.launched(style="pc"), world.launched(style="pc")
    (own,) = cookies_of(trip).values()
    forged = {cookie_name(victims_trip): own}
    confirmation = trip.confirm(world.appid, push=push)
    session, shown = {
        "no cookie": (victims_trip, {}),
        "own cookie": (victims_trip, cookies_of(trip)),
        "forged": (victims_trip, forged),
        "both": (victims_trip, {**cookies_of(trip), **forged}),
        "lured": (trip, cookies_of(victims_trip)),
    }[attack]
    url = f"{stack.platform_url}/authorized/{session.session_id}"
    landed = browser_showing(shown).get(f"{url}?auth_code={quote(confirmation.auth_code)}")
    assert (landed.status, urlsplit(landed.header("location")).netloc) == (303, "")
    if push == "hold":
        assert Vault(stack).state(world.appid).tenant_id is None
        stack.wechat.release_push(confirmation.push_id or "")
        stack.wechat.wait_push(confirmation.push_id or "")
    state = at_rest(world, [confirmation.auth_code])
    assert state.tenant_id == world.tenant_id
    assert victim.session(victims_trip) == {"status": "waiting", "authorizers": []}
    # And it was told: a line with the session's tenant, and events that name no victim.
    whose = victim.tenant_id if session is victims_trip else world.tenant_id
    lines = [line.fields() for line in world.logs() if line.function == "landing"]
    told = [one for one in lines if "binds nobody" in str(one.get("message"))]
    assert whose in {one.get("tenant_id") for one in told}
    eventually(world.events, what="the events")
    assert victim.tenant_id not in {event.detail.get("tenant_id") for event in world.events()}


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}], ids=str
)
def test_another_sites_page_cannot_press_the_button(world: World, headers: dict[str, str]) -> None:
    """No code is minted, and no cookie is set in the browser that was lured."""
    trip = world.visit(style="pc")
    with unchanged_table(world.stack):
        answer = world.stack.http("POST", urlsplit(trip.launch_url).path, headers=headers)
        assert_clear_page(world.stack, answer, 400, "invalid_request")
        assert answer.all("set-cookie") == []
    minted = world.stack.wechat.count(PRE_AUTH_CODE, since=world.calls_since, what="calls")
    assert minted == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/authorize/{session}"),
        ("DELETE", "/authorize/{session}"),
        ("POST", "/authorized/{session}"),
        ("POST", "/authorized/{session}/result"),
        ("GET", "/wechat/events"),
        ("GET", "/authorize"),
        ("GET", "/authorized/{session}/result/x"),
        ("GET", "/"),
    ],
)
def test_what_is_no_route_is_no_page(world: World, method: str, path: str) -> None:
    """The front door itself answers, as JSON; no function is asked, nothing changes."""
    trip = world.visit(style="pc")
    with unchanged_table(world.stack):
        answer = world.stack.http(method, path.format(session=trip.session_id))
    assert answer.status in {403, 404, 405}
    assert "html" not in answer.header("content-type")
