"""The sample events of calls and logins, replayed as those of the rest are."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from tests.unit.desk import COMPONENT, MERCHANT, Desk, body_of, read
from tests.unit.good_apis import PICTURE

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(name="desk")
def _desk() -> Iterator[Desk]:
    """Return a desk with a merchant."""
    with mock_aws():
        desk = Desk()
        desk.with_merchant()
        yield desk


@pytest.mark.parametrize("name", ["call-http", "call-http-get", "call-invoke", "call-invoke-file"])
def test_call(desk: Desk, name: str) -> None:
    """The call goes to WeChat as the caller wants it, with the merchant's own token."""
    answer = desk.replay(name)
    ((made, token),) = desk.apis.calls
    assert token == desk.wechat.issued[1]
    if name == "call-http-get":
        assert (made.method, made.query) == ("GET", {"media_id": "Sample_media_id"})
        assert (base64.b64decode(answer["body"]), answer["isBase64Encoded"]) == (PICTURE, True)
        assert answer["headers"]["content-type"] == "image/png"
    elif name == "call-http":
        assert body_of(answer) == {"errcode": 0}
        assert made.body == read(name)["body"].encode()
    else:
        assert answer["json"] == {"errcode": 0}
        assert made.path in {"/cgi-bin/message/custom/send", "/cgi-bin/media/upload"}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("call-invoke-quota", "/cgi-bin/openapi/quota/clear"),
        ("call-invoke-open-account", "/cgi-bin/open/create"),
    ],
)
def test_call_of_a_feature(desk: Desk, name: str, path: str) -> None:
    """A merchant's quota and open-platform account: plain calls with the merchant's token."""
    assert desk.replay(name)["json"] == {"errcode": 0}
    ((made, token),) = desk.apis.calls
    assert (made.path, token) == (path, desk.wechat.issued[1])
    assert json.loads(made.body or b"") == read(name)["call"]["json"]


@pytest.mark.parametrize(
    "name", ["call-http-component", "call-invoke-component", "call-invoke-rid"]
)
def test_component_call(desk: Desk, name: str) -> None:
    """The same with the component's token."""
    desk.replay(name)
    ((_, token),) = desk.apis.calls
    assert token == desk.wechat.issued[0]


def test_login(desk: Desk) -> None:
    """A session key comes back with the component's token spent on it; a link needs no WeChat."""
    answer = desk.replay("call-http-login")
    assert body_of(answer) == {"openid": "o1", "session_key": "key"}
    assert [token for _, token in desk.apis.calls] == [desk.wechat.issued[0]]
    url = desk.replay("call-invoke-login")["url"]
    assert url.startswith(f"https://open.weixin.qq.com/connect/oauth2/authorize?appid={MERCHANT}&")
    assert url.endswith(f"&state=basket-7&component_appid={COMPONENT}#wechat_redirect")
