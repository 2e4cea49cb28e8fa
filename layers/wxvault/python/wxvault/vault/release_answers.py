"""RELEASE items: customer-service messages that WeChat's test accounts are still owed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from wxvault.services.message_ports import ReleaseAnswer
from wxvault.vault.attributes import number
from wxvault.vault.expressions import (
    EXISTS,
    MISSING,
    Absent,
    Compare,
    ConditionFailedError,
    Delete,
    Item,
    Put,
    Update,
    Value,
    all_of,
    any_of,
    is_past_its_end,
)
from wxvault.vault.keys import due_shard, fingerprint, release_answer_key

if TYPE_CHECKING:
    from wxvault.vault.expressions import Key
    from wxvault.vault.sealing import Sealing
    from wxvault.vault.table import Table

CLAIM_SECONDS: Final = 30.0
"""Longer than the exchange worker may run."""

_DUE_SECONDS: Final = 15.0
_KEPT_SECONDS: Final = 24 * 3600
_CODE: Final = "authorization_code"


class ReleaseAnswers:
    """What the test accounts are owed, by the fingerprint of the code that each has sent."""

    def __init__(self, table: Table, sealing: Sealing, component_appid: str) -> None:
        self._table = table
        self._sealing = sealing
        self._component_appid = component_appid

    def record(
        self, authorization_code: str, authorizer_appid: str, touser: str, *, now: float
    ) -> str:
        """Write an answer down that is owed to ``touser``; returns the code's fingerprint."""
        code_sha256 = fingerprint(authorization_code)
        key = self._key(code_sha256)
        sealed = self._sealing.seal(key, {_CODE: authorization_code})
        put = Put(
            key,
            {
                **sealed,
                "authorizer_appid": authorizer_appid,
                "touser": touser,
                "received_at": now,
                **self._due(key, now + _DUE_SECONDS),
                "delete_after": int(now + _KEPT_SECONDS),
            },
            condition=any_of(MISSING, Compare("delete_after", "<=", now)),
        )
        with contextlib.suppress(ConditionFailedError):
            self._table.write(put)
        return code_sha256

    def claim(self, code_sha256: str, *, now: float) -> ReleaseAnswer | None:
        """Take an answer to give it; None: somebody else is at it, or it was given."""
        key = self._key(code_sha256)
        until = now + CLAIM_SECONDS
        claim = Update(
            key,
            condition=all_of(
                EXISTS, any_of(Absent("claim_until"), Compare("claim_until", "<", now))
            ),
            set={"claim_until": until, **self._due(key, until)},
        )
        try:
            item = self._table.write(claim)
        except ConditionFailedError:
            return None
        if item is None or is_past_its_end(item, now):
            return None
        return _read(code_sha256, item)

    def code(self, answer: ReleaseAnswer) -> str | None:
        """Open the code that an answer is about.

        Raises:
            SealBrokenError, SealingKeyError: it cannot be opened.
        """
        item: Item = answer.item  # type: ignore[assignment]  # it is the item the table gave
        return self._sealing.open(self._key(answer.code_sha256), item, _CODE)

    def postpone(self, answer: ReleaseAnswer, *, due_at: float) -> None:
        """Let an answer go, to be picked up again by the sweep."""
        key = self._key(answer.code_sha256)
        update = Update(
            key,
            condition=EXISTS,
            set=self._due(key, due_at),
            remove=frozenset({"claim_until"}),
        )
        with contextlib.suppress(ConditionFailedError):
            self._table.write(update)

    def finish(self, answer: ReleaseAnswer) -> None:
        """Forget an answer that was given, or that nobody waits for any more."""
        self._table.write(Delete(self._key(answer.code_sha256)))

    def _due(self, key: Key, due_at: float) -> dict[str, Value]:
        return {"due_at": due_at, "due_shard": due_shard(self._component_appid, key.pk)}

    def _key(self, code_sha256: str) -> Key:
        return release_answer_key(self._component_appid, code_sha256)


def _read(code_sha256: str, item: Item) -> ReleaseAnswer:
    return ReleaseAnswer(
        code_sha256=code_sha256,
        authorizer_appid=str(item.get("authorizer_appid", "")),
        touser=str(item.get("touser", "")),
        received_at=number(item.get("received_at")) or 0.0,
        item=item,
    )
