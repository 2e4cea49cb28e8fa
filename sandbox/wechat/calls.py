"""A call to this WeChat's API and its answer, apart from any socket; checks in WeChat's order.

The order in which WeChat checks is undocumented. Here: method, JSON, required fields, token (or
appid, secret and ticket where there is no token), caller's address, owner of the appid, quota, then
the business of the endpoint.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from sandbox.wechat.return_codes import WeChatError
from sandbox.wechat.tokens import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.wechat.state import TokenOwner, WeChat

JSON_TYPE = "application/json; encoding=utf-8"


@dataclass(frozen=True, slots=True)
class Call:
    """One request: ``query`` and ``body`` carry secrets and are never shown."""

    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    client_ip: str = "127.0.0.1"
    content_type: str = ""

    def token(self) -> str:
        """Return the access token under either of the two names WeChat accepts."""
        return self.query.get("component_access_token") or self.query.get("access_token") or ""

    def json(self) -> dict[str, Any]:
        """Return the body. Raises 44002 when it is empty, 47001 when it is no JSON object."""
        if not self.body.strip():
            raise WeChatError(44002)
        try:
            parsed = json.loads(self.body)
        except ValueError:
            raise WeChatError(47001) from None
        if not isinstance(parsed, dict):
            raise WeChatError(47001)
        return parsed

    def lenient_json(self) -> dict[str, Any]:
        """Return the body, or nothing when it is no JSON object."""
        try:
            return self.json()
        except WeChatError:
            return {}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. ``errcode`` and ``executed`` are for the log."""

    body: bytes = field(repr=False)
    errcode: int = 0
    executed: bool = False
    status: int = 200
    content_type: str = JSON_TYPE
    rid: str = ""
    """The request id behind the text of a refusal."""


class TokenNeed(Enum):
    """Which token an endpoint wants."""

    NONE = "none"
    COMPONENT = "component"
    AUTHORIZER = "authorizer"
    EITHER = "either"
    """An account's, or the component's with the account named in the body."""
    ANY = "any"
    """An account's or the component's, each for itself."""


@dataclass(frozen=True, slots=True)
class Request:
    """A call that has passed the checks before the business. ``owner`` None: no token needed."""

    state: WeChat
    body: Mapping[str, Any] = field(repr=False)
    owner: TokenOwner | None
    call: Call

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the query."""
        return self.call.query


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One API: what it wants and what it does, an answer of its own making or an object.

    ``parameters`` maps a parameter of the query to the code its absence gives, ``required`` a field
    of the body; ``may_be_empty`` are those of these whose empty value is left to the business.
    ``credentials`` takes the place of a token.
    """

    execute: Callable[[Request], Mapping[str, Any] | Answer]
    parameters: Mapping[str, int] = field(default_factory=dict)
    required: Mapping[str, int] = field(default_factory=dict)
    may_be_empty: frozenset[str] = frozenset()
    integers: frozenset[str] = frozenset()
    token: TokenNeed = TokenNeed.COMPONENT
    credentials: Callable[[WeChat, Mapping[str, Any]], None] | None = None
    methods: frozenset[str] = frozenset({"POST"})
    checks_address: bool = True
    escapes_slashes: bool = False
    reads_json: bool = True
    missing_token: int = 41001
    wrong_address: int = 61004


def perform(endpoint: Endpoint, call: Call, state: WeChat) -> Answer:
    """Execute a call. The caller holds the lock. Never raises for what the caller sent."""
    try:
        result = _checked(endpoint, call, state)
    except WeChatError as error:
        return refusal(error, state)
    if isinstance(result, Answer):
        return result
    text = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
    if endpoint.escapes_slashes:
        text = text.replace("/", "\\/")
    return Answer(text.encode(), errcode=int(result.get("errcode", 0)), executed=True)


def refusal(error: WeChatError, state: WeChat) -> Answer:
    """Return an errcode in the present shape, with a request id behind the text."""
    rid = state.minter.rid(state.clock.now())
    body = {"errcode": error.errcode, "errmsg": f"{error.errmsg} rid: {rid}"}
    text = json.dumps(body, ensure_ascii=False)
    return Answer(text.encode(), errcode=error.errcode, rid=rid)


def _checked(endpoint: Endpoint, call: Call, state: WeChat) -> Mapping[str, Any] | Answer:
    if call.method not in endpoint.methods:
        raise WeChatError(43002 if "POST" in endpoint.methods else 43001)
    body = call.json() if call.method == "POST" and endpoint.reads_json else {}
    for name, errcode in endpoint.parameters.items():
        if not call.query.get(name):
            raise WeChatError(errcode)
    _check_fields(endpoint, body)
    owner = None
    if endpoint.credentials is not None:
        endpoint.credentials(state, body)
    elif endpoint.token is not TokenNeed.NONE:
        owner = _token_owner(endpoint, call, state, body)
    if endpoint.checks_address:
        _check_address(call, state, endpoint.wrong_address)
    _check_ownership(state, body, owner)
    state.count_call(call.path)
    return endpoint.execute(Request(state, body, owner, call))


def _check_fields(endpoint: Endpoint, body: Mapping[str, Any]) -> None:
    for name, errcode in endpoint.required.items():
        if name not in body:
            raise WeChatError(errcode)
        value = body[name]
        if name in endpoint.integers:
            if not isinstance(value, int) or isinstance(value, bool):
                raise WeChatError(47001)
        elif name in endpoint.may_be_empty and not value:
            continue
        elif not value:
            raise WeChatError(errcode)
        elif not isinstance(value, str):
            raise WeChatError(47001)


def _token_owner(
    endpoint: Endpoint, call: Call, state: WeChat, body: Mapping[str, Any]
) -> TokenOwner:
    need, value = endpoint.token, call.token()
    if not value:
        raise WeChatError(endpoint.missing_token)
    owner = state.owner_of(value)
    if owner is None:
        raise WeChatError(40001)
    is_component = owner.authorizer_appid is None
    if need is TokenNeed.COMPONENT and not is_component:
        raise WeChatError(61014)
    if need is TokenNeed.AUTHORIZER and is_component:
        raise WeChatError(61015)
    if need is TokenNeed.EITHER and is_component and not body.get("authorizer_appid"):
        # The body names no account, so only an account's own token makes sense.
        raise WeChatError(61015)
    if owner.verdict is Verdict.EXPIRED:
        raise WeChatError(42001)
    if owner.verdict is not Verdict.HONOURED:
        raise WeChatError(40001)
    return owner


def _check_address(call: Call, state: WeChat, errcode: int) -> None:
    seen = state.settings.client_ip or call.client_ip
    if seen not in state.settings.ip_list:
        raise WeChatError(errcode, f"requestIP: {seen}")


def _check_ownership(state: WeChat, body: Mapping[str, Any], owner: TokenOwner | None) -> None:
    component_appid = body.get("component_appid")
    if component_appid and component_appid != state.settings.component_appid:
        raise WeChatError(40013)
    if owner is not None and owner.authorizer_appid is not None:
        named = body.get("authorizer_appid")
        if named and named != owner.authorizer_appid:
            raise WeChatError(40013)
