"""Reading the two secrets: kept, re-read, checked, and never repeated in an error."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from wxvault.errors import ConfigurationError
from wxvault.runtime.secrets import Secret, app_secret, push_secret

COMPONENT = "wx0123456789abcdef"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
APPSECRET = "0123456789abcdef0123456789abcdef"


@dataclass(slots=True)
class FakeClock:
    """A clock that stands still until it is set."""

    time: float = 1_700_000_000.0

    def now(self) -> float:
        """Return the time."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds


@dataclass(slots=True)
class FakeSecretsManager:
    """Holds one text, and counts who reads it."""

    text: str = ""
    problem: Exception | None = None
    reads: list[tuple[str, str]] = field(default_factory=list)

    def get_secret_value(self, *, SecretId: str, VersionStage: str) -> Any:  # noqa: N803
        """Return the text, or raise."""
        self.reads.append((SecretId, VersionStage))
        if self.problem is not None:
            raise self.problem
        return {"SecretString": self.text}


def denied() -> ClientError:
    """Return what boto3 raises without permission."""
    return ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetSecretValue")


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock."""
    return FakeClock()


@pytest.fixture
def manager() -> FakeSecretsManager:
    """Return a Secrets Manager with a sound app secret."""
    return FakeSecretsManager(json.dumps({"component_appsecret": APPSECRET}))


@pytest.fixture
def secret(manager: FakeSecretsManager, clock: FakeClock) -> Secret[str]:
    """Return the app secret's reader."""
    return app_secret(manager, "arn:app", clock)


def test_a_value_is_kept_for_five_minutes(
    secret: Secret[str], manager: FakeSecretsManager, clock: FakeClock
) -> None:
    """One read serves 300 seconds, always with the stage AWSCURRENT."""
    assert secret.get() == APPSECRET
    clock.sleep(299.9)
    assert secret.get() == APPSECRET
    assert manager.reads == [("arn:app", "AWSCURRENT")]
    clock.sleep(0.1)
    secret.get()
    assert len(manager.reads) == 2


def test_a_clock_that_was_set_back_reads_anew(
    secret: Secret[str], manager: FakeSecretsManager, clock: FakeClock
) -> None:
    """A value from the future is not kept until the future is over."""
    secret.get()
    clock.time -= 1000
    secret.get()
    assert len(manager.reads) == 2


def test_a_forced_read_tells_whether_somebody_changed_the_secret(
    secret: Secret[str], manager: FakeSecretsManager, clock: FakeClock
) -> None:
    """At most one forced read in 30 seconds: whoever sends rubbish cannot make it dear."""
    secret.get()
    assert not secret.changed()
    manager.text = json.dumps({"component_appsecret": "f" * 32})
    assert not secret.changed(), "asked again too soon"
    assert len(manager.reads) == 2
    clock.sleep(30)
    assert secret.changed()
    assert secret.get() == "f" * 32
    assert len(manager.reads) == 3


def test_what_was_never_read_is_not_read_twice(
    secret: Secret[str], manager: FakeSecretsManager
) -> None:
    """Before the first get there is nothing to compare with."""
    assert secret.changed()
    assert manager.reads == []


@pytest.mark.parametrize("problem", [denied(), EndpointConnectionError(endpoint_url="https://x")])
def test_a_known_value_outlives_an_outage(
    secret: Secret[str],
    manager: FakeSecretsManager,
    clock: FakeClock,
    problem: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """While Secrets Manager cannot be reached the last value serves on, and a log says so."""
    secret.get()
    clock.sleep(301)
    manager.problem = problem
    assert secret.get() == APPSECRET
    clock.sleep(31)
    assert not secret.changed()
    assert "secret not read" in caplog.text
    assert APPSECRET not in caplog.text


@pytest.mark.parametrize(
    "text",
    ["", "{", f'{{"component_appsecret": "{APPSECRET}"', '{"component_appsecret": "too short"}'],
    ids=["empty", "brace", "cut off", "short"],
)
def test_a_known_value_outlives_a_slip_of_the_pen(
    secret: Secret[str],
    manager: FakeSecretsManager,
    clock: FakeClock,
    text: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What is malformed replaces nothing; the log names the field, and a mended one is read."""
    secret.get()
    clock.sleep(301)
    manager.text = text
    assert secret.get() == APPSECRET
    assert not secret.changed(), "it is no other secret"
    (line,) = {record.message for record in caplog.records}
    assert line == "secret malformed, the known value stays"
    assert {record.levelname for record in caplog.records} == {"ERROR"}
    assert all(vars(record)["error_code"] == "configuration" for record in caplog.records)
    manager.text = json.dumps({"component_appsecret": "f" * 32})
    clock.sleep(29.9)
    assert secret.get() == APPSECRET
    clock.sleep(0.1)
    assert secret.get() == "f" * 32


def test_a_known_push_secret_outlives_a_slip_of_the_pen(
    manager: FakeSecretsManager, clock: FakeClock
) -> None:
    """Pushes are opened with the keys that were good, not answered with an error."""
    manager.text = json.dumps({"tokens": ["old1"], "encoding_aes_keys": [AES_KEY]})
    secret = push_secret(manager, "arn:push", COMPONENT, clock)
    before = secret.get()
    manager.text = json.dumps({"tokens": ["old1", "new2"], "encoding_aes_keys": [AES_KEY[:-1]]})
    clock.sleep(301)
    assert secret.get() is before


def test_a_missing_secret_is_a_configuration_error(
    secret: Secret[str], manager: FakeSecretsManager
) -> None:
    """The error names the secret and AWS's code, and its remedy what to create."""
    manager.problem = denied()
    with pytest.raises(ConfigurationError) as caught:
        secret.get()
    assert caught.value.field == "AppSecret"
    assert "AccessDeniedException" in caught.value.message


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "AppSecret"),
        (f'{{"component_appsecret": "{APPSECRET}"', "AppSecret"),
        (f'["{APPSECRET}"]', "AppSecret"),
        (APPSECRET, "AppSecret"),
        ("[" * 100_000, "AppSecret"),
        ("{}", "component_appsecret"),
        (f'{{"component_appsecret": "{APPSECRET}0"}}', "component_appsecret"),
        (f'{{"component_appsecret": " {APPSECRET}"}}', "component_appsecret"),
        (f'{{"component_appsecret": ["{APPSECRET}"]}}', "component_appsecret"),
    ],
    ids=range(9),
)
def test_a_malformed_app_secret_names_the_field_never_the_value(
    secret: Secret[str], manager: FakeSecretsManager, text: str, named: str
) -> None:
    """Not even the traceback or the exception's context holds what was entered."""
    manager.text = text
    with pytest.raises(ConfigurationError) as caught:
        secret.get()
    assert caught.value.field == named
    assert caught.value.__context__ is None
    assert APPSECRET not in "".join(traceback.format_exception(caught.value))


def test_the_push_secret_becomes_message_keys(
    manager: FakeSecretsManager, clock: FakeClock
) -> None:
    """Tokens and keys stay in their order, oldest to newest."""
    manager.text = json.dumps({"tokens": ["old1", "new2"], "encoding_aes_keys": [AES_KEY]})
    keys = push_secret(manager, "arn:push", COMPONENT, clock).get()
    assert keys.component_appid == COMPONENT
    assert keys.tokens == ("old1", "new2")
    assert keys.encoding_aes_keys == (AES_KEY,)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"encoding_aes_keys": [AES_KEY]}, "tokens"),
        ({"tokens": ["a"], "encoding_aes_keys": []}, "encoding_aes_keys"),
        ({"tokens": ["a"], "encoding_aes_keys": [AES_KEY, AES_KEY[:-1]]}, "encoding_aes_keys[1]"),
    ],
    ids=["no tokens", "no keys", "short key"],
)
def test_a_malformed_push_secret_names_the_field(
    manager: FakeSecretsManager, clock: FakeClock, content: dict[str, Any], named: str
) -> None:
    """The third key's field is named by its place, and no key is repeated."""
    manager.text = json.dumps(content)
    with pytest.raises(ConfigurationError) as caught:
        push_secret(manager, "arn:push", COMPONENT, clock).get()
    assert caught.value.field == named
    assert AES_KEY[:-1] not in "".join(traceback.format_exception(caught.value))


def test_no_repr_shows_a_secret(secret: Secret[str]) -> None:
    """Neither the reader nor what it keeps prints the value."""
    secret.get()
    assert APPSECRET not in repr(secret)
    assert APPSECRET not in repr(secret._kept)
