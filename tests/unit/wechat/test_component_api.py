"""The endpoints: what is sent, what comes back as values, what a refusal says."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from wxvault.errors import WeChatRefusedError, WeChatUnknownError
from wxvault.wechat.answers import Grant
from wxvault.wechat.component_api import ComponentApi
from wxvault.wechat.http import WeChatHttp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COMPONENT = "wx0123456789abcdef"
AUTHORIZER = "wxf8b4f85f3a794e77"
APPSECRET = "0f" * 16
TICKET = "ticket@@@" + "Tk-fake_" * 10 + "abcdef"
COMPONENT_TOKEN = "61_" + "Qx7-fake_Token" * 11
ACCESS_TOKEN = "51_" + "Ab9-fake_Token" * 11
REFRESH_TOKEN = "refreshtoken@@@" + "Zz-fake_refresh_token_value_of_43_charactersX"
CODE = "queryauthcode@@@" + "Cd-fake_" * 10 + "abcdef"
INFO = [
    {"funcscope_category": {"id": 1}},
    {"funcscope_category": {"id": 4711}, "confirm_info": {"need_confirm": 0}},
]


@dataclass(slots=True)
class FakeHttp(WeChatHttp):
    """Answers what it is told and remembers what was sent."""

    answer: dict[str, Any]
    sent: list[tuple[str, Mapping[str, str], Mapping[str, Any]]] = field(default_factory=list)

    def post(
        self, path: str, *, query: Mapping[str, str], body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the answer."""
        self.sent.append((path, query, body))
        return self.answer


def api(answer: dict[str, Any]) -> tuple[ComponentApi, FakeHttp]:
    """Return the adapter on top of a fake."""
    http = FakeHttp(answer)
    return ComponentApi("https://api.weixin.qq.com", http=http), http


def test_component_token_sends_ticket_and_secret_without_a_token() -> None:
    """The one call that needs no token has no query at all."""
    component, http = api({"component_access_token": COMPONENT_TOKEN, "expires_in": 7200})
    issued = component.component_token(COMPONENT, APPSECRET, TICKET)
    assert (issued.access_token, issued.expires_in) == (COMPONENT_TOKEN, 7200)
    assert http.sent == [
        (
            "/cgi-bin/component/api_component_token",
            {},
            {
                "component_appid": COMPONENT,
                "component_appsecret": APPSECRET,
                "component_verify_ticket": TICKET,
            },
        )
    ]
    assert COMPONENT_TOKEN not in repr(issued)


def test_pre_auth_code_trusts_the_life_in_the_reply() -> None:
    """The documentation names two lives; the reply's own counts, also as text."""
    component, http = api({"pre_auth_code": "preauthcode@@@abc", "expires_in": "1800"})
    code = component.pre_auth_code(COMPONENT, COMPONENT_TOKEN)
    assert (code.code, code.expires_in) == ("preauthcode@@@abc", 1800)
    assert http.sent[0][1] == {"component_access_token": COMPONENT_TOKEN}
    assert "preauthcode" not in repr(code)


def test_query_auth_returns_the_grant() -> None:
    """Tokens, life and permission sets, unknown ones by their number."""
    component, http = api(
        {
            "authorization_info": {
                "authorizer_appid": AUTHORIZER,
                "authorizer_access_token": ACCESS_TOKEN,
                "expires_in": 7200,
                "authorizer_refresh_token": REFRESH_TOKEN,
                "func_info": INFO,
            }
        }
    )
    grant = component.query_auth(COMPONENT, COMPONENT_TOKEN, CODE)
    assert grant == Grant(AUTHORIZER, ACCESS_TOKEN, 7200, REFRESH_TOKEN, (1, 4711))
    assert http.sent[0][2] == {"component_appid": COMPONENT, "authorization_code": CODE}
    assert ACCESS_TOKEN not in repr(grant)
    assert REFRESH_TOKEN not in repr(grant)


@pytest.mark.parametrize("empty", [{}, {"authorizer_refresh_token": "", "func_info": None}])
def test_an_account_without_api_ability_brings_no_tokens(empty: dict[str, Any]) -> None:
    """Absent or empty tokens are None, not an error and not an empty token."""
    component, _ = api({"authorization_info": {"authorizer_appid": AUTHORIZER, **empty}})
    grant = component.query_auth(COMPONENT, COMPONENT_TOKEN, CODE)
    assert grant == Grant(AUTHORIZER, None, None, None, ())


def test_refresh_without_a_new_refresh_token() -> None:
    """Nothing sent along is None: the stored refresh token must not be replaced by nothing."""
    component, http = api(
        {"authorizer_access_token": ACCESS_TOKEN, "expires_in": 7200, "errcode": "0"}
    )
    refreshed = component.refresh(COMPONENT, COMPONENT_TOKEN, AUTHORIZER, REFRESH_TOKEN)
    assert (refreshed.access_token, refreshed.expires_in) == (ACCESS_TOKEN, 7200)
    assert refreshed.refresh_token is None
    assert http.sent[0][2]["authorizer_refresh_token"] == REFRESH_TOKEN
    assert ACCESS_TOKEN not in repr(refreshed)


@pytest.mark.parametrize("name", ["authorizer_appid", "authorization_appid", "appid"])
def test_authorizer_info_reads_the_appid_under_each_of_its_names(name: str) -> None:
    """Old copies of the page spell the field differently."""
    component, _ = api(
        {
            "authorizer_info": {"nick_name": "示例商家", "MiniProgramInfo": {}},
            "authorization_info": {
                name: AUTHORIZER,
                "authorizer_refresh_token": REFRESH_TOKEN,
                "func_info": INFO,
            },
        }
    )
    info = component.authorizer_info(COMPONENT, COMPONENT_TOKEN, AUTHORIZER)
    assert info.authorizer_appid == AUTHORIZER
    assert info.refresh_token == REFRESH_TOKEN
    assert info.func_info == (1, 4711)
    assert info.profile == {"nick_name": "示例商家", "MiniProgramInfo": {}}
    assert REFRESH_TOKEN not in repr(info)


def test_authorizer_info_of_another_account_is_no_answer() -> None:
    """A refresh token is never taken from an answer about somebody else."""
    component, _ = api(
        {
            "authorizer_info": {},
            "authorization_info": {
                "authorizer_appid": "wx" + "0" * 16,
                "authorizer_refresh_token": REFRESH_TOKEN,
            },
        }
    )
    with pytest.raises(WeChatUnknownError):
        component.authorizer_info(COMPONENT, COMPONENT_TOKEN, AUTHORIZER)


def test_start_push_ticket_uses_the_field_of_that_page() -> None:
    """Here the secret is called component_secret."""
    component, http = api({"errcode": 0, "errmsg": "in a normal state"})
    assert component.start_push_ticket(COMPONENT, APPSECRET) == "in a normal state"
    assert http.sent[0][1:] == (
        {},
        {"component_appid": COMPONENT, "component_secret": APPSECRET},
    )


@pytest.mark.parametrize(
    ("appid", "sent"), [(None, {}), (AUTHORIZER, {"appid": AUTHORIZER})], ids=["own", "authorizer"]
)
def test_clear_quota_needs_no_token(appid: str | None, sent: dict[str, str]) -> None:
    """On this page the secret is called appsecret, and the account is named only if it is one."""
    component, http = api({"errcode": 0, "errmsg": "ok"})
    component.clear_quota(COMPONENT, APPSECRET, appid)
    assert http.sent[0] == (
        "/cgi-bin/component/clear_quota/v2",
        {},
        {"component_appid": COMPONENT, "appsecret": APPSECRET, **sent},
    )


CALLS: dict[str, Callable[[ComponentApi], object]] = {
    "component_token": lambda c: c.component_token(COMPONENT, APPSECRET, TICKET),
    "pre_auth_code": lambda c: c.pre_auth_code(COMPONENT, COMPONENT_TOKEN),
    "query_auth": lambda c: c.query_auth(COMPONENT, COMPONENT_TOKEN, CODE),
    "refresh": lambda c: c.refresh(COMPONENT, COMPONENT_TOKEN, AUTHORIZER, REFRESH_TOKEN),
    "authorizer_info": lambda c: c.authorizer_info(COMPONENT, COMPONENT_TOKEN, AUTHORIZER),
    "start_push_ticket": lambda c: c.start_push_ticket(COMPONENT, APPSECRET),
    "clear_quota": lambda c: c.clear_quota(COMPONENT, APPSECRET, None),
}
NEEDS_FIELDS = [name for name in CALLS if name not in {"start_push_ticket", "clear_quota"}]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("errcode", [61004, "61004", -1, "-1"], ids=repr)
def test_an_errcode_is_a_refusal(name: str, errcode: object) -> None:
    """A number or text other than 0 says that WeChat issued nothing."""
    component, _ = api({"errcode": errcode, "errmsg": "some reason"})
    with pytest.raises(WeChatRefusedError) as caught:
        CALLS[name](component)
    assert caught.value.wechat_errcode == int(str(errcode))
    assert caught.value.path.startswith("/cgi-bin/component/")
    assert "some reason" in caught.value.message


@pytest.mark.parametrize("name", CALLS)
def test_a_refusal_never_repeats_the_secrets_of_its_request(name: str) -> None:
    """WeChat's errmsg may quote the request; the message does not, in no way of writing."""
    secrets = (APPSECRET, TICKET, COMPONENT_TOKEN, CODE, REFRESH_TOKEN)
    quoted = " ".join([*secrets, *(value.replace("@", "%40") for value in secrets)])
    component, _ = api({"errcode": 40001, "errmsg": f"bad: {quoted}"})
    with pytest.raises(WeChatRefusedError) as caught:
        CALLS[name](component)
    told = "".join(traceback.format_exception(caught.value))
    assert "***" in told
    for secret in secrets[1:]:
        assert secret not in told
        assert secret.replace("@", "%40") not in told
    if name in {"component_token", "start_push_ticket", "clear_quota"}:
        assert APPSECRET not in told


def test_a_refused_address_is_named_in_the_remedy() -> None:
    """61004 is the address list, and the remedy says which address has to go there."""
    component, _ = api(
        {
            "errcode": 61004,
            "errmsg": "access clientip is not registered requestIP: 203.0.113.7 "
            "rid: 64393d2c-3f694651-6afa4c31",
        }
    )
    with pytest.raises(WeChatRefusedError) as caught:
        component.pre_auth_code(COMPONENT, COMPONENT_TOKEN)
    assert "203.0.113.7" in caught.value.remedy


def test_errmsg_is_cleaned_and_cut() -> None:
    """Control characters, escapes and endless texts do not reach a log or a caller."""
    component, _ = api(
        {"errcode": 40013, "errmsg": "不合法\x1b[31m\r\nX-Evil: 1\u202e " + "a" * 999}
    )
    with pytest.raises(WeChatRefusedError) as caught:
        component.pre_auth_code(COMPONENT, COMPONENT_TOKEN)
    message = caught.value.message
    assert "不合法" in message
    assert len(message) < 300
    assert all(character.isprintable() for character in message)
    assert "\u202e" not in message


@pytest.mark.parametrize("name", NEEDS_FIELDS)
@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"errcode": 0, "errmsg": "ok"},
        {"errcode": None},
        {"errcode": "many"},
        {"errcode": 10**12},
        {"errcode": -(10**50)},
        {"errcode": True},
        {"errcode": {}},
        {"authorization_info": [], "expires_in": 7200},
        {"authorization_info": {"authorizer_appid": "A#1"}},
        {"authorization_info": {"authorizer_appid": ["wx"]}, "authorizer_info": 7},
        {
            "component_access_token": "has blank",
            "pre_auth_code": "x" * 5000,
            "authorizer_access_token": 7,
            "expires_in": 7200,
        },
        {
            "component_access_token": COMPONENT_TOKEN,
            "pre_auth_code": CODE,
            "authorizer_access_token": ACCESS_TOKEN,
            "expires_in": -1,
            "authorization_info": {
                "authorizer_appid": AUTHORIZER,
                "authorizer_access_token": ACCESS_TOKEN,
                "authorizer_refresh_token": "tökén",
            },
        },
    ],
)
def test_an_answer_without_sound_fields_is_an_unknown_outcome(
    name: str, answer: dict[str, Any]
) -> None:
    """Half an answer may stand for an executed call: it is no refusal and no token."""
    component, _ = api(answer)
    with pytest.raises(WeChatUnknownError) as caught:
        CALLS[name](component)
    told = "".join(traceback.format_exception(caught.value))
    assert ACCESS_TOKEN not in told
    assert COMPONENT_TOKEN not in told


RID = "64393d2c-3f694651-6afa4c31"


@dataclass
class Answers:
    """WeChat's HTTP side with one answer after the other."""

    waiting: list[dict[str, Any]]
    sent: list[tuple[str, Any, Any]] = field(default_factory=list)

    def post(self, path: str, *, query: Any, body: Any) -> dict[str, Any]:
        """Take a call."""
        self.sent.append((path, query, body))
        return self.waiting.pop(0)


def test_the_callers_address_is_what_wechat_remembers_of_a_refusal() -> None:
    """An id of nobody is refused under an id of its own, and that one is looked up."""
    http = Answers(
        [
            {"errcode": 76001, "errmsg": f"rid not found rid: {RID}"},
            {"errcode": 0, "request": {"client_ip": "::ffff:203.0.113.7"}},
        ]
    )
    api_ = ComponentApi("http://127.0.0.1", http=http)  # type: ignore[arg-type]
    assert api_.caller_address(COMPONENT_TOKEN) == "203.0.113.7"
    path = "/cgi-bin/openapi/rid/get"
    query = {"access_token": COMPONENT_TOKEN}
    assert http.sent == [
        (path, query, {"rid": "00000000-00000000-00000000"}),
        (path, query, {"rid": RID}),
    ]


@pytest.mark.parametrize("told", [{}, {"request": {}}, {"request": {"client_ip": "nowhere"}}])
def test_an_address_that_is_not_told_is_none(told: dict[str, Any]) -> None:
    """WeChat accepted the calls; that is all that is known."""
    http = Answers([{"errcode": 76001, "errmsg": f"rid not found rid: {RID}"}, told])
    api_ = ComponentApi("http://127.0.0.1", http=http)  # type: ignore[arg-type]
    assert api_.caller_address(COMPONENT_TOKEN) is None


@pytest.mark.parametrize(
    "answer",
    [
        {"errcode": 61004, "errmsg": f"requestIP: 203.0.113.7 rid: {RID}"},
        {"errcode": 76001, "errmsg": "rid not found"},
        {"errcode": 45009, "errmsg": f"quota rid: {RID}"},
    ],
    ids=["address", "no rid", "quota"],
)
def test_another_refusal_of_the_first_call_stands(answer: dict[str, Any]) -> None:
    """No second call is made, and the caller sees why."""
    http = Answers([answer])
    api_ = ComponentApi("http://127.0.0.1", http=http)  # type: ignore[arg-type]
    with pytest.raises(WeChatRefusedError) as caught:
        api_.caller_address(COMPONENT_TOKEN)
    assert caught.value.wechat_errcode == answer["errcode"]
    assert len(http.sent) == 1
