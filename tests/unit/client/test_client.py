"""The client for other Lambdas: what it keeps, for how long, and how it asks."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

import wxvault.client as client_module
from wxvault import client_events, errors
from wxvault.client import RemoteError, Token, TokenClient, TokenServiceError
from wxvault.client_transports import HttpTransport, InvokeTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

APPID = "wxf8b4f85f3a794e77"
OTHER = "wx0123456789abcdef"
START = 1_700_000_000.0


@dataclass(slots=True)
class FakeService:
    """A token function in memory: a new token per question, unless it is told otherwise."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    answer: Callable[[Mapping[str, Any]], object] | None = None
    life: float = 7200

    def ask(self, question: Mapping[str, Any]) -> object:
        """Answer as the function does."""
        self.asked.append(dict(question))
        if self.answer is not None:
            return self.answer(question)
        number = len(self.asked)
        return {
            "authorizer_appid": question.get("authorizer_appid", OTHER),
            "access_token": f"51_token-number-{number}",
            "expires_at": START + self.life,
            "generation": number,
            "renewed": False,
        }


@dataclass(slots=True)
class FakeTime:
    """Time that a test moves."""

    now: float = START

    def __call__(self) -> float:
        """Return unix time."""
        return self.now


@pytest.fixture
def service() -> FakeService:
    """Return a token function."""
    return FakeService()


@pytest.fixture
def clock() -> FakeTime:
    """Return a clock."""
    return FakeTime()


@pytest.fixture
def client(service: FakeService, clock: FakeTime) -> TokenClient:
    """Return a client of that function."""
    return TokenClient(service, now=clock)


def test_the_guard_of_events_is_found_beside_the_tokens() -> None:
    """The very same names as in client_events, and no others that are not there."""
    for name in ("EventBusyError", "EventGuard", "MemoryEventStore", "Verdict"):
        assert getattr(client_module, name) is getattr(client_events, name)
        assert name in client_module.__all__
    assert not hasattr(client_module, "EventGuards")


def test_a_token_is_kept_for_a_fifth_of_the_overlap(
    client: TokenClient, service: FakeService, clock: FakeTime
) -> None:
    """60 seconds by default: a superseded token is out of the cache long before it dies."""
    first = client.get(APPID)
    clock.now += 59.9
    assert client.get(APPID) is first
    clock.now += 0.1
    assert client.get(APPID).generation == 2
    assert service.asked == [{"authorizer_appid": APPID}] * 2


def test_the_overlap_sets_how_long(service: FakeService, clock: FakeTime) -> None:
    """A stack with another OverlapSeconds has clients with another cache."""
    client = TokenClient(service, overlap_seconds=120, now=clock)
    client.get(APPID)
    clock.now += 24
    client.get(APPID)
    assert len(service.asked) == 2


def test_nothing_is_kept_beyond_its_end(
    client: TokenClient, service: FakeService, clock: FakeTime
) -> None:
    """A token that ends in ten seconds is asked for again after ten."""
    service.life = 10
    client.get(APPID)
    clock.now += 9.9
    client.get(APPID)
    assert len(service.asked) == 1
    clock.now += 0.1
    client.get(APPID)
    assert len(service.asked) == 2


def test_min_ttl_is_asked_for_and_respected(
    client: TokenClient, service: FakeService, clock: FakeTime
) -> None:
    """Who needs a token for longer gets none from the cache that ends before."""
    service.life = 100
    client.get(APPID)
    client.get(APPID, min_ttl=99)
    assert len(service.asked) == 1
    client.get(APPID, min_ttl=101)
    assert service.asked[1] == {"authorizer_appid": APPID, "min_ttl": 101}


def test_a_clock_that_was_set_back_empties_the_cache(
    client: TokenClient, service: FakeService, clock: FakeTime
) -> None:
    """What was asked for in the future is asked for again."""
    client.get(APPID)
    clock.now -= 100
    client.get(APPID)
    assert len(service.asked) == 2


def test_accounts_and_the_component_are_kept_apart(
    client: TokenClient, service: FakeService
) -> None:
    """One question each, and never one's token for another."""
    first, second, component = client.get(APPID), client.get(OTHER), client.component_token()
    assert {first.generation, second.generation, component.generation} == {1, 2, 3}
    assert service.asked[2] == {"component": True}
    assert (component.component, component.authorizer_appid) == (True, OTHER)
    assert client.component_token() is component


def test_a_rejected_token_is_named_by_its_hash(client: TokenClient, service: FakeService) -> None:
    """The refused token itself never travels back."""
    token = client.get(APPID)
    newer = client.report_rejected(token)
    assert newer.generation == 2
    digest = hashlib.sha256(token.access_token.encode()).hexdigest()
    assert service.asked[1] == {"authorizer_appid": APPID, "rejected_token_sha256": digest}
    assert client.get(APPID, rejected=token) is newer, "the cache has a newer one already"
    component = client.component_token()
    client.report_rejected(component)
    assert service.asked[-1]["rejected_token_sha256"] == component.sha256
    assert service.asked[-1]["component"] is True


def test_many_threads_ask_once(client: TokenClient, service: FakeService) -> None:
    """Whoever comes while a question is under way waits for its answer."""
    together = threading.Barrier(16, timeout=10)

    def get(_: int) -> Token:
        together.wait()
        return client.get(APPID)

    with ThreadPoolExecutor(16) as threads:
        tokens = list(threads.map(get, range(16)))
    assert len(service.asked) == 1
    assert {token.generation for token in tokens} == {1}


def test_waiters_share_a_failure(client: TokenClient, service: FakeService) -> None:
    """Sixteen threads at a revoked account are one question, not sixteen in a row."""
    asking, may_answer = threading.Event(), threading.Event()

    def answer(_: Mapping[str, Any]) -> object:
        asking.set()
        assert may_answer.wait(10)
        return {"error": {"code": "authorizer_revoked", "message": "gone", "remedy": "ask"}}

    service.answer = answer

    def get() -> str:
        try:
            client.get(APPID)
        except errors.AuthorizerRevokedError as exc:
            return exc.message
        return "a token"

    with ThreadPoolExecutor(8) as threads:
        first = threads.submit(get)
        assert asking.wait(10)
        others = [threads.submit(get) for _ in range(7)]
        while client._slots[APPID].waiting < 8:
            pass
        may_answer.set()
        assert [first.result(), *(other.result() for other in others)] == ["gone"] * 8
    assert len(service.asked) == 1
    service.answer = None
    assert client.get(APPID).generation == 2, "a failure is not kept"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("authorizer_revoked", errors.AuthorizerRevokedError),
        ("renewal_in_progress", errors.RenewalInProgressError),
        ("no_ticket", errors.NoTicketError),
        ("unknown_authorizer", errors.UnknownAuthorizerError),
        ("invalid_request", errors.InvalidRequestError),
        ("configuration", errors.ConfigurationError),
        ("bad_envelope", errors.BadEnvelopeError),
        ("internal", errors.WxvaultError),
    ],
)
def test_errors_come_back_as_their_class(
    client: TokenClient, service: FakeService, code: str, kind: type[errors.WxvaultError]
) -> None:
    """The answer's words, in the class that stands for the code."""
    service.answer = lambda _: {
        "error": {"code": code, "message": "min_ttl: too long", "remedy": "do this"}
    }
    with pytest.raises(kind) as caught:
        client.get(APPID)
    error = caught.value
    assert type(error) is kind
    assert (error.code, error.message, error.remedy) == (code, "min_ttl: too long", "do this")
    if isinstance(error, errors.ConfigurationError | errors.InvalidRequestError):
        assert error.field == "min_ttl"


def test_a_refusal_of_wechat_keeps_code_and_path(client: TokenClient, service: FakeService) -> None:
    """The caller can tell 61004 from the rest."""
    service.answer = lambda _: {
        "error": {
            "code": "wechat_refused",
            "message": "POST /cgi-bin/component/api_component_token: WeChat answered 61004",
            "remedy": "add 203.0.113.7",
            "wechat_errcode": 61004,
        }
    }
    with pytest.raises(errors.WeChatRefusedError) as caught:
        client.component_token()
    assert caught.value.wechat_errcode == 61004
    assert caught.value.path == "/cgi-bin/component/api_component_token"


def test_an_error_of_a_later_version_is_still_an_error(
    client: TokenClient, service: FakeService
) -> None:
    """A code nobody knows yet keeps its code and its words."""
    service.answer = lambda _: {"error": {"code": "new_thing", "message": "m", "remedy": "r"}}
    with pytest.raises(RemoteError) as caught:
        client.get(APPID)
    assert (caught.value.code, caught.value.message) == ("new_thing", "m")


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "token",
        {},
        {"access_token": ""},
        {"access_token": "x"},
        {"access_token": "x", "expires_at": "y"},
        {"access_token": "x", "expires_at": float("inf")},
        {"access_token": "x", "expires_at": float("nan")},
        {"access_token": "x", "expires_at": 10**400},
        {"access_token": "x", "expires_at": 1e9, "generation": "new"},
        {"access_token": "x", "expires_at": 1e9, "generation": float("inf")},
        {"access_token": "\ud800", "expires_at": 1e9},
        {"error": "text"},
    ],
)
def test_half_an_answer_is_no_token(
    client: TokenClient, service: FakeService, answer: object
) -> None:
    """It is an error with a type, and not kept."""
    service.answer = lambda _: answer
    with pytest.raises(TokenServiceError):
        client.get(APPID)


@pytest.mark.parametrize("appid", ["", "gh_1", "wx0123456789ABCDEF", APPID + "/..", f"{APPID}\n"])
def test_only_appids_are_asked_for(client: TokenClient, service: FakeService, appid: str) -> None:
    """The appid becomes part of a path, so nothing else gets that far."""
    with pytest.raises(errors.InvalidRequestError):
        client.get(appid)
    assert service.asked == []


@pytest.mark.parametrize("min_ttl", [-1, 1201])
def test_min_ttl_has_limits(client: TokenClient, min_ttl: int) -> None:
    """0 to 1200 seconds."""
    with pytest.raises(errors.InvalidRequestError):
        client.get(APPID, min_ttl=min_ttl)


def test_no_repr_shows_a_token(client: TokenClient) -> None:
    """Neither the token's repr nor the client's."""
    token = client.get(APPID)
    assert token.access_token not in repr(token)
    assert token.access_token not in repr(client)


def test_the_environment_chooses_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function's name wins; without either variable the error names them."""
    both = {"WXVAULT_TOKEN_FUNCTION": "token:live", "WXVAULT_API_URL": "https://api.example.com"}
    assert isinstance(TokenClient.from_env(both)._transport, InvokeTransport)
    del both["WXVAULT_TOKEN_FUNCTION"]
    assert isinstance(TokenClient.from_env(both)._transport, HttpTransport)
    monkeypatch.setenv("WXVAULT_TOKEN_FUNCTION", "token:live")
    monkeypatch.setenv("WXVAULT_OVERLAP_SECONDS", "120")
    assert TokenClient.from_env()._kept_seconds == 24
    with pytest.raises(errors.ConfigurationError) as caught:
        TokenClient.from_env({})
    assert "WXVAULT_API_URL" in caught.value.message
    with pytest.raises(errors.ConfigurationError):
        TokenClient.from_env({**both, "WXVAULT_OVERLAP_SECONDS": "five"})


def test_the_client_brings_nothing_but_boto3_and_the_standard_library() -> None:
    """Imported alone it loads no other part of wxvault, and no other package."""
    script = (
        "import sys, boto3, botocore.auth, botocore.awsrequest; before = set(sys.modules); "
        "import wxvault.client; "
        "new = {n for n in set(sys.modules) - before if n.partition('.')[0] "
        "not in sys.stdlib_module_names}; print(*sorted(new))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": "layers/wxvault/python"},
    )
    assert set(done.stdout.split()) == {
        "wxvault",
        "wxvault.client",
        "wxvault.client_transports",
        "wxvault.errors",
    }
