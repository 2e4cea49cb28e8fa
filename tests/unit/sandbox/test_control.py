"""The control API: what tests and the runner do to this WeChat, and what they are told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.wechat.control import Control
from sandbox.wechat.control_view import sha256
from sandbox.wechat.replies import WebRequest
from tests.unit.sandbox.kit import API, MP, OA, Bench, bench


class Remote:
    """The control API without a network."""

    def __init__(self, b: Bench) -> None:
        self.bench = b
        self.control = Control(b.desk)

    def get(self, name: str, **query: str) -> dict[str, Any]:
        """Read something."""
        return self._ask(WebRequest("GET", f"/_sandbox/{name}", query, b"", {}), 200)

    def post(self, name: str, status: int = 200, /, **values: Any) -> dict[str, Any]:
        """Do something."""
        headers = {"content-type": "application/json"}
        body = json.dumps(values).encode()
        return self._ask(WebRequest("POST", f"/_sandbox/{name}", {}, body, headers), status)

    def _ask(self, request: WebRequest, status: int) -> dict[str, Any]:
        reply = self.control.handle(request)
        answer: dict[str, Any] = json.loads(reply.body)
        assert reply.status == status, answer
        return answer


def remote(**changes: Any) -> Remote:
    """Return the control API of a fresh desk."""
    return Remote(bench(**changes))


def test_confirmation_by_code() -> None:
    """A confirmation answers the code, where the browser would go, and the push."""
    r = remote()
    code = r.bench.pre_auth_code(r.bench.component_token())
    back = "http://localhost/x?y=1"
    done = r.post("confirm", authorizer_appid=OA.appid, pre_auth_code=code, redirect_uri=back)
    assert done["change"] == "authorized"
    assert done["redirect_url"].startswith(f"{back}&auth_code=queryauthcode%40")
    assert done["expires_in"] == 3600
    assert r.get("push/wait", push_id=done["push_id"])["state"] == "delivered"
    again = r.post("confirm", 409, authorizer_appid=OA.appid, pre_auth_code=code)
    assert again["error"]["code"] == "invalid_pre_auth_code"


def test_confirmation_by_link() -> None:
    """A link is checked as the page checks it: Referer, host, code, account."""
    r = remote()
    appid = r.bench.desk.settings.component_appid
    code = r.bench.pre_auth_code(r.bench.component_token())
    link = (
        f"https://mp.weixin.qq.com/cgi-bin/componentloginpage?component_appid={appid}"
        f"&pre_auth_code={code}&redirect_uri=http%3A%2F%2Flocalhost%2Fx&auth_type=1"
    )
    values = {"authorizer_appid": OA.appid, "link": link}
    bare = r.post("confirm", 409, **values)
    assert bare["error"]["code"] == "wrong_start_domain"
    values["referer"] = "http://localhost:8200/"
    other = r.post("confirm", 409, **values | {"authorizer_appid": MP.appid})
    assert other["error"]["code"] == "account_not_listed"
    done = r.post("confirm", **values, func_ids=[1], push="none")
    assert done["redirect_url"].startswith("http://localhost/x?auth_code=")
    assert done["push_id"] is None
    assert not r.bench.platform.seen


def test_plugin_pushes_and_does_not_redirect() -> None:
    """The plugin takes its own parameters, brings a push and no redirect."""
    r = remote()
    code = r.bench.pre_auth_code(r.bench.component_token())
    call = {
        "platformAppID": r.bench.desk.settings.component_appid,
        "preAuthCode": code,
        "authType": 2,
        "authorizer_appid": MP.appid,
    }
    assert r.post("plugin/authorize", 409, **call | {"authType": 5})["error"]
    assert r.post("plugin/authorize", 409, **call | {"preAuthCode": "x"})["error"]
    done = r.post("plugin/authorize", **call)
    assert done["redirect_url"] is None
    push = r.bench.desk.pushes.get(done["push_id"])
    assert push is not None
    assert f"<PreAuthCode><![CDATA[{code}]]>" in push.xml


def test_hold_release_and_resend() -> None:
    """A push can be held, released, and sent again."""
    r = remote()
    done = r.post("confirm", authorizer_appid=OA.appid, push="hold")
    assert r.get("pushes")["pushes"][0]["state"] == "held"
    assert r.post("push/release", push_id=done["push_id"])["released"] == [done["push_id"]]
    again = r.post("push/resend", push_id=done["push_id"], wait=True)
    assert again["state"] == "delivered"
    assert again["push_id"] != done["push_id"]
    assert len(r.bench.platform.seen) == 2
    assert r.post("push/resend", 400, push_id="push-99")["error"]


def test_raw_pushes() -> None:
    """A test can push XML of its own, encrypted, or any body with any query."""
    r = remote()
    assert r.post("push", xml="<xml><InfoType>x</InfoType></xml>")["state"] == "delivered"
    r.post("push", body="<!DOCTYPE x>", query={"msg_signature": "0"})
    sealed, raw = r.bench.platform.seen
    assert b"<Encrypt>" in sealed.body
    assert (raw.body, raw.query) == (b"<!DOCTYPE x>", {"msg_signature": "0"})


def test_check_and_expire_an_access_token() -> None:
    """The verdict on a token follows what is done to it by hand."""
    r = remote()
    token = r.bench.component_token()
    first = r.bench.authorised(token)["authorizer_access_token"]
    shown = r.post("check", access_token=first)
    assert (shown["known"], shown["authorizer_appid"]) == (True, OA.appid)
    assert (shown["honoured"], shown["current"]) == (True, True)
    assert r.post("expire", authorizer_appid=OA.appid, kind="supersede")["expired"]
    shown = r.post("check", access_token=first)
    assert (shown["honoured"], shown["current"]) == (True, False)
    r.bench.clock.move(300)
    assert r.post("check", access_token=first)["verdict"] == "superseded"
    second = r.bench.authorised(token)["authorizer_access_token"]
    assert r.post("expire", authorizer_appid=OA.appid)["expired"]
    assert r.post("check", access_token=second)["verdict"] == "expired"
    assert r.bench.basic_info(second) == 42001
    assert r.post("expire", authorizer_appid=OA.appid, kind="revoke")["expired"]
    assert r.bench.basic_info(second) == 40001
    assert not r.post("check", access_token="61_unknown")["known"]
    assert r.post("check", access_token=token)["kind"] == "component"


@pytest.mark.parametrize(
    ("kind", "listed"), [("refresh", "same"), ("refresh_replaced", "newer"), ("refresh_gone", "")]
)
def test_refresh_tokens_by_hand(kind: str, listed: str) -> None:
    """A refresh token can be refused while WeChat lists the same, a newer one, or none."""
    r = remote()
    token = r.bench.component_token()
    old = r.bench.authorised(token)["authorizer_refresh_token"]
    assert r.post("expire", authorizer_appid=OA.appid, kind=kind)["expired"]
    assert r.bench.refresh(token, old)["errcode"] == 61023
    details = r.bench.component(authorizer_appid=OA.appid)
    info = r.bench.call("api_get_authorizer_info", details, token=token)["authorization_info"]
    shown = info["authorizer_refresh_token"]
    assert {"same": shown == old, "newer": shown not in {"", old}, "": shown == ""}[listed]
    accepted = "errcode" not in r.bench.refresh(token, shown)
    assert accepted is (listed == "newer")


def test_every_access_token_is_told_with_what_became_of_it() -> None:
    """By hash, whose it is, and when it was issued, superseded, ended, revoked."""
    r = remote()
    token = r.bench.component_token()
    first = r.bench.authorised(token)
    start = r.bench.clock.now()
    r.bench.clock.move(10)
    r.bench.refresh(token, first["authorizer_refresh_token"])
    r.bench.clock.move(10)
    r.post("cancel", authorizer_appid=OA.appid)
    component, older, newer = r.get("tokens")["tokens"]
    assert component["authorizer_appid"] is None
    assert component["sha256"] == sha256(token)
    assert older == {
        "authorizer_appid": OA.appid,
        "sha256": sha256(first["authorizer_access_token"]),
        "issued_at": start,
        "expires_at": start + 7200,
        "superseded_at": start + 10,
        "revoked_at": start + 20,
    }
    assert (newer["superseded_at"], newer["revoked_at"]) == (None, start + 20)


def test_component_by_hand() -> None:
    """The component's token, tickets and pre-auth codes can be ended too."""
    r = remote()
    token = r.bench.component_token()
    code = r.bench.pre_auth_code(token)
    assert r.post("expire", component=True, kind="pre_auth_codes")["expired"]
    assert r.post("confirm", 409, authorizer_appid=OA.appid, pre_auth_code=code)["error"]
    assert r.post("expire", component=True)["expired"]
    answer = r.bench.call("api_create_preauthcode", r.bench.component(), token=token)
    assert answer["errcode"] == 42001
    assert r.post("expire", component=True, kind="ticket")["expired"]
    body = r.bench.component(
        component_appsecret=r.bench.desk.settings.component_appsecret,
        component_verify_ticket=next(
            s.value for s in r.bench.desk.state.ledger.all() if s.kind == "component_verify_ticket"
        ),
    )
    assert r.bench.call("api_component_token", body)["errcode"] == 61005


def test_every_secret_is_listed() -> None:
    """The list for searches of leaks has every kind of secret, those of the settings included."""
    r = remote(previous_token="earlier_token")
    r.bench.authorised(r.bench.component_token())
    r.bench.pre_auth_code(r.bench.component_token())
    secrets = r.get("secrets")["secrets"]
    assert {secret["kind"] for secret in secrets} == {
        "component_appsecret",
        "token",
        "encoding_aes_key",
        "component_verify_ticket",
        "component_access_token",
        "pre_auth_code",
        "authorization_code",
        "authorizer_access_token",
        "authorizer_refresh_token",
    }
    assert "earlier_token" in {secret["value"] for secret in secrets}
    owners = {s["authorizer_appid"] for s in secrets if s["kind"].startswith("authoriz")}
    assert owners == {OA.appid}


def test_everything_else_is_free_of_secrets() -> None:
    """State, merchants, settings, pushes, faults and log show hashes at most."""
    r = remote()
    r.bench.authorised(r.bench.component_token())
    names = ("state", "merchants", "settings", "pushes", "faults", "log", "counts", "health")
    text = json.dumps([r.get(name) for name in names])
    assert not [s.kind for s in r.bench.desk.state.ledger.all() if s.value in text]
    assert '"refresh_token_sha256"' in text


def test_settings_change_while_it_runs() -> None:
    """Settings can be changed; a malformed one changes nothing."""
    r = remote()
    assert r.post("configure", life=900)["access_token_life"] == 900
    error = r.post("configure", 400, life=1000, overlap="x")["error"]
    assert error["message"].startswith("overlap:")
    assert r.get("settings")["access_token_life"] == 900


def test_merchants_can_be_added() -> None:
    """A new merchant can authorise."""
    r = remote()
    added = r.post("merchants", kind="mp", nick_name="New")
    assert r.post("confirm", authorizer_appid=added["appid"])["change"] == "authorized"
    listed = {m["appid"]: m for m in r.get("merchants")["merchants"]}
    assert listed[added["appid"]]["authorised"]
    assert not listed[OA.appid]["authorised"]


def test_faults_by_control() -> None:
    """Faults are added, shown and cleared."""
    r = remote()
    r.post("faults", kind="errcode", path=f"{API}api_create_preauthcode", errcode=-1)
    token = r.bench.component_token()
    refused = r.bench.call("api_create_preauthcode", r.bench.component(), token=token)
    assert refused["errcode"] == -1
    r.post("faults", kind="slow", seconds=1, count=0)
    assert len(r.get("faults")["faults"]) == 1
    assert r.post("faults/clear")["cleared"] == 1
    assert r.post("faults", 400, kind="nothing")["error"]["code"] == "bad_field"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("confirm", {}),
        ("confirm", {"authorizer_appid": OA.appid, "func_ids": ["1"]}),
        ("confirm", {"authorizer_appid": OA.appid, "push": "later"}),
        ("cancel", {"authorizer_appid": 5}),
        ("expire", {}),
        ("check", {}),
        ("push", {}),
        ("push/registration", {"status": "0"}),
        ("ticket", {"wait": "yes"}),
        ("ticket", {"options": {"old_key": True}}),
        ("clock", {"advance": 5}),
    ],
)
def test_malformed_requests(name: str, values: dict[str, Any]) -> None:
    """A missing or malformed field is named with 400."""
    assert remote().post(name, 400, **values)["error"]["code"] == "bad_field"


def test_unknown_accounts_and_kinds() -> None:
    """Accounts and kinds that do not exist are refused with 409."""
    r = remote()
    unknown = "wx0000000000000000"
    assert r.post("cancel", 409, authorizer_appid=OA.appid)["error"]["code"] == "not_authorised"
    assert r.post("confirm", 409, authorizer_appid=unknown)["error"]["code"] == "unknown_merchant"
    assert r.post("expire", 409, authorizer_appid=OA.appid, kind="x")["error"]


def test_forms_of_other_sites_are_refused() -> None:
    """A body that is not declared as JSON is not read: a foreign page can post no other."""
    r = remote()
    request = WebRequest("POST", "/_sandbox/ticket", {}, b"{}", {"content-type": "text/plain"})
    assert r.control.handle(request).status == 400
    assert r.control.handle(WebRequest("GET", "/_sandbox/ticket", {}, b"", {})).status == 405
    assert r.control.handle(WebRequest("GET", "/_sandbox/nothing", {}, b"", {})).status == 404


def test_a_crowd_has_authorised_long_ago() -> None:
    """As many as asked for, each with a refresh token on the list, and nothing pushed."""
    r = remote(released=True)
    appids = r.post("crowd", count=3)["authorizer_appids"]
    assert len(set(appids)) == 3
    listed = r.bench.desk.state.listing(0, 500)["list"]
    assert [one["authorizer_appid"] for one in listed] == appids
    assert all(one["refresh_token"] for one in listed)
    assert r.get("pushes")["pushes"] == []


@pytest.mark.parametrize("count", [0, -1, 5001])
def test_a_crowd_has_bounds(count: int) -> None:
    """Nobody has made anything by mistake."""
    r = remote(released=True)
    assert r.post("crowd", 400, count=count)["error"]["code"] == "bad_field"
