"""What strangers can make the doors do is bounded: codes, bodies, queries; nobody learns of ids."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from tests.fakes.house import COMPONENT, MERCHANT
from tests.unit.doors.kit import Doors
from tests.unit.services.kit import asked, later, snapshot
from wxvault.runtime.settings import Settings
from wxvault.runtime.wiring import Wiring
from wxvault.services.onboarding import session_fingerprint

UNKNOWN = "A" * 43


def create(doors: Doors, tenant_id: str = "tenant", **request: Any) -> str:
    """Return a new session's id."""
    return doors.house.onboarding.create(tenant_id, request).session_id


def error_of(answer: Any) -> dict[str, Any]:
    """Return the error of a JSON answer."""
    error: dict[str, Any] = json.loads(answer["body"])["error"]
    return error


# --- ids -----------------------------------------------------------------------------------------


def test_session_ids_and_cookies_are_256_random_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both come from the operating system's randomness, 32 bytes of it, and never twice."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    settings = Settings(
        component_appid=COMPONENT,
        table_name="table",
        sealing_key_arn="arn:aws:kms:us-east-1:123456789012:key/x",
        public_base_url="https://auth.example.com",
        renew_function="renew",
    )
    new_secret = Wiring(settings).onboarding._new_secret
    made = [new_secret() for _ in range(2000)]
    assert len(set(made)) == len(made)
    for secret in made:
        assert len(base64.urlsafe_b64decode(f"{secret}=")) == 32
        assert session_fingerprint(secret)
    # Every one of the first 42 characters (the last holds 4 bits only) takes every value.
    for place in range(42):
        assert len({secret[place] for secret in made}) == 64


def test_an_id_is_stored_as_its_fingerprint_only() -> None:
    """Neither the session's id nor the launch cookie is anywhere in the table."""
    doors = Doors()
    session_id = create(doors, state="s")
    doors.button(session_id)
    doors.land(session_id, doors.house.wechat.confirm(MERCHANT))
    stored = repr(doors.house.table)
    assert session_id not in stored
    assert not [value for value in doors.cookies.values() if value in stored]
    assert session_fingerprint(session_id) in stored


def test_a_backend_cannot_tell_a_foreign_session_from_none() -> None:
    """Another tenant's, waiting or expired, one that never was, and no id: one and the same."""
    doors = Doors()
    waiting, expired = create(doors, "tenant-a"), create(doors, "tenant-a", ttl=900)
    later(doors.house, 1000)
    answers = [
        doors.status("tenant-b", session_id)
        for session_id in (waiting, expired, UNKNOWN, "short", "", "x" * 5000, "%00")
    ]
    assert {answer["statusCode"] for answer in answers} == {404}
    assert len({answer["body"] for answer in answers}) == 1
    assert len({tuple(answer["headers"].items()) for answer in answers}) == 1
    assert doors.status("tenant-a", expired)["statusCode"] == 200


@pytest.mark.parametrize("which", ["launch_page", "button", "land", "result"])
def test_a_stranger_cannot_tell_ids_apart(which: str) -> None:
    """Unknown, malformed, and the plugin's session, which has no page: the same page, no write."""
    doors = Doors()
    plugin = create(doors, style="plugin")
    before, minted = snapshot(doors.house), len(asked(doors.house))
    ids = [UNKNOWN, "short", "x" * 5000, "../..", *([plugin] if which != "land" else [])]
    if which == "result":
        ids.remove(plugin)
    pages = set()
    for session_id in ids:
        code = ["queryauthcode@@@" + "C" * 40] if which == "land" else []
        answer = getattr(doors, which)(session_id, *code)
        assert answer["statusCode"] == 404
        pages.add(re.sub(r'nonce="[^"]+"', "", answer["body"]))
    assert len(pages) == 1
    assert snapshot(doors.house) == before
    assert minted == 1, "the plugin's own code"
    assert asked(doors.house) == []


# --- codes ---------------------------------------------------------------------------------------


def test_a_session_brings_sixty_codes_at_most() -> None:
    """With the cookie or without: the next one is written nowhere, asked nobody, and told."""
    doors = Doors()
    session_id = create(doors)
    doors.button(session_id)
    cookies = dict(doors.cookies)
    for number in range(60):
        doors.cookies = dict(cookies) if number % 2 else {}
        assert doors.land(session_id, f"queryauthcode@@@{number:040d}")["statusCode"] == 303
    before, jobs = snapshot(doors.house), list(doors.house.exchange_queue.jobs)
    for shown in ({}, cookies):
        doors.cookies = dict(shown)
        answer = doors.land(session_id, "queryauthcode@@@" + "9" * 40)
        assert answer["statusCode"] == 429
        assert "This link has been used too many times" in answer["body"]
        assert "landing_limit" in answer["body"]
    assert snapshot(doors.house) == before
    assert doors.house.exchange_queue.jobs == jobs


def test_a_known_code_is_no_further_code() -> None:
    """A reload, or a code that its push brought first, is let in whatever was shown before."""
    doors = Doors()
    session_id = create(doors)
    doors.button(session_id)
    pushed = doors.house.wechat.confirm(MERCHANT)
    doors.house.push_authorized(pushed)
    for number in range(60):
        doors.land(session_id, f"queryauthcode@@@{number:040d}")
    for code in (pushed, "queryauthcode@@@" + "0" * 40):
        assert doors.land(session_id, code)["statusCode"] == 303


def test_another_session_is_not_touched_by_the_bound() -> None:
    """Sixty codes of one link close that link only."""
    doors = Doors()
    first, second = create(doors), create(doors)
    for number in range(61):
        last = doors.land(first, f"queryauthcode@@@{number:040d}")
    assert last["statusCode"] == 429
    assert doors.land(second, "queryauthcode@@@" + "9" * 40)["statusCode"] == 303


# --- sizes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "encoded"),
    [("x" * 1025, False), (base64.b64encode(b"x" * 1025).decode(), True), ("示" * 400, False)],
    ids=["text", "base64", "three bytes each"],
)
def test_the_button_takes_no_large_body(body: str, encoded: bool) -> None:
    """413 with a page, nothing minted; what a form may send is let through."""
    doors = Doors()
    session_id = create(doors)
    answer = doors.button(session_id, body=body, isBase64Encoded=encoded)
    assert answer["statusCode"] == 413
    assert "request_too_large" in answer["body"]
    assert asked(doors.house) == []
    assert doors.button(session_id, body="x" * 1024)["statusCode"] == 200


def test_an_endless_query_is_as_if_there_were_none() -> None:
    """The landing finds no code in it and says so; nothing is written."""
    doors = Doors()
    session_id = create(doors)
    before = snapshot(doors.house)
    query = "auth_code=queryauthcode@@@" + "C" * 40 + "&x=" + "y" * 20_000
    path = f"/authorized/{session_id}"
    answer = doors._ask(doors._landing, "GET", path, session_id, query=query)
    assert answer["statusCode"] == 400
    assert "auth_code" in answer["body"]
    assert snapshot(doors.house) == before


@pytest.mark.parametrize("code", ["x" * 15, "x" * 513, "x" * 100_000, "queryauthcode@@@ x" * 3])
def test_a_code_has_its_form_and_length(code: str) -> None:
    """400 names the field; nothing is written, and the bound of the session is not touched."""
    doors = Doors()
    session_id = create(doors)
    before = snapshot(doors.house)
    assert doors.land(session_id, code)["statusCode"] == 400
    assert snapshot(doors.house) == before


def test_the_backends_body_is_bounded() -> None:
    """413 above 64 KiB, as JSON with a remedy."""
    doors = Doors()
    request = {"tenant_id": "tenant"}
    answer: Any = doors._sessions(
        {
            "rawPath": "/tenants/tenant/auth-urls",
            "pathParameters": request,
            "body": " " * (64 * 1024 + 1),
            "requestContext": {"requestId": "r", "http": {"method": "POST"}},
        },
        None,
    )
    assert answer["statusCode"] == 413
    assert error_of(answer)["code"] == "request_too_large"
    assert error_of(answer)["remedy"]
