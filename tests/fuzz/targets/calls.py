"""Calls and logins on somebody's behalf: whatever is asked, and whatever WeChat answers."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from functions.call import app as call
from tests.fakes.house import MERCHANT
from tests.fuzz.desk import Desk, http_event, require_error
from tests.fuzz.target import Feed, Target, require, stretched, text
from wxvault.wechat.account_api import AccountApi
from wxvault.wechat.http import RawAnswer, WeChatHttp
from wxvault.wechat.login_api import LoginApi

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fuzz.desk import Handler
    from wxvault.runtime.wiring import Wiring

_LIMIT = 64 * 1024
_PLAIN = re.compile(r"(/[A-Za-z0-9_-]+)+")
_STATUSES = {200, 400, 404, 409, 410, 413, 429, 502, 503, 504}


class _AnyAnswer(WeChatHttp):
    """A WeChat that answers what it was given, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__("https://api.weixin.qq.com")
        self.answer = RawAnswer(b"{}", "")
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        body: bytes | None = None,
        content_type: str = "",
        accept: str = "*/*",
        seconds: float | None = None,
    ) -> RawAnswer:
        """Answer."""
        del body, content_type, accept, seconds
        self.asked.append((method, path, dict(query)))
        return self.answer


_http = _AnyAnswer()


def _wire(wiring: Wiring) -> Handler:
    vars(wiring).update(account_api=AccountApi("", http=_http), login_api=LoginApi("", http=_http))
    return call.wire(wiring)


_desks: list[Desk] = []


def _desk() -> Desk:
    if not _desks:
        desk = Desk(_wire, level="WARNING")
        now = desk.house.clock.now()
        desk.house.authorize(MERCHANT)
        desk.house.time.time = now
        desk.remember()
        _desks.append(desk)
    _desks[0].reset()
    _http.asked.clear()
    return _desks[0]


def ask_call(data: bytes) -> None:
    """Call or log in, by HTTP or by invoke, and have WeChat answer anything."""
    desk = _desk()
    feed = Feed(stretched(data, _LIMIT))
    kind = feed.pick("invoke", "call", "component-call", "login")
    method = feed.pick("GET", "POST", "PUT")
    is_base64 = feed.pick(False, True)
    path, query, content_type = feed.line(), feed.line(), feed.line()
    token = desk.house.lookup.find(MERCHANT).access_token
    component = desk.house.component.get()
    answer_type, answered = feed.line(), feed.line()
    echo = feed.pick("", token, component)
    # Another token than the call's is known by its shape, which begins where a word does.
    between = " " if re.fullmatch(r"\w", answered[-1:]) else ""
    _http.answer = RawAnswer(
        f"{answered}{between}{echo}".encode("utf-8", "surrogatepass"), answer_type
    )
    rest = feed.rest()
    before = desk.state()
    if kind == "invoke":
        try:
            event: Any = json.loads(rest)
        except (ValueError, RecursionError):
            return
        if not isinstance(event, dict) or "requestContext" in event:
            return
        answer = desk.handle(event)
        error = answer.get("error") if isinstance(answer.get("error"), dict) else None
    else:
        whole = f"/{kind}/{path}" if kind == "component-call" else f"/{kind}/{MERCHANT}/{path}"
        parameters = {"kind": path} if kind == "login" else {"proxy": path}
        if kind != "component-call":
            parameters["authorizer_appid"] = MERCHANT
        event = http_event(
            method,
            whole,
            query=query,
            headers={"content-type": content_type},
            body=text(rest),
            is_base64=is_base64,
            parameters=parameters,
        )
        answer = desk.handle(event)
        require(answer["statusCode"] in _STATUSES, f"answered {answer['statusCode']}")
        failed = answer["statusCode"] != 200
        error = json.loads(answer["body"])["error"] if failed else None
    json.dumps(answer, ensure_ascii=False, allow_nan=False).encode("utf-8")
    if error is not None:
        require_error(error)
    require(desk.state() == before, "a call changed the table")
    told = [desk.written, "" if kind == "login" else json.dumps(answer)]
    for secret in (token, component):
        require(not any(secret in words for words in told), "a token is told")
    for used_method, used_path, used_query in _http.asked:
        require(used_method in {"GET", "POST"}, "another method")
        require(_PLAIN.fullmatch(used_path) is not None, "a path that is none")
        tokens = [used_query.get(n) for n in ("access_token", "component_access_token")]
        own = used_path == "/sns/userinfo"
        require(own or len([t for t in tokens if t]) == 1, "not one token")
        require(own or set(tokens) <= {token, component, None}, "a token of the caller's")
        if token in tokens:
            trees = ("/cgi-bin/component", "/wxa/component", "/sns")
            below = used_path.lower().startswith(tuple(f"{tree}/" for tree in trees))
            require(not below and used_path.lower() not in trees, "the wrong token")


_WORDS = (
    b"cgi-bin/menu/get",
    b"wxa/gettemplatelist",
    b"cgi-bin/component/fastregisterweapp",
    b"sns/userinfo",
    b"../",
    b"%2e",
    b"//",
    b"access_token=49_x",
    b"component_access_token=",
    b"application/json",
    b"multipart/form-data; boundary=x",
    b"image/png",
    b"text/html",
    b'{"errcode":40001}',
    b'{"errcode":"61007","errmsg":"',
    b'{"errcode":-1}',
    b'{"openid":"o","session_key":"k"}',
    b'{"call":{"authorizer_appid":"wx00000000000000a1","path":"/cgi-bin/menu/get"}}',
    b'{"component_call":{"path":"/wxa/gettemplatelist"}}',
    b'{"login":{"authorizer_appid":"wx00000000000000a1","kind":"mp","js_code":"c"}}',
    b'"json":{',
    b'"body_base64":"',
    b'"query":{"a":"b"}',
    b'{"js_code":"c"}',
    b"mp",
    b"oauth-link",
    b"\\ud800",
    b"1e400",
)


def targets() -> tuple[Target, ...]:
    """Return the targets."""
    return (Target("call", "calls and logins on somebody's behalf", ask_call, _WORDS),)
