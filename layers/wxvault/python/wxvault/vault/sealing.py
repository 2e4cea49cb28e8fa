"""Sealing: secrets stand in the table only as AES-256-GCM under a data key that KMS wrapped.

A writer seals with a data key of its own environment and never needs ``kms:Decrypt``; a reader
unwraps and keeps keys, so that in the steady state a look-up costs no request to KMS.
Reference: NIST SP 800-38D (GCM, 96-bit random nonces).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import ClientError
from Crypto.Cipher import AES

from wxvault.errors import SealBrokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_kms import KMSClient

    from wxvault.clock import Clock
    from wxvault.vault.expressions import Item, Key

SEALED_KEY = "sealed_key"
"""The attribute that holds the wrapped data key of an item's sealed values."""

DATA_KEY_SECONDS = 3600
KEPT_KEYS = 1000
KEPT_SECONDS = 300

_VERSION = b"\x01"
_NONCE = 12
_TAG = 16

# Answers of KMS that stay: what cannot be read until somebody acts is healed from WeChat.
_UNUSABLE_KEY = frozenset(
    {
        "InvalidCiphertextException",
        "IncorrectKeyException",
        "DisabledException",
        "KMSInvalidStateException",
        "NotFoundException",
    }
)


class DataKeys(Protocol):
    """Where data keys come from."""

    def current(self) -> tuple[bytes, bytes]:
        """Return (plain, wrapped) of this environment's data key."""

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the plain data key.

        Raises:
            SealBrokenError: KMS refuses this wrapped key.
        """


@dataclass(frozen=True, slots=True)
class _Held:
    plain: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)
    until: float


class KmsDataKeys:
    """Data keys from KMS: one for writing per hour and environment, read ones kept for 300 s."""

    def __init__(self, client: KMSClient, key_arn: str, component_appid: str, clock: Clock) -> None:
        self._client = client
        self._key_arn = key_arn
        self._context = {"service": "wxvault", "component_appid": component_appid}
        self._clock = clock
        self._lock = threading.Lock()
        self._writing: _Held | None = None
        self._kept: OrderedDict[bytes, _Held] = OrderedDict()

    def current(self) -> tuple[bytes, bytes]:
        """Return (plain, wrapped) of this environment's data key, at most an hour old."""
        with self._lock:
            held = self._writing
            if held is None or held.until <= self._clock.now():
                answer = self._client.generate_data_key(
                    KeyId=self._key_arn, KeySpec="AES_256", EncryptionContext=self._context
                )
                held = _Held(
                    answer["Plaintext"],
                    answer["CiphertextBlob"],
                    self._clock.now() + DATA_KEY_SECONDS,
                )
                self._writing = held
            return held.plain, held.wrapped

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the plain data key; at most 1,000 are kept, each for 300 s."""
        now = self._clock.now()
        with self._lock:
            held = self._kept.get(wrapped)
            if held is not None and held.until > now:
                self._kept.move_to_end(wrapped)
                return held.plain
        try:
            # The key is named, so that a wrapped key of another one is refused.
            answer = self._client.decrypt(
                CiphertextBlob=wrapped, KeyId=self._key_arn, EncryptionContext=self._context
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in _UNUSABLE_KEY:
                raise
            message = f"KMS refuses the data key ({code})"
            raise SealBrokenError(message) from None
        with self._lock:
            self._kept[wrapped] = _Held(answer["Plaintext"], wrapped, now + KEPT_SECONDS)
            self._kept.move_to_end(wrapped)
            while len(self._kept) > KEPT_KEYS:
                self._kept.popitem(last=False)
        return answer["Plaintext"]


class Sealing:
    """Seals the secrets of an item, and opens them."""

    def __init__(self, keys: DataKeys, random_bytes: Callable[[int], bytes]) -> None:
        self._keys = keys
        self._random_bytes = random_bytes

    def seal(
        self, key: Key, secrets: Mapping[str, str], *, generation: int = 0
    ) -> dict[str, bytes]:
        """Return the sealed attributes of an item, the wrapped data key among them.

        ``generation`` is the generation that the item has after the write (0: it has none). All
        secrets of an item are sealed together, because they share the wrapped key.
        """
        plain, wrapped = self._keys.current()
        sealed = {SEALED_KEY: wrapped}
        for attribute, secret in secrets.items():
            nonce = self._random_bytes(_NONCE)
            cipher = AES.new(plain, AES.MODE_GCM, nonce=nonce, mac_len=_TAG)
            cipher.update(_associated_data(key, attribute, generation))
            text, tag = cipher.encrypt_and_digest(secret.encode())
            sealed[attribute] = _VERSION + nonce + tag + text
        return sealed

    def open(self, key: Key, item: Item, attribute: str) -> str | None:
        """Return the secret in ``attribute``, or None where the item has none.

        Raises:
            SealBrokenError: it was changed, moved, or sealed for another generation.
        """
        sealed = item.get(attribute)
        if sealed is None:
            return None
        wrapped = item.get(SEALED_KEY)
        generation = item.get("generation", 0)
        if (
            not isinstance(sealed, bytes)
            or not isinstance(wrapped, bytes)
            or not isinstance(generation, int)
            or len(sealed) < 1 + _NONCE + _TAG
            or sealed[:1] != _VERSION
        ):
            message = f"{attribute}: not a sealed value"
            raise SealBrokenError(message)
        nonce = sealed[1 : 1 + _NONCE]
        tag = sealed[1 + _NONCE : 1 + _NONCE + _TAG]
        cipher = AES.new(self._keys.unwrap(wrapped), AES.MODE_GCM, nonce=nonce, mac_len=_TAG)
        cipher.update(_associated_data(key, attribute, generation))
        try:
            return cipher.decrypt_and_verify(sealed[1 + _NONCE + _TAG :], tag).decode()
        except ValueError:
            message = f"{attribute}: the seal does not fit its item"
            raise SealBrokenError(message) from None


def _associated_data(key: Key, attribute: str, generation: int) -> bytes:
    # Lengths make the parts unambiguous: no two different places share their associated data.
    parts = (key.pk, key.sk, attribute, str(generation))
    return b"".join(len(part.encode()).to_bytes(4) + part.encode() for part in parts)
