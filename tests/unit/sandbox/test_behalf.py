"""What this WeChat does for those who call it on somebody's behalf: files, logins, templates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.wechat.calls import Call
from sandbox.wechat.control import Control
from sandbox.wechat.media import PNG
from sandbox.wechat.oauth_page import OAUTH_PAGE, open_oauth_page
from sandbox.wechat.replies import WebRequest
from tests.unit.sandbox.kit import MP, OA, Bench, bench

if TYPE_CHECKING:
    from sandbox.wechat.calls import Answer

JSCODE = "/sns/component/jscode2session"
OAUTH = "/sns/oauth2/component/access_token"
OAUTH_REFRESH = "/sns/oauth2/component/refresh_token"


def authorised(b: Bench, *func_ids: int, appid: str = OA.appid) -> str:
    """Let a merchant grant these sets; return its access token."""
    code = b.confirm(appid, func_ids)
    info = b.exchange(b.component_token(), code)["authorization_info"]
    return str(info["authorizer_access_token"])


def api(b: Bench, path: str, token: str, body: Any = None, **query: str) -> dict[str, Any]:
    """Call with an account's token; without a body it is a GET."""
    answer = raw(b, path, token, body, **query)
    parsed: dict[str, Any] = json.loads(answer.body)
    return parsed


def raw(b: Bench, path: str, token: str, body: Any = None, **query: str) -> Answer:
    """Call and return the answer as it is."""
    content = b"" if body is None else json.dumps(body).encode()
    method = "GET" if body is None else "POST"
    reaction = b.desk.handle(Call(method, path, {"access_token": token, **query}, content))
    assert reaction.answer is not None
    return reaction.answer


def control(b: Bench, name: str, **values: Any) -> dict[str, Any]:
    """Send a control request."""
    headers = {"content-type": "application/json"}
    request = WebRequest("POST", f"/_sandbox/{name}", {}, json.dumps(values).encode(), headers)
    parsed: dict[str, Any] = json.loads(Control(b.desk).handle(request).body)
    return parsed


# --- open-platform accounts ----------------------------------------------------------------------


def test_an_open_account_is_made_and_left() -> None:
    """Create, get, have, unbind, bind: each in its order, with the codes of a wrong order."""
    b = bench()
    token = authorised(b, 3, 24)
    assert api(b, "/cgi-bin/open/get", token, {})["errcode"] == 89002
    assert api(b, "/cgi-bin/open/have", token)["have_open"] is False
    made = api(b, "/cgi-bin/open/create", token, {"appid": OA.appid})["open_appid"]
    assert api(b, "/cgi-bin/open/create", token, {})["errcode"] == 89000
    assert api(b, "/cgi-bin/open/get", token, {})["open_appid"] == made
    assert api(b, "/cgi-bin/open/have", token)["have_open"] is True
    bound = {"open_appid": made}
    assert api(b, "/cgi-bin/open/bind", token, bound)["errcode"] == 89000
    assert api(b, "/cgi-bin/open/unbind", token, bound)["errcode"] == 0
    assert api(b, "/cgi-bin/open/unbind", token, bound)["errcode"] == 89001
    assert api(b, "/cgi-bin/open/bind", token, bound)["errcode"] == 0


def test_open_accounts_of_others_are_refused() -> None:
    """Another account's appid, another principal, one made by hand, none at all, and no grant."""
    b = bench()
    token = authorised(b, 24)
    assert api(b, "/cgi-bin/open/create", token, {"appid": MP.appid})["errcode"] == 40013
    foreign = control(b, "open_account", principal_name=OA.principal_name, foreign=True)
    other = control(b, "open_account", principal_name="Others")
    for open_appid, errcode in (
        (foreign["open_appid"], 89036),
        (other["open_appid"], 89001),
        ("wx0000000000000000", 89003),
        ("", 40013),
    ):
        answer = api(b, "/cgi-bin/open/bind", token, {"open_appid": open_appid})
        assert answer["errcode"] == errcode
    assert api(b, "/cgi-bin/open/have", token)["errcode"] == 61007
    assert api(b, "/cgi-bin/open/create", authorised(b, 1), {})["errcode"] == 61007


# --- templates -----------------------------------------------------------------------------------


def test_a_draft_becomes_a_template() -> None:
    """With the component's token only."""
    b = bench()
    component = b.component_token()
    number = control(b, "draft", user_version="1.2.0")["draft_id"]
    (draft,) = api(b, "/wxa/gettemplatedraftlist", component)["draft_list"]
    assert (draft["draft_id"], draft["user_version"]) == (number, "1.2.0")
    assert api(b, "/wxa/addtotemplate", component, {"draft_id": 99})["errcode"] == 85064
    assert api(b, "/wxa/addtotemplate", component, {"draft_id": number})["errcode"] == 0
    (template,) = api(b, "/wxa/gettemplatelist", component)["template_list"]
    gone = {"template_id": template["template_id"]}
    assert api(b, "/wxa/deletetemplate", component, gone)["errcode"] == 0
    assert api(b, "/wxa/deletetemplate", component, gone)["errcode"] == 85064
    assert api(b, "/wxa/gettemplatelist", authorised(b, 1))["errcode"] == 61014


# --- files ---------------------------------------------------------------------------------------


def upload(b: Bench, token: str, form: bytes, kind: str = "image") -> dict[str, Any]:
    """Upload a form."""
    call = Call(
        "POST",
        "/cgi-bin/media/upload",
        {"access_token": token, "type": kind},
        form,
        content_type="multipart/form-data; boundary=x",
    )
    reaction = b.desk.handle(call)
    assert reaction.answer is not None
    parsed: dict[str, Any] = json.loads(reaction.answer.body)
    return parsed


FORM = (
    b'--x\r\nContent-Disposition: form-data; name="media"; filename="a.png"\r\n'
    b"Content-Type: image/png\r\n\r\n\x89PNG\r\n\xff\r\n--x--\r\n"
)


def test_a_file_comes_back_as_it_was_sent() -> None:
    """To its own account, byte by byte with its type; nobody else gets it."""
    b = bench()
    token, other = authorised(b, 11), authorised(b, 1, appid=MP.appid)
    media_id = upload(b, token, FORM)["media_id"]
    assert len(media_id) == 64
    answer = raw(b, "/cgi-bin/media/get", token, media_id=media_id)
    assert (answer.body, answer.content_type) == (b"\x89PNG\r\n\xff", "image/png")
    assert api(b, "/cgi-bin/media/get", other, media_id=media_id)["errcode"] == 40007
    assert api(b, "/cgi-bin/media/get", token)["errcode"] == 40007


def test_uploads_that_are_none() -> None:
    """No such type, no file, no form, no grant; the component may upload too."""
    b = bench()
    token = authorised(b, 11)
    assert upload(b, token, FORM, "paper")["errcode"] == 40004
    assert upload(b, token, b"--x--\r\n")["errcode"] == 41005
    assert upload(b, token, b"no form at all")["errcode"] == 41005
    assert upload(b, authorised(b, 2), FORM)["errcode"] == 61007
    assert "media_id" in upload(b, b.component_token(), FORM)


def test_a_file_of_any_size_can_be_put_there() -> None:
    """For tests of what is too large."""
    b = bench()
    media_id = control(b, "media", size=5000)["media_id"]
    assert len(raw(b, "/cgi-bin/media/get", authorised(b, 1), media_id=media_id).body) == 5000
    assert control(b, "media", size=0)["error"]["code"] == "bad_field"


def test_a_mini_programs_code_is_a_picture_or_an_error() -> None:
    """As WeChat mixes them: bytes if all is well, JSON if not."""
    b = bench()
    token = authorised(b, 17, appid=MP.appid)
    answer = raw(b, "/wxa/getwxacode", token, {"path": "pages/index"})
    assert (answer.body, answer.content_type) == (PNG, "image/png")
    assert api(b, "/wxa/getwxacode", token, {"path": ""})["errcode"] == 40159
    assert api(b, "/wxa/getwxacode", token, {"path": "p" * 1025})["errcode"] == 40159


# --- logins --------------------------------------------------------------------------------------


def log_in(b: Bench, path: str, **query: str) -> dict[str, Any]:
    """Ask with the component's token."""
    full = {
        "component_appid": b.desk.settings.component_appid,
        "component_access_token": query.pop("token", "") or b.component_token(),
        "grant_type": "authorization_code",
        **query,
    }
    full = {name: value for name, value in full.items() if value != "none"}
    reaction = b.desk.handle(Call("GET", path, full, b""))
    assert reaction.answer is not None
    parsed: dict[str, Any] = json.loads(reaction.answer.body)
    return parsed


def test_a_login_code_counts_once() -> None:
    """Openid and session key the first time; used, unknown, expired ones are told apart."""
    b = bench()
    authorised(b, 18, 25, appid=MP.appid)
    code = control(b, "login_code", authorizer_appid=MP.appid, openid="oUser")["code"]
    session = log_in(b, JSCODE, appid=MP.appid, js_code=code)
    assert (session["openid"], len(session["session_key"])) == ("oUser", 24)
    assert "unionid" not in session
    assert session["session_key"] in {one.value for one in b.desk.state.ledger.all()}
    assert log_in(b, JSCODE, appid=MP.appid, js_code=code)["errcode"] == 40163
    assert log_in(b, JSCODE, appid=MP.appid, js_code="0x")["errcode"] == 40029
    late = control(b, "login_code", authorizer_appid=MP.appid)["code"]
    b.clock.move(301)
    assert log_in(b, JSCODE, appid=MP.appid, js_code=late)["errcode"] == 40029


def test_a_bound_account_tells_the_unionid() -> None:
    """Only then."""
    b = bench()
    token = authorised(b, 25, appid=MP.appid)
    api(b, "/cgi-bin/open/create", token, {})
    code = control(b, "login_code", authorizer_appid=MP.appid)["code"]
    assert log_in(b, JSCODE, appid=MP.appid, js_code=code)["unionid"]


@pytest.mark.parametrize(
    ("query", "errcode"),
    [
        ({"appid": OA.appid}, 61003),
        ({"appid": "none"}, 41002),
        ({"js_code": "none"}, 41008),
        ({"grant_type": "refresh_token"}, 40002),
        ({"component_appid": "wx0000000000000000"}, 40094),
        ({"component_appid": "none"}, 41018),
        ({"component_access_token": "none"}, 41021),
        ({"component_access_token": "49_x"}, 40001),
    ],
)
def test_logins_that_are_refused(query: dict[str, str], errcode: int) -> None:
    """Each mistake has its code."""
    b = bench()
    authorised(b, 18, appid=MP.appid)
    code = control(b, "login_code", authorizer_appid=MP.appid)["code"]
    asked = {"appid": MP.appid, "js_code": code, **query}
    assert log_in(b, JSCODE, **asked)["errcode"] == errcode


def test_logins_mind_the_address() -> None:
    """With a code of their own, that names it."""
    b = bench(client_ip="203.0.113.7")
    token = b.component_token_offline()
    answer = log_in(b, JSCODE, token=token, appid=MP.appid, js_code="x")
    assert answer["errcode"] == 40090
    assert "203.0.113.7" in answer["errmsg"]


def open_page(b: Bench, **query: str) -> Any:
    """Open the OAuth page."""
    full = {
        "appid": OA.appid,
        "redirect_uri": "https://shop.example.com/back?own=1",
        "response_type": "code",
        "scope": "snsapi_userinfo",
        "state": "s",
        "component_appid": b.desk.settings.component_appid,
        **query,
    }
    return open_oauth_page(b.desk, WebRequest("GET", OAUTH_PAGE, full, b"", {}))


def test_web_oauth_from_the_page_to_the_profile() -> None:
    """Code, token, refreshed token, profile; each value counts where it should."""
    b = bench()
    authorised(b, 4)
    reply = open_page(b)
    back = parse_qs(urlsplit(reply.headers["Location"]).query)
    assert (back["own"], back["state"], back["appid"]) == (["1"], ["s"], [OA.appid])
    (code,) = back["code"]
    assert log_in(b, JSCODE, appid=OA.appid, js_code=code)["errcode"] == 40029
    token = log_in(b, OAUTH, appid=OA.appid, code=code)
    assert log_in(b, OAUTH, appid=OA.appid, code=code)["errcode"] == 40163
    newer = log_in(
        b,
        OAUTH_REFRESH,
        appid=OA.appid,
        grant_type="refresh_token",
        refresh_token=token["refresh_token"],
    )
    assert newer["openid"] == token["openid"]
    who = {"openid": token["openid"]}
    assert api(b, "/sns/userinfo", newer["access_token"], **who)["nickname"]
    assert api(b, "/sns/userinfo", newer["access_token"], openid="o")["errcode"] == 40003
    assert api(b, "/sns/userinfo", "49_x", **who)["errcode"] == 40001
    b.clock.move(7200)
    assert api(b, "/sns/userinfo", newer["access_token"], **who)["errcode"] == 42001
    unknown = {"grant_type": "refresh_token", "refresh_token": "r"}
    assert log_in(b, OAUTH_REFRESH, appid=OA.appid, **unknown)["errcode"] == 40030


def test_the_silent_scope_tells_no_profile() -> None:
    """snsapi_base brings an openid and no more."""
    b = bench()
    authorised(b, 4)
    code = control(b, "login_code", authorizer_appid=OA.appid, scope="snsapi_base")["code"]
    token = log_in(b, OAUTH, appid=OA.appid, code=code)
    answer = api(b, "/sns/userinfo", token["access_token"], openid=token["openid"])
    assert answer["errcode"] == 48001


def test_a_user_may_refuse() -> None:
    """Then ``state`` comes back alone."""
    b = bench()
    authorised(b, 4)
    location = open_page(b, sandbox_refuse="1").headers["Location"]
    assert parse_qs(urlsplit(location).query) == {"own": ["1"], "state": ["s"]}


@pytest.mark.parametrize(
    "query",
    [
        {"redirect_uri": "/here"},
        {"scope": "snsapi_login"},
        {"response_type": "token"},
        {"state": "s" * 129},
        {"component_appid": "wx0"},
        {"appid": MP.appid},
    ],
)
def test_an_oauth_link_that_is_wrong_shows_an_error(query: dict[str, str]) -> None:
    """As WeChat's page does."""
    b = bench()
    authorised(b, 4)
    assert open_page(b, **query).status == 400
    authorised(b, 1)
    assert open_page(b).status == 400
