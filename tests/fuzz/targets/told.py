"""What WeChat tells of accounts and of registrations, and the options of accounts, as values."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from tests.fuzz.target import Feed, Target, require, stretched
from wxvault.errors import InvalidRequestError
from wxvault.protocol import account_options, profiles, registrations
from wxvault.protocol.appid import is_appid
from wxvault.protocol.permission_sets import AccountKind
from wxvault.protocol.pushes import FastRegistration
from wxvault.runtime.resync_requests import ResyncRequest
from wxvault.wechat.rid_answers import without_secrets

COMPONENT = "wx0123456789abcdef"
APPSECRET = "0c79e1fa963cd80cc0be99b20a18faeb"
_LONGEST_TEXT = 1024
_LONGEST_REMEDY = 1000

_serializer = TypeSerializer()


def _object(data: bytes) -> dict[str, Any]:
    """Return the JSON object that an input is, or an empty one."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _words(words: profiles.Words) -> None:
    require(words.en and words.zh, "a number without words")
    require(words.known or words.en == str(words.number), "an unknown number got words")


def profile(data: bytes) -> None:
    """Read anything as the ``authorizer_info`` of an account: all of it can be kept and shown."""
    told = profiles.from_wechat(_object(stretched(data)))
    require(told.kind in AccountKind, "no kind")
    for name in profiles.TEXTS:
        value = getattr(told, name)
        value.encode("utf-8")
        require(len(value) <= _LONGEST_TEXT, "a text longer than is kept")
        require(value == "" or value.isprintable(), "a text with control characters")
    for name in profiles.NUMBERS:
        number = getattr(told, name)
        if number is not None:
            _serializer.serialize(Decimal(number))
    if told.service_type is not None:
        _words(profiles.service_words(told.kind, told.service_type))
    if told.verify_type is not None:
        _words(profiles.verify_words(told.verify_type))
    if told.account_status is not None:
        _words(profiles.status_words(told.account_status))
    if told.register_type is not None:
        _words(profiles.register_words(told.register_type))


def registration(data: bytes) -> None:
    """Find any result's application, and tell any number of WeChat's in words."""
    feed = Feed(stretched(data))
    kind = feed.pick(*registrations.REPEATED)
    told = feed.line()
    number = (
        int(told) if told.removeprefix("-").isdecimal() and len(told) < len("1234567890") else 0
    )
    info = _object(feed.rest())
    push = FastRegistration(COMPONENT, 1, "notify", None, number, None, "", info)
    found = registrations.result_sha256(push)
    same = {
        registrations.application_sha256(COMPONENT, one, info) for one in registrations.REPEATED
    }
    require(found is None or found in same, "a result of nobody's application")
    again = registrations.application_sha256(COMPONENT, kind, {**info, "more": "x"})
    require(again in same, "what is not repeated counts")
    for remedy in (
        registrations.status_remedy(number),
        registrations.task_status(number),
        registrations.search_status(number),
        registrations.reuse_remedy(number),
    ):
        require(0 < len(remedy) <= _LONGEST_REMEDY, "no word, or too many")


def account_option(data: bytes) -> None:
    """Ask for any option with any value: it is one that WeChat knows, or it is named."""
    wanted = _object(data)
    try:
        name = account_options.check_name(wanted.get("option_name"))
        value = account_options.check_value(name, wanted.get("option_value"))
    except InvalidRequestError as error:
        require(error.field in {"option_name", "option_value"}, "the field is not named")
        return
    require(all(account_options.value_words(name, value)), "a value without words")


def rid_answer(data: bytes) -> None:
    """Read what WeChat remembers of a call, anything around its secret: that is told nowhere."""
    if APPSECRET.encode() in data:
        # Watched comparisons bring it into inputs, in places that are nobody's secret.
        return
    feed = Feed(stretched(data))
    name = feed.pick("component_appsecret", "component_secret", "appsecret")
    form = feed.pick(f'{{"{name}":"{APPSECRET}"}}', f"{name}={APPSECRET}", f" {name}: {APPSECRET} ")
    url, before, after = feed.line(), feed.line(), feed.line()
    body = f"{before}{form}{after}"
    request = {"request_url": f"{url}?{form}{after}", "request_body": body, "response_body": body}
    told = json.dumps(without_secrets({"errcode": 0, "request": request, **_object(feed.rest())}))
    json.loads(told)
    # Beside a letter or a digit it is none any more.
    if not any(one.isalnum() for one in (before[-1:], after[:1])):
        require(APPSECRET not in told, "the AppSecret is told")


def resync_request(data: bytes) -> None:
    """Ask for a resync with anything: what is taken is one of the few that are meant."""
    wanted = _object(data)
    try:
        asked = ResyncRequest.read(wanted)
    except InvalidRequestError as error:
        require(error.field in {name[:40] for name in wanted}, "a refusal that names no field")
        return
    require(type(asked.dry_run) is bool, "neither a dry run nor none")
    require(asked.dry_run or wanted.get("dry_run") is False or asked.scheduled, "done unasked")
    for appid in (asked.authorizer_appid, asked.after):
        require(appid is None or is_appid(appid), "an appid that is none")


def targets() -> tuple[Target, ...]:
    """Return the targets."""
    profile_words = (
        b'{"service_type_info":{"id":2},"verify_type_info":{"id":"0"}}',
        b'"MiniProgramInfo":{}',
        b'"account_status":1',
        b'"register_type":6',
        b'"nick_name":"\\u0007x"',
        b"99999999999",
    )
    result_words = (
        b"1\n",
        b'{"wxuser":"w","idname":"n"}',
        b'{"unique_id":"u"}',
        b'"code_type":1',
        b"89249\n",
        b"61007\n",
    )
    option_words = (b'{"option_name":"voice_recognize","option_value":"1"}', b"true", b"null")
    rid_words = (b"&a=", b"%22", b'{"a":"', b'\\"', b"https://api.weixin.qq.com/x?", b"\\u0030")
    resync_words = (b'{"dry_run":false}', b'"authorizer_appid":"wx00000000000000a1"', b'"after":')
    return (
        Target("profiles", "WeChat's authorizer_info", profile, profile_words),
        Target("registrations", "results of registrations", registration, result_words),
        Target("account_options", "options of accounts", account_option, option_words),
        Target("rid_answers", "what WeChat remembers of a call", rid_answer, rid_words),
        Target("resync_requests", "what is asked of a resync", resync_request, resync_words),
    )
