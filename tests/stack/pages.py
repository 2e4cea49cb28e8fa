"""WeChat's own authorisation page, as a merchant uses it in a browser."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from sandbox.stack.browser import Browser
from sandbox.stack.http_client import Answer, send

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.stack.journey.merchant import Visit

WECHAT_ON_A_PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 MicroMessenger/8.0.49"
ON_A_COMPUTER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36"


def browser_that_is(user_agent: str) -> Browser:
    """A browser that says what it is."""

    def transport(
        method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        return send(method, url, headers={**headers, "User-Agent": user_agent}, body=body)

    return Browser(transport)


def offered(page: Answer) -> list[str]:
    """The appids that WeChat's page lists."""
    return re.findall(r'name="authorizer_appid" value="(wx[0-9a-f]{16})"', page.text)


def confirm_on_page(trip: Visit, appid: str, permission_set: str = "1") -> Answer:
    """Follow the link, tick one permission set, confirm, and follow WeChat's redirect to its end.

    The browser sends the platform's origin as Referer, as the platform's page told it to.
    """
    page = trip.browser.get(trip.onward_url, referer=trip.referer)
    assert page.status == 200
    assert appid in offered(page), page.text
    visit = re.search(r'name="visit" value="([^"]+)"', page.text)
    action = re.search(r'<form method="post" action="([^"]+)"', page.text)
    assert visit is not None
    assert action is not None
    form = {"visit": visit[1], "authorizer_appid": appid, f"set-{appid}": permission_set}
    target = urljoin(trip.onward_url, html.unescape(action[1]))
    return trip.browser.post(target, form, referer=trip.onward_url, follow=True)
