"""What a function is told by its environment: the one reader of ``os.environ``."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import SplitResult, urlsplit

from wxvault.errors import ConfigurationError
from wxvault.protocol.appid import is_appid
from wxvault.protocol.links import H5_PAGE_BASE, PC_PAGE_BASE

if TYPE_CHECKING:
    from collections.abc import Mapping

WECHAT_API_BASE: Final = "https://api.weixin.qq.com"

DEFAULT_OVERLAP_SECONDS: Final = 300
DEFAULT_PUSH_MAX_AGE_SECONDS: Final = 3600
DEFAULT_REVOKED_RETENTION_DAYS: Final = 30

type OptionalText = Literal[
    "sealing_key_arn",
    "public_base_url",
    "push_secret_arn",
    "app_secret_arn",
    "renew_queue_url",
    "exchange_queue_url",
    "renew_function",
    "resync_function",
    "event_bus_name",
    "egress_address",
    "renew_dead_letters_url",
    "exchange_dead_letters_url",
    "sweep_dead_letters_url",
    "resync_dead_letters_url",
    "responder_function_arn",
]

_VARIABLES: Final[dict[str, str]] = {
    "sealing_key_arn": "WXVAULT_SEALING_KEY_ARN",
    "public_base_url": "WXVAULT_PUBLIC_BASE_URL",
    "push_secret_arn": "WXVAULT_PUSH_SECRET_ARN",
    "app_secret_arn": "WXVAULT_APP_SECRET_ARN",
    "renew_queue_url": "WXVAULT_RENEW_QUEUE_URL",
    "exchange_queue_url": "WXVAULT_EXCHANGE_QUEUE_URL",
    "renew_function": "WXVAULT_RENEW_FUNCTION",
    "resync_function": "WXVAULT_RESYNC_FUNCTION",
    "event_bus_name": "WXVAULT_EVENT_BUS_NAME",
    "egress_address": "WXVAULT_EGRESS_ADDRESS",
    "renew_dead_letters_url": "WXVAULT_RENEW_DEAD_LETTERS_URL",
    "exchange_dead_letters_url": "WXVAULT_EXCHANGE_DEAD_LETTERS_URL",
    "sweep_dead_letters_url": "WXVAULT_SWEEP_DEAD_LETTERS_URL",
    "resync_dead_letters_url": "WXVAULT_RESYNC_DEAD_LETTERS_URL",
    "responder_function_arn": "WXVAULT_RESPONDER_FUNCTION_ARN",
}

_HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
# urlsplit drops tabs and newlines silently and other readers of a URL treat a backslash as a slash:
# whatever holds one of these is refused before it is parsed.
_UNSAFE_IN_URL = re.compile(r"[\x00-\x20\x7f-\U0010ffff\\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The validated environment of one function.

    ``table_name`` and ``component_appid`` are needed by all; what only some functions are given is
    ``None`` elsewhere and fetched with :meth:`require`. URLs are normalised: lower-case host, no
    slash at the end. Times are in seconds. Nothing in here is a secret, only where secrets are.
    """

    component_appid: str
    table_name: str
    sealing_key_arn: str | None = None
    public_base_url: str | None = None
    push_secret_arn: str | None = None
    app_secret_arn: str | None = None
    renew_queue_url: str | None = None
    exchange_queue_url: str | None = None
    renew_function: str | None = None
    resync_function: str | None = None
    event_bus_name: str | None = None
    egress_address: str | None = None
    renew_dead_letters_url: str | None = None
    exchange_dead_letters_url: str | None = None
    sweep_dead_letters_url: str | None = None
    resync_dead_letters_url: str | None = None
    responder_function_arn: str | None = None
    return_urls: tuple[str, ...] = ()
    wechat_api_base: str = WECHAT_API_BASE
    wechat_pc_page_base: str = PC_PAGE_BASE
    wechat_h5_page_base: str = H5_PAGE_BASE
    overlap_seconds: int = DEFAULT_OVERLAP_SECONDS
    push_max_age_seconds: int = DEFAULT_PUSH_MAX_AGE_SECONDS
    revoked_retention_days: int = DEFAULT_REVOKED_RETENTION_DAYS

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read and check all variables of ``environ`` (by default the process's own).

        Raises ConfigurationError with the variable's name, never its value.
        """
        env = os.environ if environ is None else environ
        optional = {field: _text(env, variable) for field, variable in _VARIABLES.items()}
        if (base := optional["public_base_url"]) is not None:
            optional["public_base_url"] = public_base_url(base)
        return cls(
            component_appid=_appid(env, "WXVAULT_COMPONENT_APPID"),
            table_name=_needed(env, "WXVAULT_TABLE_NAME"),
            return_urls=_return_urls(env, "WXVAULT_RETURN_URLS"),
            wechat_api_base=_wechat_base(env, "WXVAULT_WECHAT_API_BASE", WECHAT_API_BASE),
            wechat_pc_page_base=_wechat_base(env, "WXVAULT_WECHAT_PC_PAGE_BASE", PC_PAGE_BASE),
            wechat_h5_page_base=_wechat_base(env, "WXVAULT_WECHAT_H5_PAGE_BASE", H5_PAGE_BASE),
            overlap_seconds=_number(
                env, "WXVAULT_OVERLAP_SECONDS", default=DEFAULT_OVERLAP_SECONDS, least=120
            ),
            push_max_age_seconds=_number(
                env, "WXVAULT_PUSH_MAX_AGE_SECONDS", default=DEFAULT_PUSH_MAX_AGE_SECONDS, least=0
            ),
            revoked_retention_days=_number(
                env,
                "WXVAULT_REVOKED_RETENTION_DAYS",
                default=DEFAULT_REVOKED_RETENTION_DAYS,
                least=1,
            ),
            **optional,
        )

    def require(self, field: OptionalText) -> str:
        """Return a field that this function cannot do without, or raise ConfigurationError."""
        value: str | None = getattr(self, field)
        if value is None:
            raise ConfigurationError(_VARIABLES[field], "is not set for this function")
        return value

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies carry ``Secure``: always, but on a laptop's plain-http loopback."""
        return self.require("public_base_url").startswith("https://")


def public_base_url(value: str, variable: str = "WXVAULT_PUBLIC_BASE_URL") -> str:
    """Return the platform's own address as ``scheme://host[:port]``.

    https, or http when the host is localhost or loopback; no path, query, fragment or user. Raises
    ConfigurationError otherwise.
    """
    parts = _split(value, variable)
    _refuse_path(parts, variable)
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise ConfigurationError(
            variable, "http is accepted for localhost and loopback addresses only; use https"
        )
    return _origin(parts, variable)


def _wechat_base(env: Mapping[str, str], variable: str, real: str) -> str:
    """Return WeChat's real address or a sandbox on this machine: nobody else gets the secrets."""
    value = _text(env, variable)
    if value is None:
        return real
    parts = _split(value, variable)
    _refuse_path(parts, variable)
    origin = _origin(parts, variable)
    if origin == real or (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
        return origin
    raise ConfigurationError(variable, f"must be {real}, or http on a loopback address")


def _return_urls(env: Mapping[str, str], variable: str) -> tuple[str, ...]:
    """Return the allowed return URLs, one by one, each without query and fragment."""
    entries = (entry.strip() for entry in env.get(variable, "").split(","))
    return tuple(_return_url(entry, variable) for entry in entries if entry)


def _return_url(value: str, variable: str) -> str:
    parts = _split(value, variable)
    if parts.query or parts.fragment or "?" in value or "#" in value:
        raise ConfigurationError(variable, "an entry has a query or fragment")
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise ConfigurationError(variable, "an entry with http is not on localhost or loopback")
    return _origin(parts, variable) + parts.path


def _split(value: str, variable: str) -> SplitResult:
    """Parse a URL strictly: http(s), a plain host, no user."""
    if _UNSAFE_IN_URL.search(value):
        raise ConfigurationError(variable, "has a space, backslash or non-ASCII character")
    try:
        parts = urlsplit(value)
        port_is_sound = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_sound = SplitResult("", "", "", "", ""), False
    if not port_is_sound:
        raise ConfigurationError(variable, "is not a URL with a sound host and port")
    if parts.scheme not in {"https", "http"}:
        raise ConfigurationError(variable, "must begin with https:// (or http:// on loopback)")
    if "@" in parts.netloc:
        raise ConfigurationError(variable, "must not have a user name or password")
    host = parts.hostname or ""
    if not _HOST_NAME.fullmatch(host) and not _is_ip_v6(host):
        raise ConfigurationError(variable, "has no plain host name")
    return parts


def _refuse_path(parts: SplitResult, variable: str) -> None:
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ConfigurationError(variable, "must be scheme and host only, without path or query")


def _origin(parts: SplitResult, variable: str) -> str:
    host = parts.hostname or ""
    if parts.netloc.endswith(":"):
        raise ConfigurationError(variable, "has a colon without a port")
    host = f"[{host}]" if ":" in host else host
    usual = {"https": 443, "http": 80}[parts.scheme]
    port = "" if parts.port in {None, usual} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _is_ip_v6(host: str) -> bool:
    try:
        return ipaddress.IPv6Address(host).scope_id is None
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _text(env: Mapping[str, str], variable: str) -> str | None:
    """Return a variable's text; an empty one (a parameter left out) counts as not set."""
    return env.get(variable, "").strip() or None


def _needed(env: Mapping[str, str], variable: str) -> str:
    value = _text(env, variable)
    if value is None:
        raise ConfigurationError(variable, "is not set for this function")
    return value


def _appid(env: Mapping[str, str], variable: str) -> str:
    value = _needed(env, variable)
    if not is_appid(value):
        raise ConfigurationError(variable, "must be `wx` and 16 hexadecimal digits in lower case")
    return value


def _number(env: Mapping[str, str], variable: str, *, default: int, least: int) -> int:
    text = _text(env, variable)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < least:
        raise ConfigurationError(variable, f"must be a whole number, {least} or more")
    return int(text)


def on_lambda(environ: Mapping[str, str] | None = None) -> bool:
    """Say whether this process is a Lambda function's, so that handlers wire themselves."""
    env = os.environ if environ is None else environ
    return "AWS_LAMBDA_FUNCTION_NAME" in env
