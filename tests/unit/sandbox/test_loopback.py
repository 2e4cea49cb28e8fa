"""The sandbox on a real port: an independent SDK, real pushes, real network faults, the program."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from wechatpy.component import WeChatComponent
from wechatpy.exceptions import WeChatClientException

from sandbox.wechat import Desk, SandboxControl, SandboxServer
from sandbox.wechat.control_client import ControlError
from tests.unit.sandbox.kit import API, MERCHANTS, MP, OA, made_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.loopback

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class EventUrl:
    """A platform's event URL on loopback that answers ``success`` and keeps what came."""

    url: str = ""
    seen: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def event_url() -> Iterator[EventUrl]:
    """Run a platform that takes pushes."""
    kept = EventUrl()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.seen.append((dict(parse_qsl(urlsplit(self.path).query)), body))
            self.send_response(200)
            self.send_header("Content-Length", "7")
            self.end_headers()
            self.wfile.write(b"success")

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        kept.url = f"http://127.0.0.1:{server.server_address[1]}/wechat/events"
        yield kept
        server.shutdown()
        thread.join()


@pytest.fixture
def sandbox(event_url: EventUrl) -> Iterator[SandboxServer]:
    """Run a sandbox that pushes to the platform."""
    settings = made_settings(event_url=event_url.url, push_retry_gap=0)
    with SandboxServer(Desk(settings, merchants=MERCHANTS)) as server:
        yield server


@pytest.fixture
def control(sandbox: SandboxServer) -> Iterator[SandboxControl]:
    """Return the control client."""
    with SandboxControl(sandbox.base_url) as client:
        yield client


@pytest.fixture
def sdk(sandbox: SandboxServer) -> Iterator[WeChatComponent]:
    """Return wechatpy's component, unchanged but for its base URL."""
    settings = sandbox.desk.settings
    component = WeChatComponent(
        settings.component_appid,
        settings.component_appsecret,
        settings.token,
        settings.encoding_aes_key,
    )
    component.API_BASE_URL = f"{sandbox.base_url}/cgi-bin"
    yield component
    component._http.close()


def test_an_independent_sdk_runs_unchanged(
    sdk: WeChatComponent, control: SandboxControl, event_url: EventUrl
) -> None:
    """Another SDK opens the pushes and takes a merchant through the whole protocol."""
    assert control.wait_idle()

    def receive() -> object:
        query, body = event_url.seen.pop(0)
        return sdk.parse_message(body, query["msg_signature"], query["timestamp"], query["nonce"])

    assert receive().type == "component_verify_ticket"  # type: ignore[attr-defined]
    assert sdk.fetch_access_token()["expires_in"] == 7200
    code = sdk.create_preauthcode()["pre_auth_code"]
    control.confirm(OA.appid, pre_auth_code=code, func_ids=[1, 3], push="first")
    message = receive()  # exchanges the code by itself
    assert message.type == "authorized"  # type: ignore[attr-defined]
    assert message.pre_auth_code == code  # type: ignore[attr-defined]
    info = message.query_auth_result["authorization_info"]  # type: ignore[attr-defined]
    assert info["authorizer_appid"] == OA.appid
    assert control.check(info["authorizer_access_token"]).current
    renewed = sdk.refresh_authorizer_token(OA.appid, info["authorizer_refresh_token"])
    assert control.check(renewed["authorizer_access_token"]).current
    assert not control.check(info["authorizer_access_token"]).current
    details = sdk.get_authorizer_info(OA.appid)
    assert details["authorizer_info"]["user_name"] == OA.user_name
    listed = sdk.get_authorizer_list()
    assert listed["total_count"] == 1
    assert listed["list"][0]["refresh_token"] == info["authorizer_refresh_token"]
    assert sdk.set_authorizer_option(OA.appid, "voice_recognize", "1")["errcode"] == 0
    option = sdk.get_authorizer_option(OA.appid, "voice_recognize")
    assert option["option_value"] == "1"
    control.cancel(OA.appid, push="first")
    assert receive().type == "unauthorized"  # type: ignore[attr-defined]
    with pytest.raises(WeChatClientException) as caught:
        sdk.refresh_authorizer_token(OA.appid, info["authorizer_refresh_token"])
    assert caught.value.errcode == 61003


def test_sdk_recovers_from_an_expired_component_token(
    sdk: WeChatComponent, control: SandboxControl, event_url: EventUrl
) -> None:
    """When the token is expired by hand the SDK's own retry gets a new one."""
    control.wait_idle()
    query, body = event_url.seen[0]
    sdk.parse_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
    sdk.create_preauthcode()
    seq = control.last_seq()
    assert control.expire(kind="access")
    sdk.create_preauthcode()
    assert control.count(f"{API}api_component_token", since=seq) == 1
    assert control.count(f"{API}api_create_preauthcode", since=seq, what="calls") == 2


def ask(sandbox: SandboxServer, timeout: float = 5) -> requests.Response:
    """Call an endpoint with nothing in it."""
    return requests.post(f"{sandbox.base_url}{API}api_component_token", json={}, timeout=timeout)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after_execution", "reset"])
def test_connections_end_without_an_answer(
    kind: str, sandbox: SandboxServer, control: SandboxControl
) -> None:
    """A dropped or reset connection is one, and the next call works."""
    control.add_fault(kind, f"{API}api_component_token")
    with pytest.raises(requests.ConnectionError, match="reset" if kind == "reset" else "closed"):
        ask(sandbox)
    assert ask(sandbox).json()["errcode"] == 41018
    [dropped, _] = [e for e in control.log() if e["kind"] == "call"]
    assert not dropped["answered"]


def test_executed_late_has_its_effect_afterwards(
    sandbox: SandboxServer, control: SandboxControl
) -> None:
    """The connection ends at once, the call is executed later and logged as such."""
    control.wait_idle()
    ticket = next(s.value for s in control.secrets() if s.kind == "component_verify_ticket")
    settings = sandbox.desk.settings
    body = {
        "component_appid": settings.component_appid,
        "component_appsecret": settings.component_appsecret,
        "component_verify_ticket": ticket,
    }
    control.add_fault("executed_late", f"{API}api_component_token", seconds=0.05)
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{sandbox.base_url}{API}api_component_token", json=body, timeout=5)
    deadline = time.monotonic() + 5
    while not [e for e in control.log() if e["kind"] == "late"]:
        assert time.monotonic() < deadline
    assert control.count(f"{API}api_component_token") == 1
    assert control.state()["component_token"]["verdict"] == "honoured"


def test_slow_answers_and_pages(sandbox: SandboxServer, control: SandboxControl) -> None:
    """A slow answer comes after its wait; a page of a middle box comes with its status."""
    control.add_fault("slow", f"{API}api_component_token", seconds=0.2)
    started = time.monotonic()
    assert ask(sandbox).json()["errcode"] == 41018
    assert time.monotonic() - started >= 0.2
    control.add_fault("html", status=502)
    page = ask(sandbox)
    assert (page.status_code, page.headers["Content-Type"]) == (502, "text/html")


def test_push_options_over_http(control: SandboxControl, event_url: EventUrl) -> None:
    """Held, released, repeated and registered pushes work through the typed client."""
    control.wait_idle()
    held = control.push_ticket(options={"hold": True})
    assert held.state == "held"
    assert control.release_push(held.push_id) == [held.push_id]
    assert control.wait_push(held.push_id).state == "delivered"
    assert control.resend_push(held.push_id).state == "delivered"
    push, appid = control.push_registration(status=0)
    assert push.state == "delivered"
    assert control.merchant(appid)["authorised"]
    assert len(event_url.seen) == 4
    assert [p.info_type for p in control.pushes("component_verify_ticket")] == [
        "component_verify_ticket"
    ] * 3


def test_a_platform_that_does_not_answer(control: SandboxControl) -> None:
    """A push nobody takes is tried three times and has failed, with the reason and no secret."""
    control.configure(event_url="http://127.0.0.1:9/closed")
    [failed] = [p for p in control.pushes() if control.wait_push(p.push_id).state == "failed"]
    assert [attempt["error"] for attempt in control.wait_push(failed.push_id).attempts] == [
        "ConnectionError"
    ] * 3


def test_a_slow_platform_runs_into_the_time_limit(control: SandboxControl) -> None:
    """A platform that takes too long has not answered."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        control.configure(push_timeout=0.1, push_attempts=1, ticket_push=False)
        control.configure(event_url=f"http://127.0.0.1:{port}/")
        assert control.push_ticket().attempts[0]["error"] == "ReadTimeout"


def test_connections_are_kept_alive(sandbox: SandboxServer) -> None:
    """One connection serves many calls."""
    connection = HTTPConnection("127.0.0.1", sandbox.port, timeout=5)
    sockets = set()
    for _ in range(3):
        connection.request("POST", f"{API}api_component_token", "{}")
        assert b"41018" in connection.getresponse().read()
        sockets.add(connection.sock)
    connection.close()
    assert len(sockets) == 1


def test_what_is_not_served(sandbox: SandboxServer, control: SandboxControl) -> None:
    """Unknown APIs, foreign host names, chunked and oversized bodies get a clear answer."""
    base = sandbox.base_url
    unknown = requests.post(f"{base}/cgi-bin/component/nothing", json={}, timeout=5)
    assert unknown.json()["errcode"] == 40066
    assert requests.get(f"{base}/nothing", timeout=5).status_code == 404
    foreign = requests.get(f"{base}/_sandbox/secrets", headers={"Host": "x.example"}, timeout=5)
    assert foreign.status_code == 421
    chunked = requests.post(f"{base}{API}api_component_token", data=iter([b"x"]), timeout=5)
    assert chunked.status_code == 411
    with pytest.raises(ControlError, match="no such field"):
        control.add_merchant(nothing=1)
    assert requests.put(f"{base}{API}api_component_token", timeout=5).json()["errcode"] == 43002


def test_browser_journey(sandbox: SandboxServer, control: SandboxControl) -> None:
    """From a link on the start domain through the page back to the platform."""
    settings = sandbox.desk.settings
    code = sandbox.desk.state.component.issue_pre_auth_code(settings, time.time()).value
    query = {
        "component_appid": settings.component_appid,
        "pre_auth_code": code,
        "redirect_uri": "http://localhost:8200/authorized/s",
        "auth_type": "2",
    }
    path = f"{sandbox.base_url}/wxaopen/safe/bindcomponent"
    refused = requests.get(path, params=query, timeout=5)
    assert "域名：空" in refused.text
    headers = {"Referer": "http://localhost:8200/"}
    page = requests.get(path, params=query, headers=headers, timeout=5)
    visit = re.search(r'name="visit" value="(\w+)"', page.text)
    assert visit
    form = {"visit": visit[1], "authorizer_appid": MP.appid, f"set-{MP.appid}": ["17", "18"]}
    back = requests.post(path, data=form, allow_redirects=False, timeout=5)
    assert back.status_code == 302
    assert back.headers["Location"].startswith("http://localhost:8200/authorized/s?auth_code=")
    assert control.merchant(MP.appid)["func_ids"] == [17, 18]
    assert [e["outcome"] for e in control.log() if e["kind"] == "page"] == [
        "wrong_start_domain",
        "shown",
        "redirected",
    ]


def test_stopping_lets_go_of_everything() -> None:
    """After stop the port is free, though clients still held connections."""
    server = SandboxServer(Desk(made_settings(event_url=""), merchants=MERCHANTS))
    server.start()
    with requests.Session() as session:
        session.get(f"{server.base_url}/_sandbox/health", timeout=5)
        server.stop()
        with pytest.raises(requests.ConnectionError):
            session.get(f"{server.base_url}/_sandbox/health", timeout=5)
    again = SandboxServer(server.desk, server.port)
    with pytest.raises(OSError, match="in use"):
        SandboxServer(server.desk, server.port)
    again.stop()


def test_the_program(tmp_path: Path) -> None:
    """It says what it is and what to configure, serves, and ends with 0 on SIGTERM."""
    config = tmp_path / "config.json"
    config.write_text('{"overlap": 120, "merchants": [{"kind": "mp", "nick_name": "Solo"}]}')
    command = [sys.executable, "-m", "sandbox.wechat", "--port", "0", "--config", str(config)]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"PATH": os.environ["PATH"]},
    ) as program:
        assert program.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            said += program.stdout.readline()
        base = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert base
        with SandboxControl(base[0]) as client:
            client.wait_ready()
            assert [m["nick_name"] for m in client.merchants()] == ["Solo"]
            assert client.settings()["overlap"] == 120
            shown = {s.kind: s.value for s in client.secrets()}
            assert all(value in said for value in shown.values())
            before = client.health()["now"]
            assert client.advance(3600) >= before + 3600
        program.send_signal(signal.SIGTERM)
        assert "Stopped" in program.stdout.read()
        assert program.wait(5) == 0


@pytest.mark.parametrize("content", ['{"overlap": -1}', "[]", "{", '{"merchants": [1]}'])
def test_the_program_refuses_a_bad_configuration(content: str, tmp_path: Path) -> None:
    """A malformed configuration ends it at once with 2 and a sentence."""
    config = tmp_path / "config.json"
    config.write_text(content)
    command = [sys.executable, "-m", "sandbox.wechat", "--port", "0", "--config", str(config)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=10, check=False
    )
    assert done.returncode == 2
    assert "cannot start" in done.stderr
    assert "Traceback" not in done.stderr
