"""What platforms ask about their merchants: routes of *accounts* with anything in them, invokes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from functions.accounts import accounts
from tests.fakes.house import MERCHANT
from tests.fuzz.desk import Desk, http_event, require_error, require_http_error
from tests.fuzz.target import Feed, Target, require, stretched, text

if TYPE_CHECKING:
    from collections.abc import Mapping

TENANT = "fuzz-shop"
_BODY_LIMIT = 64 * 1024
_CHANGING = frozenset({"assign", "forget", "forget_tenant", "refresh", "get"})
# The status looks at queues and at WeChat, which are not here; it takes nothing from its caller.
_ROUTES = tuple(route for route, action in accounts.ROUTES.items() if action != "status")

_desks: list[Desk] = []


def ask_accounts(data: bytes) -> None:
    """Ask by one of the routes with any path, query and body, or by invoke with any object."""
    if not _desks:
        desk = Desk(accounts.wire, level="WARNING")
        desk.house.authorize(MERCHANT)
        desk.house.accounts.assign(MERCHANT, TENANT)
        desk.remember()
        _desks.append(desk)
    desk = _desks[0]
    desk.reset()
    before = desk.state()
    answer, told, action = _asked(desk, Feed(stretched(data, _BODY_LIMIT)))
    desk.require_silence_about(tuple(desk.house.wechat.owners), answer)
    if "error" in told or action not in _CHANGING:
        require(desk.state() == before, "a refusal or a look changed the table")
        require(not desk.events, "a refusal or a look was told")
    for entry in told.get("authorizers", ()):
        require(entry["authorizer_appid"] == MERCHANT, "somebody who is not there is listed")


def _is_status(wanted: Mapping[str, Any]) -> bool:
    return wanted.get("action") == "status"


def _asked(desk: Desk, feed: Feed) -> tuple[Any, Mapping[str, Any], object]:
    if feed.pick(True, False):
        route = feed.pick(*_ROUTES)
        method, _, path = route.partition(" ")
        parameters = {
            "authorizer_appid": feed.line() or MERCHANT,
            "tenant_id": feed.line() or TENANT,
        }
        event = http_event(
            method,
            path,
            query=feed.line(),
            body=text(feed.rest()),
            parameters={name: value for name, value in parameters.items() if name in path},
        )
        answer = desk.handle({**event, "routeKey": route})
        told = json.loads(answer["body"])
        if answer["statusCode"] != 200:
            require_http_error(answer, 400, 404, 409, 413)
        return answer, told, accounts.ROUTES[route]
    try:
        wanted = json.loads(feed.rest())
    except (ValueError, RecursionError):
        wanted = None
    if not isinstance(wanted, dict) or "requestContext" in wanted or _is_status(wanted):
        wanted = {}
    told = desk.handle(wanted)
    if "error" in told:
        require_error(told["error"])
    return told, told, wanted.get("action")


_WORDS = (
    b'{"action":"list"}',
    b'"authorizer_appid":"wx00000000000000a1"',
    b'"tenant_id":"fuzz-shop"',
    b'"tenant_id":null',
    b'"status":"active"',
    b'"unassigned":true',
    b'"limit":100',
    b'"cursor":"MS4wMDAwMDAwMC53eDAwMDAwMDAwMDAwMDAwYTE"',
    b'"wanted":[1,18]',
    b'"option_name":"voice_recognize"',
    b'"option_value":"1"',
    b"status=lost&limit=1",
    b"cursor=",
    b"wanted=1,18",
    b"\\ud800",
    b"1e400",
)


def targets() -> tuple[Target, ...]:
    """Return the targets."""
    return (Target("accounts", "questions about merchants", ask_accounts, _WORDS),)
