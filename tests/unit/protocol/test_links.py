"""The links and plugin parameters that send a merchant to WeChat, character for character."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wxvault.errors import InvalidRequestError
from wxvault.protocol.links import (
    LinkOptions,
    choose_style,
    h5_link,
    h5_old_link,
    page_link,
    pc_link,
    plugin_parameters,
    registration_link,
)

APPID = "wx0123456789abcdef"
BIZ_APPID = "wxf8b4f85f3a794e77"
CODE = "preauthcode@@@Ab-9_"
REDIRECT = "https://auth.example.com/authorized/Sx-9_?a=1&b=二 三"
COMMON = {"component_appid": APPID, "pre_auth_code": CODE, "redirect_uri": REDIRECT}
EVERYTHING = LinkOptions(auth_type=6, biz_appid=BIZ_APPID, category_id_list=(99, 31))

_COMMON_TEXT = (
    "component_appid=wx0123456789abcdef&pre_auth_code=preauthcode%40%40%40Ab-9_"
    "&redirect_uri=https%3A%2F%2Fauth.example.com%2Fauthorized%2FSx-9_%3Fa%3D1%26b%3D"
    "%E4%BA%8C%20%E4%B8%89"
)


def test_pc_link() -> None:
    """The PC link with defaults and with every parameter."""
    start = "https://mp.weixin.qq.com/cgi-bin/componentloginpage?" + _COMMON_TEXT
    assert pc_link(LinkOptions(), **COMMON) == start + "&auth_type=3"
    assert pc_link(EVERYTHING, **COMMON) == (
        start + "&auth_type=6&biz_appid=wxf8b4f85f3a794e77&category_id_list=99%7C31"
    )


def test_h5_link() -> None:
    """The current H5 link with defaults and with every parameter."""
    start = (
        "https://open.weixin.qq.com/wxaopen/safe/bindcomponent?action=bindcomponent&no_scan=1&"
        + _COMMON_TEXT
    )
    assert h5_link(LinkOptions(), **COMMON) == start + "&auth_type=3#wechat_redirect"
    assert h5_link(EVERYTHING, **COMMON) == (
        start + "&auth_type=6&biz_appid=wxf8b4f85f3a794e77&category_id_list=99%7C31#wechat_redirect"
    )


def test_h5_old_link() -> None:
    """The old H5 link, on the host of the PC page, with auth_type once and in its old place."""
    host = "https://mp.weixin.qq.com/safe/bindcomponent?action=bindcomponent"
    assert h5_old_link(LinkOptions(), **COMMON) == (
        host + "&auth_type=3&no_scan=1&" + _COMMON_TEXT + "#wechat_redirect"
    )
    assert h5_old_link(EVERYTHING, **COMMON) == (
        host
        + "&auth_type=6&no_scan=1&"
        + _COMMON_TEXT
        + "&biz_appid=wxf8b4f85f3a794e77&category_id_list=99%7C31#wechat_redirect"
    )


def test_plugin_parameters() -> None:
    """The plugin takes its own names, and neither redirect nor permission sets."""
    assert plugin_parameters(LinkOptions(), component_appid=APPID, pre_auth_code=CODE) == {
        "platformAppID": APPID,
        "preAuthCode": CODE,
        "authType": 3,
    }
    options = LinkOptions(auth_type=2, biz_appid=BIZ_APPID)
    assert plugin_parameters(options, component_appid=APPID, pre_auth_code=CODE) == {
        "platformAppID": APPID,
        "preAuthCode": CODE,
        "authType": 2,
        "bizAppid": BIZ_APPID,
    }


@pytest.mark.parametrize(("copy", "text"), [(True, "1"), (False, "0")])
def test_registration_link(copy: bool, text: str) -> None:
    """The link that reuses an official account's registration says 1 or 0, never true or false."""
    link = registration_link(
        official_account_appid=BIZ_APPID,
        component_appid=APPID,
        copy_wx_verify=copy,
        redirect_uri="https://auth.example.com/registered/s",
    )
    assert link == (
        "https://mp.weixin.qq.com/cgi-bin/fastregisterauth?appid=wxf8b4f85f3a794e77"
        f"&component_appid=wx0123456789abcdef&copy_wx_verify={text}"
        "&redirect_uri=https%3A%2F%2Fauth.example.com%2Fregistered%2Fs"
    )


@pytest.mark.parametrize(
    ("style", "start"),
    [
        ("pc", "http://127.0.0.1:1/cgi-bin/componentloginpage?"),
        ("h5", "http://127.0.0.1:2/wxaopen/safe/bindcomponent?"),
        ("h5_old", "http://127.0.0.1:1/safe/bindcomponent?"),
    ],
)
def test_pages_may_be_elsewhere(style: str, start: str) -> None:
    """Each style goes to its own base, and a slash at the base's end is not doubled."""
    link = page_link(
        style,
        LinkOptions(),
        **COMMON,
        pc_page_base="http://127.0.0.1:1/",
        h5_page_base="http://127.0.0.1:2",
    )
    assert link.startswith(start)


def test_page_link_is_the_link_of_its_style() -> None:
    """By default the dispatcher gives exactly what the three functions give."""
    assert page_link("pc", EVERYTHING, **COMMON) == pc_link(EVERYTHING, **COMMON)
    assert page_link("h5", EVERYTHING, **COMMON) == h5_link(EVERYTHING, **COMMON)
    assert page_link("h5_old", EVERYTHING, **COMMON) == h5_old_link(EVERYTHING, **COMMON)


@pytest.mark.parametrize("style", ["", "plugin", "auto", "PC"])
def test_other_styles_have_no_page(style: str) -> None:
    """Only the three pages have links."""
    with pytest.raises(InvalidRequestError, match=r"^style: "):
        page_link(style, LinkOptions(), **COMMON)


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
)
def test_any_redirect_comes_through_in_one_piece(query: str, code: str) -> None:
    """Whatever redirect and code contain, a reader of the link gets them back unchanged."""
    redirect_uri = "https://auth.example.com/authorized/s?state=" + query
    for make in (pc_link, h5_link, h5_old_link):
        link = make(
            LinkOptions(), component_appid=APPID, pre_auth_code=code, redirect_uri=redirect_uri
        )
        assert link.isascii()
        assert " " not in link
        fields = dict(parse_qsl(urlsplit(link).query, keep_blank_values=True))
        assert fields["redirect_uri"] == redirect_uri
        assert fields["pre_auth_code"] == code


# --- what is refused -----------------------------------------------------------------------------

BAD_OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    **{f"auth_type {value!r}": ({"auth_type": value}, "auth_type")
       for value in (7, 9, 0, -1, 33, 3.0, "3", True, [3])},
    **{f"biz_appid {value!r}": ({"biz_appid": value}, "biz_appid")
       for value in ("", "gh_97417a04a28d", "wx0123456789ABCDEF", "wx0123456789abcdef&x=1", 5)},
    "category_id_list is text": ({"category_id_list": "99|31"}, "category_id_list"),
    "category_id_list is an object": ({"category_id_list": {"1": 2}}, "category_id_list"),
    "category_id_list is too long": ({"category_id_list": [1] * 201}, "category_id_list"),
    **{f"category id {value!r}": ({"category_id_list": [99, value]}, "category_id_list[1]")
       for value in (0, -1, "31", 1.5, True, None, 100_000)},
}  # fmt: skip


@pytest.mark.parametrize(("fields", "name"), BAD_OPTIONS.values(), ids=BAD_OPTIONS)
def test_bad_option_is_named(fields: dict[str, Any], name: str) -> None:
    """Every option WeChat does not know is refused by its field's name."""
    with pytest.raises(InvalidRequestError) as raised:
        LinkOptions.from_request(fields)
    assert raised.value.field == name


@pytest.mark.parametrize("value", [7, 9, 0])
def test_bad_option_cannot_even_be_made(value: int) -> None:
    """The value itself refuses what its constructor is given."""
    with pytest.raises(
        InvalidRequestError, match=r"^auth_type: must be one of 1, 2, 3, 4, 5, 6, 8$"
    ):
        LinkOptions(auth_type=value)


@pytest.mark.parametrize("value", [1, 2, 3, 4, 5, 6, 8])
def test_documented_auth_types_are_accepted(value: int) -> None:
    """1 to 6 and 8 are accepted for pages."""
    assert f"auth_type={value}" in pc_link(LinkOptions(auth_type=value), **COMMON)


def test_absent_and_null_fields_are_defaults() -> None:
    """A request that says nothing asks for official accounts and mini programs, all sets."""
    nothing = {"auth_type": None, "biz_appid": None, "category_id_list": None, "state": "x"}
    assert LinkOptions.from_request({}) == LinkOptions.from_request(nothing) == LinkOptions()
    assert LinkOptions.from_request(
        {"auth_type": 1, "biz_appid": BIZ_APPID, "category_id_list": [99, 31]}
    ) == LinkOptions(1, BIZ_APPID, (99, 31))


@pytest.mark.parametrize("value", [4, 5, 6, 8])
def test_plugin_offers_three_kinds(value: int) -> None:
    """The plugin knows auth_type 1 to 3 only, and says so."""
    with pytest.raises(InvalidRequestError, match=r"^auth_type: must be one of 1, 2, 3 for the"):
        plugin_parameters(LinkOptions(auth_type=value), component_appid=APPID, pre_auth_code=CODE)


def test_plugin_takes_no_permission_sets() -> None:
    """A choice the plugin would drop in silence is refused."""
    with pytest.raises(InvalidRequestError, match=r"^category_id_list: "):
        LinkOptions(category_id_list=(1,)).require_plugin()


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"component_appid": "platform"}, "component_appid"),
        ({"pre_auth_code": ""}, "pre_auth_code"),
        ({"redirect_uri": ""}, "redirect_uri"),
        ({"redirect_uri": "/authorized/x"}, "redirect_uri"),
        ({"redirect_uri": "//auth.example.com/x"}, "redirect_uri"),
        ({"redirect_uri": "javascript:alert(1)"}, "redirect_uri"),
        ({"redirect_uri": "https:///x"}, "redirect_uri"),
        ({"redirect_uri": "https://[x"}, "redirect_uri"),
    ],
    ids=["component", "no code", "none", "path", "no scheme", "script", "no host", "broken host"],
)
def test_unusable_link_is_not_made(changed: dict[str, str], name: str) -> None:
    """WeChat would answer such a link with an error page, so it is refused by name."""
    for make in (pc_link, h5_link, h5_old_link):
        with pytest.raises(InvalidRequestError) as raised:
            make(LinkOptions(), **(COMMON | changed))
        assert raised.value.field == name


def test_unusable_registration_link_is_not_made() -> None:
    """The registration link needs two appids and an absolute redirect."""
    good = {
        "official_account_appid": BIZ_APPID,
        "component_appid": APPID,
        "redirect_uri": REDIRECT,
    }
    for name in good:
        with pytest.raises(InvalidRequestError, match=f"^{name}: "):
            registration_link(**(good | {name: "x"}), copy_wx_verify=True)


# --- style=auto ----------------------------------------------------------------------------------

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
WECHAT_ON = {
    "an iPhone": "(iPhone; CPU iPhone OS 17_4 like Mac OS X) {} Mobile MicroMessenger/8.0.49",
    "Android": "(Linux; Android 14; wv) {} Chrome/116 Mobile XWEB/1160065 MicroMessenger/8.0.49",
    "HarmonyOS": "(Phone; OpenHarmony 5.0) {} ArkWeb/4.1 Mobile MicroMessenger/8.0.9",
    "Windows": "(Windows NT 10.0; Win64) {} MicroMessenger/7.0.20.1781 WindowsWechat(0x63090a13)",
    "a Mac": "(Macintosh; Intel Mac OS X 10_15_7) {} MicroMessenger/6.8.0 MacWechat/3.8.7",
    "Linux": "(X11; Linux x86_64) {} Chrome/116 MicroMessenger/7.0.20 XWEB/8555",
}
AGENTS = {
    **{f"WeChat on {name}": text for name, text in WECHAT_ON.items()},
    "Chrome on a computer": "(Windows NT 10.0; Win64; x64) {} Chrome/126.0.0.0 Safari/537.36",
    "Safari on an iPhone": "(iPhone; CPU iPhone OS 17_4 like Mac OS X) {} Version/17.4 Mobile",
}
TELEPHONES = {"WeChat on an iPhone", "WeChat on Android", "WeChat on HarmonyOS"}


@pytest.mark.parametrize("name", AGENTS)
def test_style_fits_the_browser(name: str) -> None:
    """The H5 page is for WeChat on a telephone; everybody else can show a QR code."""
    agent = f"Mozilla/5.0 {AGENTS[name].format(WEBKIT)}"
    assert choose_style(agent) == ("h5" if name in TELEPHONES else "pc")


def test_no_browser_name_is_a_computer() -> None:
    """A request without User-Agent gets the page that works everywhere."""
    assert choose_style("") == "pc"
