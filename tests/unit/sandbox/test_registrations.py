"""Registrations at the sandbox: error codes, pages, tickets, and both shapes of a result."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from sandbox.wechat.calls import Call
from sandbox.wechat.push_messages import Shape, registration_xml
from sandbox.wechat.register_links import REUSE_PATH
from sandbox.wechat.register_pages import RegisterPages
from sandbox.wechat.registration_api import CONFIRM_PATH, ENTERPRISE, PERSONAL, REUSE, TRIAL
from sandbox.wechat.replies import Reply, WebRequest
from tests.unit.sandbox.kit import MP, OA, Bench, bench
from tests.unit.sandbox.test_pushes import opened
from wxvault.protocol.pushes import FastRegistration, parse_push

COMPANY: dict[str, Any] = {
    "name": "示例茶馆（上海）有限公司",
    "code": "91310000000000000X",
    "code_type": 1,
    "legal_persona_wechat": "sample_wxid",
    "legal_persona_name": "张三",
}
PERSON = {"idname": "李四", "wxuser": "li_si"}
TRIED = {"name": "小麦烤鸡", "openid": "oK8Yg5YaUM-axuE_vVZmV_oIZxxx"}
REFERER = "http://localhost/"


def call(b: Bench, path: str, body: dict[str, Any], action: str = "create", token: str = "") -> Any:
    """Call an endpoint of a registration."""
    query = {"action": action, "access_token": token or b.component_token_offline()}
    reaction = b.desk.handle(Call("POST", path, query, json.dumps(body).encode()))
    assert reaction.answer is not None
    return json.loads(reaction.answer.body)


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({}, 0),
        ({"name": ""}, 89253),
        ({"legal_persona_name": None}, 89253),
        ({"code_type": 4}, 89248),
        ({"code_type": "1"}, 89253),
        ({"code": "123"}, 89255),
        ({"legal_persona_wechat": "张三"}, 86004),
    ],
)
def test_what_an_enterprise_is_refused_for(changes: dict[str, Any], errcode: int) -> None:
    """In WeChat's own codes."""
    assert call(bench(), ENTERPRISE, COMPANY | changes)["errcode"] == errcode


def test_applications_are_taken_one_after_the_other() -> None:
    """89249 for the same data, until it has ended or a day is over."""
    b = bench()
    call(b, ENTERPRISE, COMPANY)
    again = COMPANY | {"component_phone": "021"}
    assert call(b, ENTERPRISE, again)["errcode"] == 89249
    assert call(b, ENTERPRISE, COMPANY, "search")["errcode"] == 89251
    (application,) = b.desk.state.registrations.all()
    b.desk.finish_registration(application, status=100003)
    assert call(b, ENTERPRISE, COMPANY, "search")["errcode"] == 89250
    assert call(b, ENTERPRISE, again)["errcode"] == 0
    b.clock.move(86_401)
    assert call(b, ENTERPRISE, COMPANY)["errcode"] == 0


def test_a_wechat_id_belongs_to_one_person_and_starts_five_a_day() -> None:
    """61070 and 91030."""
    b = bench()
    for number in range(5):
        assert call(b, ENTERPRISE, COMPANY | {"name": f"公司{number}"})["errcode"] == 0
    assert call(b, ENTERPRISE, COMPANY | {"name": "公司5"})["errcode"] == 91030
    assert call(b, ENTERPRISE, COMPANY | {"legal_persona_name": "王五"})["errcode"] == 61070


@pytest.mark.parametrize(
    ("path", "body"), [(ENTERPRISE, COMPANY), (PERSONAL, PERSON), (TRIAL, TRIED)]
)
def test_an_unpublished_platform_registers_nothing(path: str, body: dict[str, Any]) -> None:
    """61028."""
    assert call(bench(released=False), path, body)["errcode"] == 61028


def test_a_persons_task() -> None:
    """An address for the person, and a status that follows what the person does."""
    b = bench()
    made = call(b, PERSONAL, PERSON)
    assert made["authorize_url"].startswith(f"https://mp.weixin.qq.com{CONFIRM_PATH}?")
    asked = {"taskid": made["taskid"]}
    assert call(b, PERSONAL, asked, "query")["status"] == 0
    assert call(b, PERSONAL, {"taskid": "x"}, "query")["errcode"] == 89250
    page = visit(b, CONFIRM_PATH, dict(parse(made["authorize_url"])))
    assert "李四" in page.body.decode()
    visit(b, CONFIRM_PATH, {}, {"create_token": dict(parse(made["authorize_url"]))["create_token"]})
    assert call(b, PERSONAL, asked, "query")["status"] == 12
    message = opened(b, b.platform.seen[-1])
    assert message["info"] == PERSON
    assert message["status"] == "0"


def test_a_trial_repeats_its_unique_id() -> None:
    """By which the platform knows whose it is."""
    b = bench()
    made = call(b, TRIAL, TRIED)
    (application,) = b.desk.state.registrations.all()
    _, appid = b.desk.finish_registration(application)
    message = opened(b, b.platform.seen[-1])
    assert message["info"]["unique_id"] == made["unique_id"]
    assert message["appid"] == appid
    assert b.exchange(b.component_token(), message["auth_code"])["authorization_info"]


@pytest.mark.parametrize("shape", ["old", "new"])
def test_both_shapes_say_the_same(shape: Shape) -> None:
    """Whoever reads one reads the other; the new one has its order, and everything in CDATA."""
    xml = registration_xml(
        "wx0123456789abcdef",
        1_800_000_000,
        info_type="notify_third_fasteregister",
        status=0,
        message="OK",
        registered_appid=MP.appid,
        auth_code="queryauthcode@@@x",
        info=COMPANY,
        shape=shape,
    )
    push = parse_push(xml.encode())
    assert isinstance(push, FastRegistration)
    assert (push.appid, push.status, push.auth_code) == (MP.appid, 0, "queryauthcode@@@x")
    assert push.info == {name: str(value) for name, value in COMPANY.items()}
    names = re.findall(r"<(status|msg|appid|auth_code|info)>", xml)
    assert (
        names
        == {
            "old": ["appid", "status", "auth_code", "msg", "info"],
            "new": ["status", "msg", "appid", "auth_code", "info"],
        }[shape]
    )
    assert ("<status>0</status>" in xml) == (shape == "old")


@pytest.mark.parametrize("beside", ["before", "after"])
def test_an_ordinary_push_beside_it_has_the_same_code(beside: str) -> None:
    """In the order that was asked for."""
    b = bench()
    call(b, ENTERPRISE, COMPANY)
    (application,) = b.desk.state.registrations.all()
    b.desk.finish_registration(application, beside=beside)  # type: ignore[arg-type]
    messages = [opened(b, envelope) for envelope in b.platform.seen]
    kinds = [message["InfoType"] for message in messages]
    assert kinds == (
        ["authorized", "notify_third_fasteregister"]
        if beside == "before"
        else ["notify_third_fasteregister", "authorized"]
    )
    codes = {message.get("auth_code") or message.get("AuthorizationCode") for message in messages}
    assert len(codes) == 1


# --- reuse ---------------------------------------------------------------------------------------


def link(b: Bench, **changes: str) -> dict[str, str]:
    """Return the query of a link."""
    return {
        "appid": OA.appid,
        "component_appid": b.desk.settings.component_appid,
        "copy_wx_verify": "1",
        "redirect_uri": "http://localhost:9/registered/s?a=1",
    } | changes


def visit(
    b: Bench,
    path: str,
    query: dict[str, str],
    form: dict[str, str] | None = None,
    *,
    referer: str = REFERER,
    pages: RegisterPages | None = None,
) -> Reply:
    """Open a page, or press its button."""
    method = "GET" if form is None else "POST"
    body = urlencode(form or {}).encode()
    request = WebRequest(method, path, query, body, {"referer": referer})
    return (pages or RegisterPages(b.desk)).handle(request)


def parse(url: str) -> list[tuple[str, str]]:
    """Return the query of an address."""
    return [(name, values[0]) for name, values in parse_qs(urlsplit(url).query).items()]


def ticket(b: Bench, **changes: str) -> str:
    """Let the administrator agree; the ticket."""
    pages = RegisterPages(b.desk)
    page = visit(b, REUSE_PATH, link(b, **changes), pages=pages).body.decode()
    found = re.search(r'name="visit" value="([^"]+)"', page)
    assert found is not None, page
    sent = visit(b, REUSE_PATH, {}, {"visit": found[1]}, pages=pages)
    assert sent.status == 302
    location = sent.headers["Location"]
    assert location.startswith("http://localhost:9/registered/s?a=1&ticket=")
    # A form that is sent twice is over.
    assert visit(b, REUSE_PATH, {}, {"visit": found[1]}, pages=pages).status == 200
    return dict(parse(location))["ticket"]


@pytest.mark.parametrize(
    ("changes", "referer", "words"),
    [
        ({"component_appid": "wx0000000000000000"}, REFERER, "component_appid"),
        ({}, "", "授权发起页域名"),
        ({}, "http://elsewhere.example/", "elsewhere.example"),
        ({"redirect_uri": "http://elsewhere.example/x"}, REFERER, "授权发起页域名"),
        ({"copy_wx_verify": "true"}, REFERER, "copy_wx_verify"),
        ({"appid": MP.appid}, REFERER, "公众号"),
        ({"appid": "wx0000000000000000"}, REFERER, "公众号"),
    ],
)
def test_the_page_checks_its_link(changes: dict[str, str], referer: str, words: str) -> None:
    """As the other pages do, and that it is an official account."""
    b = bench()
    page = visit(b, REUSE_PATH, link(b, **changes), referer=referer).body.decode()
    assert 'name="visit"' not in page
    assert words in page


def test_a_ticket_registers_once() -> None:
    """With the account's own token; the code is good, and so is the account's verification."""
    b = bench()
    b.authorised(b.component_token())
    b.desk.confirm(OA.appid, (1, 27))
    token = b.desk.state.links[OA.appid].tokens.current
    assert token is not None
    value = ticket(b)
    made = call(b, REUSE, {"ticket": value}, token=token.value)
    assert made["errcode"] == 0
    new = b.desk.state.links[made["appid"]].merchant
    assert (new.kind, new.principal_name, new.verify_type) == ("mp", OA.principal_name, 0)
    info = b.exchange(b.component_token(), made["authorization_code"])["authorization_info"]
    assert info["authorizer_appid"] == made["appid"]
    assert call(b, REUSE, {"ticket": value}, token=token.value)["errcode"] == 61058


def test_what_a_ticket_is_refused_for() -> None:
    """The set, the ticket, the kind of token."""
    b = bench()
    info = b.authorised(b.component_token())
    token = info["authorizer_access_token"]
    value = ticket(b)
    assert call(b, REUSE, {"ticket": value}, token=token)["errcode"] == 61007
    b.desk.confirm(OA.appid, (1, 27))
    assert call(b, REUSE, {"ticket": "0" * 32}, token=token)["errcode"] == 61058
    assert call(b, REUSE, {}, token=token)["errcode"] == 61058
    assert call(b, REUSE, {"ticket": value})["errcode"] == 61015
    assert call(b, REUSE, {"ticket": value}, token=token)["errcode"] == 0


def test_a_reused_registration_may_be_pushed_as_well() -> None:
    """If the settings say so, as `authorized` with the same code."""
    b = bench(reuse_pushes=True)
    info = b.authorised(b.component_token())
    b.desk.confirm(OA.appid, (1, 27))
    made = call(b, REUSE, {"ticket": ticket(b)}, token=info["authorizer_access_token"])
    message = opened(b, b.platform.seen[-1])
    assert message["InfoType"] == "authorized"
    assert message["AuthorizationCode"] == made["authorization_code"]
