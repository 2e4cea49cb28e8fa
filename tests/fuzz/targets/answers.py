"""What others answer: WeChat to the vault, the token function to its clients."""

from __future__ import annotations

import io
import ipaddress
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeSerializer

from tests.fuzz.target import Feed, Target, require, stretched, text
from wxvault.client import TokenClient
from wxvault.client_transports import InvokeTransport
from wxvault.errors import WeChatError, WeChatRefusedError, WeChatUnknownError, WxvaultError
from wxvault.protocol import permission_sets, return_codes
from wxvault.protocol.appid import is_appid
from wxvault.wechat.component_api import ComponentApi
from wxvault.wechat.http import WeChatHttp, json_object

if TYPE_CHECKING:
    from collections.abc import Mapping

COMPONENT = "wx0123456789abcdef"
AUTHORIZER = "wxf8b4f85f3a794e77"
SECRETS = ("0123456789abcdef" * 2, "49_" + "Fuzz-Token_" * 14, "ticket@@@" + "Fuzz_" * 17)
_APPSECRET, _TOKEN, _TICKET = SECRETS
CODE = "queryauthcode@@@" + "Fuzz_" * 17
REFRESH_TOKEN = "refreshtoken@@@" + "Fuzz-" * 8

_serializer = TypeSerializer()


class _Answering(WeChatHttp):
    """A WeChat that has answered already."""

    def __init__(self, content: bytes) -> None:
        super().__init__("https://api.weixin.qq.com")
        self._content = content

    def post(
        self, path: str, *, query: Mapping[str, str], body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Read the answer as it is read from the wire."""
        answer = json_object(self._content)
        if answer is None:
            raise WeChatUnknownError("not a JSON object", path=path)
        return answer


def _storable(*numbers: int | None) -> None:
    for number in numbers:
        if number is not None:
            _serializer.serialize(Decimal(number))


def wechat_answer(data: bytes) -> None:
    """Have WeChat answer anything to every call there is."""
    feed = Feed(stretched(data))
    call = feed.pick("component", "pre_auth", "query_auth", "refresh", "info", "list", "start")
    api = ComponentApi("https://api.weixin.qq.com", http=_Answering(feed.rest()))
    try:
        if call == "component":
            issued = api.component_token(COMPONENT, _APPSECRET, _TICKET)
            _is_token(issued.access_token, issued.expires_in)
        elif call == "pre_auth":
            _is_token(*_pair(api.pre_auth_code(COMPONENT, _TOKEN)))
        elif call == "query_auth":
            grant = api.query_auth(COMPONENT, _TOKEN, CODE)
            _is_token(grant.access_token, grant.expires_in)
            _storable(*grant.func_info)
        elif call == "refresh":
            fresh = api.refresh(COMPONENT, _TOKEN, AUTHORIZER, REFRESH_TOKEN)
            _is_token(fresh.access_token, fresh.expires_in)
            require(fresh.refresh_token != "", "an empty refresh token")
        elif call == "info":
            info = api.authorizer_info(COMPONENT, _TOKEN, AUTHORIZER)
            require(info.authorizer_appid == AUTHORIZER, "somebody else's account")
            require(info.refresh_token != "", "an empty refresh token")
            _storable(*info.func_info)
        elif call == "list":
            page = api.authorizer_list(COMPONENT, _TOKEN, 0, 500)
            require(page.strange == page.received - len(page.listed), "entries are lost")
            require(page.total_count is None or page.total_count >= 0, "less than nobody")
            for one in page.listed:
                require(is_appid(one.authorizer_appid), "a strange appid")
                require(one.refresh_token != "", "an empty refresh token")
        else:
            require(len(api.start_push_ticket(COMPONENT, _APPSECRET)) <= 200, "a long word")
    except WeChatError as error:
        _tells_nothing(error)


def _pair(code: Any) -> tuple[str, int]:
    return code.code, code.expires_in


def _is_token(token: str | None, expires_in: int | None) -> None:
    require((token is None) == (expires_in is None), "a token without a life")
    if token is not None and expires_in is not None:
        require(token.isascii() and token.isprintable() and token, "a strange token")
        require(0 < expires_in <= 30 * 86400, "a strange life")


def _tells_nothing(error: WeChatError) -> None:
    words = f"{error}{error.remedy}"
    words.encode("utf-8")
    require(len(words) <= 1000, "an error's text is longer than 1,000 characters")
    require(not any(part in words for part in (*SECRETS, CODE, REFRESH_TOKEN)), "a secret is told")
    require(isinstance(error, WeChatRefusedError | WeChatUnknownError), "an error of another kind")
    require(error.wechat_errcode != 0, "no errcode")
    _storable(error.wechat_errcode)


def return_code(data: bytes) -> None:
    """Look a return code up, with any errmsg."""
    feed = Feed(stretched(data))
    line, errmsg = feed.line(), text(feed.rest())
    known = feed.pick(*return_codes.KNOWN_CODES)
    code = int(line) if re.fullmatch(r"-?[0-9]{1,12}", line) else known
    found = return_codes.lookup(code)
    require(found.code == code, "another code")
    address = return_codes.address_to_whitelist(errmsg)
    remedy = return_codes.remedy(code, errmsg)
    require(remedy and len(remedy) <= 300, "no remedy, or a novel")
    if address is not None:
        require(str(ipaddress.ip_address(address)) == address, "no address")
        refused = code in return_codes.ADDRESS_REFUSED
        require((address in remedy) or not refused, "the address is not named")
    else:
        require(remedy == found.remedy, "another remedy")


def permission_set(data: bytes) -> None:
    """Read the permission sets of an answer."""
    try:
        func_info = json.loads(stretched(data))
    except (ValueError, RecursionError):
        return
    numbers = permission_sets.granted(func_info)
    require(len(set(numbers)) == len(numbers), "a number twice")
    for number in numbers:
        require(number > 0, "a strange number")
        found = permission_sets.lookup(number)
        require(found.number == number and found.zh and found.en, "a set without a name")
        require(found.known == (number in permission_sets.KNOWN_NUMBERS), "known or not?")
    _storable(*numbers)


class _Lambda:
    """The token function, as boto3 shows it."""

    def __init__(self, payload: bytes, *, failed: bool) -> None:
        self._answer: dict[str, Any] = {"Payload": io.BytesIO(payload)}
        if failed:
            self._answer["FunctionError"] = "Unhandled"

    def invoke(self, **_asked: Any) -> dict[str, Any]:
        """Answer."""
        return self._answer


def client_answer(data: bytes) -> None:
    """Have the token function answer anything to its client."""
    feed = Feed(stretched(data, 64 * 1024))
    failed, component = feed.pick(False, True), feed.pick(False, True)
    transport = InvokeTransport("token", _Lambda(feed.rest(), failed=failed))
    client = TokenClient(transport, now=lambda: 1_800_000_000.0)
    try:
        token = client.component_token() if component else client.get(AUTHORIZER)
    except WxvaultError as error:
        require(isinstance(error.message, str), "no message")
        return
    require(token.access_token, "no token")
    require(token.access_token not in repr(token) or len(token.access_token) < 9, "shown")
    require(len(token.sha256) == 64, "a token without a hash")
    require(isinstance(token.generation, int), "no generation")
    require(0 < token.expires_at < 1e11, "a life that is none")


_ANSWER_WORDS = (
    b'{"errcode":0}',
    b'{"errcode":61003,"errmsg":"',
    b'"component_access_token":"49_x"',
    b'"pre_auth_code":"preauthcode@@@x"',
    b'"authorization_info":{',
    b'"authorizer_appid":"wxf8b4f85f3a794e77"',
    b'"authorizer_access_token":"',
    b'"authorizer_refresh_token":"',
    b'"expires_in":7200',
    b'"func_info":[{"funcscope_category":{"id":1}}]',
    b'"authorizer_info":{}',
    b"invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7",
    b"requestIP: 203.0.113.7",
    _TOKEN.encode(),
    CODE.encode(),
    b"<html>",
    b"99999999999999999999999999999999999999999999",
    b"1e400",
    b"NaN",
    b"\\ud800",
    b"\xef\xbb\xbf",
    b"null",
    b"true",
    b'{"total_count":2,"list":[',
    b'{"authorizer_appid":"wxf8b4f85f3a794e77","refresh_token":"refreshtoken@@@x"},',
)
_CLIENT_WORDS = (
    b'{"access_token":"49_x","expires_at":1800007200,"generation":1}',
    b'"authorizer_appid":"wxf8b4f85f3a794e77"',
    b'{"error":{"code":"authorizer_revoked","message":"m","remedy":"r"}}',
    b'"wechat_errcode":61003',
    b"Infinity",
    b"NaN",
    b"1e400",
    b"9" * 400,
    b"\\ud800",
    b"null",
    b"true",
    b"{}",
    b"[]",
)


def targets() -> tuple[Target, ...]:
    """Return the targets."""
    set_words = (b'[{"funcscope_category":{"id":18}}]', b'"id":"', b"9" * 50, b"1e9", b"true")
    code_words = (b"61004\n", b"40164\n", b"9001001\n", *_ANSWER_WORDS[11:13], b"client ip:", b"::")
    return (
        Target("wechat_answers", "WeChat's answers", wechat_answer, _ANSWER_WORDS),
        Target("return_codes", "WeChat's return codes", return_code, code_words),
        Target("permission_sets", "WeChat's func_info", permission_set, set_words),
        Target("client", "the token function's answers", client_answer, _CLIENT_WORDS),
    )
