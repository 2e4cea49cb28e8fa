"""Data keys without KMS: the wrapped key names the plain one, and may be made unusable."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wxvault.errors import SealBrokenError, SealingKeyError

if TYPE_CHECKING:
    from wxvault.vault.sealing import Compartment


@dataclass
class FakeDataKeys:
    """Fits :class:`wxvault.vault.sealing.DataKeys`."""

    name: str = "k1"
    unusable: set[str] = field(default_factory=set)
    unwrapped: int = 0
    disabled: bool = False
    """The sealing key itself is disabled, and no key is kept."""

    def current(self, compartment: Compartment, *, left: float = 0) -> tuple[bytes, bytes]:
        """Return (plain, wrapped)."""
        if self.disabled:
            raise SealingKeyError("the sealing key cannot be used: KMS says DisabledException")
        return _plain(self.name), f"{compartment} {self.name}".encode()

    def unwrap(self, compartment: Compartment, wrapped: bytes) -> bytes:
        """Return the plain key, if it is of this compartment."""
        self.unwrapped += 1
        if self.disabled:
            raise SealingKeyError("the sealing key cannot be used: KMS says DisabledException")
        named, _, name = wrapped.decode(errors="replace").partition(" ")
        if name in self.unusable or named != compartment:
            raise SealBrokenError("the data key is not usable")
        return _plain(name)


def _plain(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
