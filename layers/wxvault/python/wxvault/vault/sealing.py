"""Sealing: secrets stand in the table only as AES-256-GCM under a data key that KMS wrapped.

A writer seals with data keys of its own environment and never needs ``kms:Decrypt``; a reader
unwraps and keeps keys, so that in the steady state a look-up costs no request to KMS. Every item
belongs to a compartment, whose name is in the encryption context of its data keys: a role can seal
and open only what is in the compartments that its policy names.
Reference: NIST SP 800-38D (GCM, 96-bit random nonces).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from Crypto.Cipher import AES

from wxvault.errors import SealBrokenError, SealingKeyError
from wxvault.vault.keys import TOKEN

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

PREPARED_SECONDS = 120
"""Before a question to WeChat the data key is good for this long at least: its answer is sealed."""

_VERSION = b"\x01"
_NONCE = 12
_TAG = 16
_KEY = 32
_LONGEST_WRAPPED = 6144

# Answers of KMS that speak of the one wrapped key: damaged, of another key, of another context.
_NOT_OURS = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})

_REMEDIES = {
    "DisabledException": "Enable the sealing key (aws kms enable-key); nothing else is to be done.",
    "KMSInvalidStateException": (
        "Cancel the deletion of the sealing key (aws kms cancel-key-deletion) and enable it (aws "
        "kms enable-key); nothing else is to be done."
    ),
    "NotFoundException": (
        "The sealing key does not exist. Deploy with the key that the stack's output SealingKeyArn "
        "names; if it was deleted, follow docs/restore.md."
    ),
    "AccessDeniedException": (
        "Let the function's role use the sealing key: compare the key's policy and the role with "
        "the template."
    ),
}


class Compartment(StrEnum):
    """What kind of secrets a data key seals: part of its encryption context in KMS."""

    AUTHORIZERS = "authorizers"
    """Access and refresh tokens of authorizers."""
    COMPONENT = "component"
    """The component token."""
    ARRIVALS = "arrivals"
    """What came in or is to go out: tickets, codes, events that the bus has not."""


def compartment_of(key: Key) -> Compartment:
    """Return the compartment of an item, which its key alone decides."""
    if key.sk != TOKEN:
        return Compartment.ARRIVALS
    return Compartment.COMPONENT if key.pk.startswith("C#") else Compartment.AUTHORIZERS


class DataKeys(Protocol):
    """Where data keys come from."""

    def current(self, compartment: Compartment, *, left: float = 0) -> tuple[bytes, bytes]:
        """Return (plain, wrapped) of this environment's data key, usable ``left`` seconds more.

        Raises:
            SealingKeyError: the sealing key cannot be used now.
        """

    def unwrap(self, compartment: Compartment, wrapped: bytes) -> bytes:
        """Return the plain data key.

        Raises:
            SealBrokenError: KMS refuses this wrapped key, in this compartment.
            SealingKeyError: the sealing key cannot be used now.
        """


class Told(Protocol):
    """Hears of every value that did not open and of every refusal of KMS, however it goes on."""

    def __call__(
        self, error: SealBrokenError | SealingKeyError, about: Mapping[str, str], /
    ) -> None:
        """``about`` says where: ``item`` (its key) and ``attribute``; nothing of it is secret."""


def _told_nobody(error: SealBrokenError | SealingKeyError, about: Mapping[str, str], /) -> None:
    """Be the one who is told when nobody is."""


@dataclass(frozen=True, slots=True)
class _Held:
    plain: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)
    until: float


class KmsDataKeys:
    """Data keys from KMS.

    For writing one per hour, environment and compartment; those for reading are kept for 300 s.
    """

    def __init__(self, client: KMSClient, key_arn: str, component_appid: str, clock: Clock) -> None:
        self._client = client
        self._key_arn = key_arn
        self._context = {"service": "wxvault", "component_appid": component_appid}
        self._clock = clock
        self._lock = threading.Lock()
        self._writing: dict[Compartment, _Held] = {}
        self._kept: OrderedDict[tuple[Compartment, bytes], _Held] = OrderedDict()

    def current(self, compartment: Compartment, *, left: float = 0) -> tuple[bytes, bytes]:
        """Return (plain, wrapped) of this environment's data key, at most an hour old."""
        context = self._context | {"compartment": compartment}
        with self._lock:
            held = self._writing.get(compartment)
            if held is None or held.until - left <= self._clock.now():
                answer = _asked(
                    lambda: self._client.generate_data_key(
                        KeyId=self._key_arn, KeySpec="AES_256", EncryptionContext=context
                    )
                )
                held = _Held(
                    answer["Plaintext"],
                    answer["CiphertextBlob"],
                    self._clock.now() + DATA_KEY_SECONDS,
                )
                self._writing[compartment] = held
            return held.plain, held.wrapped

    def unwrap(self, compartment: Compartment, wrapped: bytes) -> bytes:
        """Return the plain data key; at most 1,000 are kept, each for 300 s."""
        now, place = self._clock.now(), (compartment, wrapped)
        context = self._context | {"compartment": compartment}
        with self._lock:
            held = self._kept.get(place)
            if held is not None and held.until > now:
                self._kept.move_to_end(place)
                return held.plain
        if not 1 <= len(wrapped) <= _LONGEST_WRAPPED:
            message = f"a wrapped data key of {len(wrapped)} bytes"
            raise SealBrokenError(message)
        try:
            # The key is named, so that a wrapped key of another one is refused.
            answer = _asked(
                lambda: self._client.decrypt(
                    CiphertextBlob=wrapped, KeyId=self._key_arn, EncryptionContext=context
                )
            )
        except SealingKeyError:
            # What holds for reading holds for writing: no question to WeChat is begun whose
            # answer nobody could open.
            with self._lock:
                self._writing.clear()
            raise
        plain: bytes = answer["Plaintext"]
        if len(plain) != _KEY:
            message = "the data key has another length"
            raise SealBrokenError(message)
        with self._lock:
            self._kept[place] = _Held(plain, wrapped, now + KEPT_SECONDS)
            self._kept.move_to_end(place)
            while len(self._kept) > KEPT_KEYS:
                self._kept.popitem(last=False)
        return plain


def _asked(ask: Callable[[], Any]) -> Any:
    """Ask KMS, and say in our own words what it refuses."""
    try:
        return ask()
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "ClientError"))
    except BotoCoreError as error:
        code = type(error).__name__
    if code in _NOT_OURS:
        message = f"KMS refuses the data key ({code})"
        raise SealBrokenError(message)
    message = f"the sealing key cannot be used: KMS says {code}"
    raise SealingKeyError(message, remedy=_REMEDIES.get(code))


class Sealing:
    """Seals the secrets of an item, and opens them."""

    def __init__(
        self,
        keys: DataKeys,
        random_bytes: Callable[[int], bytes],
        told: Told = _told_nobody,
    ) -> None:
        self._keys = keys
        self._random_bytes = random_bytes
        self._told = told

    def prepare(self, compartment: Compartment) -> None:
        """Make sure that what is about to be asked of WeChat can be sealed, and told.

        Raises:
            SealingKeyError: it cannot.
        """
        try:
            # The event that tells of it is sealed together with it.
            for needed in {compartment: None, Compartment.ARRIVALS: None}:
                self._keys.current(needed, left=PREPARED_SECONDS)
        except SealingKeyError as error:
            self._told(error, {})
            raise

    def seal(
        self,
        key: Key,
        secrets: Mapping[str, str],
        *,
        generation: int = 0,
        access_expires_at: float | None = None,
    ) -> dict[str, bytes]:
        """Return the sealed attributes of an item, the wrapped data key among them.

        ``generation`` is the generation that the item has after the write (0: it has none), and
        ``access_expires_at`` the end of its ``access_token``. All secrets of an item are sealed
        together, because they share the wrapped key.

        Raises:
            SealingKeyError: the sealing key cannot be used now.
        """
        try:
            plain, wrapped = self._keys.current(compartment_of(key))
        except SealingKeyError as error:
            self._told(error, {"item": f"{key.pk} {key.sk}"})
            raise
        sealed = {SEALED_KEY: wrapped}
        for attribute, secret in secrets.items():
            nonce = self._random_bytes(_NONCE)
            cipher = AES.new(plain, AES.MODE_GCM, nonce=nonce, mac_len=_TAG)
            cipher.update(_associated_data(key, attribute, generation, access_expires_at))
            text, tag = cipher.encrypt_and_digest(secret.encode())
            sealed[attribute] = _VERSION + nonce + tag + text
        return sealed

    def open(self, key: Key, item: Item, attribute: str) -> str | None:
        """Return the secret in ``attribute``, or None where the item has none.

        Raises:
            SealBrokenError: it was changed, moved, or sealed for another generation.
            SealingKeyError: the sealing key cannot be used now, so nobody knows.
        """
        try:
            return self._open(key, item, attribute)
        except (SealBrokenError, SealingKeyError) as error:
            self._told(error, {"item": f"{key.pk} {key.sk}", "attribute": attribute})
            raise

    def _open(self, key: Key, item: Item, attribute: str) -> str | None:
        sealed = item.get(attribute)
        if sealed is None:
            return None
        wrapped = item.get(SEALED_KEY)
        generation = item.get("generation", 0)
        ends = item.get("access_expires_at")
        if (
            not isinstance(sealed, bytes)
            or not isinstance(wrapped, bytes)
            or not isinstance(generation, int)
            or not isinstance(ends, int | float | None)
            or len(sealed) < 1 + _NONCE + _TAG
            or sealed[:1] != _VERSION
        ):
            message = f"{attribute}: not a sealed value"
            raise SealBrokenError(message)
        nonce = sealed[1 : 1 + _NONCE]
        tag = sealed[1 + _NONCE : 1 + _NONCE + _TAG]
        plain = self._keys.unwrap(compartment_of(key), wrapped)
        cipher = AES.new(plain, AES.MODE_GCM, nonce=nonce, mac_len=_TAG)
        cipher.update(_associated_data(key, attribute, generation, ends))
        try:
            return cipher.decrypt_and_verify(sealed[1 + _NONCE + _TAG :], tag).decode()
        except ValueError:
            message = f"{attribute}: the seal does not fit its item"
            raise SealBrokenError(message) from None


def _associated_data(key: Key, attribute: str, generation: int, ends: float | None) -> bytes:
    # Lengths make the parts unambiguous: no two different places share their associated data.
    parts = [key.pk, key.sk, attribute, str(generation)]
    if attribute == "access_token" and ends is not None:
        # Its end, to the millisecond that the table keeps: no token is handed out past it.
        parts.append(f"{ends:.3f}")
    return b"".join(len(part.encode()).to_bytes(4) + part.encode() for part in parts)
