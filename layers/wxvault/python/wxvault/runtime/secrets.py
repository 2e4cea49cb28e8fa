"""The two secrets a person enters: read from Secrets Manager, checked, kept for five minutes."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from wxvault.errors import ConfigurationError
from wxvault.protocol.message_keys import MessageKeys
from wxvault.runtime.telemetry import count

if TYPE_CHECKING:
    from collections.abc import Callable

    from wxvault.clock import Clock

KEPT_SECONDS: Final = 300
FORCED_READ_SECONDS: Final = 30

_APPSECRET = re.compile(r"[0-9a-fA-F]{32}", re.ASCII)

_log = logging.getLogger(__name__)


class SecretsClient(Protocol):
    """What is used of boto3's ``secretsmanager`` client."""

    def get_secret_value(self, *, SecretId: str, VersionStage: str) -> Any:  # noqa: N803
        """Read a secret."""


@dataclass(frozen=True, slots=True)
class _Kept[T]:
    """The value an environment holds on to, and when it was read."""

    value: T = field(repr=False)
    read_at: float
    text: str = field(repr=False)


class Secret[T]:
    """One secret: read with AWSCURRENT, parsed, kept for 300 s; safe to share between threads."""

    def __init__(
        self,
        client: SecretsClient,
        secret_id: str,
        *,
        field_name: str,
        parse: Callable[[dict[str, Any]], T],
        clock: Clock,
    ) -> None:
        """Take a boto3 ``secretsmanager`` client, the ARN, and what the secret is called."""
        self._client = client
        self._id = secret_id
        self._field = field_name
        self._parse = parse
        self._clock = clock
        self._lock = Lock()
        self._kept: _Kept[T] | None = None
        self._forced_at: float | None = None

    def get(self) -> T:
        """Return the value, read anew when it is older than 300 s.

        Raises ConfigurationError (with the field, never the value) when it is missing or malformed.
        While Secrets Manager cannot be reached, or what stands there now is malformed, a value once
        read stays in use.
        """
        with self._lock:
            kept = self._kept
            if kept is None or not 0 <= self._clock.now() - kept.read_at < KEPT_SECONDS:
                kept = self._read(kept)
            return kept.value

    def changed(self) -> bool:
        """Read the secret now and say whether it differs from what :meth:`get` last returned.

        For the moment when the value does not fit: somebody may just have changed it. At most once
        per 30 s and environment, since anyone can send what does not fit; False in between.
        """
        with self._lock:
            now = self._clock.now()
            if self._forced_at is not None and 0 <= now - self._forced_at < FORCED_READ_SECONDS:
                return False
            self._forced_at = now
            before = self._kept
            return before is None or self._read(before).text != before.text

    def _read(self, kept: _Kept[T] | None) -> _Kept[T]:
        now = self._clock.now()
        try:
            answer = self._client.get_secret_value(SecretId=self._id, VersionStage="AWSCURRENT")
        except ClientError as exc:
            problem = str(exc.response.get("Error", {}).get("Code", "ClientError"))
        except BotoCoreError as exc:
            problem = type(exc).__name__
        else:
            text = answer.get("SecretString") or ""
            try:
                value = self._parse(_json_object(text, self._field))
            except ConfigurationError as error:
                if kept is None:
                    raise
                return self._stay(kept, now, error)
            self._kept = _Kept(value, now, text)
            return self._kept
        if kept is None:
            raise ConfigurationError(
                self._field,
                f"the secret cannot be read ({problem})",
                remedy="Create the secret, and let the stack's parameter name its ARN.",
            )
        _log.warning("secret not read, the known value stays", extra={"problem": problem})
        self._kept = _Kept(kept.value, now, kept.text)
        return self._kept

    def _stay(self, kept: _Kept[T], now: float, error: ConfigurationError) -> _Kept[T]:
        """Keep the good value while somebody's slip of the pen stands in the secret.

        Read again in half a minute: whoever mends it need not wait for five.
        """
        count("SecretMalformed")
        told = {"error_code": error.code, "error": error.message, "remedy": error.remedy}
        _log.error("secret malformed, the known value stays", extra=told)
        self._kept = _Kept(kept.value, now - KEPT_SECONDS + FORCED_READ_SECONDS, kept.text)
        return self._kept


def push_secret(
    client: SecretsClient, secret_id: str, component_appid: str, clock: Clock
) -> Secret[MessageKeys]:
    """Return the reader of ``{"tokens": […], "encoding_aes_keys": […]}``, oldest to newest."""

    def parse(content: dict[str, Any]) -> MessageKeys:
        return MessageKeys.from_secret(component_appid, content)

    return Secret(client, secret_id, field_name="PushSecret", parse=parse, clock=clock)


def app_secret(client: SecretsClient, secret_id: str, clock: Clock) -> Secret[str]:
    """Return the reader of ``{"component_appsecret": "…"}``. Only *renew* may read it."""
    return Secret(client, secret_id, field_name="AppSecret", parse=_appsecret, clock=clock)


def _appsecret(content: dict[str, Any]) -> str:
    value = content.get("component_appsecret")
    if value is None:
        raise ConfigurationError("component_appsecret", "is missing")
    if not isinstance(value, str) or not _APPSECRET.fullmatch(value):
        raise ConfigurationError("component_appsecret", "must be 32 hexadecimal digits")
    return value


def _json_object(text: str, field_name: str) -> dict[str, Any]:
    """Parse a secret; json's own exception carries the whole text and must not get out."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise ConfigurationError(field_name, "the secret is not a JSON object")
    return content
