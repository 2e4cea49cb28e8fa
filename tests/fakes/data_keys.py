"""Data keys without KMS: the wrapped key names the plain one, and may be made unusable."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from wxvault.errors import SealBrokenError, SealingKeyError


@dataclass
class FakeDataKeys:
    """Fits :class:`wxvault.vault.sealing.DataKeys`."""

    name: str = "k1"
    unusable: set[str] = field(default_factory=set)
    unwrapped: int = 0
    disabled: bool = False
    """The sealing key itself is disabled, and no key is kept."""

    def current(self, *, left: float = 0) -> tuple[bytes, bytes]:
        """Return (plain, wrapped)."""
        if self.disabled:
            raise SealingKeyError("the sealing key cannot be used: KMS says DisabledException")
        return _plain(self.name), self.name.encode()

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the plain key."""
        self.unwrapped += 1
        if self.disabled:
            raise SealingKeyError("the sealing key cannot be used: KMS says DisabledException")
        if wrapped.decode(errors="replace") in self.unusable:
            raise SealBrokenError("the data key is not usable")
        return _plain(wrapped.decode(errors="replace"))


def _plain(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
