"""The two secrets in Secrets Manager: read, kept, and noticed when somebody changes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
import pytest

from tests.fakes.clock import FakeClock
from tests.unit.vault.kit import COMPONENT
from wxvault.errors import ConfigurationError
from wxvault.runtime.secrets import app_secret, push_secret

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

AES_KEYS = ["abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "0123456789" * 4 + "abc"]


@pytest.fixture
def manager(aws: None) -> SecretsManagerClient:
    """Return a client of Secrets Manager."""
    return boto3.client("secretsmanager")


def create(manager: SecretsManagerClient, name: str, content: object) -> str:
    """Make a secret and return its ARN."""
    return manager.create_secret(Name=name, SecretString=json.dumps(content))["ARN"]


def test_the_app_secret_follows_its_newest_version(manager: SecretsManagerClient) -> None:
    """A new version is seen after five minutes, or at once when WeChat refuses the old one."""
    clock = FakeClock()
    arn = create(manager, "app", {"component_appsecret": "a" * 32})
    secret = app_secret(manager, arn, clock)
    assert secret.get() == "a" * 32
    manager.put_secret_value(
        SecretId=arn, SecretString=json.dumps({"component_appsecret": "b" * 32})
    )
    assert secret.get() == "a" * 32
    assert secret.changed()
    assert secret.get() == "b" * 32
    assert not secret.changed()
    clock.sleep(30)
    assert not secret.changed()
    manager.put_secret_value(
        SecretId=arn, SecretString=json.dumps({"component_appsecret": "c" * 32})
    )
    clock.sleep(300)
    assert secret.get() == "c" * 32


def test_a_version_that_is_not_current_yet_is_not_used(manager: SecretsManagerClient) -> None:
    """A rotation's pending version counts only when it has become AWSCURRENT."""
    clock = FakeClock()
    arn = create(manager, "app-pending", {"component_appsecret": "a" * 32})
    manager.put_secret_value(
        SecretId=arn,
        SecretString=json.dumps({"component_appsecret": "b" * 32}),
        VersionStages=["AWSPENDING"],
    )
    assert app_secret(manager, arn, clock).get() == "a" * 32


def test_the_push_secret_becomes_tokens_and_keys(manager: SecretsManagerClient) -> None:
    """Oldest to newest, as a person wrote them."""
    content = {"tokens": ["old1", "new2"], "encoding_aes_keys": AES_KEYS[:1]}
    arn = create(manager, "push", content)
    keys = push_secret(manager, arn, COMPONENT, FakeClock()).get()
    assert keys.tokens == ("old1", "new2")
    assert keys.encoding_aes_keys == tuple(AES_KEYS[:1])


def test_a_secret_that_does_not_exist_is_named(manager: SecretsManagerClient) -> None:
    """The error says which one, and what AWS said."""
    secret = app_secret(manager, "nothing-here", FakeClock())
    with pytest.raises(ConfigurationError, match="ResourceNotFoundException") as caught:
        secret.get()
    assert caught.value.field == "AppSecret"


def test_a_secret_in_bytes_is_no_secret(manager: SecretsManagerClient) -> None:
    """Entered as binary it has no text: the field is named, the value is not."""
    arn = manager.create_secret(Name="bytes", SecretBinary=b'{"component_appsecret": "a"}')["ARN"]
    with pytest.raises(ConfigurationError, match="AppSecret"):
        app_secret(manager, arn, FakeClock()).get()
