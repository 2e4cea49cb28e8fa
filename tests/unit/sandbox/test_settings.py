"""Settings: what JSON may say, and that an error names the field and never its value."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.wechat.merchants import Merchant, MerchantError
from sandbox.wechat.settings import SECRET_FIELDS, SettingsError, fresh_settings
from sandbox.wechat.values import Minter
from tests.unit.sandbox.kit import made_settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("encoding_aes_key", "too-short"),
        ("encoding_aes_key", "!" * 43),
        ("previous_encoding_aes_key", "a" * 42),
        ("component_appsecret", ""),
        ("token", 5),
        ("event_url", "localhost:8200"),
        ("event_url", "ftp://localhost/"),
        ("overlap", "300"),
        ("overlap", -1),
        ("push_attempts", 0),
        ("push_attempts", True),
        ("ip_list", "127.0.0.1"),
        ("declared_sets", ["1"]),
        ("quotas", {"/p": "1"}),
        ("auth_code_reuse", "sometimes"),
        ("no_such_setting", 1),
    ],
)
def test_malformed_settings(name: str, value: Any) -> None:
    """The message names the field, not what was in it."""
    with pytest.raises(SettingsError) as caught:
        made_settings(**{name: value})
    assert str(caught.value).startswith(f"{name}:")
    assert "too-short" not in str(caught.value)


def test_life_sets_both_tokens() -> None:
    """One name for both lives."""
    settings = made_settings(life=600, overlap=120)
    assert (settings.component_token_life, settings.access_token_life) == (600, 600)
    assert settings.overlap == 120


def test_secrets_are_not_shown() -> None:
    """Neither the repr nor the public view holds a secret."""
    settings = fresh_settings(Minter())
    shown = repr(settings) + str(settings.public())
    assert not [n for n in SECRET_FIELDS if getattr(settings, n) and getattr(settings, n) in shown]


@pytest.mark.parametrize(
    "values", [{"kind": "bank"}, {"appid": ""}, {"verify_type": "0"}, {"unknown": 1}]
)
def test_malformed_merchants(values: dict[str, Any]) -> None:
    """A merchant that cannot be is refused."""
    with pytest.raises(MerchantError):
        Merchant.from_json(values, Minter())


def test_merchant_is_completed() -> None:
    """What is not given about a merchant is made up in the right shape."""
    merchant = Merchant.from_json({"kind": "mp"}, Minter())
    assert merchant.appid.startswith("wx")
    assert merchant.user_name.startswith("gh_")
    assert merchant.service_type == 0
