"""The HTTP routes and invokes of browsers and callers: sessions, launch, landing, token."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from functions.auth_url import launch, sessions
from functions.exchange import landing
from functions.token import app as token
from tests.fakes.house import COMPONENT, MERCHANT
from tests.fuzz.desk import (
    RETURN_URLS,
    Desk,
    http_event,
    require_error,
    require_http_error,
)
from tests.fuzz.target import Feed, Target, require, stretched, text
from wxvault.errors import InvalidRequestError, RequestTooLargeError
from wxvault.runtime.answering import launch_cookie_name
from wxvault.runtime.http_requests import HttpRequest
from wxvault.services.onboarding_state import Session
from wxvault.services.tools import token_sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.fuzz.desk import Handler
    from wxvault.runtime.wiring import Wiring

SESSION_ID = "Fuzz_Session_Id_with_forty-three_characters"
COOKIE = "Fuzz_Cookie_of_forty-three_characters_long_"
TENANT = "fuzz-shop"
CODE = "queryauthcode@@@" + "Fuzz-Code_" * 9

_BODY_LIMIT = 64 * 1024
# API Gateway takes no longer request line with its headers.
_HEAD_LIMIT = 10_240


def _desk(wire: Callable[[Wiring], Handler]) -> Desk:
    """Return a desk with a session whose link was opened, and a merchant with tokens."""
    # Below that there is one line for each invocation, with nothing of the request in it.
    desk = Desk(wire, level="WARNING")
    house, now = desk.house, desk.house.clock.now()
    house.authorize(MERCHANT)
    house.time.time = now
    session = Session(
        session_sha256=token_sha256(SESSION_ID),
        tenant_id=TENANT,
        created_at=now,
        expires_at=now + 3600,
        style="auto",
        auth_type=3,
        tenant_name="示例茶馆",
        return_url=f"{RETURN_URLS[0]}/here?own=1#part",
        state="4711 & <b>",
    )
    house.sessions.create(session)
    house.sessions.remember_mint(
        session, "preauthcode@@@" + "Fuzz_" * 9, token_sha256(COOKIE), now=now - 10
    )
    desk.remember()
    return desk


def _on_a_desk(
    wire: Callable[[Wiring], Handler], play: Callable[[Desk, bytes], None]
) -> Callable[[bytes], None]:
    desks: list[Desk] = []

    def played(data: bytes) -> None:
        if not desks:
            desks.append(_desk(wire))
        desks[0].reset()
        play(desks[0], data)

    return played


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


# --- sessions ------------------------------------------------------------------------------------


def create_session(desk: Desk, data: bytes) -> None:
    """Ask for a link: by HTTP with any body, or by invoke with any JSON object."""
    feed = Feed(stretched(data, _BODY_LIMIT))
    by_http, is_base64 = feed.pick(True, False), feed.pick(False, True)
    tenant = feed.line() or TENANT
    rest = feed.rest()
    before = desk.state()
    if by_http:
        event = http_event(
            "POST",
            f"/tenants/{TENANT}/auth-urls",
            body=text(rest),
            is_base64=is_base64,
            parameters={"tenant_id": tenant},
        )
        answer = desk.handle(event)
        refused = answer["statusCode"] != 201
        if refused:
            require_http_error(answer, 400, 413)
        made = json.loads(answer["body"])
    else:
        wanted = _json(rest)
        if not isinstance(wanted, dict) or "requestContext" in wanted:
            return
        made = answer = desk.handle({"action": "create", "tenant_id": tenant, **wanted})
        refused = "error" in made
        if refused:
            require_error(made["error"])
    if refused:
        desk.require_silence_about((), answer)
        require(desk.state() == before, "a refused request changed the table")
        return
    if "status" not in made:
        _is_bound(desk, made)


def _is_bound(desk: Desk, made: Mapping[str, Any]) -> None:
    session = desk.house.sessions.get(token_sha256(made["session_id"]))
    require(session is not None, "a session was answered that is not there")
    if session is None:
        return
    life = session.expires_at - desk.house.clock.now()
    require(900 <= life <= 7 * 86400, "a session lives longer than a week")
    if session.return_url is not None:
        require(_inside(session.return_url), "a session leads to a stranger")
    link = made["launch_url"]
    if link is not None:
        require(link.startswith("https://auth.example.com/authorize/"), "a link to elsewhere")


def _inside(url: str) -> bool:
    """Say by a second reading whether a URL lies below one of ReturnUrls."""
    parts = urlsplit(url)
    for allowed in map(urlsplit, RETURN_URLS):
        prefix = allowed.path.rstrip("/")
        same = (parts.scheme, parts.hostname) == (allowed.scheme, allowed.hostname)
        if same and (parts.path == prefix or parts.path.startswith(prefix + "/")):
            return True
    return False


# --- browsers ------------------------------------------------------------------------------------


def _browser_event(feed: Feed, path: str, *, session: str) -> dict[str, Any]:
    method = feed.pick("GET", "POST")
    session_id = feed.line() or session
    headers = {"user-agent": feed.line(), "accept-language": feed.line()}
    cookies = [feed.line()]
    return http_event(
        method,
        path.format(session=session_id),
        query=feed.line(),
        headers=headers,
        cookies=cookies,
        body=text(feed.rest()),
        parameters={"session": session_id},
    )


def _require_page(answer: Mapping[str, Any], *statuses: int) -> None:
    require(answer["statusCode"] in statuses, f"answered {answer['statusCode']}")
    headers = answer["headers"]
    policy = headers["content-security-policy"]
    nonces = re.findall(r"'nonce-([\w-]+)'", policy)
    require(len(nonces) == 2 and policy.startswith("default-src 'none'"), "a page without policy")
    body = answer["body"]
    body.encode("utf-8")
    require(headers["cache-control"] == "no-store", "a page that may be kept")
    opened = re.findall(r"<(?:script|style)([^>]*)>", body)
    require(all(f'nonce="{nonces[0]}"' in attributes for attributes in opened), "a strange script")
    require("fuzz<" not in body and 'fuzz"' not in body, "a page repeats what it was sent")


def launch_page(desk: Desk, data: bytes) -> None:
    """Open the launch page, press its button."""
    event = _browser_event(Feed(data), "/authorize/{session}", session=SESSION_ID)
    before = desk.state()
    answer = desk.handle(event)
    _require_page(answer, 200, 404, 410, 429)
    desk.require_silence_about((COOKIE,), {**answer, "cookies": []})
    known = event["pathParameters"]["session"] == SESSION_ID
    if event["requestContext"]["http"]["method"] != "POST" or not known:
        require(desk.state() == before, "a page that was only looked at changed something")
        require(not desk.house.wechat.calls, "a page that was only looked at had WeChat asked")
    else:
        require(desk.house.wechat.calls == ["pre_auth_code"], "one press, one code")


def land(desk: Desk, data: bytes) -> None:
    """Come back from WeChat, or look at the result."""
    feed = Feed(data)
    path = feed.pick("/authorized/{session}", "/authorized/{session}/result")
    shows = feed.pick(False, True)
    event = _browser_event(feed, path, session=SESSION_ID)
    if shows:
        name = f"wxvault_launch_{token_sha256(SESSION_ID)[:12]}"
        event["cookies"] = [f"{name}={COOKIE}"]
    before = desk.state()
    answer = desk.handle(event)
    desk.require_silence_about((CODE, COOKIE), answer)
    require(not desk.house.wechat.calls, "the landing had WeChat asked")
    if answer["statusCode"] == 303:
        place = answer["headers"]["location"]
        require(place.startswith("/authorized/") or _inside(place), "an open redirect")
        require(not place.startswith("//"), "an open redirect")
        require(all("!" <= letter <= "~" for letter in place), "a header in two lines")
    else:
        _require_page(answer, 200, 400, 404)
        require(desk.state() == before, "a refused visit changed the table")
    session = desk.house.sessions.get(token_sha256(SESSION_ID))
    require(session is not None, "a session has gone")
    cookies = HttpRequest.from_event(event).cookies
    if session is not None and session.confirmed:
        require(cookies.get(launch_cookie_name(session)) == COOKIE, "bound without the cookie")


# --- token, and the reading of requests itself ---------------------------------------------------


def ask_token(desk: Desk, data: bytes) -> None:
    """Ask for a token: by HTTP with any query, or by invoke with any JSON object."""
    feed = Feed(stretched(data, _BODY_LIMIT))
    if feed.pick(True, False):
        appid = feed.pick(MERCHANT, COMPONENT, None)
        appid, query = feed.line() or appid, feed.line()
        parameters = {} if appid is None else {"authorizer_appid": appid}
        path = "/component-token" if appid is None else "/tokens/x"
        answer = desk.handle(http_event("GET", path, query=query, parameters=parameters))
        if answer["statusCode"] != 200:
            require_http_error(answer, 400, 404, 503)
            desk.require_silence_about((), answer)
            return
        found = json.loads(answer["body"])
    else:
        wanted = _json(feed.rest())
        if not isinstance(wanted, dict) or "requestContext" in wanted:
            return
        found = answer = desk.handle(wanted)
        if "error" in found:
            require_error(found["error"])
            desk.require_silence_about((), answer)
            return
    whose = found.get("component_appid", found.get("authorizer_appid"))
    require(whose in {COMPONENT, MERCHANT}, "a token of somebody else")
    require(found["access_token"] not in desk.written, "a token is in the log")


def read_request(data: bytes) -> None:
    """Read query, cookies and body as API Gateway hands them over."""
    feed = Feed(stretched(data))
    is_base64 = feed.pick(False, True)
    query, cookie = feed.line()[:_HEAD_LIMIT], feed.line()[:_HEAD_LIMIT]
    event = http_event(
        "POST",
        "/",
        query=query,
        headers={"Cookie": cookie},
        cookies=[feed.line()[:_HEAD_LIMIT]],
        body=text(feed.rest()),
        is_base64=is_base64,
    )
    request = HttpRequest.from_event(event)
    require(len(request.query) <= 100, "more than a hundred parameters")
    for value in request.query.values():
        value.encode("utf-8")
    require(all(request.cookies), "a cookie without a name")
    try:
        require(len(request.body(_BODY_LIMIT)) <= _BODY_LIMIT, "a body above its limit")
        require(isinstance(request.json_body(), dict), "not an object")
    except (InvalidRequestError, RequestTooLargeError) as error:
        require(len(str(error)) <= 200, "a long error")


_SESSION_WORDS = (
    b'{"return_url":"https://shop.example.com/back"}',
    b'"style":"plugin"',
    b'"style":"h5_old"',
    b'"auth_type":3',
    b'"biz_appid":"wx00000000000000a1"',
    b'"category_id_list":[1,18]',
    b'"tenant_name":"',
    b'"state":"',
    b'"ttl":3600',
    b"\\ud800",
    b"1e400",
    b"NaN",
    b"{",
    b'":',
    b"%2e%2e",
)
_BROWSER_WORDS = (
    b"auth_code=" + CODE.replace("@", "%40").encode(),
    b"&expires_in=3600",
    b"lang=en",
    b"MicroMessenger",
    b"Windows NT",
    b"zh-CN,zh;q=0.9",
    b"en;q=0.5",
    b"%40",
    b"failed",
    b"fuzz<script>",
    b'fuzz"',
    f"wxvault_launch_{token_sha256(SESSION_ID)[:12]}={COOKIE}".encode(),
)
_TOKEN_WORDS = (
    b'{"authorizer_appid":"wx00000000000000a1"}',
    b'{"component":true}',
    b'"min_ttl":',
    b"min_ttl=600",
    b'"rejected_token_sha256":"' + b"0" * 64 + b'"',
    b"rejected_token_sha256=",
    b"\\udc80",
)


def targets() -> tuple[Target, ...]:
    """Return the targets."""
    return (
        Target(
            "sessions",
            "requests for a link",
            _on_a_desk(sessions.wire, create_session),
            _SESSION_WORDS,
        ),
        Target("launch", "the launch page", _on_a_desk(launch.wire, launch_page), _BROWSER_WORDS),
        Target("landing", "the way back", _on_a_desk(landing.wire, land), _BROWSER_WORDS),
        Target("token", "look-ups", _on_a_desk(token.wire, ask_token), _TOKEN_WORDS),
        Target("http_requests", "events of API Gateway", read_request, (b"&", b"=", b"%", b";")),
    )
