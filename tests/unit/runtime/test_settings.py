"""The environment of a function: what is accepted, what is refused, and how it is said."""

from __future__ import annotations

from typing import get_args

import pytest

from wxvault.errors import ConfigurationError
from wxvault.runtime.settings import OptionalText, Settings, on_lambda, public_base_url

BASE = {"WXVAULT_COMPONENT_APPID": "wx0123456789abcdef", "WXVAULT_TABLE_NAME": "wxvault"}


def settings(**more: str) -> Settings:
    """Return the settings of a sound environment with more variables."""
    return Settings.from_environment({**BASE, **more})


def test_what_is_not_set_has_the_documented_default() -> None:
    """Appid and table are enough; the numbers are the house's."""
    found = settings()
    assert found.component_appid == "wx0123456789abcdef"
    assert found.table_name == "wxvault"
    assert (found.overlap_seconds, found.push_max_age_seconds) == (300, 3600)
    assert found.revoked_retention_days == 30
    assert found.return_urls == ()
    assert found.wechat_api_base == "https://api.weixin.qq.com"
    assert found.wechat_pc_page_base == "https://mp.weixin.qq.com"
    assert found.wechat_h5_page_base == "https://open.weixin.qq.com"


def test_everything_that_is_set_is_read() -> None:
    """Each variable of the template has its field."""
    found = settings(
        WXVAULT_SEALING_KEY_ARN="arn:aws:kms:x",
        WXVAULT_PUBLIC_BASE_URL="https://Auth.Example.com/",
        WXVAULT_PUSH_SECRET_ARN="arn:push",
        WXVAULT_APP_SECRET_ARN="arn:app",
        WXVAULT_RETURN_URLS="https://shop.example.com/done, http://localhost:8000/x",
        WXVAULT_WECHAT_API_BASE="http://127.0.0.1:9000",
        WXVAULT_WECHAT_PC_PAGE_BASE="http://127.0.0.1:9000/",
        WXVAULT_WECHAT_H5_PAGE_BASE="http://[::1]:9000",
        WXVAULT_RENEW_QUEUE_URL="https://sqs/renew",
        WXVAULT_EXCHANGE_QUEUE_URL="https://sqs/exchange",
        WXVAULT_RENEW_FUNCTION="arn:renew:live",
        WXVAULT_EVENT_BUS_NAME="wxvault",
        WXVAULT_OVERLAP_SECONDS="120",
        WXVAULT_PUSH_MAX_AGE_SECONDS="0",
        WXVAULT_REVOKED_RETENTION_DAYS="7",
    )
    assert found.require("sealing_key_arn") == "arn:aws:kms:x"
    assert found.require("public_base_url") == "https://auth.example.com"
    assert found.require("push_secret_arn") == "arn:push"
    assert found.require("app_secret_arn") == "arn:app"
    assert found.require("renew_queue_url") == "https://sqs/renew"
    assert found.require("exchange_queue_url") == "https://sqs/exchange"
    assert found.require("renew_function") == "arn:renew:live"
    assert found.require("event_bus_name") == "wxvault"
    assert found.return_urls == ("https://shop.example.com/done", "http://localhost:8000/x")
    assert found.wechat_api_base == "http://127.0.0.1:9000"
    assert found.wechat_pc_page_base == "http://127.0.0.1:9000"
    assert found.wechat_h5_page_base == "http://[::1]:9000"
    assert (found.overlap_seconds, found.push_max_age_seconds) == (120, 0)
    assert found.revoked_retention_days == 7
    assert found.secure_cookies


@pytest.mark.parametrize("field", get_args(OptionalText.__value__))
def test_a_missing_one_is_named_when_it_is_needed(field: OptionalText) -> None:
    """Functions are given only what they need; asking for more says which variable is missing."""
    found = settings(WXVAULT_PUSH_SECRET_ARN="  ")
    with pytest.raises(ConfigurationError) as caught:
        found.require(field)
    assert caught.value.field.startswith("WXVAULT_")
    assert field.upper() in caught.value.field


@pytest.mark.parametrize(
    "url",
    [
        "http://auth.example.com",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "http://128.0.0.1",
        "http://0x7f000001",
        "http://2130706433",
        "https://auth.example.com/path",
        "https://auth.example.com?x=1",
        "https://auth.example.com#x",
        "https://user@auth.example.com",
        "https://user:password@auth.example.com",
        "https://auth.example.com\\@evil.example",
        "https://auth.example.com:99999",
        "https://auth.example.com:0",
        "https://auth.example.com:",
        "https://auth.example.com:abc",
        "https://auth%2eexample.com",
        "https://auth .example.com",
        "https://auth\t.example.com",
        "https://авт.example.com",
        "https://-auth.example.com",
        "https://auth..example.com",
        "https://",
        "https:///x",
        "https://[::1",
        "https://[fe80::1%25eth0]",
        "ftp://auth.example.com",
        "javascript:alert(1)",
        "auth.example.com",
        "//auth.example.com",
    ],
)
def test_a_public_base_url_of_any_other_form_is_refused(url: str) -> None:
    """Only https and a plain host, or http at home; the value is not repeated."""
    with pytest.raises(ConfigurationError) as caught:
        settings(WXVAULT_PUBLIC_BASE_URL=url)
    assert caught.value.field == "WXVAULT_PUBLIC_BASE_URL"
    assert "evil" not in caught.value.message
    assert "password:" not in caught.value.message


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://auth.example.com", "https://auth.example.com"),
        ("https://auth.example.com:443/", "https://auth.example.com"),
        ("https://auth.example.com:8443", "https://auth.example.com:8443"),
        ("http://localhost:4566", "http://localhost:4566"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://127.8.9.1:1", "http://127.8.9.1:1"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("HTTPS://AUTH.EXAMPLE.COM", "https://auth.example.com"),
    ],
)
def test_a_sound_public_base_url_is_normalised(url: str, expected: str) -> None:
    """One spelling per address, so that it can be compared."""
    assert public_base_url(url) == expected


@pytest.mark.parametrize(
    "variable",
    ["WXVAULT_WECHAT_API_BASE", "WXVAULT_WECHAT_PC_PAGE_BASE", "WXVAULT_WECHAT_H5_PAGE_BASE"],
)
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example",
        "https://api.weixin.qq.com.evil.example",
        "https://evil.example#api.weixin.qq.com",
        "https://api.weixin.qq.com@evil.example",
        "http://api.weixin.qq.com",
        "http://mp.weixin.qq.com",
        "http://open.weixin.qq.com",
        "https://api.weixin.qq.com:8443",
        "https://mp.weixin.qq.com/cgi-bin",
        "https://127.0.0.1:9000",
        "http://192.168.0.1:9000",
    ],
)
def test_secrets_go_to_wechat_or_to_this_machine_only(variable: str, url: str) -> None:
    """Another base URL is a way to send every secret elsewhere: it is refused at start."""
    with pytest.raises(ConfigurationError) as caught:
        settings(**{variable: url})
    assert caught.value.field == variable


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WXVAULT_COMPONENT_APPID", ""),
        ("WXVAULT_COMPONENT_APPID", "wx0123456789ABCDEF"),
        ("WXVAULT_COMPONENT_APPID", "gh_0123456789ab"),
        ("WXVAULT_COMPONENT_APPID", "wx0123456789abcdef#x"),
        ("WXVAULT_TABLE_NAME", " "),
        ("WXVAULT_OVERLAP_SECONDS", "119"),
        ("WXVAULT_OVERLAP_SECONDS", "-300"),
        ("WXVAULT_OVERLAP_SECONDS", "5 minutes"),
        ("WXVAULT_OVERLAP_SECONDS", "3e2"),
        ("WXVAULT_OVERLAP_SECONDS", "9" * 5000),
        ("WXVAULT_PUSH_MAX_AGE_SECONDS", "-1"),
        ("WXVAULT_REVOKED_RETENTION_DAYS", "0"),
        ("WXVAULT_REVOKED_RETENTION_DAYS", "٣"),
        ("WXVAULT_RETURN_URLS", "https://ok.example/a,javascript:alert(1)"),
        ("WXVAULT_RETURN_URLS", "https://ok.example/a?x=1"),
        ("WXVAULT_RETURN_URLS", "https://ok.example/a#"),
        ("WXVAULT_RETURN_URLS", "https://user@ok.example/a"),
        ("WXVAULT_RETURN_URLS", "http://ok.example/a"),
        ("WXVAULT_RETURN_URLS", "https://ok.example\\@evil.example/"),
    ],
)
def test_a_malformed_variable_is_named(variable: str, value: str) -> None:
    """The error says which variable, and does not repeat what it holds."""
    with pytest.raises(ConfigurationError) as caught:
        settings(**{variable: value})
    assert caught.value.field == variable
    if value.strip():
        assert value not in caught.value.message


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument the process's own variables are read."""
    for name, value in BASE.items():
        monkeypatch.setenv(name, value)
    assert Settings.from_environment().table_name == "wxvault"


def test_cookies_are_secure_but_on_a_desk() -> None:
    """Plain http exists on loopback only, and there a Secure cookie would never come back."""
    assert not settings(WXVAULT_PUBLIC_BASE_URL="http://localhost:4566").secure_cookies


def test_handlers_know_whether_they_are_on_lambda() -> None:
    """Only there do they build their adapters at import."""
    assert on_lambda({"AWS_LAMBDA_FUNCTION_NAME": "token"})
    assert not on_lambda({})
    assert not on_lambda()
