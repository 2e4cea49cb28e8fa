"""What the console of a real third-party platform holds, and the sandbox's own switches."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal, get_args
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from sandbox.wechat.values import Minter

CodeReuse = Literal["fail", "new_tokens", "same"]
PushOrder = Literal["concurrent", "push_first", "redirect_first"]
RedirectAppend = Literal["query", "end"]

SECRET_FIELDS: Final = (
    "component_appsecret",
    "token",
    "previous_token",
    "encoding_aes_key",
    "previous_encoding_aes_key",
)
_KEY_LENGTH: Final = 43


class SettingsError(ValueError):
    """A setting is missing, unknown or malformed; the message names it, never its value."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One component and how this WeChat treats it. Times are seconds on the sandbox's clock.

    The defaults are WeChat's own figures.
    """

    # --- the component, as in WeChat's console
    component_appid: str
    component_appsecret: str = field(repr=False)
    token: str = field(repr=False)
    encoding_aes_key: str = field(repr=False)
    previous_token: str = field(default="", repr=False)
    previous_encoding_aes_key: str = field(default="", repr=False)
    event_url: str = ""
    message_url: str = ""  # with $APPID$ where the account's appid goes
    start_domain: str = "localhost"
    ip_list: tuple[str, ...] = ("127.0.0.1",)
    released: bool = True
    test_list: tuple[str, ...] = ()  # original ids (gh_...), as in the console
    declared_sets: tuple[int, ...] = ()  # permission sets it asks for; empty: all that fit

    # --- lives
    component_token_life: float = 7200
    access_token_life: float = 7200
    overlap: float = 300
    ticket_life: float = 43_200
    pre_auth_code_life: float = 1800
    authorization_code_life: float = 3600

    # --- where WeChat's documents are silent or contradict each other
    auth_code_reuse: CodeReuse = "fail"
    rotate_on_refresh: bool = False
    rotate_on_update: bool = True
    old_refresh_grace_s: float = 300
    read_only_options: tuple[str, ...] = ()
    redirect_append: RedirectAppend = "query"
    redirect_raw_at: bool = False

    # --- pushes; timeout and gap are real seconds
    ticket_push: bool = True
    ticket_interval: float = 600
    ticket_on_configure: bool = True
    ticket_on_start: bool = True
    ticket_stop_after: int = 72
    push_timeout: float = 5
    push_attempts: int = 3
    push_retry_gap: float = 1
    push_resign: bool = True
    push_order: PushOrder = "concurrent"
    reuse_pushes: bool = False  # a reused registration is also pushed as `authorized`

    # --- the caller
    quotas: Mapping[str, int] = field(default_factory=dict)  # path: calls per day
    client_ip: str = ""  # the address WeChat believes it sees; empty: the real one

    # --- the pages
    start_url: str = ""  # where a merchant starts on the platform; shown on the management page

    def __post_init__(self) -> None:
        for name in ("component_appid", "component_appsecret", "token"):
            if not getattr(self, name):
                raise SettingsError(f"{name}: is empty")
        check_aes_key("encoding_aes_key", self.encoding_aes_key)
        if self.previous_encoding_aes_key:
            check_aes_key("previous_encoding_aes_key", self.previous_encoding_aes_key)
        for name in ("event_url", "message_url", "start_url"):
            check_url(name, getattr(self, name))
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, int | float) and value < 0:
                raise SettingsError(f"{item.name}: is below 0")
        if self.push_attempts < 1:
            raise SettingsError("push_attempts: is below 1")

    def changed(self, values: Mapping[str, Any]) -> Settings:
        """Return these settings with ``values`` (as JSON brings them) put in.

        ``life`` sets both token lives at once. Raises SettingsError.
        """
        wanted = dict(values)
        if "life" in wanted:
            life = wanted.pop("life")
            wanted.setdefault("component_token_life", life)
            wanted.setdefault("access_token_life", life)
        known = {item.name: item for item in fields(self)}
        unknown = sorted(set(wanted) - set(known))
        if unknown:
            raise SettingsError(f"{unknown[0]}: no such setting")
        return replace(self, **{name: _fitted(name, value) for name, value in wanted.items()})

    def public(self) -> dict[str, Any]:
        """Return everything but the secrets, as JSON."""
        return {
            item.name: _plain(getattr(self, item.name))
            for item in fields(self)
            if item.name not in SECRET_FIELDS
        }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "CodeReuse": get_args(CodeReuse),
    "PushOrder": get_args(PushOrder),
    "RedirectAppend": get_args(RedirectAppend),
}
_FITS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "bool": lambda value: isinstance(value, bool),
    "str": lambda value: isinstance(value, str),
    "int": lambda value: type(value) is int,
    "float": lambda value: type(value) in {int, float},
    "tuple[int, ...]": lambda value: _is_list_of(int, value),
    "tuple[str, ...]": lambda value: _is_list_of(str, value),
    "Mapping[str, int]": lambda value: (
        isinstance(value, dict) and _is_list_of(int, list(value.values()))
    ),
}


def _is_list_of(kind: type, value: object) -> bool:
    return isinstance(value, list | tuple) and all(type(entry) is kind for entry in value)


def _fitted(name: str, value: Any) -> Any:
    """Return a value from JSON as the field wants it. Raises SettingsError."""
    kind = str(Settings.__dataclass_fields__[name].type)
    choices = _CHOICES.get(kind)
    if choices is not None:
        if value not in choices:
            raise SettingsError(f"{name}: is none of {', '.join(choices)}")
        return value
    if not _FITS[kind](value):
        raise SettingsError(f"{name}: is not of the right kind ({kind})")
    return tuple(value) if kind.startswith("tuple") else value


def check_aes_key(name: str, key: str) -> None:
    """Raise SettingsError unless ``key`` is 43 letters and digits that decode to 32 bytes."""
    if len(key) != _KEY_LENGTH or not key.isalnum() or not key.isascii():
        raise SettingsError(f"{name}: is not 43 letters and digits")
    try:
        base64.b64decode(key + "=")
    except (binascii.Error, ValueError):
        raise SettingsError(f"{name}: is not base64") from None


def check_url(name: str, url: str) -> None:
    """Raise SettingsError unless ``url`` is empty or an absolute http(s) URL."""
    if not url:
        return
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in {"http", "https"} or not host:
        raise SettingsError(f"{name}: is not an http or https URL")


def fresh_settings(minter: Minter) -> Settings:
    """Return settings for a component that has just been registered: new secrets, no URLs."""
    return Settings(
        component_appid=minter.appid(),
        component_appsecret=minter.app_secret(),
        token=minter.push_token(),
        encoding_aes_key=minter.encoding_aes_key(),
    )
