"""The authorisation pages and the plugin: WeChat's checks in their order, choice, redirect."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from sandbox.wechat.authorise_links import H5_PATH, OLD_H5_PATH, PC_PATH, redirect_url
from sandbox.wechat.pages import Pages
from sandbox.wechat.replies import WebRequest
from tests.unit.sandbox.kit import CHANNELS, FROZEN, MP, MUTE, OA, Bench, bench, made_settings

if TYPE_CHECKING:
    from sandbox.wechat.replies import Reply

REFERER = "http://localhost:8200/authorize/s"
BACK = "http://localhost:8200/authorized/s?own=1#top"
DOMAIN_TEXT = "请确认授权入口页所在域名，与授权后回调页所在域名相同"


class Browser:
    """A browser at the pages, without a network."""

    def __init__(self, b: Bench) -> None:
        self.bench = b
        self.pages = Pages(b.desk)

    def query(self, **changes: Any) -> dict[str, str]:
        """Return the parameters of a good link, with changes; None takes one away."""
        good: dict[str, Any] = {
            "component_appid": self.bench.desk.settings.component_appid,
            "pre_auth_code": self.bench.pre_auth_code(self.bench.component_token_offline()),
            "redirect_uri": BACK,
            "auth_type": "3",
        }
        return {k: str(v) for k, v in (good | changes).items() if v is not None}

    def open(self, query: dict[str, str], referer: str = REFERER, path: str = PC_PATH) -> str:
        """Follow a link. Returns the page."""
        headers = {"referer": referer} if referer else {}
        reply = self.pages.handle(WebRequest("GET", path, query, b"", headers))
        assert reply.status == 200
        return reply.body.decode()

    def press(self, page: str, appid: str, func_ids: tuple[int, ...]) -> Reply:
        """Choose an account, tick sets, press the button."""
        visit = re.search(r'name="visit" value="(\w+)"', page)
        assert visit
        form = [("visit", visit[1]), ("authorizer_appid", appid)]
        form += [(f"set-{appid}", str(number)) for number in func_ids]
        body = urlencode(form).encode()
        return self.pages.handle(WebRequest("POST", PC_PATH, {}, body, {}))


def browser(**changes: Any) -> Browser:
    """Return a browser at a fresh desk."""
    return Browser(bench(**changes))


@pytest.mark.parametrize("path", [PC_PATH, H5_PATH, OLD_H5_PATH])
def test_choice_lists_accounts_and_sets(path: str) -> None:
    """All three pages list the accounts that fit and their sets; the link's code is not in it."""
    visitor = browser()
    query = visitor.query()
    page = visitor.open(query, path=path)
    assert OA.nick_name in page
    assert MP.nick_name in page
    assert "消息管理" in page
    assert CHANNELS.nick_name not in page
    assert FROZEN.nick_name not in page
    assert query["pre_auth_code"] not in page


def test_checks_in_their_order() -> None:
    """Component, Referer, redirect_uri, pre-auth code: the first that is wrong is shown."""
    visitor = browser()
    wrong = {
        "component_appid": "wx9999999999999999",
        "redirect_uri": "https://elsewhere.example/x",
        "pre_auth_code": "preauthcode@@@unknown",
    }
    query = visitor.query()
    assert "component_appid 无效" in visitor.open(query | wrong, referer="")
    own = wrong | {"component_appid": query["component_appid"]}
    assert DOMAIN_TEXT in visitor.open(query | own, referer="")
    assert "授权入口页所在域名：空" in visitor.open(query | own, referer="")
    assert "授权入口页所在域名：localhost<" in visitor.open(query | own)
    home = own | {"redirect_uri": BACK}
    assert "PreAuthCode 无效" in visitor.open(query | home)
    assert OA.nick_name in visitor.open(query)


@pytest.mark.parametrize(
    ("referer", "shown"),
    [
        ("", "空"),
        ("http://127.0.0.1:8200/", "127.0.0.1"),
        ("https://localhost.evil.example/", "localhost.evil.example"),
        ("https://localhost@evil.example/", "evil.example"),
        ("android-app://localhost/", "空"),
    ],
)
def test_link_must_be_followed_from_the_start_domain(referer: str, shown: str) -> None:
    """Another Referer, or none, shows WeChat's page with what was seen."""
    visitor = browser()
    page = visitor.open(visitor.query(), referer=referer)
    assert f"授权入口页所在域名：{shown}<" in page


@pytest.mark.parametrize(
    "redirect_uri",
    ["", "/authorized", "localhost/x", "http://localhost.evil.example/", "javascript:alert(1)"],
)
def test_redirect_must_return_to_the_start_domain(redirect_uri: str) -> None:
    """A redirect_uri elsewhere or not absolute is refused."""
    visitor = browser()
    assert DOMAIN_TEXT in visitor.open(visitor.query(redirect_uri=redirect_uri))


@pytest.mark.parametrize("auth_type", ["7", "9", "0", "-1", "x"])
def test_unknown_auth_types(auth_type: str) -> None:
    """7 and 9 are no kinds of account."""
    visitor = browser()
    assert "auth_type 无效" in visitor.open(visitor.query(auth_type=auth_type))


@pytest.mark.parametrize(
    ("changes", "listed"),
    [
        ({"auth_type": 1}, {OA, MUTE}),
        ({"auth_type": 2}, {MP}),
        ({"auth_type": None}, {OA, MP, MUTE}),
        ({"auth_type": 5}, {CHANNELS}),
        ({"auth_type": 6}, {OA, MP, MUTE, CHANNELS}),
        ({"auth_type": 1, "biz_appid": MP.appid}, {MP}),
        ({"auth_type": 4}, set()),
        ({"biz_appid": FROZEN.appid}, set()),
    ],
)
def test_who_is_listed(changes: dict[str, Any], listed: set[Any]) -> None:
    """auth_type picks the kinds, biz_appid wins over it, frozen accounts are never listed."""
    visitor = browser()
    page = visitor.open(visitor.query(**changes))
    everybody = (OA, MP, MUTE, CHANNELS, FROZEN)
    assert {merchant for merchant in everybody if merchant.appid in page} == listed
    assert ("没有可授权的账号" in page) is (not listed)


def test_only_the_test_list_before_release() -> None:
    """Before release the page lists accounts of the test list only."""
    visitor = browser(released=False, test_list=[MP.user_name])
    page = visitor.open(visitor.query())
    assert MP.appid in page
    assert OA.appid not in page


def test_category_list_narrows_what_is_offered() -> None:
    """category_id_list leaves only its sets; unknown numbers are shown as numbers."""
    visitor = browser()
    page = visitor.open(visitor.query(category_id_list="1|999|x", biz_appid=OA.appid))
    assert re.findall(r'type="checkbox" name="[^"]+" value="(\d+)"', page) == ["1", "999"]
    assert "权限集 999" in page


def test_confirmation_redirects_with_the_pushed_code() -> None:
    """The browser returns with the very code that was pushed; own parameters stay."""
    visitor = browser()
    page = visitor.open(visitor.query())
    reply = visitor.press(page, OA.appid, (1, 3))
    assert reply.status == 302
    code = next(
        s.value for s in visitor.bench.desk.state.ledger.all() if s.kind == "authorization_code"
    )
    expected = f"auth_code={code.replace('@', '%40')}&expires_in=3600"
    assert reply.headers["Location"] == f"http://localhost:8200/authorized/s?own=1&{expected}#top"
    push = visitor.bench.desk.pushes.all()[-1]
    assert (push.info_type, push.authorizer_appid) == ("authorized", OA.appid)
    assert f"<AuthorizationCode><![CDATA[{code}]]>" in push.xml
    assert "<PreAuthCode><![CDATA[preauthcode@@@" in push.xml


def test_pre_auth_code_is_used_up() -> None:
    """Neither the same page nor the same link works a second time."""
    visitor = browser()
    query = visitor.query()
    page = visitor.open(query)
    assert visitor.press(page, OA.appid, (1,)).status == 302
    again = visitor.press(page, OA.appid, (1, 3))
    assert "PreAuthCode 无效" in again.body.decode()
    assert "PreAuthCode 无效" in visitor.open(query)
    assert visitor.bench.desk.state.links[OA.appid].func_ids == (1,)


def test_pre_auth_code_expires() -> None:
    """A link older than its code's life is refused."""
    visitor = browser()
    query = visitor.query()
    visitor.bench.clock.move(1800)
    assert "PreAuthCode 无效" in visitor.open(query)


def test_update_and_unchanged() -> None:
    """Other sets push updateauthorized; the same sets push nothing and redirect all the same."""
    visitor = browser()
    for func_ids in ((1, 3), (1,), (1,)):
        reply = visitor.press(visitor.open(visitor.query()), OA.appid, func_ids)
        assert reply.status == 302
        assert "auth_code=queryauthcode" in reply.headers["Location"]
    pushed = [push.info_type for push in visitor.bench.desk.pushes.all()]
    assert pushed == ["authorized", "updateauthorized"]


def test_merchant_may_deselect_but_not_add() -> None:
    """What is granted is what was ticked of what was offered; nothing ticked is refused."""
    visitor = browser()
    page = visitor.open(visitor.query(category_id_list="1|3|11"))
    assert "请至少选择" in visitor.press(page, OA.appid, (24,)).body.decode()
    visitor.press(page, OA.appid, (3, 24))
    assert visitor.bench.desk.state.links[OA.appid].func_ids == (3,)


def test_forged_forms() -> None:
    """An unknown visit, or an account the page did not list, changes nothing."""
    visitor = browser()
    page = visitor.open(visitor.query(auth_type=1))
    assert "页面已过期" in visitor.press(page, MP.appid, (17,)).body.decode()
    forged = page.replace('value="', 'value="x')
    assert "页面已过期" in visitor.press(forged, OA.appid, (1,)).body.decode()
    assert not visitor.bench.platform.seen


def test_redirect_first_holds_the_push() -> None:
    """With push_order redirect_first the push waits until it is released."""
    visitor = browser(push_order="redirect_first")
    visitor.press(visitor.open(visitor.query()), OA.appid, (1,))
    assert not visitor.bench.platform.seen
    visitor.bench.desk.pushes.release()
    assert len(visitor.bench.platform.seen) == 1


@pytest.mark.parametrize(
    ("changes", "redirect_uri", "expected"),
    [
        ({}, "https://h/a", "https://h/a?auth_code=q%40&expires_in=600"),
        ({}, "https://h/a?b=1", "https://h/a?b=1&auth_code=q%40&expires_in=600"),
        ({}, "https://h/a#/f?g=1", "https://h/a?auth_code=q%40&expires_in=600#/f?g=1"),
        ({"redirect_raw_at": True}, "https://h/a", "https://h/a?auth_code=q@&expires_in=600"),
        (
            {"redirect_append": "end"},
            "https://h/#/a",
            "https://h/#/a?auth_code=q%40&expires_in=600",
        ),
        (
            {"redirect_append": "end"},
            "https://h/?b=1#/a",
            "https://h/?b=1#/a&auth_code=q%40&expires_in=600",
        ),
    ],
)
def test_how_the_code_is_appended(
    changes: dict[str, Any], redirect_uri: str, expected: str
) -> None:
    """The code goes before the fragment, or with the switch to the very end."""
    assert redirect_url(made_settings(**changes), redirect_uri, "q@", 600) == expected


def test_pages_forbid_everything_foreign() -> None:
    """Pages load nothing, may not be framed, and do not pass their address on."""
    visitor = browser()
    reply = visitor.pages.handle(WebRequest("GET", PC_PATH, visitor.query(), b"", {}))
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
    assert reply.headers["Referrer-Policy"] == "same-origin"
    assert reply.headers["Cache-Control"] == "no-store"
