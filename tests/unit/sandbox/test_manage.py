"""The sandbox's own page: what it shows, what its buttons do, whom it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from sandbox.wechat.pages import Pages
from sandbox.wechat.push_options import PushOptions
from sandbox.wechat.replies import WebRequest
from tests.unit.sandbox.kit import FROZEN, MERCHANTS, OA, Bench, bench

if TYPE_CHECKING:
    from sandbox.wechat.replies import Reply

HOST = "127.0.0.1:8300"
OWN = {"host": HOST, "origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}


def show(b: Bench) -> str:
    """Return the page."""
    return Pages(b.desk).handle(WebRequest("GET", "/", {}, b"", {})).body.decode()


def press(
    b: Bench, action: str, headers: dict[str, str] | None = None, **fields: str | list[str]
) -> Reply:
    """Press a button."""
    body = urlencode(fields, doseq=True).encode()
    request = WebRequest("POST", f"/manage/{action}", {}, body, OWN if headers is None else headers)
    return Pages(b.desk).handle(request)


def test_page_shows_everything_but_secrets() -> None:
    """Merchants, sets, validity and pushes are shown; no secret is."""
    b = bench()
    b.authorised(b.component_token())
    b.desk.push_ticket()
    page = show(b)
    assert all(merchant.nick_name in page for merchant in MERCHANTS)
    assert "1 消息管理" in page
    assert "valid for 2 h 0 min" in page
    assert "component_verify_ticket" in page
    assert "已冻结" in page
    assert not [s.kind for s in b.desk.state.ledger.all() if s.value in page]


def test_names_are_escaped() -> None:
    """A merchant's name is text, whatever is in it."""
    b = bench(start_url='http://localhost/?a="><script>')
    b.desk.state.links[OA.appid].merchant = type(OA)(OA.appid, OA.user_name, "<script>alert(1)")
    page = show(b)
    assert "<script>alert" not in page
    assert '"><script>' not in page


def test_buttons_of_a_merchant() -> None:
    """Authorise, change, expire and cancel do what they say, and lead back to the merchant."""
    b = bench()
    done = press(b, "authorise", authorizer_appid=OA.appid, set=["1", "3"])
    assert (done.status, done.headers["Location"]) == (303, f"/#{OA.appid}")
    code = next(s.value for s in b.desk.state.ledger.all() if s.kind == "authorization_code")
    info = b.exchange(b.component_token(), code)["authorization_info"]
    press(b, "expire", authorizer_appid=OA.appid, kind="access")
    assert b.basic_info(info["authorizer_access_token"]) == 42001
    press(b, "authorise", authorizer_appid=OA.appid, set=["1"])
    press(b, "cancel", authorizer_appid=OA.appid)
    pushed = [push.info_type for push in b.desk.pushes.all()]
    assert pushed == ["authorized", "updateauthorized", "unauthorized"]
    assert press(b, "cancel", authorizer_appid=OA.appid).status == 409
    assert press(b, "authorise", authorizer_appid=OA.appid).status == 409
    assert press(b, "authorise", authorizer_appid=FROZEN.appid, set="1").status == 409


def test_buttons_of_the_platform() -> None:
    """Tickets are pushed, held pushes released, pushes repeated, the token expired."""
    b = bench()
    token = b.component_token()
    press(b, "ticket")
    held = b.desk.push_ticket(PushOptions(hold=True))
    press(b, "release", push_id=held.push_id)
    press(b, "resend", push_id=held.push_id)
    assert len(b.platform.seen) == 3
    press(b, "expire", authorizer_appid="", kind="access")
    answer = b.call("api_create_preauthcode", b.component(), token=token)
    assert answer["errcode"] == 42001


def test_other_sites_cannot_press() -> None:
    """A form sent by another site is refused."""
    b = bench()
    for headers in (
        {"host": HOST, "origin": "https://evil.example"},
        {"host": HOST, "origin": "null"},
        {"host": HOST, "sec-fetch-site": "cross-site"},
    ):
        assert press(b, "ticket", headers).status == 403
    assert not b.platform.seen
    assert press(b, "nothing").status == 404
