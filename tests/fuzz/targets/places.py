"""Where people are sent: links to WeChat, and return URLs."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlsplit

from tests.fuzz.target import Feed, Target, require, stretched, text
from wxvault.errors import InvalidRequestError
from wxvault.protocol.links import (
    LinkOptions,
    choose_style,
    page_link,
    plugin_parameters,
    registration_link,
)
from wxvault.runtime.http_answers import redirect_answer
from wxvault.services.return_urls import check_return_url, with_parameters
from wxvault.services.session_requests import STATE_LIMIT

COMPONENT = "wx0123456789abcdef"
ALLOWED = (
    "https://shop.example.com/back",
    "https://shop.example.com:8443/",
    "http://localhost:8080/dev/",
    "https://[2001:db8::1]/six",
)
_HOSTS = {
    "pc": "https://mp.weixin.qq.com/cgi-bin/componentloginpage?",
    "h5": "https://open.weixin.qq.com/wxaopen/safe/bindcomponent?",
    "h5_old": "https://mp.weixin.qq.com/safe/bindcomponent?",
}


def make_links(data: bytes) -> None:
    """Build every link from a request's fields, and read it back."""
    feed = Feed(data)
    style = feed.pick("pc", "h5", "h5_old")
    style = feed.line() or style
    require(choose_style(feed.line()) in {"pc", "h5"}, "a style nobody knows")
    code, back, appid = _plain(feed.line()), _plain(feed.line()), feed.line()
    try:
        wanted = json.loads(feed.rest())
    except (ValueError, RecursionError):
        wanted = {}
    try:
        options = LinkOptions.from_request(wanted if isinstance(wanted, dict) else {})
        link = page_link(
            style, options, component_appid=COMPONENT, pre_auth_code=code, redirect_uri=back
        )
        read = _read_back(link, _HOSTS[style])
        require(read["pre_auth_code"] == code, "the code changed on its way")
        require(read["redirect_uri"] == back, "the way back changed on its way")
        require(read["component_appid"] == COMPONENT, "another component")
        require(read["auth_type"] == str(options.auth_type), "another auth_type")
        chosen = "|".join(map(str, options.category_id_list))
        require(read.get("category_id_list", "") == chosen, "other permission sets")
        require(read.get("biz_appid") == options.biz_appid, "another account")
        link = registration_link(
            official_account_appid=appid,
            component_appid=COMPONENT,
            copy_wx_verify=style == "pc",
            redirect_uri=back,
        )
        read = _read_back(link, "https://mp.weixin.qq.com/cgi-bin/fastregisterauth?")
        require(read["redirect_uri"] == back, "the way back changed on its way")
        plugin = plugin_parameters(options, component_appid=appid, pre_auth_code=code)
        require(plugin["preAuthCode"] == code, "the code changed on its way")
    except InvalidRequestError as error:
        require(error.field, "no field is named")
        require(len(str(error)) <= 200, "a long error")


def _plain(line: str) -> str:
    return line.encode("utf-8", "replace").decode()


def _read_back(link: str, start: str) -> dict[str, str]:
    require(link.startswith(start), "a link to elsewhere")
    require(re.fullmatch(r"[!-~]+", link), "a link with strange characters")
    query = urlsplit(link).query
    read = parse_qs(query, keep_blank_values=True, strict_parsing=True)
    require(all(len(values) == 1 for values in read.values()), "a parameter came twice")
    return {name: values[0] for name, values in read.items()}


def return_url(data: bytes) -> None:
    """Check a return URL, and read what is accepted as a browser reads it."""
    feed = Feed(stretched(data))
    url = feed.line()
    # No session keeps a longer state.
    value = _plain(text(feed.rest()))[:STATE_LIMIT]
    try:
        accepted = check_return_url(url, ALLOWED)
    except InvalidRequestError as error:
        require(error.field == "return_url" and len(str(error)) <= 200, "a strange refusal")
        return
    require(accepted == url, "another URL came out")
    _require_inside(accepted)
    onward = with_parameters(accepted, {"status": "done", "state": value})
    _require_inside(onward)
    redirect_answer(onward)
    parts = urlsplit(onward)
    read = parse_qs(parts.query, keep_blank_values=True)
    require(read["status"] == ["done"], "a status of its own")
    require(read["state"] == [value], "the state changed on its way")
    require(parts.fragment == urlsplit(url).fragment, "another fragment")


# As the URL standard of browsers reads an http(s) address, written down anew: no user, a host of
# plain characters, segments of which none climbs.
_BROWSER = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]*))?"
    r"(?P<path>/[^?#]*)?(?:\?[^#]*)?(?:#.*)?",
    re.IGNORECASE | re.ASCII,
)
_USUAL = {"https": "443", "http": "80"}


def _require_inside(url: str) -> None:
    found = _BROWSER.fullmatch(url)
    require(found, "a URL that browsers read in another way")
    if found is None:
        return
    scheme = found["scheme"].lower()
    port = (found["port"] or "").lstrip("0") or _USUAL[scheme]
    place = (scheme, found["host"].lower(), port)
    path = found["path"] or "/"
    segments = [segment.lower().replace("%2e", ".") for segment in path.split("/")]
    require("." not in segments and ".." not in segments, "a path that climbs")
    require("\\" not in path, "a backslash, which browsers take for a slash")
    for allowed in ALLOWED:
        inside = _BROWSER.fullmatch(allowed)
        if inside is None:
            continue
        prefix = (inside["path"] or "/").rstrip("/")
        same = (inside["scheme"], inside["host"], inside["port"] or _USUAL[scheme]) == place
        if same and (path == prefix or path.startswith(prefix + "/")):
            return
    require(holds=False, law="a URL outside of every allowed one")


def targets() -> tuple[Target, ...]:
    """Return the targets."""
    return (
        Target(
            "links",
            "links to WeChat's pages",
            make_links,
            (
                b"preauthcode@@@",
                b"https://auth.example.com/authorized/x?a=1&b=2#c",
                b"wx00000000000000a1",
                b'{"auth_type":1}',
                b'{"category_id_list":[99,31],"biz_appid":null}',
                b"MicroMessenger",
                b"iPhone",
                b"%",
                b"&",
                b"#",
            ),
        ),
        Target(
            "return_urls",
            "where a merchant may be sent back to",
            return_url,
            (
                *(allowed.encode() for allowed in ALLOWED),
                b"https:",
                b"//",
                b"/back/",
                b"%2e%2e/",
                b"%2F",
                b"%5c",
                b"\\",
                b"@evil.example",
                b".evil.example",
                b":443",
                b":0443",
                b";",
                b"?a=1",
                b"#",
                b"[::1]",
                b"\t",
            ),
        ),
    )
