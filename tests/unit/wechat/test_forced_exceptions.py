"""Whatever the HTTP library raises: what comes of it knows neither the token nor the URL."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3

from wxvault.errors import WeChatUnknownError
from wxvault.services.calling import ApiCall
from wxvault.wechat import http as adapter
from wxvault.wechat.account_api import AccountApi
from wxvault.wechat.component_api import ComponentApi
from wxvault.wechat.http import WeChatHttp
from wxvault.wechat.login_api import LoginApi
from wxvault.wechat.message_api import MessageApi
from wxvault.wechat.registration_api import RegistrationApi

if TYPE_CHECKING:
    from collections.abc import Callable

BASE = "http://127.0.0.1:1"
TOKEN = "61_" + "Qx7-fake_Token" * 11
URL = f"{BASE}/cgi-bin/menu/get?access_token={TOKEN}"


def all_kinds(*parents: type[Exception]) -> list[type[Exception]]:
    """Return exception classes with all that are derived from them, however deep."""
    found: dict[type[Exception], None] = {}
    waiting = list(parents)
    while waiting:
        kind = waiting.pop()
        found[kind] = None
        waiting.extend(kind.__subclasses__())
    return sorted(found, key=lambda kind: f"{kind.__module__}.{kind.__qualname__}")


KINDS = all_kinds(requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError)
KINDS = [kind for kind in KINDS if kind.__module__.split(".")[0] in {"requests", "urllib3"}]

ASKS: dict[str, Callable[[], object]] = {
    "http": lambda: WeChatHttp(BASE).send("GET", "/cgi-bin/menu/get", query={"t": TOKEN}),
    "call": lambda: AccountApi(BASE).call(ApiCall("GET", "/cgi-bin/x", {}), TOKEN, seconds=5),
    "login": lambda: LoginApi(BASE).oauth("wx1", TOKEN, "wx2", TOKEN),
    "component": lambda: ComponentApi(BASE).option("wx1", TOKEN, "wx2", "voice_recognize"),
    "message": lambda: MessageApi(BASE).send_text(TOKEN, "o", TOKEN),
    "registration": lambda: RegistrationApi(BASE).register_reuse(TOKEN, TOKEN),
}


def forced(kind: type[Exception]) -> Exception:
    """Return an exception of a kind that says the URL in its text, its request and its cause."""
    request = requests.Request("GET", URL).prepare()
    error = kind.__new__(kind)
    # Some want arguments of their own, and not all of them say what they were given.
    Exception.__init__(error, f"HTTPConnectionPool: {URL} ({TOKEN})")
    vars(error).update(request=request, response=None, url=URL, pool=URL)
    error.__cause__ = error.__context__ = OSError(URL)
    return error


@pytest.mark.parametrize("place", ["send", "read"])
@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_no_exception_of_the_library_tells_the_token(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: type[Exception],
    ask: str,
    place: str,
) -> None:
    """Each is forced while sending and while reading: the error, its chain and the log are mute."""
    error = forced(kind)
    shown = "".join(traceback.format_exception(error))
    assert TOKEN in shown, "or there would be nothing to be silent about"

    def fail(*_: object, **__: object) -> Any:
        raise error

    if place == "send":
        monkeypatch.setattr(adapter._Adapter, "send", fail)
    else:
        answer = requests.Response()
        answer.status_code, answer.url = 200, URL
        answer.raw = urllib3.HTTPResponse(body=b"{}", preload_content=False)
        monkeypatch.setattr(adapter._Adapter, "send", lambda *_, **__: answer)
        monkeypatch.setattr(answer.raw, "read", fail)
    with caplog.at_level(logging.DEBUG), pytest.raises(WeChatUnknownError) as caught:
        ASKS[ask]()
    told = "".join(traceback.format_exception(caught.value))
    told += repr(caught.value) + caught.value.remedy + str(caught.value.args)
    told += "".join(f"{record.getMessage()}{record.exc_info}" for record in caplog.records)
    chain: list[BaseException | None] = [caught.value]
    while (one := chain.pop()) is not None:
        assert one is not error
        told += str(vars(one))
        chain += [one.__cause__ or one.__context__]
    assert TOKEN[:12] not in told
    assert BASE not in told
    assert "?access_token" not in told


def test_every_kind_is_forced() -> None:
    """The walk finds what requests and urllib3 have, also what derives from two of them."""
    names = {kind.__name__ for kind in KINDS}
    assert names >= {"RequestException", "SSLError", "ChunkedEncodingError", "JSONDecodeError"}
    assert names >= {"HTTPError", "MaxRetryError", "NewConnectionError", "IncompleteRead"}
    public = {
        value
        for value in vars(requests.exceptions).values()
        if isinstance(value, type) and issubclass(value, requests.exceptions.RequestException)
    }
    assert public <= set(KINDS)
