"""CODE items: authorization codes, sealed, received → claimed → done or failed."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from wxvault.services.numbers import CODE_DUE_SECONDS, LEASE_SECONDS
from wxvault.services.onboarding_state import Arrival, Code, CodeStatus
from wxvault.vault.attributes import number, text, whole
from wxvault.vault.expressions import (
    EXISTS,
    MISSING,
    Absent,
    Compare,
    ConditionFailedError,
    Item,
    Put,
    Update,
    Value,
    all_of,
    any_of,
    equals,
    is_past_its_end,
    one_of,
)
from wxvault.vault.keys import code_key, due_shard, due_shards, fingerprint
from wxvault.vault.sealing import SEALED_KEY, Compartment

if TYPE_CHECKING:
    from wxvault.clock import Clock
    from wxvault.vault.expressions import Key
    from wxvault.vault.sealing import Sealing
    from wxvault.vault.table import Table

_KEPT_SECONDS = 7 * 24 * 3600
_CODE = "authorization_code"
_OPEN = (CodeStatus.RECEIVED, CodeStatus.CLAIMED)
_DUE = frozenset({"due_at", "due_shard"})


class Codes:
    """The authorization codes of one component."""

    def __init__(self, table: Table, sealing: Sealing, component_appid: str, clock: Clock) -> None:
        self._table = table
        self._sealing = sealing
        self._component_appid = component_appid
        self._clock = clock

    def get(self, code_sha256: str) -> Code | None:
        """Read a code, strongly consistent; one that is past its end is not there."""
        item = self._table.get(self._key(code_sha256))
        if item is None or is_past_its_end(item, self._clock.now()):
            return None
        return _read(code_sha256, item)

    def has_open(self, authorizer_appid: str) -> bool:
        """Say whether a code that was pushed for this authorizer has not come to an end yet.

        Open ones are in the index of what is due, which lags behind by moments.
        """
        now = self._clock.now()
        prefix = code_key(self._component_appid, "").pk
        for shard in due_shards(self._component_appid):
            for key, _ in self._table.due(shard, now + _KEPT_SECONDS):
                if not key.pk.startswith(prefix):
                    continue
                code = self.get(key.pk.removeprefix(prefix))
                if code is not None and code.is_open and code.authorizer_appid == authorizer_appid:
                    return True
        return False

    def record(self, authorization_code: str, arrival: Arrival, *, now: float) -> tuple[Code, bool]:
        """Write a code down before anything else is done with it; what is known is added to.

        Returns the code as it stands afterwards, and whether any of this was news.
        """
        code_sha256 = fingerprint(authorization_code)
        key = self._key(code_sha256)
        told: dict[str, Value] = {
            name: value
            for name, value in (
                ("authorizer_appid", arrival.authorizer_appid),
                ("create_time", arrival.create_time),
                ("pre_auth_sha256", arrival.pre_auth_sha256),
                ("session_sha256", arrival.session_sha256),
                ("registration_sha256", arrival.registration_sha256),
            )
            if value is not None
        }
        fresh: dict[str, Value] = {
            "status": str(CodeStatus.RECEIVED),
            "received_at": now,
            **self._due(code_sha256, now + CODE_DUE_SECONDS),
            "delete_after": int(now + _KEPT_SECONDS),
            **told,
        }
        fresh |= self._sealing.seal(key, {_CODE: authorization_code})
        try:
            # What is past its end may stand there still: DynamoDB deletes late.
            new = any_of(MISSING, Compare("delete_after", "<=", now))
            self._table.write(Put(key, fresh, condition=new))
        except ConditionFailedError as refusal:
            known = refusal.item or {}
            if known.get(_CODE) == fresh[_CODE]:
                # Our own write, repeated by the client: no two seals are alike.
                return _read(code_sha256, known), True
            news = {name: value for name, value in told.items() if name not in known}
            if news:
                self._seal_again(key, fresh)
                # Due, so that whoever exchanges codes looks at it, even one that is done already.
                due = self._due(code_sha256, now + CODE_DUE_SECONDS)
                try:
                    known = (
                        self._table.write(
                            Update(key, condition=EXISTS, set=due, set_if_absent=news)
                        )
                        or known
                    )
                except ConditionFailedError:
                    # It was deleted in between: everything about it is long over.
                    return _read(code_sha256, known), False
            return _read(code_sha256, {**told, **known}), bool(news)
        return _read(code_sha256, fresh), True

    def _seal_again(self, key: Key, fresh: dict[str, Value]) -> None:
        """Replace the sealed code of an open item: whoever changed it has not taken it away.

        WeChat sends every code by two ways, and this is the second.
        """
        sealed = {name: fresh[name] for name in (_CODE, SEALED_KEY)}
        with contextlib.suppress(ConditionFailedError):
            self._table.write(Update(key, condition=one_of("status", _OPEN), set=sealed))

    def authorization_code(self, code: Code) -> str | None:
        """Open the code itself; None once it is done or failed.

        Raises:
            SealBrokenError, SealingKeyError: it cannot be opened.
        """
        item: Item = code.item  # type: ignore[assignment]  # it is the item the table gave
        return self._sealing.open(self._key(code.code_sha256), item, _CODE)

    def claim(
        self, code_sha256: str, claim_id: str, *, now: float, blind: bool = False
    ) -> Code | None:
        """Claim a code for one call; None: somebody else has it, or it is settled.

        ``blind``: nobody knows yet whose code it is, so the call is made without a lease. The code
        comes back as it was before the claim, so that ``unanswered`` tells whether an earlier call
        was begun and never settled.

        Raises:
            SealingKeyError: what WeChat would answer could not be sealed.
        """
        self._sealing.prepare(Compartment.AUTHORIZERS)
        update = Update(
            self._key(code_sha256),
            condition=any_of(
                equals("status", CodeStatus.RECEIVED),
                all_of(
                    equals("status", CodeStatus.CLAIMED),
                    any_of(Absent("claim_until"), Compare("claim_until", "<", now)),
                ),
            ),
            set={
                "status": str(CodeStatus.CLAIMED),
                "claim_id": claim_id,
                "claim_until": now + LEASE_SECONDS,
                **({"blind": True} if blind else {}),
            },
            add={"unanswered": 1},
        )
        try:
            old = self._table.write(update)
        except ConditionFailedError as refusal:
            found = _read(code_sha256, refusal.item or {})
            if found.claim_id != claim_id:
                return None
            # Our own claim, repeated by the client after its answer was lost: it counts itself.
            return replace(found, unanswered=found.unanswered - 1)
        return _read(code_sha256, old or {})

    def give_back(
        self,
        code: Code,
        claim_id: str,
        *,
        due_at: float | None,
        unanswered: int,
    ) -> None:
        """Let a claimed code go, to be taken again at ``due_at``; nothing if it was taken already.

        Without ``due_at`` it waits until something more becomes known of it.
        """
        parked = due_at is None
        update = Update(
            self._key(code.code_sha256),
            condition=all_of(
                equals("status", CodeStatus.CLAIMED),
                equals("claim_id", claim_id),
                # What became known meanwhile is a reason to go on at once.
                *((equals("authorizer_appid", code.authorizer_appid),) if parked else ()),
            ),
            set={
                "status": str(CodeStatus.RECEIVED),
                "unanswered": unanswered,
                "returns": code.returns + 1,
                **({} if due_at is None else self._due(code.code_sha256, due_at)),
            },
            remove=frozenset({"claim_id", "claim_until"}) | (_DUE if parked else frozenset()),
        )
        try:
            self._table.write(update)
        except ConditionFailedError:
            return

    def postpone(self, code_sha256: str, *, due_at: float) -> None:
        """Have an unsettled code picked up again at ``due_at`` by the sweep."""
        update = Update(
            self._key(code_sha256),
            condition=any_of(
                equals("status", CodeStatus.RECEIVED), equals("status", CodeStatus.CLAIMED)
            ),
            set=self._due(code_sha256, due_at),
        )
        try:
            self._table.write(update)
        except ConditionFailedError:
            return

    def done(
        self,
        code_sha256: str,
        claim_id: str,
        authorizer_appid: str,
        *,
        tenant_id: str | None = None,
    ) -> Update:
        """Return the write that ends a claimed code well, for the transaction with its tokens.

        It stays due until what follows from it is done too: see :meth:`settle`.
        """
        return self._end(
            code_sha256,
            claim_id,
            {
                "status": str(CodeStatus.DONE),
                "outcome_appid": authorizer_appid,
                **_named(tenant_id),
            },
        )

    def named(self, code: Code, tenant_id: str) -> Update:
        """Return the write that remembers who was named as the tenant of a code that has ended.

        It fails if somebody else has remembered somebody since the code was read.
        """
        return Update(
            self._key(code.code_sha256),
            condition=all_of(EXISTS, equals("tenant_id", code.tenant_id)),
            set=_named(tenant_id),
        )

    def fail(self, code_sha256: str, claim_id: str, wechat_errcode: int | None) -> None:
        """End a claimed code badly; nothing if it was taken by somebody else."""
        told: dict[str, Value] = {"status": str(CodeStatus.FAILED)}
        if wechat_errcode is not None:
            told["wechat_errcode"] = wechat_errcode
        try:
            self._table.write(self._end(code_sha256, claim_id, told, also_gone=_DUE))
        except ConditionFailedError:
            return

    def settle(self, code: Code, *, tenant_id: str | None = None) -> None:
        """Take an ended code out of the index, if nothing more became known since it was read."""
        update = Update(
            self._key(code.code_sha256),
            condition=all_of(
                any_of(equals("status", CodeStatus.DONE), equals("status", CodeStatus.FAILED)),
                equals("due_at", code.due_at),
            ),
            set=_named(tenant_id),
            remove=_DUE,
        )
        try:
            self._table.write(update)
        except ConditionFailedError:
            return

    def _end(
        self,
        code_sha256: str,
        claim_id: str,
        told: dict[str, Value],
        *,
        also_gone: frozenset[str] = frozenset(),
    ) -> Update:
        return Update(
            self._key(code_sha256),
            condition=all_of(equals("status", CodeStatus.CLAIMED), equals("claim_id", claim_id)),
            set=told,
            # A spent code is no use to anybody, so it does not stay.
            remove=frozenset({"claim_until", _CODE, SEALED_KEY}) | also_gone,
        )

    def _due(self, code_sha256: str, due_at: float) -> dict[str, Value]:
        shard = due_shard(self._component_appid, self._key(code_sha256).pk)
        return {"due_at": due_at, "due_shard": shard}

    def _key(self, code_sha256: str) -> Key:
        return code_key(self._component_appid, code_sha256)


def _named(tenant_id: str | None) -> dict[str, Value]:
    return {} if tenant_id is None else {"tenant_id": tenant_id}


def _read(code_sha256: str, item: Item) -> Code:
    return Code(
        code_sha256=code_sha256,
        status=CodeStatus(text(item.get("status")) or CodeStatus.FAILED),
        received_at=number(item.get("received_at")) or 0.0,
        authorizer_appid=text(item.get("authorizer_appid")),
        create_time=whole(item.get("create_time")),
        pre_auth_sha256=text(item.get("pre_auth_sha256")),
        session_sha256=text(item.get("session_sha256")),
        registration_sha256=text(item.get("registration_sha256")),
        claim_id=text(item.get("claim_id")),
        claim_until=number(item.get("claim_until")),
        due_at=number(item.get("due_at")),
        unanswered=whole(item.get("unanswered")) or 0,
        returns=whole(item.get("returns")) or 0,
        blind=item.get("blind") is True,
        outcome_appid=text(item.get("outcome_appid")),
        tenant_id=text(item.get("tenant_id")),
        wechat_errcode=whole(item.get("wechat_errcode")),
        item=item,
    )
