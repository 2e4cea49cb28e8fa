"""Data keys without KMS: the wrapped key names the plain one, and may be made unusable."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from wxvault.errors import SealBrokenError


@dataclass
class FakeDataKeys:
    """Fits :class:`wxvault.vault.sealing.DataKeys`."""

    name: str = "k1"
    unusable: set[str] = field(default_factory=set)
    unwrapped: int = 0

    def current(self) -> tuple[bytes, bytes]:
        """Return (plain, wrapped)."""
        return _plain(self.name), self.name.encode()

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the plain key."""
        self.unwrapped += 1
        if wrapped.decode() in self.unusable:
            raise SealBrokenError("the data key is not usable")
        return _plain(wrapped.decode())


def _plain(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
