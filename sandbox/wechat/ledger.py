"""Every secret the sandbox has issued, so that a test can search for each of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

MASK = "***"


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret: what it is, whose it is (``None``: the component's), when it was issued."""

    kind: str
    value: str = field(repr=False)
    authorizer_appid: str | None
    issued_at: float


class SecretLedger:
    """The secrets in the order of their issue, each value once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._secrets: dict[str, Secret] = {}

    def record(
        self, kind: str, value: str, *, now: float, authorizer_appid: str | None = None
    ) -> None:
        """Remember a secret; an empty one is none."""
        if value:
            with self._lock:
                self._secrets.setdefault(value, Secret(kind, value, authorizer_appid, now))

    def all(self) -> list[Secret]:
        """Return every secret, oldest first."""
        with self._lock:
            return list(self._secrets.values())

    def mask(self, text: str) -> str:
        """Return ``text`` with every known secret replaced; for what goes into the log."""
        for secret in self.all():
            if secret.value in text:
                text = text.replace(secret.value, MASK)
        return text
