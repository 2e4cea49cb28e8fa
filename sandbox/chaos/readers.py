"""Services that look tokens up all the time, each with the client that wxvault ships."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final

from botocore.credentials import Credentials

from sandbox.chaos.judge import HandedOut
from wxvault.client import Token, TokenClient
from wxvault.client_transports import HttpTransport, InvokeTransport
from wxvault.errors import WxvaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.chaos.notes import Notes
    from sandbox.stack.stack import LocalStack

# A process of a service lives this many look-ups; the next one begins with an empty cache.
_LIFE: Final = 30


@dataclass(slots=True)
class _Service:
    """One process: its client, and since when it has had each token."""

    client: TokenClient
    kept: dict[str, tuple[Token, float]] = field(default_factory=dict)
    left: int = _LIFE


@dataclass(slots=True)
class Readers:
    """So many look-ups a second, by ``threads`` services, half by invoke and half over HTTP."""

    stack: LocalStack
    notes: Notes
    merchants: Callable[[], Sequence[str]]
    per_second: float
    threads: int
    seed: int

    def run(self, stop: threading.Event) -> list[threading.Thread]:
        """Start; they end soon after ``stop`` is set."""
        clients = [self._by_invoke, self._over_http]
        readers = [
            threading.Thread(
                target=self._read, args=(number, clients[number % 2], stop), daemon=True
            )
            for number in range(self.threads)
        ]
        for reader in readers:
            reader.start()
        return readers

    def _read(
        self, number: int, client_of: Callable[[], TokenClient], stop: threading.Event
    ) -> None:
        chance = Random(f"{self.seed} reader {number}")  # noqa: S311 (repeatable on purpose)
        pause = self.threads / self.per_second
        service = _Service(client_of())
        due = time.monotonic() + pause * number / self.threads
        while not stop.wait(max(due - time.monotonic(), 0)):
            # Whoever waited for a renewal makes up for it, but not for more than two seconds.
            due = max(due + pause, time.monotonic() - 2)
            if not service.left:
                service = _Service(client_of())
            service.left -= 1
            known = self.merchants()
            if known:
                self._look_up(service, chance.choice(known))

    def _look_up(self, service: _Service, appid: str) -> None:
        wall, begun = time.time(), time.monotonic()
        try:
            token = service.client.get(appid)
        except WxvaultError as error:
            self.notes.refused(error.code, time.monotonic() - begun)
            return
        except Exception as error:  # noqa: BLE001 (whatever it is, it is no clear error)
            self.notes.was_wrong(type(error).__name__)
            return
        took, ended = time.monotonic() - begun, time.time()
        # The client gives the very same object out again as long as it keeps it.
        before = service.kept.get(appid)
        cached = before is not None and before[0] is token
        asked_at = before[1] if before is not None and cached else wall
        service.kept[appid] = (token, asked_at)
        handed = HandedOut(appid, token.sha256, asked_at, ended, cached)
        self.notes.answered(handed, None if cached else took)

    def _by_invoke(self) -> TokenClient:
        caller = self.stack.trusted_caller().clients.lambda_
        transport = InvokeTransport(self.stack.functions["token"].alias, caller)
        return TokenClient(transport, overlap_seconds=self.stack.options.overlap)

    def _over_http(self) -> TokenClient:
        role = self.stack.roles.caller_of_paths("chaos-reader", [("GET", "/tokens/*")])
        given = role.clients.credentials
        keys = Credentials(given.key, given.secret, given.token)
        transport = HttpTransport(role.platform_url, region="us-east-1", credentials=lambda: keys)
        return TokenClient(transport, overlap_seconds=self.stack.options.overlap)
