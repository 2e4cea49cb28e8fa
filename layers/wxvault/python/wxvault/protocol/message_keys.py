"""What a push is checked and opened with: appid, Tokens and EncodingAESKeys of one component."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from wxvault.errors import ConfigurationError
from wxvault.protocol.appid import is_appid

ENCODING_AES_KEY_LENGTH: Final = 43
MAX_GENERATIONS: Final = 3
"""So many Tokens and so many EncodingAESKeys may be known at once, oldest to newest."""

_ENCODING_AES_KEY: Final = re.compile(r"[A-Za-z0-9]{43}", re.ASCII)
_TOKEN: Final = re.compile(r"[!-~]+", re.ASCII)


def decode_key(encoding_aes_key: str, *, field_name: str = "encoding_aes_key") -> bytes:
    """Return the 32 bytes of an EncodingAESKey (43 letters and digits, base64 without its ``=``).

    43 characters carry 258 bits; the last two are surplus and may be anything: WeChat's console
    makes such keys. Raises ConfigurationError with ``field_name``, never with the value.
    """
    if _ENCODING_AES_KEY.fullmatch(encoding_aes_key) is None:
        raise ConfigurationError(
            field_name,
            f"must be exactly {ENCODING_AES_KEY_LENGTH} letters and digits (A-Z, a-z, 0-9); "
            f"it has {len(encoding_aes_key)} characters",
            remedy="Copy the EncodingAESKey (消息加解密Key) from WeChat's console as it stands "
            "there, without blanks and without a trailing '='.",
        )
    return base64.b64decode(encoding_aes_key + "=")


@dataclass(frozen=True, slots=True)
class MessageKeys:
    """Tokens and EncodingAESKeys, oldest to newest, one to three of each.

    Raises ConfigurationError naming the field (``encoding_aes_keys[1]``), never its value.
    """

    component_appid: str
    tokens: tuple[str, ...] = field(repr=False)
    encoding_aes_keys: tuple[str, ...] = field(repr=False)
    aes_keys: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    """The decoded EncodingAESKeys, in the same order."""

    def __post_init__(self) -> None:
        """Check every field and decode the keys once."""
        if not is_appid(self.component_appid):
            raise ConfigurationError(
                "component_appid", "must be 'wx' and 16 hexadecimal digits in lower case"
            )
        _check_count("tokens", self.tokens)
        _check_count("encoding_aes_keys", self.encoding_aes_keys)
        for index, token in enumerate(self.tokens):
            if _TOKEN.fullmatch(token) is None:
                raise ConfigurationError(
                    f"tokens[{index}]", "must be printable ASCII without blanks, and not empty"
                )
        decoded = tuple(
            decode_key(key, field_name=f"encoding_aes_keys[{index}]")
            for index, key in enumerate(self.encoding_aes_keys)
        )
        object.__setattr__(self, "aes_keys", decoded)

    @classmethod
    def from_secret(cls, component_appid: str, secret: object) -> Self:
        """Build from the push secret's JSON value, ``{"tokens": […], "encoding_aes_keys": […]}``.

        Other fields are ignored. Raises ConfigurationError naming what is missing or malformed.
        """
        if not isinstance(secret, Mapping):
            raise ConfigurationError("push secret", "must be a JSON object")
        return cls(
            component_appid=component_appid,
            tokens=_strings("tokens", secret.get("tokens")),
            encoding_aes_keys=_strings("encoding_aes_keys", secret.get("encoding_aes_keys")),
        )


def _strings(name: str, value: object) -> tuple[str, ...]:
    if value is None:
        raise ConfigurationError(name, "is missing")
    if not isinstance(value, (list, tuple)):
        raise ConfigurationError(name, "must be a list, oldest to newest")
    for index, item in enumerate(value):
        if not isinstance(item, str):
            raise ConfigurationError(f"{name}[{index}]", "must be a string")
    return tuple(value)


def _check_count(name: str, values: tuple[str, ...]) -> None:
    if not 1 <= len(values) <= MAX_GENERATIONS:
        raise ConfigurationError(
            name, f"must have 1 to {MAX_GENERATIONS} entries, it has {len(values)}"
        )
