"""What happened, in order: every call, every attempt of a push. Without a single secret."""

from __future__ import annotations

from threading import Condition
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.wechat.clock import SandboxClock
    from sandbox.wechat.ledger import SecretLedger


class CallLog:
    """Entries with a running number ``seq`` from 1, kept in memory."""

    def __init__(self, clock: SandboxClock, ledger: SecretLedger) -> None:
        self._clock = clock
        self._ledger = ledger
        self._changed = Condition()
        self._entries: list[dict[str, Any]] = []

    def add(self, kind: str, **values: Any) -> int:
        """Append an entry. Returns its number.

        In ``body``, the one text that somebody else wrote, known secrets are masked.
        """
        if "body" in values:
            values["body"] = self._ledger.mask(values["body"])
        with self._changed:
            seq = len(self._entries) + 1
            entry = {"seq": seq, "time": round(self._clock.now(), 3), "kind": kind, **values}
            self._entries.append(entry)
            self._changed.notify_all()
        return seq

    def since(self, seq: int, limit: int | None = None) -> list[dict[str, Any]]:
        """Return the entries after ``seq``, oldest first, at most ``limit``."""
        with self._changed:
            entries = self._entries[max(seq, 0) :]
        return entries if limit is None else entries[:limit]

    def last(self) -> int:
        """Return the number of the newest entry, 0 when there is none."""
        with self._changed:
            return len(self._entries)

    def counts(self, since: int = 0) -> dict[str, Any]:
        """Return how often each path was called, executed and answered well.

        ``calls`` counts requests that arrived, ``executed`` those that had their effect (also late
        or unanswered), ``ok`` those of them without an errcode.
        """
        paths: dict[str, dict[str, int]] = {}
        authorizers: dict[str, dict[str, dict[str, int]]] = {}
        for entry in self.since(since):
            if entry["kind"] not in {"call", "late"}:
                continue
            _count(paths, entry)
            if entry["authorizer_appid"]:
                _count(authorizers.setdefault(entry["authorizer_appid"], {}), entry)
        return {"paths": paths, "authorizers": authorizers}


def _count(table: dict[str, dict[str, int]], entry: Mapping[str, Any]) -> None:
    row = table.setdefault(entry["path"], {"calls": 0, "executed": 0, "ok": 0})
    row["calls"] += entry["kind"] == "call"
    row["executed"] += entry["executed"]
    row["ok"] += entry["executed"] and entry["errcode"] == 0
